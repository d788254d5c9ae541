/* SPDX-License-Identifier: MIT */
/* gen_streams.c - an INSERT becomes a stream, whose statements the server takes and does as
 * told. */
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
		"CREATE TYPE side AS ENUM ('Sell', 'Buy'); CREATE DOMAIN price AS numeric(10,2);"
		"CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2',"
		"  deterministic = false);"
		"CREATE TABLE app.\"Position\" ("
		"  id bigint GENERATED ALWAYS AS IDENTITY, account int NOT NULL,"
		"  \"select\" varchar(8) NOT NULL, side side NOT NULL, cost price,"
		"  tag char(3), version bigint NOT NULL DEFAULT 0, at timestamptz,"
		"  PRIMARY KEY (account, side, \"select\"))");
}

static void clean(void)
{
	study_free(&study);
	PQfinish(connection);
	database_drop(dsn);
}

TestSuite(streams, .init = make, .fini = clean);

static void analyse(const char *queries)
{
	study_free(&study);
	study_make(&study, connection, queries, NULL, 0);
	cr_assert_eq(study.status, SLUICE_OK, "%s", study.said);
}

/* The analysis refuses the stream, and each of `parts`, which end with NULL, is among what it
 * says. */
static void expect_parts(const char *queries, const char *const *parts)
{
	size_t errors = 0;
	const char *at;
	size_t i;

	study_free(&study);
	study_make(&study, connection, queries, NULL, 0);
	cr_assert_eq(study.status, SLUICE_INVALID, "%s", queries);
	for (at = strstr(study.said, "error: "); at != NULL; at = strstr(at + 1, "error: "))
		errors++;
	for (i = 0; parts[i] != NULL; i++)
		cr_assert_not_null(strstr(study.said, parts[i]), "%s\nis not in\n%s", parts[i],
		                   study.said);
	cr_assert_eq(errors, i, "%zu errors\n%s", errors, study.said);
}

static void expect_refused(const char *queries, const char *said)
{
	const char *const parts[] = {said, NULL};

	expect_parts(queries, parts);
}

/* ---- what they become ---- */

static const char shipped[] =
	"-- name: Orders :exec\n"
	"-- @stream state record(order) key(id) version(version)\n"
	"-- @text client_order_id 46, instrument 22, side 6, order_type 10, state 10\n"
	"-- @text external_order_ref 34, metadata 126\n"
	"INSERT INTO orders (id, provider_id, strategy_instance_id, client_order_id, instrument, side,\n"
	"  order_type, quantity, price, filled_quantity, state, external_order_ref, placed_at,\n"
	"  acknowledged_at, completed_at, metadata, version, updated_at\n"
	") VALUES (@id, @provider_id, @strategy_instance_id, @client_order_id, @instrument, @side,\n"
	"  @order_type, @quantity, @price, @filled_quantity, @state, @external_order_ref, @placed_at,\n"
	"  @acknowledged_at, @completed_at, @metadata, @version, now());\n"
	"-- name: Executions :copyfrom\n"
	"-- @stream append record(execution)\n"
	"-- @text execution_id 46, fee_asset 10, liquidity 6, metadata 126\n"
	"INSERT INTO executions (order_id, provider_id, execution_id, fill_quantity, fill_price, fee,\n"
	"  fee_asset, liquidity, traded_at, metadata\n"
	") VALUES (@order_id, @provider_id, @execution_id, @fill_quantity, @fill_price, @fee,\n"
	"  @fee_asset, @liquidity, @traded_at, @metadata);\n";

