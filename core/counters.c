/* SPDX-License-Identifier: MIT */
/* counters.c - the two sides of the sequence lock. */
#include "core/counters.h"

#include <string.h>

_Static_assert(sizeof(struct slu_picture) % sizeof(uint64_t) == 0, "whole words");

void slu_counters_publish(struct slu_counters *counters, const struct slu_picture *picture)
{
	uint64_t sequence = atomic_load_explicit(&counters->sequence, memory_order_relaxed);
	uint64_t words[SLU_PICTURE_WORDS];

	memcpy(words, picture, sizeof(words));
	atomic_store_explicit(&counters->sequence, sequence + 1, memory_order_relaxed); /* E7 */
	for (size_t i = 0; i < SLU_PICTURE_WORDS; i++)
		atomic_store_explicit(&counters->words[i], words[i], memory_order_release); /* E7 */
	atomic_store_explicit(&counters->sequence, sequence + 2, memory_order_release);     /* E8 */
}

void slu_counters_read(struct slu_counters *counters, struct slu_picture *picture)
{
	uint64_t words[SLU_PICTURE_WORDS];
	uint64_t before, after;

	do {
		before = atomic_load_explicit(&counters->sequence, memory_order_acquire); /* E8 */
		for (size_t i = 0; i < SLU_PICTURE_WORDS; i++)
			words[i] = atomic_load_explicit(&counters->words[i],
			                                memory_order_acquire);           /* E9 */
		after = atomic_load_explicit(&counters->sequence, memory_order_relaxed); /* E9 */
	} while (before != after || before % 2 != 0);
	memcpy(picture, words, sizeof(words));
}
