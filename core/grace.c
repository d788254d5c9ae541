/* SPDX-License-Identifier: MIT */
/* grace.c - starting a grace period, and looking whether it has passed. */
#include "core/grace.h"

void slu_grace_start(struct slu_grace *grace, uint64_t now_ns)
{
	grace->env->barrier_everywhere(grace->env); /* E6 */
	for (size_t i = 0; i < grace->lane_count; i++)
		grace->sections[i] = atomic_load_explicit(&grace->lanes[i].engine.section,
		                                          memory_order_acquire); /* E5 */
	grace->waiting_for = 0;
	grace->running = true;
	grace->started_ns = now_ns;
}

static bool left(const struct sluice_lane *lane, uint64_t section)
{
	if (section % 2 == 0)
		return true;
	return atomic_load_explicit(&lane->engine.section, memory_order_acquire) !=
	       section; /* E5 */
}

bool slu_grace_passed(struct slu_grace *grace)
{
	if (!grace->running)
		return false;
	while (grace->waiting_for < grace->lane_count) {
		if (!left(&grace->lanes[grace->waiting_for], grace->sections[grace->waiting_for]))
			return false;
		grace->waiting_for++;
	}
	grace->running = false;
	grace->count++;
	return true;
}
