/* SPDX-License-Identifier: MIT */
/* pg_text.c - sizes, UTF-8, and the byte before a jsonb. */
#include "sink/pg_text.h"

enum {
	JSONB_VERSION = 1,
	SIZE_MAX_OF_SERVER = 0x3fffffff, /* 1 GB: no value of Postgres's is larger */
};

/* ---- UTF-8 ---- */

static bool continues(unsigned char byte, unsigned char first, unsigned char last)
{
	return byte >= first && byte <= last;
}

/* The size of the character that begins at `bytes`, of which `left` bytes are there; 0 when it is
 * none: cut short, longer than it need be, a surrogate, beyond U+10FFFF. RFC 3629, section 4. */
static size_t character_size(const unsigned char *bytes, size_t left)
{
	unsigned char first = 0x80; /* of the second byte: the least and the most */
	unsigned char last = 0xbf;
	size_t size;
	size_t index;

	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
		return 0;
	size = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	if (size > left)
		return 0;
	if (bytes[0] == 0xe0)
		first = 0xa0;
	else if (bytes[0] == 0xed)
		last = 0x9f;
	else if (bytes[0] == 0xf0)
		first = 0x90;
	else if (bytes[0] == 0xf4)
		last = 0x8f;
	if (!continues(bytes[1], first, last))
		return 0;
	for (index = 2; index < size; index++) {
		if (!continues(bytes[index], 0x80, 0xbf))
			return 0;
	}
	return size;
}

/* Eight bytes of ASCII without a zero byte, as most texts of an engine are throughout. */
static bool is_plain(const unsigned char *bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return (((word - ones) | word) & ones << 7) == 0;
}

static const char *check_text(const unsigned char *bytes, size_t size)
{
	size_t offset = 0;

	while (offset < size) {
		size_t taken;

		if (size - offset >= sizeof(uint64_t) && is_plain(bytes + offset)) {
			offset += sizeof(uint64_t);
			continue;
		}
		if (bytes[offset] == 0)
			return "the text holds a zero byte, which Postgres refuses";
		taken = character_size(bytes + offset, size - offset);
		if (taken == 0)
			return "the text is not UTF-8";
		offset += taken;
	}
	return NULL;
}

/* ---- to Postgres ---- */

static const char *load(const struct sluice_column *column, const void *field,
                        struct sluice_view *view)
{
	uint16_t size;

	if (column->form != SLUICE_INLINE) {
		memcpy(view, field, sizeof(*view));
		if (view->size >= SIZE_MAX_OF_SERVER)
			return "the text is larger than 1 GB, the most Postgres takes";
		return NULL;
	}
	memcpy(&size, field, sizeof(size));
	if (size > column->size)
		return "the text's size is larger than its capacity";
	view->bytes = (const char *)field + sizeof(size);
	view->size = size;
	return NULL;
}

const char *slu_text_put(struct slu_buffer *buffer, const struct sluice_column *column,
                         const void *field)
{
	static const struct sluice_view empty_object = {"{}", 2};
	const size_t jsonb = column->type == SLUICE_JSONB; /* bytes before it */
	struct sluice_view view;
	const char *why = load(column, field, &view);
	unsigned char *bytes;

	if (why == NULL && column->type != SLUICE_BYTEA)
		why = check_text((const unsigned char *)view.bytes, view.size);
	if (why != NULL)
		return why;
	if (view.size == 0 && (jsonb > 0 || column->type == SLUICE_JSON))
		view = empty_object;
	bytes = slu_buffer_take(buffer, 4 + jsonb + view.size);
	if (bytes == NULL)
		return NULL;
	slu_write_be32(bytes, (uint32_t)(jsonb + view.size));
	if (jsonb > 0)
		bytes[4] = JSONB_VERSION;
	if (view.size > 0)
		memcpy(bytes + 4 + jsonb, view.bytes, view.size);
	return NULL;
}

/* ---- from Postgres ---- */

const char *slu_text_get(const struct sluice_column *column, const unsigned char *bytes,
                         size_t size, void *field)
{
	struct sluice_view view;
	uint16_t narrow;

	if (column->type == SLUICE_JSONB) {
		if (size < 1 || bytes[0] != JSONB_VERSION)
			return "the server sent a jsonb of a version that this program does not "
			       "know";
		bytes++;
		size--;
	}
	if (column->form != SLUICE_INLINE) {
		view.bytes = (const char *)bytes;
		view.size = size;
		memcpy(field, &view, sizeof(view));
		return NULL;
	}
	if (size > column->size)
		return "the text is longer than its place in the struct";
	narrow = (uint16_t)size;
	memcpy(field, &narrow, sizeof(narrow));
	memcpy((char *)field + sizeof(narrow), bytes, size);
	return NULL;
}
