/* SPDX-License-Identifier: MIT */
/* gen_analysis.c - what the server says becomes structs: types, parameters, stars, names. */
#include "tests/contract/database.h"
#include "tests/contract/gen_study.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dsn;
static PGconn *connection;
static struct study study;

static void make(void)
{
	dsn = database_create(true);
	connection = database_connect(dsn);
	database_run(
		connection,
		"SET client_min_messages = error; CREATE SCHEMA app; CREATE EXTENSION citext;"
		"CREATE TYPE side AS ENUM ('Buy'); CREATE TYPE app.side AS ENUM ('x');"
		"ALTER TYPE side ADD VALUE 'Sell' BEFORE 'Buy';"
		"CREATE DOMAIN price AS numeric(32,16) NOT NULL;"
		"CREATE DOMAIN prices AS numeric(10,2)[];"
		"CREATE TABLE every ("
		"  a bool NOT NULL, b smallint, c int, d bigint, e real, f double precision,"
		"  g numeric(18,4), h numeric(38,10), i text, j varchar(9), k char(3), l bytea,"
		"  m json, n jsonb, o uuid, p timestamptz, q timestamp, r date, s time,"
		"  t interval, u inet, v side, w price, x prices, y app.side[], z citext,"
		"  name name, \"Odd one\" int, class text[], present bool)");
}

static void clean(void)
{
	study_free(&study);
	PQfinish(connection);
	database_drop(dsn);
}

TestSuite(analysis, .init = make, .fini = clean);

static void analyse(const char *queries)
{
	study_make(&study, connection, queries, NULL, 0);
	cr_assert_eq(study.status, SLUICE_OK, "%s", study.said);
}

/* The analysis refuses the queries, and says just this. */
static void expect_said(const char *queries, const char *said)
{
	study_make(&study, connection, queries, NULL, 0);
	cr_assert_eq(study.status, SLUICE_INVALID, "%s", queries);
	cr_assert_str_eq(study.said, said, "%s", study.said);
	study_free(&study);
	memset(&study, 0, sizeof(study));
}

static void expect_field(const struct slu_struct *object, const char *name, enum sluice_type type,
                         enum sluice_form form, unsigned precision, unsigned scale)
{
	const struct slu_field *field = study_field(object, name);

	cr_assert_eq(field->type, type, "%s is of type %d", name, field->type);
	cr_assert_eq(field->form, form, "%s is of form %d", name, field->form);
	cr_assert_eq(field->precision, precision, "%s: %u digits", name, field->precision);
	cr_assert_eq(field->scale, scale, "%s: scale %u", name, field->scale);
}

