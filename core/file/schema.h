/* SPDX-License-Identifier: MIT */
/*
 * schema.h - the streams' descriptors as bytes, so that any program can read the records of a file.
 *
 * All but the SQL: what is read back from a file is untrusted, and never becomes a statement.
 */
#ifndef SLU_FILE_SCHEMA_H
#define SLU_FILE_SCHEMA_H

#include <sluice/stream.h>

/* Allocates; NULL when there is no memory. */
unsigned char *slu_schema_write(const struct sluice_streams *streams, uint64_t *size);

/* Rebuilds the set in one piece of memory, to be given to free(). NULL when the bytes are none that
 * slu_schema_write could have written, or there is no memory. */
struct sluice_streams *slu_schema_read(const unsigned char *bytes, size_t size);

#endif
