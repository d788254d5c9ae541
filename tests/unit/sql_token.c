/* SPDX-License-Identifier: MIT */
/* sql_token.c - SQL is cut where the server cuts it. */
#include "db/sql_token.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Writes each token as "kind:text", blanks between; an unfinished one has a ! behind its kind. */
static const char *cut(const char *text)
{
	static const char kinds[] = "ewqsnpo.c";
	static char seen[512];
	struct slu_sql_token token = slu_sql_token(text, strlen(text), 0);
	size_t used = 0;

	seen[0] = '\0';
	for (; token.kind != SLU_SQL_END;
	     token = slu_sql_token(text, strlen(text), token.offset + token.size))
		used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%s%c%s:%.*s",
		                         used > 0 ? " " : "", kinds[token.kind],
		                         token.unfinished ? "!" : "", (int)token.size,
		                         text + token.offset);
	return seen;
}

struct pair {
	const char *text;
	const char *tokens;
};

static void check(const struct pair *pairs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const char *seen = cut(pairs[i].text);

		cr_expect_str_eq(seen, pairs[i].tokens, "%s gave %s", pairs[i].text, seen);
	}
}

#define CHECK(pairs) check(pairs, sizeof(pairs) / sizeof((pairs)[0]))

Test(sql_token, words_numbers_and_signs)
{
	static const struct pair pairs[] = {
		{"", ""},
		{" \n\t", ""},
		{"SELECT a.b$1", "w:SELECT w:a .:. w:b$1"},
		{"\xc3\xa9t\xc3\xa9_1", "w:\xc3\xa9t\xc3\xa9_1"},
		{"f(a[1:2]);", "w:f .:( w:a .:[ n:1 .:: n:2 .:] .:) .:;"},
		{"1 1.5 .5 1e5 1.e-5 1E+5 0x1f 1..10", "n:1 n:1.5 n:.5 n:1e5 n:1.e-5 n:1E+5 n:0x1f "
	                                               "n:1 .:.. n:10"},
		{"1e-x", "n:1e o:- w:x"},
		{"$1 $23x $ 5", "p:$1 p:$23x .:$ n:5"},
		{"a::int, b:=1", "w:a .::: w:int .:, w:b .::= n:1"},
	};

	CHECK(pairs);
}

Test(sql_token, strings_end_at_their_own_quote)
{
	static const struct pair pairs[] = {
		{"'it''s' x", "s:'it''s' w:x"},
		{"'a\\' x", "s:'a\\' w:x"},
		{"E'a\\'b' x", "s:E'a\\'b' w:x"},
		{"e'\\\\' x", "s:e'\\\\' w:x"},
		{"U&'a\\' u&\"b\" x", "s:U&'a\\' q:u&\"b\" w:x"},
		{"B'01' x'1F' n'a' b", "s:B'01' s:x'1F' s:n'a' w:b"},
		{"name'a'", "w:name s:'a'"},
		{"\"a\"\"b\" \"-- c\"", "q:\"a\"\"b\" q:\"-- c\""},
		{"$$a'b$$ $t$ $$ $u$ $t$ x", "s:$$a'b$$ s:$t$ $$ $u$ $t$ w:x"},
		{"a$b$c", "w:a$b$c"},
		{"U & 'a'", "w:U o:& s:'a'"},
	};

	CHECK(pairs);
}

Test(sql_token, operators_are_as_long_as_the_server_takes_them)
{
	static const struct pair pairs[] = {
		{"a@>b", "w:a o:@> w:b"},
		{"a <@ b", "w:a o:<@ w:b"},
		{"a @@ b @- c", "w:a o:@@ w:b o:@- w:c"},
		{"a=@b", "w:a o:=@ w:b"},
		{"|/4", "o:|/ n:4"},
		{"a*-b", "w:a o:* o:- w:b"},
		{"a @-b", "w:a o:@- w:b"},
		{"a<-1", "w:a o:< o:- n:1"},
		{"a--b", "w:a c:--b"},
		{"a+/*b*/c", "w:a o:+ c:/*b*/ w:c"},
		{"a->>'b'", "w:a o:->> s:'b'"},
		{"(@a)", ".:( o:@ w:a .:)"},
		{"a||b", "w:a o:|| w:b"},
	};

	CHECK(pairs);
}

Test(sql_token, comments_end_with_their_line_or_block)
{
	static const struct pair pairs[] = {
		{"-- it's\nx", "c:-- it's w:x"},
		{"/* a /* b */ c */ x", "c:/* a /* b */ c */ w:x"},
		{"/**/x", "c:/**/ w:x"},
	};

	CHECK(pairs);
}

Test(sql_token, what_the_end_cuts_off_is_unfinished)
{
	static const struct pair pairs[] = {
		{"'a", "s!:'a"},
		{"\"a", "q!:\"a"},
		{"E'\\", "s!:E'\\"},
		{"$a$ $a", "s!:$a$ $a"},
		{"/* /* */", "c!:/* /* */"},
		{"'a''", "s!:'a''"},
		{"$", ".:$"},
		{"-", "o:-"},
		{"U&'", "s!:U&'"},
		{"$a", ".:$ w:a"},
	};

	CHECK(pairs);
}

Test(sql_token, a_word_is_one_in_any_case_but_not_in_quotes)
{
	const char *text = "Select \"select\" 'select' ::";
	struct slu_sql_token word = slu_sql_token(text, strlen(text), 0);
	struct slu_sql_token quoted = slu_sql_token(text, strlen(text), 6);
	struct slu_sql_token string = slu_sql_token(text, strlen(text), 15);
	struct slu_sql_token sign = slu_sql_token(text, strlen(text), 24);

	cr_assert(slu_sql_is(text, &word, "SELECT"));
	cr_assert_not(slu_sql_is(text, &word, "SELECTS"));
	cr_assert_not(slu_sql_is(text, &quoted, "\"select\""));
	cr_assert_not(slu_sql_is(text, &string, "'select'"));
	cr_assert(slu_sql_is(text, &sign, "::"));
	cr_assert_not(slu_sql_is(text, &sign, ":"));
}
