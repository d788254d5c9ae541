/* SPDX-License-Identifier: MIT */
/*
 * load_set.h - a reader: a few seats (load_seat.h), lent to one call each.
 *
 * LS1 A seat that is lent belongs to its call; state and counters belong to the lock.
 * LS2 There are never more server sessions than seats: one that a call gave up on keeps its seat.
 * LS3 The lock is held for no query and no dial.
 */
#ifndef SINK_LOAD_SET_H
#define SINK_LOAD_SET_H

#include "sink/load_seat.h"

#include <pthread.h>

struct sluice_reader {
	struct slu_seat_terms terms;
	pthread_mutex_t lock;
	pthread_cond_t freed; /* a seat, or something new of one */
	struct slu_seat seats[SLUICE_READER_CONNECTIONS_MAX];
	struct sluice_reader_stats stats;
};

/* Lends a seat with a session, made if need be; waits for one until `until_ns`. Returns SLUICE_OK,
 * SLUICE_TIMEOUT, SLUICE_FAILED (no server). */
enum sluice_status slu_set_borrow(struct sluice_reader *reader, uint64_t until_ns,
                                  struct slu_seat **seat, struct sluice_error *error);
/* A seat in the middle of a transaction loses its session. */
void slu_set_give_back(struct sluice_reader *reader, struct slu_seat *seat);

/* Gives the seat another session. As slu_set_borrow; the seat stays lent in any case. */
enum sluice_status slu_set_renew(struct sluice_reader *reader, struct slu_seat *seat,
                                 uint64_t until_ns, struct sluice_error *error);

void slu_set_count_rows(struct sluice_reader *reader, uint64_t rows);

/* Asks whether the set fits the server beside all others, and keeps what it told. Returns
 * SLUICE_OK, SLUICE_FULL, or as slu_seat_ask. `seat` has the set's only session. */
enum sluice_status slu_set_check(struct sluice_reader *reader, struct slu_seat *seat,
                                 uint64_t until_ns, struct sluice_error *error);

#endif
