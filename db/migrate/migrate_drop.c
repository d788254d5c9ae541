/* SPDX-License-Identifier: MIT */
/* migrate_drop.c - empties the current schema: nothing is left for the next `up` to trip over.
 *
 * golang-migrate drops the tables, and leaves types, functions and views. Here the schema goes as a
 * whole, and is made anew with what belongs to the schema itself: owner, grants, default privileges
 * and comment. All in one transaction, under the lock. */
#include "db/migrate/migrate.h"

#include "db/migrate/migrate_call.h"

#include <sluice/sink.h>

#include <stdlib.h>
#include <string.h>

/* $1 is the schema's name, everywhere. */

/* What will go, to show. */
static const char contents[] =
	"SELECT pg_catalog.pg_describe_object(classid, objid, 0) FROM ("
	"SELECT 'pg_class'::regclass AS classid, oid AS objid FROM pg_catalog.pg_class "
	"WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') "
	"UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_catalog.pg_proc "
	"WHERE pronamespace = $1::regnamespace "
	"UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_catalog.pg_type t "
	"LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid "
	"WHERE typnamespace = $1::regnamespace AND typelem = 0 AND coalesce(relkind, 'c') = 'c' "
	"UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_catalog.pg_extension "
	"WHERE extnamespace = $1::regnamespace) o "
	"WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.classid AND "
	"d.objid = o.objid AND d.deptype IN ('i', 'e')) "
	"ORDER BY classid, 1";

/* Extensions whose objects are in the schema: a DROP .. CASCADE would take them, whoever owns them.
 */
static const char foreign_extensions[] =
	"SELECT string_agg(DISTINCT e.extname, ', ') FROM pg_catalog.pg_extension e "
	"WHERE NOT pg_catalog.pg_has_role(e.extowner, 'USAGE') AND (e.extnamespace = "
	"$1::regnamespace OR EXISTS (SELECT FROM pg_catalog.pg_depend d "
	"LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid "
	"LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid "
	"LEFT JOIN pg_catalog.pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid "
	"WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' "
	"AND coalesce(c.relnamespace, p.pronamespace, t.typnamespace) = $1::regnamespace))";

/* What is outside of the schema, before: it has to be there afterwards, too. */
static const char remember_outside[] =
	"CREATE TEMP TABLE sluice_outside ON COMMIT DROP AS "
	"SELECT classid, objid, pg_catalog.pg_describe_object(classid, objid, 0) AS name FROM ("
	"SELECT 'pg_class'::regclass AS classid, oid AS objid, relnamespace AS schema "
	"FROM pg_catalog.pg_class WHERE relkind <> 't' "
	"UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_catalog.pg_proc "
	"UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_catalog.pg_type "
	"WHERE typrelid = 0 AND typcategory <> 'A' "
	"UNION ALL SELECT 'pg_constraint'::regclass, oid, connamespace "
	"FROM pg_catalog.pg_constraint "
	"UNION ALL SELECT 'pg_trigger'::regclass, t.oid, relnamespace FROM pg_catalog.pg_trigger t "
	"JOIN pg_catalog.pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal "
	"UNION ALL SELECT 'pg_attrdef'::regclass, a.oid, relnamespace FROM pg_catalog.pg_attrdef a "
	"JOIN pg_catalog.pg_class c ON c.oid = adrelid) o "
	"WHERE schema <> to_regnamespace(current_setting('sluice.schema')) "
	"AND schema::regnamespace::text !~ '^(pg_catalog$|information_schema$|pg_toast|pg_temp)'";

