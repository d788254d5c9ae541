/* SPDX-License-Identifier: MIT */
/*
 * pressure.h - lanes that fill up, told before they are full.
 *
 *      slots in use   0 ........ mark/2 ............... mark ......... all
 *                          <-- low again            high -->
 *
 * A lane is told once when it has filled up to the mark, and once when it has emptied to half of it.
 * Thread: the flusher.
 */
#ifndef SLU_PRESSURE_H
#define SLU_PRESSURE_H

#include "core/lane.h"

struct slu_pressure {
	uint64_t percent; /* of a lane's slots: the mark */
	void (*listener)(void *context, const struct sluice_pressure *pressure);
	void *listener_context;
	void (*log)(void *context, const char *line);
	void *log_context;

	uint64_t high_lanes; /* now */
	uint64_t high_times; /* in all */
};

/* Looks at how many of the lane's slots are in use. */
void slu_pressure_look(struct slu_pressure *pressure, struct sluice_lane *lane);

#endif
