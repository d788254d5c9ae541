/* SPDX-License-Identifier: MIT */
/* options.c - every key's default and bounds, the text form, and what an error says. */
#include "core/options.h"

#include "world.h"

#include <stdio.h>
#include <string.h>

#define MEMBER(name) #name, offsetof(struct sluice_options, name)

/* The whole contract of each key but the texts, which are last, written out a second time. */
static const struct {
	const char *key;
	size_t offset;
	uint64_t fallback;
	const char *min_text, *below_text;
	uint64_t min;
	const char *max_text, *above_text;
	uint64_t max;
} expected[] = {
	{MEMBER(lanes), 4, "1", "0", 1, "256", "257", 256},
	{MEMBER(shared_lanes), 1, "0", "-1", 0, "64", "65", 64},
	{MEMBER(lane_slots), 16384, "64", "32", 64, "16777216", "33554432", 1 << 24},
	{MEMBER(keys), 65536, "1", "0", 1, "134217728", "134217729", 1 << 27},
	{MEMBER(flush_delay), 1000000, "0", "-1us", 0, "10s", "10000001us", 10000000000},
	{MEMBER(flush_rows), 4096, "1", "0", 1, "1000000", "1000001", 1000000},
	{MEMBER(flush_bytes), 4 << 20, "4kB", "4095", 4096, "64MB", "67108865", 64 << 20},
	{MEMBER(in_flight_batches), 2, "1", "0", 1, "8", "9", 8},
	{MEMBER(high_water), 80, "1", "0", 1, "100", "101", 100},
	{MEMBER(connect), SLUICE_CONNECT_WAIT, "wait", "", 0, "background", "fail", 1},
	{MEMBER(connect_timeout), 10000000000, "10ms", "9999us", 10000000, "60min", "3601s",
         3600000000000},
	{MEMBER(on_damage), SLUICE_ON_DAMAGE_REFUSE, "refuse", "", 0, "quarantine", "ignore", 1},
	{MEMBER(after_reboot), SLUICE_AFTER_REBOOT_REFUSE, "refuse", "", 0, "carry", "yes", 1},
	{MEMBER(lock_memory), 0, "no", "", 0, "yes", "1", 1},
	{MEMBER(lossy_share), 25, "1", "0", 1, "90", "91", 90},
};

#define EXPECTED_COUNT (sizeof(expected) / sizeof(expected[0]))

static const char *const texts[] = {"overflow", "dir"};

#define TEXT_COUNT (sizeof(texts) / sizeof(texts[0]))

static uint64_t member(const struct sluice_options *options, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)options + offset, sizeof(value));
	return value;
}

static void set_member(struct sluice_options *options, size_t offset, uint64_t value)
{
	memcpy((char *)options + offset, &value, sizeof(value));
}

static enum sluice_status parse_pair(struct sluice_options *options, const char *key,
                                     const char *value, struct sluice_error *error)
{
	char text[128];

	snprintf(text, sizeof(text), "%s='%s'", key, value);
	return sluice_options_parse(options, text, error);
}

static struct sluice_options parsed(const char *text)
{
	struct sluice_options options;
	struct sluice_error error;

	sluice_options_init(&options);
	cr_assert_eq(sluice_options_parse(&options, text, &error), SLUICE_OK, "%s", error.message);
	return options;
}

/* Parses `text`, which must be refused with all of the words, and change nothing. */
static void assert_refused(const char *text, const char *word, const char *other_word)
{
	struct sluice_options options, before;
	struct sluice_error error = {0};

	sluice_options_init(&options);
	before = options;
	assert_status(sluice_options_parse(&options, text, &error), SLUICE_INVALID);
	assert_status(error.status, SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, word), "no \"%s\" in: %s", word, error.message);
	cr_assert_not_null(strstr(error.message, other_word), "no \"%s\" in: %s", other_word,
	                   error.message);
	cr_assert_arr_eq(&options, &before, sizeof(before));
}

/* ---- the table ---- */

Test(options, each_key_has_its_default)
{
	struct sluice_options options;

	memset(&options, 0xff, sizeof(options));
	sluice_options_init(&options);
	for (size_t i = 0; i < EXPECTED_COUNT; i++)
		cr_assert_eq(member(&options, expected[i].offset), expected[i].fallback, "%s",
		             expected[i].key);
	cr_assert_null(options.log);
	cr_assert_null(options.log_context);
}

