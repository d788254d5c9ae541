/* SPDX-License-Identifier: MIT */
/* sink_encoding.c - buffers, arrays, COPY streams and the fence's text. */
#include "sink/pg_array.h"
#include "sink/pg_copy.h"
#include "sink/pg_fence.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct record {
	uint32_t present;
	int32_t value;
};

static const struct sluice_column columns[] = {
	{.name = "value", .type = SLUICE_INT4, .offset = 4, .present = 1},
	{.name = "version", .type = SLUICE_VERSION},
};
static const struct sluice_stream stream = {
	.name = "s", .kind = SLUICE_APPEND, .layout.column_count = 2, .layout.columns = columns};

static const struct record records[] = {{1, 10}, {0, 0}, {1, 12}};
static const struct sluice_row rows[] = {{.record = &records[0], .version = 1},
                                         {.record = &records[1], .version = 2, .removed = true},
                                         {.record = &records[2], .version = 3}};

static const char *hex_of(const struct slu_buffer *buffer)
{
	static char hex[1024];
	size_t index;

	hex[0] = '\0';
	for (index = 0; index < buffer->size; index++)
		sprintf(hex + 2 * index, "%02x", buffer->bytes[index]);
	return hex;
}

/* ---- buffer ---- */

Test(sink_buffer, grows_to_its_limit_and_keeps_its_bytes)
{
	struct slu_buffer buffer;
	size_t index;

	slu_buffer_init(&buffer, 10000);
	for (index = 0; index < 10000; index++) {
		unsigned char byte = (unsigned char)index;

		slu_buffer_put(&buffer, &byte, 1);
	}
	cr_expect_eq(buffer.failure, SLU_BUFFER_FINE);
	cr_expect_eq(buffer.size, 10000);
	for (index = 0; index < 10000; index++)
		cr_assert_eq(buffer.bytes[index], (unsigned char)index);
	slu_buffer_free(&buffer);
}

Test(sink_buffer, beyond_its_limit_it_fails_for_good_and_puts_nothing)
{
	struct slu_buffer buffer;

	slu_buffer_init(&buffer, 10);
	slu_buffer_put_be64(&buffer, 1);
	slu_buffer_put_be32(&buffer, 2);
	cr_expect_eq(buffer.failure, SLU_BUFFER_LIMIT);
	slu_buffer_put_be16(&buffer, 3);
	cr_expect_eq(buffer.failure, SLU_BUFFER_LIMIT);
	cr_expect_eq(buffer.size, 8);
	slu_buffer_free(&buffer);
}

/* ---- array ---- */

static const char *array_of(const struct sluice_column *column, size_t first, size_t count,
                            bool removed)
{
	struct slu_selection selection = {rows, 3, first, count, removed};
	struct slu_buffer buffer;
	const char *hex;

	slu_buffer_init(&buffer, 4096);
	cr_assert_eq(slu_array_put(&buffer, &stream, column, &selection, NULL), SLUICE_OK);
	hex = hex_of(&buffer);
	slu_buffer_free(&buffer);
	return hex;
}

#define HEADER(nulls, oid, count) "00000001" nulls oid count "00000001"

Test(sink_array, takes_the_selected_rows_only)
{
	cr_expect_str_eq(array_of(&columns[1], 0, 2, false),
	                 HEADER("00000000", "00000014", "00000002") "000000080000000000000001"
	                                                            "000000080000000000000003");
	cr_expect_str_eq(array_of(&columns[1], 1, 1, false),
	                 HEADER("00000000", "00000014", "00000001") "000000080000000000000003");
	cr_expect_str_eq(array_of(&columns[1], 0, 1, true),
	                 HEADER("00000000", "00000014", "00000001") "000000080000000000000002");
}

Test(sink_array, tells_whether_it_holds_nulls)
{
	cr_expect_str_eq(array_of(&columns[0], 0, 2, false),
	                 HEADER("00000000", "00000017", "00000002") "000000040000000a"
	                                                            "000000040000000c");
	cr_expect_str_eq(array_of(&columns[0], 0, 1, true),
	                 HEADER("00000001", "00000017", "00000001") "ffffffff");
}

