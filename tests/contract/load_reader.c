/* SPDX-License-Identifier: MIT */
/*
 * load_reader.c - the set of connections itself: what it may, what it is called, whether it fits
 * beside the others, and what a server that is away costs.
 */
#include "db/server/postgres_programs.h"
#include "sink/load_set.h"
#include "tests/contract/load_stage.h"
#include "tests/contract/sink_dial_server.h"

#include <limits.h>
#include <unistd.h>

TestSuite(reader, .init = stage_open, .fini = stage_close, .timeout = 120);

/* ---- what it may ---- */

static enum sluice_status ask(const char *sql, char *answer, size_t size)
{
	uint64_t until_ns = driver_now() + PATIENCE_NS;
	struct slu_question question = {.where = "test", .sql = sql};
	struct slu_seat *seat;
	enum sluice_status status;
	PGresult *result;

	assert_status(slu_set_borrow(stage.reader, until_ns, &seat, &stage.error), SLUICE_OK);
	status = slu_seat_ask(seat, &question, until_ns, &result, &stage.error);
	if (status == SLUICE_OK && answer != NULL)
		snprintf(answer, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	slu_set_give_back(stage.reader, seat);
	return status;
}

Test(reader, its_sessions_are_read_only)
{
	char answer[64];

	assert_status(ask("SHOW transaction_read_only", answer, sizeof(answer)), SLUICE_OK);
	cr_assert_str_eq(answer, "on");
	assert_status(ask("UPDATE providers SET alias = 'x'", NULL, 0), SLUICE_FAILED);
	assert_told("25006");
	assert_status(ask("SELECT 1", NULL, 0), SLUICE_OK);
	cr_assert_eq(stage_stats().open, 1);
}

Test(reader, its_sessions_have_a_name_and_timeouts)
{
	static const char *const settings[][2] = {
		{"SHOW application_name", READER_NAME},
		{"SHOW statement_timeout", "30s"},
		{"SHOW lock_timeout", "5s"},
		{"SHOW idle_in_transaction_session_timeout", "30s"},
	};
	char answer[64];

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		assert_status(ask(settings[i][0], answer, sizeof(answer)), SLUICE_OK);
		cr_assert_str_eq(answer, settings[i][1]);
	}
}

Test(reader, the_server_ends_a_statement_that_takes_too_long)
{
	struct sluice_reader_options options = {.statement_timeout_ns = sluice_ms(50)};

	sluice_reader_close(stage.reader);
	stage.reader = sluice_reader_open(stage.server.dsn, &options, &stage.error);
	cr_assert_not_null(stage.reader, "%s", stage.error.message);
	assert_status(ask("SELECT pg_sleep(60)", NULL, 0), SLUICE_TIMEOUT);
	assert_told("57014");
	cr_assert_eq(stage_stats().in_use, 0);
}

/* ---- options ---- */

static void assert_not_opened(const char *dsn, const struct sluice_reader_options *options,
                              enum sluice_status status)
{
	cr_assert_null(sluice_reader_open(dsn, options, &stage.error));
	cr_assert_eq(stage.error.status, status, "%s", stage.error.message);
}

Test(reader, options_out_of_their_bounds_are_refused)
{
	struct sluice_reader_options options = {.connections = 17};

	assert_not_opened(stage.server.dsn, &options, SLUICE_INVALID);
	assert_told("1 to 16");
	options = (struct sluice_reader_options){.connect_timeout_ns = 1};
	assert_not_opened(stage.server.dsn, &options, SLUICE_INVALID);
	assert_told("connect_timeout_ns");
}

Test(reader, a_conninfo_that_is_none_is_not_repeated)
{
	assert_not_opened("password=secret no", NULL, SLUICE_INVALID);
	cr_assert_null(strstr(stage.error.message, "secret"));
}

/* ---- whether it fits ---- */

Test(reader, a_set_beyond_the_database_s_limit_is_refused_with_the_numbers)
{
	struct sluice_reader_options options = {.connections = 4};
	char *dsn;

	database_run(stage.server.admin,
	             "DO $$BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 6', "
	             "current_database()); END$$; CREATE ROLE plain LOGIN");
	cr_assert_gt(asprintf(&dsn, "%s user=plain", stage.server.dsn), 0);
	/* Admin, sink and the stage's own reader are there: with one more there are four. */
	assert_not_opened(dsn, &options, SLUICE_FULL);
	assert_told("a set of 4 connections does not fit: the database takes 6, 4 are in use");
	assert_told("ALTER DATABASE .. CONNECTION LIMIT");
	options.connections = 3;
	sluice_reader_close(stage.reader);
	stage.reader = sluice_reader_open(dsn, &options, &stage.error);
	cr_assert_not_null(stage.reader, "%s", stage.error.message);
	sluice_reader_close(stage.reader);
	stage.reader = NULL;
	database_run(stage.server.admin, "DROP ROLE plain");
	free(dsn);
}

Test(reader, a_set_beyond_the_role_s_limit_is_refused_with_the_numbers)
{
	struct sluice_reader_options options = {.connections = 3};
	char *dsn;

	database_run(stage.server.admin, "CREATE ROLE scarce LOGIN CONNECTION LIMIT 2");
	cr_assert_gt(asprintf(&dsn, "%s user=scarce", stage.server.dsn), 0);
	assert_not_opened(dsn, &options, SLUICE_FULL);
	assert_told("a set of 3 connections does not fit: the role takes 2, 1 are in use");
	database_run(stage.server.admin, "DROP ROLE scarce");
	free(dsn);
}

static struct tcp_server *make_server(const char *lines)
{
	struct tcp_server *server = tcp_server_make("127.0.0.1");

