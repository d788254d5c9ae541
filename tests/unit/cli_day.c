/* SPDX-License-Identifier: MIT */
/* cli_day.c - files to sources, sources to a day, a day to engine threads. */
#include "cli/day.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct slu_day day;
static struct slu_day_reason reason;
static char folder[] = "/tmp/sluice-day-XXXXXX";
static char paths[4][64];
static size_t path_count;

static void make(void)
{
	cr_assert_not_null(mkdtemp(folder));
}

static void clean(void)
{
	while (path_count > 0)
		unlink(paths[--path_count]);
	rmdir(folder);
	slu_day_free(&day);
}

TestSuite(day, .init = make, .fini = clean);

static const char *write_file(const char *name, const char *text)
{
	char *path = paths[path_count++];
	FILE *out;

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	out = fopen(path, "w");
	cr_assert(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0);
	return path;
}

static void add(const char *path)
{
	cr_assert(slu_day_add_file(&day, path, &reason), "%s", reason.text);
}

Test(day, a_file_name_becomes_alias_stem_and_instrument)
{
	add("folder.d/AMZN_message.csv");
	cr_expect_str_eq(day.sources[0].alias, "lobster:AMZN_message");
	cr_expect_str_eq(day.sources[0].stem, "AMZN_message");
	cr_expect_str_eq(day.sources[0].instrument, "AMZN");
	add("/AAPL");
	cr_expect_str_eq(day.sources[1].alias, "lobster:AAPL");
	cr_expect_str_eq(day.sources[1].instrument, "AAPL");
	add("_x.csv");
	cr_expect_str_eq(day.sources[2].instrument, "_x");
}

Test(day, a_long_file_name_is_cut_where_a_column_is_short)
{
	add("AMZN_2012-06-21_34200000_57600000_message_1.csv");
	cr_expect_str_eq(day.sources[0].alias,
	                 "lobster:AMZN_2012-06-21_34200000_57600000_message_1");
	cr_expect_str_eq(day.sources[0].stem, "AMZN_2012-06-21_3420");
	add("abcdefghijklmnopqrstuvwxyz.csv");
	cr_expect_str_eq(day.sources[1].instrument, "abcdefghijklmnopqrstuvw");
}

Test(day, a_name_that_can_not_serve_is_refused)
{
	cr_expect_not(slu_day_add_file(&day, "folder/", &reason));
	cr_expect_str_eq(reason.text, "folder/: is no file name");
	cr_expect_not(slu_day_add_file(&day, "caf\xc3\xa9.csv", &reason));
	cr_expect_str_eq(reason.text,
	                 "caf\xc3\xa9.csv: a file's name becomes a name in the database: rename "
	                 "it to visible ASCII characters");
	add("a/x.csv");
	cr_expect_not(slu_day_add_file(&day, "b/x.txt", &reason));
	cr_expect_str_eq(reason.text, "b/x.txt: a/x.csv has the same name, and the name tells "
	                              "their orders apart: rename one");
	cr_expect_eq(day.source_count, 1);
}

Test(day, files_are_merged_by_time_and_rows_are_even)
{
	/* The execution has two rows, so what follows it is due two places later. */
	static const struct {
		uint16_t source;
		uint32_t number;
		uint64_t due_ns;
	} merged[] = {{0, 1, 0},
	              {0, 2, 100000000},
	              {1, 1, 300000000},
	              {1, 3, 400000000},
	              {0, 3, 500000000}};
	size_t index;

	add(write_file("A.csv", "1.0,1,1,10,5,1\n2.0,4,1,10,5,1\n5.0,1,2,1,5,1\n"));
	add(write_file("B.csv", "2.0,1,1,10,5,1\n2.5,7,0,0,0,1\n3.0,3,1,10,5,1\n"));
	cr_assert(slu_day_read_files(&day, stderr, &reason), "%s", reason.text);
	cr_assert(slu_day_merge(&day, 10, &reason), "%s", reason.text);
	cr_assert_eq(day.message_count, 5);
	cr_expect_eq(day.halts, 1);
	cr_expect_eq(day.orders, 3);
	cr_expect_eq(day.rows, 6);
	cr_expect_eq(day.length_ns, 600000000);
	for (index = 0; index < 5; index++) {
		cr_expect_eq(day.messages[index].source, merged[index].source, "%zu", index);
		cr_expect_eq(day.messages[index].number, merged[index].number, "%zu", index);
		cr_expect_eq(day.messages[index].due_ns, merged[index].due_ns, "%zu", index);
	}
}

