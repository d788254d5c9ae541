/* SPDX-License-Identifier: MIT */
/*
 * conversation.h - a sink says one of each transaction to a database, through a proxy that may
 * break in at any byte, and what must be there after.
 *
 *      batch 1   states and events as arrays                      one pipeline
 *      batch 2   events by COPY                                   string, pipeline
 *      batch 3   states, a removal, events by COPY                pipeline, string, pipeline
 *      batch 4   the same, one event refused                      again, with a letter
 *      batch 5   states and a removal, one state refused          again, singly, with a letter
 *      batch 6   nothing but positions                            the fence alone
 *      the seal
 *
 * One batch at a time, and always the same rows but for their run, so that the bytes on the wire
 * are nearly the same each time. Of time only the sink's own is moved: a pause costs nothing, and a
 * server that falls silent is left as soon as it has.
 */
#ifndef TESTS_TORTURE_CONVERSATION_H
#define TESTS_TORTURE_CONVERSATION_H

#include "tests/torture/fault_proxy.h"
#include "tests/torture/story.h"

#include <libpq-fe.h>
#include <sluice/sink.h>

/* Makes the tables: as the streams of story.h, with a constraint that refuses. */
extern const char conversation_sql[];

#define CONVERSATION_BATCHES 6
#define CONVERSATION_LINES 30
#define CONVERSATION_LANES 2

struct conversation {
	struct fault_proxy *proxy;
	const char *conninfo; /* one of the proxy's */
	uint64_t seed;
	int32_t run;          /* no other conversation with the database has it */
	uint64_t first, last; /* of the batches above, those to be said */
	/* Called once when a break that is silent has struck, in place of the sink's own patience:
	 * then the proxy drops what it holds. False: `trouble` was filled. */
	bool (*held)(struct conversation *conversation, void *context);
	void *context;
	/* ---- filled by conversation_run ---- */
	struct sluice_sink_progress progress; /* the last told; without its pointers */
	struct sluice_generation generation;
	uint64_t submitted; /* number of the last batch */
	char trouble[400];  /* why it did not come to its end; "" if it did */
	/* ---- its own ---- */
	struct sluice_sink *sink;
	uint64_t ahead_ns;    /* the sink's time is ahead of ours */
	uint64_t patience_ns; /* it hangs, if it has not ended then */
	int jumps;            /* since the wire fell silent */
	bool dropped;
	uint64_t positions[CONVERSATION_LANES];
	union torture_record records[CONVERSATION_LINES];
	struct sluice_row rows[CONVERSATION_LINES];
};

/* From the first connect to the seal. False: see `trouble`. */
bool conversation_run(struct conversation *conversation);

/* Whether the database holds what was said: each row once, intact and in order, each refused one as
 * a letter, positions, seal; and the sink told so. Else `finding` (400 bytes) tells. */
bool conversation_agrees(const struct conversation *conversation, PGconn *connection,
                         char *finding);

/* Whether it holds nothing else: `count` such conversations since conversation_clear. */
bool conversation_alone(const struct conversation *conversation, PGconn *connection, int64_t count,
                        char *finding);
void conversation_clear(PGconn *connection);

/* Whether a batch is known to the database as committed: what the fence says. */
bool conversation_applied(const struct conversation *conversation, PGconn *connection,
                          uint64_t batch);

#endif
