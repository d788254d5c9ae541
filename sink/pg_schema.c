/* SPDX-License-Identifier: MIT */
/*
 * pg_schema.c - three questions, and what is wrong with the answers.
 *
 * The answers are read by any role that may write: the catalogs and sluice.schema_migrations are
 * everybody's. The user's own version table may be missing, be another tool's, or be closed to this
 * role; then only the columns speak.
 */
#include "sink/pg_schema.h"

#include "db/catalog.h"
#include "db/migrate/migrate.h"
#include "sink/pg_buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION_COLUMN = 0, /* of the first two answers */
	DIRTY_COLUMN = 1,
	TABLE_COLUMN = 0, /* of the third */
	NAME_COLUMN = 1,
	DEFINITION_COLUMN = 2,
	OPTIONAL_COLUMN = 3,
	EXCERPT_SIZE = 41, /* of a definition, in a reason */
	EXCERPT_LEAD = 12, /* of it, before a difference */
};

#define MIGRATE "run `sluice migrate up`"
#define GENERATE "run `sluice gen` and rebuild, or `sluice migrate up`"

static const char library_sql[] = "SELECT version, dirty FROM sluice.schema_migrations";

/* A table that may not be there can't be named by a statement, and one that is not like
 * golang-migrate's has another meaning; hence the query in a text, which query_to_xml runs only for
 * a table that was found fit. The role's search_path finds it, as it found the migrations' tables;
 * `sluice` stands in it when that is the role's name. */
static const char user_sql[] =
	"WITH found AS ("
	"SELECT c.oid, n.nspname, c.relname "
	"FROM unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS path (schema, place) "
	"JOIN pg_catalog.pg_namespace n ON n.nspname = path.schema "
	"JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid "
	"WHERE c.relname = 'schema_migrations' AND path.schema <> 'sluice' "
	"ORDER BY path.place LIMIT 1"
	"), fit AS MATERIALIZED ("
	"SELECT f.* FROM found f WHERE pg_catalog.has_table_privilege(f.oid, 'SELECT') AND 2 = ("
	"SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = f.oid AND "
	"(a.attname, a.atttypid) IN (('version', 'int8'::regtype), ('dirty', 'bool'::regtype)))"
	"), told AS MATERIALIZED ("
	"SELECT pg_catalog.query_to_xml(pg_catalog.format("
	"'SELECT version, dirty FROM %I.%I', nspname, relname), false, false, '')::text AS answer "
	"FROM fit) "
	"SELECT substring(answer FROM '<version>(-?[0-9]+)</version>'), "
	"CASE WHEN answer LIKE '%<dirty>true</dirty>%' THEN 't' ELSE 'f' END FROM told";

/* ---- asking ---- */

static void put_quoted(struct slu_buffer *text, const char *name)
{
	slu_buffer_put_text(text, "\"");
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			slu_buffer_put_text(text, "\\");
		slu_buffer_put(text, name, 1);
	}
	slu_buffer_put_text(text, "\"");
}

static bool ask_columns(PGconn *pg, const struct sluice_streams *streams)
{
	struct slu_buffer tables;
	const char *values[1];
	bool sent = false;
	size_t index;

	slu_buffer_init(&tables, SIZE_MAX);
	slu_buffer_put_text(&tables, "{");
	for (index = 0; index < streams->count; index++) {
		const char *table = streams->streams[index]->table;

		slu_buffer_put_text(&tables, index > 0 ? "," : "");
		if (table != NULL)
			put_quoted(&tables, table);
		else
			slu_buffer_put_text(&tables, "NULL"); /* keeps its place; no table */
	}
	slu_buffer_put(&tables, "}", sizeof("}"));
	values[0] = (const char *)tables.bytes;
	if (tables.failure == SLU_BUFFER_FINE)
		sent = PQsendQueryParams(pg, slu_catalog_columns_sql, 1, NULL, values, NULL, NULL,
		                         0) == 1;
	slu_buffer_free(&tables);
	return sent;
}

bool slu_schema_ask(PGconn *pg, enum slu_schema_question question,
                    const struct sluice_streams *streams)
{
	if (question == SLU_ASK_COLUMNS)
		return ask_columns(pg, streams);
	return PQsendQueryParams(pg, question == SLU_ASK_LIBRARY ? library_sql : user_sql, 0, NULL,
	                         NULL, NULL, NULL, 0) == 1;
}

/* ---- versions ---- */

#define halt(connection, ...) \
	(slu_trouble_set(&(connection)->trouble, SLU_HALT, __VA_ARGS__), SLU_STOPPED)

