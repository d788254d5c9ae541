/* SPDX-License-Identifier: MIT */
/* migrate_lock.c - one migration at a time: golang-migrate's two locks, and runners of ours that
 * meet on one database. */
#include "db/clock.h"
#include "db/migrate/migration_lock.h"
#include "tests/contract/migrate_stage.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>

TestSuite(migrate_lock, .init = stage_make, .fini = stage_clean);

static uint32_t lock_id(const char *slash)
{
	char database[72];

	snprintf(database, sizeof(database), "%s%s", slash, PQdb(stage.connection));
	return slu_migration_lock_id("public", "schema_migrations", database);
}

static void take_lock(uint32_t id)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT pg_advisory_lock(%" PRIu32 ")", id);
	database_run(stage.connection, sql);
}

Test(migrate_lock, gives_up_when_golang_migrates_program_holds_the_lock)
{
	stage_add_table("1", "a");
	stage.options.lock_timeout_ns = 1;
	take_lock(lock_id("/"));
	cr_assert_eq(stage_up(), SLUICE_TIMEOUT, "%s", stage.error.message);
	cr_assert_not_null(strstr(stage.error.message, "can't acquire database lock"));
	cr_assert_eq(stage_version(), -1);
}

Test(migrate_lock, gives_up_when_golang_migrates_library_holds_the_lock)
{
	stage_add_table("1", "a");
	stage.options.lock_timeout_ns = 1;
	take_lock(lock_id(""));
	cr_assert_eq(stage_up(), SLUICE_TIMEOUT, "%s", stage.error.message);
	cr_assert_eq(stage_version(), -1);
}

struct runner {
	pthread_t thread;
	size_t applied;
	enum sluice_status status;
};

static void *run_up(void *argument)
{
	struct runner *runner = argument;

	runner->status = slu_migrate_up(&stage.options, SLU_MIGRATE_ALL, &runner->applied, NULL);
	return NULL;
}

/* Waits until a query on the server returns `value`. */
static void wait_for(const char *sql, int64_t value)
{
	while (database_query_int(stage.connection, sql) != value)
		slu_pause_ns(10000000);
}

/* The first runner is held up inside its script while the second one arrives. */
Test(migrate_lock, of_two_runners_one_waits_and_finds_nothing_to_do, .timeout = 120)
{
	struct runner runners[2] = {{.applied = 0}};

	stage_add("1_slow.up.sql", "SELECT pg_advisory_xact_lock(4711); CREATE TABLE slow (a int)");
	stage.options.lock_timeout_ns = UINT64_C(100000000000);
	take_lock(4711);
	pthread_create(&runners[0].thread, NULL, run_up, &runners[0]);
	wait_for("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
	         "objid = 4711",
	         1);
	pthread_create(&runners[1].thread, NULL, run_up, &runners[1]);
	wait_for("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
	         "application_name = 'sluice migrate' AND query = 'ROLLBACK'",
	         1);
	database_run(stage.connection, "SELECT pg_advisory_unlock(4711)");
	pthread_join(runners[0].thread, NULL);
	pthread_join(runners[1].thread, NULL);
	cr_assert_eq(runners[0].status, SLUICE_OK);
	cr_assert_eq(runners[1].status, SLUICE_OK);
	cr_assert_eq(runners[0].applied, 2);
	cr_assert_eq(runners[1].applied, 0);
}

/* golang-migrate marks the database dirty while it runs any script: that alone is no failure. */
Test(migrate_lock, waits_for_golang_migrate_in_the_middle_of_a_script, .timeout = 120)
{
	struct runner runner = {.applied = 0};

	stage_add_table("1", "a");
	stage_add_table("2", "b");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	stage_add_table("3", "c");
	stage_add_table("4", "d");
	stage.options.lock_timeout_ns = UINT64_C(100000000000);
	take_lock(lock_id("/"));
	database_run(stage.connection, "UPDATE schema_migrations SET version = 3, dirty = true");
	pthread_create(&runner.thread, NULL, run_up, &runner);
	wait_for("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
	         "application_name = 'sluice migrate' AND query = 'ROLLBACK'",
	         1);
	database_run(stage.connection,
	             "CREATE TABLE c (a int); UPDATE schema_migrations SET dirty = false");
	database_run(stage.connection, "SELECT pg_advisory_unlock_all()");
	pthread_join(runner.thread, NULL);
	cr_assert_eq(runner.status, SLUICE_OK);
	cr_assert_eq(runner.applied, 1);
	cr_assert_eq(stage_version(), 4);
}

/* ---- a database that others move between our steps ---- */

static void move_up_again(void *context, const char *line)
{
	bool *moved = context;

	if (strncmp(line, "3/d", 3) == 0 && !*moved) {
		*moved = true;
		database_run(stage.connection,
		             "CREATE TABLE c (a int); UPDATE schema_migrations SET version = 3");
	}
}

Test(migrate_lock, down_stops_when_others_move_the_database_between_its_steps)
{
	bool moved = false;

	stage_add_table("1", "a");
	stage_add_table("2", "b");
	stage_add_table("3", "c");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	stage.options.progress = move_up_again;
	stage.options.context = &moved;
	cr_assert_eq(slu_migrate_down(&stage.options, 2, &stage.error), SLUICE_CONFLICT);
	cr_assert_str_eq(stage.error.message,
	                 "another run moved the database meanwhile. What is there now: `sluice "
	                 "migrate status`");
	cr_assert(stage_has_table("b"));
	cr_assert_eq(stage_version(), 3);
}

static void apply_next(void *context, const char *line)
{
	(void)context;
	if (strncmp(line, "1/u", 3) == 0)
		database_run(stage.connection,
		             "CREATE TABLE b (a int); UPDATE schema_migrations SET version = 2");
}

Test(migrate_lock, up_goes_on_from_where_others_have_brought_the_database)
{
	stage_add_table("1", "a");
	stage_add_table("2", "b");
	stage_add_table("3", "c");
	stage.options.progress = apply_next;
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
	cr_assert(stage_has_table("c"));
	cr_assert_eq(stage.applied, 3); /* Sluice's own, 1 and 3 */
}
