/* SPDX-License-Identifier: MIT */
/* text_diff.c - the longest common subsequence of lines, printed in hunks.
 * One cycle: split -> set the common head and tail aside -> table of the rest -> edits -> hunks.
 * The table is quadratic, which schema dumps can afford: their heads and tails are long. When the
 * rest is too large even so, it counts as replaced altogether: still true, only longer. */
#include "db/author/text_diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 3
#define TABLE_CELLS_MAX ((size_t)4 << 20)

struct line {
	const char *text; /* without its newline */
	size_t size;
};

struct lines {
	struct line *all;
	size_t count;
};

struct edit {
	char sign; /* ' ', '-' or '+' */
	struct line line;
};

struct edits {
	struct edit *all;
	size_t count;
};

static bool split(const char *text, struct lines *lines)
{
	const char *at;
	size_t count = 1;

	for (at = text; *at != '\0'; at++)
		count += *at == '\n';
	lines->count = 0;
	lines->all = malloc(count * sizeof(*lines->all));
	if (lines->all == NULL)
		return false;
	for (at = text; *at != '\0';) {
		size_t size = strcspn(at, "\n");

		lines->all[lines->count++] = (struct line){at, size};
		at += size + (at[size] == '\n');
	}
	return true;
}

static bool same(const struct line *left, const struct line *right)
{
	return left->size == right->size && memcmp(left->text, right->text, left->size) == 0;
}

static void add(struct edits *edits, char sign, const struct line *lines, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		edits->all[edits->count++] = (struct edit){sign, lines[i]};
}

/* Adds the edits that turn `before` into `after`. table[i][j] is how many lines the two have in
 * common from i and j on. Deletions come first, as diff has them. */
static bool compare(struct edits *edits, const struct line *before, size_t before_count,
                    const struct line *after, size_t after_count)
{
	size_t width = after_count + 1;
	uint32_t *table = calloc((before_count + 1) * width, sizeof(*table));
	size_t i;
	size_t j;

	if (table == NULL)
		return false;
	for (i = before_count; i-- > 0;) {
		for (j = after_count; j-- > 0;) {
			uint32_t skip_before = table[(i + 1) * width + j];
			uint32_t skip_after = table[i * width + j + 1];

			if (same(&before[i], &after[j]))
				table[i * width + j] = table[(i + 1) * width + j + 1] + 1;
			else
				table[i * width + j] = skip_before > skip_after ? skip_before
				                                                : skip_after;
		}
	}
	for (i = 0, j = 0; i < before_count && j < after_count;) {
		if (same(&before[i], &after[j])) {
			add(edits, ' ', &before[i++], 1);
			j++;
		} else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) {
			add(edits, '-', &before[i++], 1);
		} else {
			add(edits, '+', &after[j++], 1);
		}
	}
	add(edits, '-', before + i, before_count - i);
	add(edits, '+', after + j, after_count - j);
	free(table);
	return true;
}

static bool find_edits(struct edits *edits, const struct lines *before, const struct lines *after)
{
	size_t shorter = before->count < after->count ? before->count : after->count;
	size_t head = 0;
	size_t tail = 0;
	size_t before_rest;
	size_t after_rest;

	while (head < shorter && same(&before->all[head], &after->all[head]))
		head++;
	while (tail < shorter - head &&
	       same(&before->all[before->count - 1 - tail], &after->all[after->count - 1 - tail]))
		tail++;
	before_rest = before->count - head - tail;
	after_rest = after->count - head - tail;

	add(edits, ' ', before->all, head);
	if ((before_rest + 1) * (after_rest + 1) > TABLE_CELLS_MAX) {
		add(edits, '-', before->all + head, before_rest);
		add(edits, '+', after->all + head, after_rest);
	} else if (!compare(edits, before->all + head, before_rest, after->all + head,
	                    after_rest)) {
		return false;
	}
	add(edits, ' ', before->all + before->count - tail, tail);
	return true;
}

/* ---- hunks ---- */

/* Where the hunk that begins with the change at `at` ends: changes with at most two contexts
 * between them share one. */
static size_t hunk_end(const struct edits *edits, size_t at)
{
	size_t last = at;

	for (; at < edits->count && at - last <= 2 * CONTEXT + 1; at++) {
		if (edits->all[at].sign != ' ')
			last = at;
	}
	return last + 1 + CONTEXT < edits->count ? last + 1 + CONTEXT : edits->count;
}

/* The last line before edit number `at` that begins with `landmark`; an empty one for none. */
static struct line find_landmark(const struct edits *edits, size_t at, const char *landmark)
{
	size_t size = strlen(landmark);

	while (at-- > 0) {
		const struct line *line = &edits->all[at].line;

		if (line->size >= size && memcmp(line->text, landmark, size) == 0)
			return *line;
	}
	return (struct line){"", 0};
}

static size_t count_signs(const struct edits *edits, size_t begin, size_t end, char other)
{
	size_t count = 0;

	for (; begin < end; begin++)
		count += edits->all[begin].sign != other;
	return count;
}

/* Prints what fits of the hunk, and takes it from `*room`. Returns how many lines did not fit. */
static size_t print_hunk(const struct edits *edits, size_t begin, size_t end, const char *landmark,
                         size_t *room, FILE *answer)
{
	struct line heading = find_landmark(edits, begin, landmark);

	if (*room == 0)
		return end - begin;
	fprintf(answer, "@@ -%zu,%zu +%zu,%zu @@%s%.*s\n", count_signs(edits, 0, begin, '+') + 1,
	        count_signs(edits, begin, end, '+'), count_signs(edits, 0, begin, '-') + 1,
	        count_signs(edits, begin, end, '-'), heading.size > 0 ? " " : "", (int)heading.size,
	        heading.text);
	for (; begin<end && * room> 0; begin++, --*room)
		fprintf(answer, "%c%.*s\n", edits->all[begin].sign,
		        (int)edits->all[begin].line.size, edits->all[begin].line.text);
	return end - begin;
}

static void print_hunks(const struct edits *edits, const struct slu_text_diff_view *view,
                        FILE *answer)
{
	size_t room = view->line_limit;
	size_t left_out = 0;
	size_t end = 0;
	size_t at;

	for (at = 0; at < edits->count; at++) {
		size_t begin = at > end + CONTEXT ? at - CONTEXT : end;

		if (edits->all[at].sign == ' ')
			continue;
		if (end == 0)
			fprintf(answer, "--- %s\n+++ %s\n", view->before_title, view->after_title);
		end = hunk_end(edits, at);
		left_out += print_hunk(edits, begin, end, view->landmark, &room, answer);
		at = end - 1;
	}
	if (left_out > 0)
		fprintf(answer, ".. and %zu lines more\n", left_out);
}

bool slu_text_diff(const char *before, const char *after, const struct slu_text_diff_view *view,
                   FILE *answer)
{
	struct lines before_lines = {NULL, 0};
	struct lines after_lines = {NULL, 0};
	struct edits edits = {NULL, 0};
	bool done = split(before, &before_lines) && split(after, &after_lines);

	if (done)
		edits.all =
			malloc((before_lines.count + after_lines.count + 1) * sizeof(*edits.all));
	done = done && edits.all != NULL && find_edits(&edits, &before_lines, &after_lines);
	if (done)
		print_hunks(&edits, view, answer);
	free(edits.all);
	free(before_lines.all);
	free(after_lines.all);
	return done;
}
