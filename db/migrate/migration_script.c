/* SPDX-License-Identifier: MIT */
/* migration_script.c - checks and runs one script.
 * The server tells the place of a mistake it found while reading, as a character number. What fails
 * later (a duplicate key, a DO block) has no place: then it is the statement after those that
 * succeeded. */
#include "db/migrate/migration_script.h"

#include "db/sql_script.h"

#include <sluice/sink.h>

#include <stdlib.h>
#include <string.h>

#define ACTIVE_SQL_TRANSACTION "25001" /* "X cannot run inside a transaction block" */

static const char NEEDS_OWN_TRANSACTION[] =
	"can't be part of the transaction that Sluice puts around each script and its version. Run "
	"this statement by hand, outside of migrations";

/* ---- check ---- */

/* First words of statements that would end our transaction, or begin one within it. */
static const struct {
	const char *first;
	const char *second; /* NULL for any */
} transaction_control[] = {
	{"BEGIN", NULL}, {"START", "TRANSACTION"},   {"COMMIT", NULL},   {"END", NULL},
	{"ABORT", NULL}, {"PREPARE", "TRANSACTION"}, {"ROLLBACK", NULL},
};

static bool controls_transaction(const struct slu_sql_statement *statement)
{
	size_t i;

	for (i = 0; i < sizeof(transaction_control) / sizeof(transaction_control[0]); i++) {
		if (strcmp(statement->first, transaction_control[i].first) == 0 &&
		    (transaction_control[i].second == NULL ||
		     strcmp(statement->second, transaction_control[i].second) == 0))
			return true;
	}
	return false;
}

/* REFRESH MATERIALIZED VIEW CONCURRENTLY may stand in a transaction, the others may not. */
static bool works_concurrently(const struct slu_sql_statement *statement)
{
	return statement->concurrently && strcmp(statement->first, "REFRESH") != 0;
}

enum sluice_status slu_migration_script_check(const struct slu_migration_script *script,
                                              struct sluice_error *error)
{
	struct slu_sql_scan scan = {script->text, script->size, 0};
	struct slu_sql_statement statement;

	while (slu_sql_next(&scan, &statement)) {
		size_t line = slu_sql_line(script->text, statement.offset);

		if (controls_transaction(&statement))
			return sluice_error_set(error, SLUICE_INVALID,
			                        "%s:%zu: has transaction control of its own (%s): "
			                        "take it out. Sluice runs each script and its "
			                        "version in one transaction. Nothing was applied",
			                        script->file, line, statement.first);
		if (works_concurrently(&statement))
			return sluice_error_set(error, SLUICE_INVALID,
			                        "%s:%zu: %s .. CONCURRENTLY %s. Nothing was "
			                        "applied",
			                        script->file, line, statement.first,
			                        NEEDS_OWN_TRANSACTION);
		if (statement.standard && strcmp(statement.first, "COPY") == 0)
			return sluice_error_set(error, SLUICE_INVALID,
			                        "%s:%zu: COPY from STDIN or to STDOUT needs a "
			                        "client that sends or takes the rows: write INSERT "
			                        "instead. Nothing was applied",
			                        script->file, line);
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

static enum sluice_status tell_failure(const struct slu_migration_script *script,
                                       PGconn *connection, const PGresult *result, size_t succeeded,
                                       struct sluice_error *error)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	size_t offset = position != NULL ? slu_sql_offset(script->text, script->size,
	                                                  strtoul(position, NULL, 10))
	                                 : statement_offset(script, succeeded);
	size_t line = slu_sql_line(script->text, offset);

	if (sqlstate == NULL)
		return sluice_error_set(
			error, SLUICE_FAILED,
			"%s:%zu: the connection broke while it ran: %.200s. Nothing "
			"of it was applied; run again when the server is back",
			script->file, line, PQerrorMessage(connection));
	if (strcmp(sqlstate, ACTIVE_SQL_TRANSACTION) == 0)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "%s:%zu: %.200s (SQLSTATE %s): it %s. Nothing of this "
		                        "script was applied",
		                        script->file, line, message, sqlstate,
		                        NEEDS_OWN_TRANSACTION);
	return sluice_error_set(error, SLUICE_FAILED,
	                        "%s:%zu: %.200s (SQLSTATE %s). Nothing of this script was applied: "
	                        "mend the cause and run again",
	                        script->file, line, message, sqlstate);
}

enum sluice_status slu_migration_script_run(const struct slu_migration_script *script,
                                            PGconn *connection, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t succeeded = 0;
	PGresult *result;

	if (!PQsendQuery(connection, script->text))
		return sluice_error_set(error, SLUICE_FAILED, "%s: can't be sent: %s", script->file,
		                        PQerrorMessage(connection));
	while ((result = PQgetResult(connection)) != NULL) {
		ExecStatusType outcome = PQresultStatus(result);

		if (outcome == PGRES_COMMAND_OK || outcome == PGRES_TUPLES_OK)
			succeeded++;
		else if (outcome != PGRES_EMPTY_QUERY && status == SLUICE_OK)
			status = tell_failure(script, connection, result, succeeded, error);
		PQclear(result);
		/* Can't be after the check. If it were, waiting for more results would never end;
		 * the ROLLBACK that follows gets libpq out of the COPY. */
		if (outcome == PGRES_COPY_IN || outcome == PGRES_COPY_OUT)
			break;
	}
	if (status == SLUICE_OK && PQtransactionStatus(connection) != PQTRANS_INTRANS)
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "%s: ended the transaction it ran in", script->file);
	return status;
}
