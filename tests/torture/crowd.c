/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - many more threads than cores and than lanes: the account is exact, every record arrives
 * once and intact, in the order of its thread.
 *
 *      crowd
 *
 * Sixty-four threads with a lane each; then sixty-four that take turns at eight lanes, leasing one
 * for a few records at a time, half of them ending without giving it back; then sixty-four behind a
 * few shared lanes.
 */
#include "tests/torture/far_end.h"
#include "tests/torture/lane_directory.h"
#include "tests/torture/story.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEED 20261122
#define THREADS 64
#define RECORDS 1500 /* a thread's */
#define TURN 50      /* records of one lease */

enum way { OWN_LANE, TURNS, SHARED };

static struct far_end *far_end;
static struct lane_directory directory;
static struct sluice *sluice;
static enum way way;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "crowd: %s\n", what);
	exit(1);
}

/* ---- a thread ---- */

static void put_events(struct sluice_lane *lane, int32_t thread, int64_t from, int64_t to)
{
	for (int64_t number = from; number <= to; number++) {
		struct step step = story_step(SEED, 0, thread, number);
		enum sluice_status status;

		step.kind = STEP_EVENT;
		step.in_place = false;
		while ((status = story_take(&step, lane)) == SLUICE_FULL)
			sched_yield();
		if (status != SLUICE_OK)
			fail(sluice_status_name(status));
	}
}

static struct sluice_lane *lease(void)
{
	struct sluice_lane *lane;
	struct sluice_error error;

	while ((lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error)) == NULL) {
		if (error.status != SLUICE_FULL)
			fail(error.message);
		usleep(100);
	}
	return lane;
}

static void take_turns(int32_t thread)
{
	for (int64_t number = 1; number <= RECORDS; number += TURN) {
		struct sluice_lane *lane = lease();

		put_events(lane, thread, number, number + TURN - 1);
		/* The last lease of every second thread ends with the thread. */
		if (thread % 2 == 0 && number + TURN > RECORDS)
			return;
		if (sluice_detach(lane) != SLUICE_OK)
			fail("detach");
	}
}

static void *thread_main(void *argument)
{
	int32_t thread = (int32_t)(intptr_t)argument;
	struct sluice_error error;

	if (way == OWN_LANE)
		put_events(lease(), thread, 1, RECORDS);
	else if (way == TURNS)
		take_turns(thread);
	else
		put_events(sluice_shared(sluice, &error), thread, 1, RECORDS);
	return NULL;
}

/* ---- the judge ---- */

/* The next number expected of each thread. Through several lanes neighbours may change places
 * within a transaction, so there each number is only counted. */
static void judge_rows(void)
{
	static bool seen[THREADS][RECORDS + 1];
	int64_t next[THREADS];

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < THREADS; i++)
		next[i] = 1;
	for (size_t i = 0; i < far_end_row_count(far_end); i++) {
		struct torture_event event, expected;
		struct step step;

		memcpy(&event, far_end->rows[i].record, sizeof(event));
		if (event.engine < 0 || event.engine >= THREADS || event.number < 1 ||
		    event.number > RECORDS || seen[event.engine][event.number])
			fail("a record that was never put, or twice the same");
		seen[event.engine][event.number] = true;
		if (way == OWN_LANE && event.number != next[event.engine]++)
			fail("out of order");
		step = story_step(SEED, 0, event.engine, event.number);
		story_event(&step, &expected);
		if (memcmp(&event, &expected, story_event_size(&expected)) != 0)
			fail("a record is not what was put");
	}
}

static void run(enum way now, const char *name, const char *options)
{
	pthread_t threads[THREADS];
	struct sluice_report report;

	way = now;
	far_end_clear(far_end);
	sluice = lane_directory_open(&directory, far_end_sink(far_end), &torture_streams, options);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_main, (void *)(intptr_t)i) != 0)
			fail("no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (sluice_close(sluice, sluice_seconds(120), &report) != SLUICE_OK)
		fail(report.reason);
	if (far_end->violation[0] != '\0')
		fail(far_end->violation);
	if (report.account.accepted != THREADS * RECORDS ||
	    report.account.committed != THREADS * RECORDS ||
	    far_end_row_count(far_end) != THREADS * RECORDS)
		fail("the account does not add up");
	judge_rows();
	printf("crowd: %d threads, %s: %d records, each once\n", THREADS, name, THREADS * RECORDS);
}

int main(void)
{
	far_end = far_end_make(100000, THREADS * RECORDS + 1);
	lane_directory_make(&directory);
	run(OWN_LANE, "a lane each", "lanes=64 shared_lanes=0 lane_slots=256");
	run(TURNS, "eight lanes in turns", "lanes=8 shared_lanes=0 lane_slots=256");
	run(SHARED, "three shared lanes", "lanes=1 shared_lanes=3 lane_slots=256");
	lane_directory_remove(&directory);
	return 0;
}