Test(streams, the_shipped_ones_have_their_records_and_statements)
{
	const struct slu_model_stream *orders, *executions;
	const struct slu_struct *order, *execution;

	analyse(shipped);
	orders = &study.model.streams[0];
	executions = &study.model.streams[1];
	order = &study.model.structs[orders->record];
	execution = &study.model.structs[executions->record];
	cr_assert_str_eq(order->name, "order");
	cr_assert_eq(order->size, 384);
	cr_assert_eq(order->present_offset, 112);
	cr_assert_eq(order->field_count, 17);
	cr_assert_eq(study_field(order, "id")->offset, 0);
	cr_assert_eq(study_field(order, "metadata")->offset, 256);
	cr_assert_eq(study_field(order, "version")->type, SLUICE_VERSION);
	cr_assert_str_eq(study_field(order, "quantity")->definition, "numeric(32,16) NOT NULL");
	cr_assert_eq(orders->key_count, 1);
	cr_assert_null(orders->copy_sql);
	cr_assert_str_eq(
		orders->write_sql,
		"INSERT INTO orders (id, provider_id, strategy_instance_id, client_order_id, "
		"instrument, side, order_type, quantity, price, filled_quantity, state, "
		"external_order_ref, placed_at, acknowledged_at, completed_at, metadata, version, "
		"updated_at) "
		"SELECT u.id, u.provider_id, u.strategy_instance_id, u.client_order_id, "
		"u.instrument, u.side, u.order_type, u.quantity, u.price, u.filled_quantity, "
		"u.state, u.external_order_ref, u.placed_at, u.acknowledged_at, u.completed_at, "
		"u.metadata, u.version, now() "
		"FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], "
		"$5::text[], $6::text[], $7::text[], $8::numeric[], $9::numeric[], $10::numeric[], "
		"$11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], "
		"$15::timestamptz[], $16::jsonb[], $17::bigint[]) "
		"AS u (id, provider_id, strategy_instance_id, client_order_id, instrument, side, "
		"order_type, quantity, price, filled_quantity, state, external_order_ref, "
		"placed_at, acknowledged_at, completed_at, metadata, version) "
		"ON CONFLICT (id) DO UPDATE SET provider_id = excluded.provider_id, "
		"strategy_instance_id = excluded.strategy_instance_id, "
		"client_order_id = excluded.client_order_id, instrument = excluded.instrument, "
		"side = excluded.side, order_type = excluded.order_type, "
		"quantity = excluded.quantity, price = excluded.price, "
		"filled_quantity = excluded.filled_quantity, state = excluded.state, "
		"external_order_ref = excluded.external_order_ref, "
		"placed_at = excluded.placed_at, acknowledged_at = excluded.acknowledged_at, "
		"completed_at = excluded.completed_at, metadata = excluded.metadata, "
		"version = excluded.version, updated_at = excluded.updated_at "
		"WHERE orders.version < excluded.version");
	cr_assert_str_eq(orders->remove_sql,
	                 "DELETE FROM orders USING unnest($1::uuid[], $2::bigint[]) "
	                 "AS removed (id, version) "
	                 "WHERE orders.id = removed.id AND orders.version < removed.version");
	cr_assert_str_eq(
		orders->read_sql,
		"SELECT id, provider_id, strategy_instance_id, client_order_id, instrument, side, "
		"order_type, quantity, price, filled_quantity, state, external_order_ref, "
		"placed_at, acknowledged_at, completed_at, metadata, version FROM orders");
	cr_assert_eq(execution->size, 280);
	cr_assert_eq(execution->present_offset, 80);
	cr_assert_str_eq(
		executions->copy_sql,
		"COPY executions (order_id, provider_id, execution_id, fill_quantity, fill_price, "
		"fee, fee_asset, liquidity, traded_at, metadata) FROM STDIN (FORMAT binary)");
	cr_assert_null(executions->remove_sql);
	cr_assert_null(executions->read_sql);
	cr_assert_null(executions->fetch_sql);
	cr_assert_neq(orders->fingerprint, executions->fingerprint);
	cr_assert_eq(study.model.query_count, 0);
}

static const char position[] =
	"-- name: Positions :exec\n"
	"-- @stream state key(account, select, side) version(version)\n"
	"-- @text select 8, tag 3\n"
	"INSERT INTO app.\"Position\" (side, cost, at, version, tag, \"select\", account)\n"
	"VALUES (@side, @cost, now(), @version, @tag, @choice::text, @account);\n";

static void run(const char *sql, int count, const char *const *values)
{
	PGresult *result = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);

	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql,
	             PQresultErrorMessage(result));
	PQclear(result);
}

