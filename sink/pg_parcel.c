/* SPDX-License-Identifier: MIT */
/* pg_parcel.c - keeping rows, and blaming them. */
#include "sink/pg_parcel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE 3
#define FOREIGN_KEY "23503" /* what is referenced may be on another program's way */

static uint64_t *copy_positions(const uint64_t *positions, size_t count)
{
	uint64_t *copy = calloc(count, sizeof(*copy));

	if (copy != NULL)
		memcpy(copy, positions, count * sizeof(*copy));
	return copy;
}

/* calloc: a batch may have no row, and none is no shortage of memory. */
struct slu_parcel *slu_parcel_make(const struct sluice_batch *batch)
{
	struct slu_parcel *parcel = calloc(1, sizeof(*parcel));
	struct sluice_row *next;

	if (parcel == NULL)
		return NULL;
	parcel->patience = PATIENCE;
	parcel->batch = *batch;
	parcel->batch.parts = parcel->parts;
	parcel->batch.from = copy_positions(batch->from, batch->lane_count);
	parcel->batch.to = copy_positions(batch->to, batch->lane_count);
	parcel->rows = calloc(batch->row_count + 1, sizeof(*parcel->rows));
	if (parcel->batch.from == NULL || parcel->batch.to == NULL || parcel->rows == NULL) {
		slu_parcel_free(parcel);
		return NULL;
	}
	next = parcel->rows;
	for (size_t i = 0; i < batch->part_count; i++) {
		parcel->parts[i] = batch->parts[i];
		parcel->parts[i].rows = next;
		memcpy(next, batch->parts[i].rows, batch->parts[i].row_count * sizeof(*next));
		next += batch->parts[i].row_count;
	}
	return parcel;
}

void slu_parcel_free(struct slu_parcel *parcel)
{
	if (parcel == NULL)
		return;
	free((uint64_t *)parcel->batch.from);
	free((uint64_t *)parcel->batch.to);
	free(parcel->letters);
	free(parcel->rows);
	free(parcel);
}

/* ---- blame ---- */

static enum slu_blame nobody(struct slu_trouble *trouble, const char *why)
{
	char reason[SLU_REASON_SIZE];

	(void)snprintf(reason, sizeof(reason), "%s", trouble->reason);
	slu_trouble_set(trouble, SLU_HALT, "%s: %s", why, reason);
	return SLU_BLAME_NOBODY;
}

/* The row leaves its part, and those behind it move up. */
static void take_out(struct slu_parcel *parcel, const struct slu_span *span)
{
	struct sluice_part *part = &parcel->parts[span->part];
	struct sluice_row *row = (struct sluice_row *)&part->rows[span->first];

	part->removed_count -= row->removed;
	part->row_count--;
	parcel->batch.row_count--;
	memmove(row, row + 1, (part->row_count - span->first) * sizeof(*row));
	/* The rest of a statement may be well: the next attempt is made with all of them. */
	parcel->singly = (struct slu_span){.part = span->part};
}

static bool make_room(struct slu_parcel *parcel, size_t letters)
{
	size_t room = parcel->letter_room > 0 ? parcel->letter_room : 16;
	struct slu_letter *more;

	if (parcel->letter_count + letters <= parcel->letter_room)
		return true;
	while (room < parcel->letter_count + letters)
		room *= 2;
	more = realloc(parcel->letters, room * sizeof(*more));
	if (more == NULL)
		return false;
	parcel->letters = more;
	parcel->letter_room = room;
	return true;
}

static void add_letter(struct slu_parcel *parcel, const struct sluice_part *part, size_t row,
                       const struct slu_trouble *trouble, bool held_back)
{
	parcel->letters[parcel->letter_count++] = (struct slu_letter){
		.stream = part->stream,
		.row = part->rows[row],
		.trouble = *trouble,
		.held_back = held_back,
	};
}

static enum slu_blame refuse(struct slu_parcel *parcel, const struct slu_span *span,
                             const struct slu_trouble *trouble)
{
	if (!make_room(parcel, 1))
		return SLU_BLAME_PASSING;
	add_letter(parcel, &parcel->parts[span->part], span->first, trouble, false);
	take_out(parcel, span);
	return SLU_BLAME_ROW;
}

bool slu_parcel_hold_back(struct slu_parcel *parcel, size_t index,
                          const struct slu_trouble *trouble)
{
	struct sluice_part *part = &parcel->parts[index];

	if (!make_room(parcel, part->row_count))
		return false;
	for (size_t row = 0; row < part->row_count; row++)
		add_letter(parcel, part, row, trouble, true);
	parcel->batch.row_count -= part->row_count;
	part->row_count = part->removed_count = 0;
	if (parcel->singly.part == index)
		parcel->singly = (struct slu_span){.part = index};
	return true;
}

size_t slu_parcel_letters(const struct slu_parcel *parcel, const struct sluice_stream *stream)
{
	size_t count = 0;

	for (size_t i = 0; i < parcel->letter_count; i++)
		count += parcel->letters[i].stream == stream;
	return count;
}

enum slu_blame slu_parcel_blame(struct slu_parcel *parcel, const struct slu_span *span, bool copied,
                                struct slu_trouble *trouble)
{
	if (strcmp(trouble->sqlstate, FOREIGN_KEY) == 0 && parcel->patience > 0) {
		parcel->patience--;
		return SLU_BLAME_PASSING;
	}
	if (span->first == span->end)
		return nobody(trouble, "the server does not tell which row it refuses (a "
		                       "constraint put off to the commit, or a COPY cut short)");
	if (span->end - span->first == 1)
		return refuse(parcel, span, trouble);
	if (copied)
		parcel->without_copy[span->part] = true;
	else
		parcel->singly = *span;
	return SLU_BLAME_LATER;
}
