/* SPDX-License-Identifier: MIT */
/*
 * kill_step.c - kill -9 at every instruction of a put loses nothing that was accepted.
 *
 *      kill_step [--every N] [--act NAME] [--place NAME]
 *
 * A victim comes to a place in its lane, then acts once: it appends, puts, removes.. A debugger
 * walks it so many instructions into that and kills it; the next victim gets one instruction more,
 * until the act is done. After each kill the lane's file must be sound, and a fresh process must
 * carry from it, exactly once and intact, every record accepted before, the act's if its call had
 * returned, and of one that was under way all or nothing. Exactly one instruction may be the one
 * that accepts.
 */
#include "tests/torture/arguments.h"
#include "tests/torture/far_end.h"
#include "tests/torture/lane_directory.h"
#include "tests/torture/story.h"
#include "tests/torture/tracer.h"

#include "core/file/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEED 20261122
#define SLOTS 64
#define KEY 7            /* that the act is about */
#define STEPS_MAX 100000 /* instructions of an act: more are a loop */

/* ---- places ---- */

struct place {
	const char *name;
	uint64_t before; /* records accepted when the act begins */
	bool released;   /* all of them are committed and their slots free again */
};

static const struct place places[] = {
	{"first", 0, false},        /* slot of a new file */
	{"middle", 10, false},      /* */
	{"last", SLOTS - 1, false}, /* slot of the ring */
	{"full", SLOTS, false},     /* refused */
	{"again", SLOTS + 5, true}, /* a slot that was filled before */
	{"again_last", 2 * SLOTS - 1, true},
	{"again_first", 2 * SLOTS, true},
};

/* ---- acts ---- */

struct act {
	const char *name;
	enum step_kind kind;
	bool in_place;
	bool known_key; /* the lane's first record is the key's */
};

static const struct act acts[] = {
	{"append", STEP_EVENT, false, false},    {"append_in_place", STEP_EVENT, true, false},
	{"put_new_key", STEP_OWN, false, false}, {"put_known_key", STEP_OWN, false, true},
	{"put_in_place", STEP_OWN, true, true},  {"put_if", STEP_COUNTER, false, true},
	{"remove", STEP_REMOVE, false, true},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the victim ---- */

/* Shared by all processes. */
static struct scene {
	const struct place *place;
	const struct act *act;
	uint64_t before;      /* records accepted when the act begins */
	_Atomic int returned; /* 1 + the status of the act's call */
} * scene;
static struct far_end *far_end;
static struct lane_directory directory;

/* Record `number` of the lane, from 1: those before the act's are events, but for the one that
 * makes the key known. */
static struct step step_of(uint64_t number)
{
	const struct act *act = scene->act;
	struct step step = story_step(SEED, 0, 0, (int64_t)number);

	step.key = KEY;
	step.kind = act->known_key && number == 1 ? STEP_OWN : STEP_EVENT;
	step.in_place = false;
	if (number > scene->before) {
		step.kind = act->kind;
		step.in_place = act->in_place;
	}
	return step;
}

/* Until all that was accepted is committed, and its slots are free again. */
static void await_release(struct sluice *sluice)
{
	struct sluice_stats stats;

	if (sluice_flush(sluice, sluice_seconds(60)) != SLUICE_OK)
		exit(1);
	do {
		usleep(500);
		sluice_stats(sluice, &stats);
	} while (stats.lane_depth > 0);
}

static void go_to_place(struct sluice *sluice, struct sluice_lane *lane)
{
	for (uint64_t number = 1; number <= scene->before; number++) {
		struct step step = step_of(number);
		enum sluice_status status;

		while ((status = story_take(&step, lane)) == SLUICE_FULL && scene->place->released)
			await_release(sluice);
		if (status != SLUICE_OK)
			exit(1);
	}
	if (scene->place->released)
		await_release(sluice);
	atomic_store(&far_end->away, true);
}

static void victim(void *unused)
{
	struct sluice *sluice = lane_directory_open(
		&directory, far_end_sink(far_end), &torture_streams,
		"lanes=1 shared_lanes=0 lane_slots=64 keys=1 connect=background flush_delay=10s");
	struct sluice_lane *lane = lane_directory_attach(sluice);
	struct step step = step_of(scene->before + 1);
	union torture_record record;
	enum sluice_status status;

	(void)unused;
	go_to_place(sluice, lane);
	story_record(&step, &record);
	tracer_submit();
	tracer_mark_begin();
	status = story_put(&step, &record, lane);
	atomic_store(&scene->returned, 1 + (int)status);
	tracer_mark_end();
}

/* Carries what a former process left. */
static void successor(void *unused)
{
	struct sluice *sluice = lane_directory_open(&directory, far_end_sink(far_end),
	                                            &torture_streams,
	                                            "lanes=1 shared_lanes=0 lane_slots=64 keys=1");

	(void)unused;
	if (sluice_close(sluice, sluice_seconds(60), NULL) != SLUICE_OK)
		exit(1);
}

/* ---- the judge ---- */

static unsigned instruction; /* after which the victim was killed */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "kill_step: %s at %s, killed after %u instructions: %s\n", scene->act->name,
	        scene->place->name, instruction, what);
	exit(1);
}

