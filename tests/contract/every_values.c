/* SPDX-License-Identifier: MIT */
/* every_values.c - values of chance, with more of the extremes than chance would give; and
 * comparing. */
#include "tests/contract/every.h"

#include "sink/pg_arena.h"
#include "sink/pg_type.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

enum { TEXT_MAX = 40, ITEMS_MAX = 4 };

uint64_t every_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void *take(void **arena, size_t size)
{
	void *memory = slu_arena_take(arena, size);

	if (memory == NULL)
		abort();
	return memory;
}

/* ---- one value ---- */

#define PICK(state, values) (values)[every_random(state) % (sizeof(values) / sizeof((values)[0]))]

/* An extreme now and then, else between `least` and `most`. */
static int64_t random_integer(uint64_t *state, int64_t least, int64_t most)
{
	const int64_t extremes[] = {least, most, 0, -1 < least ? least : -1, 1};
	uint64_t range = (uint64_t)most - (uint64_t)least + 1;
	uint64_t number = every_random(state);

	if (number % 4 == 0)
		return PICK(state, extremes);
	number = every_random(state) >> every_random(state) % 64;
	return (int64_t)((uint64_t)least + (range == 0 ? number : number % range));
}

static int64_t random_time(uint64_t *state)
{
	static const int64_t ends[] = {SLUICE_TIME_INFINITY, SLUICE_TIME_MINUS_INFINITY};

	if (every_random(state) % 8 == 0)
		return PICK(state, ends);
	return random_integer(state, INT64_C(-210866803200000000), INT64_MAX - 1);
}

static int32_t random_date(uint64_t *state)
{
	static const int32_t ends[] = {SLUICE_DATE_INFINITY, SLUICE_DATE_MINUS_INFINITY};

	if (every_random(state) % 8 == 0)
		return PICK(state, ends);
	return (int32_t)random_integer(state, -2440588, 2145042905);
}

static double random_double(uint64_t *state)
{
	static const double special[] = {
		0.0, -0.0, INFINITY, -INFINITY, (double)NAN, 5e-324, 1.7976931348623157e308};

	if (every_random(state) % 4 == 0)
		return PICK(state, special);
	return ldexp((double)(int64_t)every_random(state), (int)(every_random(state) % 1000) - 500);
}

static struct sluice_decimal random_decimal(uint64_t *state, unsigned precision)
{
	uint128 value = (uint128)every_random(state) << 64 | every_random(state);
	uint128 limit = 1;
	struct sluice_decimal decimal;

	while (precision-- > 0)
		limit *= 10;
	value >>= 1 + every_random(state) % 127;
	if (every_random(state) % 8 == 0)
		value = limit - 1;
	else if (limit > 1)
		value %= limit;
	/* Clear of the mantissas that mean invalid, without a precision. */
	value &= ~((uint128)1 << 127);
	if (every_random(state) % 2 == 0)
		value = 0 - (value > (uint128)1 << 126 ? value >> 1 : value);
	decimal.low = (uint64_t)value;
	decimal.high = (int64_t)(value >> 64);
	return decimal;
}

