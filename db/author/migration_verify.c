/* SPDX-License-Identifier: MIT */
/* migration_verify.c - walks a set of migrations up, and tries each way back.
 * Owns: a server with three databases. `kept` goes up version by version and gets the seeds;
 * `tried` is a copy of it, in which one version goes down and up; `straight` goes up at once. */
#include "db/author/migration_verify.h"

#include "db/author/migration_seed.h"
#include "db/author/schema_dump.h"
#include "db/author/text_diff.h"
#include "db/server/disposable.h"
#include "db/server/postgres_programs.h"

#include <sluice/sink.h>

#include <libpq-fe.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DIFFERENCE_LINES_MAX 100
#define TEXT_SIZE 512 /* room for a file name and some words */

enum database { KEPT, TRIED, STRAIGHT, DATABASE_COUNT };

static const char *const database_names[DATABASE_COUNT] = {"kept", "tried", "straight"};

struct verification {
	struct sluice_migrate_options options; /* all but conninfo */
	FILE *answer;
	struct slu_migration_set set;
	struct slu_migration_seeds seeds;
	size_t one_way; /* versions without a down script */
	char programs[PATH_MAX];
	struct slu_disposable *server;
	char conninfo[DATABASE_COUNT][PATH_MAX];
};

/* ---- databases ---- */

static enum sluice_status on_server(const struct verification *verification, const char *sql,
                                    struct sluice_error *error)
{
	PGconn *connection = PQconnectdb(slu_disposable_dsn(verification->server));
	PGresult *result = PQexec(connection, sql);
	enum sluice_status status = SLUICE_OK;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = sluice_error_set(error, SLUICE_FAILED, "%s: %s", sql,
		                          PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return status;
}

static enum sluice_status dump(const struct verification *verification, enum database database,
                               char **text, struct sluice_error *error)
{
	free(*text);
	return slu_schema_dump(verification->programs, verification->conninfo[database], text,
	                       error);
}

/* Puts `when` before what went wrong. */
static enum sluice_status tell_when(const char *when, enum sluice_status status,
                                    struct sluice_error *error)
{
	struct sluice_error cause;

	if (status == SLUICE_OK || error == NULL)
		return status;
	cause = *error;
	return sluice_error_set(error, status, "%s: %s", when, cause.message);
}

static enum sluice_status up(const struct verification *verification, enum database database,
                             size_t limit, const char *when, struct sluice_error *error)
{
	struct sluice_migrate_options options = verification->options;

	options.conninfo = verification->conninfo[database];
	return tell_when(when, slu_migrate_up(&options, limit, NULL, error), error);
}

static enum sluice_status down(const struct verification *verification, enum database database,
                               size_t count, const char *when, struct sluice_error *error)
{
	struct sluice_migrate_options options = verification->options;

	options.conninfo = verification->conninfo[database];
	return tell_when(when, slu_migrate_down(&options, count, error), error);
}

/* ---- comparison ---- */

/* What two dumps are to be told apart by. */
struct comparison {
	const char *expected_title;
	const char *found_title;
	const char *verdict; /* what a difference means, and what to do */
};

static enum sluice_status compare(const struct verification *verification,
                                  const struct comparison *comparison, const char *expected,
                                  const char *found, struct sluice_error *error)
{
	const struct slu_text_diff_view view = {
		.before_title = comparison->expected_title,
		.after_title = comparison->found_title,
		.landmark = SLU_SCHEMA_DUMP_LANDMARK,
		.line_limit = DIFFERENCE_LINES_MAX,
	};

	if (strcmp(expected, found) == 0)
		return SLUICE_OK;
	if (slu_schema_dump_same_but_order(expected, found)) {
		fprintf(verification->answer,
		        "%s: a table has its columns in another order than %s; accepted\n",
		        comparison->found_title, comparison->expected_title);
		return SLUICE_OK;
	}
	if (!slu_text_diff(expected, found, &view, verification->answer))
		return sluice_error_set(error, SLUICE_FAILED, "out of memory for a difference");
	return sluice_error_set(error, SLUICE_INVALID, "%s", comparison->verdict);
}

/* ---- one version ---- */

/* The last version of TRIED goes down and must leave `before`. */
static enum sluice_status try_down(const struct verification *verification,
                                   const struct slu_migration *migration, const char *before,
                                   struct sluice_error *error)
{
	const char *up_file = migration->up.text != NULL ? migration->up.file : "it";
	char title[TEXT_SIZE];
	char verdict[2 * TEXT_SIZE];
	const struct comparison comparison = {title, migration->down.file, verdict};
	char *found = NULL;
	enum sluice_status status = down(verification, TRIED, 1, "down, with rows", error);

