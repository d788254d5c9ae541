/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - a database that outlives the runs that write to it.
 *
 * It keeps the rows, and for each generation how far its lanes are applied, as the fence does; a batch
 * that does not begin where the generation stands is a violation. Each run gets a sink of its own onto
 * the same ledger. A sink commits a batch a step, so that a run can be stopped after any step.
 */
#ifndef TESTS_UNIT_LEDGER_H
#define TESTS_UNIT_LEDGER_H

#include "scripted_sink.h" /* the streams: items, events */

#define LEDGER_GENERATIONS 256
#define LEDGER_LANES 8

struct ledger_generation {
	struct sluice_uuid id;
	size_t lane_count;
	uint64_t positions[LEDGER_LANES];
	bool sealed;
};

struct ledger {
	struct ledger_generation generations[LEDGER_GENERATIONS]; /* in the order they were begun */
	size_t generation_count;
	struct seen_row *rows; /* in the order they were committed */
	size_t row_count, row_capacity;
	bool offline;     /* from now on nobody is told anything */
	uint64_t refuses; /* events of this value become dead letters, which are only counted */
	size_t letter_count;
	char violation[96]; /* "" while all kept the rules */
};

struct sluice_sink *ledger_sink_new(struct ledger *ledger);
void ledger_free(struct ledger *ledger);

/* How often a row with this value, of this stream, was committed. */
size_t ledger_count(const struct ledger *ledger, const struct sluice_stream *stream,
                    uint64_t value);

#endif
