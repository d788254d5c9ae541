/* SPDX-License-Identifier: MIT */
/*
 * pg_copy.h - rows as a binary COPY.
 *
 *      signature, flags, extension | tuple: int16 fields, each as pg_value.h says | .. | -1
 *
 * Pure. Where it ends is part of it: a COPY without its trailer is a connection that broke, never a
 * short batch.
 */
#ifndef SINK_PG_COPY_H
#define SINK_PG_COPY_H

#include "sink/pg_value.h"

/* Puts the whole of `part`. Returns as slu_value_put. */
enum sluice_status slu_copy_put(struct slu_buffer *buffer, const struct sluice_part *part,
                                struct sluice_error *error);

/* What stands before and after the tuples, for rows that are no part's. */
void slu_copy_begin(struct slu_buffer *buffer);
void slu_copy_end(struct slu_buffer *buffer);

#endif
