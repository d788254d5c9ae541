/* SPDX-License-Identifier: MIT */
/* histogram.c - where a value is counted, and back from there to the value. */
#include "core/histogram.h"

#define STEP_BITS 6

_Static_assert(SLU_HISTOGRAM_STEPS == 1 << STEP_BITS, "a power of two");

/* Values below 64 have a cell each. Above, `row` is the number of bits to drop until 64 to 127
 * remain. */
static unsigned cell_of(uint64_t value)
{
	unsigned row;

	if (value < SLU_HISTOGRAM_STEPS)
		return (unsigned)value;
	row = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
	return (row + 1) * SLU_HISTOGRAM_STEPS + (unsigned)(value >> row) - SLU_HISTOGRAM_STEPS;
}

/* The largest value that the cell counts. */
static uint64_t cell_top(unsigned cell)
{
	unsigned row;

	if (cell < SLU_HISTOGRAM_STEPS)
		return cell;
	row = cell / SLU_HISTOGRAM_STEPS - 1;
	return (((uint64_t)(cell % SLU_HISTOGRAM_STEPS) + SLU_HISTOGRAM_STEPS) << row) +
	       (((uint64_t)1 << row) - 1);
}

/* One thread writes, so a load and a store do; relaxed, because nobody concludes anything else from
 * a count. */
static void increase(_Atomic uint64_t *cell, uint64_t count)
{
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + count,
	                      memory_order_relaxed);
}

static uint64_t read(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

void slu_histogram_record_many(struct slu_histogram *histogram, uint64_t value, uint64_t count)
{
	increase(&histogram->cells[cell_of(value)], count);
	increase(&histogram->count, count);
	if (value > read(&histogram->max))
		atomic_store_explicit(&histogram->max, value, memory_order_relaxed);
}

void slu_histogram_record(struct slu_histogram *histogram, uint64_t value)
{
	slu_histogram_record_many(histogram, value, 1);
}

void slu_histogram_add(struct slu_histogram *to, const struct slu_histogram *from)
{
	for (unsigned cell = 0; cell < SLU_HISTOGRAM_CELLS; cell++)
		increase(&to->cells[cell], read(&from->cells[cell]));
	increase(&to->count, read(&from->count));
	if (read(&from->max) > read(&to->max))
		atomic_store_explicit(&to->max, read(&from->max), memory_order_relaxed);
}

uint64_t slu_histogram_percentile(const struct slu_histogram *histogram, double percentile)
{
	/* The cells are summed here rather than taken from `count`: a writer may be between the
	 * two. */
	uint64_t total = 0, rank, below = 0, max = read(&histogram->max);
	double wanted;

	for (unsigned cell = 0; cell < SLU_HISTOGRAM_CELLS; cell++)
		total += read(&histogram->cells[cell]);
	if (total == 0)
		return 0;
	wanted = percentile / 100.0 * (double)total;
	rank = (uint64_t)wanted;
	if (rank == 0 || (double)rank < wanted)
		rank++;
	for (unsigned cell = 0; cell < SLU_HISTOGRAM_CELLS; cell++) {
		below += read(&histogram->cells[cell]);
		if (below >= rank)
			return cell_top(cell) < max ? cell_top(cell) : max;
	}
	return max;
}
