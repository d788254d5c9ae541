/* SPDX-License-Identifier: MIT */
/*
 * batch.c - one batch, in three passes over the slots of the cut: how far it reaches, its rows by
 * stream, their order.
 */
#include "core/batch.h"

#include <stdlib.h>
#include <string.h>

/* Records of the cut by stream, before coalescing. */
struct tally {
	uint64_t of_stream[SLUICE_STREAMS_MAX];
	uint64_t records;
	uint64_t bytes;
};

/* ---- memory ---- */

bool slu_batch_open(struct slu_batch *batch, struct slu_env *env, uint64_t slot_count)
{
	batch->rows_size = batch->lane_count * slot_count * sizeof(struct sluice_row);
	batch->rows = env->map(env, batch->rows_size);
	batch->from = calloc(batch->lane_count, sizeof(uint64_t));
	batch->cursor = calloc(batch->lane_count, sizeof(uint64_t));
	batch->summary.to = calloc(batch->lane_count, sizeof(uint64_t));
	return batch->rows != NULL && batch->from != NULL && batch->cursor != NULL &&
	       batch->summary.to != NULL;
}

void slu_batch_close(struct slu_batch *batch, struct slu_env *env)
{
	env->unmap(env, batch->rows, batch->rows_size);
	free(batch->from);
	free(batch->cursor);
	free(batch->summary.to);
	batch->rows = NULL;
	batch->from = NULL;
	batch->cursor = NULL;
	batch->summary.to = NULL;
}

/* ---- how far: whole epochs within the budget ---- */

static struct slu_slot *slot_at(const struct slu_batch *batch, size_t lane, uint64_t position)
{
	return slu_lane_slot(&batch->lanes[lane], position);
}

/* The oldest stamp not yet passed by the cursors, or UINT64_MAX. */
static uint64_t next_stamp(const struct slu_batch *batch)
{
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 0; i < batch->lane_count; i++) {
		uint64_t position = batch->cursor[i];

		if (position < batch->lanes[i].flusher.seen &&
		    slot_at(batch, i, position)->epoch < oldest)
			oldest = slot_at(batch, i, position)->epoch;
	}
	return oldest;
}

/* Moves the cursors over the records stamped `stamp`, and counts them. */
static void pass_epoch(struct slu_batch *batch, uint64_t stamp, struct tally *tally)
{
	for (size_t i = 0; i < batch->lane_count; i++)
		for (; batch->cursor[i] < batch->lanes[i].flusher.seen; batch->cursor[i]++) {
			const struct slu_slot *slot = slot_at(batch, i, batch->cursor[i]);

			if (slot->epoch != stamp)
				break;
			tally->of_stream[slot->stream]++;
			tally->records++;
			tally->bytes += slot->length;
		}
}

/* Ages by epoch. When a cut holds more epochs than there is room for, the last cell takes them at
 * its older time. */
static void note_lag(struct slu_summary *summary, uint64_t began_ns, uint64_t records)
{
	if (summary->lag_count < SLU_LAGS)
		summary->lags[summary->lag_count++] = (struct slu_lag){.began_ns = began_ns};
	summary->lags[summary->lag_count - 1].records += records;
}

static struct tally choose_cut(struct slu_batch *batch, uint64_t limit)
{
	struct tally chosen = {0};
	uint64_t stamp;

	for (size_t i = 0; i < batch->lane_count; i++) {
		batch->from[i] = batch->lanes[i].flusher.gathered;
		batch->cursor[i] = batch->from[i];
		batch->summary.to[i] = batch->from[i];
	}
	batch->summary.lag_count = 0;
	while ((stamp = next_stamp(batch)) <= limit) {
		struct tally grown = chosen;

		pass_epoch(batch, stamp, &grown);
		if (chosen.records > 0 &&
		    (grown.records > batch->row_max || grown.bytes > batch->byte_max))
			break;
		note_lag(&batch->summary, slu_epoch_began_ns(batch->epoch, stamp),
		         grown.records - chosen.records);
		memcpy(batch->summary.to, batch->cursor, batch->lane_count * sizeof(uint64_t));
		chosen = grown;
	}
	return chosen;
}

/* ---- which rows ---- */

/* Adds the slot of lane number `lane` to its part, unless a newer version of its key is there or was
 * sent. */
