/* SPDX-License-Identifier: MIT */
/* gen_query_file_streams.c - what is said of statements that are no stream, or no copy. */
#include "tests/unit/gen_query_file_reading.h"

#include <criterion/criterion.h>

Test(gen_query_file_streams, a_key_column_given_twice_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream state key(id, id) version(version)\n"
	      "INSERT INTO orders (id, version) VALUES (@id, @version);\n",
	      "q.sql:2:26: error: \"id\" is in the key already\n"
	      "  -- @stream state key(id, id) version(version)\n"
	      "                           ^~\n");
}

Test(gen_query_file_streams, a_statement_that_is_no_insert_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream append\n"
	      "UPDATE orders SET id = @id;\n",
	      "q.sql:2:4: error: @stream takes a plain INSERT: a list of columns, and as "
	      "many values\n"
	      "  -- @stream append\n"
	      "     ^~~~~~~~~~~~~~\n"
	      "hint: As in: INSERT INTO orders (id, price) VALUES (@id, @price);\n");
}

Test(gen_query_file_streams, returning_is_told)
{
	tells("-- name: Orders :one\n"
	      "-- @stream append\n"
	      "INSERT INTO orders (id) VALUES (@id) RETURNING id;\n",
	      "q.sql:1:10: error: a stream's rows are written by the sink, which returns "
	      "nothing\n"
	      "  -- name: Orders :one\n"
	      "           ^~~~~~\n"
	      "hint: Make it :exec, or :copyfrom.\n"
	      "q.sql:3:38: error: nothing may follow the values here: @stream takes a "
	      "plain INSERT\n"
	      "  INSERT INTO orders (id) VALUES (@id) RETURNING id;\n"
	      "                                       ^~~~~~~~~\n"
	      "hint: Leave RETURNING out: nothing comes back.\n");
}

Test(gen_query_file_streams, a_second_row_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream append\n"
	      "INSERT INTO orders (id) VALUES (@id), (@other);\n",
	      "q.sql:3:37: error: nothing may follow the values here: @stream takes a "
	      "plain INSERT\n"
	      "  INSERT INTO orders (id) VALUES (@id), (@other);\n"
	      "                                      ^\n"
	      "hint: Write one row of values; the caller hands over as many as there are.\n");
}

Test(gen_query_file_streams, on_conflict_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream append\n"
	      "INSERT INTO orders (id) VALUES (@id) ON CONFLICT DO NOTHING;\n",
	      "q.sql:3:38: error: nothing may follow the values here: @stream takes a "
	      "plain INSERT\n"
	      "  INSERT INTO orders (id) VALUES (@id) ON CONFLICT DO NOTHING;\n"
	      "                                       ^~\n"
	      "hint: Leave it out: Sluice makes one from the key of a state stream.\n");
}

Test(gen_query_file_streams, columns_that_the_insert_does_not_have_are_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream state key(account, id) version(revision)\n"
	      "-- @text side 6\n"
	      "INSERT INTO orders (id, state) VALUES (@id, @state);\n",
	      "q.sql:2:22: error: the INSERT has no column \"account\"\n"
	      "  -- @stream state key(account, id) version(revision)\n"
	      "                       ^~~~~~~\n"
	      "hint: Name one of its columns.\n"
	      "q.sql:2:43: error: the INSERT has no column \"revision\"\n"
	      "  -- @stream state key(account, id) version(revision)\n"
	      "                                            ^~~~~~~~\n"
	      "hint: Name one of its columns.\n"
	      "q.sql:3:10: error: the INSERT has no column \"side\"\n"
	      "  -- @text side 6\n"
	      "           ^~~~\n"
	      "hint: Name one of its columns.\n");
}

Test(gen_query_file_streams, a_key_or_version_that_is_no_parameter_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream state key(id) version(version)\n"
	      "INSERT INTO orders (id, version) VALUES (lower(@id), 1);\n",
	      "q.sql:2:22: error: the value of \"id\" is not a lone parameter\n"
	      "  -- @stream state key(id) version(version)\n"
	      "                       ^~\n"
	      "hint: Make its value a parameter.\n"
	      "q.sql:2:34: error: the value of \"version\" is not a lone parameter\n"
	      "  -- @stream state key(id) version(version)\n"
	      "                                   ^~~~~~~\n"
	      "hint: Make its value a parameter.\n"
	      "q.sql:3:42: error: a stream's value is a lone parameter, or has none in it\n"
	      "  INSERT INTO orders (id, version) VALUES (lower(@id), 1);\n"
	      "                                           ^~~~~~~~~~\n"
	      "hint: Compute it before the put; an expression without a parameter, such as "
	      "now(), may stay.\n");
}

Test(gen_query_file_streams, an_append_stream_with_a_key_or_version_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream append key(id) version(version)\n"
	      "INSERT INTO orders (id, version) VALUES (@id, @version);\n",
	      "q.sql:2:23: error: an append stream has no key\n"
	      "  -- @stream append key(id) version(version)\n"
	      "                        ^~\n"
	      "hint: Every record is a row. Leave key(..) out, or make it a state stream.\n"
	      "q.sql:2:35: error: an append stream has no version\n"
	      "  -- @stream append key(id) version(version)\n"
	      "                                    ^~~~~~~\n"
	      "hint: Leave version(..) out, or make it a state stream.\n");
}

