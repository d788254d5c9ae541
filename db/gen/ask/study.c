/* SPDX-License-Identifier: MIT */
/* study.c - asking the database, and running out of it or of memory. */
#include "db/gen/ask/study.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct slu_place nowhere = {NULL, 0, 0};

void slu_study_lost(struct slu_study *study, const char *doing)
{
	const char *said = PQerrorMessage(study->connection);

	if (!study->broken)
		slu_finding(study->findings, nowhere, NULL, "can't %s: %.*s", doing,
		            (int)strcspn(said, "\n"), said);
	study->broken = true;
}

void slu_study_starved(struct slu_study *study)
{
	if (!study->broken)
		slu_finding(study->findings, nowhere, NULL, "out of memory");
	study->broken = true;
}

PGresult *slu_study_ask(struct slu_study *study, const char *sql, int count,
                        const char *const *values)
{
	PGresult *result;
	ExecStatusType outcome;

	if (study->broken)
		return NULL;
	result = PQexecParams(study->connection, sql, count, NULL, values, NULL, NULL, 0);
	outcome = PQresultStatus(result);
	if (outcome == PGRES_TUPLES_OK || outcome == PGRES_COMMAND_OK)
		return result;
	PQclear(result);
	slu_study_lost(study, "ask the database");
	return NULL;
}

char *slu_study_copy(struct slu_study *study, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		slu_study_starved(study);
	return copy;
}

char *slu_study_print(struct slu_study *study, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size >= 0)
		return text;
	slu_study_starved(study);
	return NULL;
}

bool slu_text_begin(struct slu_study *study, struct slu_text *text)
{
	text->bytes = NULL;
	text->file = open_memstream(&text->bytes, &text->size);
	if (text->file == NULL)
		slu_study_starved(study);
	return text->file != NULL;
}

char *slu_text_end(struct slu_study *study, struct slu_text *text)
{
	bool whole = !ferror(text->file);

	/* Not every short write shows in the stream: what is missing at its end does. */
	whole = fclose(text->file) == 0 && whole && text->bytes != NULL;
	if (whole)
		return text->bytes;
	slu_study_starved(study);
	free(text->bytes);
	return NULL;
}

void *slu_study_grow(struct slu_study *study, void *items, size_t count, size_t size)
{
	char *grown = reallocarray(items, count + 1, size);

	if (grown == NULL)
		slu_study_starved(study);
	else
		memset(grown + count * size, 0, size);
	return grown;
}
