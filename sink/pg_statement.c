/* SPDX-License-Identifier: MIT */
/*
 * pg_statement.c - parameters, one behind the other in the script's bytes; offsets for now, since the
 * bytes move while they grow.
 */
#include "sink/pg_statement.h"

#include "sink/pg_array.h"
#include "sink/pg_copy.h"

enum { BINARY = 1 };

/* One statement, so that the description is there before its letter. */
const char slu_letter_sql[] =
	"WITH described AS (SELECT sha256($2::bytea) AS id), kept AS (INSERT INTO "
	"sluice.letter_format (id, description) SELECT id, $2::bytea FROM described "
	"ON CONFLICT DO NOTHING) "
	"INSERT INTO sluice.dead_letter (generation, lane, sequence, stream, version, removed, "
	"sqlstate, constraint_name, reason, format, record) SELECT $1::uuid, u.lane, u.sequence, "
	"u.stream, u.version, u.removed, u.sqlstate, nullif(u.constraint_name, ''), u.reason, "
	"described.id, u.record FROM described, unnest($3::integer[], $4::bigint[], $5::text[], "
	"$6::bigint[], $7::boolean[], $8::text[], $9::text[], $10::text[], $11::bytea[]) "
	"AS u (lane, sequence, stream, version, removed, sqlstate, constraint_name, reason, record)";

