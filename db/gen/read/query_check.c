/* SPDX-License-Identifier: MIT */
/* query_check.c - what :copyfrom and @stream ask of a statement, as far as no database is asked. */
#include "db/gen/read/query_reader.h"

#include <string.h>

struct check {
	const struct slu_query_reader *reader;
	const struct slu_query_source *query;
	const struct slu_tokens *tokens;
};

static struct slu_place token_place(const struct check *check, size_t first, size_t end)
{
	const struct slu_sql_token *begin = slu_tokens_at(check->tokens, first);
	const struct slu_sql_token *last = slu_tokens_at(check->tokens, end - 1);

	return slu_query_place(check->reader->file, check->query, begin->offset,
	                       last->offset + last->size - begin->offset);
}

/* The first token, and the end, of value `index`. */
static size_t find_value(const struct check *check, size_t index, size_t *end)
{
	struct slu_insert_shape shape;
	size_t value;

	if (!slu_query_insert_shape(check->tokens, 0, &shape))
		return *end = 0;
	value = shape.values + 1;
	*end = slu_query_item_end(check->tokens, value);
	for (; index > 0; index--) {
		value = *end + 1;
		*end = slu_query_item_end(check->tokens, value);
	}
	return value;
}

static size_t find_column(const struct slu_insert *insert, const char *name)
{
	size_t i = 0;

	while (i < insert->column_count && strcmp(insert->columns[i], name) != 0)
		i++;
	return i;
}

/* What follows the first row of values, and must not. */
static void tell_rest(const struct check *check, const char *what, size_t rest)
{
	const struct slu_tokens *tokens = check->tokens;
	const char *hint = NULL;

	if (slu_tokens_is(tokens, rest, ","))
		hint = "Write one row of values; the caller hands over as many as there are.";
	else if (slu_tokens_is(tokens, rest, "RETURNING"))
		hint = "Leave RETURNING out: nothing comes back.";
	else if (slu_tokens_is(tokens, rest, "ON") && check->query->stream.given)
		hint = "Leave it out: Sluice makes one from the key of a state stream.";
	else if (slu_tokens_is(tokens, rest, "ON"))
		hint = "COPY knows no ON CONFLICT. Make it :batchexec.";
	slu_finding(check->reader->findings, token_place(check, rest, rest + 1), hint,
	            "nothing may follow the values here: %s takes a plain INSERT", what);
}

/* Whether the statement is a plain one-row INSERT; tells if not, at `place` or at what is wrong. */
static bool check_insert(const struct check *check, struct slu_place place, const char *what)
{
	struct slu_insert_shape shape;
	size_t rest = check->tokens->count;
	bool values = slu_query_insert_shape(check->tokens, 0, &shape) && !shape.select;

	if (check->query->insert.given && check->query->insert.bare)
		return true;
	if (values)
		rest = slu_tokens_pair(check->tokens, shape.values) + 1;
	if (rest < check->tokens->count)
		tell_rest(check, what, rest);
	else
		slu_finding(check->reader->findings, place,
		            "As in: INSERT INTO orders (id, price) VALUES (@id, @price);",
		            "%s takes a plain INSERT: a list of columns, and as many values", what);
	return false;
}

/* ---- :copyfrom ---- */

static void check_copy(const struct check *check)
{
	const struct slu_insert *insert = &check->query->insert;
	size_t i, end;

	if (!check_insert(check, check->query->place, ":copyfrom"))
		return;
	for (i = 0; i < insert->column_count; i++) {
		size_t value = find_value(check, i, &end);
		bool plain = insert->parameters[i] != SIZE_MAX && end == value + 1;

		if (!plain)
			slu_finding(check->reader->findings, token_place(check, value, end),
			            "COPY takes values as they are: no cast, no expression.",
			            "the value of \"%s\" is not a lone parameter",
			            insert->columns[i]);
	}
}

/* ---- @stream ---- */