Test(streams, a_key_of_several_columns_stands_first_and_the_statements_do_their_work)
{
	const char *const older[] = {"{1,1}",      "{a,b}", "{Sell,Buy}",
	                             "{1.5,NULL}", "{5,7}", "{x,NULL}"};
	const char *const newer[] = {"{1,1}", "{a,b}", "{Sell,Buy}", "{2.5,3}", "{6,6}", "{y,y}"};
	const char *const removed[] = {"{1,1}", "{a,b}", "{Sell,Buy}", "{7,7}"};
	const struct slu_model_stream *positions;
	const struct slu_struct *record;

	analyse(position);
	positions = &study.model.streams[0];
	record = &study.model.structs[positions->record];
	cr_assert_str_eq(record->name, "position");
	cr_assert_str_eq(record->fields[0].column, "account");
	cr_assert_str_eq(record->fields[1].column, "select");
	cr_assert_str_eq(record->fields[2].column, "side");
	cr_assert_str_eq(record->fields[3].column, "cost");
	cr_assert_eq(record->field_count, 6);
	cr_assert_str_eq(record->fields[3].definition, "price = numeric(10,2)");
	cr_assert_str_eq(
		positions->write_sql,
		"INSERT INTO app.\"Position\" (account, \"select\", side, cost, version, tag, at)"
		" SELECT u.account, u.\"select\", u.side, u.cost, u.version, u.tag, now()"
		" FROM unnest($1::integer[], $2::text[], $3::side[], $4::numeric[],"
		" $5::bigint[], $6::text[]) AS u (account, \"select\", side, cost, version, tag)"
		" ON CONFLICT (account, \"select\", side) DO UPDATE SET cost = excluded.cost,"
		" version = excluded.version, tag = excluded.tag, at = excluded.at"
		" WHERE \"Position\".version < excluded.version");
	cr_assert_str_eq(positions->fetch_sql,
	                 "SELECT account, \"select\", side, cost, version, tag"
	                 " FROM app.\"Position\" WHERE account = $1::integer"
	                 " AND \"select\" = $2::text AND side = $3::side");
	run(positions->write_sql, 6, older);
	run(positions->write_sql, 6, newer);
	cr_assert_eq(database_query_int(connection,
	                                "SELECT count(*) FROM app.\"Position\" WHERE at = now() OR"
	                                " (cost, version, tag) = (2.5, 6, 'y')"
	                                " OR (cost IS NULL AND version = 7 AND tag IS NULL)"),
	             2);
	run(positions->remove_sql, 4, removed);
	cr_assert_eq(database_query_int(connection, "SELECT version FROM app.\"Position\""), 7);
}

Test(streams, a_fingerprint_changes_with_whatever_changes_the_record)
{
	uint64_t first, second;

	analyse(position);
	first = study.model.streams[0].fingerprint;
	analyse(position);
	cr_assert_eq(study.model.streams[0].fingerprint, first);
	database_run(connection, "ALTER TYPE side ADD VALUE 'Short'");
	analyse(position);
	second = study.model.streams[0].fingerprint;
	cr_assert_neq(second, first);
	database_run(connection, "ALTER TABLE app.\"Position\" ALTER tag SET NOT NULL");
	analyse(position);
	cr_assert_neq(study.model.streams[0].fingerprint, second);
}

/* ---- what they can't be ---- */

#define STATE "-- name: T :exec\n-- @stream state key(k) version(v)\n"
#define APPEND "-- name: T :exec\n-- @stream append\n"

Test(streams, what_a_table_cannot_take_is_refused)
{
	database_run(connection, "CREATE VIEW seen AS SELECT id FROM orders;"
	                         "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, a int,"
	                         "  b int GENERATED ALWAYS AS (1) STORED, c int NOT NULL,"
	                         "  d int NOT NULL DEFAULT 1)");
	expect_refused(APPEND "INSERT INTO seen (id) VALUES (@id);\n", "\"seen\" is no table");
	expect_refused(APPEND "INSERT INTO t (id, c) VALUES (@id, @c);\n",
	               "cannot insert a non-DEFAULT value into column \"id\"");
	expect_refused(APPEND "INSERT INTO t (b, c) VALUES (@b, @c);\n",
	               "cannot insert a non-DEFAULT value into column \"b\"");
	expect_refused(APPEND "INSERT INTO t (a) VALUES (@a);\n",
	               "column \"c\" is NOT NULL, and the stream does not write it");
	expect_refused(APPEND "INSERT INTO t (a, c) VALUES (@a, 1 + 1);\n",
	               "the value of \"c\" is an expression, and COPY takes values alone");
	expect_refused(APPEND "INSERT INTO t (a, c) VALUES (@a, @a);\n",
	               "column \"c\" takes the value of another column");
	expect_refused(APPEND "INSERT INTO t (a, c) VALUES (@a, @c::smallint);\n",
	               "queries.sql:3:34: error: the value has type smallint, its column integer");
}

Test(streams, what_a_record_cannot_hold_is_refused_all_at_once)
{
	static const char *const parts[] = {
		"queries.sql:5:5: error: column \"b\" needs a bound: a record keeps its texts within\n",
		"column \"c\" is an array, which no record can hold",
		"column \"d\" has type numeric, whose digits after the point are not fixed",
		"column \"e\" has type point, which has no counterpart in C", NULL};

	database_run(connection, "CREATE TABLE t (a text, b text, c int[], d numeric, e point)");
	expect_parts(
		"-- name: T :exec\n-- @stream append\n-- @text a 20\nINSERT INTO t (a, b, c, d, e)"
		" VALUES (@a,\n    @b, @c, @d, @e);\n",
		parts);
	cr_assert_not_null(
		strstr(study.said, "hint: Say how many bytes it may have: -- @text b 32\n"));
	cr_assert_not_null(strstr(study.said, "hint: Declare it with 38 digits at most"));
	expect_refused("-- name: T :exec\n-- @stream append\n-- @text a 4000, b 100\n"
	               "INSERT INTO t (a, b) VALUES (@a, @b);\n",
	               "a record takes 4108 bytes, and 4064 are allowed");
}

