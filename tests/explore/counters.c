/* SPDX-License-Identifier: MIT */
/*
 * counters.c - the flusher's picture of itself, twice published, twice read.
 *
 * Wanted: a reader finds one of the pictures, whole, and none older than one it found before. E7,
 * E8, E9.
 */
#include "core/counters.h"
#include "explore.h"

#define PICTURES 2

static struct slu_counters *counters;

static void set_up(void)
{
	counters = explore_alloc(sizeof(*counters));
	explore_name(counters, sizeof(*counters), "counters");
}

/* Every word of picture n is n. */
static struct slu_picture picture_of(uint64_t n)
{
	struct slu_picture picture;
	uint64_t words[SLU_PICTURE_WORDS];

	for (size_t i = 0; i < SLU_PICTURE_WORDS; i++)
		words[i] = n;
	memcpy(&picture, words, sizeof(picture));
	return picture;
}

static void flusher(void)
{
	for (uint64_t n = 1; n <= PICTURES; n++) {
		struct slu_picture picture = picture_of(n);

		slu_counters_publish(counters, &picture);
	}
}

static void reader(void)
{
	uint64_t words[SLU_PICTURE_WORDS], last = 0;
	struct slu_picture picture;

	for (int reads = 0; reads < 2; reads++) {
		slu_counters_read(counters, &picture);
		memcpy(words, &picture, sizeof(words));
		for (size_t i = 1; i < SLU_PICTURE_WORDS; i++)
			explore_check(words[i] == words[0], "a picture mixed of two");
		explore_check(words[0] >= last, "an older picture after a newer one");
		last = words[0];
	}
}

static const struct explore_scenario scenarios[] = {
	{
		.name = "counters",
		.set_up = set_up,
		.threads = {{"flusher", flusher}, {"reader", reader}},
		.switches = 1,
		.stale = 1,
		.random_runs = 20000,
	},
};

int main(int argc, char **argv)
{
	return explore_main(argc, argv, scenarios, 1);
}
