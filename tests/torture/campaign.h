/* SPDX-License-Identifier: MIT */
/*
 * campaign.h - ten lives of a process on one directory and one database, and what is left of them.
 *
 *      [a run, killed -> sometimes one that closes]*  ->  one that closes  ->  the oracle
 *
 * All is drawn from a seed: the story, when each run is killed, also while it recovers what the one
 * before left, and when the server is killed or away. (How far each gets is up to the machine.)
 */
#ifndef TESTS_TORTURE_CAMPAIGN_H
#define TESTS_TORTURE_CAMPAIGN_H

#include "tests/torture/lane_directory.h"
#include "tests/torture/oracle.h"

struct slu_disposable;

#define CAMPAIGN_CYCLES 10

struct campaign {
	struct slu_disposable *server;
	char *dsn; /* of the database */
	PGconn *connection;
	struct lane_directory directory;
	struct witness *witness;
	struct oracle oracle;
	char trouble[512]; /* why it could not be run to its end; "" if it was */
	/* what has been done */
	int64_t kills, kills_in_recovery, server_kills;
};

/* A server, a database with the tables, a directory. Aborts without. */
void campaign_open(struct campaign *campaign);
void campaign_close(struct campaign *campaign);

/* Runs the campaign of this seed, on empty tables. True: the oracle agrees. Else `trouble` or the
 * oracle's finding tells. */
bool campaign_run(struct campaign *campaign, uint64_t seed, int cycles);

#endif
