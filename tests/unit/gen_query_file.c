/* SPDX-License-Identifier: MIT */
/* gen_query_file.c - what is read out of a query file: names, comments, hints, SQL with numbers. */
#include "tests/unit/gen_query_file_reading.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char ONE[] = "-- name: GetOrder :one\nSELECT 1;\n";

/* ---- names and comments ---- */

Test(gen_query_file, a_file_without_a_query_is_empty)
{
	struct reading *read = reads("-- nothing here\n ;; /* nor here */\n");

	cr_assert_eq(read->file.query_count, 0);
	reading_close(read);
}

Test(gen_query_file, every_command_is_known)
{
	static const char *const commands[] = {"one",       "many",       "exec",
	                                       "execrows",  "execresult", "copyfrom",
	                                       "batchexec", "batchone",   "batchmany"};
	char text[128];
	unsigned i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct reading *read;

		snprintf(text, sizeof(text), "-- name: A :%s\nINSERT INTO t (a) VALUES (@a);",
		         commands[i]);
		read = reads(text);
		cr_assert_eq(read->file.queries[0].command, (enum slu_command)(i + 1));
		reading_close(read);
	}
}

Test(gen_query_file, a_name_may_stand_in_a_block_comment_and_sql_may_lack_the_last_semicolon)
{
	struct reading *read = reads("/* name: A :one */ SELECT 1;\n"
	                             "/*\n * name: B :many\n * Of all.\n */\nSELECT 2\n-- end\n");

	cr_assert_eq(read->file.query_count, 2);
	cr_assert_str_eq(read->file.queries[0].name, "A");
	cr_assert_str_eq(read->file.queries[1].name, "B");
	cr_assert_str_eq(read->file.queries[1].comment, "Of all.");
	cr_assert_str_eq(read->file.queries[1].sql, "SELECT 2");
	reading_close(read);
}

Test(gen_query_file, the_comment_is_what_stands_around_the_name_without_flags)
{
	struct reading *read = reads("-- ---- orders ----\n"
	                             "\n"
	                             "--\n"
	                             "-- One order,\r\n"
	                             "--   by its id.\n"
	                             "-- name: GetOrder :one\n"
	                             "-- @sqlc-vet-disable\n"
	                             "-- @null total\n"
	                             "--\n"
	                             "-- Slow.\n"
	                             "--\n"
	                             "SELECT 1; -- of another one\n" /* beside: of the first */
	                             "-- name: B :one\n"
	                             "SELECT 2;");

	cr_assert_str_eq(read->file.queries[0].comment, "One order,\nby its id.\n\nSlow.");
	cr_assert_str_eq(read->file.queries[1].comment, "");
	reading_close(read);
}

Test(gen_query_file, comments_within_a_statement_are_kept_and_may_speak_of_names)
{
	struct reading *read = reads("-- name: A :one\nSELECT 1, -- name: of @nobody\n"
	                             "/* ; */ @a -- behind\n;");

	cr_assert_str_eq(read->file.queries[0].sql, "SELECT 1, -- name: of @nobody\n/* ; */ $1");
	cr_assert_eq(read->file.queries[0].parameter_count, 1);
	reading_close(read);
}

Test(gen_query_file, the_place_is_that_of_the_name)
{
	struct reading *read = reads(ONE);
	struct slu_place place = read->file.queries[0].place;

	cr_assert_eq(place.source, &read->file.source);
	cr_assert_eq(place.offset, 9);
	cr_assert_eq(place.size, strlen("GetOrder"));
	reading_close(read);
}

Test(gen_query_file, a_name_in_c_has_small_letters)
{
	static const char *const names[][2] = {
		{"GetOrder", "get_order"},  {"HTTPStatus", "http_status"},
		{"get_order", "get_order"}, {"GetV2Order", "get_v2_order"},
		{"ListByID", "list_by_id"}, {"A", "a"},
		{"Get_Order", "get_order"}, {"orderX", "order_x"},
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *snake = slu_snake_case(names[i][0]);

		cr_expect_str_eq(snake, names[i][1]);
		free(snake);
	}
}

/* ---- parameters ---- */

static void becomes(const char *sql, const char *expected)
{
	char *text = NULL;
	struct reading *read;

	cr_assert_geq(asprintf(&text, "-- name: A :many\n%s;", sql), 0);
	read = reads(text);
	cr_expect_str_eq(read->file.queries[0].sql, expected, "%s became %s", sql,
	                 read->file.queries[0].sql);
	reading_close(read);
	free(text);
}

