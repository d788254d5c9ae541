/* SPDX-License-Identifier: MIT */
/* sql_script.c - walks a SQL script token by token.
 * Each skip function takes the offset of a token's first byte and returns that of the byte after
 * its last; an unfinished token ends with the script, and the server will say so. */
#include "db/sql_script.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_word_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word_part(char c)
{
	return is_word_start(c) || isdigit((unsigned char)c) || c == '$';
}

static bool starts_with(const struct slu_sql_scan *scan, size_t at, const char *what)
{
	size_t size = strlen(what);

	return scan->size - at >= size && memcmp(scan->text + at, what, size) == 0;
}

static size_t skip_line_comment(const struct slu_sql_scan *scan, size_t at)
{
	while (at < scan->size && scan->text[at] != '\n')
		at++;
	return at;
}

static size_t skip_block_comment(const struct slu_sql_scan *scan, size_t at)
{
	size_t depth = 0;

	while (at < scan->size) {
		if (starts_with(scan, at, "/*")) {
			depth++;
			at += 2;
		} else if (starts_with(scan, at, "*/")) {
			depth--;
			at += 2;
			if (depth == 0)
				break;
		} else {
			at++;
		}
	}
	return at;
}

/* A doubled quote needs no case of its own: it reads as two strings side by side. */
static size_t skip_quoted(const struct slu_sql_scan *scan, size_t at, bool backslash_escapes)
{
	char quote = scan->text[at++];

	while (at < scan->size && scan->text[at] != quote) {
		if (backslash_escapes && scan->text[at] == '\\' && at + 1 < scan->size)
			at++;
		at++;
	}
	return at < scan->size ? at + 1 : at;
}

/* $$ .. $$ or $tag$ .. $tag$; a lone $ (as in $1) is passed over. */
static size_t skip_dollar(const struct slu_sql_scan *scan, size_t at)
{
	size_t begin = at++;
	size_t tag_size;

	if (at < scan->size && is_word_start(scan->text[at])) {
		while (at < scan->size && is_word_part(scan->text[at]) && scan->text[at] != '$')
			at++;
	}
	if (at >= scan->size || scan->text[at] != '$')
		return begin + 1;
	at++;
	tag_size = at - begin;
	for (; scan->size - at >= tag_size; at++) {
		if (memcmp(scan->text + at, scan->text + begin, tag_size) == 0)
			return at + tag_size;
	}
	return scan->size;
}

/* Also numbers with what clings to them, so that 1e5 is not a 1 and a word. */
static size_t skip_word(const struct slu_sql_scan *scan, size_t at)
{
	while (at < scan->size && is_word_part(scan->text[at]))
		at++;
	return at;
}

/* Blanks and comments; returns `at` itself when there are none. */
static size_t skip_blank(const struct slu_sql_scan *scan, size_t at)
{
	for (;;) {
		if (at < scan->size && isspace((unsigned char)scan->text[at]))
			at++;
		else if (starts_with(scan, at, "--"))
			at = skip_line_comment(scan, at);
		else if (starts_with(scan, at, "/*"))
			at = skip_block_comment(scan, at);
		else
			return at;
	}
}

static size_t skip_token(const struct slu_sql_scan *scan, size_t at)
{
	char c = scan->text[at];

	if (c == '\'' || c == '"')
		return skip_quoted(scan, at, false);
	if ((c == 'e' || c == 'E') && starts_with(scan, at + 1, "'"))
		return skip_quoted(scan, at + 1, true);
	if (c == '$')
		return skip_dollar(scan, at);
	if (is_word_part(c))
		return skip_word(scan, at);
	return at + 1;
}

/* How deep the walk is inside a statement. */
struct nesting {
	size_t parentheses;
	size_t blocks; /* BEGIN ATOMIC, and the CASEs within it */
	bool begin;    /* the word before was BEGIN */
};

static bool is(const char *word, size_t size, const char *name)
{
	return size == strlen(name) && strncasecmp(word, name, size) == 0;
}

static void see_word(struct slu_sql_statement *statement, struct nesting *nesting, const char *word,
                     size_t size)
{
	if (is(word, size, "CONCURRENTLY"))
		statement->concurrently = true;
	if (is(word, size, "STDIN") || is(word, size, "STDOUT"))
		statement->standard = true;
	if (nesting->begin && is(word, size, "ATOMIC"))
		nesting->blocks++;
	else if (nesting->blocks > 0 && is(word, size, "CASE"))
		nesting->blocks++;
	else if (nesting->blocks > 0 && is(word, size, "END"))
		nesting->blocks--;
	nesting->begin = is(word, size, "BEGIN") && strcmp(statement->first, "CREATE") == 0;
}

static void copy_word(char *copy, const char *word, size_t size)
{
	size_t i;

	for (i = 0; i < size && i < SLU_SQL_WORD_SIZE - 1; i++)
		copy[i] = (char)toupper((unsigned char)word[i]);
	copy[i] = '\0';
}

static void see_token(struct slu_sql_statement *statement, struct nesting *nesting, size_t number,
                      const char *token, size_t size)
{
	if (token[0] == '(') {
		nesting->parentheses++;
	} else if (token[0] == ')' && nesting->parentheses > 0) {
		nesting->parentheses--;
	} else if (is_word_start(token[0]) && memchr(token, '\'', size) == NULL) {
		if (number == 0)
			copy_word(statement->first, token, size);
		if (number == 1)
			copy_word(statement->second, token, size);
		see_word(statement, nesting, token, size);
	}
}

bool slu_sql_next(struct slu_sql_scan *scan, struct slu_sql_statement *statement)
{
	struct nesting nesting = {0, 0, false};
	size_t tokens = 0;

	memset(statement, 0, sizeof(*statement));
	for (;;) {
		size_t begin = skip_blank(scan, scan->at);
		size_t end;

		if (begin >= scan->size) {
			scan->at = scan->size;
			return tokens > 0;
		}
		end = skip_token(scan, begin);
		scan->at = end;
		if (scan->text[begin] == ';' && nesting.parentheses == 0 && nesting.blocks == 0) {
			if (tokens > 0)
				return true;
			continue;
		}
		if (tokens == 0)
			statement->offset = begin;
		see_token(statement, &nesting, tokens++, scan->text + begin, end - begin);
	}
}

size_t slu_sql_line(const char *text, size_t offset)
{
	size_t line = 1;
	size_t i;

	for (i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

size_t slu_sql_offset(const char *text, size_t size, size_t character)
{
	size_t seen = 0;
	size_t i;

	for (i = 0; i < size; i++) {
		bool continues = ((unsigned char)text[i] & 0xc0) == 0x80;

		if (!continues && ++seen == character)
			return i;
	}
	return size;
}