Test(analysis, every_type_has_its_counterpart)
{
	const struct slu_struct *row;

	analyse("-- name: Q :many\nSELECT * FROM every;\n");
	row = study_struct(&study, "every");
	cr_assert_eq(row->field_count, 30);
	expect_field(row, "a", SLUICE_BOOL, SLUICE_INLINE, 0, 0);
	expect_field(row, "b", SLUICE_INT2, SLUICE_INLINE, 0, 0);
	expect_field(row, "c", SLUICE_INT4, SLUICE_INLINE, 0, 0);
	expect_field(row, "d", SLUICE_INT8, SLUICE_INLINE, 0, 0);
	expect_field(row, "e", SLUICE_FLOAT4, SLUICE_INLINE, 0, 0);
	expect_field(row, "f", SLUICE_FLOAT8, SLUICE_INLINE, 0, 0);
	expect_field(row, "g", SLUICE_NUMERIC64, SLUICE_INLINE, 18, 4);
	expect_field(row, "h", SLUICE_NUMERIC, SLUICE_INLINE, 38, 10);
	expect_field(row, "i", SLUICE_TEXT_TYPE, SLUICE_VIEW, 0, 0);
	expect_field(row, "j", SLUICE_TEXT_TYPE, SLUICE_VIEW, 0, 0);
	expect_field(row, "k", SLUICE_TEXT_TYPE, SLUICE_VIEW, 0, 0);
	expect_field(row, "l", SLUICE_BYTEA, SLUICE_VIEW, 0, 0);
	expect_field(row, "m", SLUICE_JSON, SLUICE_VIEW, 0, 0);
	expect_field(row, "n", SLUICE_JSONB, SLUICE_VIEW, 0, 0);
	expect_field(row, "o", SLUICE_UUID, SLUICE_INLINE, 0, 0);
	expect_field(row, "p", SLUICE_TIMESTAMPTZ, SLUICE_INLINE, 0, 0);
	expect_field(row, "q", SLUICE_TIMESTAMP, SLUICE_INLINE, 0, 0);
	expect_field(row, "r", SLUICE_DATE, SLUICE_INLINE, 0, 0);
	expect_field(row, "s", SLUICE_TIME, SLUICE_INLINE, 0, 0);
	expect_field(row, "t", SLUICE_INTERVAL, SLUICE_INLINE, 0, 0);
	expect_field(row, "u", SLUICE_INET, SLUICE_INLINE, 0, 0);
	expect_field(row, "v", SLUICE_ENUM, SLUICE_INLINE, 0, 0);
	expect_field(row, "w", SLUICE_NUMERIC, SLUICE_INLINE, 32, 16);
	expect_field(row, "x", SLUICE_NUMERIC64, SLUICE_ITEMS, 10, 2);
	expect_field(row, "y", SLUICE_ENUM, SLUICE_ITEMS, 0, 0);
	expect_field(row, "z", SLUICE_TEXT_TYPE, SLUICE_VIEW, 0, 0);
	expect_field(row, "name", SLUICE_TEXT_TYPE, SLUICE_VIEW, 0, 0);
	expect_field(row, "Odd_one", SLUICE_INT4, SLUICE_INLINE, 0, 0);
	expect_field(row, "class_", SLUICE_TEXT_TYPE, SLUICE_ITEMS, 0, 0);
	expect_field(row, "present_", SLUICE_BOOL, SLUICE_INLINE, 0, 0);
}

Test(analysis, enums_have_their_labels_in_order_and_names_of_their_own)
{
	analyse("-- name: Q :many\nSELECT v, y FROM every;\n-- name: R :many\nSELECT v FROM every;\n");
	cr_assert_eq(study.model.enumeration_count, 2);
	cr_assert_str_eq(study.model.enumerations[0].name, "side");
	cr_assert_str_eq(study.model.enumerations[0].sql_name, "side");
	cr_assert_eq(study.model.enumerations[0].label_count, 2);
	cr_assert_str_eq(study.model.enumerations[0].labels[0], "Sell");
	cr_assert_str_eq(study.model.enumerations[0].labels[1], "Buy");
	cr_assert_str_eq(study.model.enumerations[1].name, "side_2");
	cr_assert_str_eq(study.model.enumerations[1].sql_name, "app.side");
	cr_assert_eq(study.model.structs[1].fields[0].enumeration, 0);
}

Test(analysis, types_without_a_counterpart_are_refused_with_a_way_out)
{
	expect_said(
		"-- name: Q :one\nSELECT sum(total) AS total, now()::timetz AS at, 1.5 AS x,\n"
		"  1::numeric(50,2) AS y, point(1, 2) AS z, ARRAY[1.5] AS list FROM balances;\n",
		"queries.sql:1:10: error: column \"total\" has type numeric, whose digits after the "
		"point are not fixed\n"
		"  -- name: Q :one\n           ^\n"
		"hint: Say how many digits it has, at most 38: (..)::numeric(38,16) AS total.\n"
		"queries.sql:1:10: error: column \"at\" has type time with time zone, which has no "
		"counterpart in C\n"
		"  -- name: Q :one\n           ^\n"
		"hint: Cast it in the query: (..)::text AS at.\n"
		"queries.sql:1:10: error: column \"x\" has type numeric, whose digits after the point "
		"are not fixed\n"
		"  -- name: Q :one\n           ^\n"
		"hint: Say how many digits it has, at most 38: (..)::numeric(38,16) AS x.\n"
		"queries.sql:1:10: error: column \"y\" has type numeric(50,2), which has no "
		"counterpart in C\n"
		"  -- name: Q :one\n           ^\n"
		"hint: Say how many digits it has, at most 38: (..)::numeric(38,16) AS y.\n"
		"queries.sql:1:10: error: column \"z\" has type point, which has no counterpart in C\n"
		"  -- name: Q :one\n           ^\n"
		"hint: Cast it in the query: (..)::text AS z.\n"
		"queries.sql:1:10: error: column \"list\" has type numeric[], whose digits after the "
		"point are not fixed\n"
		"  -- name: Q :one\n           ^\n"
		"hint: Say how many digits it has, at most 38: (..)::numeric(38,16)[] AS list.\n");
}

