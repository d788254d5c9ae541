/* SPDX-License-Identifier: MIT */
/* nearest.c - the distance of Damerau and Levenshtein, where no letter is moved twice. */
#include "db/gen/read/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORD_SIZE_MAX 32

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Row i of the table: what it costs to make the first i letters of `a` into those of `b`. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t table[WORD_SIZE_MAX + 1][WORD_SIZE_MAX + 1];
	size_t i, j;

	for (i = 0; i <= a_size; i++) {
		for (j = 0; j <= b_size; j++) {
			if (i == 0 || j == 0) {
				table[i][j] = i + j;
				continue;
			}
			table[i][j] = least(least(table[i - 1][j], table[i][j - 1]) + 1,
			                    table[i - 1][j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				table[i][j] = least(table[i][j], table[i - 2][j - 2] + 1);
		}
	}
	return table[a_size][b_size];
}

const char *slu_nearest(const char *word, size_t size, const char *const *words)
{
	const char *nearest = NULL;
	size_t best = SIZE_MAX;

	if (size > WORD_SIZE_MAX)
		return NULL;
	for (; *words != NULL; words++) {
		size_t length = strlen(*words);
		size_t far = distance(word, size, *words, length);

		if (far <= (length > 5 ? 2u : 1u) && far < best) {
			best = far;
			nearest = *words;
		}
	}
	return nearest;
}
