/* SPDX-License-Identifier: MIT */
/*
 * pg_dial_attempts.h - why each host of a round was passed over, and what that makes together.
 */
#ifndef SINK_PG_DIAL_ATTEMPTS_H
#define SINK_PG_DIAL_ATTEMPTS_H

#include "sink/pg_error.h"

#define SLU_ATTEMPTS_MAX 8 /* told of one round; later ones only count */
#define SLU_PLACE_SIZE 128

struct slu_attempt {
	char place[SLU_PLACE_SIZE];
	struct slu_trouble trouble; /* its reason without the place */
};

struct slu_attempts {
	struct slu_attempt list[SLU_ATTEMPTS_MAX];
	size_t count; /* without those that say the same of the same place */
};

/* Adds one that failed. */
void slu_attempts_add(struct slu_attempts *attempts, const char *place,
                      const struct slu_trouble *trouble);

/* All of them in one sentence, each with its place. */
void slu_attempts_sum(const struct slu_attempts *attempts, struct slu_trouble *trouble);

/* Fills `trouble` from a connection that failed while it was dialed, and was told to be verbose: so
 * the SQLSTATE is found, which libpq keeps to itself until there is a session. Whatever it is, it is
 * tried again: passwords rotate, servers start, databases are restored. */
void slu_trouble_of_dial(struct slu_trouble *trouble, const PGconn *connection);

#endif
