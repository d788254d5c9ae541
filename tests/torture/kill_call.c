/* SPDX-License-Identifier: MIT */
/*
 * kill_call.c - kill -9 at every system call of a recovery comes to the same end.
 *
 *      kill_call [--every N] [--seed N]
 *
 * Two processes have died and left records, of which the first file's had partly been carried. A
 * third opens the directory, puts records of its own, carries everything and closes; a debugger
 * counts the system calls of all its threads and kills it at one. A fourth does the same and is
 * killed, too, somewhere. The fifth is let live: then the far end must hold all that any of them
 * had accepted, once, in order. So for every call, until the third gets to its end unharmed.
 */
#include "tests/torture/arguments.h"
#include "tests/torture/far_end.h"
#include "tests/torture/lane_directory.h"
#include "tests/torture/story.h"
#include "tests/torture/tracer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEFT_BEHIND 40 /* records of a process that dies with them */
#define OF_ITS_OWN 10  /* of one that recovers */
#define KEY 3
#define LIVES 5

/* Shared by all processes. */
static struct scene {
	uint64_t seed;
	int32_t life; /* of the process that runs now */
	_Atomic int64_t intended[LIVES], accepted[LIVES];
} * scene;
static struct far_end *far_end;
static struct lane_directory directory;

/* ---- the processes ---- */

/* Events, and at every fifth step the state of one key. */
static struct step step_of(int32_t life, int64_t number)
{
	struct step step = story_step(scene->seed, life, 0, number);

	step.in_place = false;
	step.kind = number % 5 == 0 ? STEP_OWN : STEP_EVENT;
	step.key = number % 5 == 0 ? KEY : -1;
	return step;
}

static void put_records(struct sluice_lane *lane, int64_t count)
{
	int32_t life = scene->life;

	for (int64_t number = 1; number <= count; number++) {
		struct step step = step_of(life, number);

		atomic_store(&scene->intended[life], number);
		if (story_take(&step, lane) != SLUICE_OK)
			_exit(1);
		atomic_store(&scene->accepted[life], number);
	}
}

static struct sluice *open_here(void)
{
	return lane_directory_open(
		&directory, far_end_sink(far_end), &torture_streams,
		"lanes=1 shared_lanes=0 lane_slots=64 keys=4 connect=background flush_delay=0 "
		"flush_rows=16");
}

/* Dies of its own; of the first half of its records the far end has heard, if it was there. */
static void leave_records(void *unused)
{
	struct sluice *sluice = open_here();
	struct sluice_lane *lane = lane_directory_attach(sluice);

	(void)unused;
	put_records(lane, LEFT_BEHIND / 2);
	while (!atomic_load(&far_end->away) && sluice_flush(sluice, sluice_ms(100)) != SLUICE_OK)
		;
	atomic_store(&far_end->away, true);
	for (int64_t number = LEFT_BEHIND / 2 + 1; number <= LEFT_BEHIND; number++) {
		struct step step = step_of(scene->life, number);

		if (story_take(&step, lane) != SLUICE_OK)
			_exit(1);
		atomic_store(&scene->accepted[scene->life], number);
		atomic_store(&scene->intended[scene->life], number);
	}
	_exit(0);
}

static void recover(void)
{
	struct sluice *sluice = open_here();

	put_records(lane_directory_attach(sluice), OF_ITS_OWN);
	if (sluice_close(sluice, sluice_seconds(60), NULL) != SLUICE_OK)
		_exit(1);
}

static void recover_traced(void *unused)
{
	(void)unused;
	tracer_submit();
	tracer_mark_begin();
	recover();
}

static void recover_alone(void *unused)
{
	(void)unused;
	recover();
}

/* ---- the judge ---- */

static unsigned call; /* at which the third process was killed */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "kill_call: killed at call %u: %s\n", call, what);
	fprintf(stderr, "kill_call: again: kill_call --seed %" PRIu64 "\n", scene->seed);
	exit(1);
}

static void insist(bool holds, const char *what)
{
	if (!holds)
		fail(what);
}

static bool is_event(const struct far_row *row, const struct step *step)
{
	struct torture_event event;

	story_event(step, &event);
	return memcmp(row->record, &event, story_event_size(&event)) == 0;
}

