/* SPDX-License-Identifier: MIT */
/* letters.c - `sluice dead-letter`: the command line of what an operator does with records that the
 * database refused. One table holds the operations; dispatch, usage and help come from it. */
#include "cli/letters.h"

#include "cli/commands.h"
#include "cli/database.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_LIMIT 100

/* What an operation takes, as bits. */
enum {
	TAKES_IDS = 1,
	TAKES_STREAM = 2,
	TAKES_SQLSTATE = 4,
	TAKES_LIMIT = 8,
	TAKES_OUTPUT = 16,
	TAKES_ALL = 32,
	TAKES_YES = 64,
	TAKES_DSN = 128, /* all do */
	NEEDS_IDS = 256,
	NEEDS_CHOICE =
		512, /* IDs, a stream, a SQLSTATE, or --all: nothing is done by an oversight */
};

static const struct operation {
	const char *name;
	unsigned takes;
	int (*run)(PGconn *connection, const struct slu_letters_request *request);
	const char *summary;
} operations[] = {
	{"list", TAKES_STREAM | TAKES_SQLSTATE | TAKES_LIMIT, slu_letters_list,
         "one line a letter, oldest first, and how many there are of each cause"},
	{"show", TAKES_IDS | NEEDS_IDS, slu_letters_show,
         "all of the letters ID.., with what their records hold"},
	{"export", TAKES_IDS | TAKES_STREAM | TAKES_SQLSTATE | TAKES_OUTPUT, slu_letters_export,
         "the same as JSON, one letter a line"},
	{"replay", TAKES_IDS | TAKES_STREAM | TAKES_SQLSTATE | TAKES_ALL | NEEDS_CHOICE,
         slu_letters_replay, "write them into their tables, and delete those that were taken"},
	{"discard", TAKES_IDS | TAKES_STREAM | TAKES_SQLSTATE | TAKES_YES | NEEDS_CHOICE,
         slu_letters_discard, "delete them: what they hold is gone"},
};

#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))

static const char usage[] = "usage: sluice dead-letter [OPTION].. OPERATION [ID]..\n";

static const char help_begin[] =
	"\n"
	"Records that Postgres refused, and what becomes of them. An engine that writes on keeps\n"
	"them in the table sluice.dead_letter.\n"
	"\n";

static const char help_end[] =
	"\n"
	"  -d, --dsn DSN       the database, as libpq takes it: keywords or URI. Default: libpq's\n"
	"                      environment (PGHOST, PGDATABASE, ..). Better without a password:\n"
	"                      others can see it in the list of processes\n"
	"      --stream NAME   only letters of this stream\n"
	"      --sqlstate CODE only letters that were refused with it, say 23514\n"
	"      --limit N       list: so many at most (100)\n"
	"      --output FILE   export: to a new file that only you may read\n"
	"      --all           replay: all there are\n"
	"      --yes           discard: really. Without it, it prints what would be gone\n"
	"  -h, --help          print this help\n"
	"\n"
	"show and export print what the records hold: business data. list does not.\n"
	"\n"
	"replay writes as the engine would have: a state that has a newer version in its table is\n"
	"superseded, and its letter goes, too. A letter that is refused again stays, with the new\n"
	"reason. Parents need not come before their children. Engines may run meanwhile, and to\n"
	"interrupt it does no harm.\n"
	"\n"
	"Exit status: 0 done; 1 failed, a letter was refused again, or discard was not told --yes;\n"
	"2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  sluice dead-letter --dsn service=trading list\n"
	"  sluice dead-letter show 17 | jq .record\n"
	"  sluice dead-letter replay --stream executions --sqlstate 23503\n";

static int refuse(const char *why, const char *argument)
{
	fprintf(stderr, "sluice dead-letter: %s%s\n%s", why, argument, usage);
	return CLI_USAGE;
}

static int print_help(void)
{
	fputs(usage, stdout);
	fputs(help_begin, stdout);
	for (size_t i = 0; i < OPERATION_COUNT; i++)
		printf("  %-7s  %s\n", operations[i].name, operations[i].summary);
	fputs(help_end, stdout);
	return CLI_OK;
}

/* ---- what was asked for ---- */

