/* SPDX-License-Identifier: MIT */
/* sink_grants.c - a role that may do what sink/README.md lists, and nothing else, is enough. */
#include "tests/contract/book_engine.h"

#include <stdio.h>
#include <unistd.h>

struct writer {
	char role[32];
	char *dsn;
};

/* Runs `format` with the role's name in it. */
static void run_for(PGconn *connection, const struct writer *writer, const char *format)
{
	char sql[512];
	char *out = sql;

	for (; *format != '\0' && out < sql + sizeof(sql) - sizeof(writer->role); format++) {
		if (*format == '@')
			out += sprintf(out, "%s", writer->role);
		else
			*out++ = *format;
	}
	*out = '\0';
	database_run(connection, sql);
}

static void writer_make(struct writer *writer, const struct engine *engine)
{
	snprintf(writer->role, sizeof(writer->role), "writer_%ld", (long)getpid());
	run_for(engine->admin, writer, "CREATE ROLE @ LOGIN");
	cr_assert_gt(asprintf(&writer->dsn, "%s user=%s", engine->dsn, writer->role), 0);
}

/* Roles outlive databases. */
static void drop(struct writer *writer, struct engine *engine)
{
	PGconn *server = database_connect(getenv("SLUICE_TEST_DSN"));

	engine_drop(engine);
	run_for(server, writer, "DROP ROLE @");
	PQfinish(server);
	free(writer->dsn);
}

static const char grants[] =
	"GRANT USAGE ON SCHEMA sluice TO @;"
	"GRANT SELECT, INSERT, UPDATE ON sluice.lane TO @;"
	"GRANT INSERT ON sluice.dead_letter, sluice.letter_format TO @;"
	"GRANT SELECT, INSERT, UPDATE, DELETE ON trades, \"Account \"\"book\"\"\" TO @";

Test(sink_grants, the_documented_grants_are_enough)
{
	struct engine engine;
	struct writer writer;
	int64_t key = 1;

	engine_make(&engine);
	writer_make(&writer, &engine);
	run_for(engine.admin, &writer, grants);
	database_run(engine.admin, "ALTER TABLE trades ADD CHECK (id NOT IN (1000, 1050))");
	engine_start(&engine, writer.dsn);
	engine_commit(&engine, 3);
	engine_commit(&engine, 100); /* more trades than travel as an array */
	cr_assert_eq(sluice_remove(engine.lane, &book_accounts, &key, NULL), SLUICE_OK);
	engine_close(&engine);
	cr_assert_eq(database_query_int(engine.admin, "SELECT count(*) FROM trades"), 101);
	cr_assert_eq(database_query_int(engine.admin, "SELECT count(*) FROM sluice.dead_letter"),
	             2);
	cr_assert_eq(
		database_query_int(engine.admin, "SELECT count(*) FROM \"Account \"\"book\"\"\""),
		102);
	cr_assert_eq(database_query_int(engine.admin, "SELECT count(*) FROM sluice.lane WHERE "
	                                              "sealed_at IS NOT NULL"),
	             1);
	drop(&writer, &engine);
}

Test(sink_grants, without_access_to_schema_sluice_the_grant_is_named)
{
	struct engine engine;
	struct writer writer;

	engine_make(&engine);
	writer_make(&writer, &engine);
	engine_assert_refused(writer.dsn,
	                      "this role may not read sluice.schema_migrations: GRANT USAGE ON "
	                      "SCHEMA sluice and SELECT ON sluice.schema_migrations to it");
	drop(&writer, &engine);
}

Test(sink_grants, a_version_that_the_role_may_not_read_is_passed_over)
{
	struct engine engine;
	struct writer writer;

	engine_make(&engine);
	writer_make(&writer, &engine);
	run_for(engine.admin, &writer, grants);
	database_run(engine.admin, "UPDATE schema_migrations SET version = 2");
	engine_start(&engine, writer.dsn);
	engine_commit(&engine, 1);
	engine_close(&engine);
	run_for(engine.admin, &writer, "GRANT SELECT ON schema_migrations TO @");
	engine_assert_refused(writer.dsn, "the schema is at version 2");
	drop(&writer, &engine);
}

/* Tables, types and version table are those that the role's search_path finds; the first of these
 * schemas would be Sluice's own, were it meant. */
Test(sink_grants, the_search_path_decides_which_tables_are_compared)
{
	struct engine engine;
	struct writer writer;

	engine_make(&engine);
	writer_make(&writer, &engine);
	database_run(engine.admin, "DROP TABLE trades; CREATE TABLE trades (id int);"
	                           "CREATE SCHEMA desk; SET search_path = desk");
	database_run(engine.admin, "DROP TABLE public.\"Account \"\"book\"\"\"; "
	                           "DROP DOMAIN public.amount; DROP TYPE public.side, "
	                           "public.exchange");
	database_run(engine.admin, book_sql);
	run_for(engine.admin, &writer, grants);
	run_for(engine.admin, &writer, "GRANT USAGE ON SCHEMA desk TO @");
	engine_assert_refused(writer.dsn, "stream accounts: the database has no table");
	run_for(engine.admin, &writer, "ALTER ROLE @ SET search_path = sluice, desk, public");
	engine_start(&engine, writer.dsn);
	engine_commit(&engine, 3);
	engine_assert_rows(&engine, 3, "in schema desk");
	engine_close(&engine);
	database_run(engine.admin, "CREATE TABLE schema_migrations AS SELECT 2::bigint AS version, "
	                           "false AS dirty");
	run_for(engine.admin, &writer, "GRANT SELECT ON schema_migrations TO @");
	engine_assert_refused(writer.dsn, "the schema is at version 2");
	drop(&writer, &engine);
}

/* Names of types are compared as text. */
Test(sink_grants, a_role_that_quotes_every_name_finds_the_same_types)
{
	struct engine engine;
	struct writer writer;

	engine_make(&engine);
	writer_make(&writer, &engine);
	run_for(engine.admin, &writer, grants);
	run_for(engine.admin, &writer, "ALTER ROLE @ SET quote_all_identifiers = on");
	engine_start(&engine, writer.dsn);
	engine_commit(&engine, 1);
	engine_close(&engine);
	drop(&writer, &engine);
}
