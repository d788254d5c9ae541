/* SPDX-License-Identifier: MIT */
/* migrate_stop.c - a run that is asked to end: between scripts, inside one, and while it waits for
 * the lock. The script that is to be interrupted waits for a lock of the test's. */
#include "cli/commands.h"
#include "db/clock.h"
#include "db/migrate/migration_lock.h"
#include "tests/contract/migrate_stage.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static pthread_t runner;
static int exit_status;

static void make_waiting_script(void)
{
	stage_make();
	stage_add_table("0001", "a");
	stage_add("0002_b.up.sql", "SELECT pg_advisory_xact_lock(4711); CREATE TABLE b (a int)");
	stage_add_table("0003", "c");
	database_run(stage.connection, "SELECT pg_advisory_lock(4711)");
}

TestSuite(migrate_stop, .init = make_waiting_script, .fini = stage_clean, .timeout = 120);

static void *run_cli(void *argument)
{
	exit_status = stage_cli(argument);
	return NULL;
}

static void wait_for(const char *sql, int64_t value)
{
	while (database_query_int(stage.connection, sql) != value)
		slu_pause_ns(10000000);
}

/* Runs the program until it is inside the second script. */
static void start(const char *command)
{
	pthread_create(&runner, NULL, run_cli, (void *)command);
	wait_for("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
	         "objid = 4711",
	         1);
}

static void end(void)
{
	pthread_join(runner, NULL);
}

Test(migrate_stop, one_request_lets_the_script_finish_and_begins_no_other)
{
	start("up");
	kill(getpid(), SIGINT);
	slu_pause_ns(
		400000000); /* so that it is heard while the script runs: only the words differ */
	database_run(stage.connection, "SELECT pg_advisory_unlock(4711)");
	end();
	cr_assert_eq(exit_status, CLI_FAILED);
	cr_assert_not_null(strstr(stage.err,
	                          "2/u b (N ms)\nerror: stopped before 0003_c.up.sql: the "
	                          "database is at version 2. `sluice migrate up` goes "
	                          "on from there\n"),
	                   "%s", stage.err);
	cr_assert_eq(stage_version(), 2);
	cr_assert_not(stage_has_table("c"));
}

Test(migrate_stop, a_second_request_rolls_the_script_back)
{
	start("up");
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGINT);
	end();
	cr_assert_eq(exit_status, CLI_FAILED);
	cr_assert_not_null(strstr(stage.err, "Cancelling this running migration ...\n"
	                                     "error: 0002_b.up.sql:1: canceling statement due to "
	                                     "user request (SQLSTATE 57014). As you asked for: "
	                                     "nothing of this script was applied; `sluice migrate "
	                                     "version` tells where the database is\n"),
	                   "%s", stage.err);
	cr_assert_eq(stage_version(), 1);
	cr_assert_not(stage_has_table("b"));
}

static enum sluice_migrate_stop at_once(void *context)
{
	(void)context;
	return SLUICE_MIGRATE_STOP_AFTER;
}

Test(migrate_stop, who_waits_for_the_lock_leaves_at_once)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT pg_advisory_lock(%" PRIu32 ")",
	         slu_migration_lock_id("public", "schema_migrations", PQdb(stage.connection)));
	database_run(stage.connection, sql);
	stage.options.lock_timeout_ns = UINT64_C(3600000000000);
	stage.options.stop = at_once;
	cr_assert_eq(slu_migrate_force(&stage.options, 1, &stage.error), SLUICE_FAILED);
	cr_assert_str_eq(stage.error.message,
	                 "stopped while another migration held the database lock; nothing was "
	                 "begun");
}

Test(migrate_stop, the_announcement_comes_from_the_run_and_once)
{
	start("up");
	kill(getpid(), SIGINT);
	wait_for("SELECT count(pg_sleep(0.5))", 1);
	database_run(stage.connection, "SELECT pg_advisory_unlock(4711)");
	end();
	cr_assert_str_eq(stage.err, "sluice 1/u sluice (N ms)\n1/u a (N ms)\n"
	                            "Stopping after this running migration ... (again to roll it "
	                            "back)\n2/u b (N ms)\n"
	                            "error: stopped before 0003_c.up.sql: the database is at "
	                            "version 2. `sluice migrate up` goes on from there\n");
}
