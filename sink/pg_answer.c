/* SPDX-License-Identifier: MIT */
/* pg_answer.c - errors by their statement, and answers that look well but are not. */
#include "sink/pg_answer.h"

#include "sink/pg_session.h"

#include <stdio.h>
#include <string.h>

#define DIVISION_BY_ZERO "22012"  /* what a fence says that was not moved (pg_fence.h), */
#define LOGARITHM_OF_ZERO "2201E" /* and a write that lacks a row (pg_session.c) */

static enum slu_progress stop(struct slu_connection *connection, enum slu_action action,
                              const struct slu_statement *statement, const char *why)
{
	slu_trouble_set(&connection->trouble, action, "stream %s: of %zu rows %s",
	                statement->stream->name, statement->rows, why);
	return SLU_STOPPED;
}

static const char *name_statement(const struct slu_statement *statement, char *where, size_t size)
{
	static const char *const verbs[] = {
		[SLU_BEGIN] = "begin",         [SLU_FENCE] = "fence",  [SLU_WRITE] = "write to",
		[SLU_REMOVE] = "remove from",  [SLU_COPY] = "copy to", [SLU_COMMIT] = "commit",
		[SLU_LETTER] = "dead letters", [SLU_SEAL] = "seal",
	};

	if (statement->stream != NULL)
		(void)snprintf(where, size, "%s stream %.64s", verbs[statement->kind],
		               statement->stream->name);
	else
		(void)snprintf(where, size, "%s", verbs[statement->kind]);
	return where;
}

/* Whoever moved the row, the next session finds out how it stands. */
static enum slu_progress refuse(const struct slu_transaction *transaction,
                                struct slu_connection *connection)
{
	if (transaction->script->seals)
		slu_trouble_set(&connection->trouble, SLU_RETRY,
		                "the fence refused to seal the run: its row has changed");
	else
		slu_trouble_set(&connection->trouble, SLU_RETRY,
		                "the fence refused batch %llu: its positions or the epoch moved, "
		                "or the run is sealed",
		                (unsigned long long)transaction->script->number);
	return SLU_STOPPED;
}

/* Which rows the statement held, or the one that COPY names. */
static void name_rows(struct slu_transaction *transaction, const struct slu_statement *statement,
                      const PGresult *result)
{
	size_t row;

	transaction->failed = statement->span;
	transaction->failed_copy = statement->kind == SLU_COPY;
	if (!transaction->failed_copy)
		return;
	row = slu_error_copied_row(result, statement->stream->table);
	if (row < statement->span.end)
		transaction->failed = (struct slu_span){statement->span.part, row, row + 1};
}

/* Only what writes rows can blame one, or their table; the commit blames one, but does not know
 * which. Letters are no stream's rows: as long as their table takes none, all wait, for the row that
 * was refused must not be lost. */
static enum slu_action action_for(const struct slu_statement *statement, enum slu_action action)
{
	bool writes = statement->kind == SLU_WRITE || statement->kind == SLU_REMOVE ||
	              statement->kind == SLU_COPY;

	if (action == SLU_ISOLATE)
		return writes || statement->kind == SLU_COMMIT ? action : SLU_HALT;
	if (action == SLU_HALT_STREAM && statement->kind == SLU_LETTER)
		return SLU_RETRY;
	return action == SLU_HALT_STREAM && !writes ? SLU_HALT : action;
}

static bool has(const PGresult *result, const char *sqlstate)
{
	const char *found = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return found != NULL && strcmp(found, sqlstate) == 0;
}

/* A fence speaks by dividing by zero, and the guard of a write by
 * an error that no row raises: theirs are many, and a division by zero is among them. */
enum slu_progress slu_answer_fail(struct slu_transaction *transaction,
                                  struct slu_connection *connection, const PGresult *result)
{
	static const struct slu_statement sync = {.kind = SLU_COMMIT};
	bool at_sync = transaction->answered == slu_transaction_segment(transaction)->end;
	const struct slu_statement *statement = at_sync ? &sync
	                                                : slu_transaction_answered(transaction);
	bool fences = statement->kind == SLU_FENCE || statement->kind == SLU_SEAL;
	char where[SLU_REASON_SIZE];

	if (fences && has(result, DIVISION_BY_ZERO))
		return refuse(transaction, connection);
	if (slu_session_strayed(connection, PQresultErrorField(result, PG_DIAG_SQLSTATE)))
		return SLU_STOPPED;
	if (statement->kind == SLU_WRITE && has(result, LOGARITHM_OF_ZERO))
		return stop(connection, SLU_HALT, statement,
		            "not all were written: a newer version is in the table (another "
		            "writer, or a clock that went back), or a trigger dropped some");
	slu_trouble_of_result(&connection->trouble, connection->pg, result,
	                      name_statement(statement, where, sizeof(where)));
	name_rows(transaction, statement, result);
	connection->trouble.action = action_for(statement, connection->trouble.action);
	return SLU_STOPPED;
}

static enum slu_progress judge_copy(const struct slu_statement *statement,
                                    struct slu_connection *connection, PGresult *result)
{
	char expected[32];

	(void)snprintf(expected, sizeof(expected), "%zu", statement->rows);
	if (strcmp(PQcmdTuples(result), expected) == 0)
		return SLU_PENDING;
	return stop(connection, SLU_HALT, statement,
	            "not all were copied: a trigger or a rule dropped some");
}

enum slu_progress slu_answer_judge(struct slu_transaction *transaction,
                                   struct slu_connection *connection, PGresult *result)
{
	const struct slu_statement *statement = slu_transaction_answered(transaction);
	ExecStatusType status = PQresultStatus(result);
	bool tuples = statement->kind == SLU_FENCE || statement->kind == SLU_WRITE ||
	              statement->kind == SLU_SEAL;

	transaction->moves++;
	if (status != (tuples ? PGRES_TUPLES_OK : PGRES_COMMAND_OK))
		return slu_answer_fail(transaction, connection, result);
	transaction->answered++;
	if (statement->kind == SLU_FENCE)
		transaction->synchronous = PQgetvalue(result, 0, 1)[0] == 't';
	if (statement->kind == SLU_COPY)
		return judge_copy(statement, connection, result);
	if (statement->kind == SLU_COMMIT && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
		slu_trouble_set(&connection->trouble, SLU_RETRY,
		                "commit: the server rolled the transaction back");
		return SLU_STOPPED;
	}
	return SLU_PENDING;
}
