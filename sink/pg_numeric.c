/* SPDX-License-Identifier: MIT */
/* pg_numeric.c - a 128-bit integer at a decimal scale, cut into base 10000 at the decimal point. */
#include "sink/pg_numeric.h"

__extension__ typedef unsigned __int128 uint128;

enum {
	HEADER_SIZE = 8,
	POSITIVE = 0x0000,
	NEGATIVE = 0x4000,
	BASE = 10000,
	BASE_DIGITS = 4,
	GROUPS_MAX = 12, /* 39 decimal digits, cut into fours at the point */
	INT128_DIGITS = 39,
};

/* The largest mantissas that have a negative: what lies beyond means invalid. */
static const uint128 limit64 = INT64_MAX;
static const uint128 limit128 = ~(uint128)0 >> 1;

/* Of an exponent up to 38, the largest that fits. */
static uint128 power_of_ten(unsigned exponent)
{
	enum { LAST = 19 };
	static const uint64_t powers[LAST + 1] = {
		UINT64_C(1),
		UINT64_C(10),
		UINT64_C(100),
		UINT64_C(1000),
		UINT64_C(10000),
		UINT64_C(100000),
		UINT64_C(1000000),
		UINT64_C(10000000),
		UINT64_C(100000000),
		UINT64_C(1000000000),
		UINT64_C(10000000000),
		UINT64_C(100000000000),
		UINT64_C(1000000000000),
		UINT64_C(10000000000000),
		UINT64_C(100000000000000),
		UINT64_C(1000000000000000),
		UINT64_C(10000000000000000),
		UINT64_C(100000000000000000),
		UINT64_C(1000000000000000000),
		UINT64_C(10000000000000000000),
	};

	return exponent <= LAST ? powers[exponent]
	                        : (uint128)powers[LAST] * powers[exponent - LAST];
}

static bool has_too_many_digits(const struct sluice_column *column, uint128 mantissa)
{
	return column->precision > 0 && column->precision < INT128_DIGITS &&
	       mantissa >= power_of_ten(column->precision);
}

/* ---- to Postgres ---- */

/* Cuts `mantissa` into base-10000 digits, least significant first, so that one ends at the decimal
 * point: the fraction's last digit is filled up with zeros. Returns how many.
 * Divides 128 bits only while the rest needs them: such a division costs as much as ten of 64. */
static unsigned split(uint128 mantissa, unsigned scale, uint16_t groups[GROUPS_MAX])
{
	static const uint16_t powers[] = {1, 10, 100, 1000};
	const uint64_t four_groups = UINT64_C(10000000000000000);
	unsigned odd = scale % BASE_DIGITS;
	unsigned count = 0;
	uint64_t rest;

	if (odd > 0) {
		groups[count++] =
			(uint16_t)((unsigned)(mantissa % powers[odd]) * powers[BASE_DIGITS - odd]);
		mantissa /= powers[odd];
	}
	while (mantissa > UINT64_MAX) {
		uint64_t low = (uint64_t)(mantissa % four_groups);
		unsigned group;

		for (group = 0; group < 4; group++, low /= BASE)
			groups[count++] = (uint16_t)(low % BASE);
		mantissa /= four_groups;
	}
	for (rest = (uint64_t)mantissa; rest > 0; rest /= BASE)
		groups[count++] = (uint16_t)(rest % BASE);
	return count;
}

static void put_parts(struct slu_buffer *buffer, bool negative, unsigned scale,
                      const uint16_t *groups, unsigned count)
{
	unsigned fraction = (scale + BASE_DIGITS - 1) / BASE_DIGITS;
	unsigned char *bytes;
	unsigned zeros = 0;
	unsigned group;
	uint32_t size;
	int weight;

	while (zeros < count && groups[zeros] == 0)
		zeros++;
	weight = zeros < count ? (int)count - 1 - (int)fraction : 0;
	size = HEADER_SIZE + 2 * (count - zeros);
	bytes = slu_buffer_take(buffer, 4 + size);
	if (bytes == NULL)
		return;
	slu_write_be32(bytes, size);
	slu_write_be16(bytes + 4, (uint16_t)(count - zeros));
	slu_write_be16(bytes + 6, (uint16_t)weight);
	slu_write_be16(bytes + 8, negative ? NEGATIVE : POSITIVE);
	slu_write_be16(bytes + 10, (uint16_t)scale);
	bytes += 4 + HEADER_SIZE;
	for (group = count; group > zeros; group--, bytes += 2)
		slu_write_be16(bytes, groups[group - 1]);
}

static struct sluice_decimal load(const struct sluice_column *column, const void *field)
{
	struct sluice_decimal decimal;
	int64_t narrow;

