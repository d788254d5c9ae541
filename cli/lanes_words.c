/* SPDX-License-Identifier: MIT */
/* lanes_words.c - the server's own output functions, told again: each in a few lines, since there
 * is one style to write and no session to ask. */
#include "cli/lanes_words.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000) /* microseconds */
#define DAY (86400 * SECOND)

__extension__ typedef unsigned __int128 uint128;

/* ---- floats ---- */

/* `digits` has one digit or more, of which the first is worth 10^exponent. From 10^fixed_end on,
 * and below 0.0001, Postgres writes an exponent. */
static void write_digits(char words[SLU_WORDS_SIZE], bool negative, const char *digits,
                         int exponent, int fixed_end)
{
	int count = (int)strlen(digits);
	const char *sign = negative ? "-" : "";

	if (exponent < -4 || exponent >= fixed_end)
		snprintf(words, SLU_WORDS_SIZE, "%s%c%s%se%+03d", sign, digits[0],
		         count > 1 ? "." : "", digits + 1, exponent);
	else if (exponent < 0)
		snprintf(words, SLU_WORDS_SIZE, "%s0.%.*s%s", sign, -exponent - 1, "000", digits);
	else if (count <= exponent + 1)
		snprintf(words, SLU_WORDS_SIZE, "%s%s%.*s", sign, digits, exponent + 1 - count,
		         "000000000000000");
	else
		snprintf(words, SLU_WORDS_SIZE, "%s%.*s.%s", sign, exponent + 1, digits,
		         digits + exponent + 1);
}

/* Rewrites d.ddde+XX, the shortest that was found, in Postgres's form. */
static void write_shortest(char words[SLU_WORDS_SIZE], const char *found, int fixed_end)
{
	char digits[24];
	bool negative = found[0] == '-';
	size_t used = 0;

	for (found += negative; *found != 'e'; found++)
		if (*found != '.')
			digits[used++] = *found;
	while (used > 1 && digits[used - 1] == '0')
		used--;
	digits[used] = '\0';
	write_digits(words, negative, digits, atoi(found + 1), fixed_end);
}

static bool write_special(char words[SLU_WORDS_SIZE], double value)
{
	if (isnan(value))
		strcpy(words, "NaN");
	else if (isinf(value))
		strcpy(words, value < 0 ? "-Infinity" : "Infinity");
	return isnan(value) || isinf(value);
}

void slu_words_float4(char words[SLU_WORDS_SIZE], float value)
{
	char found[32];
	int digits = 0;

	if (write_special(words, (double)value))
		return;
	do
		snprintf(found, sizeof(found), "%.*e", digits++, (double)value);
	while (digits < 9 && strtof(found, NULL) != value);
	write_shortest(words, found, 6);
}

void slu_words_float8(char words[SLU_WORDS_SIZE], double value)
{
	char found[32];
	int digits = 0;

	if (write_special(words, value))
		return;
	do
		snprintf(found, sizeof(found), "%.*e", digits++, value);
	while (digits < 17 && strtod(found, NULL) != value);
	write_shortest(words, found, 15);
}

/* ---- decimals ---- */

void slu_words_decimal(char words[SLU_WORDS_SIZE], struct sluice_decimal value, unsigned scale)
{
	uint128 bits = (uint128)(uint64_t)value.high << 64 | value.low;
	uint128 rest = value.high < 0 ? 0 - bits : bits;
	char digits[48];
	unsigned used = sizeof(digits);

	digits[--used] = '\0';
	for (unsigned place = 0; place <= scale || rest > 0; place++) {
		if (place == scale && scale > 0)
			digits[--used] = '.';
		digits[--used] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	}
	snprintf(words, SLU_WORDS_SIZE, "%s%s", value.high < 0 ? "-" : "", digits + used);
}

/* ---- days ---- */

struct day {
	int64_t year; /* 0 is 1 BC */
	unsigned month, day;
};

/* The Gregorian day, also before there was that calendar. Counts from the 1st of March of the year
 * 0, so that a leap day ends its year. */
static struct day day_of(int64_t days)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	unsigned of_era = (unsigned)(shifted - era * 146097);
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153; /* from March */
	struct day day = {.year = era * 400 + year,
	                  .month = month < 10 ? month + 3 : month - 9,
	                  .day = of_year - (153 * month + 2) / 5 + 1};

	day.year += day.month <= 2;
	return day;
}

static const char *era_of(struct day day)
{
	return day.year > 0 ? "" : " BC";
}

