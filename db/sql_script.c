/* SPDX-License-Identifier: MIT */
/* sql_script.c - walks a SQL script token by token, and notes what stands where. An unfinished
 * token ends with the script, and the server will say so. */
#include "db/sql_script.h"

#include "db/sql_token.h"

#include <ctype.h>
#include <string.h>

/* How deep the walk is inside a statement. */
struct nesting {
	size_t parentheses;
	size_t blocks; /* BEGIN ATOMIC, and the CASEs within it */
	bool begin;    /* the word before was BEGIN */
};

static void see_word(struct slu_sql_statement *statement, struct nesting *nesting, const char *text,
                     const struct slu_sql_token *word)
{
	if (slu_sql_is(text, word, "CONCURRENTLY"))
		statement->concurrently = true;
	if (slu_sql_is(text, word, "STDIN") || slu_sql_is(text, word, "STDOUT"))
		statement->standard = true;
	if (nesting->begin && slu_sql_is(text, word, "ATOMIC"))
		nesting->blocks++;
	else if (nesting->blocks > 0 && slu_sql_is(text, word, "CASE"))
		nesting->blocks++;
	else if (nesting->blocks > 0 && slu_sql_is(text, word, "END"))
		nesting->blocks--;
	nesting->begin = slu_sql_is(text, word, "BEGIN") && strcmp(statement->first, "CREATE") == 0;
}

static void copy_word(char *copy, const char *word, size_t size)
{
	size_t i;

	for (i = 0; i < size && i < SLU_SQL_WORD_SIZE - 1; i++)
		copy[i] = (char)toupper((unsigned char)word[i]);
	copy[i] = '\0';
}

static void see_token(struct slu_sql_statement *statement, struct nesting *nesting, size_t number,
                      const char *text, const struct slu_sql_token *token)
{
	if (slu_sql_is(text, token, "(")) {
		nesting->parentheses++;
	} else if (slu_sql_is(text, token, ")") && nesting->parentheses > 0) {
		nesting->parentheses--;
	} else if (token->kind == SLU_SQL_WORD) {
		if (number == 0)
			copy_word(statement->first, text + token->offset, token->size);
		if (number == 1)
			copy_word(statement->second, text + token->offset, token->size);
		see_word(statement, nesting, text, token);
	}
}

bool slu_sql_next(struct slu_sql_scan *scan, struct slu_sql_statement *statement)
{
	struct nesting nesting = {0, 0, false};
	size_t tokens = 0;

	memset(statement, 0, sizeof(*statement));
	for (;;) {
		struct slu_sql_token token = slu_sql_token(scan->text, scan->size, scan->at);

		scan->at = token.offset + token.size;
		if (token.kind == SLU_SQL_COMMENT)
			continue;
		if (token.kind == SLU_SQL_END)
			return tokens > 0;
		if (slu_sql_is(scan->text, &token, ";") && nesting.parentheses == 0 &&
		    nesting.blocks == 0) {
			if (tokens > 0)
				return true;
			continue;
		}
		if (tokens == 0)
			statement->offset = token.offset;
		see_token(statement, &nesting, tokens++, scan->text, &token);
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
