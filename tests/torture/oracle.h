/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - whether a database holds what was accepted: all of it, once, intact, in order, and
 * nothing else.
 *
 * It knows the story and the witness, and asks the database for every row: nothing is sampled.
 *
 *      event     the rows, with the place in which each was inserted and its transaction
 *      holding   the newest state of each key
 *      sight     every state of a key that was ever visible: written by triggers
 *
 * tests/torture/oracle_sees.c corrupts each of these, and the witness, and wants it found.
 */
#ifndef TESTS_TORTURE_ORACLE_H
#define TESTS_TORTURE_ORACLE_H

#include "tests/torture/witness.h"

#include <libpq-fe.h>

/* Makes the tables, triggers included. */
extern const char oracle_sql[];

struct oracle {
	const struct witness *witness;
	PGconn *connection;
	char finding[400]; /* the first thing wrong */
	/* what it has looked at */
	int64_t events, holdings, sights;
	int64_t in_flight; /* steps that a kill cut short, */
	int64_t landed;    /* and of which an event or a visible state came of it */
};

/* Asks everything. All runs have ended and all has been carried. False: see `finding`. */
bool oracle_agrees(struct oracle *oracle, const struct witness *witness, PGconn *connection);

/* ---- between the oracle's files ---- */

/* Notes what is wrong, unless something was already. Returns false. */
bool oracle_finds(struct oracle *oracle, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A query's answer, with all values in binary. Aborts when the database does not answer. */
PGresult *oracle_ask(struct oracle *oracle, const char *sql);
int64_t oracle_int8(const PGresult *result, int row, int column);
int32_t oracle_int4(const PGresult *result, int row, int column);

int64_t oracle_accepted(const struct oracle *oracle, int32_t run, int32_t engine);
int64_t oracle_intended(const struct oracle *oracle, int32_t run, int32_t engine);

bool oracle_checks_events(struct oracle *oracle);
bool oracle_checks_states(struct oracle *oracle); /* holding and sight */

#endif