Test(gen_query_file_streams, a_state_stream_without_key_and_version_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream state\n"
	      "INSERT INTO orders (id, version) VALUES (@id, @version);\n",
	      "q.sql:2:4: error: a state stream needs a key\n"
	      "  -- @stream state\n"
	      "     ^~~~~~~~~~~~~\n"
	      "hint: Name the columns that tell one row from another: key(id).\n"
	      "q.sql:2:4: error: a state stream needs a version\n"
	      "  -- @stream state\n"
	      "     ^~~~~~~~~~~~~\n"
	      "hint: Name a bigint column that Sluice may write each row's version to: "
	      "version(version).\n");
}

Test(gen_query_file_streams, a_lossy_state_stream_is_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream state lossy key(id) version(version)\n"
	      "INSERT INTO orders (id, version) VALUES (@id, @version);\n",
	      "q.sql:2:4: error: a state stream can't be lossy\n"
	      "  -- @stream state lossy key(id) version(version)\n"
	      "     ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
	      "hint: Leave lossy out: what get returns would be older than what was put.\n");
}

Test(gen_query_file_streams, a_history_is_refused)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream state key(id) version(version) history(orders_history)\n"
	      "INSERT INTO orders (id, version) VALUES (@id, @version);\n",
	      "q.sql:2:51: error: history tables are not there yet\n"
	      "  -- @stream state key(id) version(version) history(orders_history)\n"
	      "                                                    ^~~~~~~~~~~~~~\n"
	      "hint: Make the history an append stream of its own for now.\n");
}

Test(gen_query_file_streams, a_default_and_an_expression_of_a_parameter_are_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream append\n"
	      "INSERT INTO orders (id, a, b, c) VALUES (@id, DEFAULT, @x + 1, now());\n",
	      "q.sql:3:47: error: a stream's value can't be DEFAULT\n"
	      "  INSERT INTO orders (id, a, b, c) VALUES (@id, DEFAULT, @x + 1, now());\n"
	      "                                                ^~~~~~~\n"
	      "hint: Leave the column out: then it has its default, too.\n"
	      "q.sql:3:56: error: a stream's value is a lone parameter, or has none in it\n"
	      "  INSERT INTO orders (id, a, b, c) VALUES (@id, DEFAULT, @x + 1, now());\n"
	      "                                                         ^~~~~~\n"
	      "hint: Compute it before the put; an expression without a parameter, such as "
	      "now(), may stay.\n");
}

Test(gen_query_file_streams, hints_about_rows_are_told)
{
	tells("-- name: Orders :exec\n"
	      "-- @stream append\n"
	      "-- @notnull id\n"
	      "INSERT INTO orders (id) VALUES (@id);\n",
	      "q.sql:3:13: error: @struct, @null and @notnull are about rows that a query "
	      "returns\n"
	      "  -- @notnull id\n"
	      "              ^~\n"
	      "hint: The record's struct is named by record(..), and its columns are as "
	      "the table says.\n");
}

Test(gen_query_file_streams, values_of_a_copy_that_are_no_lone_parameters_are_told)
{
	tells("-- name: AddOrders :copyfrom\n"
	      "INSERT INTO orders (id, at, price, side)\n"
	      "VALUES (@id, now(), @price::numeric, 'Buy');\n",
	      "q.sql:3:14: error: the value of \"at\" is not a lone parameter\n"
	      "  VALUES (@id, now(), @price::numeric, 'Buy');\n"
	      "               ^~~~~\n"
	      "hint: COPY takes values as they are: no cast, no expression.\n"
	      "q.sql:3:21: error: the value of \"price\" is not a lone parameter\n"
	      "  VALUES (@id, now(), @price::numeric, 'Buy');\n"
	      "                      ^~~~~~~~~~~~~~~\n"
	      "hint: COPY takes values as they are: no cast, no expression.\n"
	      "q.sql:3:38: error: the value of \"side\" is not a lone parameter\n"
	      "  VALUES (@id, now(), @price::numeric, 'Buy');\n"
	      "                                       ^~~~~\n"
	      "hint: COPY takes values as they are: no cast, no expression.\n");
}

Test(gen_query_file_streams, a_copy_that_is_no_insert_is_told)
{
	tells("-- name: AddOrders :copyfrom\n"
	      "SELECT 1;\n",
	      "q.sql:1:10: error: :copyfrom takes a plain INSERT: a list of columns, and "
	      "as many values\n"
	      "  -- name: AddOrders :copyfrom\n"
	      "           ^~~~~~~~~\n"
	      "hint: As in: INSERT INTO orders (id, price) VALUES (@id, @price);\n");
}

Test(gen_query_file_streams, a_copy_with_on_conflict_is_told)
{
	tells("-- name: A :copyfrom\n"
	      "INSERT INTO orders (id) VALUES (@id) ON CONFLICT DO NOTHING;\n",
	      "q.sql:2:38: error: nothing may follow the values here: :copyfrom takes a "
	      "plain INSERT\n"
	      "  INSERT INTO orders (id) VALUES (@id) ON CONFLICT DO NOTHING;\n"
	      "                                       ^~\n"
	      "hint: COPY knows no ON CONFLICT. Make it :batchexec.\n");
}

Test(gen_query_file_streams, values_that_are_more_than_the_columns_are_told)
{
	tells("-- name: A :copyfrom\n"
	      "INSERT INTO orders (id) VALUES (@id, @side);\n",
	      "q.sql:1:10: error: :copyfrom takes a plain INSERT: a list of columns, and "
	      "as many values\n"
	      "  -- name: A :copyfrom\n"
	      "           ^\n"
	      "hint: As in: INSERT INTO orders (id, price) VALUES (@id, @price);\n");
}
