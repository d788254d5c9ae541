/* SPDX-License-Identifier: MIT */
/* epoch.c - the counter, and the times at which it moved. */
#include "core/epoch.h"

#include <string.h>

void slu_epoch_init(struct slu_epoch *epoch, uint64_t now_ns)
{
	epoch->marks[0] = (struct slu_epoch_mark){.epoch = 1, .began_ns = now_ns};
	epoch->mark_count = 1;
	atomic_init(&epoch->now, 1);
}

/* Drops each mark whose neighbours are close: at most 1/1000 of the span apart. Never the first nor
 * the last. What is left has at least that much between every second two, so about 2000 marks are:
 * while nothing can be forgotten, precision falls instead of memory growing. */
static void thin_out(struct slu_epoch *epoch)
{
	struct slu_epoch_mark *marks = epoch->marks;
	size_t last = epoch->mark_count - 1, kept = 1;
	uint64_t gap_ns = (marks[last].began_ns - marks[0].began_ns) / 1000;

	for (size_t i = 1; i < last; i++)
		if (marks[i + 1].began_ns - marks[kept - 1].began_ns > gap_ns)
			marks[kept++] = marks[i];
	marks[kept++] = marks[last];
	epoch->mark_count = kept;
}

uint64_t slu_epoch_advance(struct slu_epoch *epoch, uint64_t now_ns)
{
	uint64_t ended;

	if (epoch->mark_count == SLU_EPOCH_MARKS)
		thin_out(epoch);
	/* E3: the loads of slot.seq that follow must not run before engine threads can read the new
	 * epoch. */
	ended = atomic_fetch_add_explicit(&epoch->now, 1, memory_order_seq_cst);
	epoch->marks[epoch->mark_count++] = (struct slu_epoch_mark){.epoch = ended + 1,
	                                                            .began_ns = now_ns};
	return ended;
}

/* The last mark at or before `stamp`. */
static size_t mark_of(const struct slu_epoch *epoch, uint64_t stamp)
{
	size_t low = 0, high = epoch->mark_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (epoch->marks[middle].epoch <= stamp)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint64_t slu_epoch_began_ns(const struct slu_epoch *epoch, uint64_t stamp)
{
	return epoch->marks[mark_of(epoch, stamp)].began_ns;
}

void slu_epoch_forget(struct slu_epoch *epoch, uint64_t stamp)
{
	size_t first = mark_of(epoch, stamp);

	if (first < SLU_EPOCH_MARKS / 2) /* moving is cheap only when it is rare */
		return;
	epoch->mark_count -= first;
	memmove(epoch->marks, &epoch->marks[first], epoch->mark_count * sizeof(epoch->marks[0]));
}
