/* SPDX-License-Identifier: MIT */
/* pg_array.c - arrays of one dimension; whether one holds a NULL is known, and set, when it
 * comes. */
#include "sink/pg_array.h"

#include <assert.h>

enum {
	HEADER_SIZE = 20,
	POSITION_SIZE = 4 + 8, /* an element's size and itself */
};

size_t slu_selection_end(const struct slu_selection *selection)
{
	size_t taken = 0;
	size_t row;

	for (row = selection->first; row < selection->row_count && taken < selection->count; row++)
		taken += selection->rows[row].removed == selection->removed;
	return row;
}

enum sluice_status slu_array_put(struct slu_buffer *buffer, const struct sluice_stream *stream,
                                 const struct sluice_column *column,
                                 const struct slu_selection *selection, struct sluice_error *error)
{
	const struct slu_subject subject = {"stream", stream->name, "column"};
	size_t flag = slu_array_begin(buffer, slu_type_of(column->type).oid, selection->count);
	enum sluice_status status = SLUICE_OK;
	size_t taken = 0;
	size_t row;

	for (row = selection->first; taken < selection->count && status == SLUICE_OK; row++) {
		size_t element = buffer->size;

		assert(row < selection->row_count);
		if (selection->rows[row].removed != selection->removed)
			continue;
		status = slu_value_put(buffer, &subject, column, &selection->rows[row], error);
		taken++;
		if (status == SLUICE_OK && slu_value_is_null(buffer, element))
			slu_array_set_nulls(buffer, flag);
	}
	return status;
}

void slu_array_put_positions(struct slu_buffer *buffer, const uint64_t *positions, size_t count)
{
	size_t index;

	(void)slu_array_begin(buffer, slu_type_of(SLUICE_INT8).oid, count);
	for (index = 0; index < count; index++)
		slu_buffer_put_value64(buffer, positions[index]);
}

bool slu_array_get_positions(const unsigned char *bytes, size_t size, uint64_t *positions,
                             size_t count)
{
	size_t index;

	if (count == 0 || size != HEADER_SIZE + count * POSITION_SIZE ||
	    slu_read_be32(bytes) != 1 || slu_read_be32(bytes + 8) != slu_type_of(SLUICE_INT8).oid ||
	    slu_read_be32(bytes + 12) != count)
		return false;
	for (index = 0; index < count; index++) {
		const unsigned char *element = bytes + HEADER_SIZE + index * POSITION_SIZE;

		if (slu_read_be32(element) != sizeof(positions[index]))
			return false;
		positions[index] = slu_read_be64(element + 4);
	}
	return true;
}
