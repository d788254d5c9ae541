/* SPDX-License-Identifier: MIT */
/* epoch.c - when each epoch began, also when there is no room to remember all of them. */
#include "core/epoch.h"

#include "world.h"

#define LONG 100000 /* advances: an outage of minutes */

/* An epoch that has been advanced many times, at irregular intervals, and when each began. */
struct past {
	struct slu_epoch epoch;
	uint64_t began_ns[LONG + 2]; /* by stamp, from 1 */
	uint64_t longest_ns;         /* of the intervals */
	uint64_t now_ns;
};

static struct past past; /* too large for a stack */

/* `forget_age`: after each advance forget all but so many epochs; 0: never. */
static void live(unsigned seed, uint64_t advances, uint64_t forget_age)
{
	struct world world;

	world_init(&world);
	world.random = seed;
	past.now_ns = world.now_ns;
	slu_epoch_init(&past.epoch, past.now_ns);
	past.began_ns[1] = past.now_ns;
	for (uint64_t i = 0; i < advances; i++) {
		uint64_t passed_ns = 50000 + world_random(&world) % 200000;

		if (world_random(&world) % 1000 == 0)
			passed_ns *= 50; /* the flusher was not scheduled */
		if (passed_ns > past.longest_ns)
			past.longest_ns = passed_ns;
		past.now_ns += passed_ns;
		assert_equal(slu_epoch_advance(&past.epoch, past.now_ns), i + 1);
		past.began_ns[i + 2] = past.now_ns;
		if (forget_age != 0 && i + 2 > forget_age)
			slu_epoch_forget(&past.epoch, i + 2 - forget_age);
	}
}

static uint64_t began_ns(uint64_t stamp)
{
	return slu_epoch_began_ns(&past.epoch, stamp);
}

Test(epoch, the_first_is_one)
{
	slu_epoch_init(&past.epoch, 77);
	assert_equal(slu_epoch_now(&past.epoch), 1);
	assert_equal(began_ns(1), 77);
}

Test(epoch, advance_returns_the_one_that_ended)
{
	slu_epoch_init(&past.epoch, 77);
	assert_equal(slu_epoch_advance(&past.epoch, 100), 1);
	assert_equal(slu_epoch_now(&past.epoch), 2);
	assert_equal(began_ns(1), 77);
	assert_equal(began_ns(2), 100);
}

Test(epoch, times_are_exact_while_there_is_room)
{
	live(1, SLU_EPOCH_MARKS - 1, 0);
	for (uint64_t stamp = 1; stamp <= SLU_EPOCH_MARKS; stamp++)
		assert_equal(began_ns(stamp), past.began_ns[stamp]);
}

Test(epoch, an_age_is_never_understated)
{
	live(2, LONG, 0);
	for (uint64_t stamp = 1; stamp <= LONG + 1; stamp++)
		cr_assert_leq(began_ns(stamp), past.began_ns[stamp], "stamp %" PRIu64, stamp);
}

Test(epoch, an_age_is_overstated_by_a_thousandth_of_the_span_or_one_advance)
{
	uint64_t allowed_ns;

	live(3, LONG, 0);
	allowed_ns = (past.now_ns - past.began_ns[1]) / 1000;
	if (allowed_ns < past.longest_ns)
		allowed_ns = past.longest_ns;
	for (uint64_t stamp = 1; stamp <= LONG + 1; stamp++)
		cr_assert_leq(past.began_ns[stamp] - began_ns(stamp), allowed_ns,
		              "stamp %" PRIu64 ": %" PRIu64 " ns too early, %" PRIu64 " allowed",
		              stamp, past.began_ns[stamp] - began_ns(stamp), allowed_ns);
}

Test(epoch, the_bound_holds_after_each_thinning)
{
	for (uint64_t advances = SLU_EPOCH_MARKS; advances <= 40000; advances += 1500) {
		live((unsigned)advances, advances, 0);
		for (uint64_t stamp = 1; stamp <= advances + 1; stamp++) {
			uint64_t late_ns = past.began_ns[stamp] - began_ns(stamp);

			cr_assert(late_ns <= past.longest_ns ||
			                  late_ns <= (past.now_ns - past.began_ns[1]) / 1000,
			          "%" PRIu64 " advances, stamp %" PRIu64, advances, stamp);
		}
	}
}

Test(epoch, the_oldest_and_the_newest_stay_exact)
{
	live(4, LONG, 0);
	assert_equal(began_ns(1), past.began_ns[1]);
	assert_equal(began_ns(LONG + 1), past.began_ns[LONG + 1]);
}

Test(epoch, what_is_forgotten_in_time_costs_no_precision)
{
	live(5, LONG, 1000);
	for (uint64_t stamp = LONG + 1 - 1000; stamp <= LONG + 1; stamp++)
		assert_equal(began_ns(stamp), past.began_ns[stamp]);
}

Test(epoch, forgetting_keeps_the_mark_that_the_stamp_itself_needs)
{
	live(6, 3500, 0);
	slu_epoch_forget(&past.epoch, 3000);
	for (uint64_t stamp = 3000; stamp <= 3501; stamp++)
		assert_equal(began_ns(stamp), past.began_ns[stamp]);
}

Test(epoch, forgetting_all_keeps_the_newest)
{
	live(7, 3500, 0);
	slu_epoch_forget(&past.epoch, UINT64_MAX);
	assert_equal(began_ns(3501), past.began_ns[3501]);
	assert_equal(slu_epoch_now(&past.epoch), 3501);
}
