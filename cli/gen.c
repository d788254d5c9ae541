/* SPDX-License-Identifier: MIT */
/* gen.c - `sluice gen`: the command line of the bindings generator.
 * What it wrote, or what differs, goes to stdout; what is wrong goes to stderr. */
#include "cli/commands.h"

#include "db/gen/gen.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>

static const char usage[] =
	"usage: sluice gen [--config FILE] [--dsn DSN | --ephemeral] [--out DIR]\n"
	"       sluice gen --check [--no-database] [OPTION]..\n";

static const char help[] =
	"\n"
	"Writes typed C for named SQL: for each query file a header and a source, with the\n"
	"structs, the streams and the calls of its queries. Types are what a Postgres with your\n"
	"migrations says they are. Reads sqlc's configuration and query files as they are.\n"
	"Nothing is written unless everything is right.\n"
	"\n"
	"  -c, --config FILE  sqlc.yaml, sqlc.yml or sqlc.json; default: the one that is here\n"
	"  -o, --out DIR      where to write; default: `generated` beside the configuration.\n"
	"                     Every .c and .h in it belongs to the generator\n"
	"      --ephemeral    ask a throw-away server, started for this run. The default\n"
	"  -d, --dsn DSN      ask this server instead. A database is created for the run, and\n"
	"                     dropped again (this needs CREATEDB); no other one is touched\n"
	"      --check        write nothing. Fails when the files are not what would be written\n"
	"      --no-database  with --check: compare only hashes, of what the files were made\n"
	"                     from and of the files. Needs no server, and takes no time\n"
	"  -h, --help         print this help\n"
	"\n"
	"Exit status: 0 written or nothing differs, 1 failed or something differs, 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  sluice gen --config db/sqlc.yaml\n"
	"  sluice gen --config db/sqlc.yaml --check\n";

enum { OPTION_EPHEMERAL = 256, OPTION_CHECK, OPTION_NO_DATABASE };

static int refuse(const char *why)
{
	fprintf(stderr, "sluice gen: %s\n%s", why, usage);
	return CLI_USAGE;
}

static bool interrupted(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

/* Ctrl-C waits until the server is stopped and the database dropped, and then ends us as ever. */
static int run(struct slu_gen_options *options)
{
	enum sluice_status status;
	sigset_t ends;
	sigset_t before;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, &before);
	options->interrupted = interrupted;
	status = slu_gen_run(options);
	if (fflush(options->answer) != 0) {
		perror("sluice gen: can't write to stdout");
		status = SLUICE_FAILED;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status == SLUICE_OK ? CLI_OK : CLI_FAILED;
}

int cli_gen(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"out", required_argument, NULL, 'o'},
		{"dsn", required_argument, NULL, 'd'},
		{"ephemeral", no_argument, NULL, OPTION_EPHEMERAL},
		{"check", no_argument, NULL, OPTION_CHECK},
		{"no-database", no_argument, NULL, OPTION_NO_DATABASE},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct slu_gen_options options = {.answer = stdout, .errors = stderr};
	bool ephemeral = false;
	int option;

	optind = 0; /* starts getopt anew: main may have used it */
	while ((option = getopt_long(argc, argv, "c:o:d:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			break;
		case 'o':
			options.out = optarg;
			break;
		case 'd':
			options.dsn = optarg;
			break;
		case OPTION_EPHEMERAL:
			ephemeral = true;
			break;
		case OPTION_CHECK:
			options.check = true;
			break;
		case OPTION_NO_DATABASE:
			options.no_database = true;
			break;
		case 'h':
			printf("%s%s", usage, help);
			return CLI_OK;
		default: /* getopt has said what is wrong */
			fputs(usage, stderr);
			return CLI_USAGE;
		}
	}
	if (optind < argc)
		return refuse("takes no argument, only options");
	if (options.no_database && !options.check)
		return refuse("--no-database goes with --check: types come from a database");
	if (ephemeral && options.dsn != NULL)
		return refuse("--ephemeral and --dsn exclude each other");
	if (options.no_database && (ephemeral || options.dsn != NULL))
		return refuse("--no-database asks no server: leave --dsn and --ephemeral out");
	return run(&options);
}
