/* SPDX-License-Identifier: MIT */
/* lanes.c - `sluice lanes`: the command line of what an operator does with the files that engines
 * leave. One table holds the operations; dispatch, usage and help come from it. */
#include "cli/lanes.h"

#include "cli/commands.h"

#include <sluice/sluice.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Options that not every operation takes, as bits. */
enum {
	TAKES_JSON = 1,
	TAKES_DSN = 2,
	TAKES_ALL = 4,
	TAKES_FILE = 8,
	TAKES_STREAM = 16,
	TAKES_AFTER_REBOOT = 32,
};

static const struct operation {
	const char *name;
	unsigned takes;
	int (*run)(const struct slu_lanes_request *request);
	const char *summary;
} operations[] = {
	{"list", TAKES_JSON, slu_lanes_list,
         "one line a file: whose it is, what it holds, and whether it is sound"},
	{"verify", 0, slu_lanes_verify, "read every slot of every file, and count by stream"},
	{"drain", TAKES_DSN | TAKES_AFTER_REBOOT, slu_lanes_drain,
         "carry what is pending to the database, and remove the files"},
	{"export", TAKES_ALL | TAKES_FILE | TAKES_STREAM, slu_lanes_export,
         "print what is pending as JSON, one record a line"},
};

#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))

static const char usage[] = "usage: sluice lanes [OPTION].. DIR OPERATION\n";

static const char help_begin[] =
	"\n"
	"Looks at, and carries, what engines have left in DIR: the directory that they open with\n"
	"dir=DIR. An engine that is started again carries it by itself; this is for when none\n"
	"will be.\n"
	"\n";

static const char help_end[] =
	"\n"
	"      --json         list: one JSON object\n"
	"  -d, --dsn DSN      drain: the database, as libpq takes it: keywords or URI. Default:\n"
	"                     libpq's environment (PGHOST, PGDATABASE, ..). Better without a\n"
	"                     password: others can see it in the list of processes\n"
	"      --after-reboot drain: also files from before the machine was started; their records\n"
	"                     may be half written if it crashed: look at them with export first\n"
	"      --all          export: also what is acknowledged and still held\n"
	"      --file NAME    export: only this file\n"
	"      --stream NAME  export: only this stream\n"
	"  -h, --help         print this help\n"
	"\n"
	"list, verify and export change nothing, and may run beside a living engine; its own file\n"
	"is in use, and not judged. `pending` is counted by the engine's notes, which may be a\n"
	"little behind the database: what it has already is not written twice.\n"
	"\n"
	"drain needs no bindings: it makes its statements of the tables and columns that the file\n"
	"names. A column that the program fills with an expression gets its default in a new row,\n"
	"and keeps its value in an old one. It refuses, before anything is touched, while an\n"
	"engine lives, and when a file is not sound. To interrupt it does no harm.\n"
	"\n"
	"export prints integers, booleans and null as JSON has them, all else as a string, in the\n"
	"words that psql would have, times in UTC.\n"
	"\n"
	"Exit status: 0 done, and nothing wrong was found; 1 failed, a file is not sound, or not\n"
	"all was carried; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  sluice lanes /dev/shm/engine list\n"
	"  sluice lanes --dsn service=trading /dev/shm/engine drain\n"
	"  sluice lanes /dev/shm/engine export --stream orders | jq .record.client_order_id\n";

static int refuse(const char *why, const char *argument)
{
	fprintf(stderr, "sluice lanes: %s%s\n%s", why, argument, usage);
	return CLI_USAGE;
}

static int print_help(void)
{
	size_t i;

	fputs(usage, stdout);
	fputs(help_begin, stdout);
	for (i = 0; i < OPERATION_COUNT; i++)
		printf("  %-7s  %s\n", operations[i].name, operations[i].summary);
	fputs(help_end, stdout);
	return CLI_OK;
}

static int run(const char *name, const struct slu_lanes_request *request, unsigned given)
{
	static const char *const names[] = {"--json", "--dsn",    "--all",
	                                    "--file", "--stream", "--after-reboot"};
	size_t i = 0, option;

	while (i < OPERATION_COUNT && strcmp(operations[i].name, name) != 0)
		i++;
	if (i == OPERATION_COUNT)
		return refuse("there is no operation ", name);
	for (option = 0; option < sizeof(names) / sizeof(names[0]); option++)
		if ((given & ~operations[i].takes & 1u << option) != 0) {
			fprintf(stderr, "sluice lanes: %s does not take %s\n%s", name,
			        names[option], usage);
			return CLI_USAGE;
		}
	return operations[i].run(request);
}

int cli_lanes(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"json", no_argument, NULL, TAKES_JSON},
		{"dsn", required_argument, NULL, TAKES_DSN},
		{"all", no_argument, NULL, TAKES_ALL},
		{"file", required_argument, NULL, TAKES_FILE},
		{"stream", required_argument, NULL, TAKES_STREAM},
		{"after-reboot", no_argument, NULL, TAKES_AFTER_REBOOT},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct slu_lanes_request request = {.directory = NULL};
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
		given |= (unsigned)option;
		request.json |= option == TAKES_JSON;
		request.all |= option == TAKES_ALL;
		request.after_reboot |= option == TAKES_AFTER_REBOOT;
		if (option == TAKES_DSN)
			request.dsn = optarg;
		if (option == TAKES_FILE)
			request.file = optarg;
		if (option == TAKES_STREAM)
			request.stream = optarg;
	}
	if (argc - optind < 2)
		return refuse(argc == optind ? "DIR and what to do are missing"
		                             : "what to do is missing: list, verify, drain, export",
		              "");
	if (argc - optind > 2)
		return refuse("there is an argument too many: ", argv[optind + 2]);
	request.directory = argv[optind];
	if (strlen(request.directory) >= SLUICE_TEXT_OPTION_SIZE)
		return refuse("no engine takes a directory with a name as long as ",
		              request.directory);
	return run(argv[optind + 1], &request, given);
}
