/* SPDX-License-Identifier: MIT */
/*
 * sink_faults.c - whenever the connection dies, and however, every row is there once.
 *
 * The sink's steps are few and countable: each test breaks the connection after step 0, then after
 * step 1, and so on, until a run gets by without being broken.
 */
#include "tests/contract/sink_fault.h"

#include "db/server/disposable.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PARENTS = 3000,  /* of a batch: three array statements */
	CHILDREN = 3000, /* of a COPY: some chunks of 64 KiB */
	FEW = 5,
};

struct content {
	size_t orders;
	size_t executions;
};

static const struct content contents[] = {
	{FEW, FEW},          /* pipeline */
	{PARENTS, FEW},      /* pipeline, more than a socket's buffer */
	{0, CHILDREN},       /* string */
	{PARENTS, CHILDREN}, /* pipeline, string, pipeline */
};

enum { CONTENTS = sizeof(contents) / sizeof(contents[0]) };

static void submit(struct driver *driver, const struct content *content, uint32_t first)
{
	struct sluice_part parts[2];
	struct rows orders = {0};
	struct rows executions = {0};
	size_t count = 0;

	if (content->orders > 0) {
		orders_make(&orders, first, content->orders, 1);
		parts[count++] = rows_part(&orders);
	}
	if (content->executions > 0) {
		size_t index;
		struct trading_execution *records;

		executions_make(&executions, first, content->executions);
		records = (struct trading_execution *)executions.records;
		for (index = 0; index < content->executions && content->orders == 0; index++)
			records[index].present = 0;
		parts[count++] = rows_part(&executions);
	}
	driver_submit(driver, parts, count);
	rows_free(&orders);
	rows_free(&executions);
}

/* Two batches of `content`, broken after `steps` steps since the connection was there, or since it
 * was begun. Returns false when they were committed before. */
static bool survive(struct server *server, const struct content *content, enum fault fault,
                    unsigned steps, bool connected, uint64_t *reconnects)
{
	struct meddler meddler = {.server = server, .fault = fault, .after = steps};
	struct driver driver;

	driver_start(&driver, server->dsn, NULL);
	if (!connected)
		meddle_with(&driver, &meddler);
	driver_begin(&driver, driver_new_run());
	if (connected)
		driver_connect(&driver);
	meddle_with(&driver, &meddler);
	submit(&driver, content, 1);
	submit(&driver, content, PARENTS + 1);
	driver_settle(&driver);
	/* The last answer may have been there already: then nothing more was lost. */
	cr_assert_eq(driver.progress.committed, driver.submitted, "%s", driver.progress.reason);
	*reconnects += driver.progress.reconnects;
	cr_assert_rows(server, 2 * content->orders, 2 * content->executions);
	driver_close(&driver);
	database_run(server->admin, "TRUNCATE orders, executions");
	return meddler.done;
}

static void survive_everywhere(enum fault fault, bool connected)
{
	struct server server;
	size_t index;

	server_open(&server);
	for (index = 0; index < CONTENTS; index++) {
		unsigned steps = 0;
		uint64_t reconnects = 0;

		while (survive(&server, &contents[index], fault, steps, connected, &reconnects))
			steps++;
		cr_assert(steps > 0);
		cr_assert(reconnects > 0 || !connected);
		if (getenv("SLUICE_TEST_VERBOSE") != NULL)
			fprintf(stderr, "shape %zu: broken at %u steps\n", index, steps);
	}
	server_close(&server);
}

Test(sink_faults, a_session_terminated_at_any_step_loses_and_doubles_nothing)
{
	survive_everywhere(TERMINATE, true);
}

Test(sink_faults, a_connection_cut_at_any_step_loses_and_doubles_nothing)
{
	survive_everywhere(CUT, true);
}

Test(sink_faults, an_answer_lost_at_any_step_loses_and_doubles_nothing)
{
	survive_everywhere(LOSE, true);
}

Test(sink_faults, a_session_terminated_while_connecting_loses_and_doubles_nothing)
{
	survive_everywhere(TERMINATE, false);
}

Test(sink_faults, an_answer_lost_while_connecting_loses_and_doubles_nothing)
{
	survive_everywhere(LOSE, false);
}

Test(sink_faults, an_idle_session_that_ends_is_replaced_before_it_is_needed)
{
	struct server server;
	struct driver driver;
	unsigned step;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	inflict(&server, &driver, TERMINATE);
	/* A sink that doesn't sleep runs out of steps. */
	for (step = 0; step < 1000 && driver.progress.reconnects == 0; step++) {
		driver_sleep(&driver);
		driver_step(&driver);
	}
	cr_assert_eq(driver.progress.reconnects, 1);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_RUNNING);
	driver_close(&driver);
	server_close(&server);
}

/* A session that the sink left behind is still at work on the row of its fence. The database plays
 * that session, in the sink's name. */
static PGconn *open_zombie(const char *dsn)
{
	PGconn *zombie = database_connect(dsn);

	database_run(zombie, "BEGIN; UPDATE sluice.lane SET applied = '{5,1,0}'; "
	                     "INSERT INTO executions (provider_id, execution_id, fill_quantity, "
	                     "fill_price, traded_at) VALUES (1, 'zombie', 1, 1, now())");
	return zombie;
}

