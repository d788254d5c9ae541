/* SPDX-License-Identifier: MIT */
/* migration_set.c - file names and lock numbers are golang-migrate's. */
#include "db/migrate/migration_set.h"
#include "db/migrate/migration_lock.h"
#include "tests/script_directory.h"

#include <criterion/criterion.h>
#include <sys/stat.h>

static struct script_directory directory;
static struct slu_migration_set set;
static struct sluice_error error;

static void make(void)
{
	directory = script_directory_make();
}

static void clean(void)
{
	slu_migration_set_free(&set);
	script_directory_remove(&directory);
}

TestSuite(migration_set, .init = make, .fini = clean);

Test(migration_set, versions_are_ordered_as_numbers)
{
	script_directory_add(&directory, "10_c.up.sql", "c");
	script_directory_add(&directory, "9_b.up.sql", "b");
	script_directory_add(&directory, "0001_a.up.sql", "a");
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_OK);
	cr_assert_eq(set.count, 3);
	cr_assert_eq(set.migrations[0].version, 1);
	cr_assert_eq(set.migrations[1].version, 9);
	cr_assert_eq(set.migrations[2].version, 10);
	cr_assert_str_eq(set.migrations[2].up.text, "c");
	cr_assert_null(set.migrations[2].down.text);
}

Test(migration_set, both_directions_of_a_version_meet_whatever_their_zeros)
{
	script_directory_add(&directory, "0001_a.up.sql", "up");
	script_directory_add(&directory, "1_undo_a.down.pgsql", "down");
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_OK);
	cr_assert_eq(set.count, 1);
	cr_assert_str_eq(set.migrations[0].up.text, "up");
	cr_assert_str_eq(set.migrations[0].down.text, "down");
	cr_assert_str_eq(set.migrations[0].down.title, "undo_a");
	cr_assert_str_eq(set.migrations[0].down.file, "1_undo_a.down.pgsql");
}

Test(migration_set, the_last_direction_in_a_name_counts)
{
	script_directory_add(&directory, "1_a.up.down.sql", "");
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_OK);
	cr_assert_str_eq(set.migrations[0].down.title, "a.up");
	cr_assert_null(set.migrations[0].up.text);
}

Test(migration_set, other_names_and_directories_are_passed_over)
{
	static const char *const others[] = {
		"0003_x.upp.sql", "0003x.up.sql", "x_1.up.sql", "0003_x.sql",
		"0003_x.up",      "README.md",    "_x.up.sql",  "-1_x.up.sql",
	};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		script_directory_add(&directory, others[i], "x");
	snprintf(path, sizeof(path), "%s/0004_directory.up.sql", directory.path);
	cr_assert_eq(mkdir(path, 0700), 0);
	script_directory_add(&directory, "0001_a.up.sql", "a");
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_OK);
	cr_assert_eq(set.count, 1);
}

Test(migration_set, two_files_of_one_version_and_direction_are_refused)
{
	script_directory_add(&directory, "0001_a.up.sql", "a");
	script_directory_add(&directory, "1_b.up.sql", "b");
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "duplicate migration file: 1_b.up.sql"));
	cr_assert_eq(set.count, 0);
}

Test(migration_set, a_version_is_at_most_2_to_the_63_minus_1)
{
	script_directory_add(&directory, "9223372036854775807_a.up.sql", "a");
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_OK);
	cr_assert_eq(set.migrations[0].version, INT64_MAX);
	slu_migration_set_free(&set);
	script_directory_add(&directory, "9223372036854775808_b.up.sql", "b");
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "9223372036854775808_b.up.sql"));
}

Test(migration_set, a_script_with_a_nul_byte_is_refused)
{
	script_directory_add_bytes(&directory, "1_a.up.sql", "SELECT 1;\0DROP TABLE t", 23);
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "1_a.up.sql holds a NUL byte"));
}

Test(migration_set, a_directory_without_migrations_or_none_at_all_is_refused)
{
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "no migrations in "));
	cr_assert_eq(slu_migration_set_read(&set, "/nowhere", &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "/nowhere"));
}

Test(migration_set, the_shipped_sets_are_whole)
{
	size_t i;

	cr_assert_eq(slu_migration_set_embedded(&set, slu_embedded_migrations,
	                                        slu_embedded_migrations_count, &error),
	             SLUICE_OK);
	cr_assert_gt(set.count, 0);
	for (i = 0; i < set.count; i++) {
		cr_assert_eq(set.migrations[i].version, (int64_t)i + 1);
		cr_assert_not_null(set.migrations[i].up.text);
		cr_assert_not_null(set.migrations[i].down.text);
	}
	slu_migration_set_free(&set);
	cr_assert_eq(slu_migration_set_embedded(&set, slu_embedded_sluice,
	                                        slu_embedded_sluice_count, &error),
	             SLUICE_OK);
	cr_assert_eq(set.count, 1);
}

/* golang-migrate's formula, computed with another CRC-32 than ours (zlib's). */
Test(migration_lock, numbers_are_those_of_golang_migrate)
{
	static const struct {
		const char *database;
		uint32_t id;
	} vectors[] = {
		{"postgres", 143310882},
		{"/postgres", 3280485947},
		{"trading", 1454822133},
		{"/trading", 3121547234},
	};
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		cr_assert_eq(
			slu_migration_lock_id("public", "schema_migrations", vectors[i].database),
			vectors[i].id, "%s", vectors[i].database);
}
