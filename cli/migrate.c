/* SPDX-License-Identifier: MIT */
/* migrate.c - `sluice migrate`: the migration runner's command line.
 * Progress and errors go to stderr, the answer of `version` to stdout. */
#include "cli/commands.h"

#include "db/migrate/migrate.h"

#include <sluice/sluice.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: sluice migrate [OPTION].. up [N]     apply all new migrations, or the next N\n"
	"       sluice migrate [OPTION].. down N     take the last N migrations back\n"
	"       sluice migrate [OPTION].. version    print the version the database is at\n";

static const char help[] =
	"\n"
	"Brings a database to the tables that Sluice writes to. Each migration and its version\n"
	"are one transaction: one that fails has changed nothing. Files, version table and lock\n"
	"are golang-migrate's, so that both tools can serve one database.\n"
	"`up` first creates or updates the schema `sluice`, which Sluice needs in any case.\n"
	"\n"
	"  -d, --dsn DSN    the database, as libpq takes it: keywords or URI. Default: libpq's\n"
	"                   environment (PGHOST, PGDATABASE, ..). Better without a password:\n"
	"                   others can see it in the list of processes\n"
	"  -p, --path DIR   take the migrations from DIR instead of the shipped trading schema\n"
	"  -h, --help       print this help\n"
	"\n"
	"Exit status: 0 done or nothing to do, 1 failed, 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  sluice migrate --dsn service=trading up\n"
	"  sluice migrate --path db/migrations down 1\n"
	"  PGOPTIONS='-c lock_timeout=5s' sluice migrate up   # don't make a busy table's users wait\n";

static int refuse(const char *what, const char *argument)
{
	fprintf(stderr, "sluice migrate: %s%s\n%s", what, argument, usage);
	return CLI_USAGE;
}

static int report(const struct sluice_error *error)
{
	fprintf(stderr, "sluice migrate: %s\n", error->message);
	return CLI_FAILED;
}

/* A decimal number from 1. */
static bool parse_count(const char *text, size_t *count)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	*count = (size_t)value;
	return errno == 0 && *end == '\0' && value > 0 && value < SLU_MIGRATE_ALL;
}

/* ---- the operations: `argument` is what follows the name, NULL for nothing ---- */

static int run_up(const struct slu_migrate_options *options, const char *argument)
{
	struct sluice_error error;
	size_t limit = SLU_MIGRATE_ALL;
	size_t applied;

	if (argument != NULL && !parse_count(argument, &limit))
		return refuse("up takes a number from 1, not ", argument);
	if (slu_migrate_up(options, limit, &applied, &error) != SLUICE_OK)
		return report(&error);
	if (applied == 0)
		fputs("no change\n", stderr);
	return CLI_OK;
}

static int run_down(const struct slu_migrate_options *options, const char *argument)
{
	struct sluice_error error;
	size_t count;

	if (argument == NULL)
		return refuse("down needs to be told how many migrations to take back", "");
	if (!parse_count(argument, &count))
		return refuse("down takes a number from 1, not ", argument);
	if (slu_migrate_down(options, count, &error) != SLUICE_OK)
		return report(&error);
	return CLI_OK;
}

static int run_version(const struct slu_migrate_options *options, const char *argument)
{
	struct sluice_error error;
	struct slu_migrate_state state;

	if (argument != NULL)
		return refuse("version takes no argument, and there is ", argument);
	if (slu_migrate_version(options, &state, &error) != SLUICE_OK)
		return report(&error);
	if (state.version < 0 && !state.dirty) {
		fputs("sluice migrate: no migration is in place: `sluice migrate up` applies them\n",
		      stderr);
		return CLI_FAILED;
	}
	printf("%lld%s\n", (long long)state.version, state.dirty ? " (dirty)" : "");
	return CLI_OK;
}

static const struct operation {
	const char *name;
	int (*run)(const struct slu_migrate_options *options, const char *argument);
} operations[] = {
	{"up", run_up},
	{"down", run_down},
	{"version", run_version},
};

static int run_operation(const struct slu_migrate_options *options, int argc, char **argv)
{
	size_t i;

	if (argc == 0)
		return refuse("what to do is missing: up, down or version", "");
	if (argc > 2)
		return refuse("there is an argument too many: ", argv[2]);
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(argv[0], operations[i].name) == 0)
			return operations[i].run(options, argv[1]);
	}
	return refuse("up, down and version exist, but not ", argv[0]);
}

int cli_migrate(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"dsn", required_argument, NULL, 'd'},
		{"path", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct slu_migrate_options options = {
		.conninfo = "",
		.files = slu_embedded_migrations,
		.file_count = slu_embedded_migrations_count,
		.lock_timeout_ns = SLU_MIGRATE_LOCK_TIMEOUT_NS,
		.progress = stderr,
	};
	int option;

	optind = 0; /* starts getopt anew: main may have used it */
	while ((option = getopt_long(argc, argv, "d:p:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'd':
			options.conninfo = optarg;
			break;
		case 'p':
			options.directory = optarg;
			break;
		case 'h':
			printf("%s%s", usage, help);
			return CLI_OK;
		default: /* getopt has said what is wrong */
			fputs(usage, stderr);
			return CLI_USAGE;
		}
	}
	return run_operation(&options, argc - optind, argv + optind);
}
