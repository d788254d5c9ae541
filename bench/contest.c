/* SPDX-License-Identifier: MIT */
/* contest.c - rounds of carriers. */
#include "bench/contest.h"

#define WARM_BURSTS 20 /* at the pace of the measured ones, after a lap without pauses */

static uint64_t run_contestant(const struct slu_contest *contest, struct slu_measure *measure,
                               size_t index)
{
	const struct slu_contestant *contestant = &contest->contestants[index];
	const struct slu_carrier_plan *plan = &contestant->plan;
	struct slu_carrier *carrier = slu_carrier_open(measure, contestant->name, plan);

	/* A lap, so that the consumer has read each slot before it is written again. */
	if (plan->kind != SLU_NOTHING)
		slu_carrier_fill(carrier, plan->slots * (plan->lanes == 0 ? 1 : plan->lanes));
	slu_carrier_measure(carrier, measure, NULL, WARM_BURSTS, contest->pause_ns);
	slu_carrier_measure(carrier, measure, contest->rows[index], contest->bursts,
	                    contest->pause_ns);
	return slu_carrier_close(carrier);
}

void slu_contest_run(struct slu_contest *contest, struct slu_measure *measure)
{
	uint64_t refused = 0;

	for (size_t i = 0; i < contest->count; i++) {
		const struct slu_contestant *contestant = &contest->contestants[i];

		contest->rows[i] = slu_measure_row(
			measure, contestant->name, contestant->role,
			contestant->baseline < 0 ? NULL : contest->rows[contestant->baseline]);
	}
	for (size_t round = 0; round < measure->rounds; round++) {
		if (round > 0)
			slu_measure_next_round(measure);
		for (size_t i = 0; i < contest->count; i++)
			refused += run_contestant(contest, measure,
			                          slu_measure_turn(measure, i, contest->count));
	}
	slu_measure_note(measure,
	                 "bursts of %d, %.0f us apart, %zu a row and round; %llu were "
	                 "refused for want of a slot, and not counted",
	                 SLU_MEASURE_BURST, (double)contest->pause_ns / 1e3, contest->bursts,
	                 (unsigned long long)refused);
}
