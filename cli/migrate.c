/* SPDX-License-Identifier: MIT */
/* migrate.c - `sluice migrate`: the migration runner's command line.
 * Progress and errors go to stderr; what was asked for (version, status, lint, ..) to stdout.
 * One table holds the operations; dispatch, usage and help come from it. */
#include "cli/commands.h"
#include "cli/migrate_interrupt.h"
#include "cli/migrate_options.h"

#include "db/author/migration_create.h"
#include "db/author/migration_lint.h"
#include "db/author/migration_verify.h"
#include "db/migrate/migrate.h"

#include <sluice/sink.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_ATTENTION 3 /* status --exit-code */

/* ---- what is said ---- */

static void print_progress(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

static int refuse(const char *what, const char *argument)
{
	fprintf(stderr, "error: %s%s\n`sluice migrate --help` tells what there is.\n", what,
	        argument);
	return CLI_USAGE;
}

static int report(const struct sluice_error *error)
{
	fprintf(stderr, "error: %s\n", error->message);
	return CLI_FAILED;
}

static int finish(enum sluice_status status, bool changed, const struct sluice_error *error)
{
	if (status != SLUICE_OK)
		return report(error);
	if (!changed)
		fputs("no change\n", stderr);
	return CLI_OK;
}

/* ---- operands ---- */

static bool parse_number(const char *text, int64_t least, int64_t *number)
{
	char *end;

	if (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && *number >= least;
}

/* ---- the operations: `argument` is what follows the name, NULL for nothing ---- */

struct request {
	struct sluice_migrate_options options;
	const char *path; /* as given; NULL for the shipped set */
	const char *argument;
	unsigned int flags;
};

static int run_up(const struct request *request)
{
	struct sluice_error error;
	int64_t limit;
	size_t applied;
	enum sluice_status status;

	if (request->argument != NULL && !parse_number(request->argument, 1, &limit))
		return refuse("up takes a number from 1, not ", request->argument);
	status = slu_migrate_up(&request->options,
	                        request->argument != NULL ? (size_t)limit : SLU_MIGRATE_ALL,
	                        &applied, &error);
	return finish(status, applied > 0, &error);
}

static int run_down(const struct request *request)
{
	bool all = request->flags & SLU_MIGRATE_FLAG_ALL;
	struct sluice_error error;
	int64_t count;
	enum sluice_status status;

	if (all && request->argument != NULL)
		return refuse("--all cannot be used with other arguments", "");
	if (all && !(request->flags & SLU_MIGRATE_FLAG_YES))
		return refuse("down --all takes every migration back, and its data with it: "
		              "`sluice migrate down --all --yes` does it",
		              "");
	if (!all && request->argument == NULL)
		return refuse("down needs to be told how many migrations to take back: `sluice "
		              "migrate down 1`, or `sluice migrate down --all --yes`",
		              "");
	if (!all && !parse_number(request->argument, 1, &count))
		return refuse("down takes a number from 1, not ", request->argument);
	status = slu_migrate_down(&request->options, all ? SLU_MIGRATE_ALL : (size_t)count, &error);
	return status == SLUICE_OK ? CLI_OK : report(&error);
}

static int run_goto(const struct request *request)
{
	struct sluice_error error;
	int64_t version;
	size_t moved;
	enum sluice_status status;

	if (request->argument == NULL)
		return refuse("goto needs the version to go to", "");
	if (!parse_number(request->argument, 0, &version))
		return refuse("goto takes a version (`down --all --yes` goes to none), not ",
		              request->argument);
	status = slu_migrate_goto(&request->options, version, &moved, &error);
	return finish(status, moved > 0, &error);
}

static int run_force(const struct request *request)
{
	struct sluice_error error;
	int64_t version;

	if (request->argument == NULL)
		return refuse("force needs the version that is true, -1 for none", "");
	if (!parse_number(request->argument, -1, &version))
		return refuse("force takes a version, -1 for none, not ", request->argument);
	if (slu_migrate_force(&request->options, version, &error) != SLUICE_OK)
		return report(&error);
	return CLI_OK;
}

static int run_redo(const struct request *request)
{
	struct sluice_error error;

	return slu_migrate_redo(&request->options, &error) == SLUICE_OK ? CLI_OK : report(&error);
}

static int run_version(const struct request *request)
{
	struct sluice_error error;
	struct slu_migrate_state state;

	if (slu_migrate_version(&request->options, &state, &error) != SLUICE_OK)
		return report(&error);
	if (state.version < 0 && !state.dirty) {
		fputs("error: no migration: `sluice migrate up` applies them\n", stderr);
		return CLI_FAILED;
	}
	printf("%" PRId64 "%s\n", state.version, state.dirty ? " (dirty)" : "");
	return CLI_OK;
}

static int run_status(const struct request *request)
{
	struct sluice_error error;
	bool attention;

	if (slu_migrate_status(&request->options, stdout, &attention, &error) != SLUICE_OK)
		return report(&error);
	return attention && (request->flags & SLU_MIGRATE_FLAG_EXIT_CODE) ? EXIT_ATTENTION : CLI_OK;
}

static int run_verify(const struct request *request)
{
	struct sluice_error error;

	if (slu_migration_verify(&request->options, stdout, &error) != SLUICE_OK)
		return report(&error);
	return CLI_OK;
}

static int run_create(const struct request *request)
{
	struct sluice_error error;

	if (request->argument == NULL)
		return refuse("please specify name: what the migration does, like create_orders",
		              "");
	if (request->path == NULL)
		return refuse("create needs the directory to make files in: --path DIR", "");
	if (slu_migration_create(request->path, request->argument, stdout, &error) != SLUICE_OK)
		return report(&error);
	return CLI_OK;
}

static int run_lint(const struct request *request)
{
	struct sluice_error error;
	size_t findings = 0;

	if (request->path == NULL)
		return refuse("lint needs the directory to read: --path DIR", "");
	if (slu_migration_lint(request->path, stdout, &findings, &error) != SLUICE_OK)
		return report(&error);
	return findings == 0 ? CLI_OK : CLI_FAILED;
}

static int run_adopt(const struct request *request)
{
	struct sluice_error error;
	int64_t version = -1;
	size_t count;
	enum sluice_status status;

	if (request->argument != NULL && !parse_number(request->argument, 0, &version))
		return refuse("adopt takes a version, not ", request->argument);
	status = slu_migrate_adopt(&request->options, version, &count, &error);
	return finish(status, count > 0, &error);
}

static int run_repair(const struct request *request)
{
	struct sluice_error error;
	size_t count;
	enum sluice_status status = slu_migrate_repair(&request->options, &count, &error);

	return finish(status, count > 0, &error);
}

static int run_drop(const struct request *request)
{
	struct sluice_error error;

	if (!(request->flags & SLU_MIGRATE_FLAG_YES))
		return refuse("drop empties the current schema, with all tables and their data: "
		              "`sluice migrate drop --yes` does it",
		              "");
	return slu_migrate_drop(&request->options, &error) == SLUICE_OK ? CLI_OK : report(&error);
}

#define TAKES_ARGUMENT 16u /* beside enum slu_migrate_flag */

static const struct operation {
	const char *name;
	const char *takes;
	unsigned int allowed;
	int (*run)(const struct request *request);
	const char *summary;
} operations[] = {
	{"up", "[N]", TAKES_ARGUMENT | SLU_MIGRATE_FLAG_OUT_OF_ORDER, run_up,
         "apply all new migrations, or the next N"},
	{"down", "N", TAKES_ARGUMENT | SLU_MIGRATE_FLAG_ALL | SLU_MIGRATE_FLAG_YES, run_down,
         "take the last N migrations back; --all --yes for all"},
	{"goto", "V", TAKES_ARGUMENT | SLU_MIGRATE_FLAG_OUT_OF_ORDER, run_goto,
         "go up or down to version V"},
	{"redo", "", SLU_MIGRATE_FLAG_OUT_OF_ORDER, run_redo,
         "take the last migration back and apply it again, as it is now"},
	{"version", "", 0, run_version, "print the version the database is at"},
	{"status", "", SLU_MIGRATE_FLAG_EXIT_CODE, run_status,
         "list the migrations: applied, pending, changed, missing"},
	{"create", "NAME", TAKES_ARGUMENT, run_create, "make the files of a new migration"},
	{"lint", "", 0, run_lint, "look for mistakes in the files; needs no database"},
	{"verify", "", 0, run_verify,
         "try each migration up, down and up again on a disposable server"},
	{"force", "V", TAKES_ARGUMENT, run_force,
         "say that the database is at V (-1: at none); runs nothing"},
	{"adopt", "[V]", TAKES_ARGUMENT, run_adopt,
         "record what another tool applied, with its files as they are"},
	{"repair", "", 0, run_repair, "accept changed files, forget missing ones"},
	{"drop", "", SLU_MIGRATE_FLAG_YES, run_drop,
         "empty the current schema; refuses without --yes"},
};

#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))

static const char help_begin[] =
	"usage: sluice migrate [OPTION].. OPERATION\n"
	"\n"
	"Brings a database to the tables that Sluice writes to. Each migration and its version\n"
	"are one transaction: one that fails has changed nothing. Files, version table and lock\n"
	"are golang-migrate's, so that both tools can serve one database.\n"
	"`up` first creates or updates the schema `sluice`, which Sluice needs in any case.\n"
	"\n";

static const char help_end[] =
	"\n"
	"  --dsn DSN             the database, as libpq takes it: keywords or URI. Default: libpq's\n"
	"                        environment (PGHOST, PGDATABASE, ..). Better without a password:\n"
	"                        others can see it in the list of processes\n"
	"  --path DIR            the migrations; default: the shipped trading schema\n"
	"  --lock-timeout S      how long to wait for another migration; default: 15 seconds\n"
	"  --allow-out-of-order  also run new files below the database's version\n"
	"  --exit-code           status: 3 when something is pending or wrong\n"
	"  --yes                 down --all, drop: yes, the data too\n"
	"  --help                print this help\n"
	"\n"
	"-database, -source file://DIR and one dash instead of two are understood, too.\n"
	"\n"
	"Ctrl-C lets the running migration finish, a second one rolls it back.\n"
	"\n"
	"Exit status: 0 done or nothing to do, 1 failed, 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  sluice migrate --dsn service=trading up\n"
	"  sluice migrate --path db/migrations down 1\n"
	"  PGOPTIONS='-c lock_timeout=5s' sluice migrate up   # don't make a busy table's users wait\n";

static void print_help(void)
{
	size_t i;

	fputs(help_begin, stdout);
	for (i = 0; i < OPERATION_COUNT; i++)
		printf("  %-7s %-4s  %s\n", operations[i].name, operations[i].takes,
		       operations[i].summary);
	fputs(help_end, stdout);
}

static int run_operation(const struct operation *operation, const struct slu_migrate_line *line)
{
	struct request request = {
		.options = {.conninfo = line->dsn.conninfo,
	                    .directory = line->path,
	                    .version_schema = line->dsn.version_schema,
	                    .version_table = line->dsn.version_table,
	                    .lock_timeout_ns = line->lock_timeout_ns,
	                    .statement_timeout_ns = line->dsn.statement_timeout_ns,
	                    .allow_out_of_order = line->flags & SLU_MIGRATE_FLAG_OUT_OF_ORDER,
	                    .files = slu_embedded_migrations,
	                    .file_count = slu_embedded_migrations_count,
	                    .progress = print_progress,
	                    .stop = slu_migrate_interrupt_asked},
		.path = line->path,
		.argument = line->operand_count > 1 ? line->operands[1] : NULL,
		.flags = line->flags,
	};
	size_t operands_max = operation->allowed & TAKES_ARGUMENT ? 2 : 1;
	unsigned int stray = line->flags & ~operation->allowed;
	struct slu_migrate_interrupt interrupt;
	int status;

	if (line->operand_count > operands_max)
		return refuse("there is an argument too many: ", line->operands[operands_max]);
	/* The lowest bit is one of them. */
	if (stray != 0) {
		fprintf(stderr, "error: %s does not take --%s\n", operation->name,
		        slu_migrate_flag_name(stray & (0 - stray)));
		return CLI_USAGE;
	}
	slu_migrate_interrupt_watch(&interrupt);
	status = operation->run(&request);
	slu_migrate_interrupt_forget(&interrupt);
	return status;
}

int cli_migrate(int argc, char **argv)
{
	struct slu_migrate_line line;
	struct sluice_error error;
	size_t i = 0;
	int status;

	if (slu_migrate_line_read(&line, argc, argv, &error) != SLUICE_OK) {
		status = refuse(error.message, "");
	} else if (line.help) {
		print_help();
		status = CLI_OK;
	} else if (line.operand_count == 0) {
		status = refuse("what to do is missing: up, down, status, ..", "");
	} else {
		while (i < OPERATION_COUNT && strcmp(operations[i].name, line.operands[0]) != 0)
			i++;
		status = i < OPERATION_COUNT ? run_operation(&operations[i], &line)
		                             : refuse("there is no operation ", line.operands[0]);
	}
	slu_migrate_line_free(&line);
	return status;
}
