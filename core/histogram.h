/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - counts durations by size, cheaply and for ever.
 *
 * Log-linear: values below 64 are exact, above that each power of two is cut into 64 equal steps,
 * so a reported value is at most 1/64 above the true one. Fixed size, allocates nothing. One thread
 * records; any thread may read meanwhile, and sees each count as it was at some moment.
 */
#ifndef SLU_HISTOGRAM_H
#define SLU_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define SLU_HISTOGRAM_STEPS 64 /* a power of two */
#define SLU_HISTOGRAM_CELLS ((64 - 6 + 1) * SLU_HISTOGRAM_STEPS)

struct slu_histogram {
	_Atomic uint64_t count;
	_Atomic uint64_t max;
	_Atomic uint64_t cells[SLU_HISTOGRAM_CELLS];
};

void slu_histogram_record(struct slu_histogram *histogram, uint64_t value);
/* The same value `count` times. */
void slu_histogram_record_many(struct slu_histogram *histogram, uint64_t value, uint64_t count);
/* Adds what `from` holds to `to`. */
void slu_histogram_add(struct slu_histogram *to, const struct slu_histogram *from);
/* The smallest value that at least `percentile` (0 to 100) of the records do not exceed; 0 when
 * empty. */
uint64_t slu_histogram_percentile(const struct slu_histogram *histogram, double percentile);

#endif
