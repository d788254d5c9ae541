/* SPDX-License-Identifier: MIT */
/*
 * lint_statement.h - a statement as a row of tokens, and a walk along it.
 *
 * No grammar: lint asks whether words follow one another. What it does not know it passes over.
 */
#ifndef DB_AUTHOR_LINT_STATEMENT_H
#define DB_AUTHOR_LINT_STATEMENT_H

#include "db/sql_script.h"
#include "db/sql_token.h"

#include <sluice/sluice.h>

#define SLU_LINT_ALLOWANCE "-- sluice: allow"

struct slu_lint_statement {
	const char *text; /* the whole script's */
	struct slu_sql_statement about;
	size_t end;                   /* in `text`, behind its semicolon */
	struct slu_sql_token *tokens; /* without comments and without the semicolon */
	size_t count;
	bool allowed; /* by a comment on it or above it */
};

/* All statements of a script. */
struct slu_lint_statements {
	struct slu_lint_statement *all;
	size_t count;
};

/* Returns SLUICE_OK, or SLUICE_FAILED when out of memory. Free them in any case. */
SLUICE_MUST_CHECK enum sluice_status
slu_lint_statements_read(struct slu_lint_statements *statements, const char *text, size_t size,
                         struct sluice_error *error);
void slu_lint_statements_free(struct slu_lint_statements *statements);

/* A part of a statement: from `at` up to `end`, indexes of tokens. Walking moves `at`. */
struct slu_lint_walk {
	const struct slu_lint_statement *statement;
	size_t at;
	size_t end;
};

struct slu_lint_walk slu_lint_walk_begin(const struct slu_lint_statement *statement);

/* The line on which the walk is. */
size_t slu_lint_walk_line(const struct slu_lint_walk *walk);

/* Steps over `words` ("IF NOT EXISTS") if they are next; else returns false and stays. */
bool slu_lint_take(struct slu_lint_walk *walk, const char *words);

/* Steps over a name, with its schema if there is one, and tells its last part. */
bool slu_lint_take_name(struct slu_lint_walk *walk, struct slu_sql_token *name);

/* Whether `words` come somewhere in the walk, outside of parentheses. */
bool slu_lint_has(const struct slu_lint_walk *walk, const char *words);

/* Cuts the part up to the next comma outside of parentheses off, and steps over the comma. Returns
 * false when nothing is left. */
bool slu_lint_next_part(struct slu_lint_walk *walk, struct slu_lint_walk *part);

/* Whether two names, quoted or not, are the same to the server. */
bool slu_lint_same_name(const char *text, const struct slu_sql_token *left,
                        const struct slu_sql_token *right);

#endif
