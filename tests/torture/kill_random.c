/* SPDX-License-Identifier: MIT */
/*
 * kill_random.c - kill -9 at random moments, against a real server: nothing is lost, doubled,
 * invented or out of order.
 *
 *      kill_random [--seed N] [--cycles N]
 *
 * Campaigns of ten kills each (campaign.h), with seeds counting up from the first. A failing one is
 * run again with --seed and its own seed.
 */
#include "tests/torture/arguments.h"
#include "tests/torture/campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct tally {
	int64_t campaigns, events, holdings, sights, in_flight, landed, steps;
};

static void add_up(struct tally *tally, const struct campaign *campaign)
{
	const struct oracle *oracle = &campaign->oracle;

	tally->campaigns++;
	tally->events += oracle->events;
	tally->holdings += oracle->holdings;
	tally->sights += oracle->sights;
	tally->in_flight += oracle->in_flight;
	tally->landed += oracle->landed;
	for (int32_t run = 0; run < campaign->witness->run_count; run++)
		for (int32_t engine = 0; engine < WITNESS_ENGINES; engine++)
			tally->steps += oracle_accepted(oracle, run, engine);
}

static void print_tally(const struct tally *tally, const struct campaign *campaign, uint64_t first,
                        uint64_t last)
{
	printf("kill_random: seeds %" PRIu64 " to %" PRIu64 ", %" PRId64 " kills, %" PRId64
	       " of them during recovery, server killed %" PRId64 " times\n",
	       first, last, campaign->kills, campaign->kills_in_recovery, campaign->server_kills);
	printf("kill_random: %" PRId64 " records accepted, %" PRId64 " cut short (%" PRId64
	       " landed); compared %" PRId64 " events, %" PRId64 " states, %" PRId64
	       " visible states: 0 lost, 0 doubled, 0 invented, 0 out of order\n",
	       tally->steps, tally->in_flight, tally->landed, tally->events, tally->holdings,
	       tally->sights);
}

int main(int argc, char **arguments)
{
	uint64_t first = argument_number(arguments, "--seed", (uint64_t)time(NULL));
	int cycles = (int)argument_number(arguments, "--cycles", CAMPAIGN_CYCLES);
	struct campaign campaign;
	struct tally tally = {0};
	uint64_t seed = first;

	if (argc % 2 == 0 || cycles < 1) {
		fputs("usage: kill_random [--seed N] [--cycles N]\n", stderr);
		return 2;
	}
	campaign_open(&campaign);
	for (; cycles > 0; cycles -= CAMPAIGN_CYCLES, seed++) {
		int now = cycles < CAMPAIGN_CYCLES ? cycles : CAMPAIGN_CYCLES;

		if (!campaign_run(&campaign, seed, now)) {
			fprintf(stderr, "kill_random: %s%s%s\n", campaign.trouble,
			        campaign.trouble[0] != '\0' ? "; " : "", campaign.oracle.finding);
			fprintf(stderr, "kill_random: again: %s --seed %" PRIu64 " --cycles %d\n",
			        arguments[0], seed, now);
			campaign_close(&campaign);
			return 1;
		}
		add_up(&tally, &campaign);
	}
	print_tally(&tally, &campaign, first, seed - 1);
	campaign_close(&campaign);
	return 0;
}
