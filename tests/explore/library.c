/* SPDX-License-Identifier: MIT */
/*
 * library.c - the whole library, with its own flusher: engines that put and get one key, a reader,
 * a waiter.
 *
 * Wanted: what is read is whole, versions only grow (for a reader, and in the sink), nothing is
 * lost, nobody sleeps through what it waits for. Every edge of core/ but those of the counters is
 * crossed.
 */
#include "world.h"

/* ---- two engines and one key ---- */

static void open_two(void)
{
	world_open(2, 0, 2, 2);
}

static void putter(void)
{
	struct sluice_lane *lane = world_attach();

	for (uint64_t n = 1; n <= 3; n++)
		world_put(lane, &world_states, n, NULL);
	world_leave(lane);
}

static void reader(void)
{
	struct sluice_lane *lane = world_attach();
	uint64_t version = 0;

	for (int i = 0; i < 3; i++)
		version = world_get(lane, version);
	world_leave(lane);
}

static void rival(void)
{
	struct sluice_lane *lane = world_attach();
	uint64_t version = world_get(lane, 0);

	world_put(lane, &world_states, 9, NULL);
	explore_check(world_get(lane, version) > version, "a put that a later get does not see");
	world_leave(lane);
}

/* The state's slot is soon wanted for events, whenever it was published. */
static void mixer(void)
{
	struct sluice_lane *lane = world_attach();

	world_put(lane, &world_states, 1, NULL);
	for (uint64_t n = 2; n <= 4; n++)
		world_put(lane, &world_events, n, NULL);
	explore_check(world_get(lane, 0) > 0, "a put that a later get does not see");
	world_leave(lane);
}

/* ---- two engines alone ---- */

static void open_held(void)
{
	world_open(2, 0, 4, 2);
	world_hold_flusher();
}

static void once(void)
{
	struct sluice_lane *lane = world_attach();

	world_put(lane, &world_states, 1, NULL);
	world_leave(lane);
}

static void watchful(void)
{
	struct sluice_lane *lane = world_attach();
	uint64_t version = 0;

	world_put(lane, &world_states, 2, NULL);
	for (int i = 0; i < 2; i++)
		version = world_get(lane, version);
	world_leave(lane);
}

/* ---- a clean copy that is written again ---- */

static struct sluice_lane *lanes[2];

static void open_attached(void)
{
	world_open(2, 0, 4, 2);
	lanes[0] = world_attach();
	lanes[1] = world_attach();
}

/* Until the record of position 0 lies in the clean copy, and its slot is released. */
static void wait_until_clean(void)
{
	while (atomic_load_explicit(&lanes[0]->flusher.released, memory_order_acquire) == 0)
		explore_pause();
}

static void renewer(void)
{
	world_put(lanes[0], &world_states, 1, NULL);
	wait_until_clean();
	world_put(lanes[0], &world_states, 2, NULL);
	world_leave(NULL);
}

static void clean_reader(void)
{
	wait_until_clean();
	explore_check(world_get(lanes[1], 0) > 0, "a put that a later get does not see");
	world_leave(NULL);
}

/* ---- a record of the database's ---- */

static bool warmed; /* by whichever thread; told by nobody until all have left */

/* Until everything is released: then nothing of it lies in slots. */
static void settle(const struct sluice_lane *lane)
{
	while (atomic_load_explicit(&lane->flusher.released, memory_order_acquire) <
	       slu_lane_position(lane))
		explore_pause();
}

static void warmer(void)
{
	warmed = world_warm(lanes[0], 5);
	explore_check(!warmed || world_get(lanes[0], 0) > 0,
	              "a warm that a later get does not see");
	world_leave(NULL);
}

/* Reads what is warm, and puts until the clean copy is written for it. */
static void over(void)
{
	uint64_t version = world_get(lanes[1], 0);

	world_put(lanes[1], &world_states, 1, NULL);
	version = world_get(lanes[1], version + 1);
	settle(lanes[1]);
	world_get(lanes[1], version);
	world_leave(NULL);
}

static void open_cold(void)
{
	open_attached();
	warmed = false;
}

static void warm_again(void)
{
	bool first = world_warm(lanes[1], 6);

	explore_check(world_get(lanes[1], 0) > 0 || !first, "a warm that a later get does not see");
	explore_check(!(first && warmed), "a key that was warmed twice");
	world_leave(NULL);
}

/* ---- versions and stamps ---- */

static void put_twice(struct sluice_lane *lane)
{
	world_put(lane, &world_states, 1, NULL);
	world_put(lane, &world_states, 2, NULL);
	world_leave(NULL);
}

static void first(void)
{
	put_twice(lanes[0]);
}

static void second(void)
{
	put_twice(lanes[1]);
}

/* Of two versions of a key the later has no earlier stamp (core/put.h). The slots are as they
 * were. */
static void check_stamps(void)
{
	const struct slu_slot *slots[4];

	for (uint64_t i = 0; i < 4; i++)
		slots[i] = slu_lane_slot(lanes[i / 2], i % 2);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			explore_check(slots[i]->version >= slots[j]->version ||
			                      slots[i]->epoch <= slots[j]->epoch,
			              "a later version with an earlier stamp");
}

/* ---- a waiter ---- */

static void open_one(void)
{
	world_open(1, 0, 2, 1);
}

static void waiter(void)
{
	struct sluice_lane *lane = world_attach();
	struct sluice_ticket ticket;

	for (uint64_t n = 1; n <= 2; n++) {
		world_put(lane, &world_events, n, &ticket);
		explore_check(sluice_wait(world_sluice, ticket, SLUICE_COMMITTED, SLU_NEVER) ==
		                      SLUICE_OK,
		              "a wait that fails");
	}
	world_leave(lane);
}

static const struct explore_scenario scenarios[] = {
	{
		.name = "reader",
		.set_up = open_two,
		.threads = {{"putter", putter}, {"reader", reader}, {"operator", world_operator}},
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "mixer",
		.set_up = open_two,
		.threads = {{"mixer", mixer}, {"reader", reader}, {"operator", world_operator}},
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "renewer",
		.set_up = open_attached,
		.threads = {{"renewer", renewer},
                            {"reader", clean_reader},
                            {"operator", world_operator}},
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "rival",
		.set_up = open_two,
		.threads = {{"putter", putter}, {"rival", rival}, {"operator", world_operator}},
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "alone",
		.set_up = open_held,
		.threads = {{"once", once}, {"watchful", watchful}, {"operator", world_operator}},
		.switches = 2,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "stamps",
		.set_up = open_attached,
		.threads = {{"first", first}, {"second", second}, {"operator", world_operator}},
		.check = check_stamps,
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "waiter",
		.set_up = open_one,
		.threads = {{"waiter", waiter}, {"operator", world_operator}},
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "warmer",
		.set_up = open_cold,
		.threads = {{"warmer", warmer}, {"over", over}, {"operator", world_operator}},
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
	{
		.name = "warmers",
		.set_up = open_cold,
		.threads = {{"warmer", warmer},
                            {"warm_again", warm_again},
                            {"operator", world_operator}},
		.switches = 2,
		.stale = 0,
		.random_runs = 3000,
	},
};

int main(int argc, char **argv)
{
	return explore_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