	snprintf(title, sizeof(title), "before %s", up_file);
	snprintf(verdict, sizeof(verdict),
	         "%s does not take back what %s did: it leaves the difference shown. Mend it, and "
	         "verify again",
	         migration->down.file, up_file);
	if (status == SLUICE_OK)
		status = dump(verification, TRIED, &found, error);
	if (status == SLUICE_OK)
		status = compare(verification, &comparison, before, found, error);
	free(found);
	return status;
}

/* It goes up again and must make `after`. */
static enum sluice_status try_up(const struct verification *verification,
                                 const struct slu_migration *migration, const char *after,
                                 struct sluice_error *error)
{
	const char *up_file = migration->up.text != NULL ? migration->up.file : "no up script";
	char title[TEXT_SIZE];
	char verdict[2 * TEXT_SIZE];
	const struct comparison comparison = {"the first time", title, verdict};
	char *found = NULL;
	enum sluice_status status = up(verification, TRIED, 1, "up again, with rows", error);

	snprintf(title, sizeof(title), "%s again", up_file);
	snprintf(verdict, sizeof(verdict),
	         "%s makes another schema the second time: the difference is shown. What it makes "
	         "must not depend on rows",
	         up_file);
	if (status == SLUICE_OK)
		status = dump(verification, TRIED, &found, error);
	if (status == SLUICE_OK)
		status = compare(verification, &comparison, after, found, error);
	free(found);
	return status;
}

/* Down and up again, in a copy of the database. */
static enum sluice_status try_both(const struct verification *verification,
                                   const struct slu_migration *migration, const char *before,
                                   const char *after, struct sluice_error *error)
{
	enum sluice_status status = on_server(verification, "CREATE DATABASE tried TEMPLATE kept",
	                                      error);

	if (status == SLUICE_OK)
		status = try_down(verification, migration, before, error);
	if (status == SLUICE_OK)
		status = try_up(verification, migration, after, error);
	if (status == SLUICE_OK)
		status = on_server(verification, "DROP DATABASE tried WITH (FORCE)", error);
	return status;
}

static enum sluice_status sow(const struct verification *verification, int64_t version,
                              size_t *seed_count, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	*seed_count = 0;
	for (i = 0; i < verification->seeds.count && status == SLUICE_OK; i++) {
		if (verification->seeds.all[i].version != version)
			continue;
		status = slu_migration_seed_run(&verification->seeds.all[i],
		                                verification->conninfo[KEPT], error);
		++*seed_count;
	}
	return status;
}

static enum sluice_status verify_version(const struct verification *verification,
                                         const struct slu_migration *migration,
                                         struct sluice_error *error)
{
	bool two_ways = migration->down.text != NULL;
	char *before = NULL;
	char *after = NULL;
	size_t seed_count = 0;
	enum sluice_status status = dump(verification, KEPT, &before, error);

	if (status == SLUICE_OK)
		status = up(verification, KEPT, 1, "up, with the rows of earlier seeds", error);
	if (status == SLUICE_OK)
		status = dump(verification, KEPT, &after, error);
	if (status == SLUICE_OK)
		status = sow(verification, migration->version, &seed_count, error);
	if (status == SLUICE_OK && two_ways)
		status = try_both(verification, migration, before, after, error);
	free(before);
	free(after);
	if (status == SLUICE_OK) {
		fprintf(verification->answer, "%lld %s: %s%s\n", (long long)migration->version,
		        migration->up.text != NULL ? migration->up.title : migration->down.title,
		        two_ways ? "up, down, up" : "up only, there is no down script",
		        seed_count > 0 ? ", seeded" : "");
		fflush(verification->answer);
	}
	return status;
}

/* ---- the whole set ---- */

/* All the way down and up, with the rows of all seeds. */
static enum sluice_status verify_round_trip(const struct verification *verification,
                                            const char *empty, struct sluice_error *error)
{
	static const struct comparison bottom = {
		"the empty database", "after all down scripts",
		"the down scripts, one after the other, leave the difference shown. Each alone is "
		"right: what differs is the rows that later seeds left behind"};
	static const struct comparison top = {
		"after all up scripts", "after all down and all up scripts",
		"down to nothing and up again makes another schema than going up at once: the "
		"difference is shown"};
	char *expected = NULL;
	char *found = NULL;
	enum sluice_status status = down(verification, KEPT, verification->set.count,
	                                 "down to nothing, with all rows", error);

	if (status == SLUICE_OK)
		status = dump(verification, KEPT, &found, error);
	if (status == SLUICE_OK)
		status = compare(verification, &bottom, empty, found, error);
	if (status == SLUICE_OK)
		status = up(verification, KEPT, SLU_MIGRATE_ALL, "up to the end again", error);
	if (status == SLUICE_OK)
		status = on_server(verification, "CREATE DATABASE straight", error);
	if (status == SLUICE_OK)
		status = up(verification, STRAIGHT, SLU_MIGRATE_ALL, "up to the end", error);
	if (status == SLUICE_OK)
		status = dump(verification, KEPT, &found, error);
	if (status == SLUICE_OK)
		status = dump(verification, STRAIGHT, &expected, error);
	if (status == SLUICE_OK)
		status = compare(verification, &top, expected, found, error);
	free(expected);
	free(found);
	return status;
}

static enum sluice_status verify_set(const struct verification *verification,
                                     struct sluice_error *error)
{
	const struct slu_migration_set *set = &verification->set;
	char *empty = NULL;
	enum sluice_status status = on_server(verification, "CREATE DATABASE kept", error);
	size_t i;

