/* SPDX-License-Identifier: MIT */
/*
 * pg_run.h - one run of an engine: its batches on their way, and where the database stands.
 *
 *      begin -> found -> [take | pop]* -> seal -> sealed
 *
 *         applied        to of the head            accepted
 *            v                 v                       v
 *      ------+---- the head ---+---- .. ---- the last -+      each begins where the one before ends
 *
 * `positions` is where the database stood when the run was begun: unknown until the first session
 * has told, and never changed after. Knows no connection; pure but for memory.
 */
#ifndef SINK_PG_RUN_H
#define SINK_PG_RUN_H

#include "sink/pg_script.h"

/* Rows of a stream that may be refused one after the other, over batches, with none accepted between
 * them; and those of one batch in all. One more, and the stream is halted. */
#define SLU_REFUSED_MAX 16
#define SLU_LETTERS_MAX 256

/* A stream whose table takes no rows. They are held back, in sluice.dead_letter, and the others go
 * on; after a while it is tried again. */
struct slu_halted {
	bool now;
	bool told;         /* for the sink's log */
	uint64_t until_ns; /* 0: not known yet */
	struct slu_trouble trouble;
};

/* A batch, and what is to be said for it. */
struct slu_queued {
	struct slu_parcel *parcel; /* NULL: it seals */
	struct slu_script *script;
};

struct slu_run {
	struct sluice_generation generation; /* `known` is true once `found` */
	struct slu_queued *queue;            /* ring of `capacity`, oldest at `head` */
	size_t capacity;
	size_t head;
	size_t queued;
	uint64_t *positions;    /* one a lane, as are the next three */
	uint64_t *applied;      /* of the last batch known committed */
	uint64_t *accepted;     /* of the last batch taken */
	uint64_t *told;         /* room for what a session is told */
	uint64_t committed;     /* number of the last batch known committed, */
	uint64_t replicated;    /* and of the last one known to be on a standby, too */
	uint64_t dead_lettered; /* rows of the batches up to that one, */
	uint64_t dead_lettered_of[SLUICE_STREAMS_MAX]; /* and of each stream */
	/* By stream: refused since one was last accepted; halted; and whether a row that is refused
	 * stops the whole sink. */
	unsigned refused[SLUICE_STREAMS_MAX];
	struct slu_halted halted[SLUICE_STREAMS_MAX];
	bool strict[SLUICE_STREAMS_MAX];
	bool begun;
	bool found;   /* `positions` are known */
	bool sealing; /* seal was asked for */
	bool sealed;
};

/* None is begun yet. Returns false when out of memory. */
bool slu_run_init(struct slu_run *run, size_t in_flight_batches);
void slu_run_free(struct slu_run *run);

/* Begins with `generation`, and forgets the one before. Returns false when out of memory: then
 * nothing changed. */
bool slu_run_begin(struct slu_run *run, const struct sluice_generation *generation);

/* Whether one more batch may be taken. */
bool slu_run_has_room(const struct slu_run *run);
/* Encodes a batch and queues it. Returns false when out of memory: then nothing changed. */
bool slu_run_take(struct slu_run *run, const struct sluice_batch *batch,
                  const struct slu_script_terms *terms);
/* Queues the statement that seals the run, behind no batch. Returns as slu_run_take. */
bool slu_run_take_seal(struct slu_run *run);

/* The oldest script, NULL for none. */
struct slu_script *slu_run_head(const struct slu_run *run);
/* The same one's parcel; NULL for none, or when it seals. */
const struct slu_parcel *slu_run_head_parcel(const struct slu_run *run);
/* Rows of the head's were refused: pg_parcel.h. Makes its script anew if that is to be said now. */
enum slu_blame slu_run_blame_head(struct slu_run *run, const struct slu_span *span, bool copied,
                                  struct slu_trouble *trouble,
                                  const struct slu_script_terms *terms);
/* The stream of the head's `span` can't be written at all: halts it, and makes the script anew.
 * Returns SLU_BLAME_ROW, or SLU_BLAME_PASSING when out of memory. */
enum slu_blame slu_run_halt_stream(struct slu_run *run, const struct slu_span *span,
                                   const struct slu_trouble *trouble,
                                   const struct slu_script_terms *terms);
/* Streams that were halted for SLU_HALTED_NS are tried again. */
#define SLU_HALTED_NS sluice_seconds(60)
void slu_run_resume(struct slu_run *run, uint64_t now_ns);
/* It is in the database. */
void slu_run_pop(struct slu_run *run);

/* What the database has lost of what was committed, if it stands behind that (`told`). */
struct slu_loss {
	uint64_t records;
	size_t lanes;      /* that lost some */
	size_t lane;       /* the first of them, */
	uint64_t from, to; /* and the sequences it lost */
};

/* Returns false when the database does not stand behind what was committed. */
bool slu_run_loss(const struct slu_run *run, struct slu_loss *loss);

/* A fresh session has filled `told`: where the database stands. The first one tells `positions`; a
 * later one tells whether the head, whose reply may have got lost, is there, and it is popped if
 * so. Returns false for positions that this run never wrote. */
bool slu_run_resolve(struct slu_run *run);

#endif
