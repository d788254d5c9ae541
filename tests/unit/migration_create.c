/* SPDX-License-Identifier: MIT */
/* migration_create.c - the next number, in the style of the files that are there. */
#include "db/author/migration_create.h"

#include "db/author/migration_name.h"
#include "db/migrate/migration_set.h"
#include "tests/script_directory.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct script_directory directory;
static struct sluice_error error;
static char *answer;
static size_t answer_size;

static void make(void)
{
	directory = script_directory_make();
}

static void clean(void)
{
	free(answer);
	script_directory_remove(&directory);
}

TestSuite(migration_create, .init = make, .fini = clean);

static enum sluice_status create(const char *name)
{
	FILE *stream;
	enum sluice_status status;

	free(answer);
	stream = open_memstream(&answer, &answer_size);
	status = slu_migration_create(directory.path, name, stream, &error);
	fclose(stream);
	return status;
}

static bool exists(const char *file)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", directory.path, file);
	return access(path, F_OK) == 0;
}

static size_t count_files(void)
{
	DIR *stream = opendir(directory.path);
	size_t count = 0;

	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count - 2; /* . and .. */
}

/* `name` becomes the two files of `stem`. */
static void expect(const char *name, const char *stem)
{
	char up[128];
	char down[128];
	char paths[512];

	snprintf(up, sizeof(up), "%s.up.sql", stem);
	snprintf(down, sizeof(down), "%s.down.sql", stem);
	snprintf(paths, sizeof(paths), "%s/%s\n%s/%s\n", directory.path, up, directory.path, down);
	cr_assert_eq(create(name), SLUICE_OK, "%s", error.message);
	cr_assert_str_eq(answer, paths);
	cr_assert(exists(up));
	cr_assert(exists(down));
}

Test(migration_create, an_empty_directory_begins_with_0001)
{
	expect("init", "0001_init");
}

Test(migration_create, numbers_go_on_with_the_digits_of_the_newest)
{
	script_directory_add(&directory, "000007_a.up.sql", "");
	script_directory_add(&directory, "000009_b.down.sql", "");
	expect("add_venues", "000010_add_venues");
	expect("again", "000011_again");
}

Test(migration_create, numbers_without_zeros_stay_so)
{
	script_directory_add(&directory, "9_a.up.sql", "");
	expect("b", "10_b");
}

Test(migration_create, other_files_and_seeds_do_not_count)
{
	script_directory_add(&directory, "0001_a.up.sql", "");
	script_directory_add(&directory, "0005_rows.seed.sql", "");
	script_directory_add(&directory, "0009_misspelt.upp.sql", "");
	expect("b", "0002_b");
}

Test(migration_create, after_a_timestamp_comes_the_present_one)
{
	struct slu_migration_set set;
	struct tm utc;
	time_t before;

	script_directory_add(&directory, "20240131235959_a.up.sql", "");
	before = time(NULL);
	gmtime_r(&before, &utc);
	cr_assert_eq(create("b"), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_OK);
	cr_assert_eq(set.count, 2);
	cr_assert_eq(strlen(set.migrations[1].up.file), strlen("20240131235959_b.up.sql"));
	cr_assert_geq(set.migrations[1].version / 10000000000, utc.tm_year + 1900);
	slu_migration_set_free(&set);
}

Test(migration_create, a_timestamp_of_the_future_is_followed_by_its_successor)
{
	script_directory_add(&directory, "99990101000000_a.up.sql", "");
	expect("b", "99990101000001_b");
}

Test(migration_create, a_name_is_made_safe)
{
	expect("  Add Venues & (fees)! ", "0001_add_venues_fees");
	expect("../../etc/passwd", "0002_etc_passwd");
	expect("x.up.sql", "0003_x_up_sql");
	expect("_\xc3\xa9t\xc3\xa9_2024_", "0004_t_2024");
}