Test(day, ten_malformed_lines_are_told_and_the_rest_counted)
{
	char told[4096] = "";
	FILE *out = fmemopen(told, sizeof(told), "w");
	const char *path = write_file("A.csv", "1,1,1,1,1,1\n\n\n\n\n\n\n\n\n\n\n\n\n");

	add(path);
	cr_assert(slu_day_read_files(&day, out, &reason), "%s", reason.text);
	fclose(out);
	cr_expect_eq(day.malformed, 12);
	cr_expect_not_null(strstr(told, "A.csv:2: the line is empty\n"));
	cr_expect_not_null(strstr(told, "A.csv:11: the line is empty\n"));
	cr_expect_null(strstr(told, "A.csv:12:"));
	cr_expect_not_null(strstr(told, "A.csv: 2 more malformed lines\n"));
}

Test(day, a_file_without_a_message_is_refused)
{
	add(write_file("A.csv", "34200.5,7,0,0,-1,-1\n"));
	cr_expect_not(slu_day_read_files(&day, stderr, &reason));
	cr_expect_not_null(strstr(reason.text, "A.csv: not one of its 1 lines is a message"));
}

Test(day, a_missing_file_is_refused)
{
	add("/nonexistent/A.csv");
	cr_expect_not(slu_day_read_files(&day, stderr, &reason));
	cr_expect_str_eq(reason.text,
	                 "/nonexistent/A.csv: can't be opened: No such file or directory");
}

Test(day, all_messages_of_an_order_go_to_one_thread_in_their_order)
{
	const struct slu_flow_shape shape = {.seed = 2, .rows = 20000, .rate = 1000};
	int threads[20000];
	uint32_t ordinals[5] = {0};
	size_t index;

	memset(threads, 0xff, sizeof(threads));
	cr_assert(slu_day_make(&day, &shape, &reason), "%s", reason.text);
	slu_day_deal(&day, 5);
	for (index = 0; index < day.message_count; index++) {
		const struct slu_message *message = &day.messages[index];

		cr_assert_lt(message->thread, 5);
		cr_assert_eq(message->ordinal, ordinals[message->thread]++);
		if (message->type == SLU_HIDDEN_EXECUTION)
			continue;
		cr_assert(threads[message->order] == -1 ||
		          threads[message->order] == message->thread);
		threads[message->order] = message->thread;
	}
	for (index = 0; index < 5; index++) {
		cr_expect_eq(day.thread_messages[index], ordinals[index]);
		cr_expect_gt(ordinals[index], day.message_count / 6, "the threads share evenly");
	}
}

Test(day, a_message_was_played_when_its_thread_got_that_far)
{
	const struct slu_message message = {.thread = 1, .ordinal = 4};
	const uint64_t four[] = {100, 4}, five[] = {0, 5}, fourteen[] = {0, 14},
		       fifteen[] = {0, 15};

	day.thread_messages[0] = 3;
	day.thread_messages[1] = 10;
	cr_expect_not(slu_day_played(&day, four, &message, 0));
	cr_expect(slu_day_played(&day, five, &message, 0));
	cr_expect_not(slu_day_played(&day, fourteen, &message, 1));
	cr_expect(slu_day_played(&day, fifteen, &message, 1));
}

Test(day, a_flow_that_can_not_be_kept_is_refused)
{
	const struct slu_flow_shape shape = {.rows = UINT64_C(1) << 40, .rate = 1};

	cr_expect_not(slu_day_make(&day, &shape, &reason));
	cr_expect_str_eq(reason.text, "no memory for a flow of 1099511627776 rows: lower --rate or "
	                              "--seconds");
}
