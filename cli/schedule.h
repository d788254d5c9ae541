/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - when each row is due, in nanoseconds since the run began.
 *
 * The schedule is open loop: it knows the rate and nothing of how the run goes, so an engine that
 * falls behind is late, and its lateness is measured.
 *
 *      even      |  |  |  |  |  |  |  |     a row every 1/rate seconds
 *      bunched   ||||        ||||           a bunch starts when its first row is due evenly; within
 *                                           it rows follow ten times as fast
 */
#ifndef CLI_SCHEDULE_H
#define CLI_SCHEDULE_H

#include <stdint.h>

#define SLU_NS_PER_SECOND UINT64_C(1000000000)
#define SLU_BUNCH_HASTE 10 /* how much closer rows of a bunch stand than the mean */

/* When row `row` (from 0) is due at `rate` rows a second, at most SLU_NS_PER_SECOND. Whole seconds
 * and the rest apart: the product leaves 64 bits within a day, the parts never do. */
static inline uint64_t slu_schedule_even_ns(uint64_t row, uint64_t rate)
{
	return row / rate * SLU_NS_PER_SECOND + row % rate * SLU_NS_PER_SECOND / rate;
}

/* The same for a row of the bunch that began with row `first`. */
static inline uint64_t slu_schedule_bunched_ns(uint64_t first, uint64_t row, uint64_t rate)
{
	return slu_schedule_even_ns(first, rate) +
	       slu_schedule_even_ns(row - first, rate) / SLU_BUNCH_HASTE;
}

#endif