static void add_row(struct slu_batch *batch, struct sluice_part *part, const struct slu_slot *slot,
                    size_t lane)
{
	const struct sluice_row row = {
		.record = slot->record,
		.version = slot->version,
		.removed = (slu_slot_flags(slot) & SLU_SLOT_REMOVED) != 0,
		.size = slot->length,
		.lane = (uint32_t)lane,
		/* Relaxed: the flusher has seen it published. */
		.sequence = atomic_load_explicit(&slot->seq, memory_order_relaxed),
	};
	struct sluice_row *rows = (struct sluice_row *)part->rows;
	struct slu_sent *sent;

	if (part->stream->kind == SLUICE_STATE) {
		sent = &batch->caches[slot->stream].sent[slot->entry];
		if (slot->version <= sent->version ||
		    (slu_slot_flags(slot) & SLU_SLOT_STALE) != 0) /* B2 */
			return;
		sent->version = slot->version;
		if (sent->cut == *batch->cuts) {
			rows[sent->row] = row;
			return;
		}
		sent->cut = *batch->cuts;
		sent->row = part->row_count;
	}
	rows[part->row_count++] = row;
}

static void collect_rows(struct slu_batch *batch, const struct tally *tally)
{
	struct sluice_row *next = batch->rows;

	for (size_t s = 0; s < batch->streams->count; s++) {
		batch->parts[s] = (struct sluice_part){.stream = batch->streams->streams[s],
		                                       .rows = next};
		next += tally->of_stream[s];
	}
	for (size_t i = 0; i < batch->lane_count; i++)
		for (uint64_t p = batch->from[i]; p < batch->summary.to[i]; p++) {
			const struct slu_slot *slot = slot_at(batch, i, p);

			add_row(batch, &batch->parts[slot->stream], slot, i);
			if (batch->parts[slot->stream].stream->kind == SLUICE_STATE)
				batch->lanes[i].flusher.state_end = p + 1;
		}
}

/* ---- in which order ---- */

static int by_key(const void *a, const void *b, void *stream_pointer)
{
	const struct sluice_stream *stream = stream_pointer;
	const struct sluice_row *left = a, *right = b;

	return memcmp((const char *)left->record + stream->key_offset,
	              (const char *)right->record + stream->key_offset, stream->key_size);
}

/* State rows in the order of their keys, so that two writers of one table meet its rows in the same
 * order and cannot deadlock. */
static void finish_part(struct sluice_part *part)
{
	struct sluice_row *rows = (struct sluice_row *)part->rows;

	if (part->stream->kind == SLUICE_STATE)
		qsort_r(rows, part->row_count, sizeof(*rows), by_key, (void *)part->stream);
	for (size_t i = 0; i < part->row_count; i++)
		part->removed_count += part->rows[i].removed;
}

/* Parts stay in the order of their streams, parents before children; empty ones go. */
static void finish_parts(struct slu_batch *batch)
{
	size_t count = 0;

	for (size_t s = 0; s < batch->streams->count; s++) {
		if (batch->parts[s].row_count == 0)
			continue;
		finish_part(&batch->parts[s]);
		batch->parts[count++] = batch->parts[s];
	}
	batch->view = (struct sluice_batch){
		.number = batch->summary.number,
		.parts = batch->parts,
		.part_count = count,
		.row_count = batch->summary.row_count,
		.from = batch->from,
		.to = batch->summary.to,
		.lane_count = batch->lane_count,
	};
}

/* B3: what is no row is coalesced. */
static void count_rows(struct slu_batch *batch, const struct tally *tally)
{
	struct slu_summary *summary = &batch->summary;

	summary->row_count = 0;
	for (size_t s = 0; s < batch->streams->count; s++) {
		summary->rows_of[s] = batch->parts[s].row_count;
		summary->coalesced_of[s] = tally->of_stream[s] - summary->rows_of[s];
		summary->row_count += summary->rows_of[s];
	}
	summary->coalesced = tally->records - summary->row_count;
}

bool slu_batch_cut(struct slu_batch *batch, uint64_t limit, uint64_t number)
{
	struct tally tally = choose_cut(batch, limit);

	if (tally.records == 0)
		return false;
	++*batch->cuts;
	batch->summary.number = number;
	batch->summary.bytes = tally.bytes;
	collect_rows(batch, &tally);
	count_rows(batch, &tally);
	finish_parts(batch);
	for (size_t i = 0; i < batch->lane_count; i++)
		batch->lanes[i].flusher.gathered = batch->summary.to[i];
	return true;
}
