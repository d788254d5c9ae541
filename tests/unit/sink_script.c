/* SPDX-License-Identifier: MIT */
/* sink_script.c - the shapes of a batch: which statements, in which order, travelling how. */
#include "sink/pg_script.h"

#include <sluice/postgres.h>

#include <criterion/criterion.h>
#include <stdio.h>

enum { THRESHOLD = 64, ROWS_MAX = 3000 };

static const struct sluice_column parent_columns[] = {
	{.name = "id", .type = SLUICE_UUID},
	{.name = "value", .type = SLUICE_INT4, .offset = 16},
	{.name = "version", .type = SLUICE_VERSION},
};
static const struct sluice_column child_columns[] = {
	{.name = "value", .type = SLUICE_INT4, .offset = 16},
};
static const struct sluice_stream parents = {.name = "parents",
                                             .kind = SLUICE_STATE,
                                             .layout.column_count = 3,
                                             .key_column_count = 1,
                                             .layout.columns = parent_columns};
static const struct sluice_stream cousins = {.name = "cousins",
                                             .kind = SLUICE_STATE,
                                             .index = 1,
                                             .layout.column_count = 3,
                                             .key_column_count = 1,
                                             .layout.columns = parent_columns};
static const struct sluice_stream children = {.name = "children",
                                              .kind = SLUICE_APPEND,
                                              .index = 2,
                                              .layout.column_count = 1,
                                              .layout.columns = child_columns,
                                              .copy_sql = "COPY children"};

static const struct sluice_uuid generation = {{1}};
static const uint64_t from[] = {3, 4};
static const uint64_t to[] = {5, 6};

/* `written` rows and then `removed` ones. */
static struct sluice_part part_of(const struct sluice_stream *stream, size_t written,
                                  size_t removed)
{
	static const unsigned char record[20];
	static struct sluice_row rows[3][ROWS_MAX];
	struct sluice_row *own = rows[stream->index];
	struct sluice_part part = {stream, own, written + removed, removed};
	size_t index;

	for (index = 0; index < part.row_count; index++)
		own[index] = (struct sluice_row){
			.record = record, .version = index, .removed = index >= written};
	return part;
}

static struct slu_script *make(const struct sluice_part *parts, size_t count, size_t bytes_max)
{
	const struct slu_script_terms terms = {.copy_threshold = THRESHOLD, .bytes_max = bytes_max};
	struct sluice_batch batch = {.number = 7,
	                             .parts = parts,
	                             .part_count = count,
	                             .from = from,
	                             .to = to,
	                             .lane_count = 2};
	struct slu_parcel *parcel;
	struct slu_script *script;

	for (size_t i = 0; i < count; i++)
		batch.row_count += parts[i].row_count;
	parcel = slu_parcel_make(&batch);
	cr_assert_not_null(parcel);
	script = slu_script_make(parcel, &generation, &terms);
	cr_assert_not_null(script);
	slu_parcel_free(parcel);
	return script;
}

/* "[FW2w1][C64][x]": brackets hold a segment, round ones a string. */
static const char *describe(const struct slu_script *script)
{
	static const char letters[] = {
		[SLU_BEGIN] = 'B', [SLU_FENCE] = 'F',  [SLU_WRITE] = 'W', [SLU_REMOVE] = 'R',
		[SLU_COPY] = 'C',  [SLU_COMMIT] = 'E', [SLU_SEAL] = 'S'};
	static char text[256];
	size_t used = 0;
	size_t segment;
	size_t index;

	for (segment = 0; segment < script->segment_count; segment++) {
		const struct slu_segment *own = &script->segments[segment];

		used += (size_t)sprintf(text + used, own->pipeline ? "[" : "(");
		for (index = own->first; index < own->end; index++) {
			const struct slu_statement *statement = &script->statements[index];

			used += (size_t)sprintf(text + used, "%c", letters[statement->kind]);
			if (statement->stream != NULL)
				used += (size_t)sprintf(text + used, "%c%zu",
				                        statement->stream->name[0],
				                        statement->rows);
		}
		used += (size_t)sprintf(text + used, own->pipeline ? "]" : ")");
	}
	return text;
}

static void expect_shape(const struct sluice_part *parts, size_t count, const char *shape)
{
	struct slu_script *script = make(parts, count, SIZE_MAX);

	cr_expect_not(script->refused);
	cr_expect_str_eq(describe(script), shape);
	slu_script_free(script);
}

Test(sink_script, state_rows_are_one_pipeline)
{
	struct sluice_part part = part_of(&parents, 2, 0);

	expect_shape(&part, 1, "[FWp2]");
}

Test(sink_script, appends_below_the_threshold_ride_along)
{
	struct sluice_part parts[] = {part_of(&parents, 2, 0), part_of(&children, 63, 0)};

	expect_shape(parts, 2, "[FWp2Wc63]");
}

