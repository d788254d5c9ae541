/* SPDX-License-Identifier: MIT */
/*
 * pg_dial.h - from the connection string to a connection with a server that takes writes.
 *
 *      begin --> read the options anew      conninfo, service, environment (pg_dial_options.h)
 *                  |
 *                  v   next host ----------------------------------.
 *                name --> addresses   on a thread (pg_dial_lookup.h) |
 *                  |                                               |
 *                  v   next address ----------------------.        |
 *                reach, within its own share of time ---- failed --'--> none left: stopped, with
 *                  |                                                    each host and why
 *                  v
 *                done; the session may still say: not this one (slu_dial_pass)
 *
 * One call to all hosts is a round. libpq is given one address at a time: it would look names up
 * itself, and wait for that; and it would give a host that swallows packets all the time there is.
 *
 * Nothing here waits. What libpq does at once while it dials is reading files (password file, service
 * file, certificates) and the user's entry (getpwuid).
 */
#ifndef SINK_PG_DIAL_H
#define SINK_PG_DIAL_H

#include "sink/pg_dial_attempts.h"
#include "sink/pg_dial_lookup.h"
#include "sink/pg_dial_options.h"

enum slu_progress {
	SLU_PENDING = 1, /* wait as told, then step again */
	SLU_DONE,
	SLU_STOPPED, /* the trouble tells why */
};

enum slu_dial_state {
	SLU_DIAL_IDLE = 0, /* no round */
	SLU_DIAL_ASKED,    /* the host's name is being looked up */
	SLU_DIAL_CALLING,  /* libpq is at it */
	SLU_DIAL_REACHED,  /* handed over */
	SLU_DIAL_FAILED,   /* the present place: on to the next */
};

/* All zeros: idle. */
struct slu_dial {
	enum slu_dial_state state;
	bool reads;                      /* only: a standby will do */
	struct slu_dial_options options; /* of the round */
	size_t host_index;               /* the present one */
	struct slu_addresses addresses;  /* of that host, */
	size_t address_index;            /* and which of them */
	PGconn *pg;
	short events;         /* what libpq waits for */
	bool securing;        /* it was at TLS when it was last looked at */
	uint64_t deadline_ns; /* of the present name or address */
	struct slu_attempts attempts;
	struct slu_lookup *lookup; /* outlives rounds: at most one is under way */
	bool outdated;             /* it was asked in a round that did without it */
	const char *warning;       /* of the present address, or NULL */
	char place[SLU_PLACE_SIZE];
	struct slu_trouble trouble;
};

/* Begins a round. A failure shows in the first step. */
void slu_dial_begin(struct slu_dial *dial, const char *conninfo, uint64_t now_ns);
/* Goes on with it. SLU_DONE: `*pg` is connected, and the caller's. SLU_STOPPED: no host is left. */
enum slu_progress slu_dial_step(struct slu_dial *dial, uint64_t now_ns, PGconn **pg);
/* The connection that was handed over is of no use, as `trouble` says. Returns whether there is
 * another place to step to; if not, `*trouble` becomes that of the whole round. */
bool slu_dial_pass(struct slu_dial *dial, struct slu_trouble *trouble, uint64_t now_ns);
/* What to poll for, until deadline_ns. */
void slu_dial_wait(const struct slu_dial *dial, int *fd, short *events);

/* Ends the round. A lookup under way stays: its answer may be of use to the next one. */
void slu_dial_stop(struct slu_dial *dial);
/* Lets go of everything. */
void slu_dial_free(struct slu_dial *dial);

#endif
