/* SPDX-License-Identifier: MIT */
/* fork.c - a forked child owns nothing: every call says so, and the parent does not notice. */
#include "world.h"

#include "core/grace.h"
#include "core/lease.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	struct sluice *sluice;
	struct sluice_lane *lane, *reserving, *free, *shared;
	struct sluice_ticket ticket;
};

static struct fixture f;

/* The system's own memory, which a child does not even have. */
static void set_up(void)
{
	struct sluice_error error;
	struct item item = {.id = 7, .value = 70};
	void *record;

	f.sluice = sluice_open(sluice_null_open(), &world_streams, "lanes=3 lane_slots=64 keys=64",
	                       &error);
	cr_assert_not_null(f.sluice, "%s", error.message);
	f.lane = world_attach(f.sluice, 0);
	f.reserving = world_attach(f.sluice, 1);
	f.free = &f.sluice->lanes[2];
	f.shared = sluice_shared(f.sluice, NULL);
	cr_assert_not_null(f.shared);
	assert_status(sluice_put(f.lane, &items, &item, sizeof(item), &f.ticket), SLUICE_OK);
	assert_status(sluice_reserve(f.reserving, &events, NULL, &record), SLUICE_OK);
}

static void tear_down(void)
{
	sluice_close(f.sluice, 0, NULL);
}

TestSuite(fork, .init = set_up, .fini = tear_down);

