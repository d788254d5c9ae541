/* SPDX-License-Identifier: MIT */
/*
 * pg_dial_options.h - what the user wants of a connection, as libpq understands it, and what we add.
 *
 * libpq is asked, not imitated: it merges connection string, service file, environment and its own
 * defaults. What none of the first three says is *left open*, and only that is filled by ours:
 *
 *      target_session_attrs=read-write     a standby takes no batch
 *      keepalives_*, tcp_user_timeout      a peer that is gone is noticed
 *      gssencmode=disable                  its negotiation asks other servers, and waits for them
 *      sslmode=verify-full                 where the way leaves this machine
 *
 * For those that only read, a standby will do: target_session_attrs=any.
 *
 * One thing can't be told apart: a service file that says what libpq would do anyhow (sslmode=prefer,
 * target_session_attrs=any) counts as having said nothing.
 */
#ifndef SINK_PG_DIAL_OPTIONS_H
#define SINK_PG_DIAL_OPTIONS_H

#include "sink/pg_error.h"

#include <stdbool.h>
#include <stdint.h>

/* One of those to try; "" for what is not said. */
struct slu_host {
	const char *name;    /* a name, a number or a directory */
	const char *address; /* hostaddr */
	const char *port;
};

struct slu_dial_options {
	PQconninfoOption *all;           /* with service, environment and defaults */
	PQconninfoOption *own;           /* what the connection string itself says */
	char *names, *addresses, *ports; /* cut into pieces, which `hosts` points to */
	struct slu_host *hosts;
	size_t host_count; /* at least one */
	bool reads;        /* only; set by the caller once they were read */
};

/* Reads them anew. Returns false with `trouble` filled when they make no sense, or memory is short.
 * Free them in either case. */
bool slu_dial_options_read(struct slu_dial_options *options, const char *conninfo,
                           struct slu_trouble *trouble);
/* Zeros are allowed, and left. */
void slu_dial_options_free(struct slu_dial_options *options);

/* The user's connect_timeout, at least the 2 s of libpq; 0 when there is none. */
uint64_t slu_dial_options_timeout(const struct slu_dial_options *options);

/* Starts to dial `host` at `address`, its own if that is not known ("" for a directory); NULL when
 * memory is short. Asks nobody for a name. */
PGconn *slu_dial_options_start(const struct slu_dial_options *options, const struct slu_host *host,
                               const char *address);

/* Whether that dial checks who the server is only because we want it. */
bool slu_dial_options_verify(const struct slu_dial_options *options, const char *address);

/* What to warn of when `address` is dialed: a line that lives for ever, or NULL. */
const char *slu_dial_options_warning(const struct slu_dial_options *options, const char *address);

#endif
