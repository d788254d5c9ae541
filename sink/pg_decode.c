/* SPDX-License-Identifier: MIT */
/*
 * pg_decode.c - decoders, one a type; those that need room have a file of their own.
 *
 * Fields are copied in: nothing is assumed of their alignment. A function that may refuse returns
 * NULL, or why it did.
 */
#include "sink/pg_decode.h"

#include "sink/pg_arena.h"
#include "sink/pg_inet.h"
#include "sink/pg_numeric.h"
#include "sink/pg_text.h"
#include "sink/pg_time.h"

static const char wrong_size[] = "the server sent a value of another size";
static const char no_array[] = "the server sent an array that is none";
static const char no_memory[] = "out of memory for an array";

/* ---- of a fixed size ---- */

static const char *get_bool(const unsigned char *bytes, size_t size, void *field)
{
	bool value;

	if (size != 1)
		return wrong_size;
	value = bytes[0] != 0;
	memcpy(field, &value, sizeof(value));
	return NULL;
}

static const char *get_2(const unsigned char *bytes, size_t size, void *field)
{
	uint16_t value;

	if (size != sizeof(value))
		return wrong_size;
	value = slu_read_be16(bytes);
	memcpy(field, &value, sizeof(value));
	return NULL;
}

static const char *get_4(const unsigned char *bytes, size_t size, void *field)
{
	uint32_t value;

	if (size != sizeof(value))
		return wrong_size;
	value = slu_read_be32(bytes);
	memcpy(field, &value, sizeof(value));
	return NULL;
}

static const char *get_8(const unsigned char *bytes, size_t size, void *field)
{
	uint64_t value;

	if (size != sizeof(value))
		return wrong_size;
	value = slu_read_be64(bytes);
	memcpy(field, &value, sizeof(value));
	return NULL;
}

static const char *get_uuid(const unsigned char *bytes, size_t size, void *field)
{
	if (size != sizeof(struct sluice_uuid))
		return wrong_size;
	memcpy(field, bytes, size);
	return NULL;
}

static const char *get_enum(const struct sluice_column *column, const unsigned char *bytes,
                            size_t size, void *field)
{
	uint32_t value;

	for (value = 1; value <= column->labels->label_count; value++) {
		const char *label = column->labels->labels[value - 1];

		if (strlen(label) == size && memcmp(label, bytes, size) == 0) {
			memcpy(field, &value, sizeof(value));
			return NULL;
		}
	}
	return "the database knows a label that this program does not: run sluice gen";
}

/* ---- any value that is there ---- */

static const char *get_one(const struct sluice_column *column, const unsigned char *bytes,
                           size_t size, void *field)
{
	switch (column->type) {
	case SLUICE_BOOL:
		return get_bool(bytes, size, field);
	case SLUICE_INT2:
		return get_2(bytes, size, field);
	case SLUICE_INT4:
	case SLUICE_FLOAT4:
		return get_4(bytes, size, field);
	case SLUICE_INT8:
	case SLUICE_FLOAT8:
		return get_8(bytes, size, field);
	case SLUICE_NUMERIC64:
	case SLUICE_NUMERIC:
		return slu_numeric_get(column, bytes, size, field);
	case SLUICE_TEXT_TYPE:
	case SLUICE_BYTEA:
	case SLUICE_JSON:
	case SLUICE_JSONB:
		return slu_text_get(column, bytes, size, field);
	case SLUICE_UUID:
		return get_uuid(bytes, size, field);
	case SLUICE_TIMESTAMPTZ:
	case SLUICE_TIMESTAMP:
		return slu_timestamp_get(bytes, size, field);
	case SLUICE_DATE:
		return slu_date_get(bytes, size, field);
	case SLUICE_TIME:
		return slu_time_get(bytes, size, field);
	case SLUICE_INTERVAL:
		return slu_interval_get(bytes, size, field);
	case SLUICE_INET:
		return slu_inet_get(bytes, size, field);
	case SLUICE_ENUM:
		return get_enum(column, bytes, size, field);
	case SLUICE_VERSION: /* of a stream's row: a query's is a bigint */
		break;
	}
	return "the descriptor names a type that is none";
}

/* ---- arrays ---- */

/* What is left of an array's elements. */
struct cursor {
	const unsigned char *bytes;
	size_t left;
};

