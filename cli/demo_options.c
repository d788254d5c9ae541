/* SPDX-License-Identifier: MIT */
/* demo_options.c - the table, and the three readers of it: defaults, parser, help. */
#include "cli/demo_options.h"

#include <sluice/sluice.h>

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	FLAG,
	NUMBER,
	TEXT,
	INPUT, /* a text that may be given several times */
};

struct option {
	const char *name;
	enum kind kind;
	const char *value; /* what stands behind it, for the help; NULL for a flag */
	size_t offset;
	uint64_t fallback, min, max;
	const char *meaning; /* one line each */
};

#define MEMBER(name) offsetof(struct slu_demo_options, name)

static const struct option table[] = {
	{"input", INPUT, "FILE", MEMBER(inputs), 0, 0, 0,
         "replay a LOBSTER message file instead of the synthetic\n"
         "flow; may be repeated: files are merged by time"},
	{"threads", NUMBER, "N", MEMBER(threads), 2, 1, SLU_THREAD_COUNT_MAX,
         "engine threads; an order's messages stay on one"},
	{"rate", NUMBER, "ROWS/S", MEMBER(rate), 20000, 1, 10000000,
         "rows a second, all threads together; every row has its\n"
         "time, and a late put counts from then"},
	{"seconds", NUMBER, "S", MEMBER(seconds), 0, 1, 86400,
         "how long to play; default: 10, or a file to its end"},
	{"repeat", NUMBER, "K", MEMBER(repeat), 1, 1, 1000000,
         "play it K times, with fresh order ids each time: ID,\n"
         "ID/1, ID/2.. Another run on the same database takes\n"
         "the numbers that follow: different order ids, so it\n"
         "never duplicates or changes rows of a run before"},
	{"seed", NUMBER, "N", MEMBER(seed), 1, 0, UINT64_MAX,
         "of the synthetic flow: the same seed, rate and seconds\n"
         "give the same flow"},
	{"strict", FLAG, NULL, MEMBER(strict), 0, 0, 0,
         "stop before anything is written when a line of a file\n"
         "is malformed; else such lines are skipped and counted"},
	{"options", TEXT, "'KEY=VALUE..'", MEMBER(options), 0, 0, 0,
         "of sluice_open, listed below: 'flush_delay=2ms'"},
	{"dsn", TEXT, "DSN", MEMBER(dsn), 0, 0, 0,
         "a libpq connection string or URI: use, and migrate,\n"
         "that database; else a disposable server is started"},
	{"keep", FLAG, NULL, MEMBER(keep), 0, 0, 0,
         "leave the disposable server running at the end, and tell\n"
         "how to connect to it and how to stop it (with --dsn the\n"
         "rows stay in any case)"},
	{"kill-server-at", NUMBER, "S", MEMBER(kill_server_at), 0, 1, 86400,
         "kill -9 the disposable server at second S, and start\n"
         "it again"},
	{"json", TEXT, "FILE", MEMBER(json), 0, 0, 0,
         "write the result as one line of JSON; -: to stdout,\n"
         "and everything else to stderr"},
	{"help", FLAG, NULL, MEMBER(help), 0, 0, 0, "this text"},
};

#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))

__attribute__((format(printf, 1, 2))) static bool refuse(const char *format, ...)
{
	va_list arguments;

	fputs("sluice demo: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("; sluice demo --help lists the options\n", stderr);
	return false;
}

/* The member of `options` that `option` fills. */
static void *member(struct slu_demo_options *options, const struct option *option)
{
	return (char *)options + option->offset;
}

/* ---- help ---- */

static void print_lines(FILE *out, const char *lines)
{
	for (; *lines != '\0'; lines++) {
		putc(*lines, out);
		if (*lines == '\n')
			fprintf(out, "%26s", "");
	}
}

static void print_options(FILE *out)
{
	char head[32];
	size_t index;

	for (index = 0; index < OPTION_COUNT; index++) {
		const struct option *option = &table[index];

		snprintf(head, sizeof(head), "--%s %s", option->name,
		         option->value == NULL ? "" : option->value);
		fprintf(out, "  %-23s ", head);
		print_lines(out, option->meaning);
		if (option->kind == NUMBER && option->fallback > 0)
			fprintf(out, "; default: %" PRIu64, option->fallback);
		putc('\n', out);
	}
}

void slu_demo_help(FILE *out)
{
	struct sluice_option_description option;
	size_t index;

	fputs("usage: sluice demo [OPTION]...\n\n"
	      "Plays a trading day through Sluice into Postgres, and proves by SELECT that every\n"
	      "row arrived exactly once. Ctrl-C ends the day early; what was accepted is still\n"
	      "carried to the database and verified. Exit status: 0 when the result is exact,\n"
	      "1 when it is not or something stood in the way, 2 for a wrong command line.\n\n"
	      "options:\n",
	      out);
	print_options(out);
	fputs("\noptions of sluice_open (lanes, keys and lane_slots fit the input unless given):\n",
	      out);
	for (index = 0; sluice_options_describe(index, &option); index++)
		fprintf(out, "  %-23s %s\n%26s%s; default: %s\n", option.key, option.meaning, "",
		        option.bounds, option.fallback);
}

/* ---- parsing ---- */

static bool set_number(uint64_t *number, const struct option *option, const char *value)
{
	char *end;

	errno = 0;
	*number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 ||
	    *number < option->min || *number > option->max)
		return refuse("--%s is an integer from %" PRIu64 " to %" PRIu64, option->name,
		              option->min, option->max);
	return true;
}