/* "{7,9}" of 7 and 9; NULL when one of them is no id, or memory is short. */
static char *array_of(char *const *ids, int count)
{
	size_t size = 3, used = 0;
	char *array;

	for (int i = 0; i < count; i++)
		size += strlen(ids[i]) + 1;
	array = malloc(size);
	for (int i = 0; array != NULL && i < count; i++) {
		size_t digits = strspn(ids[i], "0123456789");

		if (digits == 0 || digits > 18 || ids[i][digits] != '\0') {
			free(array);
			return NULL;
		}
		used += (size_t)sprintf(array + used, "%s%s", i == 0 ? "{" : ",", ids[i]);
	}
	if (array != NULL)
		strcpy(array + used, "}");
	return array;
}

static int check(const struct operation *operation, unsigned given)
{
	static const char *const names[] = {"an ID",    "--stream", "--sqlstate", "--limit",
	                                    "--output", "--all",    "--yes"};
	const unsigned choice = TAKES_IDS | TAKES_STREAM | TAKES_SQLSTATE | TAKES_ALL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((given & ~operation->takes & 1u << i) != 0) {
			fprintf(stderr, "sluice dead-letter: %s does not take %s\n%s",
			        operation->name, names[i], usage);
			return CLI_USAGE;
		}
	if ((operation->takes & NEEDS_IDS) != 0 && (given & TAKES_IDS) == 0)
		return refuse("which ones? Give their ids, as list shows them", "");
	if ((operation->takes & NEEDS_CHOICE) != 0 && (given & choice) == 0)
		return refuse("which ones? Give ids, --stream, --sqlstate",
		              (operation->takes & TAKES_ALL) != 0 ? " or --all" : "");
	return CLI_OK;
}

static int run(const struct operation *operation, const struct slu_letters_request *request)
{
	struct sluice_error error;
	PGconn *connection = NULL;
	int status = slu_database_connect(&connection, request->dsn, "sluice dead-letter", &error);

	if (status != CLI_OK)
		(void)slu_letters_fail(&error);
	else
		status = operation->run(connection, request);
	PQfinish(connection);
	return status;
}

static int dispatch(struct slu_letters_request *request, unsigned given, int count,
                    char *const *arguments)
{
	const struct operation *operation = operations;
	char *ids = NULL;
	int status;

	if (count == 0)
		return refuse("what to do is missing: list, show, export, replay, discard", "");
	while (operation < operations + OPERATION_COUNT &&
	       strcmp(operation->name, arguments[0]) != 0)
		operation++;
	if (operation == operations + OPERATION_COUNT)
		return refuse("there is no operation ", arguments[0]);
	if (count > 1) {
		given |= TAKES_IDS;
		ids = array_of(arguments + 1, count - 1);
		if (ids == NULL)
			return refuse("an ID is a number, as list shows it", "");
		request->filter.ids = ids;
	}
	status = check(operation, given);
	if (status == CLI_OK)
		status = run(operation, request);
	free(ids);
	return status;
}

static bool read_limit(const char *text, uint64_t *limit)
{
	size_t digits = strspn(text, "0123456789");

	*limit = strtoull(text, NULL, 10);
	return digits > 0 && digits < 18 && text[digits] == '\0';
}

int cli_letters(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"dsn", required_argument, NULL, TAKES_DSN},
		{"stream", required_argument, NULL, TAKES_STREAM},
		{"sqlstate", required_argument, NULL, TAKES_SQLSTATE},
		{"limit", required_argument, NULL, TAKES_LIMIT},
		{"output", required_argument, NULL, TAKES_OUTPUT},
		{"all", no_argument, NULL, TAKES_ALL},
		{"yes", no_argument, NULL, TAKES_YES},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct slu_letters_request request = {.limit = LIST_LIMIT};
	unsigned given = 0;
	int option;

	optind = 0; /* starts getopt anew: main may have used it */
	while ((option = getopt_long(argc, argv, "d:h", long_options, NULL)) != -1) {
		if (option == 'h')
			return print_help();
		if (option == '?') { /* getopt has said what is wrong */
			fputs(usage, stderr);
			return CLI_USAGE;
		}
		option = option == 'd' ? TAKES_DSN : option;
		given |= (unsigned)option & ~(unsigned)TAKES_DSN;
		request.all |= option == TAKES_ALL;
		request.yes |= option == TAKES_YES;
		if (option == TAKES_DSN)
			request.dsn = optarg;
		if (option == TAKES_STREAM)
			request.filter.stream = optarg;
		if (option == TAKES_SQLSTATE)
			request.filter.sqlstate = optarg;
		if (option == TAKES_OUTPUT)
			request.output = optarg;
		if (option == TAKES_LIMIT && !read_limit(optarg, &request.limit))
			return refuse("--limit takes a number, not ", optarg);
	}
	return dispatch(&request, given, argc - optind, argv + optind);
}
