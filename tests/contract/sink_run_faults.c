/* SPDX-License-Identifier: MIT */
/*
 * sink_run_faults.c - wherever connection or process dies around begin and seal, each run ends with
 * every row once and is sealed.
 *
 * As in sink_faults.c the steps are countable: it breaks after step 0, then after step 1, and so
 * on, until a walk through two runs gets by without being broken.
 */
#include "tests/contract/sink_fault.h"

#include <limits.h>
#include <signal.h>

enum {
	RUNS = 2,
	BATCHES = 3, /* of a run; the second travels by COPY */
	FEW = 5,
	MANY = 100,
	ROWS = FEW + MANY + FEW, /* of a run */
};

static const size_t sizes[BATCHES] = {FEW, MANY, FEW};

/* Batch number `batch`, from 0, of a run whose rows begin behind `first`. */
static void submit(struct driver *driver, uint32_t first, size_t batch)
{
	struct rows executions;
	struct sluice_part part;
	size_t index;

	for (index = 0; index < batch; index++)
		first += (uint32_t)sizes[index];
	executions_make(&executions, first + 1, sizes[batch]);
	for (index = 0; index < executions.count; index++)
		((struct trading_execution *)executions.records)[index].present = 0;
	part = rows_part(&executions);
	driver_submit(driver, &part, 1);
	rows_free(&executions);
}

static void assert_all_there(struct server *server, unsigned runs, const char *when, unsigned step)
{
	cr_assert_eq(database_query_int(server->admin, "SELECT count(*) FROM executions"),
	             runs * ROWS, "%s %u", when, step);
	cr_assert_eq(database_query_int(server->admin,
	                                "SELECT count(DISTINCT execution_id) FROM executions"),
	             runs * ROWS, "%s %u", when, step);
	cr_assert_eq(database_query_int(server->admin,
	                                "SELECT count(*) FROM sluice.lane WHERE sealed_at IS NOT "
	                                "NULL AND applied = '{110,3,0}'"),
	             runs, "%s %u", when, step);
	database_run(server->admin, "TRUNCATE executions, sluice.lane");
}

/* ---- the connection ---- */

static void walk(struct driver *driver)
{
	uint32_t run;
	size_t batch;

	for (run = 0; run < RUNS; run++) {
		driver_begin(driver, driver_new_run());
		for (batch = 0; batch < BATCHES; batch++)
			submit(driver, run * ROWS, batch);
		driver_settle(driver);
		cr_assert_committed(driver);
		driver_seal(driver);
		cr_assert(driver->progress.sealed, "%s", driver->progress.reason);
	}
}

static bool survive(struct server *server, enum fault fault, unsigned steps, uint64_t *reconnects)
{
	struct meddler meddler = {.server = server, .fault = fault, .after = steps};
	struct driver driver;

	driver_start(&driver, server->dsn, NULL);
	meddle_with(&driver, &meddler);
	walk(&driver);
	*reconnects += driver.progress.reconnects;
	driver_close(&driver);
	assert_all_there(server, RUNS, "broken after step", steps);
	return meddler.done;
}

static void survive_everywhere(enum fault fault)
{
	struct server server;
	unsigned steps = 0;
	uint64_t reconnects = 0;

	server_open(&server);
	while (survive(&server, fault, steps, &reconnects))
		steps++;
	cr_assert_gt(steps, 2 * RUNS * BATCHES);
	cr_assert_gt(reconnects, RUNS * BATCHES);
	if (getenv("SLUICE_TEST_VERBOSE") != NULL)
		fprintf(stderr, "broken at %u steps\n", steps);
	server_close(&server);
}

Test(sink_run_faults, a_session_terminated_at_any_step)
{
	survive_everywhere(TERMINATE);
}

Test(sink_run_faults, a_connection_cut_at_any_step)
{
	survive_everywhere(CUT);
}

Test(sink_run_faults, an_answer_lost_at_any_step)
{
	survive_everywhere(LOSE);
}

/* ---- the process ---- */

/* What a process leaves in its file of lanes. */
struct legacy {
	struct sluice_generation runs[RUNS];
	uint32_t run; /* the first that is not known to be sealed */
};

/* It dies when it has taken so many steps. To the database that looks as if its end of the
 * connection were closed: what was sent is still done. */
struct life {
	unsigned steps_left;
	struct server *server; /* NULL, or the last step is not heard: its backend is stopped */
	pid_t backend;         /* that one; 0 if there was none */
};

/* Of the session that is there, 0 if there is none. */
static pid_t backend_of(struct server *server)
{
	return (pid_t)database_query_int(server->admin,
	                                 "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE "
	                                 "datname = current_database() AND "
	                                 "application_name = 'sluice'");
}

static bool is_over(struct life *life)
{
	return life->steps_left == 0 || --life->steps_left == 0;
}

static void speak_unheard(struct driver *driver, struct life *life)
{
	driver_sleep(driver);
	life->backend = backend_of(life->server);
	if (life->backend != 0)
		cr_assert_eq(kill(life->backend, SIGSTOP), 0);
	driver_step(driver);
}

/* One step of the life, after sleeping as the sink asks. Returns false when it was the last. */
static bool live(struct driver *driver, struct life *life)
{
	if (is_over(life)) {
		if (life->server != NULL)
			speak_unheard(driver, life);
		return false;
	}
	driver_sleep(driver);
	driver_step(driver);
	cr_assert_not(driver_stopped(driver), "%s", driver->progress.reason);
	return true;
}

