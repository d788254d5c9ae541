/* SPDX-License-Identifier: MIT */
/* letters_format.c - descriptions, as lane files hold them. */
#include "cli/letters_format.h"

#include "cli/letters_query.h"
#include "core/file/schema.h"

#include <sluice/sink.h>

#include <stdlib.h>
#include <string.h>

static struct sluice_streams *read_description(const PGresult *result)
{
	struct sluice_streams *streams = NULL;
	unsigned char *bytes;
	size_t size;

	if (PQntuples(result) != 1)
		return NULL;
	bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(result, 0, 0), &size);
	if (bytes != NULL)
		streams = slu_schema_read(bytes, size);
	PQfreemem(bytes);
	return streams;
}

static enum sluice_status load(struct slu_letters_format *format, PGconn *connection,
                               struct sluice_error *error)
{
	const char *values[] = {format->id};
	PGresult *result = PQexecParams(connection,
	                                "SELECT description FROM sluice.letter_format "
	                                "WHERE id = decode($1, 'hex')",
	                                1, NULL, values, NULL, NULL, 0);
	enum sluice_status status = SLUICE_OK;

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		format->streams = read_description(result);
	else
		status = slu_letters_refused(connection, result, error);
	PQclear(result);
	return status;
}

/* Another one, at the end. NULL when memory is short. */
static struct slu_letters_format *add(struct slu_letters_formats *formats, const char *id)
{
	struct slu_letters_format *more = realloc(formats->kept,
	                                          (formats->count + 1) * sizeof(*formats->kept));

	if (more == NULL)
		return NULL;
	formats->kept = more;
	more += formats->count++;
	more->streams = NULL;
	memcpy(more->id, id, strlen(id) + 1);
	return more;
}

static struct slu_letters_format *find(const struct slu_letters_formats *formats, const char *id)
{
	for (size_t i = 0; i < formats->count; i++)
		if (strcmp(formats->kept[i].id, id) == 0)
			return &formats->kept[i];
	return NULL;
}

enum sluice_status slu_letters_stream(struct slu_letters_formats *formats, PGconn *connection,
                                      const char *id, const char *name,
                                      const struct sluice_stream **stream,
                                      struct sluice_error *error)
{
	struct slu_letters_format *format = find(formats, id);
	enum sluice_status status = SLUICE_OK;

	*stream = NULL;
	if (strlen(id) >= sizeof(format->id)) /* none that the sink wrote */
		return SLUICE_OK;
	if (format == NULL) {
		format = add(formats, id);
		if (format == NULL)
			return sluice_error_set(error, SLUICE_FAILED, "no memory for a format");
		status = load(format, connection, error);
	}
	for (size_t i = 0; format->streams != NULL && i < format->streams->count; i++)
		if (strcmp(format->streams->streams[i]->name, name) == 0)
			*stream = format->streams->streams[i];
	return status;
}

void slu_letters_formats_free(struct slu_letters_formats *formats)
{
	for (size_t i = 0; i < formats->count; i++)
		free(formats->kept[i].streams);
	free(formats->kept);
	formats->kept = NULL;
	formats->count = 0;
}
