/* SPDX-License-Identifier: MIT */
/*
 * pg_writer.h - carries one run into the database, over one connection, with patience.
 *
 *      begin -> [head | .. | ..]          batches, encoded when they were taken (pg_run.h)
 *                  |
 *      waiting -> connecting -> ready     only the head is on the wire
 *         ^_______________________|       any loss: drop, wait, dial, ask the fence, send again
 *
 * Owns: the run, the connection.  Borrows: what `target` and `terms` point to.
 * Never blocks. One thread at a time.
 */
#ifndef SINK_PG_WRITER_H
#define SINK_PG_WRITER_H

#include "sink/pg_connection.h"
#include "sink/pg_run.h"
#include "sink/pg_transaction.h"

struct slu_writer {
	struct slu_target target;
	struct slu_script_terms terms;
	void (*log)(void *context, const char *line); /* may be NULL */
	void *log_context;
	struct slu_run run;
	struct slu_connection connection;
	struct slu_transaction transaction;
	bool on_wire;          /* `transaction` is saying the run's head */
	bool lost;             /* a connection that was ready is to be replaced */
	bool halted;           /* for good */
	bool fenced;           /* halted, since another process has the run */
	bool unconfirmed;      /* the last batch was such: */
	uint64_t unreplicated; /* batches that no standby has confirmed, although one should */
	uint64_t reconnects;
	uint64_t backoff_ns; /* bound of the next pause; 0: none yet */
	uint64_t dial_at_ns;
	uint64_t random;              /* state of the generator of pauses */
	char reason[SLU_REASON_SIZE]; /* of the last trouble; "" for none */
};

/* `target`, `terms`, `random` and the log are set; the rest is zero. Returns false when out of
 * memory. */
bool slu_writer_init(struct slu_writer *writer, size_t in_flight_batches);
/* Also of one that is all zero. */
void slu_writer_free(struct slu_writer *writer);

/* A session holds the fence of one run, so the next one gets its own: a connection a run, in return
 * for which every session is opened in the same way. Returns false when out of memory. */
bool slu_writer_begin(struct slu_writer *writer, const struct sluice_generation *generation);

/* As far as it gets without waiting. */
void slu_writer_advance(struct slu_writer *writer, uint64_t now_ns);
/* When it wants to be called again, if its socket does not speak before; UINT64_MAX: never. */
uint64_t slu_writer_wake(const struct slu_writer *writer);
/* Tells in the log which streams are halted, once each. Returns how many there are. */
uint64_t slu_writer_tell_halted(struct slu_writer *writer);

/* One line of the log: `what`, then `detail`. */
void slu_writer_say(const struct slu_writer *writer, const char *what, const char *detail);

#endif
