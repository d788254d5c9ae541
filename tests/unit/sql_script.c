/* SPDX-License-Identifier: MIT */
/* sql_script.c - statements are found where the server finds them. */
#include "db/sql_script.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Writes each statement's offset and first two words as "offset:FIRST SECOND;" into `seen`. */
static const char *scan(const char *text)
{
	static char seen[512];
	struct slu_sql_scan walk = {text, strlen(text), 0};
	struct slu_sql_statement statement;
	size_t used = 0;

	seen[0] = '\0';
	while (slu_sql_next(&walk, &statement))
		used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%zu:%s %s;",
		                         statement.offset, statement.first, statement.second);
	return seen;
}

Test(sql_script, blank_and_empty_statements_are_left_out)
{
	cr_assert_str_eq(scan(""), "");
	cr_assert_str_eq(scan(" \n\t;; -- only a comment\n ; /* and /* a nested */ one */ ;"), "");
}

Test(sql_script, words_are_found_after_comments_and_in_any_case)
{
	cr_assert_str_eq(scan("-- x\ncreate /* y */ Table t (a int);\nDROP TABLE t"),
	                 "5:CREATE TABLE;37:DROP TABLE;");
}

Test(sql_script, a_semicolon_in_a_string_name_or_comment_ends_nothing)
{
	cr_assert_str_eq(scan("SELECT ';', 'it''s;', \";\", \"a\"\";\" -- ;\n /* ; */; COMMIT"),
	                 "0:SELECT ;49:COMMIT ;");
}

Test(sql_script, a_backslash_escapes_in_an_e_string_only)
{
	cr_assert_str_eq(scan("SELECT E'\\';'; END"), "0:SELECT ;15:END ;");
	cr_assert_str_eq(scan("SELECT e'\\\\'; END"), "0:SELECT ;14:END ;");
	cr_assert_str_eq(scan("SELECT '\\'; END"), "0:SELECT ;12:END ;");
	cr_assert_str_eq(scan("SELECT notE'\\'; END"), "0:SELECT NOTE;16:END ;");
}

Test(sql_script, a_dollar_quoted_body_is_one_string)
{
	cr_assert_str_eq(scan("DO $$ BEGIN; COMMIT; END $$; END"), "0:DO ;29:END ;");
	cr_assert_str_eq(scan("DO $a$ ; $$ ; $b$ ; $a$; END"), "0:DO ;25:END ;");
	cr_assert_str_eq(scan("PREPARE p AS SELECT $1; END"), "0:PREPARE P;24:END ;");
	cr_assert_str_eq(scan("SELECT a$b$c; END"), "0:SELECT A$B$C;14:END ;");
}

Test(sql_script, an_atomic_function_body_is_part_of_its_statement)
{
	cr_assert_str_eq(scan("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true "
	                      "THEN 1 END; SELECT 2; END; COMMIT"),
	                 "0:CREATE FUNCTION;94:COMMIT ;");
	cr_assert_str_eq(scan("BEGIN; SELECT 1; END"), "0:BEGIN ;7:SELECT ;17:END ;");
}

Test(sql_script, a_rule_of_several_actions_is_one_statement)
{
	cr_assert_str_eq(scan("CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM u; DELETE FROM "
	                      "v); END"),
	                 "0:CREATE RULE;72:END ;");
}

Test(sql_script, concurrently_and_standard_files_are_noticed_as_words_only)
{
	const char *text = "CREATE INDEX CONCURRENTLY i ON t (a); SELECT 'CONCURRENTLY'; "
			   "COPY t FROM STDIN; COPY t TO 'STDOUT'";
	struct slu_sql_scan walk = {text, strlen(text), 0};
	struct slu_sql_statement statement;

	cr_assert(slu_sql_next(&walk, &statement) && statement.concurrently);
	cr_assert(slu_sql_next(&walk, &statement) && !statement.concurrently);
	cr_assert(slu_sql_next(&walk, &statement) && statement.standard);
	cr_assert(slu_sql_next(&walk, &statement) && !statement.standard);
	cr_assert_not(slu_sql_next(&walk, &statement));
}

Test(sql_script, an_unfinished_token_ends_with_the_script)
{
	static const char *const texts[] = {"SELECT 'a;",  "SELECT \"a;", "SELECT $$ ; $",
	                                    "SELECT $a$;", "SELECT /* ;", "SELECT E'\\",
	                                    "SELECT $",    "SELECT -",    "SELECT ((;"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *seen = scan(texts[i]);

		cr_assert_str_eq(seen, "0:SELECT ;", "%s gave %s", texts[i], seen);
	}
}

Test(sql_script, lines_count_from_one)
{
	cr_assert_eq(slu_sql_line("a\nb\n", 0), 1);
	cr_assert_eq(slu_sql_line("a\nb\n", 1), 1);
	cr_assert_eq(slu_sql_line("a\nb\n", 2), 2);
}

Test(sql_script, a_character_of_several_bytes_counts_once)
{
	const char *text = "\xc3\xa9\xe2\x82\xac"
			   "x";

	cr_assert_eq(slu_sql_offset(text, strlen(text), 1), 0);
	cr_assert_eq(slu_sql_offset(text, strlen(text), 2), 2);
	cr_assert_eq(slu_sql_offset(text, strlen(text), 3), 5);
	cr_assert_eq(slu_sql_offset(text, strlen(text), 9), strlen(text));
}