Test(analysis, a_scale_outside_the_digits_is_refused)
{
	expect_said("-- name: Q :one\nSELECT 0.001::numeric(3,5) AS x, 10::numeric(3,-1) AS y;\n",
	            "queries.sql:1:10: error: column \"x\" has type numeric(3,5), which has no "
	            "counterpart in C\n"
	            "  -- name: Q :one\n           ^\n"
	            "hint: Say how many digits it has, at most 38: (..)::numeric(38,16) AS x.\n"
	            "queries.sql:1:10: error: column \"y\" has type numeric(3,-1), which has no "
	            "counterpart in C\n"
	            "  -- name: Q :one\n           ^\n"
	            "hint: Say how many digits it has, at most 38: (..)::numeric(38,16) AS y.\n");
}

Test(analysis, what_the_server_refuses_is_told_where_it_stands)
{
	expect_said(
		"-- name: Q :one\n-- \xc3\xa4\nSELECT id, '\xc3\xa4' AS x, pric FROM orders WHERE id = @id;\n"
		"-- name: R :one\nSELECT id FROM order_s;\n"
		"-- name: S :exec\nUPDATE orders SET metadata = 'x' WHERE;\n",
		"queries.sql:3:22: error: column \"pric\" does not exist\n"
		"  SELECT id, '\xc3\xa4' AS x, pric FROM orders WHERE id = @id;\n"
		"                       ^~~~\n"
		"hint: Perhaps you meant to reference the column \"orders.price\".\n"
		"queries.sql:5:16: error: relation \"order_s\" does not exist\n"
		"  SELECT id FROM order_s;\n"
		"                 ^~~~~~~\n"
		"queries.sql:7:39: error: syntax error at end of input\n"
		"  UPDATE orders SET metadata = 'x' WHERE;\n"
		"                                        ^\n");
}

Test(analysis, the_database_is_left_as_it_was)
{
	database_run(connection, "CREATE TABLE bare (id int) PARTITION BY HASH (id)");
	expect_said("-- name: Q :one\nSELECT nothing FROM orders;\n"
	            "-- name: R :one\nSELECT 1 / 0 AS x;\n",
	            "queries.sql:2:8: error: column \"nothing\" does not exist\n"
	            "  SELECT nothing FROM orders;\n         ^~~~~~~\n"
	            "queries.sql:3:10: error: division by zero\n"
	            "  -- name: R :one\n           ^\n");
	cr_assert_eq(PQtransactionStatus(connection), PQTRANS_IDLE);
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM pg_prepared_statements"),
	             0);
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM pg_inherits"), 0);
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM pg_settings WHERE name ="
	                                            " 'plan_cache_mode' AND setting = 'auto'"),
	             1);
}

/* ---- parameters ---- */

Test(analysis, a_numeric_parameter_takes_its_digits_from_a_cast_or_a_column)
{
	const struct slu_struct *params;

	analyse("-- name: Q :many\nSELECT o.id FROM orders o JOIN executions e ON e.order_id = o.id\n"
	        "WHERE @cast::numeric(20,2) < o.quantity AND o.price = @compared\n"
	        "  AND e.fee BETWEEN @low AND @high AND e.fee > @domain::price\n"
	        "  AND o.quantity = ANY (@list::numeric(12,3)[]);\n");
	params = study_struct(&study, "q_params");
	expect_field(params, "cast", SLUICE_NUMERIC, SLUICE_INLINE, 20, 2);
	expect_field(params, "compared", SLUICE_NUMERIC, SLUICE_INLINE, 32, 16);
	expect_field(params, "low", SLUICE_NUMERIC, SLUICE_INLINE, 32, 16);
	expect_field(params, "high", SLUICE_NUMERIC, SLUICE_INLINE, 32, 16);
	expect_field(params, "domain", SLUICE_NUMERIC, SLUICE_INLINE, 32, 16);
	expect_field(params, "list", SLUICE_NUMERIC64, SLUICE_ITEMS, 12, 3);
}

