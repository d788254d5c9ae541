/* SPDX-License-Identifier: MIT */
/* cli_lobster.c - what is a LOBSTER message, and what is said of a line that is none. */
#include "cli/lobster.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct slu_message message;
static struct slu_lobster_reason reason;

static bool parse(const char *line)
{
	reason.text[0] = '\0';
	return slu_lobster_parse(line, strlen(line), &message, &reason);
}

Test(lobster, a_submission_is_read_field_by_field)
{
	cr_assert(parse("34200.004241176,1,16113575,18,5853300,-1"), "%s", reason.text);
	cr_assert_eq(message.time_ns, UINT64_C(34200004241176));
	cr_assert_eq(message.type, SLU_SUBMISSION);
	cr_assert_eq(message.order, 16113575);
	cr_assert_eq(message.size, 18);
	cr_assert_eq(message.price, 5853300);
	cr_assert_not(message.buy);
}

Test(lobster, times_with_fewer_decimals_are_the_same_nanoseconds)
{
	static const struct {
		const char *line;
		uint64_t time_ns;
	} cases[] = {
		{"0,1,1,1,1,1", 0},
		{"0.0,1,1,1,1,1", 0},
		{"34200.00426064,1,1,1,1,1", UINT64_C(34200004260640)},
		{"34200.1,1,1,1,1,1", UINT64_C(34200100000000)},
		{"34200.000000001,1,1,1,1,1", UINT64_C(34200000000001)},
		{"86399.999999999,1,1,1,1,1", UINT64_C(86399999999999)},
	};
	size_t index;

	for (index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
		cr_assert(parse(cases[index].line), "%s: %s", cases[index].line, reason.text);
		cr_assert_eq(message.time_ns, cases[index].time_ns, "%s: %" PRIu64,
		             cases[index].line, message.time_ns);
	}
}

Test(lobster, values_at_their_bounds_are_accepted)
{
	cr_assert(parse("1.5,2,9223372036854775807,1000000000,1000000000000,1"), "%s", reason.text);
	cr_assert_eq(message.order, INT64_MAX);
	cr_assert_eq(message.size, 1000000000);
	cr_assert_eq(message.price, UINT64_C(1000000000000));
	cr_assert(message.buy);
	cr_assert(parse("1.5,3,1,1,1,1"), "%s", reason.text);
	cr_assert(parse("1.5,4,1,1,1,1"), "%s", reason.text);
}

Test(lobster, a_hidden_execution_needs_no_order)
{
	cr_assert(parse("34200.5,5,0,100,5853300,1"), "%s", reason.text);
	cr_assert_eq(message.type, SLU_HIDDEN_EXECUTION);
}

Test(lobster, a_halt_has_no_order_size_or_price)
{
	cr_assert(parse("34713.685155243,7,0,0,-1,-1"), "%s", reason.text);
	cr_assert_eq(message.type, SLU_HALT);
	cr_assert(parse("34713.685155243,7,0,0,1,-1"), "%s", reason.text);
}

Test(lobster, a_malformed_line_is_refused_with_field_and_rule)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{"", "the line is empty"},
		{"x", "1 fields found, 6 expected: time,type,order_id,size,price,direction"},
		{"1,1,1,1,1",
	         "5 fields found, 6 expected: time,type,order_id,size,price,direction"},
		{"1,1,1,1,1,1,", "7 fields found, 6 expected: "
	                         "time,type,order_id,size,price,direction"},
		{",1,1,1,1,1", "time: seconds after midnight with decimals expected"},
		{"-1,1,1,1,1,1", "time: seconds after midnight with decimals expected"},
		{" 1,1,1,1,1,1", "time: seconds after midnight with decimals expected"},
		{".5,1,1,1,1,1", "time: seconds after midnight with decimals expected"},
		{"99999999999999999999,1,1,1,1,1",
	         "time: seconds after midnight with decimals expected"},
		{"86400,1,1,1,1,1", "time: less than 86400 seconds after midnight expected"},
		{"1.,1,1,1,1,1", "time: digits expected after the point"},
		{"1.5e3,1,1,1,1,1", "time: digits expected after the point"},
		{"1.2.3,1,1,1,1,1", "time: digits expected after the point"},
		{"1.0000000001,1,1,1,1,1", "time: at most 9 decimals expected"},
		{"1,,1,1,1,1", "type: 1, 2, 3, 4, 5 or 7 expected"},
		{"1,6,1,1,1,1", "type: 1, 2, 3, 4, 5 or 7 expected"},
		{"1,11,1,1,1,1", "type: 1, 2, 3, 4, 5 or 7 expected"},
		{"1,1,0,1,1,1", "order_id: an integer from 1 to 9223372036854775807 expected"},
		{"1,1,9223372036854775808,1,1,1",
	         "order_id: an integer from 1 to 9223372036854775807 expected"},
		{"1,1,18446744073709551617,1,1,1",
	         "order_id: an integer from 1 to 9223372036854775807 expected"},
		{"1,5,-1,1,1,1", "order_id: an integer from 0 to 9223372036854775807 expected"},
		{"1,1,1,0,1,1", "size: an integer from 1 to 1000000000 expected"},
		{"1,1,1,1000000001,1,1", "size: an integer from 1 to 1000000000 expected"},
		{"1,1,1,4294967297,1,1", "size: an integer from 1 to 1000000000 expected"},
		{"1,1,1,+1,1,1", "size: an integer from 1 to 1000000000 expected"},
		{"1,1,1,1,0,1", "price: an integer from 1 to 1000000000000 expected"},
		{"1,1,1,1,1.5,1", "price: an integer from 1 to 1000000000000 expected"},
		{"1,1,1,1,1000000000001,1", "price: an integer from 1 to 1000000000000 expected"},
		{"1,1,1,1,1,0", "direction: 1 or -1 expected"},
		{"1,1,1,1,1,", "direction: 1 or -1 expected"},
		{"1,1,1,1,1,-1 ", "direction: 1 or -1 expected"},
		{"1,7,0,x,0,0", "size: an integer expected"},
		{"1,7,0,0,0,-", "direction: an integer expected"},
	};
	size_t index;

	for (index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
		cr_expect_not(parse(cases[index].line), "'%s' was accepted", cases[index].line);
		cr_expect_str_eq(reason.text, cases[index].reason, "'%s': %s", cases[index].line,
		                 reason.text);
	}
}

