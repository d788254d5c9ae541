/* SPDX-License-Identifier: MIT */
/* grace.c - a grace period waits for each engine that was inside a section, and for nobody else. */
#include "core/grace.h"

#include "world.h"

#define LANES 3

struct fixture {
	struct world world;
	struct sluice_lane lanes[LANES];
	uint64_t sections[LANES];
	struct slu_grace grace;
};

static struct fixture f;

static void set_up(void)
{
	world_init(&f.world);
	f.grace = (struct slu_grace){
		.env = &f.world.env, .lanes = f.lanes, .lane_count = LANES, .sections = f.sections};
}

TestSuite(grace, .init = set_up);

Test(grace, without_readers_it_passes_at_once)
{
	slu_grace_start(&f.grace, 5);
	cr_assert(slu_grace_passed(&f.grace));
	assert_equal(f.grace.count, 1);
}

Test(grace, it_passes_once)
{
	slu_grace_start(&f.grace, 5);
	cr_assert(slu_grace_passed(&f.grace));
	cr_assert_not(slu_grace_passed(&f.grace));
	assert_equal(f.grace.count, 1);
}

Test(grace, not_started_it_never_passes)
{
	cr_assert_not(slu_grace_passed(&f.grace));
	assert_equal(f.grace.count, 0);
}

Test(grace, a_start_costs_one_barrier_and_a_poll_none) /* E6 */
{
	slu_section_enter(&f.lanes[0]);
	slu_grace_start(&f.grace, 5);
	cr_assert_not(slu_grace_passed(&f.grace));
	cr_assert_not(slu_grace_passed(&f.grace));
	assert_equal(f.world.barriers, 1);
}

Test(grace, a_reader_that_stays_holds_it)
{
	for (size_t reader = 0; reader < LANES; reader++) {
		slu_section_enter(&f.lanes[reader]);
		slu_grace_start(&f.grace, 5);
		for (int i = 0; i < 100; i++)
			cr_assert_not(slu_grace_passed(&f.grace), "lane %zu", reader);
		slu_section_exit(&f.lanes[reader]);
		cr_assert(slu_grace_passed(&f.grace));
	}
}

Test(grace, it_waits_for_the_last_of_several_readers)
{
	for (size_t i = 0; i < LANES; i++)
		slu_section_enter(&f.lanes[i]);
	slu_grace_start(&f.grace, 5);
	slu_section_exit(&f.lanes[2]);
	cr_assert_not(slu_grace_passed(&f.grace));
	slu_section_exit(&f.lanes[0]);
	cr_assert_not(slu_grace_passed(&f.grace));
	slu_section_exit(&f.lanes[1]);
	cr_assert(slu_grace_passed(&f.grace));
}

Test(grace, sections_begun_later_do_not_hold_it)
{
	slu_grace_start(&f.grace, 5);
	for (size_t i = 0; i < LANES; i++)
		slu_section_enter(&f.lanes[i]);
	cr_assert(slu_grace_passed(&f.grace));
}

Test(grace, a_reader_that_left_and_came_again_does_not_hold_it)
{
	slu_section_enter(&f.lanes[1]);
	slu_grace_start(&f.grace, 5);
	slu_section_exit(&f.lanes[1]);
	slu_section_enter(&f.lanes[1]);
	cr_assert(slu_grace_passed(&f.grace));
}

Test(grace, the_next_one_waits_for_the_reader_of_the_next_section)
{
	slu_section_enter(&f.lanes[1]);
	slu_grace_start(&f.grace, 5);
	slu_section_exit(&f.lanes[1]);
	slu_section_enter(&f.lanes[1]);
	cr_assert(slu_grace_passed(&f.grace));
	slu_grace_start(&f.grace, 6);
	cr_assert_not(slu_grace_passed(&f.grace));
	slu_section_exit(&f.lanes[1]);
	cr_assert(slu_grace_passed(&f.grace));
	assert_equal(f.grace.count, 2);
}
