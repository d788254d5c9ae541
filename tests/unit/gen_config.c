/* SPDX-License-Identifier: MIT */
/* gen_config.c - what is taken from sqlc's configuration. */
#include "tests/unit/gen_config_folder.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

TestSuite(gen_config, .init = folder_set_up, .fini = folder_tear_down);

static void reads(struct slu_config *config, const char *path, const char *text)
{
	folder_write(path, text);
	cr_assert_eq(read_config(config, path), SLUICE_OK, "%s", told);
	cr_assert_str_eq(told, "");
}

static void has_paths(char *const *paths, size_t count, const char *expected)
{
	char seen[512] = "";
	size_t used = 0;
	size_t i;

	for (i = 0; i < count; i++)
		used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%s%s", i > 0 ? " " : "",
		                         paths[i]);
	cr_assert_str_eq(seen, expected);
}

/* ---- what is taken ---- */

Test(gen_config, version_2_names_a_schema_and_queries)
{
	struct slu_config config;

	reads(&config, "sqlc.yaml",
	      "version: \"2\"\n"
	      "sql:\n"
	      "  - engine: postgresql\n"
	      "    schema: db/migrations\n"
	      "    queries: db/queries\n"
	      "    gen:\n"
	      "      go: {package: db, out: internal/db}\n"
	      "    rules: [sqlc/db-prepare]\n");
	cr_assert_eq(config.set_count, 1);
	has_paths(config.sets[0].schemas, config.sets[0].schema_count, "db/migrations");
	has_paths(config.sets[0].query_files, config.sets[0].query_file_count,
	          "db/queries/a.sql db/queries/b.sql");
	cr_assert_eq(config.sets[0].override_count, 0);
	slu_config_free(&config);
}

Test(gen_config, version_1_names_packages_and_needs_no_engine)
{
	struct slu_config config;

	reads(&config, "sqlc.yaml",
	      "version: 1\n"
	      "packages:\n"
	      "  - name: db\n"
	      "    path: internal/db\n"
	      "    schema: ./db/migrations/\n"
	      "    queries: ./db/one.sql\n"
	      "    overrides:\n"
	      "      - {column: orders.price, nullable: true, go_type: string}\n"
	      "overrides:\n"
	      "  - {column: app.orders.side, nullable: true}\n");
	has_paths(config.sets[0].schemas, config.sets[0].schema_count, "db/migrations");
	has_paths(config.sets[0].query_files, config.sets[0].query_file_count, "db/one.sql");
	cr_assert_eq(config.sets[0].override_count, 2);
	cr_assert_str_eq(config.sets[0].overrides[0].column, "orders.price");
	cr_assert_str_eq(config.sets[0].overrides[1].column, "app.orders.side");
	slu_config_free(&config);
}

Test(gen_config, json_is_read_and_paths_are_relative_to_the_file)
{
	struct slu_config config;

	reads(&config, "db/sqlc.json",
	      "{\"version\": \"2\",\n"
	      " \"sql\": [{\"engine\": \"postgresql\", \"schema\": [\"migrations\", \"empty\"],\n"
	      "\t\"queries\": [\"one.sql\", \"queries\"]},\n"
	      "  {\"engine\": \"postgresql\", \"schema\": \"/tmp\",\n"
	      "   \"queries\": \"queries/?.sql\"}]}");
	cr_assert_eq(config.set_count, 2);
	has_paths(config.sets[0].schemas, config.sets[0].schema_count, "db/migrations db/empty");
	has_paths(config.sets[0].query_files, config.sets[0].query_file_count,
	          "db/one.sql db/queries/a.sql db/queries/b.sql");
	has_paths(config.sets[1].schemas, config.sets[1].schema_count, "/tmp");
	has_paths(config.sets[1].query_files, config.sets[1].query_file_count,
	          "db/queries/a.sql db/queries/b.sql");
	slu_config_free(&config);
}

Test(gen_config, of_overrides_only_what_may_be_null_counts)
{
	struct slu_config config;

	reads(&config, "sqlc.yml",
	      "version: \"2\"\n"
	      "overrides:\n"
	      "  go:\n"
	      "    overrides:\n"
	      "      - {column: a.b, nullable: true}\n"
	      "      - {db_type: uuid, nullable: true, go_type: string}\n"
	      "sql:\n"
	      "- schema: db/migrations\n"
	      "  queries: db/queries\n"
	      "  engine: postgresql\n"
	      "  gen:\n"
	      "    go:\n"
	      "      overrides:\n"
	      "      - {column: c.d, go_type: string}\n"
	      "      - {column: \"e.f\", nullable: true}\n"
	      "      - {column: g.h, nullable: false}\n");
	cr_assert_eq(config.sets[0].override_count, 2);
	cr_assert_str_eq(config.sets[0].overrides[0].column, "e.f");
	cr_assert_str_eq(config.sets[0].overrides[1].column, "a.b");
	slu_config_free(&config);
}

/* ---- the usual names ---- */

Test(gen_config, without_a_name_the_usual_ones_are_looked_for)
{
	static const char *const names[] = {"sqlc.yaml", "sqlc.yml", "sqlc.json"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct slu_config config;

		folder_write(names[i],
		             "{version: 2, sql: [{engine: postgresql, schema: db/migrations, "
		             "queries: db/queries}]}");
		cr_assert_eq(read_config(&config, NULL), SLUICE_OK, "%s", told);
		cr_assert_str_eq(config.source.path, names[i]);
		slu_config_free(&config);
		unlink(names[i]);
	}
}

Test(gen_config, two_of_the_usual_names_are_one_too_many)
{
	struct slu_config config;

	folder_write("sqlc.yaml", "");
	folder_write("sqlc.json", "");
	cr_assert_eq(read_config(&config, NULL), SLUICE_INVALID);
	cr_assert_str_eq(told, "error: there are both sqlc.yaml and sqlc.json here\n"
	                       "hint: Keep one, or name one with --config.\n");
	slu_config_free(&config);
}

#define EXAMPLE                                                           \
	"hint: Name one with --config, or write a sqlc.yaml like this:\n" \
	"  version: \"2\"\n"                                              \
	"  sql:\n"                                                        \
	"    - engine: postgresql\n"                                      \
	"      schema: db/migrations\n"                                   \
	"      queries: db/queries\n"

Test(gen_config, a_missing_file_is_told_with_an_example)
{
	struct slu_config config;

	cr_assert_eq(read_config(&config, NULL), SLUICE_INVALID);
	cr_assert_str_eq(told,
	                 "error: there is no sqlc.yaml, sqlc.yml or sqlc.json here\n" EXAMPLE);
	slu_config_free(&config);
	cr_assert_eq(read_config(&config, "db/sqlc.yaml"), SLUICE_FAILED);
	cr_assert_str_eq(told,
	                 "error: can't open db/sqlc.yaml: No such file or directory\n" EXAMPLE);
	slu_config_free(&config);
}

Test(gen_config, the_example_is_one)
{
	struct slu_config config;

	reads(&config, "sqlc.yaml", strstr(EXAMPLE, "  version"));
	cr_assert_eq(config.set_count, 1);
	slu_config_free(&config);
}
