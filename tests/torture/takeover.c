/* SPDX-License-Identifier: MIT */
/*
 * takeover.c - a host dies and another takes over.
 *
 *      takeover
 *
 * What the first had accepted is readable at once in the second, while the far end is still away;
 * the second's own records are accepted meanwhile; all arrive, the first's before the second's. Two
 * hosts at a time are refused, with the pid of the one that holds the directory; a child of a dead
 * host, forked without exec, holds nothing.
 */
#include "tests/torture/far_end.h"
#include "tests/torture/lane_directory.h"
#include "tests/torture/story.h"
#include "tests/torture/tracer.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED 20261122
#define FIRST_RECORDS 50
#define SECOND_RECORDS 20
#define KEY 5
#define POLL_US 200

static const char options[] = "lanes=2 lane_slots=64 keys=4 connect=background flush_delay=0";

static struct far_end *far_end;
static struct lane_directory directory;
/* Shared by all processes. */
static struct scene {
	_Atomic bool ready; /* the process has done its part and waits to be killed */
	_Atomic int child;  /* that it forked */
} * scene;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "takeover: %s\n", what);
	exit(1);
}

static void insist(bool holds, const char *what)
{
	if (!holds)
		fail(what);
}

static struct sluice *open_here(void)
{
	return lane_directory_open(&directory, far_end_sink(far_end), &torture_streams, options);
}

/* ---- records ---- */

/* Every tenth is the state of the key, the others are events. */
static struct step step_of(int32_t run, int64_t number)
{
	struct step step = story_step(SEED, run, 0, number);

	step.in_place = false;
	step.kind = number % 10 == 0 ? STEP_OWN : STEP_EVENT;
	step.key = number % 10 == 0 ? KEY : -1;
	return step;
}

static void put_records(struct sluice_lane *lane, int32_t run, int64_t count)
{
	for (int64_t number = 1; number <= count; number++) {
		struct step step = step_of(run, number);

		insist(story_take(&step, lane) == SLUICE_OK, "a put is refused");
	}
}

static void insist_newest(struct sluice_lane *lane, int32_t run, int64_t number)
{
	struct torture_holding got, expected;
	struct step step = step_of(run, number);
	int64_t key = KEY;

	story_holding(&step, &expected);
	insist(sluice_get(lane, &torture_holdings, &key, &got, NULL) == SLUICE_OK,
	       "the key's state is not readable");
	insist(memcmp(&got, &expected, sizeof(got)) == 0, "the key has another state");
}

/* ---- taking over ---- */

static void first_host(void *unused)
{
	(void)unused;
	put_records(lane_directory_attach(open_here()), 0, FIRST_RECORDS);
	atomic_store(&scene->ready, true);
	for (;;)
		pause();
}

static void kill_when_ready(pid_t pid)
{
	while (!atomic_load(&scene->ready))
		usleep(POLL_US);
	tracer_kill(pid);
}

static void second_host(void *unused)
{
	struct sluice *sluice = open_here();
	struct sluice_lane *lane = lane_directory_attach(sluice);
	struct sluice_report report;
	struct sluice_stats stats;

	(void)unused;
	/* The flusher tells, in its first cycle. */
	do {
		usleep(POLL_US);
		sluice_stats(sluice, &stats);
	} while (stats.former.files == 0);
	insist(stats.former.files == 1 && stats.former.files_left == 1 &&
	               stats.former.account.accepted == FIRST_RECORDS &&
	               stats.former.account.pending == FIRST_RECORDS,
	       "stats do not tell what the first host left");
	insist(stats.durability == SLUICE_PROCESS, "stats tell another durability");
	insist_newest(lane, 0, FIRST_RECORDS);
	put_records(lane, 1, SECOND_RECORDS);
	insist_newest(lane, 1, SECOND_RECORDS);
	atomic_store(&far_end->away, false);
	insist(sluice_close(sluice, sluice_seconds(60), &report) == SLUICE_OK, report.reason);
	sluice_stats(sluice, &stats);
	insist(report.account.accepted == SECOND_RECORDS && report.account.pending == 0,
	       "the second host's account is not its own");
	insist(stats.former.files_left == 0 && stats.former.account.pending == 0 &&
	               stats.former.account.committed + stats.former.account.coalesced ==
	                       FIRST_RECORDS,
	       "the first host's account does not add up");
}

/* All events of run 0, then all of run 1. */
static void judge(void)
{
	const struct far_row *row = far_end->rows, *end = row + far_end_row_count(far_end);

	insist(far_end->violation[0] == '\0', far_end->violation);
	insist(far_end_applied(far_end) == FIRST_RECORDS + SECOND_RECORDS,
	       "the far end has not all");
	for (int32_t run = 0; run < 2; run++)
		for (int64_t n = 1; n <= (run == 0 ? FIRST_RECORDS : SECOND_RECORDS); n++) {
			struct step step = step_of(run, n);
			struct torture_event event;

			if (step.kind != STEP_EVENT)
				continue;
			story_event(&step, &event);
			while (row < end && row->stream != &torture_events)
				row++;
			insist(row < end &&
			               memcmp(row->record, &event, story_event_size(&event)) == 0,
			       "an event is lost, or out of order");
			row++;
		}
	insist(lane_directory_files(&directory, NULL) == 0, "a file is left");
}

static void take_over(void)
{
	far_end_clear(far_end);
	atomic_store(&far_end->away, true);
	atomic_store(&scene->ready, false);
	kill_when_ready(tracer_fork(first_host, NULL));
	insist(tracer_wait(tracer_fork(second_host, NULL)) == 0, "the second host failed");
	judge();
	puts("takeover: a second host read, went on and carried all");
}

/* ---- two at once ---- */

static void insist_refused(pid_t holder)
{
	struct sluice_error error;
	char text[512], pid[32];

	snprintf(text, sizeof(text), "dir=%s %s", directory.path, options);
	insist(sluice_open(far_end_sink(far_end), &torture_streams, text, &error) == NULL,
	       "two hosts have the directory");
	insist(error.status == SLUICE_BUSY, error.message);
	snprintf(pid, sizeof(pid), "%d", (int)holder);
	insist(strstr(error.message, pid) != NULL, error.message);
}

static void refuse_second(void)
{
	pid_t pid;

	far_end_clear(far_end);
	atomic_store(&scene->ready, false);
	pid = tracer_fork(first_host, NULL);
	while (!atomic_load(&scene->ready))
		usleep(POLL_US);
	insist_refused(pid);
	kill_when_ready(pid);
	puts("takeover: a second host was refused while the first lived");
}

/* ---- the dead host's child ---- */

static void host_with_child(void *unused)
{
	pid_t child;

	(void)unused;
	put_records(lane_directory_attach(open_here()), 0, FIRST_RECORDS);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	atomic_store(&scene->child, (int)child);
	atomic_store(&scene->ready, true);
	for (;;)
		pause();
}

static void ignore_child(void)
{
	int status;

	far_end_clear(far_end);
	lane_directory_clear(&directory);
	atomic_store(&far_end->away, true);
	atomic_store(&scene->ready, false);
	kill_when_ready(tracer_fork(host_with_child, NULL));
	status = tracer_wait(tracer_fork(second_host, NULL));
	kill((pid_t)atomic_load(&scene->child), SIGKILL);
	insist(status == 0, "the second host failed beside a child of the first");
	judge();
	puts("takeover: a child of the dead host held nothing");
}

int main(void)
{
	far_end = far_end_make(1024, 1024);
	scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	             0);
	lane_directory_make(&directory);
	take_over();
	refuse_second();
	ignore_child();
	lane_directory_remove(&directory);
	return 0;
}
