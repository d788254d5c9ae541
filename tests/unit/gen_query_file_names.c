/* SPDX-License-Identifier: MIT */
/* gen_query_file_names.c - what is said of names, commands and statements that are none. */
#include "tests/unit/gen_query_file_reading.h"

#include <criterion/criterion.h>

Test(gen_query_file_names, a_command_misspelled_names_the_nearest)
{
	tells("-- name: GetOrder :oen\n"
	      "SELECT 1;\n",
	      "q.sql:1:19: error: there is no command :oen\n"
	      "  -- name: GetOrder :oen\n"
	      "                    ^~~~\n"
	      "hint: Perhaps you meant :one.\n");
}

Test(gen_query_file_names, a_command_without_its_colon_names_it)
{
	tells("-- name: GetOrder many\n"
	      "SELECT 1;\n",
	      "q.sql:1:19: error: there is no command many\n"
	      "  -- name: GetOrder many\n"
	      "                    ^~~~\n"
	      "hint: Perhaps you meant :many.\n");
}

Test(gen_query_file_names, an_unknown_command_lists_all)
{
	tells("-- name: GetOrder :everything\n"
	      "SELECT 1;\n",
	      "q.sql:1:19: error: there is no command :everything\n"
	      "  -- name: GetOrder :everything\n"
	      "                    ^~~~~~~~~~~\n"
	      "hint: The commands: :one, :many, :exec, :execrows, :execresult, :copyfrom, "
	      ":batchexec, :batchone, :batchmany.\n");
}

Test(gen_query_file_names, execlastid_is_told_what_postgres_has_instead)
{
	tells("-- name: AddOrder :execlastid\n"
	      "INSERT INTO orders (id) VALUES (@id);\n",
	      "q.sql:1:19: error: Postgres has no last insert id\n"
	      "  -- name: AddOrder :execlastid\n"
	      "                    ^~~~~~~~~~~\n"
	      "hint: Use :one, and end the INSERT with RETURNING id.\n");
}

Test(gen_query_file_names, a_query_without_a_command_lists_all)
{
	tells("-- name: GetOrder\n"
	      "SELECT 1;\n",
	      "q.sql:1:18: error: query \"GetOrder\" has no command\n"
	      "  -- name: GetOrder\n"
	      "                   ^\n"
	      "hint: The commands: :one, :many, :exec, :execrows, :execresult, :copyfrom, "
	      ":batchexec, :batchone, :batchmany.\n");
}

Test(gen_query_file_names, a_name_that_is_missing_is_asked_for)
{
	tells("-- name: :one\n"
	      "SELECT 1;\n",
	      "q.sql:1:10: error: the query's name is missing\n"
	      "  -- name: :one\n"
	      "           ^~~~\n"
	      "hint: Write it like this: -- name: GetOrder :one\n");
}

Test(gen_query_file_names, an_empty_name_comment_is_told)
{
	tells("/* name: */\n"
	      "SELECT 1;\n",
	      "q.sql:1:9: error: the query's name is missing\n"
	      "  /* name: */\n"
	      "          ^\n"
	      "hint: Write it like this: -- name: GetOrder :one\n");
}

Test(gen_query_file_names, a_word_after_the_command_is_told)
{
	tells("-- name: GetOrder :one really\n"
	      "SELECT 1;\n",
	      "q.sql:1:24: error: nothing may follow the command\n"
	      "  -- name: GetOrder :one really\n"
	      "                         ^~~~~~\n"
	      "hint: Write it like this: -- name: GetOrder :one\n");
}

Test(gen_query_file_names, a_name_that_is_no_identifier_is_told)
{
	tells("-- name: Get-Order :one\n"
	      "SELECT 1;\n",
	      "q.sql:1:10: error: \"Get-Order\" can't be a query's name\n"
	      "  -- name: Get-Order :one\n"
	      "           ^~~~~~~~~\n"
	      "hint: It becomes a function's name: begin with a letter, and use letters, "
	      "digits and _ only.\n");
}

