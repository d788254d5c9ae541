/* SPDX-License-Identifier: MIT */
/*
 * pg_connection.h - one non-blocking connection, from the first packet to a session ready for
 * batches.
 *
 *      closed -> dialing (pg_dial.h) -> opening (pg_session.h) -> ready -> closed
 *                   ^____ next host ________|
 *
 * Everything here returns at once, also closing: libpq says goodbye if the socket takes it, and the
 * socket never waits, not for TLS either.
 */
#ifndef SINK_PG_CONNECTION_H
#define SINK_PG_CONNECTION_H

#include "sink/pg_dial.h"
#include "sink/pg_error.h"
#include "sink/pg_server.h"

#include <sluice/sink.h>

#include <libpq-fe.h>

enum slu_phase {
	SLU_CLOSED = 0,
	SLU_DIALING,
	SLU_OPENING,
	SLU_READY,
};

/* What every connection of one sink has in common. */
struct slu_target {
	char *conninfo;
	const struct sluice_streams *streams;
	uint64_t chance; /* a number that no other sink is likely to have */
	const struct sluice_generation *generation; /* of the next dial */
	struct slu_server server; /* where the last batch went; zeros before the first session */
	bool owned; /* a session of ours has owned its row: it is not taken over again */
	/* Told of what is in order for Postgres, but perhaps not for the operator. */
	void (*warn)(void *context, const char *text);
	void *warn_context;
};

struct slu_connection {
	const struct slu_target *target;
	PGconn *pg;
	enum slu_phase phase;
	struct slu_dial dial;
	uint64_t deadline_ns; /* of dialing and opening */
	uint64_t notices;     /* that came in; */
	uint64_t unconfirmed; /* so many of them told that a wait for a standby was given up */
	const char *warned;   /* of how the server is dialed */
	bool blocked;         /* libpq holds output that the socket doesn't take yet */
	bool eager;           /* there is more to send, and room for it */
	bool broken;          /* reading or writing failed */
	uint32_t dials;       /* that reached a server so far: the number of this connection */
	uint32_t pooled;      /* the first of them that met a pooler, 0 if none did */
	size_t answered;      /* opening: statements answered, */
	bool looked;          /* whether all of the first half, */
	bool found;           /* and whether the run has a row */
	struct slu_server server;
	uint64_t epoch; /* opening: what the fence told, */
	bool sealed;
	uint64_t *applied; /* the owner's: room for a position a lane */
	struct slu_trouble trouble;
};

/* Closed. `target` must outlive the connection. */
void slu_connection_init(struct slu_connection *connection, const struct slu_target *target);

/* Begins a round of dialing. A failure shows in the next step. `applied` must be set. */
void slu_connection_dial(struct slu_connection *connection, uint64_t now_ns);
/* Moves a dialing or opening connection on. SLU_DONE: it is ready. SLU_STOPPED: no host is left, or
 * the one that answered is the wrong one for good. */
enum slu_progress slu_connection_step(struct slu_connection *connection, uint64_t now_ns);
/* Drops it: the server rolls back what was open. */
void slu_connection_close(struct slu_connection *connection);
/* The same, and lets go of what the next dial might have used. Zeros are allowed. */
void slu_connection_free(struct slu_connection *connection);

/* Reads what has arrived. A loss shows in slu_connection_result, after what arrived before it. */
void slu_connection_receive(struct slu_connection *connection);
/* Sends what the socket takes; then `blocked` says whether some is left. */
void slu_connection_flush(struct slu_connection *connection);
/* The next result: SLU_DONE with `*result` (to be cleared), SLU_PENDING when none is there,
 * SLU_STOPPED. Skips the gaps between the results of a pipeline. */
enum slu_progress slu_connection_result(struct slu_connection *connection, PGresult **result);
/* Ends a query that has given all its results: SLU_DONE when the connection takes the next one. */
enum slu_progress slu_connection_idle(struct slu_connection *connection);
/* Looks whether a ready connection without work is still there. */
bool slu_connection_alive(struct slu_connection *connection);

/* Stops with libpq's own message. */
enum slu_progress slu_connection_lost(struct slu_connection *connection, const char *where);

/* What to poll for. The descriptor is -1 when closed. */
void slu_connection_wait(const struct slu_connection *connection, int *fd, short *events);

#endif
