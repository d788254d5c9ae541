/* SPDX-License-Identifier: MIT */
/* migration_script.c - checks and runs one script.
 * The server tells the place of a mistake it found while reading, as a character number. What fails
 * later (a duplicate key, a DO block) has no place: then it is the statement after those that
 * succeeded. */
#include "db/migrate/migration_script.h"

#include <sluice/sink.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ACTIVE_SQL_TRANSACTION "25001" /* "X cannot run inside a transaction block" */
#define QUERY_CANCELED "57014"

/* ---- check ---- */

/* First words of statements that end a transaction, begin one, or can't be in one. */
static const struct {
	const char *first;
	const char *second; /* NULL for any */
} alone[] = {
	{"BEGIN", NULL},        {"START", "TRANSACTION"}, {"COMMIT", NULL},
	{"END", NULL},          {"ABORT", NULL},          {"PREPARE", "TRANSACTION"},
	{"ROLLBACK", NULL},     {"VACUUM", NULL},         {"ALTER", "SYSTEM"},
	{"CREATE", "DATABASE"}, {"DROP", "DATABASE"},     {"CREATE", "TABLESPACE"},
	{"DROP", "TABLESPACE"}, {"REINDEX", "DATABASE"},  {"REINDEX", "SCHEMA"},
	{"REINDEX", "SYSTEM"},  {"DISCARD", "ALL"},
};

/* CLUSTER of all tables needs to be alone, CLUSTER of one does not. */
static bool clusters_all(const struct slu_migration_script *script,
                         const struct slu_sql_statement *statement, size_t end)
{
	size_t at = statement->offset + strlen("CLUSTER");

	if (strcmp(statement->first, "CLUSTER") != 0)
		return false;
	while (at < end && isspace((unsigned char)script->text[at]))
		at++;
	return at == end || script->text[at] == ';';
}

static bool needs_to_be_alone(const struct slu_migration_script *script,
                              const struct slu_sql_statement *statement, size_t end)
{
	size_t i;

	/* Back to a savepoint */
	if (strcmp(statement->first, "ROLLBACK") == 0 && strcmp(statement->second, "TO") == 0)
		return false;
	/* REFRESH MATERIALIZED VIEW CONCURRENTLY may be in a transaction. */
	if (statement->concurrently && strcmp(statement->first, "REFRESH") != 0)
		return true;
	for (i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		if (strcmp(statement->first, alone[i].first) == 0 &&
		    (alone[i].second == NULL || strcmp(statement->second, alone[i].second) == 0))
			return true;
	}
	return clusters_all(script, statement, end);
}

/* Whether the directive is a line of its own in the first `size` bytes. */
static bool has_directive(const char *text, size_t size)
{
	static const char directive[] = SLU_MIGRATION_DIRECTIVE;
	size_t length = sizeof(directive) - 1;
	size_t at;

	for (at = 0; at + length <= size; at++) {
		if (memcmp(text + at, directive, length) == 0 && (at == 0 || text[at - 1] == '\n'))
			return text[at + length] == '\0' ||
			       isspace((unsigned char)text[at + length]);
	}
	return false;
}

bool slu_migration_script_alone(const struct slu_migration_script *script)
{
	struct slu_sql_scan scan = {script->text, script->size, 0};
	struct slu_sql_statement statement;
	bool first = true;

	for (; slu_sql_next(&scan, &statement); first = false) {
		if (first && has_directive(script->text, statement.offset))
			return true;
		if (needs_to_be_alone(script, &statement, scan.at))
			return true;
	}
	return false;
}

enum sluice_status slu_migration_script_check(const struct slu_migration_script *script,
                                              struct sluice_error *error)
{
	struct slu_sql_scan scan = {script->text, script->size, 0};
	struct slu_sql_statement statement;

	while (slu_sql_next(&scan, &statement)) {
		if (statement.standard && strcmp(statement.first, "COPY") == 0)
			return sluice_error_set(error, SLUICE_INVALID,
			                        "%s:%zu: COPY from STDIN or to STDOUT needs a "
			                        "client that sends or takes the rows: write INSERT "
			                        "instead. Nothing was applied",
			                        script->file,
			                        slu_sql_line(script->text, statement.offset));
	}
	return SLUICE_OK;
}

/* ---- run ---- */

/* Where statement number `index`, from 0, begins. */
static size_t statement_offset(const struct slu_migration_script *script, size_t index)
{
	struct slu_sql_scan scan = {script->text, script->size, 0};
	struct slu_sql_statement statement = {.offset = 0};
	size_t i;

	for (i = 0; i <= index && slu_sql_next(&scan, &statement); i++)
		;
	return statement.offset;
}

/* What a query of the script came to. */
struct outcome {
	enum sluice_status status;
	size_t succeeded; /* statements */
	char *position;   /* the server's, in characters of the query; NULL when it told none */
	char *message;
};

