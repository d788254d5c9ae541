/* SPDX-License-Identifier: MIT */
/* gen_query_file_hints.c - what is said of hints that are not written as they should be. */
#include "tests/unit/gen_query_file_reading.h"

#include <criterion/criterion.h>

Test(gen_query_file_hints, a_word_near_one_of_ours_is_told_and_others_are_passed_over)
{
	tells("-- name: Orders :exec\n"
	      "-- @steam append\n"
	      "-- @txt side 6\n"
	      "-- @param id the id\n"
	      "-- @sqlc-vet-disable\n"
	      "INSERT INTO orders (id) VALUES (@id);\n",
	      "q.sql:2:4: error: there is no hint @steam\n"
	      "  -- @steam append\n"
	      "     ^~~~~~\n"
	      "hint: Perhaps you meant @stream.\n"
	      "q.sql:3:4: error: there is no hint @txt\n"
	      "  -- @txt side 6\n"
	      "     ^~~~\n"
	      "hint: Perhaps you meant @text.\n");
}

Test(gen_query_file_hints, one_that_belongs_to_no_query_is_told)
{
	tells("-- @stream append\n"
	      "\n"
	      "-- name: Orders :exec\n"
	      "INSERT INTO orders (id) VALUES (@id);\n",
	      "q.sql:1:4: error: this hint belongs to no query\n"
	      "  -- @stream append\n"
	      "     ^~~~~~~\n"
	      "hint: Put it between the query's name and its SQL, or right above the name.\n");
}

Test(gen_query_file_hints, text_takes_a_column_and_its_bytes)
{
	tells("-- name: Orders :exec\n"
	      "-- @text side\n"
	      "-- @text 6\n"
	      "-- @text side 6,\n"
	      "-- @text state 0\n"
	      "-- @text kind 4001\n"
	      "-- @text a 6 b 7\n"
	      "-- @text c 12x\n"
	      "UPDATE orders SET a = 1;\n",
	      "q.sql:2:14: error: a number of bytes should stand here\n"
	      "  -- @text side\n"
	      "               ^\n"
	      "hint: Write it like this: -- @text side 6, state 10\n"
	      "q.sql:3:10: error: a column's name should stand here\n"
	      "  -- @text 6\n"
	      "           ^\n"
	      "hint: Write it like this: -- @text side 6, state 10\n"
	      "q.sql:4:10: error: there is such a hint about \"side\" already\n"
	      "  -- @text side 6,\n"
	      "           ^~~~\n"
	      "q.sql:4:17: error: a column's name should stand here\n"
	      "  -- @text side 6,\n"
	      "                  ^\n"
	      "hint: Write it like this: -- @text side 6, state 10\n"
	      "q.sql:5:16: error: a text in a struct has 1 to 4000 bytes\n"
	      "  -- @text state 0\n"
	      "                 ^\n"
	      "q.sql:6:15: error: a text in a struct has 1 to 4000 bytes\n"
	      "  -- @text kind 4001\n"
	      "                ^~~~\n"
	      "q.sql:7:14: error: nothing more should stand here\n"
	      "  -- @text a 6 b 7\n"
	      "               ^\n"
	      "hint: Write it like this: -- @text side 6, state 10\n"
	      "q.sql:8:12: error: a text in a struct has 1 to 4000 bytes\n"
	      "  -- @text c 12x\n"
	      "             ^~~\n");
}

Test(gen_query_file_hints, null_and_notnull_of_one_column_are_told)
{
	tells("-- name: Orders :many\n"
	      "-- @notnull total, average\n"
	      "-- @null total\n"
	      "-- @null other, other\n"
	      "-- @struct a\n"
	      "-- @struct b\n"
	      "-- @notnull\n"
	      "SELECT 1;\n",
	      "q.sql:3:10: error: \"total\" can't be both @null and @notnull\n"
	      "  -- @null total\n"
	      "           ^~~~~\n"
	      "q.sql:4:17: error: there is such a hint about \"other\" already\n"
	      "  -- @null other, other\n"
	      "                  ^~~~~\n"
	      "q.sql:6:12: error: a row has one struct, and it is \"a\" already\n"
	      "  -- @struct b\n"
	      "             ^\n"
	      "q.sql:7:12: error: a column's name should stand here\n"
	      "  -- @notnull\n"
	      "             ^\n"
	      "hint: Write it like this: -- @notnull total, average\n");
}

