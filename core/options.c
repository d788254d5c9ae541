/* SPDX-License-Identifier: MIT */
/*
 * options.c - one table, from which defaults, bounds, parsing, error texts and the printed
 * reference come.
 *
 * The text form is a libpq conninfo's: key=value pairs between blanks, a value in single quotes
 * when it holds any, \' and \\ inside.
 */
#include <sluice/sink.h>

#include "core/options.h"

#include "core/flusher.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum unit {
	COUNT,
	POWER_OF_TWO,
	DURATION, /* ns */
	SIZE,     /* bytes */
	CHOICE,
	TEXT, /* of up to SLUICE_TEXT_OPTION_SIZE - 1 bytes */
};

enum change {
	FIXED, /* when the instance is opened */
	LIVE,  /* sluice_adjust may change it */
};

struct option {
	const char *key;
	size_t offset;
	enum unit unit;
	enum change change;
	const char *fallback;
	uint64_t min, max;
	const char *choices[3];
	const char *meaning;
};

#define MEMBER(name) #name, offsetof(struct sluice_options, name)

/* One option, two lines. */
/* clang-format off */
static const struct option options_table[] = {
	{MEMBER(lanes), COUNT, FIXED, "4", 1, 256, {0},
	 "engine threads that can be attached at a time"},
	{MEMBER(shared_lanes), COUNT, FIXED, "1", 0, 64, {0},
	 "lanes behind sluice_shared, lent for one call to threads that are not attached"},
	{MEMBER(lane_slots), POWER_OF_TWO, FIXED, "16384", 64, (uint64_t)1 << 24, {0},
	 "records a lane holds until they are committed: rate x the outage to survive"},
	{MEMBER(keys), COUNT, FIXED, "65536", 1, (uint64_t)1 << 27, {0},
	 "keys that the cache of each state stream can hold"},
	{MEMBER(flush_delay), DURATION, LIVE, "1ms", 0, 10000000000, {0},
	 "the longest a record waits for others to join its batch"},
	{MEMBER(flush_rows), COUNT, LIVE, "4096", 1, 1000000, {0},
	 "records that close a batch before flush_delay"},
	{MEMBER(flush_bytes), SIZE, LIVE, "4MB", 4096, (uint64_t)64 << 20, {0},
	 "bytes of records that close a batch before flush_delay"},
	{MEMBER(in_flight_batches), COUNT, FIXED, "2", 1, SLU_IN_FLIGHT_MAX, {0},
	 "batches the sink holds: one on the wire, full ones ready behind it"},
	{MEMBER(high_water), COUNT, LIVE, "80", 1, 100, {0},
	 "percent of its slots at which a lane counts as filling up"},
	{MEMBER(connect), CHOICE, FIXED, "wait", 0, 1, {"wait", "background", NULL},
	 "whether open waits for the sink"},
	{MEMBER(connect_timeout), DURATION, FIXED, "10s", 10000000, 3600000000000, {0},
	 "the longest open waits with connect=wait"},
	{MEMBER(on_damage), CHOICE, FIXED, "refuse", 0, 1, {"refuse", "quarantine", NULL},
	 "what open does about a former run's file that is damaged: refuse, or set it aside"},
	{MEMBER(after_reboot), CHOICE, FIXED, "refuse", 0, 1, {"refuse", "carry", NULL},
	 "what open does about a file from before the machine was started: its records are not summed"},
	{MEMBER(lock_memory), CHOICE, FIXED, "no", 0, 1, {"no", "yes", NULL},
	 "whether the lanes' memory is locked (mlock), so that it is never paged out"},
	{MEMBER(lossy_share), COUNT, FIXED, "25", 1, 90, {0},
	 "percent of a lane's slots that records of streams which drop may take"},
	{MEMBER(overflow), TEXT, FIXED, "fail", 0, 0, {0},
	 "what a put does when its lane is full: fail, or block(TIME); STREAM:fail, STREAM:block(TIME) or "
	 "STREAM:drop for one stream; with commas between them"},
	{MEMBER(dir), TEXT, FIXED, "", 0, 0, {0},
	 "directory for the lanes' files, best on tmpfs; without it records die with the process"},
};
/* clang-format on */

#define OPTION_COUNT (sizeof(options_table) / sizeof(options_table[0]))

struct suffix {
	const char *text;
	uint64_t factor;
};

static const struct suffix duration_suffixes[] = {
	{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"min", 60000000000}, {NULL, 0},
};

static const struct suffix size_suffixes[] = {
	{"B", 1},  {"kB", (uint64_t)1 << 10}, {"MB", (uint64_t)1 << 20}, {"GB", (uint64_t)1 << 30},
	{NULL, 0},
};