struct slu_statement *slu_statement_add(struct slu_plan *plan, enum slu_statement_kind kind,
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
static void end_parameter(struct slu_plan *plan, struct slu_statement *statement, size_t offset)
{
	struct slu_script *script = plan->script;

	script->offsets[script->parameter_count] = offset;
	script->sizes[script->parameter_count] = (int)(script->bytes.size - offset);
	script->formats[script->parameter_count] = BINARY;
	script->parameter_count++;
	statement->count++;
}

/* What the statements of the fence have in common: the run, the epoch, and where it must stand. */
static void add_stand(struct slu_plan *plan, struct slu_statement *statement)
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

void slu_statement_fence(struct slu_plan *plan)
{
	struct slu_script *script = plan->script;
	struct slu_statement *statement = slu_statement_add(plan, SLU_FENCE, NULL, 0);
	size_t offset;

	add_stand(plan, statement);
	offset = script->bytes.size;
	slu_array_put_positions(&script->bytes, script->to, script->lane_count);
	end_parameter(plan, statement, offset);
}

void slu_statement_seal(struct slu_plan *plan)
{
	add_stand(plan, slu_statement_add(plan, SLU_SEAL, NULL, 0));
}

static void add_column(struct slu_plan *plan, struct slu_statement *statement,
                       const struct sluice_column *column, const struct slu_selection *selection)
{
	size_t offset = plan->script->bytes.size;

	if (plan->status == SLUICE_OK)
		plan->status = slu_array_put(&plan->script->bytes, statement->stream, column,
		                             selection, &plan->error);
	end_parameter(plan, statement, offset);
}

/* How many of the rows from `first` on go into one statement at most. */
static size_t rows_at(const struct slu_plan *plan, size_t index, size_t first)
{
	const struct slu_span *singly = &plan->parcel->singly;

	if (singly->part != index || first >= singly->end)
		return SLU_ARRAY_ROWS_MAX;
	return first >= singly->first ? 1 : singly->first - first;
}

/* The next statement, of the rows that `selection` begins with. */
static void add_array(struct slu_plan *plan, size_t index, const struct slu_selection *selection)
{
	static const struct sluice_column version = {.name = "version", .type = SLUICE_VERSION};
	const struct sluice_stream *stream = plan->batch->parts[index].stream;
	bool removed = selection->removed;
	size_t columns = removed ? stream->key_column_count : stream->layout.column_count;
	struct slu_statement *statement = slu_statement_add(plan, removed ? SLU_REMOVE : SLU_WRITE,
	                                                    stream, selection->count);
	size_t column;

	for (column = 0; column < columns; column++)
		add_column(plan, statement, &stream->layout.columns[column], selection);
	if (removed)
		add_column(plan, statement, &version, selection);
	statement->span = (struct slu_span){index, selection->first, slu_selection_end(selection)};
	/* Behind the last of them others may follow that are not meant. */
	while (selection->count == 1 && selection->rows[statement->span.first].removed != removed)
		statement->span.first++;
}

void slu_statement_arrays(struct slu_plan *plan, size_t index, bool removed)
{
	const struct sluice_part *part = &plan->batch->parts[index];
	size_t left = removed ? part->removed_count : part->row_count - part->removed_count;
	struct slu_selection selection = {part->rows, part->row_count, 0, 0, removed};

	while (left > 0) {
		size_t most = rows_at(plan, index, selection.first);

		if (most > SLU_ARRAY_ROWS_MAX)
			most = SLU_ARRAY_ROWS_MAX;
		selection.count = left < most ? left : most;
		add_array(plan, index, &selection);
		selection.first = slu_selection_end(&selection);
		left -= selection.count;
	}
}

void slu_statement_copy(struct slu_plan *plan, size_t index)
{
	const struct sluice_part *part = &plan->batch->parts[index];
	struct slu_statement *statement = slu_statement_add(plan, SLU_COPY, part->stream,
	                                                    part->row_count);
	struct slu_buffer *bytes = &plan->script->bytes;

	statement->copy_offset = bytes->size;
	if (plan->status == SLUICE_OK)
		plan->status = slu_copy_put(bytes, part, &plan->error);
	statement->copy_size = bytes->size - statement->copy_offset;
	statement->span = (struct slu_span){index, 0, part->row_count};
}

/* ---- letters ---- */

static void put_bytes(struct slu_buffer *bytes, const void *data, size_t size)
{
	slu_buffer_put_be32(bytes, (uint32_t)size);
	slu_buffer_put(bytes, data, size);
}

static void put_text(struct slu_buffer *bytes, const char *text)
{
	put_bytes(bytes, text, strlen(text));
}

static void put_number(struct slu_buffer *bytes, uint64_t number)
{
	slu_buffer_put_be32(bytes, sizeof(number));
	slu_buffer_put_be64(bytes, number);
}

static void put_lane(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	slu_buffer_put_be32(bytes, sizeof(letter->row.lane));
	slu_buffer_put_be32(bytes, letter->row.lane);
}

static void put_sequence(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	put_number(bytes, letter->row.sequence);
}

static void put_stream(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	put_text(bytes, letter->stream->name);
}

static void put_version(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	put_number(bytes, letter->row.version);
}

static void put_removed(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	const unsigned char removed = letter->row.removed;

	put_bytes(bytes, &removed, sizeof(removed));
}

static void put_sqlstate(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	put_text(bytes, letter->trouble.sqlstate);
}

static void put_constraint(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	put_text(bytes, letter->trouble.constraint);
}

static void put_reason(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	put_text(bytes, letter->trouble.reason);
}

/* What no put filled is zero here, not what some other record left in the slot. */
static void put_record(struct slu_buffer *bytes, const struct slu_letter *letter)
{
	static const unsigned char zeros[SLUICE_RECORD_SIZE_MAX];

	slu_buffer_put_be32(bytes, letter->stream->layout.size);
	slu_buffer_put(bytes, letter->row.record, letter->row.size);
	slu_buffer_put(bytes, zeros, letter->stream->layout.size - letter->row.size);
}

/* The parameters behind the first two, an array each. */
static const struct {
	enum sluice_type type;
	void (*put)(struct slu_buffer *bytes, const struct slu_letter *letter);
} letter_columns[SLU_LETTER_PARAMETERS - 2] = {
	{SLUICE_INT4, put_lane},
	{SLUICE_INT8, put_sequence},
	{SLUICE_TEXT_TYPE, put_stream},
	{SLUICE_INT8, put_version},
	{SLUICE_BOOL, put_removed},
	{SLUICE_TEXT_TYPE, put_sqlstate},
	{SLUICE_TEXT_TYPE, put_constraint},
	{SLUICE_TEXT_TYPE, put_reason},
	{SLUICE_BYTEA, put_record},
};

static void add_bytes(struct slu_plan *plan, struct slu_statement *statement, const void *bytes,
                      size_t size)
{
	size_t offset = plan->script->bytes.size;

	slu_buffer_put(&plan->script->bytes, bytes, size);
	end_parameter(plan, statement, offset);
}

static void add_letters(struct slu_plan *plan, const struct slu_letter *letters, size_t count)
{
	struct slu_script *script = plan->script;
	struct slu_statement *statement = slu_statement_add(plan, SLU_LETTER, NULL, count);
	struct slu_buffer *bytes = &script->bytes;
	size_t column, index;

	add_bytes(plan, statement, &script->generation, sizeof(script->generation));
	add_bytes(plan, statement, plan->terms->format, plan->terms->format_size);
	for (column = 0; column < SLU_LETTER_PARAMETERS - 2; column++) {
		size_t offset = bytes->size;

		(void)slu_array_begin(bytes, slu_type_of(letter_columns[column].type).oid, count);
		for (index = 0; index < count; index++)
			letter_columns[column].put(bytes, &letters[index]);
		end_parameter(plan, statement, offset);
	}
}

void slu_statement_letters(struct slu_plan *plan)
{
	const struct slu_parcel *parcel = plan->parcel;
	size_t first, left;

	for (first = 0; first < parcel->letter_count; first += SLU_ARRAY_ROWS_MAX) {
		left = parcel->letter_count - first;
		add_letters(plan, &parcel->letters[first],
		            left < SLU_ARRAY_ROWS_MAX ? left : SLU_ARRAY_ROWS_MAX);
	}
}

enum sluice_status slu_statement_fits(struct slu_buffer *scratch, const struct sluice_part *part,
                                      size_t at, struct sluice_error *error)
{
	const struct slu_selection one = {part->rows, part->row_count, at, 1,
	                                  part->rows[at].removed};
	const struct sluice_stream *stream = part->stream;
	size_t columns = one.removed ? stream->key_column_count : stream->layout.column_count;
	enum sluice_status status = SLUICE_OK;
	size_t column;

	for (column = 0; column < columns && status == SLUICE_OK; column++) {
		scratch->size = 0;
		status = slu_array_put(scratch, stream, &stream->layout.columns[column], &one,
		                       error);
	}
	return status;
}