Test(streams, a_key_needs_a_unique_index_and_types_that_compare_as_bytes)
{
	static const char *const types[] = {"double precision", "interval", "jsonb",
	                                    "citext",           "char(4)",  "text COLLATE loose"};
	char sql[256];
	size_t i;

	database_run(connection,
	             "CREATE TABLE t (k int NOT NULL, l int NOT NULL, v bigint NOT NULL)");
	expect_refused(STATE "INSERT INTO t (k, l, v) VALUES (@k, @l, @v);\n",
	               "hint: Add one in a migration: CREATE UNIQUE INDEX ON t (k);\n");
	database_run(connection,
	             "CREATE UNIQUE INDEX ON t (k) WHERE l > 0;"
	             "CREATE UNIQUE INDEX ON t (k, l); CREATE UNIQUE INDEX ON t (abs(k));"
	             "ALTER TABLE t ADD UNIQUE (k) DEFERRABLE");
	expect_refused(STATE "INSERT INTO t (k, l, v) VALUES (@k, @l, @v);\n",
	               "table \"t\" has no unique index on the key (k)");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(sql, sizeof(sql),
		         "DROP TABLE t; CREATE TABLE t (k %s PRIMARY KEY, v bigint NOT NULL)",
		         types[i]);
		database_run(connection, sql);
		expect_refused(i < 2 ? STATE "INSERT INTO t (k, v) VALUES (@k, @v);\n"
		                     : STATE
		                       "-- @text k 8\nINSERT INTO t (k, v) VALUES (@k, @v);\n",
		               "of which different values can be equal");
	}
}

Test(streams, a_key_and_a_version_are_never_null_and_of_their_size)
{
	static const char *const parts[] = {"key column \"k\" may be NULL",
	                                    "version column \"v\" may be NULL", NULL};

	database_run(connection, "CREATE TABLE t (k text UNIQUE, v bigint);"
	                         "CREATE TABLE u (k text PRIMARY KEY, v int NOT NULL)");
	expect_parts(STATE "-- @text k 20\nINSERT INTO t (k, v) VALUES (@k, @v);\n", parts);
	expect_refused(STATE "-- @text k 20\nINSERT INTO u (k, v) VALUES (@k, @v);\n",
	               "version column \"v\" has type integer, and a version is a bigint");
	database_run(connection, "ALTER TABLE u ALTER v TYPE bigint");
	expect_refused(STATE "-- @text k 21\nINSERT INTO u (k, v) VALUES (@k, @v);\n",
	               "hint: Take one more: -- @text k 22\n");
	expect_refused(STATE "-- @text k 64\nINSERT INTO u (k, v) VALUES (@k, @v);\n",
	               "the key takes 66 bytes, and 64 are allowed");
	analyse(STATE "-- @text k 62\nINSERT INTO u (k, v) VALUES (@k, @v);\n");
	cr_assert_str_eq(study.model.structs[0].name, "t_record");
}

Test(streams, parents_stand_before_their_children)
{
	static const char parents[] =
		"-- name: Parents :exec\n-- @stream state key(id) version(v)\n"
		"INSERT INTO parent (id, v) VALUES (@id, @v);\n";
	static const char children[] = "-- name: Children :exec\n-- @stream append record(child)\n"
				       "INSERT INTO child (id, parent) VALUES (@id, @parent);\n";
	char text[1024];

	database_run(connection, "CREATE TABLE parent (id int PRIMARY KEY, v bigint NOT NULL);"
	                         "CREATE TABLE child (id int, parent int REFERENCES parent,"
	                         "  self int UNIQUE REFERENCES child (self))");
	snprintf(text, sizeof(text), "%s%s-- name: More :exec\n-- @stream append\n%s", parents,
	         children, "INSERT INTO child (id, self) VALUES (@id, @self);\n");
	analyse(text);
	snprintf(text, sizeof(text), "%s%s", children, parents);
	expect_refused(text, "hint: Put Parents before Children: that is the order of writing.\n");
}

Test(streams, partitioned_tables_and_domains_will_do)
{
	database_run(connection,
	             "CREATE DOMAIN k AS uuid NOT NULL;"
	             "CREATE TABLE t (k k, v bigint NOT NULL, d date NOT NULL, PRIMARY KEY (k, d))"
	             "  PARTITION BY RANGE (d)");
	analyse("-- name: Things :exec\n-- @stream state key(k, d) version(v)\n"
	        "INSERT INTO t (k, d, v) VALUES (@k, @d, @v);\n");
	cr_assert_not(study_field(study_struct(&study, "thing"), "k")->nullable);
}
