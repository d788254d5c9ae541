/* SPDX-License-Identifier: MIT */
/*
 * text_diff.h - the lines in which two texts differ, as `diff -u` shows them.
 */
#ifndef DB_AUTHOR_TEXT_DIFF_H
#define DB_AUTHOR_TEXT_DIFF_H

#include <sluice/sluice.h>

#include <stdio.h>

/* What to show of a difference. */
struct slu_text_diff_view {
	const char *before_title; /* after --- */
	const char *after_title;  /* after +++ */
	const char *landmark;     /* a hunk is headed by the last line before it that begins so */
	size_t line_limit;        /* then it ends, and says how many lines are left out */
};

/* Prints the difference; nothing if there is none. Returns false when out of memory. */
SLUICE_MUST_CHECK bool slu_text_diff(const char *before, const char *after,
                                     const struct slu_text_diff_view *view, FILE *answer);

#endif