static void *member(struct sluice_options *options, const struct option *option)
{
	return (char *)options + option->offset;
}

static const struct suffix *suffixes_of(const struct option *option)
{
	if (option->unit == DURATION)
		return duration_suffixes;
	return option->unit == SIZE ? size_suffixes : NULL;
}

/* ---- printing ---- */

/* `value` as the user would write it, with the largest unit that keeps it whole. */
static void print_value(char *text, size_t size, const struct option *option, uint64_t value)
{
	const struct suffix *best = NULL;

	for (const struct suffix *s = suffixes_of(option); s != NULL && s->text != NULL; s++)
		if (value % s->factor == 0 && value > 0)
			best = s;
	if (best != NULL)
		snprintf(text, size, "%" PRIu64 "%s", value / best->factor, best->text);
	else
		snprintf(text, size, "%" PRIu64, value);
}

static void print_bounds(char *text, size_t size, const struct option *option)
{
	char min[32], max[32];

	if (option->unit == CHOICE) {
		snprintf(text, size, "%s or %s", option->choices[0], option->choices[1]);
		return;
	}
	if (option->unit == TEXT) {
		snprintf(text, size, "a text of up to %d bytes", SLUICE_TEXT_OPTION_SIZE - 1);
		return;
	}
	print_value(min, sizeof(min), option, option->min);
	print_value(max, sizeof(max), option, option->max);
	snprintf(text, size, "%s%s to %s", option->unit == POWER_OF_TWO ? "a power of two, " : "",
	         min, max);
}

/* ---- checking and parsing one value ---- */

static bool in_bounds(const struct option *option, uint64_t value)
{
	return value >= option->min && value <= option->max &&
	       (option->unit != POWER_OF_TWO || (value & (value - 1)) == 0);
}

static enum sluice_status refuse(const struct option *option, const char *value,
                                 struct sluice_error *error)
{
	char bounds[96];

	print_bounds(bounds, sizeof(bounds), option);
	return sluice_error_set(error, SLUICE_INVALID, "option %s: \"%s\" is not %s%s", option->key,
	                        value,
	                        option->unit == DURATION ? "a duration (us, ms, s, min) of "
	                        : option->unit == SIZE   ? "a size (B, kB, MB, GB) of "
	                                                 : "",
	                        bounds);
}

static bool parse_number(const struct option *option, const char *text, uint64_t *value)
{
	const struct suffix *suffix = suffixes_of(option);
	uint64_t number = 0;

	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		if (number > (UINT64_MAX - 9) / 10)
			return false;
		number = number * 10 + (uint64_t)(*text - '0');
	}
	/* A bare number is a count; of time only 0 needs no unit, of sizes bytes are meant. */
	if (*text == '\0') {
		*value = number;
		return option->unit != DURATION || number == 0;
	}
	for (; suffix != NULL && suffix->text != NULL; suffix++)
		if (strcmp(text, suffix->text) == 0 && number <= UINT64_MAX / suffix->factor) {
			*value = number * suffix->factor;
			return true;
		}
	return false;
}

bool slu_options_duration(const char *text, uint64_t *ns)
{
	static const struct option duration = {.unit = DURATION};

	return parse_number(&duration, text, ns);
}

static bool parse_choice(const struct option *option, const char *text, uint64_t *value)
{
	for (*value = 0; option->choices[*value] != NULL; ++*value)
		if (strcmp(text, option->choices[*value]) == 0)
			return true;
	return false;
}

/* Into the option's member: a number, or for TEXT an array of characters. */
static bool parse_value(const struct option *option, const char *text, void *value)
{
	size_t size = strlen(text) + 1;

	switch (option->unit) {
	case TEXT:
		if (size > SLUICE_TEXT_OPTION_SIZE)
			return false;
		memcpy(value, text, size);
		return true;
	case CHOICE:
		return parse_choice(option, text, value);
	default:
		return parse_number(option, text, value) && in_bounds(option, *(uint64_t *)value);
	}
}

/* ---- finding a key ---- */

/* Levenshtein distance of two short words; the rows beyond `b`'s first 31 characters do not matter
 * for a hint. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], width = strnlen(b, 31);

	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 1; *a != '\0'; i++, a++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			size_t above = row[j], best = diagonal + (*a != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[width];
}

/* A word cut short is likest to what it begins. */
static size_t unlike(const char *key, const char *option_key)
{
	size_t size = strlen(key);

	return size > 0 && strncmp(key, option_key, size) == 0 ? 0 : distance(key, option_key);
}