static size_t random_text(uint64_t *state, char *text, size_t capacity)
{
	static const char *const characters[] = {
		"a",           "Z", "'",    "\\",   "\"",       "\t",           "\n",
		"{",           ",", "\x01", "\x7f", "\xc3\xb6", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xef\xbf\xbf"};
	size_t wanted = every_random(state) % (capacity + 1);
	size_t size = 0;

	for (;;) {
		const char *character = PICK(state, characters);

		if (size + strlen(character) > wanted)
			return size;
		memcpy(text + size, character, strlen(character));
		size += strlen(character);
	}
}

/* As Postgres prints a jsonb, so that it comes back the same. */
static size_t random_json(uint64_t *state, char *text, size_t capacity)
{
	static const char *const simple[] = {"{}", "[]", "null"};
	int number = (int)random_integer(state, -1000000, 1000000);

	switch (every_random(state) % 5) {
	case 0:
		return (size_t)snprintf(text, capacity, "%s", PICK(state, simple));
	case 1:
		return (size_t)snprintf(text, capacity, "{\"a\": %d}", number);
	case 2:
		return (size_t)snprintf(text, capacity, "[%d, \"x\"]", number);
	case 3:
		return (size_t)snprintf(text, capacity, "%d", number);
	default:
		return (size_t)snprintf(text, capacity, "\"%d\xc3\xb6\"", number);
	}
}

static size_t random_bytes(uint64_t *state, enum sluice_type type, char *bytes, size_t capacity)
{
	size_t size;
	size_t index;

	if (type == SLUICE_JSON || type == SLUICE_JSONB)
		return random_json(state, bytes, capacity);
	if (type == SLUICE_TEXT_TYPE)
		return random_text(state, bytes, capacity);
	size = every_random(state) % (capacity + 1);
	for (index = 0; index < size; index++)
		bytes[index] = (char)every_random(state);
	return size;
}

static void fill_text(const struct sluice_column *column, void *field, uint64_t *state,
                      void **arena)
{
	struct sluice_view view;
	uint16_t size;
	char *bytes;

	if (column->form == SLUICE_INLINE) {
		size = (uint16_t)random_bytes(state, column->type, (char *)field + sizeof(size),
		                              column->size);
		memcpy(field, &size, sizeof(size));
		return;
	}
	bytes = take(arena, TEXT_MAX);
	view.bytes = bytes;
	/* The elements of a varchar(9)[] are no longer. */
	view.size = random_bytes(state, column->type, bytes,
	                         strcmp(column->name, "avc") == 0 ? 9 : TEXT_MAX);
	memcpy(field, &view, sizeof(view));
}

static struct sluice_inet random_inet(uint64_t *state)
{
	struct sluice_inet inet = {.family = every_random(state) % 2 == 0 ? 4 : 6};
	size_t size = inet.family == 4 ? 4 : 16;
	size_t index;

	inet.bits = (uint8_t)(every_random(state) % (8 * size + 1));
	for (index = 0; index < size; index++)
		inet.bytes[index] = (uint8_t)every_random(state);
	return inet;
}

#define STORE(type, value)                                \
	do {                                              \
		type stored_ = (value);                   \
		memcpy(field, &stored_, sizeof(stored_)); \
	} while (0)

static void fill_one(const struct sluice_column *column, void *field, uint64_t *state, void **arena)
{
	struct sluice_decimal decimal;
	size_t index;

	switch (column->type) {
	case SLUICE_BOOL:
		STORE(bool, every_random(state) % 2 == 0);
		break;
	case SLUICE_INT2:
		STORE(int16_t, (int16_t)random_integer(state, INT16_MIN, INT16_MAX));
		break;
	case SLUICE_INT4:
		STORE(int32_t, (int32_t)random_integer(state, INT32_MIN, INT32_MAX));
		break;
	case SLUICE_INT8:
		STORE(int64_t, random_integer(state, INT64_MIN, INT64_MAX));
		break;
	case SLUICE_FLOAT4:
		STORE(float, (float)random_double(state));
		break;
	case SLUICE_FLOAT8:
		STORE(double, random_double(state));
		break;
	case SLUICE_NUMERIC64:
		decimal = random_decimal(state, column->precision);
		STORE(int64_t, (int64_t)decimal.low);
		break;
	case SLUICE_NUMERIC:
		STORE(struct sluice_decimal, random_decimal(state, column->precision));
		break;
	case SLUICE_TIMESTAMPTZ:
	case SLUICE_TIMESTAMP:
		STORE(int64_t, random_time(state));
		break;
	case SLUICE_DATE:
		STORE(int32_t, random_date(state));
		break;
	case SLUICE_TIME:
		STORE(int64_t, random_integer(state, 0, INT64_C(86400000000)));
		break;
	case SLUICE_INTERVAL:
		STORE(struct sluice_interval,
		      ((struct sluice_interval){random_integer(state, INT64_MIN, INT64_MAX),
		                                (int32_t)every_random(state),
		                                (int32_t)every_random(state)}));
		break;
	case SLUICE_INET:
		STORE(struct sluice_inet, random_inet(state));
		break;
	case SLUICE_ENUM:
		STORE(uint32_t, 1 + (uint32_t)(every_random(state) % column->labels->label_count));
		break;
	case SLUICE_UUID:
		for (index = 0; index < sizeof(struct sluice_uuid); index++)
			((uint8_t *)field)[index] = (uint8_t)every_random(state);
		break;
	default:
		fill_text(column, field, state, arena);
		break;
	}
}

/* ---- rows ---- */

static void fill_items(const struct sluice_column *column, void *field, uint64_t *state,
                       void **arena)
{
	size_t item_size = slu_type_item_size(column->type);
	SLUICE_ARRAY(void) array = {NULL, NULL, every_random(state) % (ITEMS_MAX + 1)};
	char *items = take(arena, ITEMS_MAX * item_size);
	bool *nulls = take(arena, ITEMS_MAX * sizeof(*nulls));
	size_t index;

	for (index = 0; index < array.count; index++) {
		nulls[index] = every_random(state) % 4 == 0;
		if (!nulls[index])
			fill_one(column, items + index * item_size, state, arena);
	}
	array.items = items;
	array.nulls = nulls;
	memcpy(field, &array, sizeof(array));
}

void every_fill(struct every *record, int32_t id, uint64_t *state, void **arena)
{
	size_t index;

	memset(record, 0, sizeof(*record));
	record->id = id;
	for (index = 1; index < every_layout.column_count; index++) {
		const struct sluice_column *column = &every_layout.columns[index];
		unsigned char *field = (unsigned char *)record + column->offset;
		uint32_t present;

		if (every_random(state) % 8 == 0)
			continue;
		memcpy(&present, (unsigned char *)record + column->present_offset, sizeof(present));
		present |= column->present;
		memcpy((unsigned char *)record + column->present_offset, &present, sizeof(present));
		if (column->form == SLUICE_ITEMS)
			fill_items(column, field, state, arena);
		else
			fill_one(column, field, state, arena);
	}
}

/* ---- comparing ---- */

static bool same_one(const struct sluice_column *column, const void *left, const void *right)
{
	struct sluice_view views[2];

	if (!slu_type_is_text(column->type))
		return memcmp(left, right, slu_type_item_size(column->type)) == 0;
	if (column->form == SLUICE_INLINE)
		return memcmp(left, right, sizeof(uint16_t) + column->size) == 0;
	memcpy(&views[0], left, sizeof(views[0]));
	memcpy(&views[1], right, sizeof(views[1]));
	return views[0].size == views[1].size &&
	       (views[0].size == 0 || memcmp(views[0].bytes, views[1].bytes, views[0].size) == 0);
}

static bool same_items(const struct sluice_column *column, const void *left, const void *right)
{
	SLUICE_ARRAY(char) arrays[2];
	size_t item_size = slu_type_item_size(column->type);
	size_t index;

	memcpy(&arrays[0], left, sizeof(arrays[0]));
	memcpy(&arrays[1], right, sizeof(arrays[1]));
	if (arrays[0].count != arrays[1].count)
		return false;
	for (index = 0; index < arrays[0].count; index++) {
		bool null = arrays[0].nulls != NULL && arrays[0].nulls[index];

		if (null != (arrays[1].nulls != NULL && arrays[1].nulls[index]))
			return false;
		if (!null && !same_one(column, arrays[0].items + index * item_size,
		                       arrays[1].items + index * item_size))
			return false;
	}
	return true;
}

bool every_same(const struct sluice_column *column, const void *left, const void *right)
{
	return column->form == SLUICE_ITEMS ? same_items(column, left, right)
	                                    : same_one(column, left, right);
}

const char *every_difference(const struct every *left, const struct every *right)
{
	size_t index;

	if (memcmp(left->present, right->present, sizeof(left->present)) != 0)
		return "present";
	for (index = 0; index < every_layout.column_count; index++) {
		const struct sluice_column *column = &every_layout.columns[index];
		const char *fields[] = {(const char *)left + column->offset,
		                        (const char *)right + column->offset};

		if (!every_same(column, fields[0], fields[1]))
			return column->name;
	}
	return NULL;
}
