/* SPDX-License-Identifier: MIT */
/*
 * pg_script.c - from the parts of a batch to statements.
 *
 * One pass: count, allocate, encode the statements in the order they are said, cut them into
 * segments, then turn offsets into pointers, since the bytes move while they grow.
 */
#include "sink/pg_script.h"

#include "sink/pg_fence.h"
#include "sink/pg_statement.h"

#include <assert.h>
#include <stdlib.h>

enum { FRAME_STATEMENTS = 3 /* BEGIN, fence, COMMIT */ };

static bool by_copy(const struct slu_plan *plan, size_t index)
{
	const struct sluice_part *part = &plan->batch->parts[index];

	return part->stream->kind == SLUICE_APPEND && part->row_count > 0 &&
	       part->row_count >= plan->terms->copy_threshold && !plan->parcel->without_copy[index];
}

static bool any_copy(const struct slu_plan *plan)
{
	size_t index;

	for (index = 0; index < plan->batch->part_count; index++) {
		if (by_copy(plan, index))
			return true;
	}
	return false;
}

/* ---- memory ---- */

static size_t array_count(size_t rows)
{
	return (rows + SLU_ARRAY_ROWS_MAX - 1) / SLU_ARRAY_ROWS_MAX;
}

/* Of written rows and of removed ones; and those that are said singly cut others in two. */
static size_t arrays_of(const struct slu_plan *plan, size_t index)
{
	const struct sluice_part *part = &plan->batch->parts[index];
	size_t arrays = array_count(part->row_count - part->removed_count) +
	                array_count(part->removed_count);

	if (plan->parcel != NULL && plan->parcel->singly.part == index)
		arrays += plan->parcel->singly.end - plan->parcel->singly.first + 2;
	return arrays;
}

static bool allocate(const struct slu_plan *plan)
{
	const struct sluice_batch *batch = plan->batch;
	struct slu_script *script = plan->script;
	size_t letters = plan->parcel != NULL ? array_count(plan->parcel->letter_count) : 0;
	size_t statements = FRAME_STATEMENTS + letters;
	size_t parameters = SLU_FENCE_PARAMETERS + letters * SLU_LETTER_PARAMETERS;
	size_t index;

	for (index = 0; index < batch->part_count; index++) {
		const struct sluice_part *part = &batch->parts[index];
		size_t arrays = arrays_of(plan, index);

		statements += 1 + arrays;
		parameters += arrays * part->stream->layout.column_count;
	}
	script->statements = calloc(statements, sizeof(*script->statements));
	script->values = calloc(parameters, sizeof(*script->values));
	script->sizes = calloc(parameters, sizeof(*script->sizes));
	script->formats = calloc(parameters, sizeof(*script->formats));
	script->offsets = calloc(parameters, sizeof(*script->offsets));
	script->from = calloc(batch->lane_count, sizeof(*script->from));
	script->to = calloc(batch->lane_count, sizeof(*script->to));
	return script->statements != NULL && script->values != NULL && script->sizes != NULL &&
	       script->formats != NULL && script->offsets != NULL && script->from != NULL &&
	       script->to != NULL;
}

void slu_script_free(struct slu_script *script)
{
	if (script == NULL)
		return;
	slu_buffer_free(&script->bytes);
	slu_buffer_free(&script->text);
	free(script->statements);
	free(script->values);
	free(script->sizes);
	free(script->formats);
	free(script->offsets);
	free(script->from);
	free(script->to);
	free(script);
}

/* ---- segments ---- */

static void add_segment(struct slu_script *script, bool pipeline, size_t first, size_t end)
{
	struct slu_segment *segment = &script->segments[script->segment_count++];

	segment->pipeline = pipeline;
	segment->first = first;
	segment->end = end;
}

static void add_statements(struct slu_plan *plan)
{
	const struct sluice_batch *batch = plan->batch;
	struct slu_script *script = plan->script;
	bool copy = any_copy(plan);
	size_t frame;
	size_t first_copy;
	size_t end_copy;
	size_t index;

	if (copy)
		(void)slu_statement_add(plan, SLU_BEGIN, NULL, 0);
	slu_statement_fence(plan);
	frame = script->statement_count;
	for (index = 0; index < batch->part_count; index++) {
		if (!by_copy(plan, index))
			slu_statement_arrays(plan, index, false);
	}
	first_copy = script->statement_count;
	for (index = 0; index < batch->part_count; index++) {
		if (by_copy(plan, index))
			slu_statement_copy(plan, index);
	}
	end_copy = script->statement_count;
	for (index = batch->part_count; index > 0; index--)
		slu_statement_arrays(plan, index - 1, true);
	slu_statement_letters(plan);
	if (copy)
		(void)slu_statement_add(plan, SLU_COMMIT, NULL, 0);

	if (!copy) {
		add_segment(script, true, 0, script->statement_count);
		return;
	}
	if (first_copy > frame) {
		add_segment(script, true, 0, first_copy);
		add_segment(script, false, first_copy, end_copy);
	} else {
		/* One round trip less: BEGIN and the fence ride in the string. */
		add_segment(script, false, 0, end_copy);
	}
	add_segment(script, true, end_copy, script->statement_count);
}

static void add_seal(struct slu_plan *plan)
{
	slu_statement_seal(plan);
	add_segment(plan->script, true, 0, plan->script->statement_count);
}

