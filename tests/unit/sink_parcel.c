/* SPDX-License-Identifier: MIT */
/* sink_parcel.c - which row of a batch is blamed, and what is left of the batch. */
#include "sink/pg_parcel.h"

#include "scripted_sink.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { ITEMS = 3, EVENTS = 5 };

static const uint64_t from[2] = {4, 7}, to[2] = {9, 10};
static struct item item_records[ITEMS];
static struct event event_records[EVENTS];
static struct slu_parcel *parcel;

static void fill(struct sluice_row *rows, size_t count, const void *records, size_t size)
{
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct sluice_row){
			.record = (const char *)records + i * size,
			.removed = i % 2 == 1,
			.sequence = i + 1,
		};
}

static void set_up(void)
{
	struct sluice_row item_rows[ITEMS], event_rows[EVENTS];
	const struct sluice_part parts[] = {
		{.stream = &items, .rows = item_rows, .row_count = ITEMS, .removed_count = 1},
		{.stream = &events, .rows = event_rows, .row_count = EVENTS, .removed_count = 2},
	};
	const struct sluice_batch batch = {
		.number = 3,
		.parts = parts,
		.part_count = 2,
		.row_count = ITEMS + EVENTS,
		.from = from,
		.to = to,
		.lane_count = 2,
	};

	fill(item_rows, ITEMS, item_records, sizeof(item_records[0]));
	fill(event_rows, EVENTS, event_records, sizeof(event_records[0]));
	parcel = slu_parcel_make(&batch);
	cr_assert_not_null(parcel);
}

static void tear_down(void)
{
	slu_parcel_free(parcel);
}

TestSuite(sink_parcel, .init = set_up, .fini = tear_down);

static enum slu_blame blame(size_t part, size_t first, size_t end, bool copied,
                            const char *sqlstate)
{
	const struct slu_span span = {part, first, end};
	struct slu_trouble trouble;
	enum slu_blame blamed;

	slu_trouble_set(&trouble, SLU_ISOLATE, "a reason");
	snprintf(trouble.sqlstate, sizeof(trouble.sqlstate), "%s", sqlstate);
	blamed = slu_parcel_blame(parcel, &span, copied, &trouble);
	cr_assert_eq(trouble.action == SLU_HALT, blamed == SLU_BLAME_NOBODY);
	return blamed;
}

Test(sink_parcel, it_keeps_all_of_a_batch_that_is_gone)
{
	cr_assert_eq(parcel->batch.row_count, ITEMS + EVENTS);
	cr_assert_eq(parcel->batch.part_count, 2);
	cr_assert_eq(parcel->parts[0].rows[2].record, &item_records[2]);
	cr_assert_eq(parcel->parts[1].rows[0].record, &event_records[0]);
	cr_assert(memcmp(parcel->batch.from, from, sizeof(from)) == 0);
	cr_assert(memcmp(parcel->batch.to, to, sizeof(to)) == 0);
}

Test(sink_parcel, a_row_alone_is_blamed_and_leaves_its_part)
{
	cr_assert_eq(blame(1, 1, 2, false, "23514"), SLU_BLAME_ROW);
	cr_assert_eq(parcel->batch.row_count, ITEMS + EVENTS - 1);
	cr_assert_eq(parcel->parts[1].row_count, EVENTS - 1);
	cr_assert_eq(parcel->parts[1].removed_count, 1, "row 2 was a removal");
	cr_assert_eq(parcel->parts[1].rows[0].sequence, 1);
	cr_assert_eq(parcel->parts[1].rows[1].sequence, 3);
	cr_assert_eq(parcel->parts[1].rows[3].sequence, 5);
	cr_assert_eq(parcel->parts[0].row_count, ITEMS);
	cr_assert_eq(parcel->letter_count, 1);
	cr_assert_eq(parcel->letters[0].row.sequence, 2);
	cr_assert_eq(parcel->letters[0].stream, &events);
	cr_assert_str_eq(parcel->letters[0].trouble.sqlstate, "23514");
}

Test(sink_parcel, the_rows_of_a_statement_are_written_singly_until_one_is_found)
{
	cr_assert_eq(blame(0, 0, ITEMS, false, "22001"), SLU_BLAME_LATER);
	cr_assert_eq(parcel->letter_count, 0);
	cr_assert_eq(parcel->singly.part, 0);
	cr_assert_eq(parcel->singly.first, 0);
	cr_assert_eq(parcel->singly.end, ITEMS);
	cr_assert_eq(blame(0, 2, 3, false, "22001"), SLU_BLAME_ROW);
	cr_assert_eq(parcel->singly.end, 0, "the others may be well together");
}

Test(sink_parcel, a_copy_that_names_no_line_is_not_made_again)
{
	cr_assert_eq(blame(1, 0, EVENTS, true, "23503"), SLU_BLAME_PASSING);
	cr_assert_not(parcel->without_copy[1]);
	cr_assert_eq(blame(1, 0, EVENTS, true, "23505"), SLU_BLAME_LATER);
	cr_assert(parcel->without_copy[1]);
	cr_assert_not(parcel->without_copy[0]);
	cr_assert_eq(parcel->singly.end, 0);
}

Test(sink_parcel, what_is_referenced_is_waited_for_three_times)
{
	for (int i = 0; i < 3; i++)
		cr_assert_eq(blame(1, 0, 1, false, "23503"), SLU_BLAME_PASSING);
	cr_assert_eq(parcel->letter_count, 0);
	cr_assert_eq(blame(1, 0, 1, false, "23503"), SLU_BLAME_ROW);
}

Test(sink_parcel, an_error_of_no_known_row_is_nobodys)
{
	cr_assert_eq(blame(0, 0, 0, false, "23505"), SLU_BLAME_NOBODY);
	cr_assert_eq(parcel->letter_count, 0);
	cr_assert_eq(parcel->batch.row_count, ITEMS + EVENTS);
}

Test(sink_parcel, letters_are_counted_by_stream)
{
	cr_assert_eq(blame(0, 0, 1, false, "23514"), SLU_BLAME_ROW);
	cr_assert_eq(blame(1, 0, 1, false, "23514"), SLU_BLAME_ROW);
	cr_assert_eq(blame(1, 0, 1, false, "23514"), SLU_BLAME_ROW);
	cr_assert_eq(slu_parcel_letters(parcel, &items), 1);
	cr_assert_eq(slu_parcel_letters(parcel, &events), 2);
}
