/* SPDX-License-Identifier: MIT */
/*
 * grace.c - a slot goes its way from acknowledged to released, under the eyes of a reader.
 *
 * The record is published. The flusher waits out a grace period, installs the record, waits out
 * another, and the slot is written anew. Wanted: the reader, who looks twice, is never in a slot
 * that is being written, and always finds the record. E5, E6, E6'.
 */
#include "core/grace.h"
#include "core/cache.h"
#include "explore.h"

#define VALUE 7

static const struct sluice_stream stream = {
	.name = "numbers", .kind = SLUICE_STATE, .layout.size = 8, .key_size = 8};

static struct slu_env environment;
static struct sluice_lane *lane;
static struct slu_slot *slot;
static struct slu_entry *entry;
static struct slu_cache *cache;
static struct slu_grace *grace;

static void *map(struct slu_env *env, size_t size)
{
	(void)env;
	return explore_alloc(size);
}

static void unmap(struct slu_env *env, void *memory, size_t size)
{
	(void)env;
	(void)memory;
	(void)size;
}

static void barrier_everywhere(struct slu_env *env)
{
	(void)env;
	explore_barrier_everywhere();
}

static void fill(uint64_t value)
{
	memcpy(slot->record, &value, sizeof(value));
}

static void set_up(void)
{
	uint64_t slot_size = slu_lane_slot_size(8), key = 1;
	unsigned char *slots = explore_alloc(slot_size);

	environment = (struct slu_env){
		.map = map, .unmap = unmap, .barrier_everywhere = barrier_everywhere};
	lane = explore_alloc(sizeof(*lane));
	cache = explore_alloc(sizeof(*cache));
	grace = explore_alloc(sizeof(*grace));
	explore_name(lane, sizeof(*lane), "lane");
	explore_name(slots, slot_size, "slot");
	slu_lane_init(lane, 0, slots, 1, slot_size, NULL);
	slu_lane_admit(lane);
	explore_check(slu_cache_open(cache, &environment, &stream, 1, 1, 1), "no cache");
	explore_name(cache->entries, cache->memory_size, "entries");
	grace->env = &environment;
	grace->lanes = lane;
	grace->lane_count = 1;
	grace->sections = explore_alloc(sizeof(uint64_t));
	entry = slu_cache_find_or_add(cache, lane, &key);
	explore_check(slu_lane_reserve(lane, &slot) == SLUICE_OK, "no room");
	fill(VALUE);
	slot->version = 2;
	slot->length = 8;
	slot->entry = slu_cache_index(cache, entry);
	slu_lane_commit(lane, slot);
	slu_cache_publish(entry, slot);
}

static void reader(void)
{
	for (int i = 0; i < 2; i++) {
		const struct slu_slot *newest;
		uint64_t value;

		explore_check(slu_section_enter(lane), "a section that can't be entered");
		newest = atomic_load_explicit(&entry->newest, memory_order_acquire); /* E4 */
		memcpy(&value, newest->record, sizeof(value));
		explore_check(value == VALUE, "another record than was put");
		slu_section_exit(lane);
	}
}

static void wait_for_grace(void)
{
	slu_grace_start(grace, 1);
	while (!slu_grace_passed(grace))
		explore_pause();
}

static void flusher(void)
{
	wait_for_grace();
	slu_cache_install(cache, slot);
	wait_for_grace();
	fill(VALUE + 1);
}

static void check(void)
{
	slu_cache_close(cache, &environment);
}

static const struct explore_scenario scenarios[] = {
	{
		.name = "grace",
		.set_up = set_up,
		.threads = {{"reader", reader}, {"flusher", flusher}},
		.check = check,
		.switches = 3,
		.stale = 2,
		.random_runs = 20000,
	},
};

int main(int argc, char **argv)
{
	return explore_main(argc, argv, scenarios, 1);
}