static void insist(bool holds, const char *what)
{
	if (!holds)
		fail(what);
}

/* How many records the lane's file holds as accepted, from the lane's beginning. */
static uint64_t read_end(void)
{
	struct slu_directory opened;
	struct slu_listing listing;
	struct slu_reader reader;
	struct sluice_error error;
	struct slu_env *env = slu_env_system(&error);
	uint64_t end;

	insist(env != NULL, error.message);
	insist(slu_directory_open(&opened, env, directory.path, SLU_DIRECTORY_LOOK, &error) ==
	                       SLUICE_OK &&
	               slu_directory_list(&opened, &listing, &error) == SLUICE_OK,
	       error.message);
	insist(listing.count == 1, "there is not one file");
	insist(slu_reader_open(&reader, &opened, listing.names[0], &error) == SLUICE_OK,
	       error.message);
	insist(reader.verdict == SLU_FILE_SOUND, reader.reason);
	end = reader.lanes[0].end;
	slu_reader_close(&reader);
	slu_listing_free(&listing);
	slu_directory_close(&opened);
	return end;
}

static bool is_event(const struct far_row *row, const struct step *step)
{
	struct torture_event event;

	story_event(step, &event);
	return row->stream == &torture_events &&
	       memcmp(row->record, &event, story_event_size(&event)) == 0;
}

/* Of the record that made the key known. */
static int64_t count_before(void)
{
	struct step step = step_of(1);
	struct torture_holding holding;

	story_holding(&step, &holding);
	return holding.count;
}

static bool is_holding(const struct far_row *row, const struct step *step)
{
	struct torture_holding holding;

	story_holding(step, &holding);
	if (step->kind == STEP_COUNTER)
		holding.count = count_before() + 1;
	return row->stream == &torture_holdings && row->version > 0 &&
	       row->removed == (step->kind == STEP_REMOVE) &&
	       (row->removed ? memcmp(row->record, &holding.key, sizeof(holding.key)) == 0
	                     : memcmp(row->record, &holding, sizeof(holding)) == 0);
}

/* Every event once, in order; of the key every version once, in order, but the older of two that
 * went out together. */
static void judge_rows(uint64_t accepted)
{
	const struct far_row *row = far_end->rows, *end = row + far_end_row_count(far_end);
	const struct far_row *last = NULL;
	uint64_t events = 0;
	struct step newest = {0};

	for (uint64_t number = 1; number <= accepted; number++) {
		struct step step = step_of(number);

		if (step.kind != STEP_EVENT) {
			newest = step;
			continue;
		}
		while (row < end && row->stream != &torture_events)
			row++;
		insist(row < end, "an accepted event is lost");
		insist(is_event(row++, &step), "an event is not the one expected");
		events++;
	}
	for (row = far_end->rows; row < end; row++) {
		if (row->stream == &torture_events) {
			insist(events-- > 0, "an event too many");
			continue;
		}
		insist(last == NULL || last->version < row->version, "a version went back");
		last = row;
	}
	insist((last != NULL) == (newest.number != 0), "a key too many, or one lost");
	insist(last == NULL || is_holding(last, &newest), "not the newest version of the key");
}

