/* SPDX-License-Identifier: MIT */
/* shared.c - many threads, one handle: each call borrows a lane, or is refused. */
#include "stepped.h"

#include "core/lease.h"

#include <string.h>

#define SHARED_FIRST 2 /* index of the first shared lane */

static struct sluice_lane *handle;

static void share(const char *options)
{
	struct sluice_error error;

	open_with(options);
	handle = sluice_shared(f.sluice, &error);
	cr_assert_not_null(handle, "%s", error.message);
}

static void set_up(void)
{
	share("lanes=2 shared_lanes=3 lane_slots=64 keys=64");
}

TestSuite(shared, .init = set_up, .fini = tear_down);
TestSuite(shared_with, .fini = tear_down);

static void borrow_all(void)
{
	for (size_t i = 0; i < f.sluice->options.shared_lanes; i++)
		cr_assert_not_null(slu_lease_borrow(handle, i));
}

static uint64_t full(void)
{
	struct sluice_stats stats;

	sluice_stats(f.sluice, &stats);
	return stats.full;
}

/* ---- the calls ---- */

Test(shared, what_was_put_through_the_handle_is_read_through_it_and_by_any_lane)
{
	assert_status(put_item(handle, 7, 70), SLUICE_OK);
	assert_equal(value_of(handle, 7), 70);
	assert_equal(value_of(f.lane, 7), 70);
	assert_status(put_item(f.lane, 7, 71), SLUICE_OK);
	assert_equal(value_of(handle, 7), 71);
}

Test(shared, put_if_and_remove_go_through_the_handle)
{
	struct item item = {.id = 7, .value = 70};

	assert_status(sluice_put_if(handle, &items, &item, sizeof(item), 0, NULL), SLUICE_OK);
	assert_status(sluice_put_if(handle, &items, &item, sizeof(item), 0, NULL), SLUICE_CONFLICT);
	assert_status(sluice_remove(handle, &items, &item.id, NULL), SLUICE_OK);
	assert_status(sluice_get(handle, &items, &item.id, &item, NULL), SLUICE_MISS);
}

Test(shared, wrong_use_is_invalid_as_on_any_lane)
{
	struct item item[2] = {{.id = 7}};

	assert_status(sluice_put(handle, &items, item, sizeof(item[0]) + 1, NULL), SLUICE_TOO_LONG);
	assert_status(sluice_put(handle, NULL, item, sizeof(item[0]), NULL), SLUICE_INVALID);
	assert_status(sluice_get(handle, &events, item, item, NULL), SLUICE_INVALID);
	assert_equal(accepted(), 0);
}

Test(shared, a_ticket_names_the_borrowed_lane)
{
	struct event event = {.value = 1};
	struct sluice_ticket ticket;

	assert_status(sluice_put(handle, &events, &event, sizeof(event), &ticket), SLUICE_OK);
	cr_assert_geq(ticket.lane, SHARED_FIRST);
	assert_equal(ticket.sequence, 1);
	world_settle(f.sluice);
	assert_status(sluice_wait(f.sluice, ticket, SLUICE_COMMITTED, 0), SLUICE_OK);
}

Test(shared, a_reserve_on_the_handle_is_invalid_and_so_is_what_follows_one)
{
	uint64_t id = 7;
	void *record = NULL;

	assert_status(sluice_reserve(handle, &items, &id, &record), SLUICE_INVALID);
	assert_status(sluice_reserve(handle, &events, NULL, &record), SLUICE_INVALID);
	cr_assert_null(record);
	assert_status(sluice_commit(handle, NULL), SLUICE_INVALID);
	sluice_cancel(handle);
	assert_status(sluice_detach(handle), SLUICE_INVALID);
	assert_status(sluice_detach(&f.sluice->lanes[SHARED_FIRST]), SLUICE_INVALID);
	assert_status(put_item(handle, 7, 70), SLUICE_OK);
}

Test(shared, the_handle_is_always_the_same)
{
	cr_assert_eq(sluice_shared(f.sluice, NULL), handle);
}

Test(shared, no_thread_can_lease_a_shared_lane)
{
	cr_assert_null(sluice_attach(f.sluice, SHARED_FIRST, NULL));
}

/* ---- borrowing ---- */

Test(shared, every_call_gives_its_lane_back)
{
	struct item item = {.id = 7};

	for (uint64_t i = 0; i < 20; i++) {
		assert_status(put_item(handle, 7, i), SLUICE_OK);
		assert_status(sluice_put_if(handle, &items, &item, sizeof(item), 1, NULL),
		              SLUICE_CONFLICT);
		(void)value_of(handle, 7);
	}
	borrow_all();
}

Test(shared, a_borrowed_lane_is_passed_over)
{
	struct sluice_lane *lane = slu_lease_borrow(handle, 1);

	cr_assert_eq(lane, &f.sluice->lanes[SHARED_FIRST + 1]);
	for (uint64_t i = 0; i < 20; i++)
		assert_status(put_event(handle, i), SLUICE_OK);
	assert_equal(slu_lane_position(lane), 0);
	cr_assert_neq(slu_lease_borrow(handle, 1), lane);
	slu_lease_give_back(lane);
	cr_assert_eq(slu_lease_borrow(handle, 1), lane);
}

