/* SPDX-License-Identifier: MIT */
/*
 * commit_fence.h - what the fence costs: the sink's own transaction, said by plain libpq, with its
 * fence and without.
 *
 * Transactions with and without take turns on one connection and table, so that whatever else
 * happens to the server happens to both alike.
 */
#ifndef BENCH_COMMIT_FENCE_H
#define BENCH_COMMIT_FENCE_H

#include "bench/commit_rows.h"
#include "bench/measure.h"

/* Writes all rows in transactions of `cadence`, from the files of slu_commit_prepare_server; adds
 * the rate of each transaction to one of two rows. */
void slu_commit_fence(struct slu_measure *measure, const struct slu_commit_rows *rows,
                      size_t cadence, struct slu_measure_row *without,
                      struct slu_measure_row *with);

#endif
