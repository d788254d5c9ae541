/* SPDX-License-Identifier: MIT */
/*
 * held.c - a thread that a debugger holds keeps nobody else from going on, and nothing is lost.
 *
 *      held
 *
 * Held engine: one engine is stopped in the middle of a put, at many instructions of it. The others
 * go on while their lanes have room, appends for as long as they like; the stall is named in stats
 * by the lane. Held flusher: engines go on until their lanes are full. Let go, all goes on, and the
 * accounts are exact.
 */
#include "tests/torture/far_end.h"
#include "tests/torture/lane_directory.h"
#include "tests/torture/story.h"
#include "tests/torture/tracer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED 20261122
#define SLOTS 64
#define EVENTS (20 * SLOTS) /* that go through a lane while another's engine is held */
#define STRIDE 41           /* instructions from one held place to the next */
#define POLL_US 200
#define PATIENCE_US 60000000 /* for what must happen; no test measures it */
#define HELD_KEY 1
#define OTHER_KEY 2

enum { HELD, STATES, EVENTS_ONLY, ENGINES };

/* Shared by tracer and victim. */
static struct scene {
	_Atomic int tid[ENGINES]; /* of the engine's thread */
	_Atomic uint32_t lane[ENGINES];
	_Atomic bool go;       /* the others may begin */
	_Atomic bool returned; /* the held engine's call has */
	_Atomic uint64_t accepted[ENGINES];
	_Atomic bool states_full; /* that engine's lane had no room any more */
	_Atomic bool events_done;
	_Atomic bool held;     /* still: the others wait for this to pass */
	_Atomic bool named;    /* stats told of the held engine */
	_Atomic bool misnamed; /* or of another */
	struct sluice_report report;
	int status; /* of close */
} * scene;
static struct far_end *far_end;
static struct lane_directory directory;
static struct sluice *sluice;
static unsigned instruction;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "held: after %u instructions: %s\n", instruction, what);
	exit(1);
}

static void insist(bool holds, const char *what)
{
	if (!holds)
		fail(what);
}

/* Once more around a loop that waits: not for ever. */
static void go_round(uint64_t *rounds)
{
	if (++*rounds > PATIENCE_US / POLL_US)
		fail("what must happen does not");
	usleep(POLL_US);
}

static void await(const _Atomic bool *word, bool wanted)
{
	uint64_t rounds = 0;

	while (atomic_load(word) != wanted)
		go_round(&rounds);
}

static struct sluice *open_here(const char *options)
{
	char text[256];

	snprintf(text, sizeof(text), "lane_slots=%d keys=16 flush_delay=0 %s", SLOTS, options);
	return lane_directory_open(&directory, far_end_sink(far_end), &torture_streams, text);
}

/* ---- the victim's engines ---- */

static struct sluice_lane *begin_engine(int engine)
{
	struct sluice_lane *lane = lane_directory_attach(sluice);
	struct sluice_ticket ticket;
	struct torture_event event;
	struct step step = story_step(SEED, 0, engine, 1);

	story_event(&step, &event);
	if (sluice_put(lane, &torture_events, &event, story_event_size(&event), &ticket) !=
	    SLUICE_OK)
		fail("a first put is refused");
	atomic_store(&scene->accepted[engine], 1);
	atomic_store(&scene->lane[engine], ticket.lane);
	atomic_store(&scene->tid[engine], (int)syscall(SYS_gettid));
	return lane;
}

static enum sluice_status put_once(int engine, struct sluice_lane *lane, enum step_kind kind,
                                   int64_t key)
{
	uint64_t number = atomic_load(&scene->accepted[engine]) + 1;
	struct step step = story_step(SEED, 0, engine, (int64_t)number);
	enum sluice_status status;

	step.kind = kind;
	step.key = key;
	step.in_place = false;
	status = story_take(&step, lane);
	if (status == SLUICE_OK)
		atomic_store(&scene->accepted[engine], number);
	else if (status != SLUICE_FULL)
		fail(sluice_status_name(status));
	return status;
}

