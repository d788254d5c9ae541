/* SPDX-License-Identifier: MIT */
/* gen_check.c - the drift check can't be fooled: the shipped files pass it, and no change of what
 * they are made from does. */
#include "tests/contract/gen_folder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct gen_folder folder;

static void make(void)
{
	gen_folder_copy_shipped(&folder);
}

static void clean(void)
{
	gen_folder_remove(&folder);
}

TestSuite(gen_check, .init = make, .fini = clean);

static void expect_green(bool no_database)
{
	cr_assert_eq(gen_folder_check(&folder, no_database), SLUICE_OK, "%s%s", folder.errors,
	             folder.answer);
	cr_assert_not_null(strstr(folder.answer, "generated: as generated, 2 files\n"), "%s",
	                   folder.answer);
}

/* The full check is red with `words` in its answer, and so is the one without a database. */
static void expect_red(const char *words)
{
	cr_assert_eq(gen_folder_check(&folder, false), SLUICE_CONFLICT, "%s", folder.errors);
	cr_expect_not_null(strstr(folder.answer, words), "no '%s' in: %s", words, folder.answer);
	cr_expect_not_null(strstr(folder.errors, ". Run: sluice gen --config "), "%s",
	                   folder.errors);
	cr_assert_eq(gen_folder_check(&folder, true), SLUICE_CONFLICT, "%s", folder.errors);
}

static void expect_two_stale(void)
{
	cr_expect_not_null(strstr(folder.answer, "trading.h: was not made from "), "%s",
	                   folder.answer);
	cr_expect_not_null(strstr(folder.answer, "trading.c: was not made from "), "%s",
	                   folder.answer);
	cr_expect_eq(strncmp(folder.errors, "2 differences. Run:", 19), 0, "%s", folder.errors);
}

/* ---- the shipped files ---- */

Test(gen_check, the_shipped_files_are_as_generated)
{
	static char config[1200];

	snprintf(config, sizeof(config), "%s/db/sqlc.yaml", gen_folder_root());
	folder.options.config = config;
	expect_green(false);
	expect_green(true);
}

Test(gen_check, a_copy_elsewhere_is_as_generated)
{
	expect_green(false);
	expect_green(true);
}

/* ---- the schema ---- */

Test(gen_check, a_column_of_another_type_is_red)
{
	gen_folder_change(&folder, "migrations/0002_orders_and_executions.up.sql",
	                  "filled_quantity      numeric(32, 16)",
	                  "filled_quantity numeric(32, 12)");
	expect_red("+#define TRADING_ORDER_FILLED_QUANTITY_SCALE 12\n");
	expect_two_stale();
}

Test(gen_check, a_column_that_may_be_null_is_red)
{
	gen_folder_change(&folder, "migrations/0002_orders_and_executions.up.sql",
	                  "instrument           text NOT NULL", "instrument text");
	expect_red("+#define TRADING_ORDER_INSTRUMENT (1u << ");
	expect_two_stale();
}

Test(gen_check, a_column_that_may_not_be_null_any_more_is_red)
{
	gen_folder_put(&folder, "migrations/0004_price.up.sql",
	               "ALTER TABLE orders ALTER COLUMN price SET NOT NULL;\n");
	expect_red("-#define TRADING_ORDER_PRICE (1u << ");
	expect_two_stale();
}

/* The same types and calls, and yet the schema's version is another. */
Test(gen_check, a_new_migration_is_red)
{
	gen_folder_put(&folder, "migrations/0004_nothing.up.sql", "SELECT 1;\n");
	expect_red("+\t.schema_version = 4,\n");
	expect_two_stale();
}

Test(gen_check, another_comment_in_a_migration_is_red)
{
	gen_folder_change(&folder, "migrations/0003_balances_and_outbox.up.sql",
	                  "CREATE TABLE balances", "-- what we have\nCREATE TABLE balances");
	expect_red("trading.h: differs in its first lines only: what it is made from has "
	           "changed, what that means has not\n");
	expect_two_stale();
}

/* Files that were just made are stale after a change of no matter which input. */
Test(gen_check, without_a_database_each_input_counts)
{
	const char *const inputs[] = {"migrations/0001_providers_and_strategies.up.sql",
	                              "migrations/0003_balances_and_outbox.up.sql",
	                              "queries/trading.sql"};
	size_t i;

	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	for (i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		char *before = gen_folder_get(&folder, inputs[i]);

		expect_green(true);
		gen_folder_put(&folder, inputs[i], "-- something else\n");
		cr_assert_eq(gen_folder_check(&folder, true), SLUICE_CONFLICT, "%s", inputs[i]);
		expect_two_stale();
		gen_folder_put(&folder, inputs[i], before);
		free(before);
	}
	expect_green(true);
}

Test(gen_check, a_way_back_is_not_what_files_are_made_from)
{
	gen_folder_put(&folder, "migrations/0003_balances_and_outbox.down.sql", "SELECT 1;\n");
	expect_green(false);
	expect_green(true);
}

Test(gen_check, an_override_in_the_configuration_is_red)
{
	gen_folder_change(&folder, "sqlc.yaml", "    queries: queries\n",
	                  "    queries: queries\n    gen:\n      go:\n        overrides:\n"
	                  "          - column: providers.alias\n            nullable: true\n");
	expect_red("+#define TRADING_PROVIDER_ALIAS (1u << ");
	expect_two_stale();
}

/* ---- queries ---- */

