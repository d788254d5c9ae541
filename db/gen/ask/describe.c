/* SPDX-License-Identifier: MIT */
/* describe.c - prepares a statement within a savepoint, so that a refusal costs nothing. */
#include "db/gen/ask/describe.h"

#include "db/sql_script.h"
#include "db/sql_token.h"

#include <stdlib.h>
#include <string.h>

/* Runs a command that has no reason to fail. */
static bool run(struct slu_study *study, const char *sql)
{
	PGresult *result = slu_study_ask(study, sql, 0, NULL);

	PQclear(result);
	return result != NULL;
}

/* DEALLOCATE of what was never prepared is an error; of ALL it is not, but that is not ours. */
bool slu_describe_forget(struct slu_study *study)
{
	PGresult *known = slu_study_ask(
		study,
		"SELECT FROM pg_catalog.pg_prepared_statements WHERE name = '" SLU_STATEMENT "'", 0,
		NULL);
	bool there = known != NULL && PQntuples(known) > 0;

	PQclear(known);
	return !there || run(study, "DEALLOCATE " SLU_STATEMENT);
}

PGresult *slu_describe(struct slu_study *study, const char *sql, int type_count, const Oid *types,
                       PGresult **refusal)
{
	PGresult *result;

	if (refusal != NULL)
		*refusal = NULL;
	if (study->broken || !slu_describe_forget(study) || !run(study, "SAVEPOINT " SLU_STATEMENT))
		return NULL;
	result = PQprepare(study->connection, SLU_STATEMENT, sql, type_count, types);
	if (PQresultStatus(result) == PGRES_COMMAND_OK) {
		PQclear(result);
		result = PQdescribePrepared(study->connection, SLU_STATEMENT);
	}
	if (PQresultStatus(result) == PGRES_COMMAND_OK) {
		if (run(study, "RELEASE " SLU_STATEMENT))
			return result;
	} else if (PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL) {
		slu_study_lost(study, "prepare a query"); /* libpq's own words, not the server's */
	} else if (run(study, "ROLLBACK TO " SLU_STATEMENT) && refusal != NULL) {
		*refusal = result;
		return NULL;
	}
	PQclear(result);
	return NULL;
}

/* The place of the token that the server points at, or the query's name when it points nowhere. */
static struct slu_place place_of(const struct slu_study *study,
                                 const struct slu_query_source *query, const PGresult *refusal,
                                 const char *sql)
{
	const char *position = PQresultErrorField(refusal, PG_DIAG_STATEMENT_POSITION);
	struct slu_sql_token token;
	size_t size, at;

	if (position == NULL || sql == NULL)
		return query->place;
	size = strlen(sql);
	at = slu_sql_offset(sql, size, strtoul(position, NULL, 10));
	token = slu_sql_token(sql, size, at);
	/* At the end of the input there is no token; a place of no size will do. */
	return slu_query_place(study->file, query, at, token.offset == at ? token.size : 0);
}

void slu_describe_tell(struct slu_study *study, const struct slu_query_source *query,
                       const PGresult *refusal, const char *sql)
{
	const char *message = PQresultErrorField(refusal, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = PQresultErrorField(refusal, PG_DIAG_MESSAGE_HINT);

	if (hint == NULL)
		hint = PQresultErrorField(refusal, PG_DIAG_MESSAGE_DETAIL);
	slu_finding(study->findings, place_of(study, query, refusal, sql), hint, "%s",
	            message != NULL ? message : PQresultErrorMessage(refusal));
}
