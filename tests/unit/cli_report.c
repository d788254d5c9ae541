/* SPDX-License-Identifier: MIT */
/* cli_report.c - the report: its JSON, its numbers, its verdict. */
#include "cli/demo_report.h"
#include "cli/json.h"
#include "cli/progress.h"

#include <criterion/criterion.h>
#include <string.h>

static char text[8192];

static FILE *open_text(void)
{
	FILE *out = fmemopen(text, sizeof(text), "w");

	cr_assert_not_null(out);
	return out;
}

Test(json, texts_are_escaped_and_commas_stand_between)
{
	FILE *out = open_text();
	struct slu_json json;

	slu_json_begin(&json, out);
	slu_json_text(&json, "a\"b", "\\ \" \n \x01 \xc3\xa9");
	slu_json_open(&json, "o");
	slu_json_integer(&json, "n", UINT64_MAX);
	slu_json_bool(&json, "t", true);
	slu_json_close(&json);
	slu_json_open(&json, "empty");
	slu_json_close(&json);
	slu_json_thousandths(&json, "ms", 12034);
	slu_json_bool(&json, "f", false);
	cr_assert(slu_json_end(&json));
	fclose(out);
	cr_expect_str_eq(text, "{\"a\\\"b\":\"\\\\ \\\" \\u000a \\u0001 \xc3\xa9\","
	                       "\"o\":{\"n\":18446744073709551615,\"t\":true},\"empty\":{},"
	                       "\"ms\":12.034,\"f\":false}\n");
}

Test(json, a_full_disk_is_noticed)
{
	FILE *out = fopen("/dev/full", "w");
	struct slu_json json;

	cr_assert_not_null(out);
	slu_json_begin(&json, out);
	cr_expect_not(slu_json_end(&json));
	fclose(out);
}

Test(progress, durations_have_three_digits_and_a_fitting_unit)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {{0, "0 ns"},
	             {999, "999 ns"},
	             {1000, "1.00 us"},
	             {3419, "3.41 us"},
	             {25099, "25.0 us"},
	             {812999, "812 us"},
	             {12100000, "12.1 ms"},
	             {UINT64_C(1000000000), "1.00 s"},
	             {UINT64_C(123456000000000), "123456 s"}};
	char duration[SLU_DURATION_SIZE];
	size_t index;

	for (index = 0; index < sizeof(cases) / sizeof(cases[0]); index++)
		cr_expect_str_eq(slu_duration(duration, cases[index].ns), cases[index].text, "%s",
		                 duration);
}

Test(progress, numbers_are_grouped_by_three)
{
	char grouped[SLU_GROUPED_SIZE];

	cr_expect_str_eq(slu_grouped(grouped, 0), "0");
	cr_expect_str_eq(slu_grouped(grouped, 999), "999");
	cr_expect_str_eq(slu_grouped(grouped, 1000), "1,000");
	cr_expect_str_eq(slu_grouped(grouped, UINT64_MAX), "18,446,744,073,709,551,615");
}

Test(progress, elsewhere_than_on_a_terminal_each_second_is_a_line)
{
	struct sluice_stats stats = {.state = SLUICE_STATE_RUNNING,
	                             .account = {.accepted = 30000, .committed = 20000},
	                             .lane_depth = 1234,
	                             .oldest_pending_ns = 2500000,
	                             .commit_lag = {.p50_ns = 1500000, .p99_ns = 7000000}};
	FILE *file = tmpfile();
	struct slu_progress progress;

	slu_progress_init(&progress, file);
	slu_progress_start(&progress, 1000);
	slu_progress_show(&progress, &stats, 1000 + UINT64_C(2000000000));
	rewind(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	cr_expect_str_eq(text, "   2 s  in  15,000/s  committed  10,000/s  lane depth  1,234  "
	                       "oldest 2.50 ms  lag p50 1.50 ms p99 7.00 ms\n");
}

static struct slu_day day = {.source_count = 1,
                             .repeats = 3,
                             .thread_count = 2,
                             .lines = 10,
                             .malformed = 1,
                             .halts = 2};
static struct slu_demo_result result;

static void make_result(void)
{
	strcpy(day.sources[0].alias, "lobster:A\"B");
	day.sources[0].repeat_first = 4;
	result = (struct slu_demo_result){
		.day = &day,
		.total_ns = UINT64_C(2500000000),
		.report.account = {.accepted = 1000, .committed = 900, .coalesced = 100},
		.stats = {.reconnects = 1,
	                  .commit_lag = {.p50_ns = 1234567, .p99_ns = 2000000, .max_ns = 3000000}},
		.verification = {.exact = true, .orders_rows = 600, .executions_rows = 300},
		.clock = {.method = "test"},
	};
	slu_histogram_record(&result.put_ns, 40);
}

TestSuite(report, .init = make_result);

static void expect_in_text(const char *part)
{
	cr_expect_not_null(strstr(text, part), "%s is not in %s", part, text);
}

Test(report, json_is_one_line_with_what_was_promised)
{
	FILE *out = open_text();

	cr_assert(slu_demo_report_json(out, &result));
	fclose(out);
	cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1);
	expect_in_text("\"accepted\":1000,\"committed\":900,\"coalesced\":100,\"dead_lettered\":0,"
	               "\"dropped\":0,\"pending\":0,");
	expect_in_text("\"lost\":0,\"duplicated\":0,");
	expect_in_text("\"orders_rows\":600,");
	expect_in_text("\"executions_rows\":300,");
	expect_in_text("\"verified\":true,");
	expect_in_text("\"put_ns\":{\"p50\":40,\"p99\":40,\"p999\":40,\"max\":40},");
	expect_in_text("\"commit_lag_ms\":{\"p50\":1.234,\"p99\":2.000,\"max\":3.000},");
	expect_in_text("\"rows_per_second\":400,");
	expect_in_text("\"reconnects\":1,");
	expect_in_text("\"seconds\":2.500,");
	expect_in_text("\"lines_skipped\":1,");
	expect_in_text("\"repeats\":{\"lobster:A\\\"B\":{\"first\":4,\"last\":6}},");
}

Test(report, words_hold_the_account_and_the_verdict)
{
	FILE *out = open_text();

	slu_demo_report_text(out, &result);
	fclose(out);
	expect_in_text("accepted 1,000 = committed 900 + coalesced 100 + dead-lettered 0 "
	               "+ dropped 0 + pending 0\n");
	expect_in_text("exact: every row is there, once, as it should be\n");
}

Test(report, only_exact_with_nothing_pending_and_a_balanced_account_succeeds)
{
	cr_expect(slu_demo_succeeded(&result));
	result.verification.exact = false;
	cr_expect_not(slu_demo_succeeded(&result));
	make_result();
	result.report.account.accepted = 1001;
	cr_expect_not(slu_demo_succeeded(&result), "1001 is not 900 + 100");
	result.report.account.pending = 1;
	cr_expect_not(slu_demo_succeeded(&result), "pending");
}