static bool is_true(const PGresult *result, int row, int column)
{
	return strcmp(PQgetvalue(result, row, column), "t") == 0;
}

/* -1 for none. */
static int64_t version_of(const PGresult *result)
{
	if (PQntuples(result) == 0 || PQgetisnull(result, 0, VERSION_COLUMN))
		return -1;
	return strtoll(PQgetvalue(result, 0, VERSION_COLUMN), NULL, 10);
}

static enum slu_progress judge_library(struct slu_connection *connection, const PGresult *result)
{
	int64_t version = version_of(result);
	int64_t wanted = slu_library_set_version();

	if (version < 0)
		return halt(connection, "the tables of schema sluice are missing: " MIGRATE);
	if (is_true(result, 0, DIRTY_COLUMN))
		return halt(connection,
		            "the tables of schema sluice are dirty: a migration to version "
		            "%" PRId64 " did not end; see `sluice migrate status`",
		            version);
	if (version < wanted)
		return halt(connection,
		            "the tables of schema sluice are older (version %" PRId64
		            ") than this library (version %" PRId64 "): " MIGRATE,
		            version, wanted);
	if (version > wanted)
		return halt(connection,
		            "the tables of schema sluice are a newer Sluice's (version %" PRId64
		            "), this library knows version %" PRId64 ": upgrade this program",
		            version, wanted);
	return SLU_PENDING;
}

static enum slu_progress judge_user(struct slu_connection *connection, const PGresult *result)
{
	int64_t version = version_of(result);
	int64_t wanted = connection->target->streams->schema_version;

	if (PQntuples(result) == 0)
		return SLU_PENDING; /* no such table, or not for us */
	/* Mostly it is just being migrated, by a script that can't be a transaction. */
	if (is_true(result, 0, DIRTY_COLUMN)) {
		slu_trouble_set(&connection->trouble, SLU_RETRY,
		                "the schema is dirty: a migration to version %" PRId64
		                " runs, or did not end; see `sluice migrate status`",
		                version);
		return SLU_STOPPED;
	}
	if (wanted <= 0 || version >= wanted)
		return SLU_PENDING;
	if (version < 0)
		return halt(connection,
		            "the schema is at no version, this program was generated for version "
		            "%" PRId64 ": " MIGRATE,
		            wanted);
	return halt(connection,
	            "the schema is at version %" PRId64
	            ", this program was generated for version %" PRId64 ": " MIGRATE,
	            version, wanted);
}

/* ---- columns ---- */

/* A definition, or, of one that is long, the part where it differs from `other`. */
static const char *excerpt(char text[EXCERPT_SIZE], const char *definition, const char *other)
{
	size_t same = 0;
	size_t from = 0;
	int size;

	while (definition[same] != '\0' && definition[same] == other[same])
		same++;
	if (strlen(definition) >= EXCERPT_SIZE && same > EXCERPT_SIZE / 2)
		from = same - EXCERPT_LEAD;
	size = snprintf(text, EXCERPT_SIZE, "%s%s", from > 0 ? ".." : "", definition + from);
	if (size >= EXCERPT_SIZE)
		memcpy(text + EXCERPT_SIZE - sizeof(".."), "..", sizeof(".."));
	return text;
}

static enum slu_progress differs(struct slu_connection *connection,
                                 const struct sluice_stream *stream,
                                 const struct sluice_column *column, const char *found)
{
	char there[EXCERPT_SIZE];
	char here[EXCERPT_SIZE];

	if (found == NULL)
		return halt(connection,
		            "stream %.31s, column %.31s: the database has no such column, this "
		            "program expects %s: " GENERATE,
		            stream->name, column->name, excerpt(here, column->definition, ""));
	return halt(connection,
	            "stream %.31s, column %.31s: the database has %s, this program expects "
	            "%s: " GENERATE,
	            stream->name, column->name, excerpt(there, found, column->definition),
	            excerpt(here, column->definition, found));
}

/* The first row of a stream's table in the answer, which is ordered by streams. */
static int first_row(const PGresult *result, size_t stream)
{
	int row = 0;

	while (row < PQntuples(result) &&
	       strtoull(PQgetvalue(result, row, TABLE_COLUMN), NULL, 10) < stream)
		row++;
	return row;
}

static const char *definition_of(const PGresult *result, int from, int end, const char *name)
{
	int row;

	for (row = from; row < end; row++)
		if (strcmp(PQgetvalue(result, row, NAME_COLUMN), name) == 0)
			return PQgetvalue(result, row, DEFINITION_COLUMN);
	return NULL;
}