Test(gen_query_file_hints, struct_takes_a_name_that_c_knows)
{
	tells("-- name: Orders :many\n"
	      "-- @struct 1a\n"
	      "-- @struct \"a b\"\n"
	      "SELECT 1;\n",
	      "q.sql:2:12: error: a struct's name should stand here\n"
	      "  -- @struct 1a\n"
	      "             ^~\n"
	      "hint: Write it like this: -- @struct open_order\n"
	      "q.sql:3:12: error: \"a b\" can't be a struct's name: begin with a letter, and "
	      "use letters, digits and _ only\n"
	      "  -- @struct \"a b\"\n"
	      "             ^~~~~\n");
}

Test(gen_query_file_hints, stream_takes_its_parts_once_each)
{
	tells("-- name: A :exec\n"
	      "-- @stream\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: B :exec\n"
	      "-- @stream lossy\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: C :exec\n"
	      "-- @stream append record\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: D :exec\n"
	      "-- @stream append record(\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: E :exec\n"
	      "-- @stream append record(a) record(b)\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: F :exec\n"
	      "-- @stream append table(a)\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: G :exec\n"
	      "-- @stream append record(a\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: H :exec\n"
	      "-- @stream append\n"
	      "-- @stream append\n"
	      "INSERT INTO orders (id) VALUES (@id);\n"
	      "-- name: I :exec\n"
	      "-- @stream append record(\"a b\")\n"
	      "INSERT INTO orders (id) VALUES (@id);\n",
	      "q.sql:2:11: error: append or state should stand here\n"
	      "  -- @stream\n"
	      "            ^\n"
	      "hint: Write it like this: -- @stream state record(order) key(id) "
	      "version(version)\n"
	      "q.sql:5:12: error: append or state should stand here\n"
	      "  -- @stream lossy\n"
	      "             ^~~~~\n"
	      "hint: Write it like this: -- @stream state record(order) key(id) "
	      "version(version)\n"
	      "q.sql:8:25: error: \"(\" should stand here\n"
	      "  -- @stream append record\n"
	      "                          ^\n"
	      "hint: Write it like this: -- @stream state record(order) key(id) "
	      "version(version)\n"
	      "q.sql:11:26: error: the record's name should stand here\n"
	      "  -- @stream append record(\n"
	      "                           ^\n"
	      "hint: Write it like this: -- @stream state record(order) key(id) "
	      "version(version)\n"
	      "q.sql:14:29: error: record(..) is given twice\n"
	      "  -- @stream append record(a) record(b)\n"
	      "                              ^~~~~~\n"
	      "q.sql:17:19: error: record(..), key(..) or version(..) should stand here\n"
	      "  -- @stream append table(a)\n"
	      "                    ^~~~~\n"
	      "hint: Write it like this: -- @stream state record(order) key(id) "
	      "version(version)\n"
	      "q.sql:20:27: error: \")\" should stand here\n"
	      "  -- @stream append record(a\n"
	      "                            ^\n"
	      "hint: Write it like this: -- @stream state record(order) key(id) "
	      "version(version)\n"
	      "q.sql:24:5: error: a query is one stream at most\n"
	      "  -- @stream append\n"
	      "      ^~~~~~\n"
	      "q.sql:27:26: error: \"a b\" can't be a struct's name: begin with a letter, "
	      "and use letters, digits and _ only\n"
	      "  -- @stream append record(\"a b\")\n"
	      "                           ^~~~~\n");
}