Test(shared, with_all_lanes_borrowed_calls_are_full_counted_and_change_nothing)
{
	struct item item = {.id = 7};

	assert_status(put_item(f.lane, 7, 70), SLUICE_OK);
	borrow_all();
	assert_status(put_item(handle, 7, 71), SLUICE_FULL);
	assert_status(put_event(handle, 1), SLUICE_FULL);
	assert_status(sluice_remove(handle, &items, &item.id, NULL), SLUICE_FULL);
	assert_status(sluice_get(handle, &items, &item.id, &item, NULL), SLUICE_FULL);
	assert_equal(full(), 4);
	assert_equal(accepted(), 1);
	assert_equal(value_of(f.lane, 7), 70);
}

Test(shared, a_lane_without_room_is_passed_over_until_all_are_full)
{
	for (uint64_t i = 0; i < 3 * 64; i++)
		assert_status(put_event(handle, i), SLUICE_OK);
	assert_equal(full(), 0);
	assert_status(put_event(handle, 1), SLUICE_FULL);
	assert_equal(full(), 1);
	borrow_all(); /* all were given back */
}

Test(shared, without_an_entry_for_a_new_key_a_put_is_full_and_counted_apart)
{
	uint64_t key = 0, keys_full = 0;

	while (put_item(handle, key, key) == SLUICE_OK) {
		key++;
		world_settle(f.sluice);
	}
	cr_assert_geq(key, 64);
	for (size_t i = 0; i < f.sluice->lane_count; i++)
		keys_full += f.sluice->lanes[i].engine.keys_full;
	assert_equal(keys_full, 1);
	assert_equal(full(), 0);
}

static void give_back(void *lane)
{
	slu_lease_give_back(lane);
}

Test(shared_with, block_waits_for_a_lane)
{
	uint64_t began_ns;

	share("lanes=2 shared_lanes=1 lane_slots=64 keys=64 overflow=block(5ms)");
	borrow_all();
	began_ns = f.world.now_ns;
	assert_status(put_event(handle, 1), SLUICE_FULL);
	cr_assert_geq(f.world.now_ns - began_ns, 5 * MS);
	assert_equal(full(), 1);
	f.world.on_wait = give_back;
	f.world.on_wait_context = &f.sluice->lanes[SHARED_FIRST];
	assert_status(put_event(handle, 1), SLUICE_OK);
	assert_equal(full(), 1);
}

Test(shared_with, without_shared_lanes_there_is_no_handle)
{
	struct sluice_error error;

	open_with("lanes=2 shared_lanes=0 lane_slots=64 keys=64");
	cr_assert_null(sluice_shared(f.sluice, &error));
	assert_status(error.status, SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "shared_lanes=1"), "%s", error.message);
}

Test(shared_with, also_without_a_handle_no_thread_can_lease_a_shared_lane)
{
	open_with("lanes=2 shared_lanes=3 lane_slots=64 keys=64");
	cr_assert_null(sluice_attach(f.sluice, SHARED_FIRST, NULL));
}

/* ---- the end ---- */

Test(shared, after_close_the_handle_is_closed)
{
	struct item item = {.id = 7};

	slu_lease_close(f.sluice);
	assert_status(put_item(handle, 7, 70), SLUICE_CLOSED);
	assert_status(sluice_get(handle, &items, &item.id, &item, NULL), SLUICE_CLOSED);
	assert_status(sluice_commit(handle, NULL), SLUICE_CLOSED);
	assert_status(sluice_detach(handle), SLUICE_CLOSED);
}

Test(shared, a_lane_lost_in_a_call_is_made_whole_at_close)
{
	struct sluice_lane *lane = slu_lease_borrow(handle, 0);
	struct slu_slot *slot;

	cr_assert(slu_section_enter(lane));
	assert_status(slu_lane_reserve(lane, &slot), SLUICE_OK);
	slot->stream = (uint8_t)events.index;
	slot->epoch = 1;
	atomic_store(&slot->seq, 1);
	slu_lease_close(f.sluice);
	assert_equal(slu_lane_position(lane), 1);
	world_settle(f.sluice);
	assert_equal(accepted(), 1);
	assert_equal(atomic_load(&lane->flusher.acknowledged), 1);
}

/* ---- many threads ---- */

#define THREADS 8
#define PUTS 20000

static struct sluice *crowded;
static _Atomic uint64_t refused;

static void *crowd(void *argument)
{
	struct sluice_lane *shared = sluice_shared(crowded, NULL);
	uint64_t id = (uintptr_t)argument;

	for (uint64_t i = 1; i <= PUTS; i++) {
		enum sluice_status status;

		while ((status = i % 2 != 0 ? put_item(shared, id, i) : put_event(shared, i)) ==
		       SLUICE_FULL) {
			refused++;
			sched_yield();
		}
		assert_status(status, SLUICE_OK);
	}
	return NULL;
}

Test(shared_crowd, the_account_of_many_threads_on_few_lanes_is_exact)
{
	pthread_t threads[THREADS];
	struct sluice_report report;
	struct sluice_stats stats;

	crowded = sluice_open(sluice_null_open(), &world_streams,
	                      "lanes=1 shared_lanes=2 lane_slots=256 keys=64", NULL);
	cr_assert_not_null(crowded);
	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, crowd, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (uint64_t id = 0; id < THREADS; id++)
		assert_equal(value_of(sluice_shared(crowded, NULL), id), PUTS - 1);
	sluice_stats(crowded, &stats);
	assert_equal(stats.full, refused);
	assert_status(sluice_close(crowded, sluice_seconds(60), &report), SLUICE_OK);
	assert_equal(report.account.accepted, THREADS * PUTS);
	assert_equal(report.account.committed + report.account.coalesced, THREADS * PUTS);
}
