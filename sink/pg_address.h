/* SPDX-License-Identifier: MIT */
/*
 * pg_address.h - what kind of host a text names, and whether the way there leaves this machine.
 */
#ifndef SINK_PG_ADDRESS_H
#define SINK_PG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/* Of a numeric address with its zone, and its terminator. */
#define SLU_ADDRESS_SIZE 64

enum slu_host_kind {
	SLU_HOST_DIRECTORY = 1, /* of a Unix socket, "@..": an abstract one */
	SLU_HOST_NUMBER,
	SLU_HOST_NAME, /* to be looked up */
};

enum slu_host_kind slu_host_kind(const char *host);

/* Whether a numeric address is a loopback one. What goes there stays on this machine; to another of
 * its own addresses it does, too, but that may be different tomorrow. */
bool slu_address_is_loopback(const char *address);

/* Writes "db:5432", "[::1]:5432" or "/tmp/.s.PGSQL.5432". */
void slu_address_print(char *text, size_t size, const char *host, const char *port);

#endif