static const struct option *find(const char *key, struct sluice_error *error)
{
	const struct option *nearest = &options_table[0];

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strcmp(options_table[i].key, key) == 0)
			return &options_table[i];
		if (unlike(key, options_table[i].key) < unlike(key, nearest->key))
			nearest = &options_table[i];
	}
	sluice_error_set(error, SLUICE_INVALID, "unknown option \"%s\"; the nearest is %s", key,
	                 nearest->key);
	return NULL;
}

/* ---- splitting the text ---- */

#define WORD_SIZE SLUICE_TEXT_OPTION_SIZE

/* Reads a key, up to `=`. */
static bool read_key(const char **text, char *key)
{
	size_t size = 0;

	for (; **text != '\0' && **text != '=' && !isspace((unsigned char)**text); ++*text)
		if (size < WORD_SIZE - 1)
			key[size++] = **text;
	key[size] = '\0';
	while (isspace((unsigned char)**text))
		++*text;
	if (**text != '=')
		return false;
	++*text;
	while (isspace((unsigned char)**text))
		++*text;
	return size > 0;
}

/* Reads a value, bare or quoted. False when the closing quote is missing or the value is too long
 * for any option. */
static bool read_value(const char **text, char *value)
{
	bool quoted = **text == '\'';
	size_t size = 0;

	if (quoted)
		++*text;
	while (**text != '\0' && (quoted ? **text != '\'' : !isspace((unsigned char)**text))) {
		if (**text == '\\' && (*text)[1] != '\0')
			++*text;
		if (size == WORD_SIZE - 1)
			return false;
		value[size++] = *(*text)++;
	}
	value[size] = '\0';
	if (!quoted)
		return true;
	return *(*text)++ == '\'';
}

/* ---- the calls ---- */

void sluice_options_init(struct sluice_options *options)
{
	memset(options, 0, sizeof(*options));
	for (size_t i = 0; i < OPTION_COUNT; i++)
		(void)parse_value(&options_table[i], options_table[i].fallback,
		                  member(options, &options_table[i]));
}

enum sluice_status sluice_options_parse(struct sluice_options *options, const char *text,
                                        struct sluice_error *error)
{
	struct sluice_options parsed = *options;
	char key[WORD_SIZE], value[WORD_SIZE];

	for (;;) {
		const struct option *option;

		while (isspace((unsigned char)*text))
			text++;
		if (*text == '\0')
			break;
		if (!read_key(&text, key))
			return sluice_error_set(error, SLUICE_INVALID,
			                        "\"=\" is missing after option \"%s\"", key);
		option = find(key, error);
		if (option == NULL)
			return SLUICE_INVALID;
		if (!read_value(&text, value))
			return sluice_error_set(error, SLUICE_INVALID,
			                        "option %s: the value is too long, or its closing "
			                        "quote is missing",
			                        key);
		if (!parse_value(option, value, member(&parsed, option)))
			return refuse(option, value, error);
	}
	*options = parsed;
	return SLUICE_OK;
}

enum sluice_status slu_options_check(const struct sluice_options *options,
                                     struct sluice_error *error)
{
	struct sluice_options copy = *options;

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		uint64_t value;
		char text[32];

		if (options_table[i].unit == TEXT) {
			if (memchr(member(&copy, &options_table[i]), '\0',
			           SLUICE_TEXT_OPTION_SIZE) == NULL)
				return refuse(&options_table[i], "..", error);
			continue;
		}
		value = *(uint64_t *)member(&copy, &options_table[i]);
		if (in_bounds(&options_table[i], value))
			continue;
		print_value(text, sizeof(text), &options_table[i], value);
		return refuse(&options_table[i], text, error);
	}
	return SLUICE_OK;
}

static bool is_same(const struct option *option, const struct sluice_options *a,
                    const struct sluice_options *b)
{
	const char *left = (const char *)a + option->offset;
	const char *right = (const char *)b + option->offset;

	if (option->unit == TEXT)
		return strcmp(left, right) == 0;
	return memcmp(left, right, sizeof(uint64_t)) == 0;
}

const char *slu_options_fixed(const struct sluice_options *before,
                              const struct sluice_options *after)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options_table[i].change == FIXED && !is_same(&options_table[i], before, after))
			return options_table[i].key;
	return NULL;
}

bool sluice_options_describe(size_t index, struct sluice_option_description *description)
{
	if (index >= OPTION_COUNT)
		return false;
	description->key = options_table[index].key;
	description->fallback = options_table[index].fallback;
	print_bounds(description->bounds, sizeof(description->bounds), &options_table[index]);
	description->meaning = options_table[index].meaning;
	description->live = options_table[index].change == LIVE;
	return true;
}
