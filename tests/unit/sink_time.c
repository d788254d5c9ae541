/* SPDX-License-Identifier: MIT */
/* sink_time.c - times from another origin, infinities, and the ends of the calendar. */
#include "tests/unit/codec.h"

#include <criterion/criterion.h>

#define DAY INT64_C(86400000000)

static const struct sluice_column timestamptz = {.name = "at", .type = SLUICE_TIMESTAMPTZ};
static const struct sluice_column timestamp = {.name = "at", .type = SLUICE_TIMESTAMP};
static const struct sluice_column date = {.name = "on", .type = SLUICE_DATE};
static const struct sluice_column time_of_day = {.name = "at", .type = SLUICE_TIME};
static const struct sluice_column interval = {.name = "for", .type = SLUICE_INTERVAL};

static void expect_time(int64_t us, const char *hex)
{
	cr_expect_codes(&timestamptz, &us, sizeof(us), hex);
	cr_expect_codes(&timestamp, &us, sizeof(us), hex);
}

Test(sink_time, timestamps_count_from_2000)
{
	expect_time(946684800000000, "000000080000000000000000");
	expect_time(0, "00000008fffca2fec4c82000");
	expect_time(-1, "00000008fffca2fec4c81fff");
	expect_time(INT64_MAX - 1, "000000087ffca2fec4c81ffe");
	expect_time(-210866803200000000, "00000008fd0f7cc1411fa000");
}

Test(sink_time, infinities_are_the_same_numbers)
{
	expect_time(SLUICE_TIME_INFINITY, "000000087fffffffffffffff");
	expect_time(SLUICE_TIME_MINUS_INFINITY, "000000088000000000000000");
}

Test(sink_time, a_time_before_the_calendar_is_refused)
{
	static const char refused[] = "stream orders, column at: the time lies before 4714 BC, "
				      "Postgres's first";
	int64_t us = -210866803200000001;

	cr_expect_str_eq(codec_encode(&timestamptz, &us), refused);
	us = INT64_MIN + 1;
	cr_expect_str_eq(codec_encode(&timestamp, &us), refused);
}

Test(sink_time, a_time_that_has_no_number_since_1970_is_refused)
{
	static const char refused[] =
		"query q, column at: the time lies beyond the year 294246, the "
		"last that fits an int64_t";
	int64_t us = 0;

	cr_expect_str_eq(codec_decode(&timestamptz, "000000087ffca2fec4c81fff", &us), refused);
	cr_expect_str_eq(codec_decode(&timestamptz, "000000087ffffffffffffffe", &us), refused);
	cr_expect_eq(us, 0);
}

Test(sink_time, dates_count_from_2000)
{
	static const int32_t days[] = {0, 10957, -2440588, 2145042905};
	static const int32_t infinities[] = {SLUICE_DATE_INFINITY, SLUICE_DATE_MINUS_INFINITY};
	int32_t beyond = -2440589;

	cr_expect_codes(&date, &days[0], 4, "00000004ffffd533");
	cr_expect_codes(&date, &days[1], 4, "0000000400000000");
	cr_expect_codes(&date, &days[2], 4, "00000004ffda97a7");
	cr_expect_codes(&date, &days[3], 4, "000000047fda970c");
	cr_expect_codes(&date, &infinities[0], 4, "000000047fffffff");
	cr_expect_codes(&date, &infinities[1], 4, "0000000480000000");
	cr_expect_str_eq(
		codec_encode(&date, &beyond),
		"stream orders, column on: the date lies before 4714 BC, Postgres's first");
	beyond = 2145042906;
	cr_expect_str_eq(
		codec_encode(&date, &beyond),
		"stream orders, column on: the date lies after the year 5874897, Postgres's last");
	cr_expect_str_eq(codec_decode(&date, "000000047fffd532", &beyond),
	                 "query q, column on: the server sent a date after the year 5874897");
}

Test(sink_time, a_day_has_24_hours_and_its_end)
{
	static const int64_t times[] = {0, DAY};
	int64_t outside = -1;

	cr_expect_codes(&time_of_day, &times[0], 8, "000000080000000000000000");
	cr_expect_codes(&time_of_day, &times[1], 8, "00000008000000141dd76000");
	cr_expect_str_eq(codec_encode(&time_of_day, &outside),
	                 "stream orders, column at: the time lies outside of a day");
	outside = DAY + 1;
	cr_expect_str_eq(codec_encode(&time_of_day, &outside),
	                 "stream orders, column at: the time lies outside of a day");
	cr_expect_str_eq(codec_decode(&time_of_day, "00000008000000141dd76001", &outside),
	                 "query q, column at: the server sent a time outside of a day");
	cr_expect_str_eq(codec_decode(&time_of_day, "00000008ffffffffffffffff", &outside),
	                 "query q, column at: the server sent a time outside of a day");
}

Test(sink_time, an_interval_keeps_its_three_numbers)
{
	static const struct sluice_interval one = {1, 2, 3};
	static const struct sluice_interval least = {INT64_MIN, INT32_MIN, INT32_MIN};

	cr_expect_codes(&interval, &one, sizeof(one), "0000001000000000000000010000000200000003");
	cr_expect_codes(&interval, &least, sizeof(least),
	                "0000001080000000000000008000000080000000");
}
