/* SPDX-License-Identifier: MIT */
/*
 * analysis.c - goes through a file's queries, in a transaction that is rolled back.
 *
 * Streams come first, so that their records get the names they ask for. What a query means depends
 * on settings; those that could tell differently at another time are pinned.
 */
#include "db/gen/ask/analysis.h"

#include "db/gen/ask/describe.h"
#include "db/gen/ask/fields.h"
#include "db/gen/ask/names.h"
#include "db/gen/ask/streams.h"

#include <stdlib.h>
#include <string.h>

/* A plan shows every table when nothing is pruned, and the same one on every machine. */
static const char begin_sql[] = "BEGIN;"
				"SET LOCAL search_path TO DEFAULT;"
				"SET LOCAL standard_conforming_strings = on;"
				"SET LOCAL quote_all_identifiers = off;"
				"SET LOCAL plan_cache_mode = force_generic_plan;"
				"SET LOCAL enable_partition_pruning = off;"
				"SET LOCAL constraint_exclusion = off;"
				"SET LOCAL enable_partitionwise_join = off;"
				"SET LOCAL enable_partitionwise_aggregate = off;"
				"SET LOCAL max_parallel_workers_per_gather = 0;"
				"SET LOCAL jit = off;"
				"SET LOCAL statement_timeout = 0;"
				"SET LOCAL client_min_messages = warning";

/* Of a partitioned table that has no partition yet a plan shows nothing: it gets one for the time
 * being. */
static const char partition_sql[] =
	"DO $$ DECLARE bare record; BEGIN"
	"  FOR bare IN SELECT n.nspname, c.relname, c.oid, p.partstrat"
	"    FROM pg_catalog.pg_partitioned_table p JOIN pg_catalog.pg_class c ON c.oid = p.partrelid"
	"      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	"    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = c.oid)"
	"  LOOP"
	"    EXECUTE pg_catalog.format('CREATE TABLE %I.%I PARTITION OF %I.%I %s',"
	"      bare.nspname, 'sluice_gen_' || bare.oid, bare.nspname, bare.relname,"
	"      CASE bare.partstrat WHEN 'h' THEN 'FOR VALUES WITH (modulus 1, remainder 0)'"
	"        ELSE 'DEFAULT' END);"
	"  END LOOP;"
	"END $$";

static bool begin(struct slu_study *study)
{
	PGresult *result;
	bool begun;

	if (PQsetClientEncoding(study->connection, "UTF8") != 0) {
		slu_study_lost(study, "speak UTF-8 with the database");
		return false;
	}
	result = PQexec(study->connection, begin_sql);
	begun = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	if (!begun)
		slu_study_lost(study, "begin a transaction");
	else
		PQclear(slu_study_ask(study, partition_sql, 0, NULL));
	return !study->broken;
}

/* Prepared statements outlive the transaction. */
static void end(struct slu_study *study)
{
	PQclear(PQexec(study->connection, "ROLLBACK"));
	slu_describe_forget(study);
}

static bool returns_rows(enum slu_command command)
{
	return command == SLU_COMMAND_ONE || command == SLU_COMMAND_MANY ||
	       command == SLU_COMMAND_BATCHONE || command == SLU_COMMAND_BATCHMANY;
}

/* What the server says of the query; NULL when it refuses it, which is told. */
static PGresult *describe(struct slu_study *study, const struct slu_query_source *query)
{
	PGresult *refusal = NULL;
	PGresult *about = slu_describe(study, query->sql, 0, NULL, &refusal);

	if (refusal != NULL)
		slu_describe_tell(study, query, refusal, query->sql);
	PQclear(refusal);
	if (about != NULL && (size_t)PQnparams(about) != query->parameter_count) {
		slu_finding(study->findings, query->place, NULL,
		            "the query has %zu parameters, and the server finds %d",
		            query->parameter_count, PQnparams(about));
		PQclear(about);
		about = NULL;
	}
	return about;
}

/* ---- queries ---- */

static struct slu_model_query *add_query(struct slu_study *study,
                                         const struct slu_query_source *query)
{
	struct slu_model *model = study->model;
	char *name = slu_name_snake(study, query->name);
	struct slu_model_query *grown = NULL;

	if (name != NULL)
		grown = slu_study_grow(study, model->queries, model->query_count, sizeof(*grown));
	if (grown == NULL) {
		free(name);
		return NULL;
	}
	model->queries = grown;
	grown += model->query_count++;
	grown->name = name;
	grown->source = query;
	grown->parameters = SLU_NONE;
	grown->row = SLU_NONE;
	return grown;
}

