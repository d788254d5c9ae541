/* SPDX-License-Identifier: MIT */
/* gen_nearest.c - a word misspelled finds the one that was meant, and no other. */
#include "db/gen/read/nearest.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const words[] = {"stream", "text", "notnull", "null", ":execrows", NULL};

static const char *nearest(const char *word)
{
	const char *found = slu_nearest(word, strlen(word), words);

	return found == NULL ? "-" : found;
}

Test(gen_nearest, a_letter_more_less_other_or_swapped_is_near)
{
	cr_assert_str_eq(nearest("streams"), "stream");
	cr_assert_str_eq(nearest("steam"), "stream");
	cr_assert_str_eq(nearest("straem"), "stream");
	cr_assert_str_eq(nearest("txet"), "text");
	cr_assert_str_eq(nearest("Text"), "text");
	cr_assert_str_eq(nearest("nul"), "null");
}

Test(gen_nearest, long_words_may_differ_twice_and_short_ones_once)
{
	cr_assert_str_eq(nearest("not-nul"), "notnull");
	cr_assert_str_eq(nearest(":execrosw"), ":execrows");
	cr_assert_str_eq(nearest("execrow"), ":execrows");
	cr_assert_str_eq(nearest("tes"), "-");
	cr_assert_str_eq(nearest("note"), "-");
	cr_assert_str_eq(nearest("drama"), "-");
}

Test(gen_nearest, what_is_far_or_very_long_is_near_to_nothing)
{
	cr_assert_str_eq(nearest(""), "-");
	cr_assert_str_eq(nearest("param"), "-");
	cr_assert_str_eq(nearest("streamstreamstreamstreamstreamstream"), "-");
}
