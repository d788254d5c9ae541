/* SPDX-License-Identifier: MIT */
/* names.c - decimal numbers into text, and text into UUIDs: called for every message. */
#include "cli/names.h"

__extension__ typedef unsigned __int128 uint128;

/* FNV-1a for 128 bits: offset basis and prime, draft-eastlake-fnv. */
#define FNV_BASIS ((uint128)0x6c62272e07bb0142 << 64 | 0x62b821756295c58d)
#define FNV_PRIME ((uint128)1 << 88 | 0x13b)

static size_t write_decimal(char *text, uint64_t value)
{
	char digits[20];
	size_t count = 0, place;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	for (place = 0; place < count; place++)
		text[place] = digits[count - 1 - place];
	return count;
}

static size_t write_repeat(char *text, uint64_t repeat)
{
	if (repeat == 0)
		return 0;
	text[0] = '/';
	return 1 + write_decimal(text + 1, repeat);
}

size_t slu_client_order_id(char *text, uint64_t order, uint64_t repeat)
{
	size_t size = write_decimal(text, order);

	return size + write_repeat(text + size, repeat);
}

size_t slu_execution_id(char *text, const char *stem, uint32_t number, uint64_t repeat)
{
	size_t size = strlen(stem);

	memcpy(text, stem, size);
	text[size++] = ':';
	size += write_decimal(text + size, number);
	return size + write_repeat(text + size, repeat);
}

static uint128 hash_bytes(uint128 hash, const char *bytes, size_t size)
{
	size_t place;

	for (place = 0; place < size; place++)
		hash = (hash ^ (unsigned char)bytes[place]) * FNV_PRIME;
	return hash;
}

struct slu_order_namespace slu_order_namespace(const char *alias)
{
	struct slu_order_namespace provider;

	provider.hash = hash_bytes(FNV_BASIS, alias, strlen(alias) + 1);
	return provider;
}

struct sluice_uuid slu_order_uuid(struct slu_order_namespace provider, const char *client_order_id,
                                  size_t size)
{
	uint128 hash = hash_bytes(provider.hash, client_order_id, size);
	struct sluice_uuid uuid;
	unsigned place;

	for (place = 0; place < sizeof(uuid.bytes); place++)
		uuid.bytes[place] = (uint8_t)(hash >> (120 - 8 * place));
	uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x80); /* version 8 */
	uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80); /* variant */
	return uuid;
}
