/* SPDX-License-Identifier: MIT */
/* witness.c - engines that write down what they do, and the process around them. */
#include "tests/torture/witness.h"

#include <pthread.h>
#include <sluice/postgres.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATIENCE_NS sluice_seconds(120)

struct witness *witness_make(void)
{
	struct witness *witness = mmap(NULL, sizeof(*witness), PROT_READ | PROT_WRITE,
	                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (witness == MAP_FAILED) {
		perror("witness: no memory");
		abort();
	}
	return witness;
}

void witness_clear(struct witness *witness, uint64_t seed)
{
	memset(witness, 0, sizeof(*witness));
	witness->seed = seed;
}

/* ---- an engine ---- */

struct engine {
	struct witness *witness;
	struct sluice *sluice;
	int32_t run, number;
	int64_t step_max;
	pthread_t thread;
};

static _Noreturn void give_up(struct witness *witness, const char *doing, const char *why)
{
	snprintf(witness->failure, sizeof(witness->failure), "%s: %.200s", doing, why);
	_exit(1);
}

static struct sluice_lane *lane_of(const struct engine *engine)
{
	struct sluice_error error;
	struct sluice_lane *lane = engine->number == WITNESS_SHARED_ENGINE
	                                   ? sluice_shared(engine->sluice, &error)
	                                   : sluice_attach(engine->sluice, engine->number, &error);

	if (lane == NULL)
		give_up(engine->witness, "attach", error.message);
	return lane;
}

static void take(const struct engine *engine, struct sluice_lane *lane, int64_t number)
{
	struct witness_engine *own = &engine->witness->runs[engine->run].engines[engine->number];
	struct step step = story_step(engine->witness->seed, engine->run, engine->number, number);
	enum sluice_status status;

	/* A shared lane can't be reserved. */
	step.in_place &= engine->number != WITNESS_SHARED_ENGINE;
	atomic_store_explicit(&own->intended, number, memory_order_release);
	while ((status = story_take(&step, lane)) == SLUICE_FULL)
		usleep(50);
	if (status != SLUICE_OK)
		give_up(engine->witness, "put", sluice_status_name(status));
	atomic_store_explicit(&own->accepted, number, memory_order_release);
}

static void *engine_main(void *argument)
{
	const struct engine *engine = argument;
	struct sluice_lane *lane = lane_of(engine);

	for (int64_t number = 1; number <= engine->step_max; number++)
		take(engine, lane, number);
	atomic_fetch_add(&engine->witness->runs[engine->run].ended, 1);
	return NULL;
}

/* ---- the process ---- */

static struct sluice *open_instance(struct witness *witness, int32_t run, const char *directory,
                                    const char *dsn)
{
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(dsn, NULL, &error);
	struct sluice *sluice;
	char options[512];

	if (sink == NULL)
		give_up(witness, "open the sink", error.message);
	/* Short lanes are full most of the time, long ones leave much behind. */
	snprintf(options, sizeof(options),
	         "dir=%s lanes=2 shared_lanes=2 lane_slots=%d keys=256 flush_rows=1000 "
	         "connect=background",
	         directory, 64 << story_draw(witness->seed, (uint64_t)run, 0, 0) % 10);
	sluice = sluice_open(sink, &torture_streams, options, &error);
	if (sluice == NULL)
		give_up(witness, "open", error.message);
	return sluice;
}

/* For whoever wonders why a run hangs. */
static void note_standing(struct witness_run *own, struct sluice *sluice)
{
	struct sluice_stats stats;

	sluice_stats(sluice, &stats);
	snprintf(own->standing, sizeof(own->standing), "%s: %.200s", sluice_state_name(stats.state),
	         stats.reason);
}

void witness_run(struct witness *witness, int32_t run, const char *directory, const char *dsn,
                 int64_t step_max)
{
	struct witness_run *own = &witness->runs[run];
	struct engine engines[WITNESS_ENGINES];
	struct sluice_stats stats;
	struct sluice *sluice = open_instance(witness, run, directory, dsn);

	for (int32_t i = 0; i < WITNESS_ENGINES; i++) {
		engines[i] = (struct engine){witness, sluice, run, i, step_max, 0};
		if (pthread_create(&engines[i].thread, NULL, engine_main, &engines[i]) != 0)
			give_up(witness, "start an engine", "no thread");
	}
	atomic_store(&own->phase, WITNESS_RUNNING);
	while (atomic_load(&own->ended) < WITNESS_ENGINES) {
		note_standing(own, sluice);
		usleep(10000);
	}
	for (int32_t i = 0; i < WITNESS_ENGINES; i++)
		pthread_join(engines[i].thread, NULL);
	while (!witness->closes)
		usleep(100000); /* until it is killed */
	atomic_store(&own->phase, WITNESS_CLOSING);
	if (sluice_close(sluice, PATIENCE_NS, &own->report) != SLUICE_OK)
		give_up(witness, "close", own->report.reason);
	sluice_stats(sluice, &stats);
	own->former = stats.former;
	atomic_store(&own->phase, WITNESS_CLOSED);
}