	if (column->type == SLUICE_NUMERIC) {
		memcpy(&decimal, field, sizeof(decimal));
		return decimal;
	}
	memcpy(&narrow, field, sizeof(narrow));
	decimal.low = (uint64_t)narrow;
	decimal.high = narrow == SLUICE_DECIMAL64_INVALID ? SLUICE_DECIMAL_INVALID_HIGH
	                                                  : -(int64_t)(narrow < 0);
	return decimal;
}

const char *slu_numeric_put(struct slu_buffer *buffer, const struct sluice_column *column,
                            const void *field)
{
	struct sluice_decimal decimal = load(column, field);
	uint16_t groups[GROUPS_MAX];
	uint128 mantissa;
	bool negative;
	unsigned count;

	if (decimal.high == SLUICE_DECIMAL_INVALID_HIGH)
		return "the decimal has no exact form at the column's scale";
	mantissa = (uint128)(uint64_t)decimal.high << 64 | decimal.low;
	negative = decimal.high < 0;
	if (negative)
		mantissa = 0 - mantissa;
	if (has_too_many_digits(column, mantissa))
		return "the decimal has more digits than the column";
	count = split(mantissa, column->scale, groups);
	put_parts(buffer, negative, column->scale, groups, count);
	return NULL;
}

/* ---- from Postgres ---- */

/* Makes room for `digits` (0 to 4) decimal digits and puts them in. Returns false beyond `limit`.
 */
static bool append(uint128 *mantissa, unsigned digits, unsigned value, uint128 limit)
{
	const unsigned power = (unsigned)power_of_ten(digits);

	if (*mantissa > (limit - value) / power)
		return false;
	*mantissa = *mantissa * power + value;
	return true;
}

/* Reads `count` base-10000 digits, of which the first is worth 10000^weight, as an integer of
 * `scale` decimal digits after the point. */
static const char *join(const unsigned char *digits, unsigned count, int weight, unsigned scale,
                        uint128 limit, uint128 *mantissa)
{
	static const char too_long[] = "the number has more digits than its place in the struct";
	static const char too_fine[] = "the number has more digits after the point than its place "
				       "in the struct";
	/* Decimal digits, from the one before the next group down to the struct's last. */
	int left = BASE_DIGITS * (weight + 1) + (int)scale;
	unsigned index;

	*mantissa = 0;
	for (index = 0; index < count; index++) {
		unsigned group = slu_read_be16(digits + 2 * (size_t)index);
		unsigned taken = left >= BASE_DIGITS ? BASE_DIGITS : left > 0 ? (unsigned)left : 0;
		unsigned cut = (unsigned)power_of_ten(BASE_DIGITS - taken);

		if (group >= BASE)
			return "the server sent a number that is none";
		if (group % cut != 0)
			return too_fine;
		if (!append(mantissa, taken, group / cut, limit))
			return too_long;
		left -= BASE_DIGITS;
	}
	/* Ends soon: a number that is not 0 outgrows the limit. */
	for (; left > 0 && *mantissa != 0; left--) {
		if (!append(mantissa, 1, 0, limit))
			return too_long;
	}
	return NULL;
}

static void store(const struct sluice_column *column, uint128 mantissa, bool negative, void *field)
{
	uint128 value = negative ? 0 - mantissa : mantissa;
	struct sluice_decimal decimal = {(uint64_t)value, (int64_t)(value >> 64)};

	if (column->type == SLUICE_NUMERIC)
		memcpy(field, &decimal, sizeof(decimal));
	else
		memcpy(field, &decimal.low, sizeof(decimal.low));
}

const char *slu_numeric_get(const struct sluice_column *column, const unsigned char *bytes,
                            size_t size, void *field)
{
	uint128 limit = column->type == SLUICE_NUMERIC ? limit128 : limit64;
	const char *why;
	uint128 mantissa;
	unsigned count;
	unsigned sign;

	if (size < HEADER_SIZE)
		return "the server sent a number that is none";
	count = slu_read_be16(bytes);
	sign = slu_read_be16(bytes + 4);
	if (sign != POSITIVE && sign != NEGATIVE)
		return "the number is NaN or infinite, which no decimal is";
	if (size != HEADER_SIZE + 2 * (size_t)count)
		return "the server sent a number that is none";
	/* A negative one must stay clear of the mantissas that say invalid. */
	if (sign == NEGATIVE && column->type == SLUICE_NUMERIC)
		limit -= UINT64_MAX;
	why = join(bytes + HEADER_SIZE, count, (int16_t)slu_read_be16(bytes + 2), column->scale,
	           limit, &mantissa);
	if (why != NULL)
		return why;
	if (has_too_many_digits(column, mantissa))
		return "the number has more digits than its place in the struct";
	store(column, mantissa, sign == NEGATIVE, field);
	return NULL;
}