Test(analysis, a_numeric_parameter_without_digits_is_refused)
{
	expect_said(
		"-- name: Q :many\nSELECT id FROM orders WHERE quantity * price > @limit;\n",
		"queries.sql:2:48: error: parameter \"limit\" has type numeric, whose digits after the "
		"point are not fixed\n"
		"  SELECT id FROM orders WHERE quantity * price > @limit;\n"
		"                                                 ^~~~~~\n"
		"hint: Say how many digits it has, at most 38: @limit::numeric(38,16).\n");
}

Test(analysis, a_parameter_may_be_null_where_it_is_asked_for_or_written_into_a_nullable_column)
{
	const struct slu_struct *params;

	analyse("-- name: Q :exec\nUPDATE orders SET price = @price, state = @state,"
	        " acknowledged_at = COALESCE(@at, acknowledged_at)\n"
	        "WHERE id = @id AND external_order_ref = @ref AND side = sqlc.narg(side);\n");
	params = study_struct(&study, "q_params");
	cr_assert(study_field(params, "price")->nullable);
	cr_assert_not(study_field(params, "state")->nullable);
	cr_assert_not(study_field(params, "at")->nullable);
	cr_assert_not(study_field(params, "id")->nullable);
	cr_assert_not(study_field(params, "ref")->nullable);
	cr_assert(study_field(params, "side")->nullable);
}

Test(analysis, slices_and_arrays_are_items)
{
	const struct slu_struct *params;

	analyse("-- name: Q :many\nSELECT id FROM orders WHERE id IN (sqlc.slice(ids))"
	        " AND side = ANY (@sides);\n");
	params = study_struct(&study, "q_params");
	expect_field(params, "ids", SLUICE_UUID, SLUICE_ITEMS, 0, 0);
	expect_field(params, "sides", SLUICE_TEXT_TYPE, SLUICE_ITEMS, 0, 0);
}

Test(analysis, arrays_of_other_texts_are_refused_as_parameters)
{
	expect_said(
		"-- name: Q :many\nSELECT a FROM every WHERE j = ANY (@list::varchar[]);\n",
		"queries.sql:2:36: error: parameter \"list\" has type character varying[], and arrays "
		"of texts are sent as text[]\n"
		"  SELECT a FROM every WHERE j = ANY (@list::varchar[]);\n"
		"                                     ^~~~~\n"
		"hint: Cast it in the query: @list::text[].\n");
}

Test(analysis, parameters_without_a_name_take_their_columns_or_their_number)
{
	const struct slu_struct *params;

	analyse("-- name: Q :many\nSELECT id FROM orders WHERE id = $1 AND state = $2"
	        " AND $3::int > 0 AND state <> $4;\n");
	params = study_struct(&study, "q_params");
	cr_assert_str_eq(params->fields[0].name, "id");
	cr_assert_str_eq(params->fields[1].name, "state");
	cr_assert_str_eq(params->fields[2].name, "p3");
	cr_assert_str_eq(params->fields[3].name, "state_2");
}

Test(analysis, a_domain_that_is_never_null_is_no_obstacle)
{
	const struct slu_struct *row;

	analyse("-- name: Q :one\nINSERT INTO every (a, w) VALUES (@a, @w) RETURNING a, w;\n");
	row = study_struct(&study, "q_row");
	cr_assert_not(study_field(row, "a")->nullable);
	expect_field(study_struct(&study, "q_params"), "w", SLUICE_NUMERIC, SLUICE_INLINE, 32, 16);
}

/* ---- stars ---- */

static void expect_sql(const char *query, const char *sql)
{
	char text[512];

	snprintf(text, sizeof(text), "-- name: Q :many\n%s;\n", query);
	analyse(text);
	cr_assert_str_eq(study.model.queries[0].sql, sql, "%s", study.model.queries[0].sql);
	study_free(&study);
	memset(&study, 0, sizeof(study));
}

