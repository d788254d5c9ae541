/* SPDX-License-Identifier: MIT */
/* pg_array.c - arrays of one dimension; whether one holds a NULL is known, and set, at its end. */
#include "sink/pg_array.h"

#include <assert.h>

enum {
	NULLS_OFFSET = 4,
	HEADER_SIZE = 20,
	POSITION_SIZE = 4 + 8, /* an element's size and itself */
};

static void put_header(struct slu_buffer *buffer, uint32_t oid, size_t count)
{
	slu_buffer_put_be32(buffer, count > 0 ? 1 : 0);
	slu_buffer_put_be32(buffer, 0);
	slu_buffer_put_be32(buffer, oid);
	if (count == 0)
		return;
	slu_buffer_put_be32(buffer, (uint32_t)count);
	slu_buffer_put_be32(buffer, 1);
}

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
	enum sluice_status status = SLUICE_OK;
	size_t start = buffer->size;
	size_t taken = 0;
	bool nulls = false;
	size_t row;

	put_header(buffer, slu_type_of(column->type).oid, selection->count);
	for (row = selection->first; taken < selection->count && status == SLUICE_OK; row++) {
		size_t element = buffer->size;

		assert(row < selection->row_count);
		if (selection->rows[row].removed != selection->removed)
			continue;
		status = slu_value_put(buffer, stream, column, &selection->rows[row], error);
		taken++;
		if (buffer->failure == SLU_BUFFER_FINE && status == SLUICE_OK)
			nulls |= slu_read_be32(buffer->bytes + element) == UINT32_MAX;
	}
	if (nulls)
		slu_write_be32(buffer->bytes + start + NULLS_OFFSET, 1);
	return status;
}

void slu_array_put_positions(struct slu_buffer *buffer, const uint64_t *positions, size_t count)
{
	size_t index;

	put_header(buffer, slu_type_of(SLUICE_INT8).oid, count);
	for (index = 0; index < count; index++) {
		slu_buffer_put_be32(buffer, sizeof(positions[index]));
		slu_buffer_put_be64(buffer, positions[index]);
	}
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
