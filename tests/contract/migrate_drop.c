/* SPDX-License-Identifier: MIT */
/* migrate_drop.c - `drop` leaves an empty schema that is otherwise as it was, or nothing undone. */
#include "cli/commands.h"
#include "tests/contract/migrate_stage.h"

#include <criterion/criterion.h>

TestSuite(migrate_drop, .init = stage_make, .fini = stage_clean);

static void run(const char *sql)
{
	database_run(stage.connection, sql);
}

Test(migrate_drop, tables_types_functions_and_views_go_and_up_works_again)
{
	stage_add("0001_all.up.sql",
	          "CREATE TABLE t (a serial PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t;"
	          "CREATE TYPE e AS ENUM ('x'); CREATE DOMAIN d AS int;"
	          "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	stage_expect("drop --yes", CLI_OK, "",
	             "dropping all of schema \"public\", which is:\n"
	             "  type d\n  type e\n  function f()\n  sequence t_a_seq\n"
	             "  table schema_migrations\n  table schema_migrations_history\n"
	             "  table t\n  view v\n");
	cr_assert_eq(stage_version(), -1);
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT version FROM sluice.schema_migrations"),
	             1);
	stage_expect("up", CLI_OK, "", "1/u all (N ms)\n");
}

Test(migrate_drop, owner_grants_default_privileges_and_comment_of_the_schema_stay)
{
	static const char query[] =
		"SELECT concat_ws('|', nspowner::regrole, nspacl, obj_description(n.oid), "
		"(SELECT string_agg(d.defaclobjtype::text || d.defaclacl::text, '' ORDER BY "
		"defaclobjtype) FROM pg_default_acl d WHERE defaclnamespace = n.oid)) = "
		"current_setting('stage.before')";
	char sql[640];

	run("CREATE SCHEMA \"Odd name\"; COMMENT ON SCHEMA \"Odd name\" IS 'it''s mine'; "
	    "GRANT USAGE ON SCHEMA \"Odd name\" TO PUBLIC; GRANT CREATE ON SCHEMA \"Odd name\" TO "
	    "pg_monitor WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES IN SCHEMA \"Odd name\" GRANT "
	    "SELECT ON TABLES TO PUBLIC; CREATE TABLE \"Odd name\".t (a int)");
	snprintf(sql, sizeof(sql), "ALTER DATABASE \"%s\" SET search_path = \"Odd name\"",
	         PQdb(stage.connection));
	run(sql);
	snprintf(sql, sizeof(sql),
	         "SELECT set_config('stage.before', (%.*s FROM pg_namespace n WHERE nspname = 'Odd "
	         "name'), false)",
	         (int)(strstr(query, " = current_setting") - query), query);
	run(sql);
	stage_expect("drop --yes", CLI_OK, "",
	             "dropping all of schema \"Odd name\", which is:\n  table t\n");
	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM pg_namespace n WHERE nspname = 'Odd name' "
	         "AND (%s)",
	         query);
	cr_assert_eq(database_query_int(stage.connection, sql), 1);
	cr_assert_not(stage_has_table("\"Odd name\".t"));
}

Test(migrate_drop, an_empty_schema_is_fine)
{
	stage_expect("drop --yes", CLI_OK, "",
	             "dropping all of schema \"public\", which is:\n  nothing\n");
}

Test(migrate_drop, what_other_schemas_would_lose_stops_it)
{
	run("CREATE TABLE t (a int PRIMARY KEY); CREATE SCHEMA other; "
	    "CREATE VIEW other.v AS SELECT * FROM public.t; "
	    "CREATE TABLE other.r (a int CONSTRAINT fk REFERENCES public.t)");
	stage_expect("drop --yes", CLI_FAILED, "",
	             "dropping all of schema \"public\", which is:\n  table t\n"
	             "error: objects of other schemas depend on this one and would go with it: "
	             "constraint fk on table other.r, view other.v. "
	             "Nothing was dropped. Drop them yourself, if that is what you want\n");
	cr_assert(stage_has_table("t"));
	cr_assert(stage_has_table("other.v"));
}

Test(migrate_drop, an_extension_of_another_role_stops_it)
{
	char *former = stage.dsn;
	char sql[200];

	run("DO $$ BEGIN CREATE ROLE dropper LOGIN; EXCEPTION WHEN duplicate_object THEN END $$; "
	    "CREATE EXTENSION fuzzystrmatch");
	snprintf(sql, sizeof(sql), "ALTER DATABASE \"%s\" OWNER TO dropper",
	         PQdb(stage.connection));
	run(sql);
	cr_assert_gt(asprintf(&stage.dsn, "%s user=dropper", former), 0);
	stage_expect(
		"drop --yes", CLI_FAILED, "",
		"error: the schema \"public\" holds objects of extensions that this role does not "
		"own, and they would go with it: fuzzystrmatch. Nothing was dropped. ALTER "
		"EXTENSION .. SET SCHEMA .. moves them away, or let their owner run this\n");
	run("CREATE SCHEMA elsewhere; ALTER EXTENSION fuzzystrmatch SET SCHEMA elsewhere");
	stage_expect("drop --yes", CLI_OK, "",
	             "dropping all of schema \"public\", which is:\n  nothing\n");
	free(stage.dsn);
	stage.dsn = former;
}

Test(migrate_drop, a_role_that_does_not_own_the_schema_is_told)
{
	char *former = stage.dsn;

	run("DO $$ BEGIN CREATE ROLE nobody_much LOGIN; EXCEPTION WHEN duplicate_object THEN END "
	    "$$; CREATE TABLE t (a int)");
	cr_assert_gt(asprintf(&stage.dsn, "%s user=nobody_much", former), 0);
	cr_assert_eq(stage_cli("drop --yes"), CLI_FAILED);
	cr_assert_not_null(strstr(stage.err, "must be owner of schema public (SQLSTATE 42501)"),
	                   "%s", stage.err);
	cr_assert(stage_has_table("t"));
	free(stage.dsn);
	stage.dsn = former;
}
