/* SPDX-License-Identifier: MIT */
/* nearest.h - which word somebody meant who wrote another. */
#ifndef DB_GEN_READ_NEAREST_H
#define DB_GEN_READ_NEAREST_H

#include <stddef.h>

/* The one of `words`, which ends with NULL, that comes nearest to `size` bytes of `word`, in any
 * case: letters put in, left out, changed, or two swapped, at most one in a word of up to five
 * letters and two in a longer one. NULL when none does. */
const char *slu_nearest(const char *word, size_t size, const char *const *words);

#endif
