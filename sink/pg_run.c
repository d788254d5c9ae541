/* SPDX-License-Identifier: MIT */
/* pg_run.c - a ring of scripts, and positions that only grow. */
#include "sink/pg_run.h"

#include <assert.h>
#include <stdlib.h>

enum { POSITIONS = 4 }; /* arrays, in one allocation */

bool slu_run_init(struct slu_run *run, size_t in_flight_batches)
{
	memset(run, 0, sizeof(*run));
	run->capacity = in_flight_batches;
	run->queue = calloc(run->capacity, sizeof(*run->queue));
	return run->queue != NULL;
}

static void drop_head(struct slu_run *run)
{
	struct slu_queued *queued = &run->queue[run->head];

	slu_script_free(queued->script);
	slu_parcel_free(queued->parcel);
	run->head = (run->head + 1) % run->capacity;
	run->queued--;
}

static void drop_all(struct slu_run *run)
{
	while (run->queued > 0)
		drop_head(run);
}

void slu_run_free(struct slu_run *run)
{
	drop_all(run);
	free(run->queue);
	free(run->positions);
	memset(run, 0, sizeof(*run));
}

bool slu_run_begin(struct slu_run *run, const struct sluice_generation *generation)
{
	size_t count = generation->lane_count;
	uint64_t *positions = calloc(count, POSITIONS * sizeof(*positions));

	if (positions == NULL)
		return false;
	drop_all(run); /* a seal that was given up */
	free(run->positions);
	run->generation = *generation;
	run->positions = positions;
	run->applied = positions + count;
	run->accepted = positions + 2 * count;
	run->told = positions + 3 * count;
	run->committed = 0;
	run->dead_lettered = 0;
	memset(run->refused, 0, sizeof(run->refused));
	run->begun = true;
	run->found = run->sealing = run->sealed = false;
	return true;
}

/* ---- queue ---- */

struct slu_script *slu_run_head(const struct slu_run *run)
{
	return run->queued > 0 ? run->queue[run->head].script : NULL;
}

const struct slu_parcel *slu_run_head_parcel(const struct slu_run *run)
{
	return run->queued > 0 ? run->queue[run->head].parcel : NULL;
}

bool slu_run_has_room(const struct slu_run *run)
{
	return run->found && !run->sealing && run->queued < run->capacity;
}

static bool push(struct slu_run *run, struct slu_parcel *parcel, struct slu_script *script)
{
	if (script == NULL) {
		slu_parcel_free(parcel);
		return false;
	}
	assert(run->queued < run->capacity);
	run->queue[(run->head + run->queued) % run->capacity] = (struct slu_queued){parcel, script};
	run->queued++;
	return true;
}

static size_t positions_size(const struct slu_run *run)
{
	return run->generation.lane_count * sizeof(*run->positions);
}

/* Asks the parcel, and looks further back: when row after row of a stream is refused and none before
 * them was accepted for so long, the table has changed. */
static enum slu_blame blame(const struct slu_run *run, struct slu_parcel *parcel,
                            const struct slu_span *span, bool copied, struct slu_trouble *trouble)
{
	const struct sluice_stream *stream = parcel->parts[span->part].stream;
	enum slu_blame blamed = slu_parcel_blame(parcel, span, copied, trouble);
	char reason[SLU_REASON_SIZE];
	size_t in_a_row;

	if (blamed != SLU_BLAME_ROW || span->first > 0)
		return blamed;
	in_a_row = run->refused[stream->index] + slu_parcel_letters(parcel, stream);
	if (in_a_row <= SLU_REFUSED_MAX)
		return blamed;
	memcpy(reason, trouble->reason, sizeof(reason));
	slu_trouble_set(trouble, SLU_HALT,
	                "the last %zu rows of stream %s were all refused, the table may have "
	                "changed: %.120s",
	                in_a_row, stream->name, reason);
	return SLU_BLAME_NOBODY;
}

/* Content that can't be written is refused before the database sees it. NULL: out of memory. */
static struct slu_script *make_script(const struct slu_run *run, struct slu_parcel *parcel,
                                      const struct slu_script_terms *terms)
{
	for (;;) {
		struct slu_script *script = slu_script_make(parcel, &run->generation.id, terms);
		enum slu_blame blamed;

		if (script == NULL || !script->refused || script->trouble.action != SLU_ISOLATE)
			return script;
		blamed = blame(run, parcel, &script->culprit, false, &script->trouble);
		if (blamed == SLU_BLAME_NOBODY)
			return script;
		slu_script_free(script);
		if (blamed == SLU_BLAME_PASSING)
			return NULL;
	}
}

