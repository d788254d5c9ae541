/* SPDX-License-Identifier: MIT */
/* gen_config_errors.c - what is said of a configuration that is wrong. */
#include "tests/unit/gen_config_folder.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(gen_config_errors, .init = folder_set_up, .fini = folder_tear_down);

static void tells(const char *text, const char *expected)
{
	struct slu_config config;

	folder_write("sqlc.yaml", text);
	cr_assert_eq(read_config(&config, NULL), SLUICE_INVALID);
	cr_assert_str_eq(told, expected, "got:\n%s", told);
	slu_config_free(&config);
}

/* The words after the place are libyaml's. */
static void is_no_yaml(const char *text, const char *place)
{
	struct slu_config config;

	folder_write("sqlc.yaml", text);
	cr_assert_eq(read_config(&config, NULL), SLUICE_INVALID);
	cr_assert_eq(strncmp(told, place, strlen(place)), 0, "got:\n%s", told);
	cr_assert_not_null(strstr(told, ": error: this is no YAML: "));
	slu_config_free(&config);
}

Test(gen_config_errors, what_is_no_yaml_is_told_with_its_place)
{
	is_no_yaml("version: \"2\"\nsql: [\n", "sqlc.yaml:3:1: ");
	is_no_yaml("version: \"2\"\nsql:\n- engine: postgresql\n\tschema: x\n", "sqlc.yaml:4:1: ");
	is_no_yaml("{\"version\": \"2\", \"\xc3\xa9\": {\"a\": \"b\" \"c\"}}\n",
	           "sqlc.yaml:1:33: ");
}

Test(gen_config_errors, an_empty_file_is_told)
{
	tells("# nothing\n", "sqlc.yaml:1:1: error: the file is empty\n"
	                     "  # nothing\n"
	                     "  ^\n");
}

Test(gen_config_errors, no_version_is_told)
{
	tells("sql: []\n", "sqlc.yaml:1:1: error: the file's version is missing\n"
	                   "  sql: []\n"
	                   "  ^\n"
	                   "hint: Begin the file with version: \"2\".\n");
}

Test(gen_config_errors, an_unknown_version_is_told)
{
	tells("version: \"3\"\n", "sqlc.yaml:1:10: error: the versions are 1 and 2\n"
	                          "  version: \"3\"\n"
	                          "           ^~~\n"
	                          "hint: Begin the file with version: \"2\".\n");
}

Test(gen_config_errors, no_entries_is_told)
{
	tells("version: \"2\"\n",
	      "sqlc.yaml:1:1: error: there is nothing under \"sql\"\n"
	      "  version: \"2\"\n"
	      "  ^\n"
	      "hint: It is a list; each entry has an engine, a schema and queries.\n");
}

Test(gen_config_errors, an_empty_list_of_entries_is_told)
{
	tells("version: \"1\"\n"
	      "packages: []\n",
	      "sqlc.yaml:2:11: error: there is nothing under \"packages\"\n"
	      "  packages: []\n"
	      "            ^\n"
	      "hint: It is a list; each entry has an engine, a schema and queries.\n");
}

Test(gen_config_errors, an_entry_that_is_none_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- postgresql\n",
	      "sqlc.yaml:3:3: error: an entry with a schema and queries should be here\n"
	      "  - postgresql\n"
	      "    ^~~~~~~~~~\n");
}

Test(gen_config_errors, another_engine_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- engine: mysql\n"
	      "  schema: db/migrations\n"
	      "  queries: db/queries\n",
	      "sqlc.yaml:3:11: error: the one engine here is postgresql\n"
	      "  - engine: mysql\n"
	      "            ^~~~~\n");
}

Test(gen_config_errors, no_engine_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- schema: db/migrations\n"
	      "  queries: db/queries\n",
	      "sqlc.yaml:3:3: error: this entry has no engine\n"
	      "  - schema: db/migrations\n"
	      "    ^\n"
	      "hint: Write engine: postgresql.\n");
}

Test(gen_config_errors, no_schema_and_no_queries_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- engine: postgresql\n"
	      "  schema:\n",
	      "sqlc.yaml:3:3: error: this entry has no schema\n"
	      "  - engine: postgresql\n"
	      "    ^\n"
	      "hint: It is a path, or a list of paths: files or directories.\n"
	      "sqlc.yaml:3:3: error: this entry has no queries\n"
	      "  - engine: postgresql\n"
	      "    ^\n"
	      "hint: It is a path, or a list of paths: files or directories.\n");
}

Test(gen_config_errors, paths_that_are_not_there_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- engine: postgresql\n"
	      "  schema: \"schéma\"\n"
	      "  queries: [db/queries, db/*.txt]\n",
	      "sqlc.yaml:4:11: error: there is no such file or directory\n"
	      "    schema: \"schéma\"\n"
	      "            ^~~~~~~~\n"
	      "hint: Paths are relative to this file.\n"
	      "sqlc.yaml:5:25: error: there is no such file or directory\n"
	      "    queries: [db/queries, db/*.txt]\n"
	      "                          ^~~~~~~~\n"
	      "hint: Paths are relative to this file.\n");
}

Test(gen_config_errors, a_path_that_is_none_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- engine: postgresql\n"
	      "  schema: [db/migrations, {a: b}]\n"
	      "  queries: db/queries\n",
	      "sqlc.yaml:4:27: error: a path should stand here\n"
	      "    schema: [db/migrations, {a: b}]\n"
	      "                            ^\n");
}

Test(gen_config_errors, a_folder_without_queries_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- engine: postgresql\n"
	      "  schema: db/migrations\n"
	      "  queries: db/empty\n",
	      "sqlc.yaml:5:12: error: there is no .sql file in db/empty\n"
	      "    queries: db/empty\n"
	      "             ^~~~~~~~\n");
}

Test(gen_config_errors, two_files_of_one_name_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- engine: postgresql\n"
	      "  schema: db/migrations\n"
	      "  queries: [db/queries, db/queries/a.sql]\n",
	      "sqlc.yaml:5:12: error: db/queries/a.sql and db/queries/a.sql have one name\n"
	      "    queries: [db/queries, db/queries/a.sql]\n"
	      "             ^\n"
	      "hint: A file's name becomes that of its C files. Rename one.\n");
}

Test(gen_config_errors, overrides_of_no_column_is_told)
{
	tells("version: \"2\"\n"
	      "sql:\n"
	      "- engine: postgresql\n"
	      "  schema: db/migrations\n"
	      "  queries: db/queries\n"
	      "  gen:\n"
	      "    go:\n"
	      "      overrides:\n"
	      "      - {column: price, nullable: true}\n"
	      "      - {column: a.b, nullable: maybe}\n"
	      "      - {column: a..b, nullable: true}\n"
	      "      - {column: a.b.c.d, nullable: true}\n",
	      "sqlc.yaml:9:18: error: this names no column\n"
	      "        - {column: price, nullable: true}\n"
	      "                   ^~~~~\n"
	      "hint: Write table.column or schema.table.column.\n"
	      "sqlc.yaml:10:33: error: nullable is true or false\n"
	      "        - {column: a.b, nullable: maybe}\n"
	      "                                  ^~~~~\n"
	      "sqlc.yaml:11:18: error: this names no column\n"
	      "        - {column: a..b, nullable: true}\n"
	      "                   ^~~~\n"
	      "hint: Write table.column or schema.table.column.\n"
	      "sqlc.yaml:12:18: error: this names no column\n"
	      "        - {column: a.b.c.d, nullable: true}\n"
	      "                   ^~~~~~~\n"
	      "hint: Write table.column or schema.table.column.\n");
}
