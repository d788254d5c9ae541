/* SPDX-License-Identifier: MIT */
/* codec.h - one field, its bytes as hex, and the way back. */
#ifndef TESTS_UNIT_CODEC_H
#define TESTS_UNIT_CODEC_H

#include <sluice/stream.h>

/* The bytes of a field with its size before, as hex; or the error's message. Valid until the next
 * call. The subject is "stream orders", the row's version 258. */
const char *codec_encode(const struct sluice_column *column, const void *object);

/* Fills the field from such hex. Returns "", or the error's message; the subject is "query q,
 * column". The bytes stand at the end of memory of their own, so that a sanitizer sees who reads
 * beyond. They, and what arrays need, are valid until the next call. */
const char *codec_decode(const struct sluice_column *column, const char *hex, void *object);

/* The field's bytes are `hex`, and come back as the same `size` bytes of the object. */
#define cr_expect_codes(column, object, size, hex)                                      \
	do {                                                                            \
		unsigned char found_[4096] = {0};                                       \
                                                                                        \
		cr_expect_str_eq(codec_encode(column, object), hex);                    \
		cr_expect_str_eq(codec_decode(column, hex, found_), "");                \
		cr_expect_arr_eq(found_, object, size, "%s comes back otherwise", hex); \
	} while (0)

#endif