Test(gen_query_file, names_become_numbers_in_the_order_of_first_use)
{
	becomes("SELECT @b, @a, @b", "SELECT $1, $2, $1");
	becomes("SELECT sqlc.arg(b), sqlc.narg('a'), sqlc.arg ( \"b\" ), SQLC.ARG(B)",
	        "SELECT $1, $2, $1, $1");
	becomes("SELECT @Limit, @limit", "SELECT $1, $1");
	becomes("SELECT $2, $1, $2", "SELECT $2, $1, $2");
	becomes("SELECT @a::int,@b", "SELECT $1::int,$2");
	becomes("SELECT f(a:=@a)", "SELECT f(a:=$1)");
}

Test(gen_query_file, what_only_looks_like_a_name_stays)
{
	becomes("SELECT a @> b, c <@d, @ e, @-1, e @@ f", "SELECT a @> b, c <@d, @ e, @-1, e @@ f");
	becomes("SELECT a =@ b", "SELECT a =@ b");
	becomes("SELECT '@a', \"@b\", $$@c$$", "SELECT '@a', \"@b\", $$@c$$");
	becomes("SELECT sqlc.a FROM sqlc", "SELECT sqlc.a FROM sqlc");
}

Test(gen_query_file, a_slice_in_a_list_becomes_any)
{
	becomes("SELECT 1 FROM t WHERE a IN (sqlc.slice(x)) AND b = 1",
	        "SELECT 1 FROM t WHERE a = ANY ($1) AND b = 1");
	becomes("SELECT 1 FROM t WHERE a not in( sqlc.slice('x') )",
	        "SELECT 1 FROM t WHERE a <> ALL ($1)");
	becomes("SELECT 1 FROM t WHERE a = ANY (sqlc.slice(x)::int[])",
	        "SELECT 1 FROM t WHERE a = ANY ($1::int[])");
}

Test(gen_query_file, narg_makes_a_parameter_nullable_wherever_it_stands)
{
	struct reading *read = reads("-- name: A :one\nSELECT @a::int, sqlc.narg(a)::int, @a, @b, "
	                             "sqlc.slice(c)::int[];");
	const struct slu_parameter *parameters = read->file.queries[0].parameters;

	cr_assert_eq(read->file.queries[0].parameter_count, 3);
	cr_assert(parameters[0].nullable && !parameters[0].slice);
	cr_assert(!parameters[1].nullable && !parameters[1].slice);
	cr_assert(!parameters[2].nullable && parameters[2].slice);
	reading_close(read);
}

Test(gen_query_file, a_place_in_the_sql_is_found_in_the_source)
{
	const char *text = "-- name: A :one\nSELECT @first_one, pric, sqlc.narg(b) + c;";
	struct reading *read = reads(text);
	const struct slu_query_source *query = &read->file.queries[0];
	static const struct {
		const char *sql;
		const char *source;
	} places[] = {{"$1", "@first_one"}, {"pric", "pric"}, {"$2", "sqlc.narg(b)"}, {"c", "c;"}};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t at = (size_t)(strrchr(query->sql, places[i].sql[0]) - query->sql);
		struct slu_place place;

		if (i < 3)
			at = (size_t)(strstr(query->sql, places[i].sql) - query->sql);
		place = slu_query_place(&read->file, query, at, strlen(places[i].sql));
		cr_expect_eq(strncmp(text + place.offset, places[i].source, place.size), 0,
		             "%s is at %zu", places[i].sql, place.offset);
		cr_expect_eq(place.size, i == 3 ? 1 : strlen(places[i].source));
	}
	cr_assert_eq(query->parameters[1].place.offset, (size_t)(strstr(text, "sqlc.narg") - text));
	reading_close(read);
}

Test(gen_query_file, a_parameter_has_the_place_of_its_first_use)
{
	const char *text = "-- name: A :one\nSELECT 1 FROM t WHERE $2 = a OR $1 = b OR $2 = c;";
	struct reading *read = reads(text);
	const struct slu_parameter *parameters = read->file.queries[0].parameters;

	cr_assert_eq(parameters[0].place.offset, (size_t)(strstr(text, "$1") - text));
	cr_assert_eq(parameters[1].place.offset, (size_t)(strstr(text, "$2") - text));
	cr_assert_eq(parameters[1].place.size, 2);
	reading_close(read);
}

/* ---- stars ---- */