static int write_day(char words[SLU_WORDS_SIZE], struct day day)
{
	return snprintf(words, SLU_WORDS_SIZE, "%04" PRId64 "-%02u-%02u",
	                day.year > 0 ? day.year : 1 - day.year, day.month, day.day);
}

void slu_words_date(char words[SLU_WORDS_SIZE], int32_t days)
{
	struct day day = day_of(days);

	if (days == SLUICE_DATE_INFINITY || days == SLUICE_DATE_MINUS_INFINITY) {
		strcpy(words, days > 0 ? "infinity" : "-infinity");
		return;
	}
	write_day(words, day);
	strcat(words, era_of(day));
}

/* ---- times ---- */

/* HH:MM:SS, and the fraction without the zeros at its end. */
static void append_clock(char words[SLU_WORDS_SIZE], uint64_t us)
{
	size_t used = strlen(words);
	uint64_t seconds = us / (uint64_t)SECOND, fraction = us % (uint64_t)SECOND;

	used += (size_t)snprintf(words + used, SLU_WORDS_SIZE - used,
	                         "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
	                         seconds / 60 % 60, seconds % 60);
	if (fraction == 0)
		return;
	used += (size_t)snprintf(words + used, SLU_WORDS_SIZE - used, ".%06" PRIu64, fraction);
	while (words[used - 1] == '0')
		words[--used] = '\0';
}

static void write_timestamp(char words[SLU_WORDS_SIZE], int64_t us, const char *zone)
{
	int64_t days = us / DAY - (us % DAY < 0);
	struct day day = day_of(days);

	if (us == SLUICE_TIME_INFINITY || us == SLUICE_TIME_MINUS_INFINITY) {
		strcpy(words, us > 0 ? "infinity" : "-infinity");
		return;
	}
	write_day(words, day);
	strcat(words, " ");
	append_clock(words, (uint64_t)(us % DAY + (us % DAY < 0 ? DAY : 0)));
	strcat(words, zone);
	strcat(words, era_of(day));
}

void slu_words_timestamptz(char words[SLU_WORDS_SIZE], int64_t us)
{
	write_timestamp(words, us, "+00");
}

void slu_words_timestamp(char words[SLU_WORDS_SIZE], int64_t us)
{
	write_timestamp(words, us, "");
}

void slu_words_time(char words[SLU_WORDS_SIZE], int64_t us)
{
	words[0] = '\0';
	append_clock(words, (uint64_t)us);
}

/* ---- intervals ---- */

/* A part behind a negative one says that it is not. */
static void append_part(char words[SLU_WORDS_SIZE], int32_t value, const char *unit,
                        bool *after_minus)
{
	size_t used = strlen(words);

	if (value == 0)
		return;
	snprintf(words + used, SLU_WORDS_SIZE - used, "%s%s%" PRId32 " %s%s", used > 0 ? " " : "",
	         *after_minus && value > 0 ? "+" : "", value, unit, value != 1 ? "s" : "");
	*after_minus = value < 0;
}

void slu_words_interval(char words[SLU_WORDS_SIZE], const struct sluice_interval *value)
{
	int64_t us = value->microseconds;
	bool after_minus = false;

	words[0] = '\0';
	append_part(words, value->months / 12, "year", &after_minus);
	append_part(words, value->months % 12, "mon", &after_minus);
	append_part(words, value->days, "day", &after_minus);
	if (us == 0 && words[0] != '\0')
		return;
	if (words[0] != '\0')
		strcat(words, " ");
	strcat(words, us < 0 ? "-" : after_minus ? "+" : "");
	append_clock(words, us < 0 ? 0 - (uint64_t)us : (uint64_t)us);
}

/* ---- names of things ---- */

void slu_words_inet(char words[SLU_WORDS_SIZE], const struct sluice_inet *value)
{
	unsigned host = value->family == 4 ? 32 : 128;
	size_t used;

	inet_ntop(value->family == 4 ? AF_INET : AF_INET6, value->bytes, words, SLU_WORDS_SIZE);
	used = strlen(words);
	if (value->bits != host)
		snprintf(words + used, SLU_WORDS_SIZE - used, "/%u", value->bits);
}

void slu_words_uuid(char words[SLU_WORDS_SIZE], const struct sluice_uuid *value)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(value->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*words++ = '-';
		*words++ = digits[value->bytes[i] >> 4];
		*words++ = digits[value->bytes[i] & 15];
	}
	*words = '\0';
}
