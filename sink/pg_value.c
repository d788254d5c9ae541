/* SPDX-License-Identifier: MIT */
/*
 * pg_value.c - encoders, one a type; those that need room have a file of their own.
 *
 * Fields are copied out before they are looked at: a record may stand anywhere in a lane. A
 * function that may refuse returns NULL, or why it did.
 */
#include "sink/pg_value.h"

#include "sink/pg_inet.h"
#include "sink/pg_numeric.h"
#include "sink/pg_text.h"
#include "sink/pg_time.h"

enum { ITEMS_COUNT_MAX = 0x7ffffff }; /* Postgres's own limit */

enum sluice_status slu_value_refuse(const struct slu_subject *subject,
                                    const struct sluice_column *column, const char *why,
                                    struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID, "%s %s, %s %s: %s", subject->kind,
	                        subject->name, subject->part, column->name, why);
}

/* ---- of a fixed size ---- */

static void put_bool(struct slu_buffer *buffer, const void *field)
{
	unsigned char value;

	memcpy(&value, field, sizeof(value));
	value = value != 0;
	slu_buffer_put_be32(buffer, sizeof(value));
	slu_buffer_put(buffer, &value, sizeof(value));
}

static void put_2(struct slu_buffer *buffer, const void *field)
{
	uint16_t value;

	memcpy(&value, field, sizeof(value));
	slu_buffer_put_be32(buffer, sizeof(value));
	slu_buffer_put_be16(buffer, value);
}

static void put_4(struct slu_buffer *buffer, const void *field)
{
	uint32_t value;

	memcpy(&value, field, sizeof(value));
	slu_buffer_put_value32(buffer, value);
}

static void put_8(struct slu_buffer *buffer, const void *field)
{
	uint64_t value;

	memcpy(&value, field, sizeof(value));
	slu_buffer_put_value64(buffer, value);
}

static void put_uuid(struct slu_buffer *buffer, const void *field)
{
	unsigned char *bytes = slu_buffer_take(buffer, 4 + sizeof(struct sluice_uuid));

	if (bytes == NULL)
		return;
	slu_write_be32(bytes, sizeof(struct sluice_uuid));
	memcpy(bytes + 4, field, sizeof(struct sluice_uuid));
}

static const char *put_enum(struct slu_buffer *buffer, const struct sluice_column *column,
                            const void *field)
{
	uint32_t value;
	const char *label;

	memcpy(&value, field, sizeof(value));
	if (value == 0 || value > column->labels->label_count)
		return "the enum's value has no label";
	label = column->labels->labels[value - 1];
	slu_buffer_put_be32(buffer, (uint32_t)strlen(label));
	slu_buffer_put_text(buffer, label);
	return NULL;
}

/* ---- any value that is there ---- */

/* Puts the value at `field`, of the column's type, whatever its form. */
static const char *put_one(struct slu_buffer *buffer, const struct sluice_column *column,
                           const void *field)
{
	switch (column->type) {
	case SLUICE_BOOL:
		put_bool(buffer, field);
		return NULL;
	case SLUICE_INT2:
		put_2(buffer, field);
		return NULL;
	case SLUICE_INT4:
	case SLUICE_FLOAT4:
		put_4(buffer, field);
		return NULL;
	case SLUICE_INT8:
	case SLUICE_FLOAT8:
		put_8(buffer, field);
		return NULL;
	case SLUICE_NUMERIC64:
	case SLUICE_NUMERIC:
		return slu_numeric_put(buffer, column, field);
	case SLUICE_TEXT_TYPE:
	case SLUICE_BYTEA:
	case SLUICE_JSON:
	case SLUICE_JSONB:
		return slu_text_put(buffer, column, field);
	case SLUICE_UUID:
		put_uuid(buffer, field);
		return NULL;
	case SLUICE_TIMESTAMPTZ:
	case SLUICE_TIMESTAMP:
		return slu_timestamp_put(buffer, field);
	case SLUICE_DATE:
		return slu_date_put(buffer, field);
	case SLUICE_TIME:
		return slu_time_put(buffer, field);
	case SLUICE_INTERVAL:
		return slu_interval_put(buffer, field);
	case SLUICE_INET:
		return slu_inet_put(buffer, field);
	case SLUICE_ENUM:
		return put_enum(buffer, column, field);
	case SLUICE_VERSION: /* of a row, not of a field */
		break;
	}
	return "the descriptor names a type that is none";
}

static const char *put_version(struct slu_buffer *buffer, uint64_t version)
{
	if (version > INT64_MAX)
		return "the version leaves bigint";
	put_8(buffer, &version);
	return NULL;
}

/* ---- arrays ---- */

size_t slu_array_begin(struct slu_buffer *buffer, uint32_t element_oid, size_t count)
{
	size_t flag;

	slu_buffer_put_be32(buffer, count > 0 ? 1 : 0);
	flag = buffer->size;
	slu_buffer_put_be32(buffer, 0);
	slu_buffer_put_be32(buffer, element_oid);
	if (count > 0) {
		slu_buffer_put_be32(buffer, (uint32_t)count);
		slu_buffer_put_be32(buffer, 1);
	}
	return flag;
}

void slu_array_set_nulls(struct slu_buffer *buffer, size_t flag)
{
	if (buffer->failure == SLU_BUFFER_FINE)
		slu_write_be32(buffer->bytes + flag, 1);
}

static const char *put_items(struct slu_buffer *buffer, const struct sluice_column *column,
                             const void *field)
{
	SLUICE_ARRAY(void) array;
	size_t item_size = slu_type_item_size(column->type);
	const char *why = NULL;
	size_t start = buffer->size;
	size_t index;
	size_t flag;

	memcpy(&array, field, sizeof(array));
	if (array.count > ITEMS_COUNT_MAX)
		return "the array has more elements than Postgres takes";
	slu_buffer_put_be32(buffer, 0);
	flag = slu_array_begin(buffer, slu_type_of(column->type).oid, array.count);
	for (index = 0; index < array.count && why == NULL; index++) {
		if (array.nulls != NULL && array.nulls[index]) {
			slu_buffer_put_be32(buffer, UINT32_MAX);
			slu_array_set_nulls(buffer, flag);
		} else {
			why = put_one(buffer, column,
			              (const char *)array.items + index * item_size);
		}
	}
	if (buffer->failure == SLU_BUFFER_FINE)
		slu_write_be32(buffer->bytes + start, (uint32_t)(buffer->size - start - 4));
	return why;
}

/* ---- a column ---- */

static bool is_null(const struct sluice_column *column, const unsigned char *record)
{
	uint32_t present;

	if (column->present == 0)
		return false;
	memcpy(&present, record + column->present_offset, sizeof(present));
	return (present & column->present) == 0;
}

enum sluice_status slu_value_put(struct slu_buffer *buffer, const struct slu_subject *subject,
                                 const struct sluice_column *column, const struct sluice_row *row,
                                 struct sluice_error *error)
{
	const unsigned char *record = row->record;
	const char *why;

	if (is_null(column, record)) {
		slu_buffer_put_be32(buffer, UINT32_MAX);
		return SLUICE_OK;
	}
	if (column->type == SLUICE_VERSION)
		why = put_version(buffer, row->version);
	else if (column->form == SLUICE_ITEMS)
		why = put_items(buffer, column, record + column->offset);
	else
		why = put_one(buffer, column, record + column->offset);
	return why == NULL ? SLUICE_OK : slu_value_refuse(subject, column, why, error);
}
