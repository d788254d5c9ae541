/* SPDX-License-Identifier: MIT */
/*
 * sink_run_faults.c - wherever connection or process dies around begin and seal, each run ends with
 * every row once and is sealed.
 *
 * As in sink_faults.c the steps are countable: it breaks after step 0, then after step 1, and so
 * on, until a walk through two runs gets by without being broken.
 */
#include "tests/contract/sink_fault.h"

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

static void assert_all_there(struct server *server, const char *when, unsigned step)
{
	cr_assert_eq(database_query_int(server->admin, "SELECT count(*) FROM executions"),
	             RUNS * ROWS, "%s %u", when, step);
	cr_assert_eq(database_query_int(server->admin,
	                                "SELECT count(DISTINCT execution_id) FROM executions"),
	             RUNS * ROWS, "%s %u", when, step);
	cr_assert_eq(database_query_int(server->admin,
	                                "SELECT count(*) FROM sluice.lane WHERE sealed_at IS NOT "
	                                "NULL AND applied = '{110,3,0}'"),
	             RUNS, "%s %u", when, step);
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
	assert_all_there(server, "broken after step", steps);
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
};

static bool is_over(struct life *life)
{
	return life->steps_left == 0 || --life->steps_left == 0;
}

/* One step of the life, after sleeping as the sink asks. Returns false when it was the last. */
static bool live(struct driver *driver, struct life *life)
{
	if (is_over(life))
		return false;
	driver_sleep(driver);
	driver_step(driver);
	cr_assert_neq(driver->progress.state, SLUICE_STATE_HALTED, "%s", driver->progress.reason);
	return true;
}

/* Carries what is left of a run, as the database tells it. Returns false when it died of it. */
static bool carry(struct driver *driver, struct life *life, struct sluice_generation *run,
                  uint32_t first)
{
	size_t batch;

	driver_begin(driver, *run);
	while (driver->progress.positions == NULL)
		if (!live(driver, life))
			return false;
	run->known = true;
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

/* Returns false when it died. */
static bool live_once(struct server *server, struct legacy *legacy, unsigned steps)
{
	struct life life = {steps};
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
	assert_all_there(server, "every process died after step", steps);
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
