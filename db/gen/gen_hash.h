/* SPDX-License-Identifier: MIT */
/*
 * gen_hash.h - one number for a text, a record's format, or all that a file was made from.
 *
 * FNV-1a in 64 bits: it has to see that somebody forgot to run the generator, not to withstand
 * somebody who wants to hide it (who could as well write the hash by hand). A forgotten change
 * passes once in 2^64.
 */
#ifndef DB_GEN_GEN_HASH_H
#define DB_GEN_GEN_HASH_H

#include <stdint.h>

#define SLU_HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t slu_hash_byte(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

/* Adds a text, and an end that no text has within, so that two texts are not one longer. A checkout
 * with other line ends is the same text. */
static inline uint64_t slu_hash_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++) {
		if (text[0] != '\r' || text[1] != '\n')
			hash = slu_hash_byte(hash, (unsigned char)*text);
	}
	return slu_hash_byte(hash, '\0');
}

static inline uint64_t slu_hash_number(uint64_t hash, uint64_t number)
{
	int i;

	for (i = 0; i < 8; i++)
		hash = slu_hash_byte(hash, (unsigned char)(number >> 8 * i));
	return hash;
}

#endif