Test(sink_faults, a_session_left_behind_is_ended)
{
	struct server server;
	struct driver driver;
	struct content content = {FEW, 0};
	PGconn *zombie;

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	zombie = open_zombie(server.dsn);
	inflict(&server, &driver, TERMINATE);
	submit(&driver, &content, 1);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_rows(&server, FEW, 0);
	PQclear(PQexec(zombie, "COMMIT"));
	cr_assert_eq(PQstatus(zombie), CONNECTION_BAD);
	cr_assert_rows(&server, FEW, 0);
	PQfinish(zombie);
	driver_close(&driver);
	server_close(&server);
}

/* One that is not ours to end has another role: nothing may be decided before it has ended, and then
 * it has committed the sink's batch. */
Test(sink_faults, a_session_left_behind_that_can_not_be_ended_is_waited_for)
{
	struct server server;
	struct driver driver;
	struct content content = {FEW, 0};
	PGconn *zombie;
	char dsn[300], sql[200];

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	snprintf(sql, sizeof(sql), "CREATE ROLE zombie_%ld LOGIN SUPERUSER", (long)getpid());
	database_run(server.admin, sql);
	snprintf(dsn, sizeof(dsn), "%s user=zombie_%ld", server.dsn, (long)getpid());
	zombie = open_zombie(dsn);
	inflict(&server, &driver, TERMINATE);
	submit(&driver, &content, 1);
	/* To the point where the sink's new session waits for the lock. */
	while (database_query_int(server.admin,
	                          "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
		(void)poll(NULL, 0, 10);
		driver_step(&driver);
	}
	cr_assert_eq(driver.progress.committed, 0);
	database_run(zombie, "COMMIT");
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_rows(&server, 0, 1);
	PQfinish(zombie);
	snprintf(sql, sizeof(sql), "DROP ROLE zombie_%ld", (long)getpid());
	database_run(server.admin, sql);
	driver_close(&driver);
	server_close(&server);
}

/* Of time only the sink's own is moved. The table's lock stands for a server that hangs. */
Test(sink_faults, a_server_silent_in_the_middle_of_a_batch_is_left)
{
	struct server server;
	struct driver driver;
	struct content content = {CHILDREN, CHILDREN};

	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	driver_connect(&driver);
	database_run(server.admin, "BEGIN; LOCK TABLE executions");
	submit(&driver, &content, 1);
	driver_step(&driver);
	while (poll(&(struct pollfd){.fd = driver.progress.fd, .events = POLLIN}, 1, 500) > 0)
		driver_step(&driver);
	driver_step(&driver);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_RUNNING);
	driver.ahead_ns = sluice_seconds(31);
	driver_step(&driver);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_CONNECTING);
	cr_assert_not_null(strstr(driver.progress.reason, "silent"));
	database_run(server.admin, "ROLLBACK");
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_eq(driver.progress.reconnects, 1);
	cr_assert_rows(&server, CHILDREN, CHILDREN);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_faults, a_server_that_does_not_answer_a_connect_is_left)
{
	struct driver driver;
	int listener;
	char dsn[128];
	char directory[] = "/tmp/sluice-test-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	/* A socket that nobody accepts from. */
	cr_assert_not_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", directory);
	snprintf(dsn, sizeof(dsn), "host=%s port=5432 dbname=x user=x", directory);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listener, 5), 0);
	driver_open(&driver, dsn, NULL, NULL);
	driver_step(&driver);
	driver_step(&driver);
	cr_assert_geq(driver.progress.fd, 0);
	cr_assert_lt(driver.progress.wake_ns, UINT64_MAX);
	driver.ahead_ns = sluice_seconds(11);
	driver_step(&driver);
	cr_assert_eq(driver.progress.fd, -1);
	cr_assert_not_null(strstr(driver.progress.reason, "no answer in time"));
	cr_assert_eq(driver.progress.reconnects, 0);
	driver_close(&driver);
	close(listener);
	(void)unlink(address.sun_path);
	(void)rmdir(directory);
}

Test(sink_faults, a_killed_server_is_waited_for)
{
	struct sluice_error error;
	struct slu_disposable *disposable = slu_disposable_start(&error);
	struct content content = {PARENTS, CHILDREN};
	struct server server;
	struct driver driver;
	unsigned kill;

	cr_assert(disposable != NULL, "%s", error.message);
	setenv("SLUICE_TEST_DSN", slu_disposable_dsn(disposable), 1);
	server_open(&server);
	PQfinish(server.admin);
	driver_open(&driver, server.dsn, NULL, NULL);
	for (kill = 0; kill < 4; kill++) {
		unsigned step;

		submit(&driver, &content, 1 + kill * PARENTS);
		for (step = 0; step < 3 * kill; step++) {
			driver_sleep(&driver);
			driver_step(&driver);
		}
		cr_assert_eq(slu_disposable_kill9(disposable, &error), SLUICE_OK);
		driver_step(&driver);
		driver_sleep(&driver);
		driver_step(&driver);
		cr_assert_eq(slu_disposable_restart(disposable, &error), SLUICE_OK);
	}
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_geq(driver.progress.reconnects, 1);
	server.admin = database_connect(server.dsn);
	cr_assert_rows(&server, 4 * PARENTS, 4 * CHILDREN);
	driver_close(&driver);
	server_close(&server);
	cr_assert_eq(slu_disposable_stop(disposable, &error), SLUICE_OK);
}
