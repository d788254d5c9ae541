/* SPDX-License-Identifier: MIT */
/*
 * sink_grants_role.c - the role that db/roles/sluice_writer.sql makes: every kind of transaction goes
 * through, nothing else does, and a role that may do more is told of.
 */
#include "db/server/postgres_programs.h"
#include "tests/contract/sink_dial_stage.h"

#include <limits.h>
#include <unistd.h>

struct writer {
	struct server server;
	char role[64];
	char *dsn;
};

static const char *script_path(void)
{
	static char path[PATH_MAX];
	const char *end = strstr(__FILE__, "/tests/contract/");

	cr_assert_not_null(end);
	snprintf(path, sizeof(path), "%.*s/db/roles/sluice_writer.sql", (int)(end - __FILE__),
	         __FILE__);
	return path;
}

/* Runs the script; returns psql's exit status. */
static int run_script(const struct writer *writer, const char *variables)
{
	char programs[PATH_MAX], command[3 * PATH_MAX];
	struct sluice_error error;

	cr_assert_eq(slu_postgres_programs_find(programs, sizeof(programs), &error), SLUICE_OK,
	             "%s", error.message);
	snprintf(command, sizeof(command), "%s/psql -Xq -d '%s' %s -f '%s' >/dev/null 2>&1",
	         programs, writer->server.dsn, variables, script_path());
	return system(command);
}

static void writer_open(struct writer *writer, const char *role)
{
	char variables[128];

	server_open(&writer->server);
	snprintf(writer->role, sizeof(writer->role), "%s %ld", role, (long)getpid());
	snprintf(variables, sizeof(variables), "-v 'writer=%s'", writer->role);
	cr_assert_eq(run_script(writer, variables), 0);
	cr_assert_eq(run_script(writer, variables), 0, "not a second time");
	cr_assert_gt(asprintf(&writer->dsn, "%s user='%s'", writer->server.dsn, writer->role), 0);
}

/* Roles outlive databases. */
static void writer_close(struct writer *writer)
{
	PGconn *server = database_connect(getenv("SLUICE_TEST_DSN"));
	char sql[128];

	server_close(&writer->server);
	snprintf(sql, sizeof(sql), "DROP ROLE \"%s\"", writer->role);
	database_run(server, sql);
	PQfinish(server);
	free(writer->dsn);
}

/* Submits `first` and `second`, the latter unless it is NULL, as one batch, and frees them. */
static void submit(struct driver *driver, struct rows *first, struct rows *second)
{
	struct sluice_part parts[2];
	size_t count = 0;

	parts[count++] = rows_part(first);
	if (second != NULL)
		parts[count++] = rows_part(second);
	driver_submit(driver, parts, count);
	driver_settle(driver);
	cr_assert_committed(driver);
	rows_free(first);
	if (second != NULL)
		rows_free(second);
}

Test(grants_role, every_kind_of_transaction_goes_through, .timeout = 120)
{
	struct rows orders, many_executions, executions;
	struct driver driver;
	struct writer writer;

	writer_open(&writer, "order writer");
	stage_drive(&driver, writer.dsn);

	orders_make(&orders, 1, 100, 1);
	executions_make(&executions, 1, 3);
	submit(&driver, &orders, &executions); /* arrays */
	orders_make(&orders, 1, 100, 2);
	executions_make(&many_executions, 10, 80);
	submit(&driver, &orders, &many_executions); /* updates, and COPY */
	orders_make(&orders, 100, 1, 3);
	orders.rows[0].removed = true;
	submit(&driver, &orders, NULL);
	cr_assert_rows(&writer.server, 99, 83);

	executions_make(&executions, 500, 1); /* of no order: a letter */
	submit(&driver, &executions, NULL);
	executions_make(&many_executions, 500, 1);
	submit(&driver, &many_executions, NULL);
	cr_assert_eq(driver.progress.dead_lettered, 2);
	driver_seal(&driver);
	cr_assert(driver.progress.sealed, "%s", driver.progress.reason);
	cr_assert_eq(stage_count("warning"), 0, "%s", stage_said);
	driver_close(&driver);
	writer_close(&writer);
}

