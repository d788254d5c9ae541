/* SPDX-License-Identifier: MIT */
/*
 * lanes_stage.h - an engine that dies, what it leaves, and the program that is asked about it.
 *
 *      samples     append   a column of every type that a record can hold
 *      states      state    the same with a key and a version
 *
 * The engine is a process of its own.
 */
#ifndef TESTS_CONTRACT_LANES_STAGE_H
#define TESTS_CONTRACT_LANES_STAGE_H

#include "tests/contract/every.h"
#include "tests/contract/program.h"

#include <sluice/sluice.h>

#include <jansson.h>
#include <sys/types.h>

enum {
	STAGE_SAMPLES = 200,
	STAGE_STATES = 60, /* keys; put twice each */
	STAGE_REMOVED = 5, /* of them, after that; and one key that never was */
	STAGE_RECORDS = STAGE_SAMPLES + 2 * STAGE_STATES + STAGE_REMOVED + 1,
};

struct stage {
	char directory[64];
	char *dsn;
	PGconn *connection; /* UTC, ISO */
	struct sluice_column columns[64];
	struct sluice_stream samples, states;
	const struct sluice_stream *pointers[2];
	struct sluice_streams streams;
};

/* A database with the tables, Sluice's own among them, and a directory that is not there yet. */
void stage_open(struct stage *stage);
void stage_close(struct stage *stage);

/* Starts an engine that has accepted all records, and waits. `seed`: for their values. */
pid_t stage_engine(struct stage *stage, uint64_t seed);
/* The same, but this one reaches the database, and all is committed. */
pid_t stage_committed_engine(struct stage *stage, uint64_t seed);
/* SIGKILL. */
void stage_kill(pid_t engine);

/* Runs `sluice lanes ARGUMENT..`, up to a NULL, in a process of its own. */
struct said stage_run(const char *argument, ...);
/* The same, but kills it after a while, if it is not done by then. */
void stage_run_and_kill(struct stage *stage, const char *operation, const char *option,
                        unsigned after_us);

/* The value as psql prints it: NULL for null, and for what is no value. */
const char *stage_printed(const json_t *value, char words[24]);

/* The only lane file's path. */
const char *stage_file(const struct stage *stage);

#endif