Test(options, each_bound_is_allowed)
{
	struct sluice_options options;
	struct sluice_error error;

	sluice_options_init(&options);
	for (size_t i = 0; i < EXPECTED_COUNT; i++) {
		assert_status(parse_pair(&options, expected[i].key, expected[i].min_text, &error),
		              SLUICE_OK);
		cr_assert_eq(member(&options, expected[i].offset), expected[i].min, "%s",
		             expected[i].key);
		assert_status(slu_options_check(&options, &error), SLUICE_OK);
		assert_status(parse_pair(&options, expected[i].key, expected[i].max_text, &error),
		              SLUICE_OK);
		cr_assert_eq(member(&options, expected[i].offset), expected[i].max, "%s",
		             expected[i].key);
		assert_status(slu_options_check(&options, &error), SLUICE_OK);
	}
}

Test(options, text_just_outside_a_bound_is_refused)
{
	struct sluice_options options, before;
	struct sluice_error error;

	sluice_options_init(&options);
	before = options;
	for (size_t i = 0; i < EXPECTED_COUNT; i++) {
		assert_status(parse_pair(&options, expected[i].key, expected[i].below_text, &error),
		              SLUICE_INVALID);
		assert_status(parse_pair(&options, expected[i].key, expected[i].above_text, &error),
		              SLUICE_INVALID);
		cr_assert_not_null(strstr(error.message, expected[i].key), "%s", error.message);
	}
	cr_assert_arr_eq(&options, &before, sizeof(before));
}

Test(options, members_just_outside_a_bound_are_refused)
{
	struct sluice_error error;

	for (size_t i = 0; i < EXPECTED_COUNT; i++) {
		struct sluice_options options;

		sluice_options_init(&options);
		set_member(&options, expected[i].offset, expected[i].max + 1);
		assert_status(slu_options_check(&options, &error), SLUICE_INVALID);
		cr_assert_not_null(strstr(error.message, expected[i].key), "%s", error.message);
		set_member(&options, expected[i].offset,
		           expected[i].min - 1); /* below 0: above all */
		assert_status(slu_options_check(&options, NULL), SLUICE_INVALID);
	}
}

Test(options, describe_covers_each_member_of_the_struct)
{
	struct sluice_option_description description;
	size_t count = 0;

	while (sluice_options_describe(count, &description)) {
		cr_assert_lt(count, EXPECTED_COUNT + TEXT_COUNT);
		cr_assert_str_eq(description.key, count < EXPECTED_COUNT
		                                          ? expected[count].key
		                                          : texts[count - EXPECTED_COUNT]);
		cr_assert_str_not_empty(description.meaning);
		count++;
	}
	/* All before the texts is a 64-bit option. */
	assert_equal(EXPECTED_COUNT, offsetof(struct sluice_options, overflow) / sizeof(uint64_t));
	assert_equal(count, EXPECTED_COUNT + TEXT_COUNT);
}

Test(options, each_described_default_means_the_default)
{
	struct sluice_option_description description;

	for (size_t i = 0; i < EXPECTED_COUNT; i++) {
		struct sluice_options options;

		cr_assert(sluice_options_describe(i, &description));

		sluice_options_init(&options);
		set_member(&options, expected[i].offset, expected[i].max);
		assert_status(parse_pair(&options, description.key, description.fallback, NULL),
		              SLUICE_OK);
		assert_equal(member(&options, expected[i].offset), expected[i].fallback);
	}
}

Test(options, described_bounds_are_as_a_user_writes_them)
{
	static const char *const bounds[EXPECTED_COUNT + TEXT_COUNT] = {
		"1 to 256",
		"0 to 64",
		"a power of two, 64 to 16777216",
		"1 to 134217728",
		"0 to 10s",
		"1 to 1000000",
		"4kB to 64MB",
		"1 to 8",
		"1 to 100",
		"wait or background",
		"10ms to 60min",
		"refuse or quarantine",
		"refuse or carry",
		"no or yes",
		"1 to 90",
		"a text of up to 255 bytes",
		"a text of up to 255 bytes"};
	struct sluice_option_description description;

	for (size_t i = 0; sluice_options_describe(i, &description); i++)
		cr_assert_str_eq(description.bounds, bounds[i]);
}

/* ---- the text ---- */

Test(options, an_empty_text_changes_nothing)
{
	struct sluice_options options = parsed(" \t\n "), defaults;

	sluice_options_init(&defaults);
	cr_assert_arr_eq(&options, &defaults, sizeof(defaults));
}

Test(options, pairs_stand_between_blanks)
{
	struct sluice_options options = parsed("  lanes=7\tflush_rows = 12\n keys= 99 ");

	assert_equal(options.lanes, 7);
	assert_equal(options.flush_rows, 12);
	assert_equal(options.keys, 99);
}

Test(options, parsing_leaves_what_was_set_before)
{
	struct sluice_options options = parsed("lanes=7 keys=8");

	assert_status(sluice_options_parse(&options, "keys=9", NULL), SLUICE_OK);
	assert_equal(options.lanes, 7);
	assert_equal(options.keys, 9);
}

