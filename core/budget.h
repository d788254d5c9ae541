/* SPDX-License-Identifier: MIT */
/*
 * budget.h - how much, how long and how far ahead the flusher may gather, for it to be changed while it
 * runs.
 *
 *      any thread   sluice_adjust, sluice_pause ---> words ---> read anew in each cycle   flusher
 *
 * The words are relaxed, each on its own: one cycle with half of a change is a budget, too.
 */
#ifndef SLU_BUDGET_H
#define SLU_BUDGET_H

#include <sluice/sluice.h>

#include <stdatomic.h>

struct slu_budget {
	_Atomic uint64_t flush_delay; /* ns */
	_Atomic uint64_t flush_rows;
	_Atomic uint64_t flush_bytes;
	_Atomic uint64_t high_water; /* percent */
	_Atomic bool paused;         /* hands nothing over */
};

/* Those of `options`. */
void slu_budget_set(struct slu_budget *budget, const struct sluice_options *options);

static inline uint64_t slu_budget_word(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

#endif