/* Runs `calls` in a child and returns what it returned there. */
static int in_child(int (*calls)(void))
{
	int status;
	pid_t child = fork();

	cr_assert_neq(child, -1);
	if (child == 0) {
		alarm(20); /* whatever hangs is found out */
		_exit(calls());
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "the child was killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* The number of the first call whose status is not `expected`, 0 when all are. */
static int first_other(enum sluice_status expected, const enum sluice_status *statuses, int count)
{
	for (int i = 0; i < count; i++)
		if (statuses[i] != expected)
			return i + 1;
	return 0;
}

static enum sluice_status attach_status(void)
{
	struct sluice_error error = {.status = SLUICE_OK};

	return sluice_attach(f.sluice, 0, &error) == NULL ? error.status : SLUICE_OK;
}

static enum sluice_status shared_status(void)
{
	struct sluice_error error = {.status = SLUICE_OK};

	return sluice_shared(f.sluice, &error) == NULL ? error.status : SLUICE_OK;
}

static int call_everything(void)
{
	struct item item = {.id = 7};
	struct sluice_report report;
	void *record;
	const enum sluice_status statuses[] = {
		put_item(f.lane, 7, 71),
		put_event(f.lane, 1),
		sluice_put_if(f.lane, &items, &item, sizeof(item), 0, NULL),
		sluice_reserve(f.lane, &items, &item.id, &record),
		sluice_commit(f.reserving, NULL),
		sluice_remove(f.lane, &items, &item.id, NULL),
		sluice_get(f.lane, &items, &item.id, &item, NULL),
		sluice_warm(f.lane, &items, &item, sizeof(item), 1),
		sluice_detach(f.lane),
		put_event(f.free, 1),
		attach_status(),
		shared_status(),
		put_item(f.shared, 7, 71),
		put_event(f.shared, 1),
		sluice_get(f.shared, &items, &item.id, &item, NULL),
		sluice_warm(f.shared, &items, &item, sizeof(item), 1),
		sluice_reserve(f.shared, &items, &item.id, &record),
		sluice_commit(f.shared, NULL),
		sluice_detach(f.shared),
		sluice_wait(f.sluice, f.ticket, SLUICE_COMMITTED, 0),
		sluice_flush(f.sluice, 0),
		sluice_adjust(f.sluice, "flush_rows=1", NULL),
		sluice_pause(f.sluice),
		sluice_resume(f.sluice),
		sluice_close(f.sluice, sluice_seconds(1), &report),
		sluice_close(f.sluice, sluice_seconds(1), &report),
	};

	sluice_cancel(f.reserving);
	return first_other(SLUICE_FORKED, statuses, sizeof(statuses) / sizeof(statuses[0]));
}

Test(fork, in_a_child_every_call_is_forked)
{
	assert_equal(in_child(call_everything), 0);
}

Test(fork, the_parent_goes_on_as_before)
{
	(void)in_child(call_everything);
	assert_status(put_item(f.lane, 7, 71), SLUICE_OK);
	assert_status(sluice_commit(f.reserving, NULL), SLUICE_OK);
	assert_status(sluice_flush(f.sluice, sluice_seconds(30)), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 71);
}

static int call_closed(void)
{
	const enum sluice_status statuses[] = {
		put_item(f.lane, 7, 71), sluice_flush(f.sluice, 0), sluice_close(f.sluice, 0, NULL),
		attach_status(),         shared_status(),           put_item(f.shared, 7, 71),
	};

	return first_other(SLUICE_CLOSED, statuses, sizeof(statuses) / sizeof(statuses[0]));
}

Test(fork, what_was_closed_before_is_closed_in_the_child)
{
	sluice_cancel(f.reserving);
	assert_status(sluice_close(f.sluice, sluice_seconds(30), NULL), SLUICE_OK);
	assert_equal(in_child(call_closed), 0);
}

/* ---- the threads of a child ---- */

static pthread_key_t last_words;

/* Called again in the next round of destructors, after all others have had their first. */
static void leave_process(void *rounds)
{
	if (rounds == &last_words)
		pthread_setspecific(last_words, &f);
	else
		_exit(0);
}

/* Ends the child's only thread, with what it inherited. */
static void end_child(struct sluice_lane *lane)
{
	alarm(20);
	if (lane != NULL && put_event(lane, 1) != SLUICE_FORKED)
		_exit(1);
	pthread_key_create(&last_words, leave_process);
	pthread_setspecific(last_words, &last_words);
	pthread_exit(NULL);
}

static void *in_thread(void *leases)
{
	struct sluice_lane *lane = leases != NULL ? world_attach(f.sluice, 2) : NULL;

	if (fork() == 0)
		end_child(lane);
	if (lane != NULL)
		assert_status(put_event(lane, 1), SLUICE_OK);
	return NULL;
}

static void fork_in_thread(bool leases)
{
	pthread_t thread;
	int status = -1;

	cr_assert_eq(pthread_create(&thread, NULL, in_thread, leases ? &f : NULL), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	wait(&status);
	assert_equal(status, 0);
}

Test(fork, a_childs_thread_ends_with_the_lanes_it_had_leased)
{
	fork_in_thread(true);
	cr_assert_eq(world_attach(f.sluice, 2), f.free); /* the parent's came back */
}

Test(fork, a_childs_thread_ends_although_others_had_leased_lanes)
{
	fork_in_thread(false);
	assert_status(put_event(f.lane, 1), SLUICE_OK);
}

static int put_within_an_interrupted_call(void)
{
	return put_event(f.lane, 1) == SLUICE_FORKED ? 0 : 1;
}

Test(fork, forked_in_the_middle_of_a_call_a_lane_is_forked_not_busy)
{
	cr_assert(slu_section_enter(f.lane)); /* by a handler, or by another thread */
	assert_equal(in_child(put_within_an_interrupted_call), 0);
	slu_section_exit(f.lane);
}

static int put_with_borrowed_lanes(void)
{
	return put_event(f.shared, 1) == SLUICE_FORKED ? 0 : 1;
}

Test(fork, forked_while_every_shared_lane_was_borrowed_the_handle_is_forked)
{
	struct sluice_lane *lane = slu_lease_borrow(f.shared, 0);

	assert_equal(in_child(put_with_borrowed_lanes), 0);
	slu_lease_give_back(lane);
}

/* ---- the directory of the lanes ---- */

static struct sluice *open_in(const char *directory, struct sluice_error *error)
{
	char options[128];

	snprintf(options, sizeof(options), "dir=%s lanes=1 lane_slots=64 keys=64", directory);
	return sluice_open(sluice_null_open(), &world_streams, options, error);
}

static void remove_directory(const char *path)
{
	char lock[64];

	snprintf(lock, sizeof(lock), "%s/lock", path);
	unlink(lock);
	rmdir(path);
}

Test(fork, a_child_does_not_hold_the_directory_of_a_parent_that_is_done_with_it)
{
	char path[] = "/dev/shm/sluice-fork-XXXXXX";
	struct sluice_error error;
	struct sluice *sluice;
	int forked[2];
	char byte;
	pid_t child;

	cr_assert_not_null(mkdtemp(path));
	cr_assert_eq(pipe(forked), 0);
	sluice = open_in(path, &error);
	cr_assert_not_null(sluice, "%s", error.message);
	child = fork();
	if (child == 0) {
		alarm(60);
		(void)!write(forked[1], "", 1);
		for (;;)
			pause();
	}
	/* Until the child has run for the first time it holds what it inherited. */
	cr_assert_eq(read(forked[0], &byte, 1), 1);
	assert_status(sluice_close(sluice, sluice_seconds(30), NULL), SLUICE_OK);
	sluice = open_in(path, &error);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert_not_null(sluice, "%s", error.message);
	assert_status(sluice_close(sluice, sluice_seconds(30), NULL), SLUICE_OK);
	remove_directory(path);
}

/* ---- stats ---- */

static int look_at_stats(void)
{
	struct sluice_stats stats;

	sluice_stats(f.sluice, &stats);
	return 0;
}

Test(fork, stats_return_in_a_child)
{
	assert_equal(in_child(look_at_stats), 0);
}

static int look_at_stats_half_written(void)
{
	/* As if the flusher had been in the middle of telling when its process forked. */
	f.sluice->flusher.counters.sequence |= 1;
	if (fork() == 0) {
		alarm(5);
		_exit(look_at_stats());
	}
	int status = -1;

	wait(&status);
	return status == 0 ? 0 : 1;
}

Test(fork, stats_return_in_a_child_forked_while_the_flusher_was_telling)
{
	assert_equal(in_child(look_at_stats_half_written), 0);
}

static int open_another(void)
{
	struct sluice *other = sluice_open(sluice_null_open(), &world_streams,
	                                   "lanes=1 lane_slots=64 keys=64", NULL);
	struct sluice_lane *lane = other != NULL ? sluice_attach(other, 0, NULL) : NULL;

	if (lane == NULL || put_item(lane, 7, 70) != SLUICE_OK)
		return 1;
	return sluice_close(other, sluice_seconds(30), NULL) == SLUICE_OK ? 0 : 2;
}

Test(fork, a_child_may_open_its_own)
{
	assert_equal(in_child(open_another), 0);
}
