/* SPDX-License-Identifier: MIT */
/*
 * clock.h - two clocks: one for the schedule, one so fine that it can time a single call.
 *
 * The call clock is the processor's time stamp counter (rdtsc, rdtscp) on x86-64, elsewhere the
 * schedule's clock. What a pair of readings costs is measured and told, not subtracted: times of
 * calls include it.
 */
#ifndef CLI_CLOCK_H
#define CLI_CLOCK_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

struct slu_call_clock {
	const char *method; /* static */
	uint64_t ns_per_2_20_ticks;
	uint64_t cost_ns; /* of a pair of readings with nothing between, median */
};

/* Monotonic nanoseconds. */
static inline uint64_t slu_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The load fence keeps the first reading from moving behind the call's own loads, rdtscp waits for
 * them; that is all the order a latency of tens of nanoseconds needs. */
static inline uint64_t slu_call_clock_begin(void)
{
#if defined(__x86_64__)
	uint64_t ticks = __rdtsc();

	_mm_lfence();
	return ticks;
#else
	return slu_clock_ns();
#endif
}

static inline uint64_t slu_call_clock_end(void)
{
#if defined(__x86_64__)
	unsigned processor;

	return __rdtscp(&processor);
#else
	return slu_clock_ns();
#endif
}

static inline void slu_clock_pause(void)
{
#if defined(__x86_64__)
	_mm_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

/* Ticks between two readings as nanoseconds. Right for hours; what 64 bits can't hold saturates. */
static inline uint64_t slu_call_clock_ns(const struct slu_call_clock *clock, uint64_t ticks)
{
	uint64_t product;

	if (__builtin_mul_overflow(ticks, clock->ns_per_2_20_ticks, &product))
		product = UINT64_MAX;
	return product >> 20;
}

/* Measures rate and cost; takes about 20 ms. */
void slu_call_clock_measure(struct slu_call_clock *clock);

#endif
