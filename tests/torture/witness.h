/* SPDX-License-Identifier: MIT */
/*
 * witness.h - what the engines meant to put, and what was accepted: in memory of the parent, so
 * that it outlives every process that writes there.
 *
 * An engine says which step it begins, puts, and says that it was accepted. So of a killed run all
 * steps up to `accepted` must be found, the one more that `intended` tells may be, and nothing
 * else.
 */
#ifndef TESTS_TORTURE_WITNESS_H
#define TESTS_TORTURE_WITNESS_H

#include "tests/torture/story.h"

#include <stdatomic.h>

#define WITNESS_RUNS_MAX 64
#define WITNESS_ENGINES 3
#define WITNESS_SHARED_ENGINE 2 /* it puts through a shared lane */

enum witness_phase { WITNESS_OPENING, WITNESS_RUNNING, WITNESS_CLOSING, WITNESS_CLOSED };

struct witness_engine {
	_Alignas(64) _Atomic int64_t intended;
	_Atomic int64_t accepted;
};

struct witness_run {
	struct witness_engine engines[WITNESS_ENGINES];
	_Atomic int phase;
	_Atomic int ended;           /* engines that have taken all their steps */
	char standing[256];          /* the instance's state and reason, as last seen */
	char generation[37];         /* as the parent found it in the directory; "" if none */
	struct sluice_report report; /* of a run that closed */
	struct sluice_former former; /* the same */
};

struct witness {
	uint64_t seed;
	int32_t run_count;
	bool closes;       /* the run to come does, when its engines have taken their steps */
	char failure[256]; /* what a run found wrong by itself */
	struct witness_run runs[WITNESS_RUNS_MAX];
};

struct witness *witness_make(void);
/* A new story. */
void witness_clear(struct witness *witness, uint64_t seed);

/* A process' part: opens an instance in `directory` with a sink to `dsn`, and lets the engines take
 * their `step_max` steps in `run`; then it waits to be killed, or closes. Any trouble
 * of its own goes to `failure`. */
void witness_run(struct witness *witness, int32_t run, const char *directory, const char *dsn,
                 int64_t step_max);

#endif