Test(analysis, stars_are_written_out)
{
	database_run(connection, "CREATE TABLE p (id int, \"select\" int, \"Odd one\" int);"
	                         "CREATE TABLE c (id int, p_id int, note text)");
	expect_sql("SELECT * FROM p", "SELECT id, \"select\", \"Odd one\" FROM p");
	expect_sql(
		"SELECT c.*, 1 AS x, p.* FROM c JOIN p ON p.id = c.p_id",
		"SELECT c.id, c.p_id, c.note, 1 AS x, p.id, p.\"select\", p.\"Odd one\" FROM c JOIN p "
		"ON p.id = c.p_id");
	expect_sql("DELETE FROM c RETURNING *", "DELETE FROM c RETURNING id, p_id, note");
	expect_sql("SELECT * FROM c JOIN p USING (id)",
	           "SELECT id, p_id, note, \"select\", \"Odd one\" FROM c JOIN p USING (id)");
	expect_sql("SELECT DISTINCT * FROM c ORDER BY 1",
	           "SELECT DISTINCT id, p_id, note FROM c ORDER BY 1");
	/* Where bare names would not do, or marks not fit, the star stays. */
	expect_sql("SELECT * FROM c JOIN p ON p.id = c.p_id",
	           "SELECT * FROM c JOIN p ON p.id = c.p_id");
	expect_sql("SELECT * FROM c UNION SELECT * FROM c",
	           "SELECT * FROM c UNION SELECT * FROM c");
	expect_sql("SELECT count(*) AS n FROM c", "SELECT count(*) AS n FROM c");
}

/* ---- names ---- */

Test(analysis, equal_rows_share_a_struct_and_whole_tables_have_their_own)
{
	analyse("-- name: ListProviders :many\nSELECT * FROM providers;\n"
	        "-- name: GetProvider :one\nSELECT p.* FROM providers p WHERE id = @id;\n"
	        "-- name: Aliases :many\nSELECT id, alias FROM providers;\n"
	        "-- name: More :many\nSELECT id, alias FROM providers ORDER BY alias;\n"
	        "-- name: Ids :many\nSELECT id FROM providers;\n");
	cr_assert_eq(study.model.queries[0].row, study.model.queries[1].row);
	cr_assert_str_eq(study.model.structs[study.model.queries[0].row].name, "provider");
	cr_assert_eq(study.model.queries[2].row, study.model.queries[3].row);
	cr_assert_str_eq(study.model.structs[study.model.queries[2].row].name, "aliases_row");
	cr_assert_str_eq(study.model.structs[study.model.queries[4].row].name, "ids_row");
}

Test(analysis, a_name_that_is_taken_gives_way)
{
	analyse("-- name: A :one\nSELECT * FROM balances;\n"
	        "-- name: B :one\n-- @null total\nSELECT * FROM balances;\n"
	        "-- name: C :one\n-- @null asset\nSELECT * FROM balances;\n"
	        "-- name: D :one\n-- @struct total\nSELECT total FROM balances;\n");
	cr_assert_str_eq(study.model.structs[0].name, "balance");
	cr_assert_str_eq(study.model.structs[1].name, "balance_row");
	cr_assert_str_eq(study.model.structs[2].name, "c_row");
	cr_assert_str_eq(study.model.structs[3].name, "total");
}

Test(analysis, a_struct_that_was_asked_for_is_that_or_an_error)
{
	expect_said(
		"-- name: A :one\n-- @struct sum\nSELECT total FROM balances;\n"
		"-- name: B :one\n-- @struct sum\nSELECT total, asset FROM balances;\n",
		"queries.sql:5:12: error: there is a struct \"sum\" already, with other fields\n"
		"  -- @struct sum\n             ^~~\n"
		"hint: Choose another name.\n");
}

