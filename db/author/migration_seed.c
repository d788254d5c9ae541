/* SPDX-License-Identifier: MIT */
/* migration_seed.c - finds seeds and runs them. */
#include "db/author/migration_seed.h"

#include "db/author/migration_folder.h"
#include "db/sql_script.h"

#include <sluice/sink.h>

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* ---- read ---- */

static enum sluice_status out_of_memory(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED, "out of memory while reading seeds");
}

/* Adds a seed. Owns `text` from here on, also when it fails. */
static enum sluice_status add(struct slu_migration_seeds *seeds, int64_t version, const char *file,
                              char *text, size_t size, struct sluice_error *error)
{
	struct slu_migration_seed *all = realloc(seeds->all, (seeds->count + 1) * sizeof(*all));
	struct slu_migration_seed *seed;

	if (all == NULL) {
		free(text);
		return out_of_memory(error);
	}
	seeds->all = all;
	seed = &all[seeds->count++];
	*seed = (struct slu_migration_seed){version, strdup(file), text, size};
	return seed->file != NULL && text != NULL ? SLUICE_OK : out_of_memory(error);
}

static enum sluice_status read_directory(struct slu_migration_seeds *seeds, const char *directory,
                                         struct sluice_error *error)
{
	struct slu_migration_folder folder;
	enum sluice_status status = slu_migration_folder_open(&folder, directory, error);
	size_t i;

	for (i = 0; i < folder.count && status == SLUICE_OK; i++) {
		const struct slu_migration_entry *entry = &folder.entries[i];
		char *text;
		size_t size;

		if (entry->name.kind != SLU_KIND_SEED)
			continue;
		status = slu_migration_folder_read(&folder, entry, &text, &size, error);
		if (status == SLUICE_OK)
			status = add(seeds, entry->name.version, entry->file, text, size, error);
	}
	slu_migration_folder_free(&folder);
	return status;
}

static enum sluice_status read_files(struct slu_migration_seeds *seeds,
                                     const struct sluice_migration_file *files, size_t file_count,
                                     struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	for (i = 0; i < file_count && status == SLUICE_OK; i++) {
		struct slu_migration_name name;

		status = slu_migration_name_parse(files[i].name, &name, error);
		if (status == SLUICE_OK && name.kind == SLU_KIND_SEED)
			status = add(seeds, name.version, files[i].name,
			             strndup(files[i].text, files[i].size), files[i].size, error);
	}
	return status;
}

enum sluice_status slu_migration_seeds_read(struct slu_migration_seeds *seeds,
                                            const struct sluice_migrate_options *options,
                                            struct sluice_error *error)
{
	enum sluice_status status;
	size_t i;

	*seeds = (struct slu_migration_seeds){NULL, 0};
	if (options->directory != NULL)
		status = read_directory(seeds, options->directory, error);
	else
		status = read_files(seeds, options->files, options->file_count, error);
	for (i = 0; i < seeds->count && status == SLUICE_OK; i++) {
		if (strlen(seeds->all[i].text) != seeds->all[i].size)
			status = sluice_error_set(error, SLUICE_INVALID,
			                          "%s holds a NUL byte, which SQL cannot: is it "
			                          "UTF-16? Save it as UTF-8",
			                          seeds->all[i].file);
	}
	return status;
}

void slu_migration_seeds_free(struct slu_migration_seeds *seeds)
{
	size_t i;

	for (i = 0; i < seeds->count; i++) {
		free(seeds->all[i].file);
		free(seeds->all[i].text);
	}
	free(seeds->all);
	*seeds = (struct slu_migration_seeds){NULL, 0};
}

/* ---- run ---- */

static void ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

/* The line on which the server found the error, or else that of the statement which failed: the one
 * after the `succeeded` first. */
static size_t failed_line(const struct slu_migration_seed *seed, const char *position,
                          size_t succeeded)
{
	struct slu_sql_scan scan = {seed->text, seed->size, 0};
	struct slu_sql_statement statement = {.offset = 0};
	size_t i;

	if (position != NULL)
		return slu_sql_line(seed->text, slu_sql_offset(seed->text, seed->size,
		                                               strtoul(position, NULL, 10)));
	for (i = 0; i <= succeeded && slu_sql_next(&scan, &statement); i++)
		;
	return slu_sql_line(seed->text, statement.offset);
}

static enum sluice_status tell_failure(const struct slu_migration_seed *seed,
                                       const PGconn *connection, const PGresult *result,
                                       size_t succeeded, struct sluice_error *error)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);

	if (sqlstate == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "%s: %s", seed->file,
		                        PQerrorMessage(connection));
	return sluice_error_set(error, SLUICE_FAILED, "%s:%zu: %s (SQLSTATE %s)", seed->file,
	                        failed_line(seed, position, succeeded), message, sqlstate);
}

/* All statements of one simple query are one transaction. */
static enum sluice_status run(const struct slu_migration_seed *seed, PGconn *connection,
                              struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t succeeded = 0;
	PGresult *result;

	if (!PQsendQuery(connection, seed->text))
		return tell_failure(seed, connection, NULL, 0, error);
	while ((result = PQgetResult(connection)) != NULL) {
		ExecStatusType outcome = PQresultStatus(result);

		if (outcome == PGRES_COPY_IN || outcome == PGRES_COPY_OUT) {
			status = sluice_error_set(error, SLUICE_INVALID,
			                          "%s: COPY from STDIN or to STDOUT needs a client "
			                          "that sends or takes the rows: write INSERT "
			                          "instead",
			                          seed->file);
			PQclear(result);
			break;
		}
		if (outcome == PGRES_COMMAND_OK || outcome == PGRES_TUPLES_OK)
			succeeded++;
		else if (outcome != PGRES_EMPTY_QUERY && status == SLUICE_OK)
			status = tell_failure(seed, connection, result, succeeded, error);
		PQclear(result);
	}
	return status;
}

enum sluice_status slu_migration_seed_run(const struct slu_migration_seed *seed,
                                          const char *conninfo, struct sluice_error *error)
{
	PGconn *connection = PQconnectdb(conninfo);
	enum sluice_status status;

	PQsetNoticeReceiver(connection, ignore_notice, NULL);
	if (PQstatus(connection) != CONNECTION_OK || PQsetClientEncoding(connection, "UTF8") != 0)
		status = sluice_error_set(error, SLUICE_FAILED, "%s", PQerrorMessage(connection));
	else
		status = run(seed, connection, error);
	PQfinish(connection);
	return status;
}