static const char lost_outside[] =
	"SELECT string_agg(name, ', ' ORDER BY name) FROM sluice_outside o WHERE NOT EXISTS ("
	"SELECT FROM pg_catalog.pg_class WHERE o.classid = 'pg_class'::regclass AND oid = objid "
	"UNION ALL SELECT FROM pg_catalog.pg_proc WHERE o.classid = 'pg_proc'::regclass AND oid = "
	"objid UNION ALL SELECT FROM pg_catalog.pg_type WHERE o.classid = 'pg_type'::regclass AND "
	"oid = objid UNION ALL SELECT FROM pg_catalog.pg_constraint WHERE o.classid = "
	"'pg_constraint'::regclass AND oid = objid UNION ALL SELECT FROM pg_catalog.pg_trigger "
	"WHERE o.classid = 'pg_trigger'::regclass AND oid = objid UNION ALL SELECT FROM "
	"pg_catalog.pg_attrdef WHERE o.classid = 'pg_attrdef'::regclass AND oid = objid)";

/* The commands that make the schema anew, as one text. The owner's own rights come with it. */
static const char rebuild[] =
	"SELECT concat_ws('; ', format('CREATE SCHEMA %s AUTHORIZATION %I', n.oid::regnamespace, "
	"pg_catalog.pg_get_userbyid(nspowner)), "
	"(SELECT string_agg(format('GRANT %s ON SCHEMA %s TO %s%s', a.privilege_type, "
	"n.oid::regnamespace, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE "
	"quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN "
	"' WITH GRANT OPTION' ELSE '' END), '; ') FROM pg_catalog.aclexplode(nspacl) a "
	"WHERE a.grantee <> nspowner), "
	"(SELECT string_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %s GRANT %s ON "
	"%s TO %s%s', pg_catalog.pg_get_userbyid(d.defaclrole), n.oid::regnamespace, "
	"a.privilege_type, CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' "
	"WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE "
	"quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN "
	"' WITH GRANT OPTION' ELSE '' END), '; ') FROM pg_catalog.pg_default_acl d, "
	"pg_catalog.aclexplode(d.defaclacl) a WHERE d.defaclnamespace = n.oid), "
	"(SELECT format('COMMENT ON SCHEMA %s IS %L', n.oid::regnamespace, d.description) "
	"FROM pg_catalog.pg_description d WHERE d.objoid = n.oid AND d.classoid = "
	"'pg_namespace'::regclass)) FROM pg_catalog.pg_namespace n WHERE n.oid = $1::regnamespace";

/* Runs a query about the schema. NULL with `error` when it failed. */
static PGresult *ask(struct slu_migration_run *run, const char *query, const char *schema,
                     struct sluice_error *error)
{
	PGresult *result = PQexecParams(run->connection, query, schema != NULL, NULL, &schema, NULL,
	                                NULL, 0);

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	slu_migration_refused(run->connection, "look into the schema", result, run->sqlstate,
	                      error);
	PQclear(result);
	return NULL;
}

static enum sluice_status refuse_extensions(struct slu_migration_run *run, const char *schema,
                                            struct sluice_error *error)
{
	PGresult *result = ask(run, foreign_extensions, schema, error);
	enum sluice_status status = result != NULL ? SLUICE_OK : SLUICE_FAILED;

	if (result != NULL && !PQgetisnull(result, 0, 0))
		status =
			sluice_error_set(error, SLUICE_INVALID,
		                         "the schema %s holds objects of extensions that this role "
		                         "does not own, and they would go with it: %.200s. Nothing "
		                         "was dropped. ALTER EXTENSION .. SET SCHEMA .. moves them "
		                         "away, or let their owner run this",
		                         schema, PQgetvalue(result, 0, 0));
	PQclear(result);
	return status;
}

static enum sluice_status show(struct slu_migration_run *run, const char *schema,
                               struct sluice_error *error)
{
	PGresult *result = ask(run, contents, schema, error);
	int row;

	if (result == NULL)
		return SLUICE_FAILED;
	slu_migration_tell(run->options, "dropping all of schema %s, which is:", schema);
	for (row = 0; row < PQntuples(result); row++)
		slu_migration_tell(run->options, "  %s", PQgetvalue(result, row, 0));
	if (PQntuples(result) == 0)
		slu_migration_tell(run->options, "  nothing");
	PQclear(result);
	return SLUICE_OK;
}