/* Runs `query` to its end. The first failure is kept. */
static struct outcome run_query(const char *query, PGconn *connection,
                                struct slu_migration_watch *watch, char sqlstate[SLU_SQLSTATE_SIZE])
{
	struct outcome outcome = {.status = SLUICE_OK};
	PGresult *result;

	sqlstate[0] = '\0';
	if (!PQsendQuery(connection, query)) {
		outcome.status = SLUICE_FAILED;
		outcome.message = strdup(PQerrorMessage(connection));
		return outcome;
	}
	while ((result = slu_migration_result(watch, connection)) != NULL) {
		ExecStatusType kind = PQresultStatus(result);

		if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) {
			outcome.succeeded++;
		} else if (kind != PGRES_EMPTY_QUERY && outcome.status == SLUICE_OK) {
			const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
			const char *place = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);

			outcome.status = SLUICE_FAILED;
			snprintf(sqlstate, SLU_SQLSTATE_SIZE, "%s", state != NULL ? state : "");
			outcome.message = strdup(
				state != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
					      : PQerrorMessage(connection));
			outcome.position = place != NULL ? strdup(place) : NULL;
		}
		PQclear(result);
		/* Can't be after the check. If it were, waiting for more results would never end;
		 * the ROLLBACK that follows gets libpq out of the COPY. */
		if (kind == PGRES_COPY_IN || kind == PGRES_COPY_OUT)
			break;
	}
	return outcome;
}

static void free_outcome(struct outcome *outcome)
{
	free(outcome->position);
	free(outcome->message);
}

/* `offset` is where the cause begins in the script, `then` what follows from it. */
static enum sluice_status tell_failure(const struct slu_migration_script *script, size_t offset,
                                       const struct outcome *outcome, const char *sqlstate,
                                       const char *then, struct sluice_error *error)
{
	size_t line = slu_sql_line(script->text, offset);
	const char *message = outcome->message != NULL ? outcome->message : "out of memory";
	size_t length = strcspn(message, "\n");
	int shown = length < 200 ? (int)length : 200;

	if (sqlstate[0] == '\0')
		return sluice_error_set(error, SLUICE_FAILED,
		                        "%s:%zu: the connection broke while it ran: %.*s%s",
		                        script->file, line, shown, message, then);
	return sluice_error_set(error, SLUICE_FAILED, "%s:%zu: %.*s (SQLSTATE %s)%s", script->file,
	                        line, shown, message, sqlstate, then);
}

static const char *advice(const char *sqlstate, const struct slu_migration_watch *watch)
{
	if (sqlstate[0] == '\0')
		return ". Nothing of it was applied: run again when the server is back";
	if (strcmp(sqlstate, ACTIVE_SQL_TRANSACTION) == 0)
		return ": it can't be part of the transaction that Sluice puts around a script and "
		       "its version. Nothing of this script was applied: make `" SLU_MIGRATION_DIRECTIVE
		       "` its first line, and run again";
	if (strcmp(sqlstate, QUERY_CANCELED) == 0 && watch->cancelled)
		return ". As you asked for: nothing of this script was applied; `sluice "
		       "migrate version` tells where the database is";
	return ". Nothing of this script was applied: mend the cause and run again";
}

enum sluice_status slu_migration_script_run(const struct slu_migration_script *script,
                                            PGconn *connection, struct slu_migration_watch *watch,
                                            char sqlstate[SLU_SQLSTATE_SIZE],
                                            struct sluice_error *error)
{
	struct outcome outcome = run_query(script->text, connection, watch, sqlstate);
	enum sluice_status status = outcome.status;

	if (status != SLUICE_OK) {
		size_t offset = outcome.position != NULL
		                        ? slu_sql_offset(script->text, script->size,
		                                         strtoul(outcome.position, NULL, 10))
		                        : statement_offset(script, outcome.succeeded);

		status = tell_failure(script, offset, &outcome, sqlstate, advice(sqlstate, watch),
		                      error);
	} else if (PQtransactionStatus(connection) != PQTRANS_INTRANS) {
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "%s: ended the transaction it ran in", script->file);
	}
	free_outcome(&outcome);
	return status;
}

enum sluice_status slu_migration_statement_run(const struct slu_migration_script *script,
                                               const struct slu_sql_statement *statement,
                                               size_t end, PGconn *connection,
                                               struct slu_migration_watch *watch,
                                               char sqlstate[SLU_SQLSTATE_SIZE],
                                               struct sluice_error *error)
{
	char *query = strndup(script->text + statement->offset, end - statement->offset);
	struct outcome outcome;
	size_t offset = statement->offset;

	if (query == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	outcome = run_query(query, connection, watch, sqlstate);
	if (outcome.position != NULL)
		offset += slu_sql_offset(query, strlen(query), strtoul(outcome.position, NULL, 10));
	if (outcome.status != SLUICE_OK)
		tell_failure(script, offset, &outcome, sqlstate, "", error);
	free_outcome(&outcome);
	free(query);
	return outcome.status;
}
