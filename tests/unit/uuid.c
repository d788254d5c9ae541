/* SPDX-License-Identifier: MIT */
/* uuid.c - names that grow with time: bits where RFC 9562 wants them, order where callers count on
 * it. */
#include "world.h"

#include <string.h>

static int compare(const struct sluice_uuid *a, const struct sluice_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC, with 0 in place of its random rand_a. */
Test(uuid, the_parts_of_a_version_7_uuid_stand_where_the_rfc_wants_them)
{
	static const uint8_t expected[16] = {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x70, 0x00,
	                                     0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
	struct sluice_uuid uuid;

	sluice_uuid7_at(&uuid, UINT64_C(0x017f22e279b0) * 1000, UINT64_C(0x18c4dc0c0c07398f) << 2);
	cr_assert_arr_eq(uuid.bytes, expected, sizeof(expected));
}

Test(uuid, each_microsecond_is_after_the_one_before_whatever_the_chance)
{
	struct sluice_uuid before, uuid;

	sluice_uuid7_at(&before, 1700000000000000, UINT64_MAX);
	for (uint64_t us = 1; us < 3000; us++) {
		sluice_uuid7_at(&uuid, 1700000000000000 + us, us % 2 != 0 ? 0 : UINT64_MAX);
		cr_assert_gt(compare(&uuid, &before), 0);
		before = uuid;
	}
}

Test(uuid, chance_never_touches_version_and_variant)
{
	struct sluice_uuid uuid;

	for (uint64_t random = 1; random != 0; random <<= 1) {
		sluice_uuid7_at(&uuid, 1700000000000999, ~random);
		assert_equal(uuid.bytes[6] >> 4, 7);
		assert_equal(uuid.bytes[8] >> 6, 2);
	}
}

Test(uuid, those_of_one_thread_grow)
{
	struct sluice_uuid before, uuid;

	sluice_uuid7(&before);
	for (int i = 0; i < 10000; i++) {
		sluice_uuid7(&uuid);
		cr_assert_gt(compare(&uuid, &before), 0);
		before = uuid;
	}
}
