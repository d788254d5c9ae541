/* SPDX-License-Identifier: MIT */
/* lane.c - a ring refuses when full, gives room when released, and never shows a record early. */
#include "core/lane.h"

#include "world.h"

#include <string.h>

#define SLOTS 64
#define RECORD_SIZE 40

struct fixture {
	struct world world;
	struct sluice_lane lane;
	struct slu_lane_hint hint;
	unsigned char *slots;
};

static void open_sized(struct fixture *fixture, uint64_t slots, size_t record_size)
{
	size_t slot_size = slu_lane_slot_size(record_size);

	memset(fixture, 0, sizeof(*fixture));
	world_init(&fixture->world);
	fixture->slots = fixture->world.env.map(&fixture->world.env, slots * slot_size);
	cr_assert_not_null(fixture->slots);
	slu_lane_init(&fixture->lane, 3, fixture->slots, slots, slot_size, &fixture->hint);
}

static void open_lane(struct fixture *fixture)
{
	open_sized(fixture, SLOTS, RECORD_SIZE);
	slu_lane_admit(&fixture->lane);
}

static void close_lane(struct fixture *fixture)
{
	fixture->world.env.unmap(&fixture->world.env, fixture->slots,
	                         SLOTS * fixture->lane.shape.slot_size);
}

/* One record whose version is `mark`. */
static enum sluice_status put(struct sluice_lane *lane, uint64_t mark)
{
	struct slu_slot *slot;
	enum sluice_status status = slu_lane_reserve(lane, &slot);

	if (status == SLUICE_OK) {
		slot->version = mark;
		slu_lane_commit(lane, slot);
	}
	return status;
}

static void fill(struct sluice_lane *lane)
{
	for (uint64_t i = 0; i < SLOTS; i++)
		assert_status(put(lane, i), SLUICE_OK);
}

/* ---- slots ---- */

Test(lane, a_slot_is_as_short_as_its_alignment_lets_it)
{
	static const size_t record_sizes[] = {1, 31, 32, 33, 96, 97, 384, SLUICE_RECORD_SIZE_MAX};

	for (size_t i = 0; i < sizeof(record_sizes) / sizeof(record_sizes[0]); i++) {
		size_t needed = sizeof(struct slu_slot) + record_sizes[i];
		size_t size = slu_lane_slot_size(record_sizes[i]);

		assert_equal(size % SLU_SLOT_ALIGN, 0);
		cr_assert_geq(size, needed);
		cr_assert_lt(size, needed + SLU_SLOT_ALIGN);
	}
}

Test(lane, slots_lie_one_after_the_other_and_go_around)
{
	struct fixture f;

	open_lane(&f);
	for (uint64_t p = 0; p < 3 * SLOTS; p++)
		cr_assert_eq((unsigned char *)slu_lane_slot(&f.lane, p),
		             f.slots + p % SLOTS * slu_lane_slot_size(RECORD_SIZE));
	close_lane(&f);
}

/* ---- room ---- */

Test(lane, full_refuses_and_moves_nothing)
{
	struct fixture f;
	struct sluice_lane before;
	struct slu_slot *slot = NULL;

	open_lane(&f);
	fill(&f.lane);
	memcpy(&before, &f.lane, sizeof(before));
	assert_status(slu_lane_reserve(&f.lane, &slot), SLUICE_FULL);
	cr_assert_null(slot);
	cr_assert_arr_eq(&before, &f.lane, sizeof(before));
	for (uint64_t p = 0; p < SLOTS; p++)
		assert_equal(slu_lane_peek(&f.lane, p)->version, p);
	close_lane(&f);
}

Test(lane, takes_exactly_slot_count_records_before_the_first_release) /* L1 */
{
	struct fixture f;
	uint64_t taken = 0;

	open_lane(&f);
	while (put(&f.lane, taken) == SLUICE_OK)
		taken++;
	assert_equal(taken, SLOTS);
	assert_equal(slu_lane_position(&f.lane), SLOTS);
	close_lane(&f);
}

Test(lane, release_gives_just_the_released_room)
{
	struct fixture f;

	open_lane(&f);
	fill(&f.lane);
	slu_lane_release(&f.lane, 3);
	for (int i = 0; i < 3; i++)
		assert_status(put(&f.lane, 1000), SLUICE_OK);
	assert_status(put(&f.lane, 1000), SLUICE_FULL);
	assert_equal(slu_lane_position(&f.lane), SLOTS + 3);
	close_lane(&f);
}

Test(lane, a_record_never_overwrites_a_held_one) /* L2 */
{
	struct fixture f;

	open_lane(&f);
	fill(&f.lane);
	slu_lane_release(&f.lane, 2);
	assert_status(put(&f.lane, 1000), SLUICE_OK);
	assert_status(put(&f.lane, 1001), SLUICE_OK);
	for (uint64_t p = 2; p < SLOTS; p++)
		assert_equal(slu_lane_peek(&f.lane, p)->version, p);
	close_lane(&f);
}