static void has_stars(const char *sql, const char *expected)
{
	char seen[256] = "";
	char *text = NULL;
	struct reading *read;
	size_t i, used = 0;

	cr_assert_geq(asprintf(&text, "-- name: A :many\n%s;", sql), 0);
	read = reads(text);
	for (i = 0; i < read->file.queries[0].star_count; i++) {
		const struct slu_star *star = &read->file.queries[0].stars[i];

		used += (size_t)snprintf(seen + used, sizeof(seen) - used, "[%.*s|%s%s]",
		                         (int)star->size, read->file.queries[0].sql + star->at,
		                         star->qualifier == NULL ? "" : star->qualifier,
		                         star->embed ? "|embed" : "");
	}
	cr_expect_str_eq(seen, expected, "%s has %s", sql, seen);
	reading_close(read);
	free(text);
}

Test(gen_query_file, stars_of_the_answer_are_found_and_others_are_not)
{
	has_stars("SELECT * FROM t", "[*|]");
	has_stars("SELECT *", "[*|]");
	has_stars("SELECT DISTINCT ON (a) *, b.* FROM b", "[*|][b.*|b]");
	has_stars("SELECT app.t.*, \"T\".* FROM app.t, \"T\"", "[app.t.*|app.t][\"T\".*|\"T\"]");
	has_stars("SELECT sqlc.embed(o), p.*, sqlc.embed(\"Q\") FROM o, p, \"Q\"",
	          "[o.*|o|embed][p.*|p][\"Q\".*|\"Q\"|embed]");
	has_stars("SELECT count(*), a * b, (t).*, (SELECT * FROM u) FROM t", "");
	has_stars("SELECT 1 FROM (SELECT * FROM t) u WHERE a IN (SELECT b.* FROM b)", "");
	has_stars("WITH a AS (SELECT * FROM b) SELECT * FROM a UNION ALL SELECT c.* FROM c",
	          "[*|][c.*|c]");
	has_stars("UPDATE t SET a = b * c RETURNING *", "[*|]");
	has_stars("INSERT INTO t (a) VALUES (@a) RETURNING t.*, a", "[t.*|t]");
	has_stars("SELECT a FROM t WHERE b = c * d ORDER BY e", "");
	has_stars("SELECT (a + 1) * b, a * 2 FROM t", "");
}

/* ---- hints, streams, inserts ---- */

Test(gen_query_file, hints_stand_before_or_behind_the_name)
{
	struct reading *read = reads("-- @notnull Total, \"Sum\"\n-- name: A :many\n"
	                             "-- @null b, c\n\n-- @struct one_row\nSELECT 1;");
	const struct slu_query_source *query = &read->file.queries[0];
	const struct slu_hint *hint = slu_query_hint(query, SLU_HINT_NOTNULL, "Sum");

	cr_assert_eq(query->hint_count, 5);
	cr_assert_not_null(hint);
	cr_assert_eq(hint->place.size, strlen("\"Sum\""));
	cr_assert_not_null(slu_query_hint(query, SLU_HINT_NOTNULL, "total"));
	cr_assert_not_null(slu_query_hint(query, SLU_HINT_NULL, "c"));
	cr_assert_not_null(slu_query_hint(query, SLU_HINT_STRUCT, "one_row"));
	cr_assert_null(slu_query_hint(query, SLU_HINT_TEXT, "c"));
	cr_assert_null(slu_query_hint(query, SLU_HINT_NULL, "total"));
	reading_close(read);
}

Test(gen_query_file, a_stream_has_its_parts_in_any_order)
{
	struct reading *read = reads("-- name: A :exec\n"
	                             "-- @stream state version(v) key (b, state) record(Quote)\n"
	                             "-- @text b 6, state 4000\n"
	                             "INSERT INTO app.quotes (a, b, v, state, at)\n"
	                             "VALUES (@a, @b::text, @v, @state, now() - '1 s'::interval);");
	const struct slu_query_source *query = &read->file.queries[0];
	const struct slu_stream_hint *stream = &query->stream;
	struct slu_place place = slu_stream_hint_place(query, "state");

	cr_assert(stream->given && stream->state);
	cr_assert_str_eq(stream->record, "quote");
	cr_assert_eq(stream->key_count, 2);
	cr_assert_str_eq(stream->keys[0], "b");
	cr_assert_str_eq(stream->keys[1], "state");
	cr_assert_str_eq(stream->version, "v");
	cr_assert_null(stream->history);
	cr_assert_eq(slu_query_hint(query, SLU_HINT_TEXT, "state")->number, 4000);
	/* the key's state, not that of the kind */
	cr_assert_eq(strncmp(read->file.source.text + place.offset, "state) record", 13), 0);
	reading_close(read);
}