static void *held_engine(void *unused)
{
	struct sluice_lane *lane;

	tracer_submit(); /* before the tracer is told whom to wait for */
	lane = begin_engine(HELD);
	tracer_mark_begin();
	if (put_once(HELD, lane, STEP_OWN, HELD_KEY) != SLUICE_OK)
		fail("the held put was refused");
	atomic_store(&scene->returned, true);
	return unused;
}

/* Until its lane is full, if it gets full: the held engine may be in a place where it holds up
 * nothing. */
static void *states_engine(void *unused)
{
	struct sluice_lane *lane = begin_engine(STATES);

	await(&scene->go, true);
	while (atomic_load(&scene->held)) {
		if (put_once(STATES, lane, STEP_OWN, OTHER_KEY) == SLUICE_OK)
			continue;
		atomic_store(&scene->states_full, true);
		usleep(POLL_US);
	}
	for (int left = SLOTS; left > 0;)
		if (put_once(STATES, lane, STEP_OWN, OTHER_KEY) == SLUICE_OK)
			left--;
		else
			usleep(POLL_US);
	return unused;
}

static void *events_engine(void *unused)
{
	struct sluice_lane *lane = begin_engine(EVENTS_ONLY);

	await(&scene->go, true);
	for (int left = EVENTS; left > 0;)
		if (put_once(EVENTS_ONLY, lane, STEP_EVENT, -1) == SLUICE_OK)
			left--;
		else
			usleep(POLL_US);
	atomic_store(&scene->events_done, true);
	return unused;
}

/* Until the stall is over. */
static void watch_stats(void)
{
	struct sluice_stats stats;

	while (atomic_load(&scene->held)) {
		sluice_stats(sluice, &stats);
		if (stats.stalled_ns > 0 && stats.stalled_lane == atomic_load(&scene->lane[HELD]))
			atomic_store(&scene->named, true);
		else if (stats.stalled_ns > 0)
			atomic_store(&scene->misnamed, true);
		usleep(POLL_US);
	}
}

static void victim(void *unused)
{
	void *(*const engines[ENGINES])(void *) = {held_engine, states_engine, events_engine};
	pthread_t threads[ENGINES];

	(void)unused;
	sluice = open_here("lanes=3 shared_lanes=0");
	for (int i = 0; i < ENGINES; i++)
		if (pthread_create(&threads[i], NULL, engines[i], NULL) != 0)
			fail("no thread");
	watch_stats();
	for (int i = 0; i < ENGINES; i++)
		pthread_join(threads[i], NULL);
	scene->status = (int)sluice_close(sluice, sluice_seconds(120), &scene->report);
}

/* ---- the tracer ---- */

static void clear_scene(void)
{
	memset(scene, 0, sizeof(*scene));
	atomic_store(&scene->held, true);
	far_end_clear(far_end);
}

static uint64_t all_accepted(void)
{
	uint64_t accepted = 0;

	for (int i = 0; i < ENGINES; i++)
		accepted += atomic_load(&scene->accepted[i]);
	return accepted;
}

static void judge(void)
{
	const struct sluice_account *account = &scene->report.account;

	insist(scene->status == SLUICE_OK, "close left something pending");
	insist(far_end->violation[0] == '\0', far_end->violation);
	insist(account->accepted == all_accepted() && account->pending == 0 &&
	               account->accepted == account->committed + account->coalesced,
	       "the account does not add up");
	insist(far_end_applied(far_end) == account->accepted &&
	               far_end_row_count(far_end) == account->committed,
	       "the far end has not what the account tells");
}

static void await_tid(const _Atomic int *tid)
{
	uint64_t rounds = 0;

	while (atomic_load(tid) == 0)
		go_round(&rounds);
}

/* Holds the engine after `instruction` of its put. Returns false when the call had returned by
 * then; sets `*stalled` when the others' states came to a stop. */