Test(lane, wraps_for_many_laps_at_any_depth)
{
	struct fixture f;
	uint64_t put_count = 0, taken = 0;

	open_lane(&f);
	for (int round = 0; round < 1000; round++) {
		uint64_t burst = world_random(&f.world) % (SLOTS + 8);

		while (burst-- > 0 && put(&f.lane, put_count) == SLUICE_OK)
			put_count++;
		cr_assert_leq(put_count - taken, SLOTS); /* L1 */
		for (burst = world_random(&f.world) % SLOTS;
		     burst > 0 && slu_lane_peek(&f.lane, taken) != NULL; burst--) {
			assert_equal(slu_lane_peek(&f.lane, taken)->version, taken);
			taken++;
		}
		slu_lane_release(&f.lane, taken);
	}
	cr_assert_gt(put_count, 100 * SLOTS);
	close_lane(&f);
}

Test(lane, reserving_again_gives_the_same_slot)
{
	struct fixture f;
	struct slu_slot *first, *second;

	open_lane(&f);
	assert_status(slu_lane_reserve(&f.lane, &first), SLUICE_OK);
	assert_status(slu_lane_reserve(&f.lane, &second), SLUICE_OK);
	cr_assert_eq(first, second);
	assert_equal(slu_lane_position(&f.lane), 0);
	close_lane(&f);
}

/* ---- publishing ---- */

Test(lane, a_record_is_seen_from_its_commit_on)
{
	struct fixture f;
	struct slu_slot *slot;

	open_lane(&f);
	assert_status(slu_lane_reserve(&f.lane, &slot), SLUICE_OK);
	cr_assert_null(slu_lane_peek(&f.lane, 0));
	slu_lane_commit(&f.lane, slot);
	cr_assert_eq(slu_lane_peek(&f.lane, 0), slot);
	cr_assert_null(slu_lane_peek(&f.lane, 1));
	close_lane(&f);
}

Test(lane, the_record_at_a_position_has_the_next_sequence) /* L3 */
{
	struct fixture f;

	open_lane(&f);
	fill(&f.lane);
	slu_lane_release(&f.lane, SLOTS);
	fill(&f.lane);
	for (uint64_t p = SLOTS; p < 2 * SLOTS; p++)
		assert_equal(slu_lane_slot(&f.lane, p)->seq, p + 1);
	close_lane(&f);
}

Test(lane, a_slot_of_an_earlier_lap_never_looks_published) /* L3 */
{
	struct fixture f;

	open_lane(&f);
	fill(&f.lane);
	slu_lane_release(&f.lane, SLOTS);
	for (uint64_t p = SLOTS; p < 3 * SLOTS; p++)
		cr_assert_null(slu_lane_peek(&f.lane, p));
	assert_status(put(&f.lane, 1000), SLUICE_OK);
	assert_equal(slu_lane_peek(&f.lane, SLOTS)->version, 1000);
	cr_assert_null(slu_lane_peek(&f.lane, SLOTS + 1));
	cr_assert_null(slu_lane_peek(&f.lane, 0));
	close_lane(&f);
}

/* ---- refusing ---- */

Test(lane, a_new_lane_is_unattached)
{
	struct fixture f;
	struct slu_slot *slot;

	open_sized(&f, SLOTS, RECORD_SIZE);
	assert_status(slu_lane_reserve(&f.lane, &slot), SLUICE_UNATTACHED);
	close_lane(&f);
}

Test(lane, a_refusal_is_answered_although_there_is_room)
{
	struct fixture f;

	open_lane(&f);
	assert_status(put(&f.lane, 0), SLUICE_OK);
	slu_lane_refuse(&f.lane, SLUICE_CLOSED);
	assert_status(put(&f.lane, 1), SLUICE_CLOSED);
	assert_equal(slu_lane_position(&f.lane), 1);
	cr_assert_null(slu_lane_peek(&f.lane, 1));
	close_lane(&f);
}

Test(lane, a_refusal_goes_before_being_full)
{
	struct fixture f;

	open_lane(&f);
	fill(&f.lane);
	slu_lane_refuse(&f.lane, SLUICE_CLOSED);
	assert_status(put(&f.lane, 1), SLUICE_CLOSED);
	close_lane(&f);
}

Test(lane, admitted_again_it_goes_on_where_it_was)
{
	struct fixture f;

	open_lane(&f);
	assert_status(put(&f.lane, 0), SLUICE_OK);
	slu_lane_refuse(&f.lane, SLUICE_UNATTACHED);
	slu_lane_admit(&f.lane);
	assert_status(put(&f.lane, 1), SLUICE_OK);
	assert_equal(slu_lane_peek(&f.lane, 1)->version, 1);
	close_lane(&f);
}

Test(lane, admitted_while_full_it_is_still_full)
{
	struct fixture f;

	open_lane(&f);
	fill(&f.lane);
	slu_lane_refuse(&f.lane, SLUICE_BUSY);
	slu_lane_admit(&f.lane);
	assert_status(put(&f.lane, 1), SLUICE_FULL);
	close_lane(&f);
}
