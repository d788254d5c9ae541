/* SPDX-License-Identifier: MIT */
/* pg_copy.c - header, tuples, trailer. */
#include "sink/pg_copy.h"

static const unsigned char signature[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

enum sluice_status slu_copy_put(struct slu_buffer *buffer, const struct sluice_part *part,
                                struct sluice_error *error)
{
	const struct sluice_stream *stream = part->stream;
	enum sluice_status status = SLUICE_OK;
	size_t row;

	slu_buffer_put(buffer, signature, sizeof(signature));
	slu_buffer_put_be32(buffer, 0); /* flags */
	slu_buffer_put_be32(buffer, 0); /* size of the extension */
	for (row = 0; row < part->row_count && status == SLUICE_OK; row++) {
		size_t column;

		slu_buffer_put_be16(buffer, stream->column_count);
		for (column = 0; column < stream->column_count && status == SLUICE_OK; column++)
			status = slu_value_put(buffer, stream, &stream->columns[column],
			                       &part->rows[row], error);
	}
	slu_buffer_put_be16(buffer, UINT16_MAX);
	return status;
}
