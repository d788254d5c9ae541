/* SPDX-License-Identifier: MIT */
/* nullability.c - joins what the catalog says of a column with what the plan says of its table. */
#include "db/gen/ask/nullability.h"

#include "db/gen/ask/describe.h"
#include "db/gen/ask/plan.h"
#include "db/sql_token.h"

#include <stdlib.h>
#include <string.h>

/* ---- the catalog ---- */

/* What inherits from a table may have dropped its NOT NULL; a rule can return what it likes; a
 * constraint that is not validated says nothing of old rows. */
static const char column_sql[] =
	"WITH RECURSIVE family AS ("
	"  SELECT $1::oid AS oid"
	"  UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN family ON inhparent = family.oid) "
	"SELECT pg_catalog.bool_and(c.relkind IN ('r', 'p') AND a.attnotnull"
	"    AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = c.oid)"
	"    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid"
	"      AND k.contype = 'n' AND NOT k.convalidated AND a.attnum = ANY (k.conkey))),"
	"  own.nspname, own.relname, own.attname "
	"FROM (SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_class c"
	"    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	"    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"
	"  WHERE c.oid = $1::oid AND a.attnum = $2::int2 AND a.attnum > 0) AS own"
	"  CROSS JOIN family JOIN pg_catalog.pg_class c ON c.oid = family.oid"
	"  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = own.attname "
	"GROUP BY own.nspname, own.relname, own.attname";

/* Whether an override's column is this one: schema.table.column or table.column. */
static bool is_meant(const char *given, const PGresult *column)
{
	const char *schema = PQgetvalue(column, 0, 1);
	const char *table = PQgetvalue(column, 0, 2);
	const char *name = PQgetvalue(column, 0, 3);
	char full[3 * 64 + 3];

	snprintf(full, sizeof(full), "%s.%s.%s", schema, table, name);
	return strcmp(given, full) == 0 || strcmp(given, full + strlen(schema) + 1) == 0;
}

bool slu_nullability_of_column(struct slu_study *study, uint32_t table, int attribute)
{
	char table_text[16], attribute_text[16];
	const char *values[] = {table_text, attribute_text};
	bool nullable = true;
	PGresult *column;
	size_t i;

	snprintf(table_text, sizeof(table_text), "%u", table);
	snprintf(attribute_text, sizeof(attribute_text), "%d", attribute);
	column = slu_study_ask(study, column_sql, 2, values);
	if (column != NULL && PQntuples(column) == 1) {
		nullable = PQgetvalue(column, 0, 0)[0] != 't';
		for (i = 0; i < study->override_count; i++)
			nullable = nullable || is_meant(study->overrides[i].column, column);
	}
	PQclear(column);
	return nullable;
}

/* ---- the plan ---- */

/* The parameters' types, domains as their base. To be freed; NULL when it broke. */
static Oid *base_types(struct slu_study *study, const PGresult *about, bool *domains)
{
	static const char sql[] =
		"WITH RECURSIVE chain AS ("
		"  SELECT 0 AS level, $1::oid AS type"
		"  UNION ALL SELECT level + 1, t.typbasetype FROM chain"
		"    JOIN pg_catalog.pg_type t ON t.oid = chain.type AND t.typtype = 'd') "
		"SELECT type FROM chain ORDER BY level DESC LIMIT 1";
	int count = PQnparams(about);
	Oid *types = calloc((size_t)count + 1, sizeof(*types));
	int i;

	*domains = false;
	if (types == NULL)
		slu_study_starved(study);
	for (i = 0; i < count && !study->broken; i++) {
		char oid[16];
		const char *value = oid;
		PGresult *base;

		snprintf(oid, sizeof(oid), "%u", PQparamtype(about, i));
		base = slu_study_ask(study, sql, 1, &value);
		if (base != NULL)
			types[i] = (Oid)strtoul(PQgetvalue(base, 0, 0), NULL, 10);
		*domains = *domains || types[i] != PQparamtype(about, i);
		PQclear(base);
	}
	return types;
}

/* Prepares the statement again if a domain is among its parameters: NULL, which is all we have for
 * them, may not be a value of it. Returns false when it does not bear that. */
static bool prepare_without_domains(struct slu_study *study, const char *sql, const PGresult *about)
{
	bool domains;
	Oid *types = base_types(study, about, &domains);
	PGresult *again = NULL;

	if (domains && !study->broken)
		again = slu_describe(study, sql, PQnparams(about), types, NULL);
	domains = domains && again == NULL;
	PQclear(again);
	free(types);
	return !domains;
}