Test(sink_script, appends_at_the_threshold_are_copied)
{
	struct sluice_part part = part_of(&children, 64, 0);

	expect_shape(&part, 1, "(BFCc64)[E]");
}

Test(sink_script, parents_are_written_before_the_copy_and_removed_after_it)
{
	struct sluice_part parts[] = {part_of(&parents, 2, 1), part_of(&children, 64, 0)};

	expect_shape(parts, 2, "[BFWp2](Cc64)[Rp1E]");
}

Test(sink_script, removals_go_in_reverse_order)
{
	struct sluice_part parts[] = {part_of(&parents, 0, 1), part_of(&cousins, 1, 2)};

	expect_shape(parts, 2, "[FWc1Rc2Rp1]");
	parts[1] = part_of(&children, 65, 0);
	expect_shape(parts, 2, "(BFCc65)[Rp1E]");
}

Test(sink_script, many_rows_are_many_statements)
{
	struct sluice_part part = part_of(&parents, 1025, 1024);

	expect_shape(&part, 1, "[FWp1024Wp1Rp1024]");
}

Test(sink_script, parameters_are_one_array_a_column)
{
	struct sluice_part part = part_of(&parents, 1025, 1);
	struct slu_script *script = make(&part, 1, SIZE_MAX);
	const struct slu_statement *last = &script->statements[2];

	cr_expect_eq(script->statements[0].count, 4);
	cr_expect_eq(script->statements[1].count, 3);
	cr_expect_eq(last->count, 3);
	cr_expect_eq(script->statements[3].count, 2); /* key, version */
	/* The second statement begins with row 1024, whose version is 1024. */
	cr_expect_eq(script->sizes[last->first + 2], 20 + 4 + 8);
	cr_expect_eq(slu_read_be64((const unsigned char *)script->values[last->first + 2] + 24),
	             1024);
	cr_expect_eq(
		slu_read_be64(
			(const unsigned char *)script->values[script->statements[3].first + 1] +
			24),
		1025);
	slu_script_free(script);
}

Test(sink_script, the_epoch_can_change)
{
	struct sluice_part part = part_of(&children, 64, 0);
	struct slu_script *script = make(&part, 1, SIZE_MAX);

	slu_script_set_epoch(script, UINT64_MAX);
	slu_script_set_epoch(script, 8);
	cr_expect_eq(slu_read_be64((const unsigned char *)script->values[1]), 8);
	cr_expect_str_eq(
		(const char *)script->text.bytes,
		"BEGIN; WITH moved AS (UPDATE sluice.lane SET applied = '{5,6}'::bigint[] "
		"WHERE generation = '01000000-0000-0000-0000-000000000000'::uuid AND epoch = 8 "
		"AND applied = '{3,4}'::bigint[] AND sealed_at IS NULL RETURNING 1) "
		"SELECT 1 / count(*), current_setting('synchronous_standby_names') <> '' AND "
		"current_setting('synchronous_commit') IN ('on', 'remote_write', 'remote_apply') "
		"FROM moved; COPY children");
	slu_script_free(script);
}

Test(sink_script, a_seal_says_where_the_run_stands)
{
	const struct sluice_batch nothing = {
		.number = 7, .from = from, .to = from, .lane_count = 2};
	struct slu_script *script = slu_script_make_seal(&nothing, &generation);

	cr_assert_not_null(script);
	slu_script_set_epoch(script, 8);
	cr_expect(script->seals);
	cr_expect_not(script->refused);
	cr_expect_str_eq(describe(script), "[S]");
	cr_assert_eq(script->statements[0].count, 3);
	cr_expect_arr_eq(script->values[0], &generation, sizeof(generation));
	cr_expect_eq(slu_read_be64((const unsigned char *)script->values[1]), 8);
	cr_expect_eq(script->sizes[2], 20 + 2 * 12);
	cr_expect_eq(slu_read_be64((const unsigned char *)script->values[2] + 24), 3);
	slu_script_free(script);
}

Test(sink_script, beyond_its_bound_it_is_refused)
{
	struct sluice_part part = part_of(&children, 64, 0);
	struct slu_script *script = make(&part, 1, 300);

	cr_expect(script->refused);
	cr_expect_str_eq(script->trouble.reason,
	                 "batch 7 can't be written: it needs more than batch_bytes_max; raise it, "
	                 "or lower flush_rows or flush_bytes");
	slu_script_free(script);
}

Test(sink_script, a_connection_string_that_cant_be_parsed_is_not_repeated)
{
	struct sluice_error error;

	cr_expect_null(sluice_postgres_open("host=a password=two words", NULL, &error));
	cr_expect_eq(error.status, SLUICE_INVALID);
	cr_expect_null(strstr(error.message, "words"));
	cr_expect_null(sluice_postgres_open(NULL, NULL, &error));
}
