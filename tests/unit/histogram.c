/* SPDX-License-Identifier: MIT */
/* histogram.c - a reported value is never below the true one, and at most 1/64 above it. */
#include "core/histogram.h"

#include "world.h"

#include <stdlib.h>

/* Values over the whole range, as many small as large. */
static uint64_t random_value(struct world *world)
{
	return world_random(world) >> (world_random(world) % 64);
}

/* What the histogram makes of one value, when the largest value does not cut it short. */
static uint64_t reported(uint64_t value)
{
	static struct slu_histogram histogram;

	histogram = (struct slu_histogram){0};
	slu_histogram_record(&histogram, value);
	slu_histogram_record(&histogram, UINT64_MAX);
	return slu_histogram_percentile(&histogram, 50);
}

static void assert_in_bounds(uint64_t shown, uint64_t value)
{
	cr_assert(shown >= value && shown - value <= value / 64, "%" PRIu64 " is shown as %" PRIu64,
	          value, shown);
}

Test(histogram, empty_reports_zero)
{
	static struct slu_histogram histogram;

	assert_equal(slu_histogram_percentile(&histogram, 0), 0);
	assert_equal(slu_histogram_percentile(&histogram, 50), 0);
	assert_equal(slu_histogram_percentile(&histogram, 100), 0);
}

Test(histogram, values_below_64_are_exact)
{
	for (uint64_t value = 0; value < 64; value++)
		assert_equal(reported(value), value);
}

Test(histogram, around_each_power_of_two_the_bound_holds)
{
	for (unsigned bit = 6; bit < 64; bit++)
		for (uint64_t step = 0; step < 4; step++) {
			assert_in_bounds(reported(((uint64_t)1 << bit) - step),
			                 ((uint64_t)1 << bit) - step);
			assert_in_bounds(reported(((uint64_t)1 << bit) + step),
			                 ((uint64_t)1 << bit) + step);
		}
}

Test(histogram, anywhere_the_bound_holds)
{
	struct world world;

	world_init(&world);
	for (int i = 0; i < 2000; i++) {
		uint64_t value = random_value(&world);

		assert_in_bounds(reported(value), value);
	}
}

Test(histogram, the_largest_number_has_a_cell)
{
	assert_equal(reported(UINT64_MAX), UINT64_MAX);
}

static int ascending(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

Test(histogram, percentiles_agree_with_a_sorted_array)
{
	static const struct {
		double percentile;
		size_t index; /* of the sorted array */
	} wanted[] = {{0, 0},     {0.01, 0},     {1, 99},    {50, 4999},
	              {99, 9899}, {99.99, 9998}, {100, 9999}};
	static struct slu_histogram histogram;
	static uint64_t values[10000];
	struct world world;

	world_init(&world);
	for (size_t i = 0; i < 10000; i++) {
		values[i] = random_value(&world);
		slu_histogram_record(&histogram, values[i]);
	}
	qsort(values, 10000, sizeof(values[0]), ascending);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_in_bounds(slu_histogram_percentile(&histogram, wanted[i].percentile),
		                 values[wanted[i].index]);
}

Test(histogram, half_a_record_counts_as_one)
{
	static struct slu_histogram histogram;

	for (uint64_t value = 1; value <= 3; value++)
		slu_histogram_record(&histogram, value);
	assert_equal(slu_histogram_percentile(&histogram, 50), 2); /* one of three is not half */
	assert_equal(slu_histogram_percentile(&histogram, 67), 3);
}

Test(histogram, no_percentile_exceeds_the_largest_value)
{
	static struct slu_histogram histogram;

	slu_histogram_record(&histogram, 1000003);
	assert_equal(slu_histogram_percentile(&histogram, 100), 1000003);
	assert_equal(slu_histogram_percentile(&histogram, 1), 1000003);
	assert_equal(histogram.max, 1000003);
}

Test(histogram, many_at_once_are_as_many_one_by_one)
{
	static struct slu_histogram at_once, one_by_one;

	slu_histogram_record_many(&at_once, 777, 100);
	for (int i = 0; i < 100; i++)
		slu_histogram_record(&one_by_one, 777);
	assert_equal(at_once.count, 100);
	cr_assert_arr_eq(&at_once, &one_by_one, sizeof(at_once));
}

Test(histogram, adding_is_as_recording_both)
{
	static struct slu_histogram left, right, both;
	struct world world;

	world_init(&world);
	for (int i = 0; i < 1000; i++) {
		uint64_t value = random_value(&world);

		slu_histogram_record(i % 3 == 0 ? &left : &right, value);
		slu_histogram_record(&both, value);
	}
	slu_histogram_add(&left, &right);
	cr_assert_arr_eq(&left, &both, sizeof(both));
}

Test(histogram, adding_a_smaller_maximum_keeps_the_larger)
{
	static struct slu_histogram left, right;

	slu_histogram_record(&left, 500);
	slu_histogram_record(&right, 5);
	slu_histogram_add(&left, &right);
	assert_equal(left.max, 500);
	assert_equal(right.count, 1);
}