/* Takes the next element: its bytes, NULL for NULL. Returns false when the array ends before. */
static bool take(struct cursor *cursor, const unsigned char **bytes, size_t *size)
{
	uint32_t announced;

	if (cursor->left < sizeof(announced))
		return false;
	announced = slu_read_be32(cursor->bytes);
	cursor->bytes += sizeof(announced);
	cursor->left -= sizeof(announced);
	*bytes = NULL;
	*size = 0;
	if (announced == UINT32_MAX)
		return true;
	if (announced > cursor->left)
		return false;
	*bytes = cursor->bytes;
	*size = announced;
	cursor->bytes += announced;
	cursor->left -= announced;
	return true;
}

/* Memory for it is taken when the first NULL comes: most arrays have none. */
static const char *set_null(bool **nulls, size_t index, size_t count, void **arena)
{
	if (*nulls == NULL)
		*nulls = slu_arena_take(arena, count * sizeof(**nulls));
	if (*nulls == NULL)
		return no_memory;
	(*nulls)[index] = true;
	return NULL;
}

static const char *get_elements(const struct sluice_column *column, struct cursor *cursor,
                                size_t count, void *field, void **arena)
{
	size_t item_size = slu_type_item_size(column->type);
	unsigned char *items = slu_arena_take(arena, count * item_size);
	bool *nulls = NULL;
	SLUICE_ARRAY(void) array;
	size_t index;

	if (items == NULL)
		return no_memory;
	for (index = 0; index < count; index++) {
		const unsigned char *bytes;
		const char *why;
		size_t size;

		if (!take(cursor, &bytes, &size))
			return no_array;
		if (bytes == NULL)
			why = set_null(&nulls, index, count, arena);
		else
			why = get_one(column, bytes, size, items + index * item_size);
		if (why != NULL)
			return why;
	}
	if (cursor->left > 0)
		return no_array;
	array.items = items;
	array.nulls = nulls;
	array.count = count;
	memcpy(field, &array, sizeof(array));
	return NULL;
}

static const char *get_items(const struct sluice_column *column, const unsigned char *bytes,
                             size_t size, void *field, void **arena)
{
	enum { EMPTY_SIZE = 12, HEADER_SIZE = 20, ELEMENT_SIZE_MIN = 4 };
	struct cursor cursor;
	uint32_t dimensions;
	uint32_t count;

	if (size < EMPTY_SIZE)
		return no_array;
	dimensions = slu_read_be32(bytes);
	if (dimensions == 0) /* the field is zero, and so is the array */
		return size == EMPTY_SIZE ? NULL : no_array;
	if (dimensions > 1)
		return "the array has more than one dimension, and the struct has one";
	if (size < HEADER_SIZE)
		return no_array;
	count = slu_read_be32(bytes + EMPTY_SIZE);
	cursor.bytes = bytes + HEADER_SIZE;
	cursor.left = size - HEADER_SIZE;
	/* No memory for elements that can't be there. */
	if (count == 0 || count > cursor.left / ELEMENT_SIZE_MIN)
		return no_array;
	return get_elements(column, &cursor, count, field, arena);
}

/* ---- a column ---- */

static void set_present(const struct sluice_column *column, unsigned char *object)
{
	uint32_t present;

	if (column->present == 0)
		return;
	memcpy(&present, object + column->present_offset, sizeof(present));
	present |= column->present;
	memcpy(object + column->present_offset, &present, sizeof(present));
}

enum sluice_status slu_value_get(void *object, const struct slu_subject *subject,
                                 const struct sluice_column *column, const unsigned char *bytes,
                                 size_t size, void **arena, struct sluice_error *error)
{
	unsigned char *field = (unsigned char *)object + column->offset;
	const char *why;

	if (bytes == NULL) {
		if (column->present != 0)
			return SLUICE_OK;
		return slu_value_refuse(subject, column,
		                        "it is NULL, which this program was not generated for",
		                        error);
	}
	if (column->form == SLUICE_ITEMS)
		why = get_items(column, bytes, size, field, arena);
	else
		why = get_one(column, bytes, size, field);
	if (why == NULL) {
		set_present(column, object);
		return SLUICE_OK;
	}
	(void)slu_value_refuse(subject, column, why, error);
	if (why == no_memory && error != NULL)
		error->status = SLUICE_FAILED;
	return why == no_memory ? SLUICE_FAILED : SLUICE_INVALID;
}
