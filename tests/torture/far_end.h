/* SPDX-License-Identifier: MIT */
/*
 * far_end.h - a database of shared memory: it outlives the process that writes to it.
 *
 * Its owner makes it, then forks writers, each with a sink of its own. A transaction is there when
 * the count of transactions has moved, and not before, so a writer may be killed anywhere. As the
 * real one it keeps the positions of every generation, and refuses a batch that does not begin
 * there: that, and whatever else the flusher must not do, is a violation, which the owner looks
 * for.
 */
#ifndef TESTS_TORTURE_FAR_END_H
#define TESTS_TORTURE_FAR_END_H

#include <sluice/sink.h>

#include <stdatomic.h>

#define FAR_RECORD_SIZE 112
#define FAR_LANES_MAX 72

struct far_row {
	const struct sluice_stream *stream; /* the same in all processes: they are forks */
	uint64_t version;
	bool removed;
	_Alignas(16) unsigned char record[FAR_RECORD_SIZE];
};

struct far_transaction {
	struct sluice_uuid generation;
	bool seal;
	size_t row_end; /* of all rows up to and with this transaction's */
	uint64_t to[FAR_LANES_MAX];
};

struct far_end {
	_Atomic bool away;       /* takes nothing; what it has taken is committed */
	_Atomic int flusher_tid; /* of the thread that last called */
	_Atomic size_t transaction_count;
	char violation[128]; /* the first, "" if none */
	size_t transaction_max, row_max;
	struct far_transaction *transactions;
	struct far_row *rows;
	size_t size; /* of all this, bytes */
};

/* Room for so many. Aborts when there is no memory. */
struct far_end *far_end_make(size_t transaction_max, size_t row_max);
void far_end_free(struct far_end *far_end);
/* Forgets everything. Nobody writes meanwhile. */
void far_end_clear(struct far_end *far_end);

/* A sink that writes there. */
struct sluice_sink *far_end_sink(struct far_end *far_end);

size_t far_end_row_count(const struct far_end *far_end);
/* Records that the positions of all generations cover: rows, and what was coalesced. */
uint64_t far_end_applied(const struct far_end *far_end);

#endif
