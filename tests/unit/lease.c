/* SPDX-License-Identifier: MIT */
/* lease.c - lanes come back from threads that end, wherever in a call they were lost. */
#include "stepped.h"

#include "core/put.h"

#include <string.h>

static void set_up(void)
{
	open_with("lanes=4 shared_lanes=0 lane_slots=64 keys=64");
}

TestSuite(lease, .init = set_up, .fini = tear_down);

/* ---- threads that end ---- */

/* What a thread does with a lane that it leases, before it ends without detaching. */
struct life {
	struct sluice_lane *lane;
	void (*live)(struct sluice_lane *lane);
};

static void *live(void *argument)
{
	struct life *life = argument;

	life->lane = world_attach(f.sluice, 2);
	if (life->live != NULL)
		life->live(life->lane);
	return NULL;
}

/* Returns the lane that the thread had. */
static struct sluice_lane *after_life(void (*what)(struct sluice_lane *lane))
{
	struct life life = {.live = what};
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, live, &life), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	return life.lane;
}

/* The lane takes records, and all that was accepted arrives. */
static void assert_whole(struct sluice_lane *lane)
{
	uint64_t before = accepted();

	cr_assert_eq(world_attach(f.sluice, (int)lane->shape.index), lane);
	cr_assert_not(slu_lane_engaged(lane));
	for (uint64_t i = 0; i < 20; i++)
		assert_status(put_item(lane, 1000 + i, i), SLUICE_OK);
	for (uint64_t i = 0; i < 20; i++)
		assert_equal(value_of(f.lane, 1000 + i), i);
	world_settle(f.sluice);
	assert_equal(accepted(), before + 20);
	assert_equal(atomic_load(&lane->flusher.released), slu_lane_position(lane));
}

Test(lease, an_ended_thread_gives_its_lane_back)
{
	struct sluice_lane *lane = after_life(NULL);

	assert_status(put_event(lane, 1), SLUICE_UNATTACHED);
	assert_whole(lane);
}

static void lease_another(struct sluice_lane *lane)
{
	cr_assert_neq(world_attach(f.sluice, SLUICE_CPU_CURRENT), lane);
}

Test(lease, an_ended_thread_gives_all_its_lanes_back)
{
	(void)after_life(lease_another);
	(void)world_attach(f.sluice, 2);
	(void)world_attach(f.sluice, 3);
}

static void leave_reserve_open(struct sluice_lane *lane)
{
	uint64_t id = 7;
	void *record;

	assert_status(sluice_reserve(lane, &items, &id, &record), SLUICE_OK);
}

Test(lease, a_threads_end_cancels_its_reserve)
{
	struct sluice_lane *lane = after_life(leave_reserve_open);

	assert_equal(accepted(), 0);
	assert_equal(version_of(7), 0);
	assert_whole(lane);
	assert_status(sluice_commit(lane, NULL), SLUICE_INVALID);
}