Test(migration_create, a_name_of_which_nothing_is_left_is_refused)
{
	cr_assert_eq(create(""), SLUICE_INVALID);
	cr_assert_eq(create(" -/!\xe2\x82\xac"), SLUICE_INVALID);
	cr_assert_str_eq(error.message, "the name has no letter or digit: say what the migration "
	                                "does, as in add_venues");
	cr_assert_str_eq(answer, "");
	cr_assert_eq(count_files(), 0);
}

Test(migration_create, a_missing_directory_is_refused_with_the_command_that_makes_it)
{
	char *stream_text = NULL;
	size_t size;
	FILE *stream = open_memstream(&stream_text, &size);

	cr_assert_eq(slu_migration_create("/nowhere/migrations", "a", stream, &error),
	             SLUICE_INVALID);
	fclose(stream);
	cr_assert_str_eq(error.message,
	                 "can't read the directory /nowhere/migrations: No such file or directory. "
	                 "If it is the right one, make it: mkdir -p /nowhere/migrations");
	free(stream_text);
}

Test(migration_create, after_the_largest_number_there_is_none)
{
	script_directory_add(&directory, "9223372036854775807_a.up.sql", "");
	cr_assert_eq(create("b"), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message, "no number is left"));
}

/* A directory is no migration, but it is in the way. */
Test(migration_create, when_one_file_can_not_be_made_neither_is)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/0001_a.down.sql", directory.path);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(create("a"), SLUICE_FAILED);
	cr_assert_not_null(strstr(error.message, "0001_a.down.sql: File exists"));
	cr_assert_not(exists("0001_a.up.sql"));
	cr_assert_eq(count_files(), 1);
	cr_assert_str_eq(answer, "");
}

Test(migration_create, the_files_are_migrations_with_a_comment)
{
	struct slu_migration_set set;

	cr_assert_eq(create("add venues"), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migration_set_read(&set, directory.path, &error), SLUICE_OK, "%s",
	             error.message);
	cr_assert_eq(set.count, 1);
	cr_assert_str_eq(set.migrations[0].up.text, "-- 0001_add_venues: what it is for.\n");
	cr_assert_str_eq(set.migrations[0].down.text,
	                 "-- Takes 0001_add_venues back, with rows in the tables.\n");
	slu_migration_set_free(&set);
}

Test(migration_name, kinds_are_told_by_the_name)
{
	static const struct {
		const char *file;
		enum slu_migration_kind kind;
	} cases[] = {
		{"0001_a.up.sql", SLU_KIND_UP},
		{"1_a.down.pgsql", SLU_KIND_DOWN},
		{"0001_a.seed.sql", SLU_KIND_SEED},
		{"0001_a.up.seed.sql", SLU_KIND_UP}, /* golang-migrate would run it */
		{"9223372036854775808_a.up.sql", SLU_KIND_TOO_LARGE},
		{"9223372036854775808_a.seed.sql", SLU_KIND_TOO_LARGE},
		{"0003_x.upp.sql", SLU_KIND_MISSPELT},
		{"0003x.up.sql", SLU_KIND_MISSPELT},
		{"0003.sql", SLU_KIND_MISSPELT},
		{"0003_x.up", SLU_KIND_MISSPELT},
		{"x_1.up.sql", SLU_KIND_MISSPELT},
		{"-1_x.down.sql", SLU_KIND_MISSPELT},
		{"_x.seed.sql", SLU_KIND_MISSPELT},
		{"README.md", SLU_KIND_OTHER},
		{"embed.go", SLU_KIND_OTHER},
		{"schema.sql", SLU_KIND_OTHER},
		{"2024_notes.txt", SLU_KIND_OTHER},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slu_migration_name name;

		cr_assert_eq(slu_migration_name_parse(cases[i].file, &name, &error), SLUICE_OK);
		cr_expect_eq(name.kind, cases[i].kind, "%s", cases[i].file);
	}
}
