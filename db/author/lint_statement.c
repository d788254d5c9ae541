/* SPDX-License-Identifier: MIT */
/* lint_statement.c - collects the tokens of each statement, and walks along them. */
#include "db/author/lint_statement.h"

#include <sluice/sink.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 64 /* the server cuts names to 63 bytes */

/* ---- read ---- */

/* Whether a comment that begins in [`begin`, `end`) is an allowance. */
static bool has_allowance(const char *text, size_t size, size_t begin, size_t end)
{
	for (;;) {
		struct slu_sql_token token = slu_sql_token(text, size, begin);

		if (token.kind == SLU_SQL_END || token.offset >= end)
			return false;
		if (token.kind == SLU_SQL_COMMENT && token.size >= strlen(SLU_LINT_ALLOWANCE) &&
		    memcmp(text + token.offset, SLU_LINT_ALLOWANCE, strlen(SLU_LINT_ALLOWANCE)) ==
		            0)
			return true;
		begin = token.offset + token.size;
	}
}

static size_t line_end(const char *text, size_t size, size_t at)
{
	while (at < size && text[at] != '\n')
		at++;
	return at;
}

/* The comment above a statement begins on the line after the one before it, whose own comment may
 * stand behind its semicolon. */
static bool is_allowed(const struct slu_lint_statements *before,
                       const struct slu_lint_statement *statement, size_t size)
{
	size_t begin = 0;

	if (before->count > 0)
		begin = line_end(statement->text, size, before->all[before->count - 1].end);
	if (begin > statement->about.offset)
		begin = statement->about.offset;
	return has_allowance(statement->text, size, begin,
	                     line_end(statement->text, size, statement->end));
}

static bool collect(struct slu_lint_statement *statement)
{
	size_t at = statement->about.offset;
	struct slu_sql_token *tokens;

	for (;;) {
		struct slu_sql_token token = slu_sql_token(statement->text, statement->end, at);

		if (token.kind == SLU_SQL_END)
			break;
		at = token.offset + token.size;
		if (token.kind == SLU_SQL_COMMENT)
			continue;
		tokens = reallocarray(statement->tokens, statement->count + 1, sizeof(*tokens));
		if (tokens == NULL)
			return false;
		statement->tokens = tokens;
		tokens[statement->count++] = token;
	}
	if (statement->count > 0 &&
	    slu_sql_is(statement->text, &statement->tokens[statement->count - 1], ";"))
		statement->count--;
	return true;
}

enum sluice_status slu_lint_statements_read(struct slu_lint_statements *statements,
                                            const char *text, size_t size,
                                            struct sluice_error *error)
{
	struct slu_sql_scan scan = {text, size, 0};
	struct slu_lint_statement statement = {.text = text};
	struct slu_lint_statement *all;

	*statements = (struct slu_lint_statements){NULL, 0};
	while (slu_sql_next(&scan, &statement.about)) {
		statement.end = scan.at;
		statement.allowed = is_allowed(statements, &statement, size);
		all = reallocarray(statements->all, statements->count + 1, sizeof(*all));
		if (all == NULL)
			return sluice_error_set(error, SLUICE_FAILED, "out of memory");
		statements->all = all;
		all[statements->count] = statement;
		if (!collect(&all[statements->count++]))
			return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	}
	return SLUICE_OK;
}

void slu_lint_statements_free(struct slu_lint_statements *statements)
{
	size_t i;

	for (i = 0; i < statements->count; i++)
		free(statements->all[i].tokens);
	free(statements->all);
	*statements = (struct slu_lint_statements){NULL, 0};
}

/* ---- walk ---- */

struct slu_lint_walk slu_lint_walk_begin(const struct slu_lint_statement *statement)
{
	return (struct slu_lint_walk){statement, 0, statement->count};
}

size_t slu_lint_walk_line(const struct slu_lint_walk *walk)
{
	const struct slu_lint_statement *statement = walk->statement;
	size_t offset = walk->at < walk->end ? statement->tokens[walk->at].offset
	                                     : statement->about.offset;

	return slu_sql_line(statement->text, offset);
}

bool slu_lint_take(struct slu_lint_walk *walk, const char *words)
{
	size_t at = walk->at;
	char word[32];

	while (*words != '\0') {
		size_t size = strcspn(words, " ");

		memcpy(word, words, size);
		word[size] = '\0';
		if (at == walk->end ||
		    !slu_sql_is(walk->statement->text, &walk->statement->tokens[at], word))
			return false;
		at++;
		words += size + (words[size] == ' ');
	}
	walk->at = at;
	return true;
}

bool slu_lint_take_name(struct slu_lint_walk *walk, struct slu_sql_token *name)
{
	bool found = false;

	do {
		const struct slu_sql_token *token = &walk->statement->tokens[walk->at];

		if (walk->at == walk->end ||
		    (token->kind != SLU_SQL_WORD && token->kind != SLU_SQL_QUOTED))
			return found;
		*name = *token;
		found = true;
		walk->at++;
	} while (slu_lint_take(walk, "."));
	return found;
}

/* How the token at `at` changes the depth of parentheses. */
static int depth_step(const struct slu_lint_statement *statement, size_t at)
{
	const struct slu_sql_token *token = &statement->tokens[at];

	if (slu_sql_is(statement->text, token, "(") || slu_sql_is(statement->text, token, "["))
		return 1;
	if (slu_sql_is(statement->text, token, ")") || slu_sql_is(statement->text, token, "]"))
		return -1;
	return 0;
}

bool slu_lint_has(const struct slu_lint_walk *walk, const char *words)
{
	struct slu_lint_walk at = *walk;
	int depth = 0;

	for (; at.at < at.end; at.at++) {
		struct slu_lint_walk here = at;

		if (depth == 0 && slu_lint_take(&here, words))
			return true;
		depth += depth_step(at.statement, at.at);
	}
	return false;
}

bool slu_lint_next_part(struct slu_lint_walk *walk, struct slu_lint_walk *part)
{
	int depth = 0;

	if (walk->at == walk->end)
		return false;
	*part = *walk;
	for (; walk->at < walk->end; walk->at++) {
		depth += depth_step(walk->statement, walk->at);
		part->end = walk->at;
		if (depth == 0 && slu_lint_take(walk, ","))
			return true;
	}
	part->end = walk->end;
	return true;
}

/* ---- names ---- */

/* The name as the server keeps it: small without quotes, as it is within them. */
static void fold(const char *text, const struct slu_sql_token *name, char folded[NAME_SIZE])
{
	bool quoted = name->kind == SLU_SQL_QUOTED;
	size_t size = 0;
	size_t i;

	for (i = 0; i < name->size && size < NAME_SIZE - 1; i++) {
		char c = text[name->offset + i];

		if (quoted && c == '"')
			continue;
		folded[size++] = quoted ? c : (char)tolower((unsigned char)c);
	}
	folded[size] = '\0';
}

bool slu_lint_same_name(const char *text, const struct slu_sql_token *left,
                        const struct slu_sql_token *right)
{
	char left_folded[NAME_SIZE];
	char right_folded[NAME_SIZE];

	fold(text, left, left_folded);
	fold(text, right, right_folded);
	return strcmp(left_folded, right_folded) == 0;
}
