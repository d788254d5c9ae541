/* SPDX-License-Identifier: MIT */
/*
 * lint_script.h - whether a runner can run a script at all.
 */
#ifndef DB_AUTHOR_LINT_SCRIPT_H
#define DB_AUTHOR_LINT_SCRIPT_H

#include "db/author/lint_finding.h"
#include "db/author/lint_statement.h"

/* Reports bytes that are no SQL text. Returns false if there are any: then nothing more can be said
 * of the script. */
bool slu_lint_bytes(struct slu_lint *lint, const char *text, size_t size);

/* Reports strings and comments without their end, psql's commands, COPY from or to the client. */
void slu_lint_syntax(struct slu_lint *lint, const struct slu_lint_statements *statements,
                     const char *text, size_t size);

/* Reports an empty script, transaction control, and statements that have to be alone but are not.
 * An allowance anywhere in an empty script answers that it is empty. */
void slu_lint_transactions(struct slu_lint *lint, const struct slu_lint_statements *statements,
                           const char *text);

#endif
