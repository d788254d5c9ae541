/* SPDX-License-Identifier: MIT */
/* put.c - tests of how put.h copies a record. */
#include "core/put.h"

#include <criterion/criterion.h>

#define SIZE_MAX_TESTED 300
#define GUARD 0xee

/* One byte too many would be in the next record's slot, one too few in the database. */
Test(put, a_copy_of_any_size_is_whole_and_touches_nothing_beside_it)
{
	unsigned char from[SIZE_MAX_TESTED], to[SIZE_MAX_TESTED + 32];

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (unsigned char)(i * 7 + 1);
	for (size_t size = 1; size <= sizeof(from); size++) {
		memset(to, GUARD, sizeof(to));
		slu_put_copy(to + 16, from, size);
		cr_assert_arr_eq(to + 16, from, size, "%zu bytes", size);
		for (size_t i = 0; i < sizeof(to); i++)
			if (i < 16 || i >= 16 + size)
				cr_assert_eq(to[i], GUARD, "%zu bytes: byte %zu", size, i);
	}
}
