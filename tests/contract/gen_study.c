/* SPDX-License-Identifier: MIT */
/* gen_study.c - a query file that lives as long as it is read. */
#include "tests/contract/gen_study.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void give_up(const char *why, const char *what)
{
	fprintf(stderr, "gen_study: %s %s\n", why, what);
	abort();
}

/* Writes `text` to queries.sql in a directory of its own, and goes there: messages name no path. */
static void write_file(const char *text, char *directory)
{
	FILE *file;

	if (mkdtemp(directory) == NULL || chdir(directory) != 0)
		give_up("can't make", directory);
	file = fopen("queries.sql", "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		give_up("can't write", "queries.sql");
}

void study_make(struct study *study, PGconn *connection, const char *queries,
                const struct slu_override *overrides, size_t override_count)
{
	char directory[] = "/tmp/gen_study_XXXXXX";
	struct slu_findings findings = {0};

	memset(study, 0, sizeof(*study));
	findings.out = open_memstream(&study->said, &study->said_size);
	if (findings.out == NULL)
		give_up("can't keep", "findings");
	write_file(queries, directory);
	study->status = slu_query_file_read(&study->file, "queries.sql", &findings);
	if (study->status == SLUICE_OK)
		study->status = slu_analyse(&study->model, &study->file, connection, overrides,
		                            override_count, 1, &findings);
	if (unlink("queries.sql") != 0 || chdir("/") != 0 || rmdir(directory) != 0)
		give_up("can't remove", directory);
	if (fclose(findings.out) != 0)
		give_up("can't keep", "findings");
}

void study_free(struct study *study)
{
	slu_model_free(&study->model);
	slu_query_file_free(&study->file);
	free(study->said);
}

const struct slu_struct *study_struct(const struct study *study, const char *name)
{
	size_t i;

	for (i = 0; i < study->model.struct_count; i++) {
		if (strcmp(study->model.structs[i].name, name) == 0)
			return &study->model.structs[i];
	}
	fputs(study->said, stderr);
	give_up("no struct", name);
}

const struct slu_field *study_field(const struct slu_struct *object, const char *name)
{
	size_t i;

	for (i = 0; i < object->field_count; i++) {
		if (strcmp(object->fields[i].name, name) == 0)
			return &object->fields[i];
	}
	give_up("no field", name);
}
