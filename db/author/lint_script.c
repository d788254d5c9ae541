/* SPDX-License-Identifier: MIT */
/* lint_script.c - text, syntax as far as tokens tell it, transactions. */
#include "db/author/lint_script.h"

#include "db/migrate/migration_script.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

/* The size of the UTF-8 character that begins at `at`; 0 when none does. What is too long, too
 * large or half of a surrogate pair is none, as for the server. */
static size_t character_size(const char *text, size_t size, size_t at)
{
	const unsigned char *bytes = (const unsigned char *)text + at;
	unsigned char lead = bytes[0];
	size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	size_t i;

	if (length == 0 || lead > 0xf4 || size - at < length)
		return 0;
	for (i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((lead == 0xe0 && bytes[1] < 0xa0) || (lead == 0xed && bytes[1] > 0x9f) ||
	    (lead == 0xf0 && bytes[1] < 0x90) || (lead == 0xf4 && bytes[1] > 0x8f))
		return 0;
	return length;
}

bool slu_lint_bytes(struct slu_lint *lint, const char *text, size_t size)
{
	size_t at = 0;

	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		slu_lint_find(lint, 1,
		              "begins with a byte order mark, at which the server fails; "
		              "save it as UTF-8 without one");
		return false;
	}
	while (at < size) {
		size_t length = character_size(text, size, at);

		if (text[at] == '\0') {
			slu_lint_find(lint, slu_sql_line(text, at),
			              "holds a NUL byte, which SQL cannot; if it is UTF-16, save "
			              "it as UTF-8");
			return false;
		}
		if (length == 0) {
			slu_lint_find(lint, slu_sql_line(text, at),
			              "holds a byte that is not UTF-8; save it as UTF-8");
			return false;
		}
		at += length;
	}
	return true;
}

/* ---- syntax ---- */

static void find_unfinished(struct slu_lint *lint, const char *text, size_t size)
{
	size_t at = 0;

	for (;;) {
		struct slu_sql_token token = slu_sql_token(text, size, at);

		if (token.kind == SLU_SQL_END)
			return;
		if (token.unfinished) {
			slu_lint_find(lint, slu_sql_line(text, token.offset),
			              "a %s begins here and has no end; close it",
			              token.kind == SLU_SQL_COMMENT  ? "comment"
			              : token.kind == SLU_SQL_QUOTED ? "quoted name"
			                                             : "string");
			return;
		}
		at = token.offset + token.size;
	}
}

void slu_lint_syntax(struct slu_lint *lint, const struct slu_lint_statements *statements,
                     const char *text, size_t size)
{
	size_t i;

	find_unfinished(lint, text, size);
	for (i = 0; i < statements->count; i++) {
		const struct slu_lint_statement *statement = &statements->all[i];
		size_t line = slu_sql_line(text, statement->about.offset);

		if (text[statement->about.offset] == '\\')
			slu_lint_find(lint, line,
			              "a command of psql, which is not SQL; say it in "
			              "SQL");
		if (statement->about.standard && strcmp(statement->about.first, "COPY") == 0)
			slu_lint_find(lint, line,
			              "COPY from STDIN or to STDOUT needs a client that sends or "
			              "takes the rows; write INSERT");
	}
}

/* ---- transactions ---- */

static bool controls_transaction(const struct slu_lint_statement *statement)
{
	static const char *const controls[] = {
		"BEGIN", "START TRANSACTION",   "COMMIT",   "END",
		"ABORT", "PREPARE TRANSACTION", "ROLLBACK",
	};
	struct slu_lint_walk walk = slu_lint_walk_begin(statement);
	size_t i;

	for (i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		if (slu_lint_take(&walk, controls[i]))
			return !slu_lint_take(&walk, "TO"); /* a savepoint */
	}
	return false;
}

/* Whether this statement, by itself, needs to be outside of a transaction: the runner knows. */
static bool needs_no_transaction(const struct slu_lint_statement *statement)
{
	size_t size = statement->end - statement->about.offset;
	struct slu_migration_script alone = {
		.text = strndup(statement->text + statement->about.offset, size), .size = size};
	bool answer = alone.text != NULL && slu_migration_script_alone(&alone);

	free(alone.text);
	return answer;
}

void slu_lint_transactions(struct slu_lint *lint, const struct slu_lint_statements *statements,
                           const char *text)
{
	size_t i;

	if (statements->count == 0 && strstr(text, SLU_LINT_ALLOWANCE) == NULL)
		slu_lint_find(lint, 1,
		              "does nothing; write the script, or say why there is "
		              "nothing to do: " SLU_LINT_ALLOWANCE);
	for (i = 0; i < statements->count; i++) {
		const struct slu_lint_statement *statement = &statements->all[i];
		size_t line = slu_sql_line(text, statement->about.offset);

		if (controls_transaction(statement))
			slu_lint_find(lint, line,
			              "%s: transaction control in a script, which then is not one "
			              "transaction with its version; take it out",
			              statement->about.first);
		else if (statements->count > 1 && needs_no_transaction(statement))
			slu_lint_find(lint, line,
			              "%s .. can't be in a transaction, and other statements are "
			              "in the same script; move it to a migration of its own",
			              statement->about.first);
	}
}