static void be_cancelled(struct sluice_lane *lane)
{
	leave_reserve_open(lane);
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

Test(lease, a_cancelled_thread_gives_its_lane_back)
{
	assert_whole(after_life(be_cancelled));
}

Test(lease, many_more_threads_than_lanes_in_turn_find_one_each)
{
	for (int i = 0; i < 100; i++)
		(void)after_life(leave_reserve_open);
	assert_equal(accepted(), 0);
}

/* ---- detached by another thread ---- */

Test(lease, another_thread_may_detach_also_with_a_reserve_open)
{
	struct life life = {.live = NULL};
	pthread_t thread;

	leave_reserve_open(f.lane);
	assert_status(sluice_detach(f.lane), SLUICE_BUSY);
	sluice_cancel(f.lane);
	cr_assert_eq(pthread_create(&thread, NULL, live, &life), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	assert_status(sluice_detach(life.lane), SLUICE_UNATTACHED);
}

static pthread_barrier_t steps;

static void wait_twice(struct sluice_lane *lane)
{
	leave_reserve_open(lane);
	pthread_barrier_wait(&steps);
	pthread_barrier_wait(&steps);
	assert_status(put_event(lane, 1), SLUICE_OK); /* the lane is main's now: it is what it is */
	sluice_cancel(lane);
}

Test(lease, what_was_detached_for_a_thread_its_end_does_not_take_from_the_next)
{
	struct life life = {.live = wait_twice};
	pthread_t thread;

	pthread_barrier_init(&steps, NULL, 2);
	cr_assert_eq(pthread_create(&thread, NULL, live, &life), 0);
	pthread_barrier_wait(&steps);
	assert_status(sluice_detach(life.lane), SLUICE_OK);
	assert_status(put_event(life.lane, 1), SLUICE_UNATTACHED);
	cr_assert_eq(world_attach(f.sluice, 2), life.lane);
	pthread_barrier_wait(&steps);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	assert_status(put_event(life.lane, 2), SLUICE_OK);
	assert_equal(accepted(), 2);
}

Test(lease, detached_and_attached_on_another_core_a_thread_moves)
{
	assert_status(sluice_detach(f.lane), SLUICE_OK);
	f.lane = world_attach(f.sluice, 3);
	assert_equal(f.lane->shape.index, 3);
	assert_status(put_event(f.lane, 1), SLUICE_OK);
}

Test(lease, without_a_free_lane_the_error_names_both_remedies)
{
	struct sluice_error error;

	(void)world_attach(f.sluice, 2);
	(void)world_attach(f.sluice, 3);
	cr_assert_null(sluice_attach(f.sluice, 0, &error));
	assert_status(error.status, SLUICE_FULL);
	cr_assert_not_null(strstr(error.message, "lanes="), "%s", error.message);
	cr_assert_not_null(strstr(error.message, "sluice_shared"), "%s", error.message);
}

/* ---- lost in the middle of a call ---- */

/* A put of item 7 up to its commit. */
static struct slu_put half_a_put(struct sluice_lane *lane)
{
	struct item item = {.id = 7, .value = 70};
	struct slu_put put = {.lane = lane, .stream = &items};
	struct slu_mark mark;

	cr_assert(slu_section_enter(lane));
	assert_status(slu_put_begin(&put, &item.id, false), SLUICE_OK);
	cr_assert(slu_put_take_version(&put, SLU_ANY_VERSION, 0, &mark));
	memcpy(put.slot->record, &item, sizeof(item));
	slu_put_stamp(put.slot, &items, mark, sizeof(item), 0);
	put.slot->entry = slu_cache_index(&f.sluice->caches[0], put.entry);
	return put;
}

static void stop_before_commit(struct sluice_lane *lane)
{
	(void)half_a_put(lane);
}

Test(lease, stopped_before_the_commit_nothing_was_accepted)
{
	struct sluice_lane *lane = after_life(stop_before_commit);

	assert_equal(accepted(), 0);
	assert_equal(version_of(7), 0);
	assert_whole(lane);
}

static void stop_within_commit(struct sluice_lane *lane)
{
	struct slu_put put = half_a_put(lane);

	atomic_store(&put.slot->seq, slu_lane_position(lane) + 1);
}

Test(lease, stopped_between_the_commit_word_and_the_position_it_was_accepted)
{
	struct sluice_lane *lane = after_life(stop_within_commit);

	assert_equal(accepted(), 1);
	assert_equal(value_of(f.lane, 7), 70);
	assert_whole(lane);
	assert_equal(value_of(f.lane, 7), 70);
}

static void stop_in_an_append_put(struct sluice_lane *lane)
{
	assert_status(slu_lane_look_for_room(lane), SLUICE_OK);
	cr_assert(slu_lane_claim(lane, slu_lane_position(lane)));
}

Test(lease, stopped_in_the_middle_of_an_append_put_nothing_was_accepted)
{
	struct sluice_lane *lane = after_life(stop_in_an_append_put);

	assert_equal(accepted(), 0);
	assert_whole(lane);
}

static void stop_within_commit_of_an_append_put(struct sluice_lane *lane)
{
	struct slu_slot *slot = slu_lane_slot(lane, slu_lane_position(lane));
	struct slu_mark mark = {.epoch = 1};

	stop_in_an_append_put(lane);
	slu_put_stamp(slot, &events, mark, sizeof(struct event), 0);
	atomic_store(&slot->seq, slu_lane_position(lane) + 1);
}

Test(lease, stopped_between_commit_word_and_position_of_an_append_put_it_was_accepted)
{
	struct sluice_lane *lane = after_life(stop_within_commit_of_an_append_put);

	assert_equal(accepted(), 1);
	assert_whole(lane);
}

static void stop_before_publication(struct sluice_lane *lane)
{
	struct slu_put put = half_a_put(lane);

	slu_lane_commit(lane, put.slot);
}

Test(lease, stopped_before_the_publication_it_is_published)
{
	struct sluice_lane *lane = after_life(stop_before_publication);

	assert_equal(accepted(), 1);
	assert_equal(value_of(f.lane, 7), 70);
	assert_whole(lane);
}

static void stop_in_the_next_call(struct sluice_lane *lane)
{
	assert_status(put_item(lane, 7, 70), SLUICE_OK);
	assert_status(put_item(f.lane, 7, 71), SLUICE_OK);
	world_settle(f.sluice); /* the slot is free, the newest value in its clean copy */
	cr_assert(slu_section_enter(lane));
}

Test(lease, what_has_been_overtaken_is_not_published_again)
{
	struct sluice_lane *lane = after_life(stop_in_the_next_call);

	assert_equal(value_of(f.lane, 7), 71);
	assert_whole(lane);
	assert_equal(value_of(f.lane, 7), 71);
}

static void stop_after_an_event(struct sluice_lane *lane)
{
	assert_status(put_event(lane, 1), SLUICE_OK);
	slu_lane_slot(lane, 0)->entry = UINT32_MAX; /* what a slot of an append stream may hold */
	cr_assert(slu_section_enter(lane));
}

Test(lease, an_append_record_is_not_published)
{
	assert_whole(after_life(stop_after_an_event));
}

static void stop_with_an_entry_in_the_table_and_still_spare(struct sluice_lane *lane)
{
	(void)half_a_put(lane);
	lane->spare[0].next--;
}

Test(lease, a_spare_entry_that_went_into_the_table_is_not_used_again)
{
	struct sluice_lane *lane = after_life(stop_with_an_entry_in_the_table_and_still_spare);

	assert_status(put_item(f.lane, 7, 77), SLUICE_OK);
	assert_whole(lane);
	assert_equal(value_of(f.lane, 7), 77);
}

static void stop_between_the_two_numbers_of_the_spare_entries(struct sluice_lane *lane)
{
	(void)half_a_put(lane);
	for (uint64_t id = 100; id < 110; id++)
		assert_status(put_item(f.lane, id, id), SLUICE_OK);
	lane->spare[0].next = lane->spare[0].end + SLU_CACHE_CHUNK; /* in another lane's */
}

Test(lease, no_lane_takes_entries_that_another_has_set_aside)
{
	struct sluice_lane *lane = after_life(stop_between_the_two_numbers_of_the_spare_entries);

	assert_whole(lane);
	for (uint64_t id = 100; id < 110; id++)
		assert_equal(value_of(lane, id), id);
}

Test(lease, a_lost_call_holds_up_no_grace_period_after_its_thread)
{
	assert_status(put_item(f.lane, 8, 80), SLUICE_OK);
	(void)after_life(stop_before_commit);
	world_settle(f.sluice);
	assert_equal(released(), 1);
}

/* ---- threads that outlive the instance ---- */

static void close_it(struct sluice_lane *lane)
{
	(void)half_a_put(lane);
	slu_lease_close(f.sluice);
}

Test(lease, at_a_threads_end_a_closed_instance_is_left_alone)
{
	struct sluice_lane *lane = after_life(close_it);

	assert_status(put_event(lane, 1), SLUICE_CLOSED);
	assert_equal(atomic_load(&lane->engine.section) % 2, 1);
	assert_equal(accepted(), 0);
}

static void free_it(struct sluice_lane *lane)
{
	(void)lane;
	tear_down();
}

Test(lease, at_a_threads_end_a_freed_instance_is_left_alone)
{
	(void)after_life(free_it);
	set_up();
}
