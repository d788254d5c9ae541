/* SPDX-License-Identifier: MIT */
/* lanes_statements.c - feeds the generator's statement writer with what a file says of a stream.
 * One cycle: names -> a draft as the generator has it -> statements, prepared -> a descriptor. */
#include "cli/lanes_statements.h"

#include "db/gen/ask/streams.h"

#include <sluice/sink.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define IDENTIFIER_SIZE_MAX 63 /* bytes that Postgres keeps of a name */

struct slu_lanes_statements {
	struct sluice_streams set;
	struct sluice_stream streams[SLUICE_STREAMS_MAX];
	const struct sluice_stream *pointers[SLUICE_STREAMS_MAX];
	struct slu_model_stream made[SLUICE_STREAMS_MAX]; /* owns the statements */
	char *tables[SLUICE_STREAMS_MAX];
};

/* ---- names ---- */

static bool begins_word(char byte)
{
	return isalpha((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

static bool is_of_word(char byte)
{
	return begins_word(byte) || isdigit((unsigned char)byte) || byte == '$';
}

/* Copies the identifier that `*text` begins with, as the server understands it, and moves on behind
 * it. False when there is none, or it is too long. */
static bool read_identifier(const char **text, char name[IDENTIFIER_SIZE_MAX + 1])
{
	bool quoted = **text == '"';
	const char *at = *text + quoted;
	size_t used = 0;

	if (!quoted && !begins_word(*at))
		return false;
	for (; quoted ? *at != '\0' && (*at != '"' || at[1] == '"') : is_of_word(*at); at++) {
		if (used == IDENTIFIER_SIZE_MAX)
			return false;
		at += quoted && *at == '"';
		name[used++] = quoted || (unsigned char)*at >= 0x80
		                       ? *at
		                       : (char)tolower((unsigned char)*at);
	}
	name[used] = '\0';
	*text = at + quoted;
	return used > 0 && (!quoted || *at == '"');
}

static char *quote(PGconn *connection, const char *name)
{
	return PQescapeIdentifier(connection, name, strlen(name));
}

char *slu_lanes_quote_name(PGconn *connection, const char *text, char **last)
{
	char name[IDENTIFIER_SIZE_MAX + 1];
	char *first, *whole = NULL;
	bool qualified;

	*last = NULL;
	if (!read_identifier(&text, name))
		return NULL;
	first = quote(connection, name);
	qualified = *text == '.';
	if (qualified) {
		text++;
		if (read_identifier(&text, name))
			*last = quote(connection, name);
	} else {
		*last = quote(connection, name);
	}
	if (*text == '\0' && first != NULL && *last != NULL) {
		size_t size = strlen(first) + strlen(*last) + 2;

		/* As libpq's own: PQfreemem is free. */
		whole = malloc(size);
		if (whole != NULL)
			snprintf(whole, size, "%s%s%s", qualified ? first : "",
			         qualified ? "." : "", *last);
	}
	PQfreemem(first);
	if (whole == NULL) {
		PQfreemem(*last);
		*last = NULL;
	}
	return whole;
}

/* What an array of the column is sent as; NULL for a type that is none. */
static const char *cast_of(enum sluice_type type)
{
	static const char *const casts[] = {
		[SLUICE_BOOL] = "boolean",        [SLUICE_INT2] = "smallint",
		[SLUICE_INT4] = "integer",        [SLUICE_INT8] = "bigint",
		[SLUICE_FLOAT4] = "real",         [SLUICE_FLOAT8] = "double precision",
		[SLUICE_NUMERIC64] = "numeric",   [SLUICE_NUMERIC] = "numeric",
		[SLUICE_TEXT_TYPE] = "text",      [SLUICE_BYTEA] = "bytea",
		[SLUICE_JSON] = "json",           [SLUICE_JSONB] = "jsonb",
		[SLUICE_UUID] = "uuid",           [SLUICE_TIMESTAMPTZ] = "timestamptz",
		[SLUICE_TIMESTAMP] = "timestamp", [SLUICE_DATE] = "date",
		[SLUICE_TIME] = "time",           [SLUICE_INTERVAL] = "interval",
		[SLUICE_INET] = "inet",           [SLUICE_VERSION] = "bigint",
	};

	return (size_t)type < sizeof(casts) / sizeof(casts[0]) ? casts[type] : NULL;
}

/* ---- a draft ---- */

/* What the generator's writer looks at. Every column has a parameter of its own: `parameters`. */
struct draft {
	struct slu_stream_draft draft;
	struct slu_query_source query;
	char *last; /* the table's name by itself */
};

static enum sluice_status refuse_name(const struct sluice_stream *stream, const char *what,
                                      const char *name, struct sluice_error *error)
{
	return sluice_error_set(
		error, SLUICE_INVALID,
		"stream %s: the file names the %s %.80s, which is not a name that a "
		"statement can be made of; only the program that wrote it can carry "
		"its records",
		stream->name, what, name != NULL ? name : "NULL");
}

static enum sluice_status fill_column(struct draft *draft, const struct sluice_stream *stream,
                                      size_t index, PGconn *connection, struct sluice_error *error)
{
	const struct sluice_column *column = &stream->layout.columns[index];
	struct slu_stream_column *to = &draft->draft.columns[index];
	size_t size = strlen(column->name);
	const char *cast = cast_of(column->type);
	char *last = NULL;

	draft->draft.record.fields[index].type = column->type;
	to->name = column->name;
	if (size > 0 && size <= IDENTIFIER_SIZE_MAX)
		to->quoted = quote(connection, column->name);
	if (to->quoted == NULL)
		return refuse_name(stream, "column", column->name, error);
	if (column->type == SLUICE_ENUM)
		to->cast = slu_lanes_quote_name(connection, column->labels->name, &last);
	else if (cast != NULL)
		to->cast = strdup(cast);
	PQfreemem(last);
	if (to->cast == NULL)
		return refuse_name(stream, "type of column", column->name, error);
	return SLUICE_OK;
}

static enum sluice_status fill_draft(struct draft *draft, const struct sluice_stream *stream,
                                     PGconn *connection, struct sluice_error *error)
{
	size_t count = stream->layout.column_count;
	enum sluice_status status = SLUICE_OK;

	draft->draft.query = &draft->query;
	draft->draft.columns = calloc(count, sizeof(*draft->draft.columns));
	draft->draft.record.fields = calloc(count, sizeof(*draft->draft.record.fields));
	draft->query.insert.parameters = calloc(count, sizeof(size_t));
	if (draft->draft.columns == NULL || draft->draft.record.fields == NULL ||
	    draft->query.insert.parameters == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	draft->draft.record.field_count = count;
	draft->query.insert.column_count = count;
	draft->query.stream.state = stream->kind == SLUICE_STATE;
	draft->query.stream.key_count = stream->key_column_count;
	draft->query.insert.table = slu_lanes_quote_name(connection, stream->table, &draft->last);
	draft->draft.quoted = draft->last;
	if (draft->query.insert.table == NULL)
		return refuse_name(stream, "table", stream->table, error);
	for (size_t i = 0; i < count && status == SLUICE_OK; i++)
		status = fill_column(draft, stream, i, connection, error);
	return status;
}

/* The table's name stays: the descriptor needs it. */
static void free_draft(struct draft *draft)
{
	for (size_t i = 0; draft->draft.columns != NULL && i < draft->draft.record.field_count;
	     i++) {
		PQfreemem(draft->draft.columns[i].quoted);
		free(draft->draft.columns[i].cast);
	}
	free(draft->draft.columns);
	free(draft->draft.record.fields);
	free(draft->query.insert.parameters);
	PQfreemem(draft->last);
}

/* ---- the statements ---- */

/* What the database has against the statements, in its words. */
static enum sluice_status tell_findings(const struct sluice_stream *stream, const char *findings,
                                        struct sluice_error *error)
{
	static const char said[] = "error: ";

	if (strncmp(findings, said, strlen(said)) == 0)
		findings += strlen(said);
	return sluice_error_set(error, SLUICE_INVALID,
	                        "stream %s can't be written to this database: %.*s; bring its "
	                        "tables to where they were when the file was written",
	                        stream->name, (int)strcspn(findings, "\n"), findings);
}

static enum sluice_status write_statements(struct draft *draft, const struct sluice_stream *stream,
                                           struct slu_study *study, struct slu_model_stream *made,
                                           struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	char *findings = NULL;
	size_t size;
	FILE *out = open_memstream(&findings, &size);

	if (out == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	study->findings->out = out;
	draft->draft.study = study;
	made->kind = stream->kind;
	slu_stream_write_sql(&draft->draft, made);
	fclose(out);
	if (study->broken || draft->draft.refused)
		status = tell_findings(stream, findings != NULL ? findings : "", error);
	free(findings);
	return status;
}

static enum sluice_status make_stream(struct slu_lanes_statements *statements, size_t index,
                                      const struct sluice_stream *stream, struct slu_study *study,
                                      struct sluice_error *error)
{
	struct slu_model_stream *made = &statements->made[index];
	struct draft draft = {.last = NULL};
	enum sluice_status status = fill_draft(&draft, stream, study->connection, error);

	statements->tables[index] = draft.query.insert.table;
	if (status == SLUICE_OK)
		status = write_statements(&draft, stream, study, made, error);
	free_draft(&draft);
	statements->streams[index] = *stream;
	statements->streams[index].table = statements->tables[index];
	statements->streams[index].copy_sql = made->copy_sql;
	statements->streams[index].write_sql = made->write_sql;
	statements->streams[index].remove_sql = made->remove_sql;
	statements->pointers[index] = &statements->streams[index];
	return status;
}

/* The generator tries statements within savepoints. */
static bool run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	bool done = PQresultStatus(result) == PGRES_COMMAND_OK;

	PQclear(result);
	return done;
}

struct slu_lanes_statements *slu_lanes_statements_make(const struct sluice_streams *streams,
                                                       PGconn *connection,
                                                       struct sluice_error *error)
{
	struct slu_lanes_statements *statements = calloc(1, sizeof(*statements));
	struct slu_findings findings = {.out = NULL};
	struct slu_study study = {.connection = connection, .findings = &findings};
	enum sluice_status status = SLUICE_OK;

	if (statements == NULL) {
		sluice_error_set(error, SLUICE_FAILED, "out of memory");
		return NULL;
	}
	statements->set = *streams;
	statements->set.streams = statements->pointers;
	if (!run(connection, "BEGIN"))
		status = sluice_error_set(error, SLUICE_FAILED, "the database does not answer: %s",
		                          PQerrorMessage(connection));
	for (size_t i = 0; i < streams->count && status == SLUICE_OK; i++)
		status = make_stream(statements, i, streams->streams[i], &study, error);
	run(connection, "ROLLBACK"); /* of nothing: a connection that is lost has told so before */
	if (status == SLUICE_OK)
		return statements;
	slu_lanes_statements_free(statements);
	return NULL;
}

void slu_lanes_statements_free(struct slu_lanes_statements *statements)
{
	if (statements == NULL)
		return;
	for (size_t i = 0; i < SLUICE_STREAMS_MAX; i++) {
		slu_model_stream_free(&statements->made[i]);
		free(statements->tables[i]);
	}
	free(statements);
}

const struct sluice_streams *
slu_lanes_statements_streams(const struct slu_lanes_statements *statements)
{
	return &statements->set;
}