static void check_parts(const struct check *check)
{
	const struct slu_stream_hint *stream = &check->query->stream;
	struct slu_findings *findings = check->reader->findings;

	if (!stream->state && stream->key_count > 0)
		slu_finding(findings, slu_stream_hint_place(check->query, stream->keys[0]),
		            "Every record is a row. Leave key(..) out, or make it a state stream.",
		            "an append stream has no key");
	if (!stream->state && stream->version != NULL)
		slu_finding(findings, slu_stream_hint_place(check->query, stream->version),
		            "Leave version(..) out, or make it a state stream.",
		            "an append stream has no version");
	if (stream->state && stream->lossy)
		slu_finding(findings, stream->place,
		            "Leave lossy out: what get returns would be older than what was put.",
		            "a state stream can't be lossy");
	if (stream->state && stream->key_count == 0)
		slu_finding(findings, stream->place,
		            "Name the columns that tell one row from another: key(id).",
		            "a state stream needs a key");
	if (stream->state && stream->version == NULL)
		slu_finding(findings, stream->place,
		            "Name a bigint column that Sluice may write each row's version to: "
		            "version(version).",
		            "a state stream needs a version");
	if (stream->history != NULL)
		slu_finding(findings, slu_stream_hint_place(check->query, stream->history),
		            "Make the history an append stream of its own for now.",
		            "history tables are not there yet");
}

/* A column of the hint must be one of the INSERT, and its value a parameter. */
static void check_column(const struct check *check, const char *name)
{
	const struct slu_insert *insert = &check->query->insert;
	size_t column = find_column(insert, name);

	if (column == insert->column_count)
		slu_finding(check->reader->findings, slu_stream_hint_place(check->query, name),
		            "Name one of its columns.", "the INSERT has no column \"%s\"", name);
	else if (insert->parameters[column] == SIZE_MAX)
		slu_finding(check->reader->findings, slu_stream_hint_place(check->query, name),
		            "Make its value a parameter.",
		            "the value of \"%s\" is not a lone parameter", name);
}

/* A value is a parameter, or is made in the database without one. */
static void check_value(const struct check *check, size_t column)
{
	const struct slu_insert *insert = &check->query->insert;
	size_t end;
	size_t value = find_value(check, column, &end);
	size_t at;

	if (insert->parameters[column] != SIZE_MAX)
		return;
	if (end == value + 1 && slu_tokens_is(check->tokens, value, "DEFAULT")) {
		slu_finding(check->reader->findings, token_place(check, value, end),
		            "Leave the column out: then it has its default, too.",
		            "a stream's value can't be DEFAULT");
		return;
	}
	for (at = value; at < end; at++) {
		if (slu_tokens_at(check->tokens, at)->kind != SLU_SQL_PARAMETER)
			continue;
		slu_finding(check->reader->findings, token_place(check, value, end),
		            "Compute it before the put; an expression without a parameter, such as "
		            "now(), may stay.",
		            "a stream's value is a lone parameter, or has none in it");
		return;
	}
}

static void check_texts(const struct check *check)
{
	const struct slu_query_source *query = check->query;
	size_t i;

	for (i = 0; i < query->hint_count; i++) {
		const struct slu_hint *hint = &query->hints[i];

		if (hint->kind == SLU_HINT_TEXT &&
		    find_column(&query->insert, hint->subject) == query->insert.column_count)
			slu_finding(check->reader->findings, hint->place,
			            "Name one of its columns.", "the INSERT has no column \"%s\"",
			            hint->subject);
		if (hint->kind != SLU_HINT_TEXT)
			slu_finding(
				check->reader->findings, hint->place,
				"The record's struct is named by record(..), and its columns "
				"are as the table says.",
				"@struct, @null and @notnull are about rows that a query returns");
	}
}

static void check_stream(const struct check *check)
{
	const struct slu_query_source *query = check->query;
	const struct slu_stream_hint *stream = &query->stream;
	size_t i;

	if (query->command != 0 && query->command != SLU_COMMAND_EXEC &&
	    query->command != SLU_COMMAND_COPYFROM)
		slu_finding(check->reader->findings, query->place, "Make it :exec, or :copyfrom.",
		            "a stream's rows are written by the sink, which returns nothing");
	check_parts(check);
	if (!check_insert(check, stream->place, "@stream"))
		return;
	for (i = 0; i < stream->key_count; i++)
		check_column(check, stream->keys[i]);
	if (stream->version != NULL)
		check_column(check, stream->version);
	for (i = 0; i < query->insert.column_count; i++)
		check_value(check, i);
	check_texts(check);
}

void slu_query_check(const struct slu_query_reader *reader, const struct slu_query_source *query,
                     const struct slu_tokens *tokens)
{
	struct check check = {reader, query, tokens};

	if (query->stream.given)
		check_stream(&check);
	if (query->command == SLU_COMMAND_COPYFROM)
		check_copy(&check);
}
