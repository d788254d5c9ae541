/* SPDX-License-Identifier: MIT */
/* stepped.c - the instance that tests step. */
#include "stepped.h"

struct fixture f;

void open_with(const char *options)
{
	world_init(&f.world);
	open_in_world(options);
}

void open_in_world(const char *options)
{
	f.sink = scripted_sink_new();
	f.sluice = world_open(&f.world, f.sink, options);
	f.flusher = &f.sluice->flusher;
	f.lane = world_attach(f.sluice, 0);
	f.other = world_attach(f.sluice, 1);
}

void tear_down(void)
{
	world_close(f.sluice);
	scripted_sink_free(f.sink);
	assert_equal(f.world.mapped, 0);
}

void put_events(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		assert_status(put_event(f.lane, i), SLUICE_OK);
}

void step_for(uint64_t duration_ns)
{
	for (uint64_t passed = 0; passed < duration_ns; passed += MS / 4)
		world_step(f.sluice, MS / 4);
}

uint64_t released(void)
{
	return atomic_load(&f.lane->flusher.released);
}

uint64_t acknowledged(void)
{
	return atomic_load(&f.lane->flusher.acknowledged);
}

uint64_t accepted(void)
{
	struct sluice_stats stats;

	sluice_stats(f.sluice, &stats);
	return stats.account.accepted;
}

uint64_t version_of(uint64_t id)
{
	struct item item;
	uint64_t version = 99;

	(void)!sluice_get(f.lane, &items, &id, &item, &version);
	return version;
}