/* All events of all lives, in order. */
static void judge_events(void)
{
	const struct far_row *row = far_end->rows, *end = row + far_end_row_count(far_end);

	for (int32_t life = 0; life < LIVES; life++)
		for (int64_t n = 1; n <= atomic_load(&scene->intended[life]); n++) {
			struct step step = step_of(life, n);
			bool accepted = n <= atomic_load(&scene->accepted[life]);

			if (step.kind != STEP_EVENT)
				continue;
			while (row < end && row->stream != &torture_events)
				row++;
			if (row < end && is_event(row, &step))
				row++;
			else
				insist(!accepted, "an event is lost, doubled or out of order");
		}
	for (; row < end; row++)
		insist(row->stream != &torture_events, "an event too many");
}

/* The key went forward, to its last record. */
static void judge_states(void)
{
	const struct far_row *last = NULL;
	struct torture_holding holding, expected;
	int32_t life = LIVES - 1;
	struct step step;

	for (size_t i = 0; i < far_end_row_count(far_end); i++) {
		if (far_end->rows[i].stream != &torture_holdings)
			continue;
		insist(last == NULL || last->version < far_end->rows[i].version,
		       "a version went back");
		last = &far_end->rows[i];
	}
	insist(last != NULL, "the key is lost");
	step = step_of(life, OF_ITS_OWN);
	story_holding(&step, &expected);
	memcpy(&holding, last->record, sizeof(holding));
	insist(memcmp(&holding, &expected, sizeof(holding)) == 0, "the key's last state is lost");
}

static void judge(void)
{
	uint64_t accepted = 0, intended = 0, applied = far_end_applied(far_end);

	for (int32_t life = 0; life < LIVES; life++) {
		accepted += (uint64_t)atomic_load(&scene->accepted[life]);
		intended += (uint64_t)atomic_load(&scene->intended[life]);
	}
	insist(far_end->violation[0] == '\0', far_end->violation);
	insist(lane_directory_files(&directory, NULL) == 0, "a file is left");
	insist(lane_directory_quarantined(&directory) == 0, "a file was set aside");
	insist(applied >= accepted && applied <= intended, "the account does not add up");
	judge_events();
	judge_states();
}

/* ---- a life after the other ---- */

static void live(int32_t life, void (*process)(void *))
{
	scene->life = life;
	insist(tracer_wait(tracer_fork(process, NULL)) == 0, "a process failed by itself");
}

/* False: it came to its end before. */
static bool live_until(int32_t life, unsigned count)
{
	int status = 0;
	pid_t pid;

	scene->life = life;
	pid = tracer_fork(recover_traced, NULL);
	insist(tracer_await(pid), "a process died before its recovery");
	if (tracer_kill_at_call(pid, count, &status))
		return true;
	insist(status == 0, "a process failed by itself");
	return false;
}

static bool kill_one(void)
{
	bool killed;

	far_end_clear(far_end);
	lane_directory_clear(&directory);
	for (int32_t life = 0; life < LIVES; life++) {
		atomic_store(&scene->intended[life], 0);
		atomic_store(&scene->accepted[life], 0);
	}
	live(0, leave_records);
	live(1, leave_records);
	atomic_store(&far_end->away, false);
	killed = live_until(2, call);
	live_until(3, 1 + (unsigned)(story_draw(scene->seed, call, 0, 0) % call));
	live(4, recover_alone);
	judge();
	return killed;
}

int main(int argc, char **arguments)
{
	unsigned stride = (unsigned)argument_number(arguments, "--every", 1);
	unsigned kills = 0;

	if (stride == 0 || argc % 2 == 0) {
		fputs("usage: kill_call [--every N] [--seed N]\n", stderr);
		return 2;
	}
	scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	             0);
	scene->seed = argument_number(arguments, "--seed", 20261122);
	far_end = far_end_make(1024, 1024);
	lane_directory_make(&directory);
	for (call = 1; kill_one(); call += stride)
		kills++;
	lane_directory_remove(&directory);
	printf("kill_call: seed %" PRIu64 ", %u kills at calls 1 to %u, and as many of its "
	       "successor: always the same end\n",
	       scene->seed, kills, call - 1);
	return 0;
}
