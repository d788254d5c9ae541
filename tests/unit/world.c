/* SPDX-License-Identifier: MIT */
/* world.c - the clock, the chance and the memory that unit tests run the core with. */
#include "world.h"

#include "core/registry.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_NS 3600000000000u /* one hour */
#define START_US 1700000000000000u

/* ---- the clock ---- */

static struct world *world_of(struct slu_env *env)
{
	return (struct world *)env; /* it begins with its env */
}

static uint64_t fake_now_ns(struct slu_env *env)
{
	return world_of(env)->now_ns;
}

static uint64_t fake_realtime_us(struct slu_env *env)
{
	return world_of(env)->realtime_us;
}

static void fake_sleep(struct world *world, uint64_t until_ns)
{
	/* The flusher's thread, which lives only inside world_open, has no say over the clock. */
	if (!pthread_equal(pthread_self(), world->owner)) {
		sched_yield();
		return;
	}
	if (world->on_wait != NULL)
		world->on_wait(world->on_wait_context);
	if (until_ns != SLU_NEVER && until_ns > world->now_ns)
		world->now_ns = until_ns;
}

static void fake_wait(struct slu_env *env, int fd, short wanted, uint64_t until_ns)
{
	(void)fd;
	(void)wanted;
	fake_sleep(world_of(env), until_ns);
}

static void fake_wait_word(struct slu_env *env, _Atomic uint32_t *word, uint32_t seen,
                           uint64_t until_ns)
{
	(void)word;
	(void)seen;
	fake_sleep(world_of(env), until_ns);
}

static void fake_wake(struct slu_env *env, _Atomic uint32_t *word)
{
	(void)env;
	(void)word;
}

static void fake_barrier_everywhere(struct slu_env *env)
{
	world_of(env)->barriers++;
}

/* ---- chance ---- */

/* splitmix64 */
uint64_t world_first_version(const struct world *world)
{
	return world->realtime_us * 1000;
}

uint64_t world_random(struct world *world)
{
	uint64_t mixed = world->random += 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	return mixed ^ mixed >> 31;
}

static uint64_t fake_random(struct slu_env *env)
{
	return world_random(world_of(env));
}

/* ---- memory: from the heap, so that a sanitizer sees its ends and its leaks ---- */

static void *fake_map(struct slu_env *env, size_t size)
{
	struct world *world = world_of(env);
	void *memory;

	if (++world->map_calls == world->map_fails_at)
		return NULL;
	if (posix_memalign(&memory, 4096, size) != 0)
		return NULL;
	memset(memory, 0, size);
	world->mapped++;
	return memory;
}

static void fake_unmap(struct slu_env *env, void *memory, size_t size)
{
	if (memory == NULL)
		return;
	memset(memory, 0xdd, size); /* who still reads it will not like it */
	free(memory);
	world_of(env)->mapped--;
}

/* ---- the world ---- */

void world_init(struct world *world)
{
	*world = (struct world){
		.env = {.now_ns = fake_now_ns,
	                .realtime_us = fake_realtime_us,
	                .random = fake_random,
	                .map = fake_map,
	                .unmap = fake_unmap,
	                .wait = fake_wait,
	                .wait_word = fake_wait_word,
	                .wake = fake_wake,
	                .barrier_everywhere = fake_barrier_everywhere},
		.now_ns = START_NS,
		.realtime_us = START_US,
		.random = 1,
		.owner = pthread_self(),
	};
}

void world_init_real(struct world *world)
{
	struct sluice_error error;
	struct slu_env *system = slu_env_system(&error);

	cr_assert_not_null(system, "%s", error.message);
	world_init(world);
	world->env = *system;
	world->env.map = fake_map;
	world->env.unmap = fake_unmap;
}

/* ---- an instance without a thread ---- */

/* slu_open is the only maker of an instance, and starts a thread: it is stopped while the clock
 * stands still, so that it leaves nothing behind but its first look at the empty lanes. */
struct sluice *world_open(struct world *world, struct scripted_sink *sink, const char *text)
{
	enum sluice_state state = sink->state;
	struct sluice_options options;
	struct sluice_error error;
	struct sluice *sluice;

	sluice_options_init(&options);
	cr_assert_eq(sluice_options_parse(&options, text, &error), SLUICE_OK, "%s", error.message);
	options.connect = SLUICE_CONNECT_BACKGROUND;
	sink->state = SLUICE_STATE_CONNECTING;
	sluice = slu_open(&world->env, &sink->sink, &world_streams, &options, &error);
	cr_assert_not_null(sluice, "%s", error.message);
	slu_instance_stop(sluice, 1);
	atomic_store(&sluice->flusher.stop_ns, 0);
	sink->state = state;
	return sluice;
}

void world_close(struct sluice *sluice)
{
	slu_registry_leave(sluice);
	sluice->sink->ops->close(sluice->sink);
	slu_instance_free_memory(sluice);
	free(sluice);
}

uint64_t world_step(struct sluice *sluice, uint64_t after_ns)
{
	struct world *world = world_of(sluice->env);

	world->now_ns += after_ns;
	return slu_flusher_step(&sluice->flusher, world->now_ns);
}

void world_settle(struct sluice *sluice)
{
	for (int i = 0; i < 100; i++)
		world_step(sluice, 1000000);
}

struct sluice_lane *world_attach(struct sluice *sluice, int index)
{
	struct sluice_error error;
	struct sluice_lane *lane = sluice_attach(sluice, index, &error);

	cr_assert_not_null(lane, "%s", error.message);
	return lane;
}

enum sluice_status put_item(struct sluice_lane *lane, uint64_t id, uint64_t value)
{
	struct item item = {.id = id, .value = value};

	return sluice_put(lane, &items, &item, sizeof(item), NULL);
}

enum sluice_status put_event(struct sluice_lane *lane, uint64_t value)
{
	struct event event = {.value = value};

	return sluice_put(lane, &events, &event, sizeof(event), NULL);
}

uint64_t value_of(struct sluice_lane *lane, uint64_t id)
{
	struct item item = {0};

	cr_assert_eq(sluice_get(lane, &items, &id, &item, NULL), SLUICE_OK);
	cr_assert_eq(item.id, id);
	return item.value;
}
