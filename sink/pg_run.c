/* SPDX-License-Identifier: MIT */
/* pg_run.c - a ring of scripts, and positions that only grow. */
#include "sink/pg_run.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
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
	run->replicated = 0;
	run->dead_lettered = 0;
	memset(run->dead_lettered_of, 0, sizeof(run->dead_lettered_of));
	memset(run->refused, 0, sizeof(run->refused));
	memset(run->halted, 0, sizeof(run->halted));
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

/* ---- halted streams ---- */

static enum slu_blame halt_stream(struct slu_run *run, struct slu_parcel *parcel, size_t part,
                                  const struct slu_trouble *trouble)
{
	const struct sluice_stream *stream = parcel->parts[part].stream;

	run->halted[stream->index] = (struct slu_halted){.now = true, .trouble = *trouble};
	return slu_parcel_hold_back(parcel, part, trouble) ? SLU_BLAME_ROW : SLU_BLAME_PASSING;
}

/* The first row that is refused again will halt it again. */
void slu_run_resume(struct slu_run *run, uint64_t now_ns)
{
	size_t index;

	for (index = 0; index < SLUICE_STREAMS_MAX; index++) {
		struct slu_halted *halted = &run->halted[index];

		if (!halted->now)
			continue;
		if (halted->until_ns == 0)
			halted->until_ns = now_ns + SLU_HALTED_NS;
		if (now_ns < halted->until_ns)
			continue;
		*halted = (struct slu_halted){.now = false};
		run->refused[index] = SLU_REFUSED_MAX;
	}
}

static bool hold_back(const struct slu_run *run, struct slu_parcel *parcel)
{
	size_t index;

	for (index = 0; index < parcel->batch.part_count; index++) {
		const struct slu_halted *halted = &run->halted[parcel->parts[index].stream->index];

		if (halted->now && !slu_parcel_hold_back(parcel, index, &halted->trouble))
			return false;
	}
	return true;
}

/* ---- blame ---- */

/* A sentence before the reason; SQLSTATE and constraint stay. */
__attribute__((format(printf, 3, 4))) static void
put_before(struct slu_trouble *trouble, enum slu_action action, const char *format, ...)
{
	struct slu_trouble said = *trouble;
	char sentence[SLU_REASON_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	slu_trouble_set(trouble, action, "%.120s: %.130s", sentence, said.reason);
	memcpy(trouble->sqlstate, said.sqlstate, sizeof(said.sqlstate));
	memcpy(trouble->constraint, said.constraint, sizeof(said.constraint));
}

/* Asks the parcel, and looks further back: when row after row of a stream is refused and none before
 * them was accepted for so long, the table has changed. */
static enum slu_blame blame(struct slu_run *run, struct slu_parcel *parcel,
                            const struct slu_span *span, bool copied, struct slu_trouble *trouble)
{
	const struct sluice_stream *stream = parcel->parts[span->part].stream;
	enum slu_blame blamed = slu_parcel_blame(parcel, span, copied, trouble);
	size_t letters;

	if (blamed != SLU_BLAME_ROW)
		return blamed;
	if (run->strict[stream->index]) {
		put_before(trouble, SLU_HALT, "stream %s is to halt the sink when a row is refused",
		           stream->name);
		return SLU_BLAME_NOBODY;
	}
	letters = slu_parcel_letters(parcel, stream);
	if (span->first == 0 && run->refused[stream->index] + letters > SLU_REFUSED_MAX)
		put_before(trouble, SLU_ISOLATE,
		           "stream %s halted, the last %zu rows were all refused", stream->name,
		           run->refused[stream->index] + letters);
	else if (letters > SLU_LETTERS_MAX)
		put_before(trouble, SLU_ISOLATE,
		           "stream %s halted, %zu rows of a batch were refused", stream->name,
		           letters);
	else
		return blamed;
	return halt_stream(run, parcel, span->part, trouble);
}

/* Content that can't be written is refused before the database sees it. NULL: out of memory. */
static struct slu_script *make_script(struct slu_run *run, struct slu_parcel *parcel,
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
	if (parcel != NULL && !hold_back(run, parcel)) {
		slu_parcel_free(parcel);
		return false;
	}
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

/* The head, said anew. */
static enum slu_blame say_anew(struct slu_run *run, enum slu_blame blamed,
                               const struct slu_script_terms *terms)
{
	struct slu_queued *queued = &run->queue[run->head];
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

enum slu_blame slu_run_blame_head(struct slu_run *run, const struct slu_span *span, bool copied,
                                  struct slu_trouble *trouble, const struct slu_script_terms *terms)
{
	struct slu_parcel *parcel = run->queue[run->head].parcel;

	return say_anew(run, blame(run, parcel, span, copied, trouble), terms);
}

enum slu_blame slu_run_halt_stream(struct slu_run *run, const struct slu_span *span,
                                   const struct slu_trouble *trouble,
                                   const struct slu_script_terms *terms)
{
	struct slu_parcel *parcel = run->queue[run->head].parcel;
	struct slu_trouble halting = *trouble;

	put_before(&halting, SLU_ISOLATE, "stream %s halted",
	           parcel->parts[span->part].stream->name);
	return say_anew(run, halt_stream(run, parcel, span->part, &halting), terms);
}

/* Which streams had a row accepted, and what became letters. */
static void count_letters(struct slu_run *run, const struct slu_parcel *parcel)
{
	size_t index;

	for (index = 0; index < parcel->letter_count; index++) {
		const struct slu_letter *letter = &parcel->letters[index];

		run->refused[letter->stream->index] += !letter->held_back;
		run->dead_lettered_of[letter->stream->index]++;
	}
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
