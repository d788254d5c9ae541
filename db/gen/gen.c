/* SPDX-License-Identifier: MIT */
/* gen.c - the run, step by step. What is wrong is told as it is found, and the run goes on as far
 * as that makes sense, so that one run tells all; only a run without a finding writes. Owns: one
 * database at a time. Borrows: nothing. */
#include "db/gen/gen.h"

#include "db/gen/ask/analysis.h"
#include "db/gen/gen_database.h"
#include "db/gen/gen_hash.h"
#include "db/gen/gen_output.h"
#include "db/gen/gen_schema.h"
#include "db/gen/write/emit.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

static const struct slu_place nowhere = {NULL, 0, 0};

struct run {
	const struct slu_gen_options *options;
	struct slu_config config;
	struct slu_findings findings;
	struct slu_gen_output output;
	struct slu_gen_database database;
	bool broken; /* the system, the server or a signal stood in the way: told */
};

static void break_off(struct run *run, const char *message)
{
	slu_finding(&run->findings, nowhere, NULL, "%s", message);
	run->broken = true;
}

/* Errors in what others wrote leave the rest to be looked at; other failures do not. */
static bool note(struct run *run, enum sluice_status status)
{
	if (status != SLUICE_OK && status != SLUICE_INVALID)
		run->broken = true;
	return status == SLUICE_OK;
}

static bool goes_on(struct run *run)
{
	const struct slu_gen_options *options = run->options;

	if (!run->broken && options->interrupted != NULL && options->interrupted())
		break_off(run, "interrupted");
	return !run->broken;
}

/* ---- names and hashes ---- */

/* trading of db/queries/trading.sql. NULL when out of memory. */
static char *stem_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t size = strlen(name);

	if (size > 4 && strcmp(name + size - 4, ".sql") == 0)
		size -= 4;
	return strndup(name, size);
}

/* The schema's part of the hash: what a query means depends on all of it. */
static uint64_t hash_set(const struct slu_gen_schema *schema, const struct slu_config_set *set)
{
	uint64_t hash = slu_hash_text(SLU_HASH_BEGIN, SLUICE_VERSION_STRING);
	size_t i;

	for (i = 0; i < schema->set.count; i++) {
		const struct slu_migration *migration = &schema->set.migrations[i];

		hash = slu_hash_number(hash, (uint64_t)migration->version);
		hash = slu_hash_text(hash, migration->up.text == NULL ? "" : migration->up.text);
	}
	for (i = 0; i < schema->file_count; i++)
		hash = slu_hash_text(hash, schema->files[i].text);
	for (i = 0; i < set->override_count; i++) {
		hash = slu_hash_text(hash, set->overrides[i].column);
	}
	return hash;
}

struct unit {
	const char *path; /* of the query file */
	char *stem;
	char hash[17];
};

/* Returns false when out of memory, told. */
static bool unit_init(struct run *run, struct unit *unit, const char *path, const char *text,
                      uint64_t set_hash)
{
	uint64_t hash;

	*unit = (struct unit){.path = path, .stem = stem_of(path)};
	if (unit->stem == NULL) {
		break_off(run, "out of memory");
		return false;
	}
	hash = slu_hash_text(set_hash, unit->stem);
	hash = slu_hash_text(hash, text);
	snprintf(unit->hash, sizeof(unit->hash), "%016" PRIx64, hash);
	return true;
}

/* Adds both files of a unit; texts may be NULL. */
static void add_unit(struct run *run, const struct unit *unit, const struct slu_emitted *emitted,
                     const char *remark)
{
	struct slu_source source = {.path = (char *)unit->path};
	const struct slu_gen_file *other;
	char name[300];

	snprintf(name, sizeof(name), "%s.h", unit->stem);
	other = slu_gen_output_find(&run->output, name);
	if (other != NULL) {
		slu_finding(&run->findings, (struct slu_place){&source, 0, 0},
		            "rename one of the two", "%s has the same name, and both become %s",
		            other->from, name);
		return;
	}
	if (!slu_gen_output_add(&run->output, unit->stem, "h", emitted->header, unit->hash, remark,
	                        unit->path) ||
	    !slu_gen_output_add(&run->output, unit->stem, "c", emitted->source, unit->hash, remark,
	                        unit->path))
		break_off(run, "out of memory");
}