Test(sink_array, empty_has_no_dimensions)
{
	cr_expect_str_eq(array_of(&columns[0], 0, 0, false), "000000000000000000000017");
}

Test(sink_array, a_selection_ends_after_its_last_row)
{
	struct slu_selection selection = {rows, 3, 0, 1, false};

	cr_expect_eq(slu_selection_end(&selection), 1);
	selection.first = 1;
	cr_expect_eq(slu_selection_end(&selection), 3);
}

Test(sink_array, positions_come_back)
{
	static const uint64_t positions[] = {0, 1, INT64_MAX};
	uint64_t found[3] = {7, 7, 7};
	struct slu_buffer buffer;

	slu_buffer_init(&buffer, 4096);
	slu_array_put_positions(&buffer, positions, 3);
	cr_expect(slu_array_get_positions(buffer.bytes, buffer.size, found, 3));
	cr_expect_arr_eq(found, positions, sizeof(positions));
	cr_expect_not(slu_array_get_positions(buffer.bytes, buffer.size, found, 2));
	cr_expect_not(slu_array_get_positions(buffer.bytes, buffer.size - 1, found, 3));
	slu_write_be32(buffer.bytes + 8, 23);
	cr_expect_not(slu_array_get_positions(buffer.bytes, buffer.size, found, 3));
	slu_buffer_free(&buffer);
}

/* ---- copy ---- */

Test(sink_copy, has_header_tuples_and_trailer)
{
	struct sluice_part part = {&stream, rows, 2, 0};
	struct slu_buffer buffer;

	slu_buffer_init(&buffer, 4096);
	cr_expect_eq(slu_copy_put(&buffer, &part, NULL), SLUICE_OK);
	cr_expect_str_eq(hex_of(&buffer), "5047434f50590aff0d0a00"
	                                  "00000000"
	                                  "00000000"
	                                  "0002"
	                                  "000000040000000a"
	                                  "000000080000000000000001"
	                                  "0002"
	                                  "ffffffff"
	                                  "000000080000000000000002"
	                                  "ffff");
	slu_buffer_free(&buffer);
}

/* ---- fence ---- */

Test(sink_fence, is_printed_from_integers_and_a_uuid)
{
	static const struct sluice_uuid generation = {
		{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 0, 0xff}};
	static const uint64_t from[] = {0, UINT64_MAX};
	static const uint64_t to[] = {5, 6};
	struct slu_buffer text;

	slu_buffer_init(&text, slu_fence_print_size(2));
	slu_fence_print(&text, &generation, 9, from, to, 2);
	slu_buffer_put(&text, "", 1);
	cr_expect_eq(text.failure, SLU_BUFFER_FINE);
	cr_expect_str_eq(
		(const char *)text.bytes,
		"WITH moved AS (UPDATE sluice.lane SET applied = '{5,6}'::bigint[] WHERE "
		"generation = '01234567-89ab-cdef-0000-0000000000ff'::uuid AND epoch = 9 "
		"AND applied = '{0,18446744073709551615}'::bigint[] AND sealed_at IS NULL "
		"RETURNING 1) SELECT 1 / count(*), current_setting('synchronous_standby_names') <> '' AND "
		"current_setting('synchronous_commit') IN ('on', 'remote_write', 'remote_apply') "
		"FROM moved");
	slu_buffer_free(&text);
}

Test(sink_fence, fits_the_size_it_announces)
{
	static const struct sluice_uuid generation;
	uint64_t positions[300];
	struct slu_buffer text;

	memset(positions, 0xff, sizeof(positions));
	slu_buffer_init(&text, slu_fence_print_size(300));
	slu_fence_print(&text, &generation, UINT64_MAX, positions, positions, 300);
	cr_expect_eq(text.failure, SLU_BUFFER_FINE);
	slu_buffer_free(&text);
}
