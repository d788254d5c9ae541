/* SPDX-License-Identifier: MIT */
/* sink_error.c - which SQLSTATE does what. */
#include "sink/pg_error.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(sink_error, a_broken_connection_is_retried)
{
	cr_expect_eq(slu_error_action(NULL), SLU_RETRY);
	cr_expect_eq(slu_error_action(""), SLU_RETRY);
}

Test(sink_error, what_may_pass_is_retried)
{
	static const char *const codes[] = {"08000", "08006", "08P01", "25006", "25P03", "25P04",
	                                    "26000", "40001", "40P01", "42P05", "53000", "53100",
	                                    "53200", "53300", "55006", "55P03", "57014", "57P01",
	                                    "57P02", "57P03", "57P05", "58000", "58030"};
	size_t index;

	for (index = 0; index < sizeof(codes) / sizeof(codes[0]); index++)
		cr_expect_eq(slu_error_action(codes[index]), SLU_RETRY, "%s", codes[index]);
}

Test(sink_error, what_a_row_is_to_blame_for_is_isolated)
{
	static const char *const codes[] = {"09000", "22001", "22003", "22008", "22012", "22021",
	                                    "22P02", "22P05", "23502", "23503", "23505", "23514",
	                                    "23P01", "38000", "39000", "44000", "54000", "P0001"};
	size_t index;

	for (index = 0; index < sizeof(codes) / sizeof(codes[0]); index++)
		cr_expect_eq(slu_error_action(codes[index]), SLU_ISOLATE, "%s", codes[index]);
}

Test(sink_error, what_stays_wrong_halts)
{
	static const char *const codes[] = {"0A000", "21000", "22023", "22P03", "22P04",
	                                    "25001", "25P02", "28P01", "3D000", "3F000",
	                                    "55000", "57000", "57P04", "XX000", "XX001"};
	size_t index;

	for (index = 0; index < sizeof(codes) / sizeof(codes[0]); index++)
		cr_expect_eq(slu_error_action(codes[index]), SLU_HALT, "%s", codes[index]);
}

Test(sink_error, the_unknown_halts)
{
	cr_expect_eq(slu_error_action("ZZ999"), SLU_HALT);
	cr_expect_eq(slu_error_action("5"), SLU_HALT);
}

Test(sink_error, a_reason_is_one_line_and_fits)
{
	struct slu_trouble trouble;
	char text[2 * SLU_REASON_SIZE];

	memset(text, 'x', sizeof(text));
	text[1] = '\n';
	text[2] = 0x1b;
	text[sizeof(text) - 1] = '\0';
	slu_trouble_set(&trouble, SLU_HALT, "%s", text);
	cr_expect_eq(trouble.action, SLU_HALT);
	cr_expect_eq(strlen(trouble.reason), SLU_REASON_SIZE - 1);
	cr_expect_eq(strncmp(trouble.reason, "x  x", 4), 0);
}

/* ---- docs/errors.md ---- */

static const char *const actions[] = {
	[SLU_RETRY] = "retry",
	[SLU_ISOLATE] = "isolate",
	[SLU_HALT_STREAM] = "halt stream",
	[SLU_HALT] = "halt",
};

/* The rows of the table, as the page has them. To be freed. */
static char *render(void)
{
	const struct slu_error_rule *rules;
	char *text = NULL;
	size_t size, count;
	FILE *out = open_memstream(&text, &size);

	cr_assert_not_null(out);
	rules = slu_error_rules(&count);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "| %s%s | %s | %s |\n", rules[i].prefix,
		        strlen(rules[i].prefix) == 2 ? "..." : "", rules[i].name,
		        actions[rules[i].action]);
	cr_assert_eq(fclose(out), 0);
	return text;
}

Test(sink_error, the_page_holds_the_table_as_it_is)
{
	static const char head[] = "| SQLSTATE | what it is | action |\n|---|---|---|";
	static char page[65536];
	char path[512];
	char *rows = render(), *place, *end;
	bool writes = getenv("SLUICE_GOLDEN_WRITE") != NULL;
	FILE *file;

	snprintf(path, sizeof(path), "%.*sdocs/errors.md",
	         (int)(strstr(__FILE__, "tests/unit/") - __FILE__), __FILE__);
	file = fopen(path, writes ? "r+" : "r");
	cr_assert_not_null(file, "%s", path);
	cr_assert_lt(fread(page, 1, sizeof(page) - 1, file), sizeof(page) - 1);
	place = strstr(page, head);
	cr_assert_not_null(place);
	place += strlen(head);
	end = strstr(place, "\n\n");
	cr_assert_not_null(end);
	if (writes) {
		rewind(file);
		fprintf(file, "%.*s\n%s%s", (int)(place - page), page, rows, end + 1);
		cr_assert_eq(ftruncate(fileno(file), ftell(file)), 0);
	} else {
		end[1] = '\0';
		cr_expect_str_eq(place + 1, rows,
		                 "docs/errors.md is not what pg_error.c says: "
		                 "SLUICE_GOLDEN_WRITE=1 unit_sink_error writes it");
	}
	cr_assert_eq(fclose(file), 0);
	free(rows);
}
