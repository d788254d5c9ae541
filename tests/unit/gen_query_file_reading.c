/* SPDX-License-Identifier: MIT */
/* gen_query_file_reading.c - writes the text to a folder of its own, and reads it there. */
#include "tests/unit/gen_query_file_reading.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
}

struct reading *reading(const char *text)
{
	char folder[] = "/tmp/sluice-reading-XXXXXX";
	struct reading *reading = calloc(1, sizeof(*reading));
	struct slu_findings findings = {NULL, 0};
	size_t size;

	cr_assert_not_null(reading);
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	write_file("q.sql", text);
	findings.out = open_memstream(&reading->told, &size);
	cr_assert_not_null(findings.out);
	reading->status = slu_query_file_read(&reading->file, "q.sql", &findings);
	cr_assert_eq(fclose(findings.out), 0);
	cr_assert_eq(unlink("q.sql"), 0);
	cr_assert_eq(rmdir(folder), 0);
	return reading;
}

void reading_close(struct reading *reading)
{
	slu_query_file_free(&reading->file);
	free(reading->told);
	free(reading);
}

void tells(const char *text, const char *expected)
{
	struct reading *read = reading(text);

	cr_assert_str_eq(read->told, expected, "got:\n%s", read->told);
	cr_assert_eq(read->status, SLUICE_INVALID);
	reading_close(read);
}

struct reading *reads(const char *text)
{
	struct reading *read = reading(text);

	cr_assert_str_eq(read->told, "", "got:\n%s", read->told);
	cr_assert_eq(read->status, SLUICE_OK);
	return read;
}