Test(gen_check, another_query_is_red)
{
	gen_folder_change(&folder, "queries/trading.sql", "FROM providers ORDER BY alias",
	                  "FROM providers ORDER BY id");
	expect_red("ORDER BY id\"");
	expect_two_stale();
}

Test(gen_check, a_new_query_is_red)
{
	gen_folder_change(&folder, "queries/trading.sql", "-- name: GetProvider :one",
	                  "-- name: CountProviders :one\nSELECT count(*) AS providers FROM "
	                  "providers;\n\n-- name: GetProvider :one");
	expect_red("+trading_count_providers(struct pg_conn *connection, ");
	expect_two_stale();
}

Test(gen_check, a_new_query_file_is_red)
{
	gen_folder_put(&folder, "queries/extra.sql", "-- name: Now :one\nSELECT now() AS at;\n");
	expect_red("generated/extra.h: missing\n");
	cr_expect_not_null(strstr(folder.answer, "generated/extra.c: missing\n"), "%s",
	                   folder.answer);
}

/* A statement that no longer prepares is an error, not a difference. */
Test(gen_check, a_query_that_no_longer_prepares_is_an_error)
{
	gen_folder_put(&folder, "migrations/0004_drop.up.sql",
	               "ALTER TABLE balances DROP COLUMN available;\n");
	cr_assert_eq(gen_folder_check(&folder, false), SLUICE_INVALID);
	cr_expect_not_null(strstr(folder.errors, "available"), "%s", folder.errors);
	cr_expect_not_null(strstr(folder.errors, "errors; nothing was compared\n"), "%s",
	                   folder.errors);
	cr_expect_str_eq(folder.answer, "");
	cr_assert_eq(gen_folder_check(&folder, true), SLUICE_CONFLICT);
	expect_two_stale();
}

/* ---- the folder ---- */

Test(gen_check, an_untracked_file_is_red)
{
	gen_folder_put(&folder, "generated/old.h", "int old;\n");
	expect_red("generated/old.h is not made from any query file: remove it\n");
	cr_expect_eq(strncmp(folder.answer, "untracked: ", 11), 0, "%s", folder.answer);
	cr_expect_eq(strncmp(folder.errors, "1 difference. Run:", 18), 0, "%s", folder.errors);
}

Test(gen_check, a_missing_file_is_red)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/generated/trading.c", folder.path);
	cr_assert_eq(unlink(path), 0);
	expect_red("generated/trading.c: missing\n");
}

Test(gen_check, a_line_changed_by_hand_is_red)
{
	gen_folder_change(&folder, "generated/trading.h", "#define TRADING_ORDER_PRICE (1u << ",
	                  "#define TRADING_ORDER_PRICE (3u << ");
	expect_red("-#define TRADING_ORDER_PRICE (3u << ");
	cr_expect_not_null(
		strstr(folder.answer, "trading.h: was changed after sluice gen wrote it"), "%s",
		folder.answer);
}

Test(gen_check, checking_writes_nothing)
{
	char *before = gen_folder_get(&folder, "generated/trading.h");
	char *after;

	gen_folder_change(&folder, "queries/trading.sql", "FROM providers ORDER BY alias",
	                  "FROM providers ORDER BY id");
	expect_red("trading.c");
	after = gen_folder_get(&folder, "generated/trading.h");
	cr_assert_str_eq(before, after);
	free(before);
	free(after);
}

/* What a red check says to run does mend it. */
Test(gen_check, generating_makes_it_green_again)
{
	gen_folder_change(&folder, "queries/trading.sql", "FROM providers ORDER BY alias",
	                  "FROM providers ORDER BY id");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	expect_green(false);
	expect_green(true);
}

/* ---- enums: the shipped schema has none ---- */

static void make_with_enum(void)
{
	gen_folder_make(&folder);
	gen_folder_put(&folder, "sqlc.yaml",
	               "version: \"2\"\nsql:\n  - engine: postgresql\n    schema: schema.sql\n"
	               "    queries: moods.sql\n");
	gen_folder_put(&folder, "schema.sql",
	               "CREATE TYPE mood AS ENUM ('sad', 'glad');\n"
	               "CREATE TABLE people (id int PRIMARY KEY, mood mood NOT NULL);\n");
	gen_folder_put(&folder, "moods.sql",
	               "-- name: ListMoods :many\nSELECT mood FROM people ORDER BY id;\n");
	cr_assert_eq(gen_folder_run(&folder), SLUICE_OK, "%s", folder.errors);
	expect_green(false);
}

Test(gen_check_enum, a_new_label_is_red, .init = make_with_enum, .fini = clean)
{
	gen_folder_change(&folder, "schema.sql", "'glad'", "'content', 'glad'");
	expect_red("+\tMOODS_MOOD_CONTENT,\n");
	cr_expect_not_null(strstr(folder.answer, "moods.h: was not made from "), "%s",
	                   folder.answer);
}

Test(gen_check_enum, a_renamed_label_is_red, .init = make_with_enum, .fini = clean)
{
	gen_folder_change(&folder, "schema.sql", "'glad'", "'happy'");
	expect_red("+\tMOODS_MOOD_HAPPY,\n");
}

Test(gen_check_enum, another_order_of_labels_is_red, .init = make_with_enum, .fini = clean)
{
	gen_folder_change(&folder, "schema.sql", "'sad', 'glad'", "'glad', 'sad'");
	expect_red("+\tMOODS_MOOD_GLAD = 1,\n");
}
