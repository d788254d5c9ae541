/* SPDX-License-Identifier: MIT */
/* gen_schema.c - finds the files, reads them once, and runs them where nobody is hurt.
 * Migrations go through the runner, so that what is described is what a migrated database has. */
#include "db/gen/gen_schema.h"

#include "db/migrate/migrate.h"

#include <sluice/sink.h>

#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

static const struct slu_place nowhere = {NULL, 0, 0};

static enum sluice_status refuse(struct slu_findings *findings, const struct sluice_error *error)
{
	slu_finding(findings, nowhere, NULL, "%s", error->message);
	return error->status;
}

static enum sluice_status starve(struct slu_findings *findings)
{
	slu_finding(findings, nowhere, NULL, "out of memory");
	return SLUICE_FAILED;
}

/* ---- finding the files ---- */

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name);

	return size > strlen(end) && strcmp(name + size - strlen(end), end) == 0;
}

static int is_sql(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".sql");
}

/* The runner would pass other names over: a folder with one of these is meant for it. */
static bool has_migration(struct dirent **entries, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (ends_with(entries[i]->d_name, ".up.sql"))
			return true;
	}
	return false;
}

static enum sluice_status read_file(struct slu_gen_schema *schema, const char *path,
                                    struct slu_findings *findings)
{
	struct slu_source *files = reallocarray(schema->files, schema->file_count + 1,
	                                        sizeof(*files));
	struct sluice_error error;

	if (files == NULL)
		return starve(findings);
	schema->files = files;
	if (slu_source_read(&files[schema->file_count++], path, &error) != SLUICE_OK)
		return refuse(findings, &error);
	return SLUICE_OK;
}

/* Two folders would have one version table. */
static enum sluice_status read_migrations(struct slu_gen_schema *schema, const char *directory,
                                          struct slu_findings *findings)
{
	struct sluice_error error;

	if (schema->directory != NULL) {
		slu_finding(findings, nowhere,
		            "migrate both into one folder, or give the second as plain SQL",
		            "both %s and %s hold migrations, and a schema has one version",
		            schema->directory, directory);
		return SLUICE_INVALID;
	}
	schema->directory = directory;
	if (slu_migration_set_read(&schema->set, directory, &error) != SLUICE_OK)
		return refuse(findings, &error);
	return SLUICE_OK;
}

static enum sluice_status read_plain(struct slu_gen_schema *schema, const char *directory,
                                     struct dirent **entries, int count,
                                     struct slu_findings *findings)
{
	enum sluice_status status = SLUICE_OK;
	int i;

	for (i = 0; i < count && status == SLUICE_OK; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
			return starve(findings);
		status = read_file(schema, path, findings);
		free(path);
	}
	if (count == 0) {
		slu_finding(findings, nowhere, "it is named in the configuration, as `schema`",
		            "there is no .sql file in %s", directory);
		status = SLUICE_INVALID;
	}
	return status;
}

static enum sluice_status read_path(struct slu_gen_schema *schema, const char *path,
                                    struct slu_findings *findings)
{
	enum sluice_status status;
	struct dirent **entries;
	int count = scandir(path, &entries, is_sql, alphasort);
	int i;

	if (count < 0 && errno == ENOTDIR)
		return read_file(schema, path, findings);
	if (count < 0) {
		slu_finding(findings, nowhere, "it is named in the configuration, as `schema`",
		            "can't read %s: %s", path, strerror(errno));
		return SLUICE_FAILED;
	}
	if (has_migration(entries, count))
		status = read_migrations(schema, path, findings);
	else
		status = read_plain(schema, path, entries, count, findings);
	for (i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return status;
}

enum sluice_status slu_gen_schema_read(struct slu_gen_schema *schema,
                                       const struct slu_config_set *config,
                                       struct slu_findings *findings)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	*schema = (struct slu_gen_schema){.directory = NULL};
	for (i = 0; i < config->schema_count && status == SLUICE_OK; i++)
		status = read_path(schema, config->schemas[i], findings);
	return status;
}

void slu_gen_schema_free(struct slu_gen_schema *schema)
{
	size_t i;

	for (i = 0; i < schema->file_count; i++)
		slu_source_free(&schema->files[i]);
	free(schema->files);
	slu_migration_set_free(&schema->set);
	*schema = (struct slu_gen_schema){.directory = NULL};
}

int64_t slu_gen_schema_version(const struct slu_gen_schema *schema)
{
	return schema->set.count == 0 ? 0 : schema->set.migrations[schema->set.count - 1].version;
}

/* ---- running them ---- */

/* The byte that the server's position, in characters from 1, stands for. */
static size_t byte_at(const char *text, const char *position)
{
	long characters = position == NULL ? 1 : strtol(position, NULL, 10);
	size_t at = 0;

	while (characters > 1 && text[at] != '\0') {
		at++;
		characters -= ((unsigned char)text[at] & 0xc0) != 0x80;
	}
	return at;
}

static enum sluice_status run_file(PGconn *connection, const struct slu_source *file,
                                   struct slu_findings *findings)
{
	PGresult *result = PQexec(connection, file->text);
	ExecStatusType outcome = PQresultStatus(result);
	enum sluice_status status = SLUICE_OK;

	if (outcome != PGRES_COMMAND_OK && outcome != PGRES_TUPLES_OK &&
	    outcome != PGRES_EMPTY_QUERY) {
		const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
		const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
		struct slu_place place = {file, byte_at(file->text, position), 0};

		slu_finding(findings, place, PQresultErrorField(result, PG_DIAG_MESSAGE_HINT), "%s",
		            message != NULL ? message : PQerrorMessage(connection));
		status = SLUICE_INVALID;
	}
	PQclear(result);
	return status;
}

static enum sluice_status run_files(const struct slu_gen_schema *schema, const char *conninfo,
                                    struct slu_findings *findings)
{
	PGconn *connection = PQconnectdb(conninfo);
	enum sluice_status status = SLUICE_OK;
	size_t i;

	if (PQstatus(connection) != CONNECTION_OK) {
		slu_finding(findings, nowhere, NULL, "can't connect: %s",
		            PQerrorMessage(connection));
		status = SLUICE_FAILED;
	}
	PQsetClientEncoding(connection, "UTF8");
	for (i = 0; i < schema->file_count && status == SLUICE_OK; i++)
		status = run_file(connection, &schema->files[i], findings);
	PQfinish(connection);
	return status;
}

static enum sluice_migrate_stop stop_when(void *context)
{
	bool (*const *interrupted)(void) = context;

	return *interrupted != NULL && (*interrupted)() ? SLUICE_MIGRATE_STOP_NOW
	                                                : SLUICE_MIGRATE_GO_ON;
}

enum sluice_status slu_gen_schema_apply(const struct slu_gen_schema *schema, const char *conninfo,
                                        bool (*interrupted)(void), struct slu_findings *findings)
{
	struct sluice_migrate_options options = {
		.conninfo = conninfo,
		.directory = schema->directory,
		.stop = stop_when,
		.context = &interrupted,
	};
	struct sluice_error error;

	if (schema->directory != NULL &&
	    slu_migrate_up(&options, SLU_MIGRATE_ALL, NULL, &error) != SLUICE_OK)
		return refuse(findings, &error);
	if (schema->file_count > 0)
		return run_files(schema, conninfo, findings);
	return SLUICE_OK;
}
