/* SPDX-License-Identifier: MIT */
/*
 * races.c - two accesses to a byte, one of them a write, not both atomic, neither before the other.
 *
 * Each byte of the arena remembers when every thread last touched it, in that thread's own time. An
 * access is after another if the thread's clock has come to that time. Memory outside of the arena
 * (stacks, tables) is not watched.
 */
#include "machine.h"

#define ARENA_SIZE (1u << 20)

enum touch { PLAIN_READ, PLAIN_WRITE, ATOMIC_READ, ATOMIC_WRITE, TOUCHES };

struct cell {
	uint32_t run;       /* of another: never touched in this one */
	unsigned only : 16; /* the one thread that touched it; 0 once there were two */
	uint16_t at[TOUCHES][MACHINE_THREADS];
};

static _Alignas(4096) unsigned char arena[ARENA_SIZE];
static struct cell cells[ARENA_SIZE];
static uint32_t run;

/* What must be over before. */
static const bool excludes[TOUCHES][TOUCHES] = {
	[PLAIN_READ] = {[PLAIN_WRITE] = true, [ATOMIC_WRITE] = true},
	[PLAIN_WRITE] = {true, true, true, true},
	[ATOMIC_READ] = {[PLAIN_WRITE] = true},
	[ATOMIC_WRITE] = {[PLAIN_READ] = true, [PLAIN_WRITE] = true},
};

static const char *const found[TOUCHES] = {
	"a race: it reads what another thread may be writing",
	"a race: it writes what another thread may be using",
	"a race: an atomic load of what another thread may be writing",
	"a race: an atomic store to what another thread may be using",
};

void clock_join(struct clock *clock, const struct clock *other)
{
	for (unsigned i = 0; i < MACHINE_THREADS; i++)
		if (clock->at[i] < other->at[i])
			clock->at[i] = other->at[i];
}

void races_reset(void)
{
	run++;
}

void *races_arena(size_t *size)
{
	*size = ARENA_SIZE;
	return arena;
}

static void touch(const struct clock *clock, unsigned thread, struct cell *cell, enum touch touch)
{
	if (cell->run != run)
		*cell = (struct cell){.run = run, .only = thread & 0xffff};
	if (cell->only != thread)
		cell->only = 0;
	for (unsigned before = 0; cell->only == 0 && before < TOUCHES; before++)
		for (unsigned i = 0; excludes[touch][before] && i < MACHINE_THREADS; i++)
			if (cell->at[before][i] > clock->at[i])
				schedule_found(found[touch]);
	cell->at[touch][thread] = (uint16_t)clock->at[thread]; /* a run has fewer releases */
}

/* Thread 0 runs alone, before or after all others. */
static bool watched(unsigned thread, uintptr_t address)
{
	return thread != 0 && address - (uintptr_t)arena < ARENA_SIZE;
}

void races_plain(const struct clock *clock, unsigned thread, uintptr_t address, size_t size,
                 bool writes)
{
	if (!watched(thread, address))
		return;
	for (size_t i = 0; i < size && watched(thread, address + i); i++)
		touch(clock, thread, &cells[address + i - (uintptr_t)arena],
		      writes ? PLAIN_WRITE : PLAIN_READ);
}

/* The first byte stands for the whole. */
void races_atomic(const struct clock *clock, unsigned thread, uintptr_t address, bool writes)
{
	if (watched(thread, address))
		touch(clock, thread, &cells[address - (uintptr_t)arena],
		      writes ? ATOMIC_WRITE : ATOMIC_READ);
}