/* Carries what is left of a run, from `positions` on, and seals it. Returns false when it died of
 * it. */
static bool carry_on(struct driver *driver, struct life *life, uint32_t first)
{
	size_t batch;

	for (batch = driver->progress.positions[1]; batch < BATCHES; batch++) {
		while (!driver->progress.ready)
			if (!live(driver, life))
				return false;
		submit(driver, first, batch);
	}
	driver_step(driver);
	while (driver->progress.committed < driver->submitted)
		if (!live(driver, life))
			return false;
	driver->sink->ops->seal(driver->sink);
	driver_step(driver);
	while (!driver->progress.sealed)
		if (!live(driver, life))
			return false;
	return true;
}

/* The same from the beginning. Returns false when it died of it. */
static bool carry(struct driver *driver, struct life *life, struct sluice_generation *run,
                  uint32_t first)
{
	driver_begin(driver, *run);
	while (driver->progress.positions == NULL)
		if (!live(driver, life))
			return false;
	run->known = true;
	return carry_on(driver, life, first);
}

/* Returns false when it died. */
static bool live_once(struct server *server, struct legacy *legacy, unsigned steps)
{
	struct life life = {steps, NULL, 0};
	struct driver driver;
	bool alive = true;

	driver_start(&driver, server->dsn, NULL);
	while (alive && legacy->run < RUNS) {
		alive = carry(&driver, &life, &legacy->runs[legacy->run], legacy->run * ROWS);
		legacy->run += alive;
	}
	driver_close(&driver);
	return alive;
}

/* Each process dies after `steps` steps, every tenth of them later and later: or none might come as
 * far as the next commit. */
static bool die_and_go_on(struct server *server, unsigned steps)
{
	struct legacy legacy = {.runs = {driver_new_run(), driver_new_run()}};
	unsigned lives = 1;

	while (!live_once(server, &legacy, lives % 10 == 0 ? steps + lives : steps))
		lives++;
	assert_all_there(server, RUNS, "every process died after step", steps);
	return lives > 1;
}

Test(sink_run_faults, a_process_that_dies_at_any_step_is_carried_on_by_the_next)
{
	struct server server;
	unsigned steps = 1;

	server_open(&server);
	while (die_and_go_on(&server, steps))
		steps++;
	cr_assert_gt(steps, 2 * RUNS * BATCHES);
	if (getenv("SLUICE_TEST_VERBOSE") != NULL)
		fprintf(stderr, "died at up to %u steps\n", steps);
	server_close(&server);
}

/* ---- the process, and a backend that has not heard of it ---- */

static void go_on(struct server *server, struct life *dead)
{
	if (dead->backend == 0)
		return;
	(void)kill(dead->backend, SIGCONT);
	while (database_query_int(server->admin, "SELECT count(*) FROM pg_stat_activity WHERE "
	                                         "datname = current_database() AND "
	                                         "application_name = 'sluice'") > 1)
		(void)poll(NULL, 0, 1);
	dead->backend = 0;
}

/* Until the run is the successor's. It can't be while the stopped backend holds the row. */
static void take_over(struct server *server, struct driver *driver, struct life *dead)
{
	struct life life = {UINT_MAX, NULL, 0};

	while (driver->progress.positions == NULL) {
		(void)live(driver, &life);
		if (strstr(driver->progress.reason, "55P03") != NULL)
			go_on(server, dead);
	}
	go_on(server, dead);
}

/* One that only makes the run's row. */
static void found(struct server *server, struct sluice_generation *run)
{
	struct life life = {UINT_MAX, NULL, 0};
	struct driver driver;

	driver_start(&driver, server->dsn, NULL);
	driver_begin(&driver, *run);
	while (driver.progress.positions == NULL)
		(void)live(&driver, &life);
	driver_close(&driver);
	run->known = true;
}

/* Returns whether the first process died of it. */
static bool be_unheard(struct server *server, bool is_new, unsigned steps)
{
	struct sluice_generation run = driver_new_run();
	struct life first = {steps, server, 0}, second = {UINT_MAX, NULL, 0};
	struct driver driver;
	bool alive;

	if (!is_new)
		found(server, &run);
	driver_start(&driver, server->dsn, NULL);
	alive = carry(&driver, &first, &run, 0);
	driver_close(&driver);
	if (!alive) {
		driver_start(&driver, server->dsn, NULL);
		driver_begin(&driver, run);
		take_over(server, &driver, &first);
		(void)carry_on(&driver, &second, 0);
		driver_close(&driver);
	}
	assert_all_there(server, 1, "not heard in step", steps);
	return !alive;
}

static void be_unheard_everywhere(bool is_new)
{
	struct server server;
	unsigned steps = 1;

	server_open(&server);
	while (be_unheard(&server, is_new, steps))
		steps++;
	cr_assert_gt(steps, 2 * BATCHES);
	server_close(&server);
}

Test(sink_run_faults, a_new_run_hears_the_dead_after_the_successor)
{
	be_unheard_everywhere(true);
}

Test(sink_run_faults, a_run_that_has_a_row_hears_the_dead_after_the_successor)
{
	be_unheard_everywhere(false);
}