Test(gen_query_file_names, a_name_given_twice_tells_where_the_first_is)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT 1;\n"
	      "\n"
	      "-- name: GetOrder :one\n"
	      "SELECT 2;\n",
	      "q.sql:4:10: error: there are two queries named \"GetOrder\"\n"
	      "  -- name: GetOrder :one\n"
	      "           ^~~~~~~~\n"
	      "hint: The first is in line 1.\n");
}

Test(gen_query_file_names, two_names_that_are_one_in_c_are_told)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT 1;\n"
	      "\n"
	      "-- name: get_order :one\n"
	      "SELECT 2;\n",
	      "q.sql:4:10: error: \"GetOrder\" and \"get_order\" are both get_order in C\n"
	      "  -- name: get_order :one\n"
	      "           ^~~~~~~~~\n"
	      "hint: The first is in line 1.\n");
}

Test(gen_query_file_names, a_statement_without_a_name_is_told)
{
	tells("-- All orders.\n"
	      "SELECT 1;\n",
	      "q.sql:2:1: error: this statement has no name\n"
	      "  SELECT 1;\n"
	      "  ^~~~~~~~\n"
	      "hint: Put a name and a command in a comment above it: -- name: DeleteOrder "
	      ":exec\n");
}

Test(gen_query_file_names, a_second_statement_is_told)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT 1;\n"
	      "DELETE FROM orders;\n",
	      "q.sql:3:1: error: a second statement under one name\n"
	      "  DELETE FROM orders;\n"
	      "  ^~~~~~~~~~~~~~~~~~\n"
	      "hint: A query is one statement. Give this one a name of its own, in a "
	      "comment above it: -- name: DeleteOrder :exec\n");
}

Test(gen_query_file_names, a_name_without_a_statement_is_told)
{
	tells("-- name: GetOrder :one\n"
	      "\n"
	      "-- name: ListOrders :many\n"
	      "SELECT 1;\n"
	      "\n"
	      "-- name: Last :exec\n",
	      "q.sql:1:4: error: this query has no statement\n"
	      "  -- name: GetOrder :one\n"
	      "     ^~~~~~~~~~~~~~~~~~~\n"
	      "hint: Write the statement below it, and end it with a semicolon.\n"
	      "q.sql:6:4: error: this query has no statement\n"
	      "  -- name: Last :exec\n"
	      "     ^~~~~~~~~~~~~~~~\n"
	      "hint: Write the statement below it, and end it with a semicolon.\n");
}

Test(gen_query_file_names, a_semicolon_left_out_is_told_where_it_belongs)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT id\n"
	      "FROM orders\n"
	      "\n"
	      "-- name: ListOrders :many\n"
	      "SELECT 1;\n",
	      "q.sql:3:12: error: a semicolon is missing before the next query\n"
	      "  FROM orders\n"
	      "             ^\n"
	      "hint: End each statement with a semicolon.\n");
}

Test(gen_query_file_names, a_string_without_its_end_is_told_where_it_begins)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT 'it''s;\n",
	      "q.sql:2:8: error: the string that begins here has no end\n"
	      "  SELECT 'it''s;\n"
	      "         ^\n");
}

Test(gen_query_file_names, a_quoted_name_without_its_end_is_told)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT \"id FROM orders;\n",
	      "q.sql:2:8: error: the quoted name that begins here has no end\n"
	      "  SELECT \"id FROM orders;\n"
	      "         ^\n");
}

Test(gen_query_file_names, a_comment_without_its_end_is_told)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT 1 /* and\n"
	      "/* more */\n"
	      ";\n",
	      "q.sql:2:10: error: the comment that begins here has no end\n"
	      "  SELECT 1 /* and\n"
	      "           ^\n");
}

Test(gen_query_file_names, a_comment_without_its_end_between_statements_is_told)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT 1;\n"
	      "/* and\n",
	      "q.sql:3:1: error: the comment that begins here has no end\n"
	      "  /* and\n"
	      "  ^\n");
}
