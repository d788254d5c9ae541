/* SPDX-License-Identifier: MIT */
/*
 * epoch.c - an effect on one lane, its cause on another, and cuts of both.
 *
 * One engine puts a record; a second one sees it, and puts another because of it. The flusher
 * advances the epoch and reads the lanes, the effect's last or first. Wanted: no cut holds the
 * effect without its cause. E3.
 */
#include "core/lane.h"
#include "explore.h"

#define SCANS 2

struct side {
	struct sluice_lane *lane;
	uint64_t seen; /* by the flusher */
};

static struct side cause, effect;
static struct slu_epoch *epoch;
static _Atomic uint64_t *news;

static void open_side(struct side *side, const char *name)
{
	uint64_t slot_size = slu_lane_slot_size(0);

	side->lane = explore_alloc(sizeof(*side->lane));
	side->seen = 0;
	explore_name(side->lane, sizeof(*side->lane), name);
	slu_lane_init(side->lane, 0, explore_alloc(2 * slot_size), 2, slot_size, NULL);
	slu_lane_admit(side->lane);
}

static void set_up(void)
{
	open_side(&cause, "cause's lane");
	open_side(&effect, "effect's lane");
	epoch = explore_alloc(sizeof(*epoch));
	news = explore_alloc(sizeof(*news));
	explore_name(epoch, sizeof(*epoch), "epoch");
	explore_name(news, sizeof(*news), "news");
	slu_epoch_init(epoch, 1);
}

static void put(struct sluice_lane *lane)
{
	struct slu_slot *slot;

	explore_check(slu_lane_reserve(lane, &slot) == SLUICE_OK, "no room");
	slot->epoch = slu_epoch_now(epoch);
	slot->length = 0;
	slu_lane_commit(lane, slot);
}

static void first_engine(void)
{
	put(cause.lane);
	atomic_store_explicit(news, 1, memory_order_release);
}

static void second_engine(void)
{
	while (atomic_load_explicit(news, memory_order_acquire) == 0)
		explore_pause();
	put(effect.lane);
}

/* How many of the lane's records are seen by now and stamped up to `limit`. */
static uint64_t cut(struct side *side, uint64_t limit)
{
	uint64_t count = 0;

	while (slu_lane_peek(side->lane, side->seen) != NULL)
		side->seen++;
	while (count < side->seen && slu_lane_slot(side->lane, count)->epoch <= limit)
		count++;
	return count;
}

static void scan(struct side *first, struct side *second)
{
	for (uint64_t i = 1; i <= SCANS; i++) {
		uint64_t limit = slu_epoch_advance(epoch, i);
		uint64_t of_first = cut(first, limit), of_second = cut(second, limit);

		explore_check((first == &cause ? of_second : of_first) <=
		                      (first == &cause ? of_first : of_second),
		              "an effect without its cause");
	}
}

static void cause_first(void)
{
	scan(&cause, &effect);
}

static void effect_first(void)
{
	scan(&effect, &cause);
}

static const struct explore_scenario scenarios[] = {
	{
		.name = "cut",
		.set_up = set_up,
		.threads = {{"first", first_engine},
                            {"second", second_engine},
                            {"flusher", cause_first}},
		.switches = 3,
		.stale = 3,
		.random_runs = 20000,
	},
	{
		.name = "cut_backwards",
		.set_up = set_up,
		.threads = {{"first", first_engine},
                            {"second", second_engine},
                            {"flusher", effect_first}},
		.switches = 3,
		.stale = 3,
		.random_runs = 20000,
	},
};

int main(int argc, char **argv)
{
	return explore_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
