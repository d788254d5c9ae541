/* SPDX-License-Identifier: MIT */
/*
 * load_seat.h - one connection of a reader: dialed, set up, asked, and no wait without end.
 *
 *      empty --open--> idle --ask--> idle
 *                       |             ^
 *                       '-- time up --' late: the server is still at it, and the answer unread
 *
 * A call that gives up leaves its query running: cancelling takes a connection of its own, and
 * closing would leave the server with a session that nobody counts. So the seat stays taken until
 * the server is done, which its statement_timeout sees to.
 */
#ifndef SINK_LOAD_SEAT_H
#define SINK_LOAD_SEAT_H

#include "sink/pg_dial.h"

#include <sluice/load.h>

enum slu_seat_state {
	SLU_SEAT_EMPTY = 0, /* no session */
	SLU_SEAT_IDLE,
	SLU_SEAT_LENT, /* to a call */
	SLU_SEAT_LATE, /* to none, but an answer is to come */
};

struct slu_seat {
	enum slu_seat_state state; /* the set's, under its lock: load_set.h */
	uint64_t late_until_ns;    /* then nobody believes in an answer any more */
	PGconn *pg;
	struct slu_dial dial;
	const char *warned; /* of how the server is dialed */
	bool had_session;   /* so the next one is a reconnect */
};

/* What the seats of one reader have in common. */
struct slu_seat_terms {
	char *conninfo;
	struct sluice_reader_options options; /* without zeros */
};

/* A statement and its parameters, in binary; the answer is in binary. */
struct slu_question {
	const char *where; /* for messages: "load" */
	const char *sql;
	int count;
	const char *const *values;
	const int *sizes;
	const int *formats;
};

/* Dials, and sets the session up, until `until_ns`. Returns SLUICE_OK, SLUICE_TIMEOUT,
 * SLUICE_FAILED; the seat is empty unless SLUICE_OK. */
enum sluice_status slu_seat_open(struct slu_seat *seat, const struct slu_seat_terms *terms,
                                 uint64_t until_ns, struct sluice_error *error);
void slu_seat_close(struct slu_seat *seat);

/* Whether an idle seat's session is still there, as far as can be told without asking. */
bool slu_seat_is_alive(const struct slu_seat *seat);
/* Whether it was lost since: to be asked after a failure. */
bool slu_seat_is_lost(const struct slu_seat *seat);

/* Asks, and waits for the answer until `until_ns`. Returns SLUICE_OK with `*result`, to be cleared;
 * SLUICE_TIMEOUT when the time is up, here or on the server; SLUICE_FAILED. */
enum sluice_status slu_seat_ask(struct slu_seat *seat, const struct slu_question *question,
                                uint64_t until_ns, PGresult **result, struct sluice_error *error);

/* Whether all that was asked is answered, without waiting: reads what is left of it. */
bool slu_seat_is_answered(struct slu_seat *seat);

#endif