static const struct slu_segment *string_segment(const struct slu_script *script)
{
	size_t index;

	for (index = 0; index < script->segment_count; index++) {
		if (!script->segments[index].pipeline)
			return &script->segments[index];
	}
	return NULL;
}

/* Takes now all the memory that the string will ever need, whatever the epoch. */
static void reserve_text(struct slu_script *script)
{
	const struct slu_segment *segment = string_segment(script);
	size_t size = sizeof("BEGIN; ") + slu_fence_print_size(script->lane_count);
	size_t index;

	if (segment == NULL)
		return;
	for (index = segment->first; index < segment->end; index++) {
		if (script->statements[index].kind == SLU_COPY)
			size += strlen(script->statements[index].stream->copy_sql) + sizeof("; ");
	}
	slu_buffer_init(&script->text, size);
	(void)slu_buffer_grow(&script->text, size);
}

void slu_script_set_epoch(struct slu_script *script, uint64_t epoch)
{
	const struct slu_segment *segment = string_segment(script);
	size_t index;

	slu_write_be64(script->bytes.bytes + script->epoch_offset, epoch);
	if (segment == NULL)
		return;
	script->text.size = 0;
	for (index = segment->first; index < segment->end; index++) {
		const struct slu_statement *statement = &script->statements[index];

		if (index > segment->first)
			slu_buffer_put_text(&script->text, "; ");
		if (statement->kind == SLU_BEGIN)
			slu_buffer_put_text(&script->text, "BEGIN");
		else if (statement->kind == SLU_FENCE)
			slu_fence_print(&script->text, &script->generation, epoch, script->from,
			                script->to, script->lane_count);
		else
			slu_buffer_put_text(&script->text, statement->stream->copy_sql);
	}
	slu_buffer_put(&script->text, "", 1);
	assert(script->text.failure == SLU_BUFFER_FINE);
}

/* ---- making ---- */

static void fix_pointers(struct slu_script *script)
{
	size_t index;

	for (index = 0; index < script->parameter_count; index++)
		script->values[index] = (const char *)script->bytes.bytes + script->offsets[index];
}

static void refuse(struct slu_script *script, const char *reason)
{
	script->refused = true;
	slu_trouble_set(&script->trouble, SLU_HALT, "batch %llu can't be written: %s",
	                (unsigned long long)script->number, reason);
}

/* Content that no row can hold: which one it is, is found out row by row. */
static void blame_row(struct slu_plan *plan)
{
	struct slu_script *script = plan->script;
	struct slu_buffer scratch;
	size_t index;
	size_t row;

	slu_buffer_init(&scratch, SIZE_MAX);
	for (index = 0; index < plan->batch->part_count; index++) {
		const struct sluice_part *part = &plan->batch->parts[index];

		for (row = 0; row < part->row_count && script->culprit.end == 0; row++)
			if (slu_statement_fits(&scratch, part, row, &plan->error) != SLUICE_OK)
				script->culprit = (struct slu_span){index, row, row + 1};
	}
	slu_buffer_free(&scratch);
	script->refused = true;
	slu_trouble_set(&script->trouble, SLU_ISOLATE, "%s", plan->error.message);
}

static void judge(struct slu_plan *plan)
{
	struct slu_script *script = plan->script;

	if (plan->status != SLUICE_OK)
		blame_row(plan);
	else if (script->bytes.failure == SLU_BUFFER_LIMIT)
		refuse(script, "it needs more than batch_bytes_max; raise it, or lower flush_rows "
		               "or flush_bytes");
	else
		fix_pointers(script);
}

static struct slu_script *make(struct slu_plan *plan, const struct sluice_uuid *generation)
{
	const struct sluice_batch *batch = plan->batch;
	struct slu_script *script = calloc(1, sizeof(*script));

	if (script == NULL)
		return NULL;
	plan->script = script;
	script->number = batch->number;
	script->lane_count = batch->lane_count;
	script->generation = *generation;
	script->seals = plan->parcel == NULL;
	slu_buffer_init(&script->bytes, plan->terms->bytes_max);
	if (!allocate(plan)) {
		slu_script_free(script);
		return NULL;
	}
	memcpy(script->from, batch->from, batch->lane_count * sizeof(*script->from));
	memcpy(script->to, batch->to, batch->lane_count * sizeof(*script->to));
	if (script->seals)
		add_seal(plan);
	else
		add_statements(plan);
	reserve_text(script);
	if (script->bytes.failure == SLU_BUFFER_MEMORY ||
	    script->text.failure == SLU_BUFFER_MEMORY) {
		slu_script_free(script);
		return NULL;
	}
	judge(plan);
	return script;
}

struct slu_script *slu_script_make(const struct slu_parcel *parcel,
                                   const struct sluice_uuid *generation,
                                   const struct slu_script_terms *terms)
{
	struct slu_plan plan = {.parcel = parcel, .batch = &parcel->batch, .terms = terms};

	return make(&plan, generation);
}

struct slu_script *slu_script_make_seal(const struct sluice_batch *nothing,
                                        const struct sluice_uuid *generation)
{
	static const struct slu_script_terms none = {.copy_threshold = SIZE_MAX,
	                                             .bytes_max = SIZE_MAX};
	struct slu_plan plan = {.batch = nothing, .terms = &none};

	return make(&plan, generation);
}