/* ---- a query file ---- */

static void count_things(const struct slu_model *model, char *remark, size_t size)
{
	snprintf(remark, size, "%zu stream%s, %zu quer%s", model->stream_count,
	         model->stream_count == 1 ? "" : "s", model->query_count,
	         model->query_count == 1 ? "y" : "ies");
}

static void emit_file(struct run *run, const struct slu_model *model, const struct unit *unit)
{
	struct slu_source source = {.path = (char *)unit->path};
	struct slu_emitted emitted;
	struct sluice_error error;
	char remark[80];

	count_things(model, remark, sizeof(remark));
	if (note(run, slu_emit(&emitted, model, unit->hash, &error)))
		add_unit(run, unit, &emitted, remark);
	else
		slu_finding(&run->findings, (struct slu_place){&source, 0, 0}, NULL, "%s",
		            error.message);
	slu_emitted_free(&emitted);
}

static void generate_file(struct run *run, const struct slu_config_set *set,
                          const struct slu_gen_schema *schema, PGconn *connection, const char *path)
{
	struct slu_query_file file;
	struct unit unit = {.stem = NULL};

	if (note(run, slu_query_file_read(&file, path, &run->findings)) &&
	    unit_init(run, &unit, path, file.source.text, hash_set(schema, set))) {
		struct slu_model model;
		size_t before = run->findings.error_count;

		if (note(run,
		         slu_analyse(&model, &file, connection, set->overrides, set->override_count,
		                     slu_gen_schema_version(schema), &run->findings)) &&
		    run->findings.error_count == before)
			emit_file(run, &model, &unit);
		slu_model_free(&model);
	}
	free(unit.stem);
	slu_query_file_free(&file);
}

/* Without a database: only what the files were made from. */
static void hash_file(struct run *run, const struct slu_config_set *set,
                      const struct slu_gen_schema *schema, const char *path)
{
	const struct slu_emitted unknown = {NULL, NULL};
	struct slu_source source;
	struct sluice_error error;
	struct unit unit = {.stem = NULL};

	if (!note(run, slu_source_read(&source, path, &error)))
		slu_finding(&run->findings, nowhere, NULL, "%s", error.message);
	else if (unit_init(run, &unit, path, source.text, hash_set(schema, set)))
		add_unit(run, &unit, &unknown, "");
	free(unit.stem);
	slu_source_free(&source);
}

/* ---- an entry of the configuration ---- */

static void forget_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

/* Analyses the set's query files in the database that has its schema. */
static void generate_files(struct run *run, const struct slu_config_set *set,
                           const struct slu_gen_schema *schema)
{
	PGconn *connection = PQconnectdb(run->database.conninfo);
	size_t i;

	PQsetNoticeProcessor(connection, forget_notice, NULL);
	if (PQstatus(connection) != CONNECTION_OK)
		break_off(run, PQerrorMessage(connection));
	for (i = 0; i < set->query_file_count && goes_on(run); i++)
		generate_file(run, set, schema, connection, set->query_files[i]);
	PQfinish(connection);
}

static void generate_set(struct run *run, const struct slu_config_set *set,
                         const struct slu_gen_schema *schema)
{
	struct sluice_error error;

	if (slu_gen_database_create(&run->database, &error) != SLUICE_OK) {
		break_off(run, error.message);
		return;
	}
	if (note(run, slu_gen_schema_apply(schema, run->database.conninfo,
	                                   run->options->interrupted, &run->findings)) &&
	    goes_on(run))
		generate_files(run, set, schema);
	if (slu_gen_database_drop(&run->database, &error) != SLUICE_OK)
		break_off(run, error.message);
}

