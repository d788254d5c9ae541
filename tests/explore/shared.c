/* SPDX-License-Identifier: MIT */
/*
 * shared.c - two threads that have no lane of their own, and one shared lane for both.
 *
 * Wanted: every record that was accepted is committed, once and whole, whoever borrowed the lane.
 * E11.
 */
#include "world.h"

static struct sluice_lane *handle;

static void set_up(void)
{
	struct sluice_error error;

	world_open(1, 1, 4, 2);
	handle = sluice_shared(world_sluice, &error);
	explore_check(handle != NULL, "no handle for the shared lanes");
}

static void first(void)
{
	world_put(handle, &world_events, 1, NULL);
	world_put(handle, &world_states, 2, NULL);
	world_leave(NULL);
}

static void second(void)
{
	world_put(handle, &world_states, 3, NULL);
	explore_check(world_get(handle, 0) > 0, "a put that a later get does not see");
	world_leave(NULL);
}

static const struct explore_scenario scenarios[] = {
	{
		.name = "shared",
		.set_up = set_up,
		.threads = {{"first", first}, {"second", second}, {"operator", world_operator}},
		.switches = 1,
		.stale = 0,
		.random_runs = 3000,
	},
};

int main(int argc, char **argv)
{
	return explore_main(argc, argv, scenarios, 1);
}
