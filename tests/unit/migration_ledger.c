/* SPDX-License-Identifier: MIT */
/* migration_ledger.c - what files, history and version together say of each migration. */
#include "db/migrate/migration_ledger.h"

#include <criterion/criterion.h>

/* Versions 1 to 6 with hashes "up" and "down", in the places that a test gives. */
static struct slu_migration migrations[6];
static struct slu_migration_record records[6];
static struct slu_migration_set set;
static struct slu_migration_history history;
static struct slu_migration_ledger ledger;
static struct sluice_error error;

static void add_file(int64_t version)
{
	struct slu_migration *migration = &migrations[set.count++];

	*migration = (struct slu_migration){.version = version};
	migration->up = (struct slu_migration_script){(char *)"0001_x.up.sql", (char *)"x",
	                                              (char *)"SELECT 1", 8, "up"};
	migration->down = (struct slu_migration_script){(char *)"0001_x.down.sql", (char *)"x",
	                                                (char *)"SELECT 2", 8, "down"};
	set.migrations = migrations;
}

static void add_record(int64_t version, int64_t previous)
{
	records[history.count++] = (struct slu_migration_record){
		.version = version,
		.previous_version = previous,
		.up_file = "0001_x.up.sql",
		.down_file = "0001_x.down.sql",
		.up_sha256 = "up",
		.down_sha256 = "down",
		.at = "now",
		.by = "me",
		.action = "up",
	};
	history.records = records;
}

static void make(int64_t version)
{
	cr_assert_eq(slu_migration_ledger_make(&ledger, &set, &history, version, &error),
	             SLUICE_OK);
}

static void clean(void)
{
	slu_migration_ledger_free(&ledger);
}

TestSuite(migration_ledger, .fini = clean);

static enum slu_migration_standing standing(int64_t version)
{
	const struct slu_migration_line *line = slu_migration_line_of(&ledger, version);

	cr_assert_not_null(line);
	return line->standing;
}

Test(migration_ledger, the_drawing_in_the_header_is_true)
{
	static const int64_t files[] = {1, 2, 4, 5, 6};
	size_t i;

	for (i = 0; i < 5; i++)
		add_file(files[i]);
	snprintf(migrations[1].up.sha256, sizeof(migrations[1].up.sha256), "other");
	add_record(1, -1);
	add_record(2, 1);
	add_record(3, 2);
	add_record(5, 3);
	add_record(6, 5);
	make(5);
	cr_assert_eq(ledger.count, 6);
	cr_assert_eq(standing(1), SLU_APPLIED);
	cr_assert_eq(standing(2), SLU_MODIFIED);
	cr_assert_eq(standing(3), SLU_MISSING);
	cr_assert_eq(standing(4), SLU_OUT_OF_ORDER);
	cr_assert_eq(standing(5), SLU_APPLIED);
	cr_assert_eq(standing(6), SLU_PENDING);
	cr_assert_null(slu_migration_line_of(&ledger, 6)->record);
	cr_assert_eq(slu_migration_in_place_count(&ledger), 4);
}

Test(migration_ledger, without_a_history_what_is_below_the_version_is_unverified)
{
	add_file(1);
	add_file(2);
	add_file(3);
	make(2);
	cr_assert_eq(standing(1), SLU_UNVERIFIED);
	cr_assert_eq(standing(2), SLU_UNVERIFIED);
	cr_assert_eq(standing(3), SLU_PENDING);
}

Test(migration_ledger, the_databases_own_version_was_applied_whatever_lies_around_it)
{
	add_file(1);
	add_file(2);
	add_file(3);
	add_record(3, 1); /* taken back by another tool, which then went up to 2 */
	make(2);
	cr_assert_eq(standing(2), SLU_UNVERIFIED);
}

Test(migration_ledger, a_record_that_is_not_in_place_says_nothing_of_what_it_passed_over)
{
	add_file(2);
	add_file(3);
	add_file(4);
	add_record(4, 1);
	make(3);
	cr_assert_eq(standing(2), SLU_UNVERIFIED);
}

Test(migration_ledger, a_version_that_only_the_version_table_knows_is_missing)
{
	add_file(1);
	make(7);
	cr_assert_eq(ledger.count, 2);
	cr_assert_eq(standing(7), SLU_MISSING);
	cr_assert_eq(slu_migration_check_up(&ledger, INT64_MAX, true, -1, &error), SLUICE_INVALID);
}

Test(migration_ledger, the_next_up_is_the_lowest_that_counts)
{
	add_file(1);
	add_file(2);
	add_file(3);
	add_file(4);
	add_record(1, -1);
	add_record(3, 1);
	make(3);
	cr_assert_eq(slu_migration_next_up(&ledger, INT64_MAX, false)->version, 4);
	cr_assert_eq(slu_migration_next_up(&ledger, INT64_MAX, true)->version, 2);
	cr_assert_null(slu_migration_next_up(&ledger, 3, false));
}

Test(migration_ledger, what_was_passed_over_is_not_in_place_below)
{
	add_file(1);
	add_file(2);
	add_file(3);
	add_record(1, -1);
	add_record(3, 1);
	make(3);
	cr_assert_eq(slu_migration_in_place_below(&ledger, 4)->version, 3);
	cr_assert_eq(slu_migration_in_place_below(&ledger, 3)->version, 1);
	cr_assert_null(slu_migration_in_place_below(&ledger, 1));
}

Test(migration_ledger, a_script_that_went_away_or_came_since_is_a_change)
{
	add_file(1);
	add_file(2);
	add_record(1, -1);
	add_record(2, 1);
	records[0].down_sha256 = "";
	migrations[1].up = (struct slu_migration_script){.file = NULL};
	make(2);
	cr_assert(slu_migration_line_of(&ledger, 1)->down_modified);
	cr_assert_not(slu_migration_line_of(&ledger, 1)->up_modified);
	cr_assert(slu_migration_line_of(&ledger, 2)->up_modified);
	cr_assert_eq(slu_migration_check_up(&ledger, INT64_MAX, false, -1, &error), SLUICE_INVALID);
	cr_assert_str_eq(
		error.message,
		"0001_x.up.sql was changed after it was applied: sha256 up then, none now. "
		"Nothing was changed. The program it was applied with still has it; "
		"`sluice migrate repair` accepts the new text as what was applied");
	cr_assert_eq(slu_migration_check_up(&ledger, INT64_MAX, false, 2, &error), SLUICE_OK);
}

Test(migration_ledger, one_out_of_order_above_the_limit_is_no_obstacle)
{
	add_file(1);
	add_file(2);
	add_file(3);
	add_record(1, -1);
	add_record(3, 1);
	make(3);
	cr_assert_eq(slu_migration_check_up(&ledger, 1, false, -1, &error), SLUICE_OK);
	cr_assert_eq(slu_migration_check_up(&ledger, 2, false, -1, &error), SLUICE_INVALID);
	cr_assert_eq(slu_migration_check_up(&ledger, 2, true, -1, &error), SLUICE_OK);
}
