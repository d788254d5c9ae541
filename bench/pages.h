/* SPDX-License-Identifier: MIT */
/* pages.h - memory for what Sluice is compared with, as Sluice's own is: touched, and on huge pages
 * where it is large enough. For C and C++. */
#ifndef BENCH_PAGES_H
#define BENCH_PAGES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed, and aligned to a page. NULL: no memory. */
void *slu_pages_allocate(size_t size);
void slu_pages_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