bool slu_run_take(struct slu_run *run, const struct sluice_batch *batch,
                  const struct slu_script_terms *terms)
{
	struct slu_parcel *parcel = slu_parcel_make(batch);

	assert(slu_run_has_room(run));
	assert(batch->lane_count == run->generation.lane_count);
	assert(memcmp(batch->from, run->accepted, positions_size(run)) == 0);
	if (parcel == NULL || !push(run, parcel, make_script(run, parcel, terms)))
		return false;
	memcpy(run->accepted, batch->to, positions_size(run));
	return true;
}

bool slu_run_take_seal(struct slu_run *run)
{
	const struct sluice_batch nothing = {.number = run->committed,
	                                     .lane_count = run->generation.lane_count,
	                                     .from = run->applied,
	                                     .to = run->applied};

	assert(run->found && run->queued == 0);
	return push(run, NULL, slu_script_make_seal(&nothing, &run->generation.id));
}

enum slu_blame slu_run_blame_head(struct slu_run *run, const struct slu_span *span, bool copied,
                                  struct slu_trouble *trouble, const struct slu_script_terms *terms)
{
	struct slu_queued *queued = &run->queue[run->head];
	enum slu_blame blamed = blame(run, queued->parcel, span, copied, trouble);
	struct slu_script *script;

	if (blamed == SLU_BLAME_NOBODY || blamed == SLU_BLAME_PASSING)
		return blamed;
	script = make_script(run, queued->parcel, terms);
	if (script == NULL) /* the old one is refused again, and leads here again */
		return SLU_BLAME_PASSING;
	slu_script_free(queued->script);
	queued->script = script;
	return blamed;
}

/* Which streams had a row accepted, and what became letters. */
static void count_letters(struct slu_run *run, const struct slu_parcel *parcel)
{
	size_t index;

	for (index = 0; index < parcel->letter_count; index++)
		run->refused[parcel->letters[index].stream->index]++;
	for (index = 0; index < parcel->batch.part_count; index++)
		if (parcel->parts[index].row_count > 0)
			run->refused[parcel->parts[index].stream->index] = 0;
	run->dead_lettered += parcel->letter_count;
}

void slu_run_pop(struct slu_run *run)
{
	const struct slu_script *script = slu_run_head(run);
	const struct slu_parcel *parcel = slu_run_head_parcel(run);

	memcpy(run->applied, script->to, positions_size(run));
	run->committed = script->number;
	run->sealed = script->seals;
	if (parcel != NULL)
		count_letters(run, parcel);
	drop_head(run);
}

/* ---- where the database stands ---- */

bool slu_run_loss(const struct slu_run *run, struct slu_loss *loss)
{
	size_t lane;

	memset(loss, 0, sizeof(*loss));
	for (lane = 0; lane < run->generation.lane_count; lane++) {
		if (run->told[lane] > run->applied[lane])
			return false;
		if (run->told[lane] == run->applied[lane])
			continue;
		if (loss->lanes++ == 0) {
			loss->lane = lane;
			loss->from = run->told[lane] + 1;
			loss->to = run->applied[lane];
		}
		loss->records += run->applied[lane] - run->told[lane];
	}
	return loss->lanes > 0;
}

static bool stands_at(const struct slu_run *run, const uint64_t *positions)
{
	return memcmp(run->told, positions, positions_size(run)) == 0;
}

bool slu_run_resolve(struct slu_run *run)
{
	if (!run->found) {
		memcpy(run->positions, run->told, positions_size(run));
		memcpy(run->applied, run->told, positions_size(run));
		memcpy(run->accepted, run->told, positions_size(run));
		run->found = true;
		run->generation.known = true;
		return true;
	}
	if (stands_at(run, run->applied))
		return true;
	/* Only the head was ever sent. */
	if (run->queued == 0 || !stands_at(run, slu_run_head(run)->to))
		return false;
	slu_run_pop(run);
	return true;
}
