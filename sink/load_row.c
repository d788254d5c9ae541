/* SPDX-License-Identifier: MIT */
/* load_row.c - checks the types of an answer, then decodes row by row (pg_decode.h). */
#include "sink/load_row.h"

#include "sink/pg_decode.h"

/* Types from here on are made up by each database: enums among them. */
#define OID_OF_USER_MIN 16384

static struct slu_subject subject_of(const struct sluice_stream *stream)
{
	return (struct slu_subject){.kind = "stream", .name = stream->name, .part = "column"};
}

/* An enum's labels are looked at as they come. */
static bool is_readable(Oid oid, const struct sluice_column *column)
{
	uint32_t element;

	if (column->type == SLUICE_ENUM)
		return oid >= OID_OF_USER_MIN;
	return slu_type_reads_as(oid, column->type, column->form, &element);
}

enum sluice_status slu_row_check(const struct sluice_stream *stream, const PGresult *result,
                                 struct sluice_error *error)
{
	const struct slu_subject subject = subject_of(stream);

	if (PQnfields(result) != stream->layout.column_count)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "stream %s: the answer has %d columns, not %u: run sluice "
		                        "gen",
		                        stream->name, PQnfields(result),
		                        (unsigned)stream->layout.column_count);
	for (int i = 0; i < PQnfields(result); i++) {
		const struct sluice_column *column = &stream->layout.columns[i];

		if (!is_readable(PQftype(result, i), column) || PQfformat(result, i) != 1)
			return slu_value_refuse(&subject, column,
			                        "the table's column is of another type than this "
			                        "program was generated for: run sluice gen",
			                        error);
	}
	return SLUICE_OK;
}

static enum sluice_status read_version(const struct slu_subject *subject,
                                       const struct sluice_column *column,
                                       const unsigned char *bytes, int size, uint64_t *version,
                                       struct sluice_error *error)
{
	if (bytes == NULL || size != sizeof(*version))
		return slu_value_refuse(subject, column, "the row has no version", error);
	*version = slu_read_be64(bytes);
	if (*version > INT64_MAX)
		return slu_value_refuse(subject, column, "the row's version is negative", error);
	return SLUICE_OK;
}

enum sluice_status slu_row_read(const struct sluice_stream *stream, const PGresult *result, int row,
                                void *record, uint64_t *version, struct sluice_error *error)
{
	const struct slu_subject subject = subject_of(stream);
	enum sluice_status status = SLUICE_OK;
	void *arena = NULL; /* a record has no arrays */

	memset(record, 0, stream->layout.size);
	*version = 0;
	for (int i = 0; i < stream->layout.column_count && status == SLUICE_OK; i++) {
		const struct sluice_column *column = &stream->layout.columns[i];
		const unsigned char *bytes = PQgetisnull(result, row, i)
		                                     ? NULL
		                                     : (const unsigned char *)PQgetvalue(result,
		                                                                         row, i);
		int size = PQgetlength(result, row, i);

		if (column->type == SLUICE_VERSION)
			status = read_version(&subject, column, bytes, size, version, error);
		else
			status = slu_value_get(record, &subject, column, bytes, (size_t)size,
			                       &arena, error);
	}
	return status;
}