	tcp_server_set(server, lines);
	tcp_server_run(server);
	return server;
}

Test(reader, a_set_beyond_max_connections_is_refused_and_two_stay_free)
{
	struct tcp_server *server =
		make_server("max_connections = 12\nsuperuser_reserved_connections = 3\n");
	struct sluice_reader_options options = {.connections = 11};
	struct sluice_reader *reader;
	struct sluice_reader_stats stats;

	assert_not_opened(tcp_server_dsn(server), &options, SLUICE_FULL);
	assert_told("takes 12, 1 are in use and 2 are to stay free");
	assert_told("raise max_connections");
	options.connections = 10;
	reader = sluice_reader_open(tcp_server_dsn(server), &options, &stage.error);
	cr_assert_not_null(reader, "%s", stage.error.message);
	sluice_reader_stats(reader, &stats);
	cr_assert_eq(stats.connections, 10);
	cr_assert_eq(stats.server_connections, 12);
	cr_assert_eq(stats.server_in_use, 1);
	cr_assert_eq(stats.open, 1);
	cr_assert(!stats.standby);
	sluice_reader_close(reader);
	tcp_server_remove(server);
}

/* ---- a server that is away ---- */

Test(reader, a_server_that_is_away_is_told_and_met_again)
{
	struct tcp_server *server = make_server("");
	struct sluice_reader *reader = sluice_reader_open(tcp_server_dsn(server), NULL,
	                                                  &stage.error);
	struct sluice_uuid id = order_id(1);
	struct trading_order order;

	cr_assert_not_null(reader, "%s", stage.error.message);
	tcp_server_halt(server);
	assert_status(sluice_fetch(reader, stage.lane, &trading_orders, &id, &order, NULL,
	                           PATIENCE_NS, &stage.error),
	              SLUICE_FAILED);
	assert_status(
		sluice_load(reader, stage.lane, &trading_orders, NULL, NULL, NULL, &stage.error),
		SLUICE_FAILED);
	assert_not_opened(tcp_server_dsn(server), NULL, SLUICE_FAILED);
	tcp_server_run(server);
	assert_status(sluice_fetch(reader, stage.lane, &trading_orders, &id, &order, NULL,
	                           PATIENCE_NS, &stage.error),
	              SLUICE_FAILED);
	assert_told("42P01"); /* there, but without the table */
	sluice_reader_close(reader);
	tcp_server_remove(server);
}

/* ---- the shipped role ---- */

static const char *script_path(void)
{
	static char path[PATH_MAX];
	const char *end = strstr(__FILE__, "/tests/contract/");

	cr_assert_not_null(end);
	snprintf(path, sizeof(path), "%.*s/db/roles/sluice_reader.sql", (int)(end - __FILE__),
	         __FILE__);
	return path;
}

/* Runs the script; returns psql's exit status. */
static int run_script(const char *variables)
{
	char programs[PATH_MAX], command[3 * PATH_MAX];

	cr_assert_eq(slu_postgres_programs_find(programs, sizeof(programs), &stage.error),
	             SLUICE_OK, "%s", stage.error.message);
	snprintf(command, sizeof(command), "%s/psql -Xq -d '%s' %s -f '%s' >/dev/null 2>&1",
	         programs, stage.server.dsn, variables, script_path());
	return system(command);
}

/* A table that it may not read, and a write past the session's own settings. */
static void assert_forbidden(const char *dsn)
{
	static const char *const forbidden[] = {
		"SELECT * FROM providers",
		"SELECT * FROM sluice.lane",
		"SELECT * FROM sluice.dead_letter",
		"DELETE FROM orders",
		"UPDATE orders SET version = 1",
		"CREATE TABLE t (id int)",
		"LOCK TABLE orders IN EXCLUSIVE MODE",
	};
	PGconn *connection = database_connect(dsn);

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		PGresult *result;
		const char *sqlstate;

		database_run(connection, "BEGIN READ WRITE");
		result = PQexec(connection, forbidden[i]);
		sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		cr_assert(sqlstate != NULL && strcmp(sqlstate, "42501") == 0, "%s: %s",
		          forbidden[i], PQresultErrorMessage(result));
		PQclear(result);
		database_run(connection, "ROLLBACK");
	}
	PQfinish(connection);
}

Test(reader, the_shipped_role_loads_and_fetches_and_nothing_else)
{
	struct trading_order order;
	char *dsn;

	stage_fill(10);
	cr_assert_neq(run_script(""), 0, "without a name");
	cr_assert_eq(run_script("-v 'reader=order reader' -v connections=2"), 0);
	cr_assert_eq(run_script("-v 'reader=order reader'"), 0, "not a second time");
	cr_assert_gt(asprintf(&dsn, "%s user='order reader'", stage.server.dsn), 0);
	assert_forbidden(dsn);
	sluice_reader_close(stage.reader);
	stage.reader = sluice_reader_open(dsn, NULL, &stage.error);
	cr_assert_not_null(stage.reader, "%s", stage.error.message);
	assert_status(order_fetch(4, &order, NULL, PATIENCE_NS), SLUICE_OK);
	assert_status(stage_load(NULL, NULL), SLUICE_OK);
	cr_assert_eq(stage.loaded.warmed, 9);
	cr_assert_eq(database_query_int(stage.server.admin, "SELECT rolconnlimit FROM pg_roles "
	                                                    "WHERE rolname = 'order reader'"),
	             2);
	sluice_reader_close(stage.reader);
	stage.reader = NULL;
	database_run(stage.server.admin, "DROP OWNED BY \"order reader\"; "
	                                 "DROP ROLE \"order reader\"");
	free(dsn);
}
