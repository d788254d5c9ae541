/* SPDX-License-Identifier: MIT */
/* sql_token.c - one token at a time, after the rules of the server's own scanner.
 * Each end_of function takes the offset of a token's first byte and returns that of the byte after
 * its last; one that the text cuts off ends with it and says so in `unfinished`. */
#include "db/sql_token.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct text {
	const char *bytes;
	size_t size;
	bool unfinished;
};

bool slu_sql_begins_word(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

bool slu_sql_continues_word(char c)
{
	return slu_sql_begins_word(c) || isdigit((unsigned char)c) || c == '$';
}

static bool is_operator(char c)
{
	return c != '\0' && strchr("+-*/<>=~!@#%^&|`?", c) != NULL;
}

static bool is_digit(const struct text *text, size_t at)
{
	return at < text->size && isdigit((unsigned char)text->bytes[at]);
}

static bool starts_with(const struct text *text, size_t at, const char *what)
{
	size_t size = strlen(what);

	return at <= text->size && text->size - at >= size &&
	       memcmp(text->bytes + at, what, size) == 0;
}

static size_t end_of_line(const struct text *text, size_t at)
{
	while (at < text->size && text->bytes[at] != '\n')
		at++;
	return at;
}

static size_t end_of_block(struct text *text, size_t at)
{
	size_t depth = 0;

	while (at < text->size) {
		if (starts_with(text, at, "/*")) {
			depth++;
			at += 2;
		} else if (starts_with(text, at, "*/")) {
			depth--;
			at += 2;
			if (depth == 0)
				return at;
		} else {
			at++;
		}
	}
	text->unfinished = true;
	return at;
}

/* `at` is that of the opening quote. */
static size_t end_of_quoted(struct text *text, size_t at, bool backslash_escapes)
{
	char quote = text->bytes[at++];

	for (; at < text->size; at++) {
		if (backslash_escapes && text->bytes[at] == '\\' && at + 1 < text->size)
			at++;
		else if (text->bytes[at] == quote && at + 1 < text->size &&
		         text->bytes[at + 1] == quote)
			at++;
		else if (text->bytes[at] == quote)
			return at + 1;
	}
	text->unfinished = true;
	return at;
}

/* $$ .. $$ or $tag$ .. $tag$; or the $ alone when it opens no string. */
static size_t end_of_dollar(struct text *text, size_t at)
{
	size_t begin = at++;
	size_t tag_size;

	if (at < text->size && slu_sql_begins_word(text->bytes[at])) {
		while (at < text->size && slu_sql_continues_word(text->bytes[at]) &&
		       text->bytes[at] != '$')
			at++;
	}
	if (at >= text->size || text->bytes[at] != '$')
		return begin + 1;
	at++;
	tag_size = at - begin;
	for (; text->size - at >= tag_size; at++) {
		if (memcmp(text->bytes + at, text->bytes + begin, tag_size) == 0)
			return at + tag_size;
	}
	text->unfinished = true;
	return text->size;
}

static size_t end_of_word(const struct text *text, size_t at)
{
	while (at < text->size && slu_sql_continues_word(text->bytes[at]))
		at++;
	return at;
}

/* 1..10 is a number, two points and a number. */
static size_t end_of_number(const struct text *text, size_t at)
{
	while (is_digit(text, at))
		at++;
	if (starts_with(text, at, ".") && !starts_with(text, at, ".."))
		at++;
	while (is_digit(text, at))
		at++;
	if (at < text->size && (text->bytes[at] == 'e' || text->bytes[at] == 'E') &&
	    (starts_with(text, at + 1, "+") || starts_with(text, at + 1, "-")) &&
	    is_digit(text, at + 2))
		at += 2;
	return end_of_word(text, at);
}

/* A comment ends an operator. One of several bytes ends in + or - only if it also has one of
 * ~!@#%^&|`? in it: so that 1*-2 is three tokens before the 2. */
static size_t end_of_operator(const struct text *text, size_t at)
{
	size_t begin = at;
	size_t end = at;
	bool unusual = false;

	while (end < text->size && is_operator(text->bytes[end]) && !starts_with(text, end, "--") &&
	       !starts_with(text, end, "/*")) {
		unusual = unusual || strchr("~!@#%^&|`?", text->bytes[end]) != NULL;
		end++;
	}
	while (!unusual && end > begin + 1 &&
	       (text->bytes[end - 1] == '+' || text->bytes[end - 1] == '-'))
		end--;
	return end;
}

static enum slu_sql_kind prefixed(struct text *text, size_t at, size_t *end)
{
	bool escapes = starts_with(text, at, "e'") || starts_with(text, at, "E'");
	bool unicode = starts_with(text, at, "u&") || starts_with(text, at, "U&");
	size_t quote = at + (unicode ? 2 : 1);

	if (strchr("eEbBxXnN", text->bytes[at]) != NULL && starts_with(text, quote, "'")) {
		*end = end_of_quoted(text, quote, escapes);
		return SLU_SQL_STRING;
	}
	if (unicode && (starts_with(text, quote, "'") || starts_with(text, quote, "\""))) {
		*end = end_of_quoted(text, quote, false);
		return text->bytes[quote] == '"' ? SLU_SQL_QUOTED : SLU_SQL_STRING;
	}
	*end = end_of_word(text, at);
	return SLU_SQL_WORD;
}

static enum slu_sql_kind dollar(struct text *text, size_t at, size_t *end)
{
	if (is_digit(text, at + 1)) {
		*end = end_of_word(text, at + 1);
		return SLU_SQL_PARAMETER;
	}
	*end = end_of_dollar(text, at);
	return *end == at + 1 ? SLU_SQL_SIGN : SLU_SQL_STRING;
}

static enum slu_sql_kind sign(const struct text *text, size_t at, size_t *end)
{
	bool two = starts_with(text, at, "::") || starts_with(text, at, ":=") ||
	           starts_with(text, at, "..");

	*end = at + (two ? 2 : 1);
	return SLU_SQL_SIGN;
}

/* The token that begins at `at`, where there is no blank. */
static enum slu_sql_kind measure(struct text *text, size_t at, size_t *end)
{
	char c = text->bytes[at];

	if (starts_with(text, at, "--")) {
		*end = end_of_line(text, at);
		return SLU_SQL_COMMENT;
	}
	if (starts_with(text, at, "/*")) {
		*end = end_of_block(text, at);
		return SLU_SQL_COMMENT;
	}
	if (c == '\'' || c == '"') {
		*end = end_of_quoted(text, at, false);
		return c == '"' ? SLU_SQL_QUOTED : SLU_SQL_STRING;
	}
	if (slu_sql_begins_word(c))
		return prefixed(text, at, end);
	if (is_digit(text, at) || (c == '.' && is_digit(text, at + 1))) {
		*end = end_of_number(text, at);
		return SLU_SQL_NUMBER;
	}
	if (c == '$')
		return dollar(text, at, end);
	if (is_operator(c)) {
		*end = end_of_operator(text, at);
		return SLU_SQL_OPERATOR;
	}
	return sign(text, at, end);
}

struct slu_sql_token slu_sql_token(const char *bytes, size_t size, size_t at)
{
	struct text text = {bytes, size, false};
	struct slu_sql_token token = {SLU_SQL_END, false, size, 0};
	size_t end;

	while (at < size && isspace((unsigned char)bytes[at]))
		at++;
	if (at >= size)
		return token;
	token.kind = measure(&text, at, &end);
	token.unfinished = text.unfinished;
	token.offset = at;
	token.size = end - at;
	return token;
}

bool slu_sql_is(const char *text, const struct slu_sql_token *token, const char *what)
{
	return (token->kind == SLU_SQL_WORD || token->kind == SLU_SQL_OPERATOR ||
	        token->kind == SLU_SQL_SIGN) &&
	       token->size == strlen(what) &&
	       strncasecmp(text + token->offset, what, token->size) == 0;
}