static enum sluice_status refuse_beyond(struct slu_migration_run *run, struct sluice_error *error)
{
	PGresult *result = ask(run, lost_outside, NULL, error);
	enum sluice_status status = result != NULL ? SLUICE_OK : SLUICE_FAILED;

	if (result != NULL && !PQgetisnull(result, 0, 0))
		status = sluice_error_set(
			error, SLUICE_INVALID,
			"objects of other schemas depend on this one and would go "
			"with it: %.250s. Nothing was dropped. Drop them yourself, "
			"if that is what you want",
			PQgetvalue(result, 0, 0));
	PQclear(result);
	return status;
}

/* DROP and CREATE. `schema` is quoted for SQL. */
static enum sluice_status replace(struct slu_migration_run *run, const char *schema,
                                  struct sluice_error *error)
{
	const char *const setting[] = {schema};
	PGresult *made = ask(run, rebuild, schema, error);
	PGresult *set;
	char *drop = NULL;
	enum sluice_status status = made != NULL ? SLUICE_OK : SLUICE_FAILED;

	if (made == NULL)
		return status;
	set = PQexecParams(run->connection,
	                   "SELECT pg_catalog.set_config('sluice.schema', $1, true)", 1, NULL,
	                   setting, NULL, NULL, 0);
	if (PQresultStatus(set) != PGRES_TUPLES_OK)
		status = slu_migration_refused(run->connection, "look around", set, run->sqlstate,
		                               error);
	PQclear(set);
	/* What the DROP takes along, we have told. */
	if (status == SLUICE_OK)
		status = slu_migration_run_command(
			run, "hush the server", "SET LOCAL client_min_messages = warning", error);
	if (status == SLUICE_OK)
		status = slu_migration_run_command(run, "look around", remember_outside, error);
	if (status == SLUICE_OK && asprintf(&drop, "DROP SCHEMA %s CASCADE", schema) < 0)
		status = sluice_error_set(error, SLUICE_FAILED, "out of memory");
	if (status == SLUICE_OK)
		status = slu_migration_run_command(run, "drop the schema", drop, error);
	free(drop);
	if (status == SLUICE_OK)
		status = refuse_beyond(run, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_command(run, "make the schema anew",
		                                   PQgetvalue(made, 0, 0), error);
	PQclear(made);
	return status;
}

static enum sluice_status drop_schema(struct slu_migration_run *run, const char *schema,
                                      struct sluice_error *error)
{
	enum sluice_status status = slu_migration_run_begin(run, error);

	if (status != SLUICE_OK)
		return status;
	status = refuse_extensions(run, schema, error);
	if (status == SLUICE_OK)
		status = show(run, schema, error);
	if (status == SLUICE_OK)
		status = replace(run, schema, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_commit(run, "the drop", error);
	if (status != SLUICE_OK)
		slu_migration_run_roll_back(run, error);
	return status;
}

enum sluice_status slu_migrate_drop(const struct sluice_migrate_options *options,
                                    struct sluice_error *error)
{
	struct slu_migrate_call call;
	char *schema;
	enum sluice_status status = slu_migrate_call_begin_bare(&call, options, error);

	if (status == SLUICE_OK && options->version_schema != NULL)
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "the version table has a schema of its own: to drop the "
		                          "current one would leave the version behind. Drop both "
		                          "by hand");
	if (status == SLUICE_OK)
		status = slu_migration_run_look(&call.run, error);
	if (status == SLUICE_OK) {
		schema = PQescapeIdentifier(call.connection, call.run.schema,
		                            strlen(call.run.schema));
		status = schema != NULL ? drop_schema(&call.run, schema, error)
		                        : sluice_error_set(error, SLUICE_FAILED, "out of memory");
		PQfreemem(schema);
	}
	slu_migrate_call_end(&call);
	return status;
}
