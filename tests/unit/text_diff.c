/* SPDX-License-Identifier: MIT */
/* text_diff.c - the differences that `verify` shows; patch(1) would take them. */
#include "db/author/text_diff.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 40

static char *difference(const char *before, const char *after, size_t line_limit)
{
	const struct slu_text_diff_view view = {"old", "new", "# ", line_limit};
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	cr_assert(slu_text_diff(before, after, &view, stream));
	fclose(stream);
	return text;
}

static void expect(const char *before, const char *after, const char *expected)
{
	char *text = difference(before, after, 100);

	cr_assert_str_eq(text, expected, "%s", text);
	free(text);
}

Test(text_diff, equal_texts_have_none)
{
	expect("", "", "");
	expect("a\nb\n", "a\nb\n", "");
}

Test(text_diff, a_changed_line_stands_in_three_lines_of_context)
{
	expect("1\n2\n3\n4\nold\n5\n6\n7\n8\n", "1\n2\n3\n4\nnew\n5\n6\n7\n8\n",
	       "--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-old\n+new\n 5\n 6\n 7\n");
}

Test(text_diff, a_hunk_is_headed_by_the_landmark_before_it)
{
	expect("# one\nx\n# two\n1\n2\n3\n", "# one\nx\n# two\n1\n2\n3\n4\n",
	       "--- old\n+++ new\n@@ -4,3 +4,4 @@ # two\n 1\n 2\n 3\n+4\n");
}

Test(text_diff, changes_close_together_share_a_hunk_and_others_do_not)
{
	expect("a\n1\n2\n3\n4\n5\n6\nb\n1\n2\n3\n4\n5\n6\n7\nc\n",
	       "A\n1\n2\n3\n4\n5\n6\nB\n1\n2\n3\n4\n5\n6\n7\nC\n",
	       "--- old\n+++ new\n"
	       "@@ -1,11 +1,11 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n 1\n 2\n 3\n"
	       "@@ -13,4 +13,4 @@\n 5\n 6\n 7\n-c\n+C\n");
}

Test(text_diff, an_empty_side_is_all_added_or_all_removed)
{
	expect("", "a\n\nb\n", "--- old\n+++ new\n@@ -1,0 +1,3 @@\n+a\n+\n+b\n");
	expect("a\n", "", "--- old\n+++ new\n@@ -1,1 +1,0 @@\n-a\n");
}

Test(text_diff, beyond_the_limit_lines_are_only_counted)
{
	char *text = difference("a\nb\nc\nd\n", "", 2);

	cr_assert_str_eq(text, "--- old\n+++ new\n@@ -1,4 +1,0 @@\n-a\n-b\n.. and 2 lines more\n");
	free(text);
}

/* 3,000 changed lines on both sides are too many to be compared, and still told truly. */
Test(text_diff, too_large_a_difference_is_a_replacement)
{
	char *before = calloc(3000, 3);
	char *after = calloc(3000, 3);
	char *text;
	size_t i;

	for (i = 0; i < 3000; i++) {
		strcat(before + 2 * i, "b\n");
		strcat(after + 2 * i, "a\n");
	}
	text = difference(before, after, 1);
	cr_assert_str_eq(text,
	                 "--- old\n+++ new\n@@ -1,3000 +1,3000 @@\n-b\n.. and 5999 lines more\n");
	free(text);
	free(before);
	free(after);
}

/* Applies a difference of one or more hunks to `before`, strictly. */
static void apply(const char *before, const char *hunks, char *after)
{
	const char *at = before;

	*after = '\0';
	for (; *hunks != '\0'; hunks = strchr(hunks, '\n') + 1) {
		size_t size = strcspn(hunks, "\n");
		unsigned long line;
		const char *begin = before;

		if (sscanf(hunks, "@@ -%lu", &line) == 1) {
			while (line-- > 1)
				begin = strchr(begin, '\n') + 1;
			strncat(after, at, (size_t)(begin - at));
			at = begin;
		} else if (hunks[0] == '+' && strncmp(hunks, "+++", 3) != 0) {
			strncat(after, hunks + 1, size);
		} else if (strncmp(hunks, "---", 3) != 0 && hunks[0] != '+') {
			cr_assert_eq(strncmp(at, hunks + 1, size), 0, "%s", hunks);
			if (hunks[0] == ' ')
				strncat(after, hunks + 1, size);
			at += size;
		}
	}
	strcat(after, at);
}

Test(text_diff, random_differences_can_be_applied)
{
	unsigned seed = 20260101;
	int round;

	for (round = 0; round < 2000; round++) {
		char before[4 * LINES_MAX] = "";
		char after[4 * LINES_MAX] = "";
		char applied[8 * LINES_MAX];
		char *text;
		int i;

		for (i = rand_r(&seed) % LINES_MAX; i > 0; i--) {
			char line[] = {(char)('a' + rand_r(&seed) % 8), '\n', '\0'};

			if (rand_r(&seed) % 8 != 0)
				strcat(before, line);
			if (rand_r(&seed) % 8 != 0)
				strcat(after, line);
		}
		text = difference(before, after, 1000);
		apply(before, text, applied);
		cr_assert_str_eq(applied, after, "round %d\n%s", round, text);
		free(text);
	}
}