static void judge(bool finished)
{
	bool refused = scene->before == SLOTS && !scene->place->released;
	int returned = atomic_load(&scene->returned);
	uint64_t end = read_end();

	insist(!finished || returned == 1 + (int)(refused ? SLUICE_FULL : SLUICE_OK),
	       "the act's call returned what it should not");
	insist(end == scene->before || end == scene->before + 1, "records are lost or invented");
	insist(returned != 1 + (int)SLUICE_OK || end == scene->before + 1,
	       "the record was accepted, and is lost");
	insist(!refused || end == scene->before, "a refused record is there");
	atomic_store(&far_end->away, false);
	insist(tracer_wait(tracer_fork(successor, NULL)) == 0, "the successor failed");
	insist(far_end->violation[0] == '\0', far_end->violation);
	insist(lane_directory_files(&directory, NULL) == 0, "the file is still there");
	insist(far_end_applied(far_end) == end, "not all that was accepted was carried");
	judge_rows(end);
}

/* ---- walking ---- */

static pid_t start_victim(void)
{
	pid_t pid;

	far_end_clear(far_end);
	atomic_store(&far_end->away, !scene->place->released);
	atomic_store(&scene->returned, 0);
	pid = tracer_fork(victim, NULL);
	insist(tracer_await(pid), "the victim died before its act");
	return pid;
}

/* One victim walked to the end of its act, and its file read after every instruction: what is
 * accepted once stays so. Its flusher stands still: a put that sees the flush epoch move takes a
 * step back, and while it is walked that would be often. Sets the number of the instruction that
 * accepted, 0 if none did; returns that of all. */
static unsigned watch(unsigned *accepting)
{
	uint64_t end = scene->before;
	pid_t pid = start_victim();

	pid_t flusher;

	*accepting = 0;
	while ((flusher = atomic_load(&far_end->flusher_tid)) == 0)
		usleep(100);
	tracer_stop(flusher);
	for (instruction = 1; tracer_step(pid); instruction++) {
		uint64_t end_now = read_end();

		insist(instruction < STEPS_MAX, "it does not end");
		insist(end_now >= end, "what was accepted is not any more");
		if (end_now > end)
			*accepting = instruction;
		end = end_now;
	}
	tracer_release(flusher);
	tracer_kill(pid);
	judge(true);
	return instruction - 1;
}

/* True: the act was over before. */
static bool kill_one(void)
{
	bool finished = false;
	pid_t pid = start_victim();

	for (unsigned step = 0; step < instruction && !finished; step++)
		finished = !tracer_step(pid);
	tracer_kill(pid);
	judge(finished);
	return finished;
}

/* All instructions of the act, or every `stride`-th. Returns the number of kills. */
static unsigned walk(unsigned stride)
{
	unsigned accepting, instructions = watch(&accepting);
	unsigned kills = 1;

	insist((accepting != 0) == (scene->before != SLOTS || scene->place->released),
	       "it is not accepted where it should be, or it is where it should not");
	for (instruction = 0; !kill_one(); instruction += stride) {
		insist(instruction < STEPS_MAX, "it does not end");
		kills++;
	}
	printf("  %-16s %-12s %4u instructions, %4u kills", scene->act->name, scene->place->name,
	       instructions, kills);
	if (accepting > 0)
		printf(", accepted by the %u-th", accepting);
	printf("\n");
	fflush(stdout);
	return kills;
}

/* ---- main ---- */

static bool matches(const char *wanted, const char *name)
{
	return wanted == NULL || strcmp(wanted, name) == 0;
}

int main(int argc, char **arguments)
{
	unsigned stride = (unsigned)argument_number(arguments, "--every", 1);
	const char *act = argument_text(arguments, "--act", NULL);
	const char *place = argument_text(arguments, "--place", NULL);
	unsigned kills = 0;

	if (stride == 0 || argc % 2 == 0) {
		fputs("usage: kill_step [--every N] [--act NAME] [--place NAME]\n", stderr);
		return 2;
	}
	scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	             0);
	far_end = far_end_make(1024, 1024);
	lane_directory_make(&directory);
	for (size_t i = 0; i < COUNT_OF(acts); i++)
		for (size_t j = 0; j < COUNT_OF(places); j++) {
			if (!matches(act, acts[i].name) || !matches(place, places[j].name))
				continue;
			scene->act = &acts[i];
			scene->place = &places[j];
			scene->before = places[j].before;
			/* The record that makes the key known comes first. */
			if (scene->before == 0)
				scene->before = acts[i].known_key;
			kills += walk(stride);
		}
	lane_directory_remove(&directory);
	printf("kill_step: %u kills, nothing lost, doubled, torn or invented\n", kills);
	return 0;
}
