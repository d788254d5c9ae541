/* SPDX-License-Identifier: MIT */
/* pressure.c - a mark with a wide margin below it: a lane that hovers there is not told again and
 * again. */
#include "core/pressure.h"

#include <inttypes.h>
#include <stdio.h>

static void tell(const struct slu_pressure *pressure, const struct sluice_pressure *what)
{
	char line[160];

	if (pressure->log != NULL) {
		snprintf(line, sizeof(line), "lane %u %s: %" PRIu64 " of %" PRIu64 " slots in use",
		         (unsigned)what->lane, what->high ? "fills up" : "has emptied", what->depth,
		         what->slots);
		pressure->log(pressure->log_context, line);
	}
	if (pressure->listener != NULL)
		pressure->listener(pressure->listener_context, what);
}

void slu_pressure_look(struct slu_pressure *pressure, struct sluice_lane *lane)
{
	uint64_t slots = lane->shape.slot_mask + 1;
	uint64_t mark = (slots * pressure->percent + 99) / 100;
	/* Relaxed: the flusher reads what it wrote itself. */
	uint64_t depth = lane->flusher.seen -
	                 atomic_load_explicit(&lane->flusher.released, memory_order_relaxed);
	bool changed = lane->flusher.high ? depth <= mark / 2 : depth >= mark;

	if (!changed)
		return;
	lane->flusher.high = !lane->flusher.high;
	if (lane->flusher.high) {
		pressure->high_lanes++;
		pressure->high_times++;
	} else {
		pressure->high_lanes--;
	}
	tell(pressure, &(struct sluice_pressure){.lane = lane->shape.index,
	                                         .high = lane->flusher.high,
	                                         .depth = depth,
	                                         .slots = slots});
}
