/* SPDX-License-Identifier: MIT */
/* gen_query_file_numbers.c - what is said of parameters that can't be. */
#include "tests/unit/gen_query_file_reading.h"

#include <criterion/criterion.h>

Test(gen_query_file_numbers, a_number_before_a_name_is_mixed)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT * FROM orders WHERE id = $1 AND state = @state AND side = @side;\n",
	      "q.sql:2:48: error: a query can't have both $1 and @name\n"
	      "  SELECT * FROM orders WHERE id = $1 AND state = @state AND side = @side;\n"
	      "                                                 ^~~~~~\n"
	      "hint: Give all of them names, or none.\n");
}

Test(gen_query_file_numbers, a_name_before_a_number_is_mixed)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT * FROM orders WHERE id = @id AND state = $1;\n",
	      "q.sql:2:49: error: a query can't have both $1 and @name\n"
	      "  SELECT * FROM orders WHERE id = @id AND state = $1;\n"
	      "                                                  ^~\n"
	      "hint: Give all of them names, or none.\n");
}

Test(gen_query_file_numbers, a_gap_is_told_at_the_number_after_it)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT * FROM orders WHERE id = $1 AND state = $4;\n",
	      "q.sql:2:48: error: there is no $2\n"
	      "  SELECT * FROM orders WHERE id = $1 AND state = $4;\n"
	      "                                                 ^~\n"
	      "hint: Number them without a gap, from $1.\n");
}

Test(gen_query_file_numbers, a_number_out_of_range_is_told)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT * FROM orders WHERE id = $0 AND a = $70000 AND b = $1x;\n",
	      "q.sql:2:33: error: parameters are $1 to $65535, and nothing may cling to "
	      "them\n"
	      "  SELECT * FROM orders WHERE id = $0 AND a = $70000 AND b = $1x;\n"
	      "                                  ^~\n"
	      "q.sql:2:44: error: parameters are $1 to $65535, and nothing may cling to "
	      "them\n"
	      "  SELECT * FROM orders WHERE id = $0 AND a = $70000 AND b = $1x;\n"
	      "                                             ^~~~~~\n"
	      "q.sql:2:59: error: parameters are $1 to $65535, and nothing may cling to "
	      "them\n"
	      "  SELECT * FROM orders WHERE id = $0 AND a = $70000 AND b = $1x;\n"
	      "                                                            ^~~\n");
}

Test(gen_query_file_numbers, a_slice_that_is_one_value_elsewhere_is_told)
{
	tells("-- name: ListOrders :many\n"
	      "SELECT * FROM orders WHERE id IN (sqlc.slice(ids)) OR id = @ids;\n",
	      "q.sql:2:60: error: \"ids\" is both one value and a slice of values\n"
	      "  SELECT * FROM orders WHERE id IN (sqlc.slice(ids)) OR id = @ids;\n"
	      "                                                             ^~~~\n"
	      "hint: Give one of them another name.\n");
}

Test(gen_query_file_numbers, a_slice_beside_other_values_is_told)
{
	tells("-- name: ListOrders :many\n"
	      "SELECT * FROM orders WHERE id IN (1, sqlc.slice('ids'));\n",
	      "q.sql:2:38: error: a slice stands alone within IN (..)\n"
	      "  SELECT * FROM orders WHERE id IN (1, sqlc.slice('ids'));\n"
	      "                                       ^~~~~~~~~~~~~~~~~\n"
	      "hint: Write IN (sqlc.slice(ids)), or = ANY (sqlc.slice(ids)::bigint[]).\n");
}

Test(gen_query_file_numbers, an_unknown_function_names_the_nearest_or_all)
{
	tells("-- name: ListOrders :many\n"
	      "SELECT * FROM orders WHERE id = sqlc.agr(id) OR id = sqlc.optional(id);\n",
	      "q.sql:2:33: error: there is no sqlc.agr\n"
	      "  SELECT * FROM orders WHERE id = sqlc.agr(id) OR id = sqlc.optional(id);\n"
	      "                                  ^~~~~~~~\n"
	      "hint: Perhaps you meant sqlc.arg.\n"
	      "q.sql:2:54: error: there is no sqlc.optional\n"
	      "  SELECT * FROM orders WHERE id = sqlc.agr(id) OR id = sqlc.optional(id);\n"
	      "                                                       ^~~~~~~~~~~~~\n"
	      "hint: There are sqlc.arg, sqlc.narg, sqlc.slice and sqlc.embed.\n");
}

Test(gen_query_file_numbers, a_function_without_one_plain_name_is_told)
{
	tells("-- name: ListOrders :many\n"
	      "SELECT sqlc.embed(1), sqlc.embed('o')\n"
	      "FROM orders\n"
	      "WHERE id = sqlc.arg(a, b) OR id = sqlc.narg('a b')\n"
	      "   OR id = sqlc.arg();\n",
	      "q.sql:2:8: error: this takes one plain name\n"
	      "  SELECT sqlc.embed(1), sqlc.embed('o')\n"
	      "         ^~~~~~~~~~~~~\n"
	      "hint: Write sqlc.embed(o), where o is a table's name or alias.\n"
	      "q.sql:2:23: error: this takes one plain name\n"
	      "  SELECT sqlc.embed(1), sqlc.embed('o')\n"
	      "                        ^~~~~~~~~~~~~~~\n"
	      "hint: Write sqlc.embed(o), where o is a table's name or alias.\n"
	      "q.sql:4:12: error: this takes one plain name\n"
	      "  WHERE id = sqlc.arg(a, b) OR id = sqlc.narg('a b')\n"
	      "             ^~~~~~~~~~~~~~\n"
	      "hint: Write sqlc.arg(name).\n"
	      "q.sql:4:35: error: this takes one plain name\n"
	      "  WHERE id = sqlc.arg(a, b) OR id = sqlc.narg('a b')\n"
	      "                                    ^~~~~~~~~~~~~~~~\n"
	      "hint: Write sqlc.arg(name).\n"
	      "q.sql:5:12: error: this takes one plain name\n"
	      "     OR id = sqlc.arg();\n"
	      "             ^~~~~~~~~~\n"
	      "hint: Write sqlc.arg(name).\n");
}

Test(gen_query_file_numbers, an_embed_outside_of_the_answer_is_told)
{
	tells("-- name: ListOrders :many\n"
	      "SELECT 1 FROM orders o WHERE row(sqlc.embed(o)) IS NULL;\n",
	      "q.sql:2:34: error: sqlc.embed stands among the columns of the answer only\n"
	      "  SELECT 1 FROM orders o WHERE row(sqlc.embed(o)) IS NULL;\n"
	      "                                   ^~~~~~~~~~~~~\n"
	      "hint: It makes a struct within the row's.\n");
}

Test(gen_query_file_numbers, an_operator_that_swallows_the_sign_of_a_name_is_told)
{
	tells("-- name: GetOrder :one\n"
	      "SELECT * FROM orders WHERE id=@id AND price >=@price;\n",
	      "q.sql:2:30: error: to Postgres =@ is one operator\n"
	      "  SELECT * FROM orders WHERE id=@id AND price >=@price;\n"
	      "                               ^~\n"
	      "hint: Put a blank before the @ of a name.\n"
	      "q.sql:2:45: error: to Postgres >=@ is one operator\n"
	      "  SELECT * FROM orders WHERE id=@id AND price >=@price;\n"
	      "                                              ^~~\n"
	      "hint: Put a blank before the @ of a name.\n");
}
