/* SPDX-License-Identifier: MIT */
/*
 * pg_buffer.h - bytes that grow up to a limit, written big-endian as Postgres wants them.
 *
 * A failure sticks: after it every put is refused, so that an encoder puts without asking and its
 * caller asks once, at the end. Nothing is ever half put.
 */
#ifndef SINK_PG_BUFFER_H
#define SINK_PG_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum slu_buffer_failure {
	SLU_BUFFER_FINE = 0,
	SLU_BUFFER_MEMORY, /* the system gave none */
	SLU_BUFFER_LIMIT,  /* it would outgrow `limit` */
};

struct slu_buffer {
	unsigned char *bytes;
	size_t size;
	size_t capacity;
	size_t limit;
	enum slu_buffer_failure failure;
};

/* An empty buffer of at most `limit` bytes. Allocates nothing yet. */
void slu_buffer_init(struct slu_buffer *buffer, size_t limit);
void slu_buffer_free(struct slu_buffer *buffer);

/* Makes room for `size` more bytes. Returns false, with `failure` set, when there is none. */
bool slu_buffer_grow(struct slu_buffer *buffer, size_t size);

/* The next `size` bytes, to be written by the caller; NULL after a failure. */
static inline unsigned char *slu_buffer_take(struct slu_buffer *buffer, size_t size)
{
	unsigned char *bytes;

	if (buffer->capacity - buffer->size < size || buffer->failure != SLU_BUFFER_FINE) {
		if (!slu_buffer_grow(buffer, size))
			return NULL;
	}
	bytes = buffer->bytes + buffer->size;
	buffer->size += size;
	return bytes;
}

static inline void slu_write_be16(unsigned char *bytes, uint16_t value)
{
	bytes[0] = (unsigned char)(value >> 8);
	bytes[1] = (unsigned char)value;
}

static inline void slu_write_be32(unsigned char *bytes, uint32_t value)
{
	slu_write_be16(bytes, (uint16_t)(value >> 16));
	slu_write_be16(bytes + 2, (uint16_t)value);
}

static inline void slu_write_be64(unsigned char *bytes, uint64_t value)
{
	slu_write_be32(bytes, (uint32_t)(value >> 32));
	slu_write_be32(bytes + 4, (uint32_t)value);
}

static inline uint16_t slu_read_be16(const unsigned char *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t slu_read_be32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static inline uint64_t slu_read_be64(const unsigned char *bytes)
{
	return (uint64_t)slu_read_be32(bytes) << 32 | slu_read_be32(bytes + 4);
}

static inline void slu_buffer_put(struct slu_buffer *buffer, const void *source, size_t size)
{
	unsigned char *bytes = slu_buffer_take(buffer, size);

	if (bytes != NULL && size > 0)
		memcpy(bytes, source, size);
}

static inline void slu_buffer_put_text(struct slu_buffer *buffer, const char *text)
{
	slu_buffer_put(buffer, text, strlen(text));
}

static inline void slu_buffer_put_be16(struct slu_buffer *buffer, uint16_t value)
{
	unsigned char *bytes = slu_buffer_take(buffer, sizeof(value));

	if (bytes != NULL)
		slu_write_be16(bytes, value);
}

static inline void slu_buffer_put_be32(struct slu_buffer *buffer, uint32_t value)
{
	unsigned char *bytes = slu_buffer_take(buffer, sizeof(value));

	if (bytes != NULL)
		slu_write_be32(bytes, value);
}

static inline void slu_buffer_put_be64(struct slu_buffer *buffer, uint64_t value)
{
	unsigned char *bytes = slu_buffer_take(buffer, sizeof(value));

	if (bytes != NULL)
		slu_write_be64(bytes, value);
}

/* A value of Postgres's: its size in 4 bytes, then itself. */
static inline void slu_buffer_put_value32(struct slu_buffer *buffer, uint32_t value)
{
	unsigned char *bytes = slu_buffer_take(buffer, 4 + sizeof(value));

	if (bytes == NULL)
		return;
	slu_write_be32(bytes, sizeof(value));
	slu_write_be32(bytes + 4, value);
}

static inline void slu_buffer_put_value64(struct slu_buffer *buffer, uint64_t value)
{
	unsigned char *bytes = slu_buffer_take(buffer, 4 + sizeof(value));

	if (bytes == NULL)
		return;
	slu_write_be32(bytes, sizeof(value));
	slu_write_be64(bytes + 4, value);
}

#endif