Test(grants_role, what_the_sink_need_not_do_is_forbidden, .timeout = 120)
{
	static const char *const forbidden[] = {
		"SELECT * FROM executions",
		"SELECT * FROM providers",
		"SELECT * FROM balances",
		"UPDATE executions SET fee = 0",
		"DELETE FROM executions",
		"TRUNCATE orders",
		"SELECT setval('executions_id_seq', 1)",
		"DELETE FROM sluice.lane",
		"TRUNCATE sluice.lane",
		"SELECT * FROM sluice.dead_letter",
		"DELETE FROM sluice.dead_letter",
		"SELECT * FROM sluice.letter_format",
		"UPDATE sluice.schema_migrations SET version = 0",
		"UPDATE schema_migrations SET version = 0",
		"CREATE TABLE mine (a int)",
		"CREATE TABLE sluice.mine (a int)",
		"CREATE SCHEMA mine",
		"CREATE ROLE mine",
		"CREATE DATABASE mine",
		"ALTER TABLE orders ADD COLUMN mine int",
		"DROP TABLE orders",
		"CREATE INDEX ON orders (price)",
		"COPY executions FROM PROGRAM 'true'",
		"SELECT pg_read_file('postgresql.conf')",
	};
	struct writer writer;
	PGconn *connection;
	size_t index;

	writer_open(&writer, "order writer");
	connection = database_connect(writer.dsn);
	for (index = 0; index < sizeof(forbidden) / sizeof(forbidden[0]); index++) {
		PGresult *result = PQexec(connection, forbidden[index]);
		const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

		cr_assert(sqlstate != NULL && strcmp(sqlstate, "42501") == 0, "%s: %s",
		          forbidden[index], PQresultErrorMessage(result));
		PQclear(result);
	}
	PQfinish(connection);
	writer_close(&writer);
}

Test(grants_role, a_role_that_had_more_loses_it_and_without_a_name_nothing_is_done, .timeout = 120)
{
	struct writer writer;
	char sql[256];

	writer_open(&writer, "order writer");
	snprintf(sql, sizeof(sql), "GRANT ALL ON orders, sluice.lane, sluice.dead_letter TO \"%s\"",
	         writer.role);
	database_run(writer.server.admin, sql);
	snprintf(sql, sizeof(sql), "-v 'writer=%s'", writer.role);
	cr_assert_eq(run_script(&writer, sql), 0);
	snprintf(
		sql, sizeof(sql),
		"SELECT count(*) FROM unnest(ARRAY['orders', 'sluice.lane', 'sluice.dead_letter']) AS "
		"t (name) WHERE has_table_privilege('%s', name, 'TRUNCATE')",
		writer.role);
	cr_assert_eq(database_query_int(writer.server.admin, sql), 0);
	cr_assert_neq(run_script(&writer, ""), 0);
	writer_close(&writer);
}

static size_t warnings(const struct writer *writer, const char *words)
{
	struct driver driver;

	stage_drive(&driver, writer->dsn);
	driver_connect(&driver);
	database_run(writer->server.admin,
	             "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
	             "WHERE datname = current_database() AND application_name = 'sluice'");
	stage_await(&driver, "epoch 2", 0);
	driver_seal(&driver);
	cr_assert(driver.progress.sealed, "%s", driver.progress.reason);
	driver_close(&driver);
	cr_assert(stage_count("warning") == 0 || strstr(stage_said, words) != NULL, "%s",
	          stage_said);
	return stage_count("warning");
}

Test(grants_role, rights_beyond_what_is_needed_are_told_once_a_run_and_never_refused,
     .timeout = 120)
{
	static const struct {
		const char *grant, *take_back, *words;
	} excesses[] = {
		{"ALTER ROLE %s SUPERUSER", "ALTER ROLE %s NOSUPERUSER", ": superuser\n"},
		{"ALTER ROLE %s CREATEDB", "ALTER ROLE %s NOCREATEDB", ": CREATEDB\n"},
		{"ALTER ROLE %s CREATEROLE BYPASSRLS", "ALTER ROLE %s NOCREATEROLE NOBYPASSRLS",
	         ": CREATEROLE, BYPASSRLS\n"},
		{"ALTER ROLE %s REPLICATION NOINHERIT", "ALTER ROLE %s NOREPLICATION",
	         ": REPLICATION\n"},
		{"GRANT pg_write_server_files, pg_monitor TO %s",
	         "REVOKE pg_write_server_files, pg_monitor FROM %s",
	         ": member of pg_write_server_files\n"},
		{"ALTER TABLE balances OWNER TO %s", "ALTER TABLE balances OWNER TO postgres",
	         ": owner of balances\n"},
		{"GRANT DELETE ON sluice.lane TO %s", "REVOKE DELETE ON sluice.lane FROM %s",
	         ": DELETE or TRUNCATE on sluice.lane\n"},
	};
	struct writer writer;
	char quoted[80], sql[256];
	size_t index;

	writer_open(&writer, "order writer");
	snprintf(quoted, sizeof(quoted), "\"%s\"", writer.role);
	for (index = 0; index < sizeof(excesses) / sizeof(excesses[0]); index++) {
		cr_assert_eq(warnings(&writer, ""), 0, "%s", stage_said);
		snprintf(sql, sizeof(sql), excesses[index].grant, quoted);
		database_run(writer.server.admin, sql);
		cr_assert_eq(warnings(&writer, excesses[index].words), 1, "%s", stage_said);
		snprintf(sql, sizeof(sql), excesses[index].take_back, quoted);
		database_run(writer.server.admin, sql);
	}
	writer_close(&writer);
}