Test(gen_query_file, an_append_stream_may_be_lossy)
{
	struct reading *read = reads("-- name: A :exec\n"
	                             "-- @stream append lossy record(tick)\n"
	                             "INSERT INTO ticks (a) VALUES (@a);\n"
	                             "-- name: B :exec\n"
	                             "-- @stream append record(fill)\n"
	                             "INSERT INTO fills (a) VALUES (@a);");

	cr_assert(read->file.queries[0].stream.lossy);
	cr_assert_str_eq(read->file.queries[0].stream.record, "tick");
	cr_assert_not(read->file.queries[1].stream.lossy);
	reading_close(read);
}

Test(gen_query_file, an_insert_tells_what_goes_where)
{
	struct reading *read = reads(
		"-- name: A :exec\n"
		"INSERT INTO app.\"Q\" (\"A\", b, at) VALUES (@a, @b::text, f(1, /* , */ 2));");
	const struct slu_insert *insert = &read->file.queries[0].insert;

	cr_assert(insert->given && insert->bare);
	cr_assert_str_eq(insert->table, "app.\"Q\"");
	cr_assert_eq(insert->column_count, 3);
	cr_assert_str_eq(insert->columns[0], "A");
	cr_assert_str_eq(insert->values[0], "$1");
	cr_assert_eq(insert->parameters[0], 0);
	cr_assert_str_eq(insert->values[1], "$2::text");
	cr_assert_eq(insert->parameters[1], 1);
	cr_assert_str_eq(insert->values[2], "f(1, /* , */ 2)");
	cr_assert_eq(insert->parameters[2], SIZE_MAX);
	reading_close(read);
}

Test(gen_query_file, an_insert_is_plain_or_none)
{
	static const struct {
		const char *sql;
		bool given, bare;
	} inserts[] = {
		{"INSERT INTO t (a) VALUES (@a)", true, true},
		{"INSERT INTO t (a) VALUES (@a) RETURNING a", true, false},
		{"INSERT INTO t (a) VALUES (@a), (@b)", false, false},
		{"INSERT INTO t (a) VALUES (@a) ON CONFLICT DO NOTHING", false, false},
		{"INSERT INTO t (a) SELECT @a", false, false},
		{"INSERT INTO t VALUES (@a)", false, false},
		{"INSERT INTO t DEFAULT VALUES", false, false},
		{"INSERT INTO t AS u (a) VALUES (@a)", false, false},
		{"INSERT INTO t (a[1]) VALUES (@a)", false, false},
		{"INSERT INTO t (a) OVERRIDING SYSTEM VALUE VALUES (@a)", false, false},
		{"INSERT INTO t (a, b) VALUES (@a)", false, false},
		{"WITH x AS (SELECT 1) INSERT INTO t (a) VALUES (@a)", false, false},
		{"SELECT 1", false, false},
	};
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(inserts) / sizeof(inserts[0]); i++) {
		struct reading *read;

		snprintf(text, sizeof(text), "-- name: A :exec\n%s;", inserts[i].sql);
		read = reads(text);
		cr_expect_eq(read->file.queries[0].insert.given, inserts[i].given, "%s",
		             inserts[i].sql);
		cr_expect_eq(read->file.queries[0].insert.bare, inserts[i].bare, "%s",
		             inserts[i].sql);
		reading_close(read);
	}
}

/* ---- files ---- */

Test(gen_query_file, a_file_that_is_missing_is_told)
{
	char *told = NULL;
	size_t size;
	struct slu_findings findings = {open_memstream(&told, &size), 0};
	struct slu_query_file file;

	cr_assert_eq(slu_query_file_read(&file, "/nowhere/q.sql", &findings), SLUICE_FAILED);
	fclose(findings.out);
	cr_assert_str_eq(told, "error: can't open /nowhere/q.sql: No such file or directory\n");
	slu_query_file_free(&file);
	free(told);
}

Test(gen_query_file, what_two_queries_do_wrong_is_told_for_both)
{
	struct reading *read =
		reading("-- name: A :won\nSELECT 1;\n-- name: B :wun\nSELECT @a, $1;");

	cr_assert_not_null(strstr(read->told, "q.sql:1:12: error: there is no command :won"));
	cr_assert_not_null(strstr(read->told, "q.sql:3:12: error: there is no command :wun"));
	cr_assert_not_null(strstr(read->told, "q.sql:4:12: error: a query can't have both"));
	reading_close(read);
}