/* sqlc.embed needs to know its columns. */
static bool check_embeds(struct slu_study *study, const struct slu_query_source *query,
                         const struct slu_star_columns *columns)
{
	bool known = true;
	size_t i;

	for (i = 0; i < query->star_count; i++) {
		const struct slu_star *star = &query->stars[i];

		if (!star->embed || columns[i].count > 0)
			continue;
		slu_finding(study->findings,
		            slu_query_place(study->file, query, star->at, star->size),
		            "Write a plain star, or the columns.",
		            "the columns of sqlc.embed can't be told apart here");
		known = false;
	}
	return known;
}

/* Writes the stars out, and makes the row's struct. */
static void add_row(struct slu_study *study, struct slu_model_query *added, PGresult *about)
{
	const struct slu_query_source *query = added->source;
	struct slu_star_columns *stars = calloc(query->star_count + 1, sizeof(*stars));

	if (stars == NULL) {
		slu_study_starved(study);
		PQclear(about);
		return;
	}
	about = slu_stars_write_out(study, query, about, stars, &added->sql);
	if (about != NULL && check_embeds(study, query, stars))
		added->row = slu_row_add(study, query, added->name, added->sql, about, stars);
	PQclear(about);
	free(stars);
}

static void study_query(struct slu_study *study, const struct slu_query_source *query)
{
	size_t errors = study->findings->error_count;
	struct slu_model_query *added = add_query(study, query);
	PGresult *about = describe(study, query);
	const struct slu_struct *row, *parameters;

	if (added == NULL || about == NULL) {
		PQclear(about);
		return;
	}
	if (query->parameter_count > 0)
		added->parameters = slu_parameters_add(study, query, added->name, about);
	if (query->command == SLU_COMMAND_COPYFROM)
		added->copy_sql = slu_parameters_copy_sql(study, query);
	if (!returns_rows(query->command)) {
		added->sql = slu_study_copy(study, query->sql);
		PQclear(about);
	} else if (PQnfields(about) == 0) {
		slu_finding(study->findings, query->place,
		            "Use :exec, or have it return rows with RETURNING.",
		            "the query returns no rows");
		PQclear(about);
	} else {
		add_row(study, added, about);
	}
	/* A struct that was refused has no columns to compare the hints with. */
	if (study->findings->error_count > errors || study->broken)
		return;
	row = added->row == SLU_NONE ? NULL : &study->model->structs[added->row];
	parameters = added->parameters == SLU_NONE ? NULL
	                                           : &study->model->structs[added->parameters];
	slu_hints_check(study, query, row, parameters);
}

static void study_stream(struct slu_study *study, const struct slu_query_source *query)
{
	PGresult *about = describe(study, query);

	if (about != NULL)
		slu_stream_add(study, query, about);
	PQclear(about);
}

/* orders of db/queries/orders.sql */
static char *prefix_of(struct slu_study *study, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	const char *point = strchr(name, '.');
	char *stem = slu_study_print(
		study, "%.*s", (int)(point == NULL ? strlen(name) : (size_t)(point - name)), name);
	char *prefix = stem == NULL ? NULL : slu_name_field(study, stem);

	free(stem);
	return prefix;
}

enum sluice_status slu_analyse(struct slu_model *model, const struct slu_query_file *file,
                               PGconn *connection, const struct slu_override *overrides,
                               size_t override_count, int64_t schema_version,
                               struct slu_findings *findings)
{
	struct slu_study study = {model,          file,     connection, overrides,
	                          override_count, findings, false};
	size_t errors = findings->error_count;
	size_t i;

	memset(model, 0, sizeof(*model));
	model->file = file;
	model->schema_version = schema_version;
	model->prefix = prefix_of(&study, file->source.path);
	if (!begin(&study)) {
		end(&study);
		return SLUICE_FAILED;
	}
	for (i = 0; i < file->query_count && !study.broken; i++) {
		if (file->queries[i].stream.given)
			study_stream(&study, &file->queries[i]);
	}
	if (!study.broken)
		slu_streams_check(&study);
	for (i = 0; i < file->query_count && !study.broken; i++) {
		if (!file->queries[i].stream.given)
			study_query(&study, &file->queries[i]);
	}
	end(&study);
	if (study.broken)
		return SLUICE_FAILED;
	return findings->error_count > errors ? SLUICE_INVALID : SLUICE_OK;
}
