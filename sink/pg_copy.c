/* SPDX-License-Identifier: MIT */
/* pg_copy.c - header, tuples, trailer. */
#include "sink/pg_copy.h"

static const unsigned char signature[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

void slu_copy_begin(struct slu_buffer *buffer)
{
	slu_buffer_put(buffer, signature, sizeof(signature));
	slu_buffer_put_be32(buffer, 0); /* flags */
	slu_buffer_put_be32(buffer, 0); /* size of the extension */
}

static enum sluice_status put_row(struct slu_buffer *buffer, const struct slu_subject *subject,
                                  const struct sluice_layout *layout, const struct sluice_row *row,
                                  struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t column;

	slu_buffer_put_be16(buffer, layout->column_count);
	for (column = 0; column < layout->column_count && status == SLUICE_OK; column++)
		status = slu_value_put(buffer, subject, &layout->columns[column], row, error);
	return status;
}

void slu_copy_end(struct slu_buffer *buffer)
{
	slu_buffer_put_be16(buffer, UINT16_MAX);
}

enum sluice_status slu_copy_put(struct slu_buffer *buffer, const struct sluice_part *part,
                                struct sluice_error *error)
{
	const struct slu_subject subject = {"stream", part->stream->name, "column"};
	enum sluice_status status = SLUICE_OK;
	size_t row;

	slu_copy_begin(buffer);
	for (row = 0; row < part->row_count && status == SLUICE_OK; row++)
		status = put_row(buffer, &subject, &part->stream->layout, &part->rows[row], error);
	slu_copy_end(buffer);
	return status;
}