	if (status == SLUICE_OK)
		status = dump(verification, KEPT, &empty, error);
	for (i = 0; i < set->count && status == SLUICE_OK; i++)
		status = verify_version(verification, &set->migrations[i], error);
	if (status == SLUICE_OK && verification->one_way == 0)
		status = verify_round_trip(verification, empty, error);
	free(empty);
	return status;
}

static void print_verdict(const struct verification *verification)
{
	fprintf(verification->answer, "verified %zu migrations: up, down and up again, %s",
	        verification->set.count,
	        verification->seeds.count > 0
	                ? "with data"
	                : "but without data: there is no seed file, like 0001_title.seed.sql");
	if (verification->one_way > 0)
		fprintf(verification->answer, "; %zu of them without a down script, only up",
		        verification->one_way);
	fputc('\n', verification->answer);
}

/* ---- files and server ---- */

static enum sluice_status read_set(struct verification *verification,
                                   const struct sluice_migrate_options *options,
                                   struct sluice_error *error)
{
	enum sluice_status status;
	size_t i;

	if (options->directory != NULL)
		status = slu_migration_set_read(&verification->set, options->directory, error);
	else
		status = slu_migration_set_embedded(&verification->set, options->files,
		                                    options->file_count, error);
	if (status == SLUICE_OK)
		status = slu_migration_seeds_read(&verification->seeds, options, error);
	for (i = 0; i < verification->set.count; i++)
		verification->one_way += verification->set.migrations[i].down.text == NULL;
	for (i = 0; i < verification->seeds.count && status == SLUICE_OK; i++) {
		const struct slu_migration_seed *seed = &verification->seeds.all[i];

		if (slu_migration_set_find(&verification->set, seed->version) ==
		    verification->set.count)
			status = sluice_error_set(error, SLUICE_INVALID,
			                          "%s: there is no migration %lld for its rows: "
			                          "rename the file",
			                          seed->file, (long long)seed->version);
	}
	return status;
}

static enum sluice_status start_server(struct verification *verification,
                                       struct sluice_error *error)
{
	enum sluice_status status = slu_postgres_programs_find(
		verification->programs, sizeof(verification->programs), error);
	size_t i;

	if (status != SLUICE_OK)
		return status;
	verification->server = slu_disposable_start(error);
	if (verification->server == NULL)
		return SLUICE_FAILED;
	/* Of a keyword that comes twice, libpq takes the second. */
	for (i = 0; i < DATABASE_COUNT; i++)
		snprintf(verification->conninfo[i], sizeof(verification->conninfo[i]),
		         "%s dbname=%s", slu_disposable_dsn(verification->server),
		         database_names[i]);
	return SLUICE_OK;
}

enum sluice_status slu_migration_verify(const struct sluice_migrate_options *options, FILE *answer,
                                        struct sluice_error *error)
{
	struct verification verification = {
		.options = {.directory = options->directory,
	                    .files = options->files,
	                    .file_count = options->file_count,
	                    .stop = options->stop,
	                    .context = options->context},
		.answer = answer,
	};
	enum sluice_status status = read_set(&verification, options, error);

	if (status == SLUICE_OK)
		status = start_server(&verification, error);
	if (status == SLUICE_OK)
		status = verify_set(&verification, error);
	/* Leaves `error` alone when there is a cause in it already. */
	if (slu_disposable_stop(verification.server, status == SLUICE_OK ? error : NULL) !=
	            SLUICE_OK &&
	    status == SLUICE_OK)
		status = SLUICE_FAILED;
	if (status == SLUICE_OK)
		print_verdict(&verification);
	slu_migration_seeds_free(&verification.seeds);
	slu_migration_set_free(&verification.set);
	return status;
}
