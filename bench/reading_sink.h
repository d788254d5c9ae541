/* SPDX-License-Identifier: MIT */
/*
 * reading_sink.h - a sink that reads every byte of every row and commits at once.
 *
 * What Postgres costs is another question; but a real sink reads the records, and so takes their
 * cache lines away from the engine's processor. The null sink does not, and would flatter.
 */
#ifndef BENCH_READING_SINK_H
#define BENCH_READING_SINK_H

#include <sluice/sink.h>

/* The caller owns it and reads `sum` and `rows` after sluice_close. */
struct slu_reading_sink {
	struct sluice_sink sink;
	uint64_t *positions; /* all 0: it has heard of no run */
	uint64_t committed;
	bool sealed;
	uint64_t sum, rows;
};

void slu_reading_sink_init(struct slu_reading_sink *sink);

#endif