static void go_through_sets(struct run *run)
{
	size_t i;
	size_t j;

	for (i = 0; i < run->config.set_count && goes_on(run); i++) {
		const struct slu_config_set *set = &run->config.sets[i];
		struct slu_gen_schema schema;

		if (note(run, slu_gen_schema_read(&schema, set, &run->findings))) {
			if (!run->options->no_database)
				generate_set(run, set, &schema);
			for (j = 0; run->options->no_database && j < set->query_file_count; j++)
				hash_file(run, set, &schema, set->query_files[j]);
		}
		slu_gen_schema_free(&schema);
	}
}

static void generate(struct run *run)
{
	struct sluice_error error;

	if (run->options->no_database) {
		go_through_sets(run);
		return;
	}
	if (slu_gen_database_open(&run->database, run->options->dsn, &error) == SLUICE_OK)
		go_through_sets(run);
	else
		break_off(run, error.message);
	if (slu_gen_database_close(&run->database, &error) != SLUICE_OK)
		break_off(run, error.message);
}

/* ---- the end ---- */

static enum sluice_status write_all(struct run *run)
{
	struct sluice_error error;
	size_t left_over;

	if (slu_gen_output_write(&run->output, run->options->answer, &error) == SLUICE_OK &&
	    slu_gen_output_tell_left_over(&run->output, run->options->errors, &left_over, &error) ==
	            SLUICE_OK)
		return SLUICE_OK;
	break_off(run, error.message);
	return SLUICE_FAILED;
}

/* The command that mends it, as it was called. The DSN stays out: it may hold a password. */
static void tell_remedy(const struct run *run, size_t differences)
{
	const struct slu_gen_options *options = run->options;

	fprintf(options->errors, "%zu difference%s. Run: sluice gen%s%s%s%s%s\n", differences,
	        differences == 1 ? "" : "s", options->config == NULL ? "" : " --config ",
	        options->config == NULL ? "" : options->config,
	        options->out == NULL ? "" : " --out ", options->out == NULL ? "" : options->out,
	        options->dsn == NULL ? "" : " --dsn ..");
}

static enum sluice_status compare_all(struct run *run)
{
	FILE *answer = run->options->answer;
	struct sluice_error error;
	size_t differences;

	if (slu_gen_output_compare(&run->output, answer, &differences, &error) != SLUICE_OK) {
		break_off(run, error.message);
		return SLUICE_FAILED;
	}
	if (differences == 0) {
		fprintf(answer, "%s: as generated, %zu files\n", run->output.directory,
		        run->output.count);
		return SLUICE_OK;
	}
	fflush(answer);
	tell_remedy(run, differences);
	return SLUICE_CONFLICT;
}

/* `generated` beside the configuration, unless told otherwise. */
static bool choose_directory(struct run *run)
{
	const char *path = run->config.source.path;
	const char *slash = strrchr(path, '/');
	char *directory = NULL;
	bool chosen;

	if (run->options->out != NULL)
		return slu_gen_output_init(&run->output, run->options->out);
	if (asprintf(&directory, "%.*sgenerated", slash == NULL ? 0 : (int)(slash + 1 - path),
	             path) < 0)
		return false;
	chosen = slu_gen_output_init(&run->output, directory);
	free(directory);
	return chosen;
}

static enum sluice_status finish(struct run *run)
{
	size_t count = run->findings.error_count;

	if (count > 0) {
		fprintf(run->options->errors, "%zu error%s; nothing was %s\n", count,
		        count == 1 ? "" : "s", run->options->check ? "compared" : "written");
		return run->broken ? SLUICE_FAILED : SLUICE_INVALID;
	}
	return run->options->check ? compare_all(run) : write_all(run);
}

enum sluice_status slu_gen_run(const struct slu_gen_options *options)
{
	struct run run = {.options = options, .findings = {.out = options->errors}};
	enum sluice_status status;

	if (note(&run, slu_config_read(&run.config, options->config, &run.findings))) {
		if (choose_directory(&run))
			generate(&run);
		else
			break_off(&run, "out of memory");
	}
	status = finish(&run);
	slu_gen_output_free(&run.output);
	slu_config_free(&run.config);
	return status;
}
