/* SPDX-License-Identifier: MIT */
/* clock.c - what a tick of the call clock is worth, and what a reading costs. */
#include "cli/clock.h"

#include <stdlib.h>

#define MEASURE_NS 20000000
#define COST_SAMPLES 1001

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static uint64_t median_cost_ticks(void)
{
	uint64_t samples[COST_SAMPLES];
	size_t index;

	for (index = 0; index < COST_SAMPLES; index++) {
		uint64_t begin = slu_call_clock_begin();

		samples[index] = slu_call_clock_end() - begin;
	}
	qsort(samples, COST_SAMPLES, sizeof(samples[0]), compare);
	return samples[COST_SAMPLES / 2];
}

void slu_call_clock_measure(struct slu_call_clock *clock)
{
	const struct timespec pause = {.tv_nsec = MEASURE_NS};
	uint64_t begin_ns = slu_clock_ns();
	uint64_t begin = slu_call_clock_begin();
	uint64_t ticks;

	nanosleep(&pause, NULL);
	ticks = slu_call_clock_end() - begin;
	/* No tick in 20 ms is no clock; one tick keeps the division defined. */
	clock->ns_per_2_20_ticks = ((slu_clock_ns() - begin_ns) << 20) / (ticks == 0 ? 1 : ticks);
	clock->cost_ns = slu_call_clock_ns(clock, median_cost_ticks());
#if defined(__x86_64__)
	clock->method = "rdtsc/rdtscp";
#else
	clock->method = "clock_gettime(CLOCK_MONOTONIC)";
#endif
}