/* The text of the plan's JSON: one row. Nothing is run. NULL when it broke, or was told. */
static PGresult *explain(struct slu_study *study, const struct slu_query_source *query,
                         int parameter_count)
{
	struct slu_text text;
	PGresult *answer;
	char *sql;
	int i;

	if (!slu_text_begin(study, &text))
		return NULL;
	fputs("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE " SLU_STATEMENT, text.file);
	for (i = 0; i < parameter_count; i++)
		fputs(i == 0 ? "(NULL" : ", NULL", text.file);
	fputs(parameter_count > 0 ? ")" : "", text.file);
	sql = slu_text_end(study, &text);
	if (sql == NULL)
		return NULL;
	answer = PQexec(study->connection, sql);
	free(sql);
	if (PQresultStatus(answer) == PGRES_TUPLES_OK)
		return answer;
	if (PQresultErrorField(answer, PG_DIAG_SQLSTATE) == NULL)
		slu_study_lost(study, "plan a query");
	else
		slu_describe_tell(study, query, answer, NULL);
	PQclear(answer);
	PQclear(slu_study_ask(study, "ROLLBACK TO " SLU_STATEMENT, 0, NULL));
	return NULL;
}

/* Whether the statement has the word. */
static bool says(const char *sql, const char *word)
{
	size_t size = strlen(sql);
	struct slu_sql_token token = slu_sql_token(sql, size, 0);

	while (token.kind != SLU_SQL_END) {
		if (slu_sql_is(sql, &token, word))
			return true;
		token = slu_sql_token(sql, size, token.offset + token.size);
	}
	return false;
}

/* Whether `table` is one of `names`, or what they are partitions or heirs of. */
static bool is_among(struct slu_study *study, const json_t *names, uint32_t table)
{
	static const char sql[] =
		"WITH RECURSIVE up AS ("
		"  SELECT c.oid FROM pg_catalog.jsonb_to_recordset($1::jsonb)"
		"      AS named (schema text, name text)"
		"    JOIN pg_catalog.pg_namespace n ON n.nspname = named.schema"
		"      OR named.schema = 'pg_temp' AND n.oid = pg_catalog.pg_my_temp_schema()"
		"    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = named.name"
		"  UNION"
		"  SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN up ON i.inhrelid = up.oid) "
		"SELECT FROM up WHERE oid = $2::oid";
	char table_text[16];
	char *json = json_dumps(names, 0);
	const char *values[] = {json, table_text};
	PGresult *found = NULL;
	bool among;

	snprintf(table_text, sizeof(table_text), "%u", table);
	if (json == NULL)
		slu_study_starved(study);
	else
		found = slu_study_ask(study, sql, 2, values);
	among = found != NULL && PQntuples(found) > 0;
	PQclear(found);
	free(json);
	return among;
}

static bool may_be_null(struct slu_study *study, const struct slu_plan *plan, const json_t *root,
                        const PGresult *about, int column)
{
	uint32_t table = PQftable(about, column);

	if (plan->opaque)
		return true;
	if (table == 0)
		return !slu_plan_proves(plan, root, (size_t)column);
	return slu_nullability_of_column(study, table, PQftablecol(about, column)) ||
	       !is_among(study, plan->seen, table) || is_among(study, plan->nullable, table);
}

static bool read_plan(struct slu_study *study, const char *sql, const char *json,
                      const PGresult *about, bool *nullable)
{
	json_t *plans = json_loads(json, 0, NULL);
	const json_t *root = json_object_get(json_array_get(plans, 0), "Plan");
	struct slu_plan plan = {.opaque = true};
	PGresult *counts = slu_study_ask(study,
	                                 "SELECT FROM pg_catalog.pg_proc WHERE proname = 'count'"
	                                 "  AND pronamespace <> 'pg_catalog'::regnamespace",
	                                 0, NULL);
	int i;

	/* A utility command has no plan; with a rule there may be several. */
	if (json_array_size(plans) == 1 && json_is_object(root) &&
	    !slu_plan_read(&plan, root, says(sql, "lateral")))
		slu_study_starved(study);
	plan.counts = counts != NULL && PQntuples(counts) == 0;
	PQclear(counts);
	/* RETURNING old.x is NULL for what an INSERT adds. */
	if (PQserverVersion(study->connection) >= 180000 && says(sql, "returning") &&
	    (says(sql, "old") || says(sql, "new")))
		plan.opaque = true;
	for (i = 0; i < PQnfields(about) && !study->broken; i++)
		nullable[i] = may_be_null(study, &plan, root, about, i);
	slu_plan_free(&plan);
	json_decref(plans);
	return !study->broken;
}

bool slu_nullability(struct slu_study *study, const struct slu_query_source *query, const char *sql,
                     const PGresult *about, bool *nullable)
{
	PGresult *answer;
	bool read;

	if (!prepare_without_domains(study, sql, about)) {
		memset(nullable, true, (size_t)PQnfields(about) * sizeof(*nullable));
		return !study->broken;
	}
	PQclear(slu_study_ask(study, "SAVEPOINT " SLU_STATEMENT, 0, NULL));
	if (study->broken)
		return false;
	answer = explain(study, query, PQnparams(about));
	PQclear(slu_study_ask(study, "RELEASE " SLU_STATEMENT, 0, NULL));
	read = answer != NULL && read_plan(study, sql, PQgetvalue(answer, 0, 0), about, nullable);
	PQclear(answer);
	return read;
}
