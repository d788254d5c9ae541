/* SPDX-License-Identifier: MIT */
/*
 * contest.h - carriers side by side: each round opens each of them anew, warms it up, measures its
 * bursts and checks what came out.
 *
 * Rounds are many and short, and each has another order: the machine changes its mind more slowly
 * than that.
 */
#ifndef BENCH_CONTEST_H
#define BENCH_CONTEST_H

#include "bench/carrier.h"

struct slu_contestant {
	const char *name;
	enum slu_measure_role role;
	int baseline; /* which of the contestants before, -1 for none */
	struct slu_carrier_plan plan;
};

struct slu_contest {
	const struct slu_contestant *contestants;
	size_t count;
	size_t bursts; /* a round and contestant */
	uint64_t pause_ns;
	struct slu_measure_row *rows[SLU_MEASURE_ROWS]; /* the contestants' */
};

/* Adds a row a contestant, runs all rounds, and notes how. Strings and contestants must live as
 * long as `measure`. */
void slu_contest_run(struct slu_contest *contest, struct slu_measure *measure);

#endif
