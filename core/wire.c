/* SPDX-License-Identifier: MIT */
/* wire.c - numbers, and what is remembered of a batch that the sink holds. */
#include "core/wire.h"

#include <stdlib.h>
#include <string.h>

bool slu_wire_open(struct slu_wire *wire, struct slu_env *env, uint64_t slot_count)
{
	size_t lane_count = wire->batch.lane_count;
	bool complete = slu_batch_open(&wire->batch, env, slot_count);

	for (size_t i = 0; i < SLU_IN_FLIGHT_MAX; i++) {
		wire->in_flight[i].to = calloc(lane_count, sizeof(uint64_t));
		complete &= wire->in_flight[i].to != NULL;
	}
	return complete;
}

void slu_wire_close(struct slu_wire *wire, struct slu_env *env)
{
	slu_batch_close(&wire->batch, env);
	for (size_t i = 0; i < SLU_IN_FLIGHT_MAX; i++) {
		free(wire->in_flight[i].to);
		wire->in_flight[i].to = NULL;
	}
}

static void remember(struct slu_wire *wire)
{
	const struct slu_summary *summary = &wire->batch.summary;
	struct slu_summary *kept = &wire->in_flight[summary->number % SLU_IN_FLIGHT_MAX];
	uint64_t *to = kept->to;

	memcpy(to, summary->to, wire->batch.lane_count * sizeof(*to));
	*kept = *summary;
	kept->to = to;
}

bool slu_wire_cut(struct slu_wire *wire, uint64_t limit)
{
	if (!wire->unsent)
		wire->unsent = slu_batch_cut(&wire->batch, limit, wire->submitted + 1);
	return wire->unsent;
}

bool slu_wire_send(struct slu_wire *wire)
{
	if (wire->sink->ops->submit(wire->sink, &wire->batch.view) != SLUICE_OK)
		return false;
	remember(wire);
	wire->unsent = false;
	wire->submitted++;
	return true;
}

const struct slu_summary *slu_wire_committed(struct slu_wire *wire,
                                             const struct sluice_sink_progress *progress)
{
	if (wire->committed >= progress->committed)
		return NULL;
	wire->committed++;
	return &wire->in_flight[wire->committed % SLU_IN_FLIGHT_MAX];
}

void slu_wire_restart(struct slu_wire *wire)
{
	wire->submitted = 0;
	wire->committed = 0;
	wire->dead_lettered = 0;
}

uint64_t slu_wire_dead_lettered(struct slu_wire *wire, const struct sluice_sink_progress *progress)
{
	uint64_t before = wire->dead_lettered;

	wire->dead_lettered = progress->dead_lettered;
	return wire->dead_lettered - before;
}
