/* SPDX-License-Identifier: MIT */
/* pg_time.c - another origin, and the ends of Postgres's calendar. */
#include "sink/pg_time.h"

#define US_1970_TO_2000 INT64_C(946684800000000)
/* 4714-11-24 00:00 BC, the first time Postgres knows. Its last one lies beyond what int64_t
 * microseconds since 1970 can say. */
#define TIMESTAMP_US_MIN (INT64_C(-211813488000000000) + US_1970_TO_2000)
#define TIME_US_MAX INT64_C(86400000000) /* 24:00:00 is one */

enum {
	DAYS_1970_TO_2000 = 10957,
	DATE_DAYS_MIN = -2440588,   /* 4714-11-24 BC */
	DATE_DAYS_MAX = 2145042905, /* 5874897-12-31 */
	INTERVAL_SIZE = 16,
};

static const char wrong_size[] = "the server sent a time of another size";

const char *slu_timestamp_put(struct slu_buffer *buffer, const void *field)
{
	int64_t us;

	memcpy(&us, field, sizeof(us));
	/* The infinities are the same two numbers on both sides. */
	if (us != SLUICE_TIME_INFINITY && us != SLUICE_TIME_MINUS_INFINITY) {
		if (us < TIMESTAMP_US_MIN)
			return "the time lies before 4714 BC, Postgres's first";
		us -= US_1970_TO_2000;
	}
	slu_buffer_put_value64(buffer, (uint64_t)us);
	return NULL;
}

const char *slu_timestamp_get(const unsigned char *bytes, size_t size, void *field)
{
	int64_t us;

	if (size != sizeof(us))
		return wrong_size;
	us = (int64_t)slu_read_be64(bytes);
	if (us != SLUICE_TIME_INFINITY && us != SLUICE_TIME_MINUS_INFINITY) {
		/* Nor may a time become the infinity. */
		if (us >= INT64_MAX - US_1970_TO_2000)
			return "the time lies beyond the year 294246, the last that fits an "
			       "int64_t";
		us += US_1970_TO_2000;
	}
	memcpy(field, &us, sizeof(us));
	return NULL;
}

const char *slu_date_put(struct slu_buffer *buffer, const void *field)
{
	int32_t days;

	memcpy(&days, field, sizeof(days));
	if (days != SLUICE_DATE_INFINITY && days != SLUICE_DATE_MINUS_INFINITY) {
		if (days < DATE_DAYS_MIN)
			return "the date lies before 4714 BC, Postgres's first";
		if (days > DATE_DAYS_MAX)
			return "the date lies after the year 5874897, Postgres's last";
		days -= DAYS_1970_TO_2000;
	}
	slu_buffer_put_value32(buffer, (uint32_t)days);
	return NULL;
}

const char *slu_date_get(const unsigned char *bytes, size_t size, void *field)
{
	int32_t days;

	if (size != sizeof(days))
		return wrong_size;
	days = (int32_t)slu_read_be32(bytes);
	if (days != SLUICE_DATE_INFINITY && days != SLUICE_DATE_MINUS_INFINITY) {
		if (days >= INT32_MAX - DAYS_1970_TO_2000)
			return "the server sent a date after the year 5874897";
		days += DAYS_1970_TO_2000;
	}
	memcpy(field, &days, sizeof(days));
	return NULL;
}

const char *slu_time_put(struct slu_buffer *buffer, const void *field)
{
	int64_t us;

	memcpy(&us, field, sizeof(us));
	if (us < 0 || us > TIME_US_MAX)
		return "the time lies outside of a day";
	slu_buffer_put_value64(buffer, (uint64_t)us);
	return NULL;
}

const char *slu_time_get(const unsigned char *bytes, size_t size, void *field)
{
	int64_t us;

	if (size != sizeof(us))
		return wrong_size;
	us = (int64_t)slu_read_be64(bytes);
	if (us < 0 || us > TIME_US_MAX)
		return "the server sent a time outside of a day";
	memcpy(field, &us, sizeof(us));
	return NULL;
}

const char *slu_interval_put(struct slu_buffer *buffer, const void *field)
{
	struct sluice_interval interval;

	memcpy(&interval, field, sizeof(interval));
	slu_buffer_put_be32(buffer, INTERVAL_SIZE);
	slu_buffer_put_be64(buffer, (uint64_t)interval.microseconds);
	slu_buffer_put_be32(buffer, (uint32_t)interval.days);
	slu_buffer_put_be32(buffer, (uint32_t)interval.months);
	return NULL;
}

const char *slu_interval_get(const unsigned char *bytes, size_t size, void *field)
{
	struct sluice_interval interval;

	if (size != INTERVAL_SIZE)
		return wrong_size;
	interval.microseconds = (int64_t)slu_read_be64(bytes);
	interval.days = (int32_t)slu_read_be32(bytes + 8);
	interval.months = (int32_t)slu_read_be32(bytes + 12);
	memcpy(field, &interval, sizeof(interval));
	return NULL;
}