Test(analysis, columns_of_one_name_are_numbered_and_one_without_a_name_is_refused)
{
	const struct slu_struct *row;

	analyse("-- name: Q :one\nSELECT o.id, e.id, p.id FROM orders o, executions e, providers p;\n");
	row = study_struct(&study, "q_row");
	cr_assert_str_eq(row->fields[0].name, "id");
	cr_assert_str_eq(row->fields[1].name, "id_2");
	cr_assert_str_eq(row->fields[2].name, "id_3");
	study_free(&study);
	expect_said("-- name: Q :one\nSELECT 1 + 1;\n",
	            "queries.sql:1:10: error: column 1 has no name\n"
	            "  -- name: Q :one\n           ^\n"
	            "hint: Give it one: SELECT 1 + 1 AS name.\n");
}

Test(analysis, an_embedded_table_is_a_struct_within)
{
	const struct slu_struct *row, *inner;
	const struct slu_field *field;

	analyse("-- name: Q :many\nSELECT sqlc.embed(o), sqlc.embed(p), o.id FROM orders o\n"
	        "LEFT JOIN providers p ON p.id = o.provider_id;\n");
	row = study_struct(&study, "q_row");
	cr_assert_eq(row->field_count, 3);
	field = study_field(row, "o");
	inner = &study.model.structs[field->embedded];
	cr_assert_str_eq(inner->name, "order");
	cr_assert_not(study_field(inner, "id")->nullable);
	cr_assert_eq(field->size, inner->size);
	inner = &study.model.structs[study_field(row, "p")->embedded];
	cr_assert_str_eq(inner->name, "provider");
	cr_assert(study_field(inner, "id")->nullable);
	cr_assert_eq(row->nullable_count, 0);
}

Test(analysis, an_embed_whose_columns_are_not_known_is_refused)
{
	expect_said(
		"-- name: Q :many\nSELECT sqlc.embed(o), count(*) AS n FROM orders o GROUP BY 1;\n",
		"queries.sql:2:8: error: the columns of sqlc.embed can't be told apart here\n"
		"  SELECT sqlc.embed(o), count(*) AS n FROM orders o GROUP BY 1;\n"
		"         ^~~~~~~~~~~~~\n"
		"hint: Write a plain star, or the columns.\n");
}

Test(analysis, a_command_that_wants_rows_is_refused_without_them)
{
	expect_said("-- name: Q :one\nDELETE FROM orders;\n",
	            "queries.sql:1:10: error: the query returns no rows\n"
	            "  -- name: Q :one\n           ^\n"
	            "hint: Use :exec, or have it return rows with RETURNING.\n");
}

Test(analysis, hints_that_name_nothing_are_errors)
{
	expect_said("-- name: Q :one\n-- @text stat 10, price 5\n-- @notnull pric\n"
	            "SELECT state, price FROM orders;\n",
	            "queries.sql:2:19: error: @text bounds texts, and \"price\" is numeric(32,16)\n"
	            "  -- @text stat 10, price 5\n                    ^~~~~\n");
	expect_said("-- name: Q :one\n-- @text stat 10\n-- @notnull pric\n"
	            "SELECT state, price FROM orders;\n",
	            "queries.sql:2:10: error: the query has no column or parameter \"stat\"\n"
	            "  -- @text stat 10\n           ^~~~\n"
	            "queries.sql:3:13: error: the query has no column \"pric\"\n"
	            "  -- @notnull pric\n              ^~~~\n");
}

Test(analysis, copy_takes_its_columns_in_the_order_of_the_parameters)
{
	analyse("-- name: Q :copyfrom\nINSERT INTO public.balances (asset, provider_id, total, available,"
	        " snapshot_at) VALUES ($2, $1, $3, $4, $5);\n");
	cr_assert_str_eq(study.model.queries[0].copy_sql,
	                 "COPY public.balances (provider_id, asset, total, available, snapshot_at) "
	                 "FROM STDIN (FORMAT binary)");
	study_free(&study);
	expect_said(
		"-- name: Q :copyfrom\nINSERT INTO orders (client_order_id, instrument)\n"
		"VALUES (@a, @a);\n",
		"queries.sql:3:9: error: the parameter is the value of 2 columns, and COPY sends "
		"each by itself\n"
		"  VALUES (@a, @a);\n          ^~\n"
		"hint: Give each column a parameter of its own.\n");
}
