/* SPDX-License-Identifier: MIT */
/* commit_sluice.h - Sluice as the benchmarks of commits run it: one thread that puts, one lane. */
#ifndef BENCH_COMMIT_SLUICE_H
#define BENCH_COMMIT_SLUICE_H

#include "bench/commit_rows.h"

#include <sluice/postgres.h>

/* What writing all rows took. */
struct slu_commit_cost {
	double seconds;
	double cpu_seconds;        /* of the client: all of its threads */
	double engine_cpu_seconds; /* Sluice only: of the thread that puts, in that */
	uint64_t transactions;
};

struct slu_commit_session {
	struct sluice *sluice;
	struct sluice_lane *lane;
};

/* Default options, but for one lane, keys for all rows, overflow=block. */
void slu_commit_options(const struct slu_commit_rows *rows, struct sluice_options *options);

/* All here ends the program when it fails. */
struct slu_commit_session slu_commit_open(const struct slu_commit_rows *rows,
                                          const struct sluice_options *options);
void slu_commit_close(struct slu_commit_session *session);

/* Writes all rows in transactions of `cadence`, from the first put until all are committed. */
struct slu_commit_cost slu_commit_by_sluice(const struct slu_commit_rows *rows, size_t cadence);

/* Processor seconds that an open instance takes in a second in which nobody puts anything. */
double slu_commit_idle_cpu(const struct slu_commit_rows *rows);

/* As fast as they are taken, with default budgets. */
struct slu_commit_cost slu_commit_flat_out(const struct slu_commit_rows *rows);

#endif