/* Copies the name that a list of columns in SQL begins with, without its quotes. Returns what
 * follows it; NULL when the list is not as `sluice gen` writes it. */
static const char *read_name(const char *list, char *name, size_t size)
{
	bool quoted = *list == '"';
	size_t used = 0;

	list += quoted;
	while (*list != '\0' && used + 1 < size) {
		if (quoted ? *list == '"' && list[1] != '"' : strchr(",) ", *list) != NULL)
			break;
		if (quoted && *list == '"')
			list++;
		name[used++] = *list++;
	}
	name[used] = '\0';
	list += quoted && *list == '"';
	return *list == ')' || strncmp(list, ", ", 2) == 0 ? list : NULL;
}

/* Whether the stream's INSERT names the column: also one that it fills with an expression, which is
 * no column of the stream. An INSERT of another form than `sluice gen` writes is trusted. */
static bool is_written(const struct sluice_stream *stream, const char *column)
{
	static const char insert[] = "INSERT INTO ";
	size_t table_size = strlen(stream->table);
	const char *list = stream->write_sql;
	char name[256];

	if (strncmp(list, insert, strlen(insert)) != 0)
		return true;
	list += strlen(insert);
	if (strncmp(list, stream->table, table_size) != 0 ||
	    strncmp(list + table_size, " (", 2) != 0)
		return true;
	for (list += table_size; *list != ')';) {
		list = read_name(list + 2, name, sizeof(name)); /* past " (" or ", " */
		if (list == NULL || strcmp(name, column) == 0)
			return true;
	}
	return false;
}

static enum slu_progress judge_stream(struct slu_connection *connection,
                                      const struct sluice_stream *stream, const PGresult *result,
                                      int from, int end)
{
	char there[EXCERPT_SIZE];
	size_t index;
	int row;

	if (from == end)
		return halt(connection,
		            "stream %.31s: the database has no table %.63s: " MIGRATE
		            ", or mend the search_path",
		            stream->name, stream->table);
	for (index = 0; index < stream->layout.column_count; index++) {
		const struct sluice_column *column = &stream->layout.columns[index];
		const char *found = definition_of(result, from, end, column->name);

		if (column->definition != NULL &&
		    (found == NULL || strcmp(found, column->definition) != 0))
			return differs(connection, stream, column, found);
	}
	for (row = from; row < end; row++) {
		const char *name = PQgetvalue(result, row, NAME_COLUMN);

		if (!is_true(result, row, OPTIONAL_COLUMN) && !is_written(stream, name))
			return halt(connection,
			            "stream %.31s, column %.31s: the database has %s without a "
			            "default, this program does not write it: " GENERATE,
			            stream->name, name,
			            excerpt(there, PQgetvalue(result, row, DEFINITION_COLUMN), ""));
	}
	return SLU_PENDING;
}

static enum slu_progress judge_columns(struct slu_connection *connection, const PGresult *result)
{
	const struct sluice_streams *streams = connection->target->streams;
	enum slu_progress progress = SLU_PENDING;
	size_t index;

	for (index = 0; index < streams->count && progress == SLU_PENDING; index++) {
		const struct sluice_stream *stream = streams->streams[index];

		if (stream->table != NULL)
			progress = judge_stream(connection, stream, result,
			                        first_row(result, index),
			                        first_row(result, index + 1));
	}
	return progress;
}

/* ---- errors ---- */

static enum slu_progress fail(struct slu_connection *connection, enum slu_schema_question question,
                              const PGresult *result)
{
	static const char *const names[] = {"version of schema sluice", "version of the schema",
	                                    "columns of the streams"};
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (question == SLU_ASK_LIBRARY && sqlstate != NULL &&
	    (strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "3F000") == 0))
		return halt(connection, "the tables of schema sluice are missing: " MIGRATE);
	if (question == SLU_ASK_LIBRARY && sqlstate != NULL && strcmp(sqlstate, "42501") == 0)
		return halt(connection,
		            "this role may not read sluice.schema_migrations: GRANT USAGE ON "
		            "SCHEMA sluice and SELECT ON sluice.schema_migrations to it");
	slu_trouble_of_result(&connection->trouble, connection->pg, result, names[question]);
	return SLU_STOPPED;
}

enum slu_progress slu_schema_judge(struct slu_connection *connection,
                                   enum slu_schema_question question, const PGresult *result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return fail(connection, question, result);
	if (question == SLU_ASK_LIBRARY)
		return judge_library(connection, result);
	if (question == SLU_ASK_USER)
		return judge_user(connection, result);
	return judge_columns(connection, result);
}
