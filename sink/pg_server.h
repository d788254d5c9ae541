/* SPDX-License-Identifier: MIT */
/*
 * pg_server.h - which server answers: the one that was written to before, a copy of it that was
 * promoted since, or another.
 *
 * This tells of a wrong server on the port, and of a former primary that came back. Whether a copy
 * has all that was committed is another question: pg_run.h.
 */
#ifndef SINK_PG_SERVER_H
#define SINK_PG_SERVER_H

#include "sink/pg_error.h"

#include <stdbool.h>
#include <stdint.h>

struct slu_server {
	uint64_t system;   /* of a cluster and its physical copies, since initdb; 0: none yet */
	uint32_t timeline; /* grows with each promotion and each restore; 0: a standby */
};

/* One row; takes no parameters. */
extern const char slu_server_sql[];

/* Reads the answer. */
void slu_server_read(struct slu_server *server, const PGresult *result);

/* Whether batches that went to `before` may go on to `now`. If not, `trouble` says why. */
bool slu_server_follows(const struct slu_server *before, const struct slu_server *now,
                        struct slu_trouble *trouble);

/* Whether `now`, which follows, was promoted or restored since. */
bool slu_server_moved(const struct slu_server *before, const struct slu_server *now);

#endif
