/* SPDX-License-Identifier: MIT */
/* pages.c - touched memory on huge pages. */
#include "bench/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096
#define HUGE_PAGE ((size_t)2 << 20)

void *slu_pages_allocate(size_t size)
{
	size_t page = size >= HUGE_PAGE ? HUGE_PAGE : PAGE;
	size_t rounded = (size + page - 1) / page * page;
	void *memory = aligned_alloc(page, rounded);

	if (memory == NULL)
		return NULL;
	(void)madvise(memory, rounded, MADV_HUGEPAGE); /* only faster */
	memset(memory, 0, rounded);
	return memory;
}

void slu_pages_free(void *memory)
{
	free(memory);
}
