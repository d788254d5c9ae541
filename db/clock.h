/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the monotonic clock and pauses, for tools that may block.
 *
 * A wait here is always `while (not yet) if (late) fail; else pause`, never one sleep that hopes.
 */
#ifndef DB_CLOCK_H
#define DB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t slu_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* May return early, when a signal was handled. */
static inline void slu_pause_ns(uint64_t duration_ns)
{
	struct timespec duration = {.tv_sec = (time_t)(duration_ns / 1000000000),
	                            .tv_nsec = (long)(duration_ns % 1000000000)};

	nanosleep(&duration, NULL);
}

#endif
