/* SPDX-License-Identifier: MIT */
/* gen_config_folder.c - one folder a test: each is a process of its own. */
#include "tests/unit/gen_config_folder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/sluice-config-XXXXXX";

void folder_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file, "%s", name);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
}

void folder_set_up(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	cr_assert_eq(mkdir("db", 0700), 0);
	cr_assert_eq(mkdir("db/migrations", 0700), 0);
	cr_assert_eq(mkdir("db/queries", 0700), 0);
	cr_assert_eq(mkdir("db/empty", 0700), 0);
	folder_write("db/queries/b.sql", "");
	folder_write("db/queries/a.sql", "");
	folder_write("db/queries/.hidden.sql", "");
	folder_write("db/queries/a.down.sql", "");
	folder_write("db/queries/notes.txt", "");
	folder_write("db/one.sql", "");
}

void folder_tear_down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

char told[2048];

enum sluice_status read_config(struct slu_config *config, const char *path)
{
	struct slu_findings findings = {fmemopen(told, sizeof(told), "w"), 0};
	enum sluice_status status = slu_config_read(config, path, &findings);

	cr_assert_eq(fclose(findings.out), 0);
	return status;
}
