/* SPDX-License-Identifier: MIT */
/* pg_inet.c - Postgres's family numbers are its own on every system: 2 and 3. */
#include "sink/pg_inet.h"

enum { HEADER_SIZE = 4 };

struct family {
	uint8_t ours;
	unsigned char theirs;
	unsigned char size; /* of an address, in bytes */
};

static const struct family families[] = {{4, 2, 4}, {6, 3, 16}};

const char *slu_inet_put(struct slu_buffer *buffer, const void *field)
{
	struct sluice_inet inet;
	size_t index;

	memcpy(&inet, field, sizeof(inet));
	for (index = 0; index < sizeof(families) / sizeof(families[0]); index++) {
		const struct family *family = &families[index];
		const unsigned char header[HEADER_SIZE] = {family->theirs, inet.bits, 0,
		                                           family->size};

		if (family->ours != inet.family)
			continue;
		if (inet.bits > 8 * family->size)
			return "the address has a prefix longer than itself";
		slu_buffer_put_be32(buffer, (uint32_t)HEADER_SIZE + family->size);
		slu_buffer_put(buffer, header, sizeof(header));
		slu_buffer_put(buffer, inet.bytes, family->size);
		return NULL;
	}
	return "the address is of no family: 4 or 6";
}

const char *slu_inet_get(const unsigned char *bytes, size_t size, void *field)
{
	struct sluice_inet inet = {0, 0, {0}};
	size_t index;

	for (index = 0; index < sizeof(families) / sizeof(families[0]); index++) {
		const struct family *family = &families[index];

		if (size != (size_t)HEADER_SIZE + family->size || bytes[0] != family->theirs ||
		    bytes[1] > 8 * family->size || bytes[3] != family->size)
			continue;
		inet.family = family->ours;
		inet.bits = bytes[1];
		memcpy(inet.bytes, bytes + HEADER_SIZE, family->size);
		memcpy(field, &inet, sizeof(inet));
		return NULL;
	}
	return "the server sent an address that is none";
}
