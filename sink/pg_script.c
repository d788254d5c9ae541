/* SPDX-License-Identifier: MIT */
/*
 * pg_script.c - from the parts of a batch to statements.
 *
 * One pass: count, allocate, encode the statements in the order they are said, cut them into
 * segments, then turn offsets into pointers, since the bytes move while they grow.
 */
#include "sink/pg_script.h"

#include "sink/pg_array.h"
#include "sink/pg_copy.h"
#include "sink/pg_fence.h"

#include <assert.h>
#include <stdlib.h>

enum {
	BINARY = 1,
	FENCE_PARAMETERS = 4,
	FRAME_STATEMENTS = 3, /* BEGIN, fence, COMMIT */
};

/* What the encoding of one batch needs to know. */
struct plan {
	struct slu_script *script;
	const struct sluice_batch *batch;
	const struct slu_script_limits *limits;
	struct sluice_error error;
	enum sluice_status status;
};

static bool by_copy(const struct plan *plan, const struct sluice_part *part)
{
	return part->stream->kind == SLUICE_APPEND &&
	       part->row_count >= plan->limits->copy_threshold;
}

static bool any_copy(const struct plan *plan)
{
	size_t index;

	for (index = 0; index < plan->batch->part_count; index++) {
		if (by_copy(plan, &plan->batch->parts[index]))
			return true;
	}
	return false;
}

/* ---- memory ---- */

static size_t array_count(size_t rows)
{
	return (rows + SLU_ARRAY_ROWS_MAX - 1) / SLU_ARRAY_ROWS_MAX;
}

