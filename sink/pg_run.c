/* SPDX-License-Identifier: MIT */
/* pg_run.c - a ring of scripts, and positions that only grow. */
#include "sink/pg_run.h"

#include <assert.h>
#include <stdlib.h>

enum { POSITIONS = 4 }; /* arrays, in one allocation */

bool slu_run_init(struct slu_run *run, size_t in_flight_batches)
{
	memset(run, 0, sizeof(*run));
	run->capacity = in_flight_batches;
	run->queue = calloc(run->capacity, sizeof(*run->queue));
	return run->queue != NULL;
}

static void drop_all(struct slu_run *run)
{
	for (; run->queued > 0; run->queued--) {
		slu_script_free(slu_run_head(run));
		run->head = (run->head + 1) % run->capacity;
	}
}

void slu_run_free(struct slu_run *run)
{
	drop_all(run);
	free(run->queue);
	free(run->positions);
	memset(run, 0, sizeof(*run));
}

bool slu_run_begin(struct slu_run *run, const struct sluice_generation *generation)
{
	size_t count = generation->lane_count;
	uint64_t *positions = calloc(count, POSITIONS * sizeof(*positions));

	if (positions == NULL)
		return false;
	drop_all(run); /* a seal that was given up */
	free(run->positions);
	run->generation = *generation;
	run->positions = positions;
	run->applied = positions + count;
	run->accepted = positions + 2 * count;
	run->told = positions + 3 * count;
	run->committed = 0;
	run->begun = true;
	run->found = run->sealing = run->sealed = false;
	return true;
}

/* ---- queue ---- */

static struct slu_script *script_at(const struct slu_run *run, size_t index)
{
	return run->queue[(run->head + index) % run->capacity];
}

struct slu_script *slu_run_head(const struct slu_run *run)
{
	return run->queued > 0 ? script_at(run, 0) : NULL;
}

bool slu_run_has_room(const struct slu_run *run)
{
	return run->found && !run->sealing && run->queued < run->capacity;
}

static bool push(struct slu_run *run, struct slu_script *script)
{
	if (script == NULL)
		return false;
	assert(run->queued < run->capacity);
	run->queue[(run->head + run->queued) % run->capacity] = script;
	run->queued++;
	return true;
}

static size_t positions_size(const struct slu_run *run)
{
	return run->generation.lane_count * sizeof(*run->positions);
}

bool slu_run_take(struct slu_run *run, const struct sluice_batch *batch,
                  const struct slu_script_limits *limits)
{
	assert(slu_run_has_room(run));
	assert(batch->lane_count == run->generation.lane_count);
	assert(memcmp(batch->from, run->accepted, positions_size(run)) == 0);
	if (!push(run, slu_script_make(batch, &run->generation.id, limits)))
		return false;
	memcpy(run->accepted, batch->to, positions_size(run));
	return true;
}

bool slu_run_take_seal(struct slu_run *run)
{
	const struct sluice_batch nothing = {.number = run->committed,
	                                     .lane_count = run->generation.lane_count,
	                                     .from = run->applied,
	                                     .to = run->applied};

	assert(run->found && run->queued == 0);
	return push(run, slu_script_make_seal(&nothing, &run->generation.id));
}

void slu_run_pop(struct slu_run *run)
{
	struct slu_script *script = slu_run_head(run);

	memcpy(run->applied, script->to, positions_size(run));
	run->committed = script->number;
	run->sealed = script->seals;
	run->head = (run->head + 1) % run->capacity;
	run->queued--;
	slu_script_free(script);
}

/* ---- where the database stands ---- */

static bool stands_at(const struct slu_run *run, const uint64_t *positions)
{
	return memcmp(run->told, positions, positions_size(run)) == 0;
}

bool slu_run_resolve(struct slu_run *run)
{
	if (!run->found) {
		memcpy(run->positions, run->told, positions_size(run));
		memcpy(run->applied, run->told, positions_size(run));
		memcpy(run->accepted, run->told, positions_size(run));
		run->found = true;
		run->generation.known = true;
		return true;
	}
	if (stands_at(run, run->applied))
		return true;
	/* Only the head was ever sent. */
	if (run->queued == 0 || !stands_at(run, script_at(run, 0)->to))
		return false;
	slu_run_pop(run);
	return true;
}