Test(lobster, a_nul_byte_is_no_end_of_line)
{
	static const char line[] = "1.5,1,1,1,1,1\0";

	cr_assert_not(slu_lobster_parse(line, sizeof(line) - 1, &message, &reason));
	cr_assert_str_eq(reason.text, "direction: 1 or -1 expected");
}

/* ---- whole files ---- */

static struct slu_lobster_file file;
static char complaints[1024];

static void complain(void *context, uint64_t line, const char *text)
{
	size_t size = strlen(complaints);

	(void)context;
	snprintf(complaints + size, sizeof(complaints) - size, "%" PRIu64 ": %s\n", line, text);
}

static void read_text(const char *text, size_t size)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, size, "r");

	cr_assert_not_null(in);
	complaints[0] = '\0';
	cr_assert(slu_lobster_read(in, &file, complain, NULL, &reason), "%s", reason.text);
	fclose(in);
}

Test(lobster, malformed_lines_are_told_counted_and_skipped)
{
	static const char text[] = "34200.1,1,7,100,5853300,1\n"
				   "\n"
				   "34200.2,7,0,0,-1,-1\n"
				   "34200.3,1,8,100,none,1\n"
				   "34200.4,4,7,60,5853300,1\n";

	read_text(text, sizeof(text) - 1);
	cr_expect_str_eq(complaints, "2: the line is empty\n"
	                             "4: price: an integer from 1 to 1000000000000 expected\n");
	cr_expect_eq(file.lines, 5);
	cr_expect_eq(file.malformed, 2);
	cr_expect_eq(file.halts, 1);
	cr_expect_eq(file.orders, 1);
	cr_assert_eq(file.count, 2);
	cr_expect_eq(file.messages[0].number, 1);
	cr_expect_eq(file.messages[1].number, 5, "numbers are line numbers");
	free(file.messages);
}

Test(lobster, an_order_that_was_seen_before_is_not_submitted_again)
{
	static const char text[] = "1,1,7,100,5,1\n2,3,7,100,5,1\n3,1,7,100,5,1\n"
				   "4,4,8,100,5,1\n5,1,8,100,5,1\n6,5,9,1,5,1\n7,1,9,1,5,1\n";

	read_text(text, sizeof(text) - 1);
	cr_expect_str_eq(complaints, "3: order_id: submitted, but line 1 had it before\n"
	                             "5: order_id: submitted, but line 4 had it before\n");
	cr_expect_eq(file.count, 5);
	cr_expect_eq(file.orders, 3);
	free(file.messages);
}

Test(lobster, line_ends_may_be_dos_or_missing)
{
	static const char text[] = "1,1,7,100,5,1\r\n2,3,7,100,5,1";

	read_text(text, sizeof(text) - 1);
	cr_expect_str_empty(complaints);
	cr_expect_eq(file.count, 2);
	free(file.messages);
}

Test(lobster, a_line_that_does_not_end_is_refused_and_the_next_one_read)
{
	char text[SLU_LOBSTER_LINE_SIZE_MAX + 64];

	memset(text, '1', sizeof(text));
	memcpy(text + SLU_LOBSTER_LINE_SIZE_MAX + 1, "\n1,1,7,100,5,1\n", 15);
	read_text(text, SLU_LOBSTER_LINE_SIZE_MAX + 16);
	cr_expect_str_eq(complaints, "1: the line is longer than 255 bytes\n");
	cr_expect_eq(file.count, 1);
	free(file.messages);
}

Test(lobster, a_folder_can_not_be_read)
{
	FILE *in = fopen("/", "r");

	cr_assert_not_null(in);
	cr_assert_not(slu_lobster_read(in, &file, complain, NULL, &reason));
	cr_expect_str_eq(reason.text, "reading failed: Is a directory");
	fclose(in);
}