static bool allocate(struct slu_script *script, const struct sluice_batch *batch)
{
	size_t statements = FRAME_STATEMENTS;
	size_t parameters = FENCE_PARAMETERS;
	size_t index;

	for (index = 0; index < batch->part_count; index++) {
		const struct sluice_part *part = &batch->parts[index];
		size_t arrays = array_count(part->row_count - part->removed_count) +
		                array_count(part->removed_count);

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

/* ---- statements ---- */

static struct slu_statement *add(struct plan *plan, enum slu_statement_kind kind,
                                 const struct sluice_stream *stream, size_t rows)
{
	struct slu_script *script = plan->script;
	struct slu_statement *statement = &script->statements[script->statement_count++];

	statement->kind = kind;
	statement->stream = stream;
	statement->rows = rows;
	statement->first = script->parameter_count;
	return statement;
}

/* Ends the parameter that began at `offset`. */
static void end_parameter(struct plan *plan, struct slu_statement *statement, size_t offset)
{
	struct slu_script *script = plan->script;

	script->offsets[script->parameter_count] = offset;
	script->sizes[script->parameter_count] = (int)(script->bytes.size - offset);
	script->formats[script->parameter_count] = BINARY;
	script->parameter_count++;
	statement->count++;
}

/* What the statements of the fence have in common: the run, the epoch, and where it must stand. */
static void add_stand(struct plan *plan, struct slu_statement *statement)
{
	struct slu_script *script = plan->script;
	struct slu_buffer *bytes = &script->bytes;
	size_t offset = bytes->size;

	slu_buffer_put(bytes, &script->generation, sizeof(script->generation));
	end_parameter(plan, statement, offset);
	script->epoch_offset = bytes->size;
	slu_buffer_put_be64(bytes, 0);
	end_parameter(plan, statement, script->epoch_offset);
	offset = bytes->size;
	slu_array_put_positions(bytes, script->from, script->lane_count);
	end_parameter(plan, statement, offset);
}

static void add_fence(struct plan *plan)
{
	struct slu_script *script = plan->script;
	struct slu_statement *statement = add(plan, SLU_FENCE, NULL, 0);
	size_t offset;

	add_stand(plan, statement);
	offset = script->bytes.size;
	slu_array_put_positions(&script->bytes, script->to, script->lane_count);
	end_parameter(plan, statement, offset);
}

static void add_column(struct plan *plan, struct slu_statement *statement,
                       const struct sluice_column *column, const struct slu_selection *selection)
{
	size_t offset = plan->script->bytes.size;

	if (plan->status == SLUICE_OK)
		plan->status = slu_array_put(&plan->script->bytes, statement->stream, column,
		                             selection, &plan->error);
	end_parameter(plan, statement, offset);
}

/* One statement for every SLU_ARRAY_ROWS_MAX rows of `part` that are to be removed, or to be
 * written. */
static void add_arrays(struct plan *plan, const struct sluice_part *part, bool removed)
{
	const struct sluice_stream *stream = part->stream;
	size_t columns = removed ? stream->key_column_count : stream->layout.column_count;
	size_t left = removed ? part->removed_count : part->row_count - part->removed_count;
	struct slu_selection selection = {part->rows, part->row_count, 0, 0, removed};

	while (left > 0) {
		static const struct sluice_column version = {.name = "version",
		                                             .type = SLUICE_VERSION};
		struct slu_statement *statement;
		size_t column;

		selection.count = left < SLU_ARRAY_ROWS_MAX ? left : SLU_ARRAY_ROWS_MAX;
		statement = add(plan, removed ? SLU_REMOVE : SLU_WRITE, stream, selection.count);
		for (column = 0; column < columns; column++)
			add_column(plan, statement, &stream->layout.columns[column], &selection);
		if (removed)
			add_column(plan, statement, &version, &selection);
		selection.first = slu_selection_end(&selection);
		left -= selection.count;
	}
}

static void add_copy(struct plan *plan, const struct sluice_part *part)
{
	struct slu_statement *statement = add(plan, SLU_COPY, part->stream, part->row_count);
	struct slu_buffer *bytes = &plan->script->bytes;

	statement->copy_offset = bytes->size;
	if (plan->status == SLUICE_OK)
		plan->status = slu_copy_put(bytes, part, &plan->error);
	statement->copy_size = bytes->size - statement->copy_offset;
}

/* ---- segments ---- */

static void add_segment(struct slu_script *script, bool pipeline, size_t first, size_t end)
{
	struct slu_segment *segment = &script->segments[script->segment_count++];

	segment->pipeline = pipeline;
	segment->first = first;
	segment->end = end;
}

static void add_statements(struct plan *plan)
{
	const struct sluice_batch *batch = plan->batch;
	struct slu_script *script = plan->script;
	bool copy = any_copy(plan);
	size_t frame;
	size_t first_copy;
	size_t end_copy;
	size_t index;

	if (copy)
		(void)add(plan, SLU_BEGIN, NULL, 0);
	add_fence(plan);
	frame = script->statement_count;
	for (index = 0; index < batch->part_count; index++) {
		if (!by_copy(plan, &batch->parts[index]))
			add_arrays(plan, &batch->parts[index], false);
	}
	first_copy = script->statement_count;
	for (index = 0; index < batch->part_count; index++) {
		if (by_copy(plan, &batch->parts[index]))
			add_copy(plan, &batch->parts[index]);
	}
	end_copy = script->statement_count;
	for (index = batch->part_count; index > 0; index--)
		add_arrays(plan, &batch->parts[index - 1], true);
	if (copy)
		(void)add(plan, SLU_COMMIT, NULL, 0);

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

static void add_seal(struct plan *plan)
{
	add_stand(plan, add(plan, SLU_SEAL, NULL, 0));
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

static void judge(struct plan *plan)
{
	struct slu_script *script = plan->script;

	if (plan->status != SLUICE_OK)
		refuse(script, plan->error.message);
	else if (script->bytes.failure == SLU_BUFFER_LIMIT)
		refuse(script, "it needs more than batch_bytes_max; raise it, or lower flush_rows "
		               "or flush_bytes");
	else
		fix_pointers(script);
}

static struct slu_script *make(const struct sluice_batch *batch,
                               const struct sluice_uuid *generation,
                               const struct slu_script_limits *limits, bool seals)
{
	struct slu_script *script = calloc(1, sizeof(*script));
	struct plan plan = {.script = script, .batch = batch, .limits = limits};

	if (script == NULL)
		return NULL;
	script->number = batch->number;
	script->lane_count = batch->lane_count;
	script->generation = *generation;
	script->seals = seals;
	slu_buffer_init(&script->bytes, limits->bytes_max);
	if (!allocate(script, batch)) {
		slu_script_free(script);
		return NULL;
	}
	memcpy(script->from, batch->from, batch->lane_count * sizeof(*script->from));
	memcpy(script->to, batch->to, batch->lane_count * sizeof(*script->to));
	if (seals)
		add_seal(&plan);
	else
		add_statements(&plan);
	reserve_text(script);
	if (script->bytes.failure == SLU_BUFFER_MEMORY ||
	    script->text.failure == SLU_BUFFER_MEMORY) {
		slu_script_free(script);
		return NULL;
	}
	judge(&plan);
	return script;
}

struct slu_script *slu_script_make(const struct sluice_batch *batch,
                                   const struct sluice_uuid *generation,
                                   const struct slu_script_limits *limits)
{
	return make(batch, generation, limits, false);
}

struct slu_script *slu_script_make_seal(const struct sluice_batch *nothing,
                                        const struct sluice_uuid *generation)
{
	static const struct slu_script_limits none = {SIZE_MAX, SIZE_MAX};

	return make(nothing, generation, &none, true);
}
