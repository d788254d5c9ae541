/* SPDX-License-Identifier: MIT */
/*
 * commit_contest.h - ways to commit the same rows, side by side: each round each of them writes all
 * rows at each cadence, into the table as all find it, and what it left is checked.
 *
 * A row for each way and cadence is its rate; another, for ways that have a client, the processor
 * time that the client took. Sluice's rates appear a second time, beside the rival's.
 */
#ifndef BENCH_COMMIT_CONTEST_H
#define BENCH_COMMIT_CONTEST_H

#include "bench/commit_sluice.h"
#include "bench/measure.h"

#define SLU_COMMIT_WAYS 6
#define SLU_COMMIT_UNIT "rows/s; CPU in ms a million rows"

struct slu_commit_way {
	const char *name;
	enum slu_measure_role role;
	bool client; /* has one: its processor time counts */
	bool go;     /* exists only where Go does */
	struct slu_commit_cost (*run)(const struct slu_commit_rows *rows, size_t cadence);
};

struct slu_commit_score {
	char name[64], again_name[64], cpu_name[64];
	struct slu_measure_row *rate, *again, *cpu; /* NULL: there is none */
	struct slu_commit_cost sum;                 /* of all rounds */
};

/* The first way is the baseline, the second Sluice. */
struct slu_commit_contest {
	struct slu_measure *measure;
	struct slu_commit_rows *rows;
	const struct slu_commit_way *ways;
	size_t way_count;
	size_t rival; /* the way whose client Sluice's is compared with */
	struct slu_commit_score scores[SLU_COMMIT_CADENCES][SLU_COMMIT_WAYS];
};

/* Adds the rows of all ways. With `measure`, `rows`, `ways`, `way_count` and `rival` filled. */
void slu_commit_contest_open(struct slu_commit_contest *contest);

/* Runs and checks all ways once. */
void slu_commit_contest_round(struct slu_commit_contest *contest);

/* How many rows Sluice's transactions had, whose CPU time was whose, and what was not there. */
void slu_commit_contest_note(struct slu_commit_contest *contest);

#endif