Test(options, the_last_of_two_wins)
{
	assert_equal(parsed("lanes=7 lanes=8").lanes, 8);
}

Test(options, durations_take_their_units)
{
	assert_equal(parsed("flush_delay=7us").flush_delay, 7000);
	assert_equal(parsed("flush_delay=7ms").flush_delay, 7000000);
	assert_equal(parsed("flush_delay=7s").flush_delay, 7000000000);
	assert_equal(parsed("connect_timeout=7min").connect_timeout, 420000000000);
	assert_equal(parsed("flush_delay=0").flush_delay, 0);
}

Test(options, sizes_take_their_units)
{
	assert_equal(parsed("flush_bytes=5000").flush_bytes, 5000);
	assert_equal(parsed("flush_bytes=5000B").flush_bytes, 5000);
	assert_equal(parsed("flush_bytes=5kB").flush_bytes, 5 << 10);
	assert_equal(parsed("flush_bytes=5MB").flush_bytes, 5 << 20);
	assert_refused("flush_bytes=1GB", "flush_bytes", "64MB");
}

Test(options, a_time_without_unit_is_refused)
{
	assert_refused("flush_delay=5", "flush_delay", "us, ms, s, min");
}

Test(options, a_unit_of_another_kind_is_refused)
{
	assert_refused("flush_delay=5MB", "\"5MB\"", "0 to 10s");
	assert_refused("flush_bytes=5000ms", "\"5000ms\"", "4kB to 64MB");
	assert_refused("lanes=5ms", "\"5ms\"", "1 to 256");
}

Test(options, a_number_too_large_for_64_bits_does_not_wrap_around)
{
	assert_refused("lanes=18446744073709551620", "lanes", "1 to 256");
	assert_refused("flush_delay=18446744073710s", "flush_delay", "10s");
	assert_refused("flush_bytes=18014398509481988kB", "flush_bytes", "64MB");
}

Test(options, quotes_hold_blanks_and_escapes)
{
	assert_equal(parsed("lanes='7' connect='back\\ground' keys='\\9'").keys, 9);
	assert_refused("lanes='7 8'", "\"7 8\"", "lanes");
	assert_refused("lanes='\\''", "\"'\"", "lanes");
	assert_refused("lanes=''", "\"\"", "lanes");
}

Test(options, a_slot_count_that_is_no_power_of_two_is_refused)
{
	assert_refused("lane_slots=100", "\"100\"", "a power of two, 64 to 16777216");
}

Test(options, an_unknown_key_names_the_nearest)
{
	assert_refused("lane=4", "\"lane\"", "nearest is lanes");
	assert_refused("flushdelay=1ms", "\"flushdelay\"", "nearest is flush_delay");
	assert_refused("flush_row=1", "\"flush_row\"", "nearest is flush_rows");
	assert_refused("in_flight_batch=1", "\"in_flight_batch\"", "nearest is in_flight_batches");
	assert_refused("LANES=1", "unknown", "LANES");
}

Test(options, a_missing_equals_sign_is_named)
{
	assert_refused("lanes 4", "\"=\" is missing", "lanes");
	assert_refused("keys=3 lanes", "\"=\" is missing", "lanes");
}

Test(options, a_missing_closing_quote_is_named)
{
	assert_refused("lanes='4", "closing quote", "lanes");
	assert_refused("lanes='4\\'", "closing quote", "lanes");
}

Test(options, a_value_longer_than_any_is_refused)
{
	char text[320] = "dir=/";

	memset(text + 5, 'x', 255);
	assert_refused(text, "too long", "dir");
}

Test(options, the_longest_path_is_allowed)
{
	char text[320] = "dir=/";

	memset(text + 5, 'x', 254);
	cr_assert_str_eq(parsed(text).dir, text + 4);
}

Test(options, a_path_with_blanks_is_quoted)
{
	cr_assert_str_eq(parsed("dir='/dev/shm/my engine' lanes=2").dir, "/dev/shm/my engine");
	cr_assert_str_empty(parsed("").dir);
}

Test(options, a_text_that_never_ends_is_refused_in_the_struct)
{
	struct sluice_options options = parsed("");

	memset(options.dir, 'x', sizeof(options.dir));
	assert_status(slu_options_check(&options, NULL), SLUICE_INVALID);
	options = parsed("");
	memset(options.overflow, 'x', sizeof(options.overflow));
	assert_status(slu_options_check(&options, NULL), SLUICE_INVALID);
}

Test(options, after_an_error_earlier_pairs_are_not_set_either)
{
	assert_refused("lanes=8 keys=12 flush_rows=0", "flush_rows", "1 to 1000000");
}
