/* SPDX-License-Identifier: MIT */
/*
 * wire.h - batches on their way to the sink: made, handed over, remembered until committed.
 *
 *      room? -> cut (batch.h) -> send ..... the sink's progress ..... -> committed: the summary
 *
 * One wire carries the batches of one generation. Numbers start at 1 and are committed in order.
 * Thread: the flusher.
 */
#ifndef SLU_WIRE_H
#define SLU_WIRE_H

#include "core/batch.h"

#define SLU_IN_FLIGHT_MAX 8

struct slu_wire {
	struct sluice_sink *sink;
	uint64_t in_flight_max;
	bool held;              /* nothing is handed over for now */
	struct slu_batch batch; /* the one in the making */
	bool unsent;            /* `batch` is made, but the sink has not taken it */
	struct slu_summary in_flight[SLU_IN_FLIGHT_MAX]; /* by number */
	uint64_t submitted, committed;                   /* numbers of batches */
	uint64_t dead_lettered;                          /* rows of those committed */
};

/* Memory for what in_flight and the batch remember of `lane_count` lanes of `slot_count` slots. The
 * caller has filled `batch.budget` and what the batch is made of. False when there is none; close it
 * in any case. */
bool slu_wire_open(struct slu_wire *wire, struct slu_env *env, uint64_t slot_count);
void slu_wire_close(struct slu_wire *wire, struct slu_env *env);

/* Whether one more batch may be handed over. */
static inline bool slu_wire_has_room(const struct slu_wire *wire,
                                     const struct sluice_sink_progress *progress)
{
	return progress->ready && !wire->held &&
	       wire->submitted - wire->committed < wire->in_flight_max;
}

static inline bool slu_wire_idle(const struct slu_wire *wire)
{
	return wire->submitted == wire->committed && !wire->unsent;
}

/* Makes the next batch of what is stamped <= `limit`, unless one is waiting to be sent. False: there
 * is nothing to send. */
bool slu_wire_cut(struct slu_wire *wire, uint64_t limit);

/* Hands the batch over. False: the sink has no memory for it now; send again in the next cycle. */
bool slu_wire_send(struct slu_wire *wire);

/* Begins anew, with the numbers of another generation. Nothing is in flight. */
void slu_wire_restart(struct slu_wire *wire);

/* How many rows became dead letters since the last call. */
uint64_t slu_wire_dead_lettered(struct slu_wire *wire, const struct sluice_sink_progress *progress);

/* The next batch that the sink has committed since the last call, or NULL. Valid until the next cut. */
const struct slu_summary *slu_wire_committed(struct slu_wire *wire,
                                             const struct sluice_sink_progress *progress);

#endif
