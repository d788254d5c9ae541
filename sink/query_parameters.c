/* SPDX-License-Identifier: MIT */
/* query_parameters.c - encode all, then point: the bytes move while they grow. */
#include "sink/query_parameters.h"

#include <stdlib.h>

enum {
	BINARY = 1,
	ELEMENT_OFFSET = 4 + 8, /* of an array's element type: after size, dimensions, flags */
};

bool slu_parameters_init(struct slu_parameters *parameters, const struct sluice_query *query)
{
	size_t count = query->params != NULL ? query->params->column_count : 0;
	size_t index;

	memset(parameters, 0, sizeof(*parameters));
	slu_buffer_init(&parameters->bytes, SLU_QUERY_BYTES_MAX);
	/* One more, so that none is no failure. */
	parameters->values = calloc(count + 1, sizeof(*parameters->values));
	parameters->sizes = calloc(count + 1, sizeof(*parameters->sizes));
	parameters->formats = calloc(count + 1, sizeof(*parameters->formats));
	parameters->count = (int)count;
	if (parameters->values == NULL || parameters->sizes == NULL || parameters->formats == NULL)
		return false;
	for (index = 0; index < count; index++)
		parameters->formats[index] = BINARY;
	return true;
}

void slu_parameters_free(struct slu_parameters *parameters)
{
	slu_buffer_free(&parameters->bytes);
	free(parameters->values);
	free(parameters->sizes);
	free(parameters->formats);
}

enum sluice_status slu_parameter_put(struct slu_buffer *buffer, const struct slu_prepared *prepared,
                                     size_t index, const void *params, struct sluice_error *error)
{
	const struct sluice_query *query = prepared->query;
	const struct slu_subject subject = {"query", query->name, "parameter"};
	const struct sluice_row row = {.record = params};
	size_t start = buffer->size;
	enum sluice_status status = slu_value_put(buffer, &subject, &query->params->columns[index],
	                                          &row, error);

	/* The server wants its own name for the elements: varchar[] takes no text[]. */
	if (status == SLUICE_OK && prepared->elements[index] != 0 &&
	    buffer->failure == SLU_BUFFER_FINE && !slu_value_is_null(buffer, start))
		slu_write_be32(buffer->bytes + start + ELEMENT_OFFSET, prepared->elements[index]);
	return status;
}

enum sluice_status slu_parameters_check(const struct slu_buffer *buffer,
                                        const struct sluice_query *query,
                                        struct sluice_error *error)
{
	if (buffer->failure == SLU_BUFFER_LIMIT)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "query %s: its parameters are larger than 1 GB, the most "
		                        "Postgres takes",
		                        query->name);
	if (buffer->failure == SLU_BUFFER_MEMORY)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "query %s: out of memory for its parameters", query->name);
	return SLUICE_OK;
}

/* A value's bytes follow its size. */
static void point(struct slu_parameters *parameters)
{
	const unsigned char *next = parameters->bytes.bytes;
	int index;

	for (index = 0; index < parameters->count; index++) {
		uint32_t size = slu_read_be32(next);

		next += sizeof(size);
		parameters->values[index] = NULL;
		parameters->sizes[index] = 0;
		if (size == UINT32_MAX)
			continue;
		parameters->values[index] = (const char *)next;
		parameters->sizes[index] = (int)size;
		next += size;
	}
}

enum sluice_status slu_parameters_fill(struct slu_parameters *parameters,
                                       const struct slu_prepared *prepared, const void *params,
                                       struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	int index;

	parameters->bytes.size = 0;
	for (index = 0; index < parameters->count && status == SLUICE_OK; index++)
		status = slu_parameter_put(&parameters->bytes, prepared, (size_t)index, params,
		                           error);
	if (status == SLUICE_OK)
		status = slu_parameters_check(&parameters->bytes, prepared->query, error);
	if (status == SLUICE_OK)
		point(parameters);
	return status;
}
