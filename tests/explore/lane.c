/* SPDX-License-Identifier: MIT */
/*
 * lane.c - records through a lane of two slots, several laps.
 *
 * Wanted: the flusher sees every record, once, in order, whole. E1, E2.
 */
#include "core/lane.h"
#include "explore.h"

#define SLOTS 2
#define RECORDS 4

struct pair {
	uint64_t number, again;
};

static struct sluice_lane *lane;

static void set_up(void)
{
	uint64_t slot_size = slu_lane_slot_size(sizeof(struct pair));
	unsigned char *slots = explore_alloc(SLOTS * slot_size);

	lane = explore_alloc(sizeof(*lane));
	explore_name(lane, sizeof(*lane), "lane");
	explore_name(slots, SLOTS * slot_size, "slots");
	slu_lane_init(lane, 0, slots, SLOTS, slot_size, NULL);
	slu_lane_admit(lane);
}

static void engine(void)
{
	for (uint64_t n = 1; n <= RECORDS; n++) {
		struct slu_slot *slot;
		struct pair *pair;

		while (slu_lane_reserve(lane, &slot) != SLUICE_OK)
			explore_pause();
		pair = (struct pair *)slot->record;
		pair->number = n;
		pair->again = n;
		slot->length = sizeof(*pair);
		slu_lane_commit(lane, slot);
	}
}

static void flusher(void)
{
	for (uint64_t position = 0; position < RECORDS; position++) {
		const struct pair *pair;
		struct slu_slot *slot;

		while ((slot = slu_lane_peek(lane, position)) == NULL)
			explore_pause();
		pair = (const struct pair *)slot->record;
		explore_check(pair->number == position + 1, "a record out of order");
		explore_check(pair->again == pair->number, "a torn record");
		slu_lane_release(lane, position + 1);
	}
}

static const struct explore_scenario scenarios[] = {
	{
		.name = "lane",
		.set_up = set_up,
		.threads = {{"engine", engine}, {"flusher", flusher}},
		.switches = 4,
		.stale = 3,
		.random_runs = 20000,
	},
};

int main(int argc, char **argv)
{
	return explore_main(argc, argv, scenarios, 1);
}