static bool add_input(struct slu_demo_options *options, const char *value)
{
	if (options->input_count == SLU_SOURCE_COUNT_MAX)
		return refuse("--input can be given %d times", SLU_SOURCE_COUNT_MAX);
	options->inputs[options->input_count++] = value;
	return true;
}

static bool set_value(struct slu_demo_options *options, const struct option *option,
                      const char *value)
{
	switch (option->kind) {
	case NUMBER:
		return set_number(member(options, option), option, value);
	case INPUT:
		return add_input(options, value);
	case TEXT:
		*(const char **)member(options, option) = value;
		return true;
	case FLAG:
		*(bool *)member(options, option) = true;
		return true;
	}
	return false;
}

static const struct option *find(const char *name, size_t size)
{
	size_t index;

	for (index = 0; index < OPTION_COUNT; index++)
		if (strlen(table[index].name) == size && memcmp(table[index].name, name, size) == 0)
			return &table[index];
	return NULL;
}

static void set_defaults(struct slu_demo_options *options)
{
	size_t index;

	*options = (struct slu_demo_options){.options = ""};
	for (index = 0; index < OPTION_COUNT; index++)
		if (table[index].kind == NUMBER)
			*(uint64_t *)member(options, &table[index]) = table[index].fallback;
}

static bool check_texts(const struct slu_demo_options *options)
{
	PQconninfoOption *conninfo;
	struct sluice_options defaults;
	struct sluice_error error;

	sluice_options_init(&defaults);
	if (sluice_options_parse(&defaults, options->options, &error) != SLUICE_OK)
		return refuse("--options: %s", error.message);
	if (options->dsn == NULL)
		return true;
	conninfo = PQconninfoParse(options->dsn, NULL);
	PQconninfoFree(conninfo);
	/* In our words: libpq's repeat parts of it, and it may hold a password. */
	return conninfo != NULL ||
	       refuse("--dsn is neither a libpq connection string (host=.. dbname=..) nor a URI "
	              "(postgresql://..)");
}

/* What no single option can know. */
static bool check(const struct slu_demo_options *options)
{
	if (options->dsn != NULL && options->kill_server_at > 0)
		return refuse("--kill-server-at kills the disposable server only; "
		              "leave --dsn away to have one");
	return check_texts(options);
}

bool slu_demo_options_parse(struct slu_demo_options *options, int argc, char **argv)
{
	int index;

	set_defaults(options);
	for (index = 1; index < argc; index++) {
		const struct option *option;
		const char *name, *value = NULL;
		size_t size;

		/* Not repeated: an argument may hold a password. */
		if (strncmp(argv[index], "--", 2) != 0)
			return refuse("argument %d: options begin with --", index);
		name = argv[index] + 2;
		size = strcspn(name, "=");
		option = find(name, size);
		if (option == NULL)
			return refuse("there is no option --%.*s", (int)size, name);
		if (option->kind == FLAG && name[size] == '=')
			return refuse("--%s takes no value", option->name);
		if (name[size] == '=')
			value = name + size + 1;
		else if (option->kind != FLAG && index + 1 < argc)
			value = argv[++index];
		else if (option->kind != FLAG)
			return refuse("--%s needs a value: %s", option->name, option->value);
		if (!set_value(options, option, value))
			return false;
	}
	return options->help || check(options);
}
