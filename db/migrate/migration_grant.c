/* SPDX-License-Identifier: MIT */
/* migration_grant.c - asks the server what the role may do, after it refused. */
#include "db/migrate/migration_grant.h"

#include <stdio.h>
#include <string.h>

#define INSUFFICIENT_PRIVILEGE "42501"
#define READ_ONLY_TRANSACTION "25006"

static void append(struct sluice_error *error, const char *text)
{
	size_t used = strlen(error->message);

	snprintf(error->message + used, sizeof(error->message) - used, "%s", text);
}

/* The first of the rights that the runner itself needs and the role does not have; NULL for none.
 * To make the schema of the library set takes the right on the database. */
static const char query[] =
	"SELECT CASE "
	"WHEN to_regnamespace($1) IS NULL "
	"AND NOT has_database_privilege(current_database(), 'CREATE') "
	"THEN format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user) "
	"WHEN NOT has_schema_privilege(to_regnamespace($1), 'USAGE') "
	"THEN format('GRANT USAGE ON SCHEMA %s TO %I', to_regnamespace($1), current_user) "
	"WHEN to_regclass($2) IS NOT NULL AND NOT has_table_privilege(to_regclass($2), 'SELECT') "
	"THEN format('GRANT SELECT ON %s TO %I', to_regclass($2), current_user) "
	"WHEN to_regclass($3) IS NOT NULL AND NOT has_table_privilege(to_regclass($3), 'SELECT') "
	"THEN format('GRANT SELECT ON %s TO %I', to_regclass($3), current_user) "
	"WHEN NOT has_schema_privilege(to_regnamespace($1), 'CREATE') "
	"THEN format('GRANT CREATE ON SCHEMA %s TO %I', to_regnamespace($1), current_user) "
	"WHEN to_regclass($2) IS NOT NULL AND NOT (has_table_privilege(to_regclass($2), "
	"'INSERT') AND has_table_privilege(to_regclass($2), 'DELETE')) "
	"THEN format('GRANT INSERT, DELETE ON %s TO %I', to_regclass($2), current_user) "
	"WHEN to_regclass($3) IS NOT NULL AND NOT has_table_privilege(to_regclass($3), 'INSERT') "
	"THEN format('GRANT INSERT ON %s TO %I', to_regclass($3), current_user) "
	"END";

static void add_grant(struct slu_migration_run *run, struct sluice_error *error)
{
	char *schema = PQescapeIdentifier(run->connection, run->schema, strlen(run->schema));
	const char *const values[] = {schema, run->table, run->history};
	PGresult *result = NULL;

	if (schema != NULL)
		result = PQexecParams(run->connection, query, 3, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) == PGRES_TUPLES_OK && !PQgetisnull(result, 0, 0)) {
		append(error, ". An owner may help: ");
		append(error, PQgetvalue(result, 0, 0));
	} else {
		append(error, ". Run migrations as the role that owns what they change");
	}
	PQclear(result);
	PQfreemem(schema);
}

void slu_migration_grant_add(struct slu_migration_run *run, struct sluice_error *error)
{
	if (error == NULL || run->schema == NULL)
		return;
	if (strcmp(run->sqlstate, INSUFFICIENT_PRIVILEGE) == 0)
		add_grant(run, error);
	else if (strcmp(run->sqlstate, READ_ONLY_TRANSACTION) == 0)
		append(error, ". Is this a standby, or default_transaction_read_only on? Connect "
		              "to the primary, with a role that may write");
	run->sqlstate[0] = '\0'; /* said once is enough */
}
