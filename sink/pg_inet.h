/* SPDX-License-Identifier: MIT */
/*
 * pg_inet.h - addresses.
 *
 *      byte family, prefix, is a network, count | the address
 *
 * Each call returns NULL, or why it refused: a sentence without the value.
 */
#ifndef SINK_PG_INET_H
#define SINK_PG_INET_H

#include "sink/pg_buffer.h"

#include <sluice/stream.h>

/* Puts size and bytes of the struct sluice_inet at `field`. */
const char *slu_inet_put(struct slu_buffer *buffer, const void *field);

/* Fills the struct sluice_inet at `field`. */
const char *slu_inet_get(const unsigned char *bytes, size_t size, void *field);

#endif
