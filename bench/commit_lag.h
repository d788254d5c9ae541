/* SPDX-License-Identifier: MIT */
/*
 * commit_lag.h - how long single records take until they are committed, at a steady rate.
 *
 *      engine    put .. put .. put       at the times that the rate asks for, in its own sleep
 *                |sample   |sample
 *      waiter    sluice_wait -> the time
 *
 * Every so many records, the ticket and the time right before the put go to a second thread, which
 * waits for it. So a lag is what a caller sees who must know: it ends when sluice_wait has
 * returned, waking up included.
 */
#ifndef BENCH_COMMIT_LAG_H
#define BENCH_COMMIT_LAG_H

#include "bench/commit_sluice.h"

struct slu_lag_plan {
	const struct slu_commit_rows *rows; /* all of them are put */
	double rate;                        /* records a second */
	size_t stride;                      /* every so many a sample */
};

struct slu_lag_result {
	double *lags_us; /* to be freed */
	size_t count;
	double rate; /* that was kept */
	double transactions;
	struct sluice_latency told; /* what sluice_stats says of all records */
};

/* One run, with default options. Ends the program when it fails. */
struct slu_lag_result slu_lag_measure(const struct slu_lag_plan *plan);

/* ---- what a lag can't be without ---- fill `values` with `count` durations in us */

/* SELECT 1, there and back, on a connection of its own. */
void slu_lag_round_trips(const char *dsn, double *values, size_t count);

/* 8 kB written over what a file in `directory` already has, and fdatasync, as for the log. */
void slu_lag_syncs(const char *directory, double *values, size_t count);

/* Of values in any order, which are left sorted: the smallest that `share` do not exceed. */
double slu_lag_percentile(double *values, size_t count, double share);

#endif