static bool hold_engine(bool *stalled)
{
	uint64_t rounds = 0;
	bool inside;
	pid_t pid, tid;

	clear_scene();
	pid = tracer_fork(victim, NULL);
	for (int i = 0; i < ENGINES; i++)
		await_tid(&scene->tid[i]);
	tid = atomic_load(&scene->tid[HELD]);
	insist(tracer_await(tid), "the engine did not come to its put");
	/* A put takes its version again while the epoch moves on, so one walk is longer than the
	 * next: no step leads on from where the call has returned. */
	for (unsigned step = 0; step < instruction && !atomic_load(&scene->returned); step++)
		insist(tracer_step(tid), "the engine died");
	inside = !atomic_load(&scene->returned);
	atomic_store(&scene->go, true);
	await(&scene->events_done, true);
	/* Where the flusher must wait for it, the others' states run out of room, and it is told
	 * which engine is to blame. Elsewhere room never ends. */
	while (!atomic_load(&scene->named) && atomic_load(&scene->accepted[STATES]) < 4 * SLOTS)
		go_round(&rounds);
	*stalled = atomic_load(&scene->named);
	if (*stalled)
		await(&scene->states_full, true);
	insist(!atomic_load(&scene->misnamed), "stats name another engine");
	atomic_store(&scene->held, false);
	tracer_release(tid);
	insist(tracer_wait(pid) == 0, "the victim failed");
	insist(atomic_load(&scene->returned), "the held put never returned");
	judge();
	return inside;
}

static void hold_engine_everywhere(void)
{
	unsigned places = 0, stalls = 0;
	bool stalled, inside = true;

	for (instruction = 0; inside; instruction += STRIDE) {
		inside = hold_engine(&stalled);
		places++;
		stalls += stalled;
	}
	insist(stalls > 0, "no place of a put holds up the flusher: is it walked at all?");
	printf("held: an engine held at %u places of a put, at %u of them named in stats; the "
	       "others went on\n",
	       places, stalls);
}

/* ---- the flusher held ---- */

static void engine_alone(void *unused)
{
	struct sluice_lane *lane;
	int refused = 0;

	(void)unused;
	sluice = open_here("lanes=1 shared_lanes=0");
	lane = begin_engine(EVENTS_ONLY);
	await(&scene->go, true);
	while (refused < 100) {
		if (put_once(EVENTS_ONLY, lane, STEP_EVENT, -1) == SLUICE_FULL) {
			refused++;
			atomic_store(&scene->states_full, true);
		}
	}
	atomic_store(&scene->events_done, true);
	await(&scene->held, false);
	for (int left = SLOTS; left > 0;)
		if (put_once(EVENTS_ONLY, lane, STEP_EVENT, -1) == SLUICE_OK)
			left--;
		else
			usleep(POLL_US);
	scene->status = (int)sluice_close(sluice, sluice_seconds(120), &scene->report);
}

static void hold_flusher(void)
{
	uint64_t before, rounds = 0;
	pid_t pid, tid;

	clear_scene();
	instruction = 0;
	pid = tracer_fork(engine_alone, NULL);
	await_tid(&scene->tid[EVENTS_ONLY]);
	/* Its first event committed and its slot free, the lane is empty. */
	while (far_end_applied(far_end) < 1)
		go_round(&rounds);
	tid = atomic_load(&far_end->flusher_tid);
	tracer_stop(tid);
	before = atomic_load(&scene->accepted[EVENTS_ONLY]);
	atomic_store(&scene->go, true);
	await(&scene->events_done, true);
	insist(atomic_load(&scene->accepted[EVENTS_ONLY]) - before >= SLOTS - 1 &&
	               atomic_load(&scene->accepted[EVENTS_ONLY]) - before <= SLOTS,
	       "without a flusher a lane takes what fits, and then refuses");
	tracer_release(tid);
	atomic_store(&scene->held, false);
	insist(tracer_wait(pid) == 0, "the victim failed");
	judge();
	printf("held: the flusher held, a lane took %d records and refused; all were carried after\n",
	       (int)(SLOTS));
}

int main(void)
{
	scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	             0);
	far_end = far_end_make(100000, 200000);
	lane_directory_make(&directory);
	hold_engine_everywhere();
	hold_flusher();
	lane_directory_remove(&directory);
	return 0;
}
