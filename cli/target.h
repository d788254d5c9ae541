/* SPDX-License-Identifier: MIT */
/*
 * target.h - the database that the demo plays into: the user's, or a disposable server of its own.
 *
 * Everything here is cold: connect, migrate, announce the run, read for the verification.
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "cli/day.h"

#include <sluice/sluice.h>

#include <libpq-fe.h>
#include <stdio.h>

struct slu_disposable;

struct slu_target {
	const char *conninfo;          /* may hold a password: never printed */
	struct slu_disposable *server; /* NULL: the database is the user's */
	char description[200];         /* for a human, filled by open */
};

/* All return SLUICE_OK, or another status with `error` filled. */

/* Connects to `dsn`, which libpq can parse, or starts a server when it is NULL; and migrates. Close
 * it also on failure. */
SLUICE_MUST_CHECK enum sluice_status slu_target_open(struct slu_target *target, const char *dsn,
                                                     struct sluice_error *error);
/* A connection of one's own; NULL with `error`. PQfinish it. */
SLUICE_MUST_CHECK PGconn *slu_target_connect(const struct slu_target *target,
                                             struct sluice_error *error);
/* Makes each source's provider row if it is missing, and claims day->repeats numbers there: no
 * other run, also one at the same time, gets the same. Fills provider_id and repeat_first. */
SLUICE_MUST_CHECK enum sluice_status slu_target_announce(const struct slu_target *target,
                                                         struct slu_day *day,
                                                         struct sluice_error *error);
/* Kills the disposable server at once, and starts it again. */
SLUICE_MUST_CHECK enum sluice_status slu_target_kill(struct slu_target *target,
                                                     struct sluice_error *error);
/* Leaves the disposable server running when we are gone, and tells `out` how to reach and to stop
 * it. Closes the target. */
SLUICE_MUST_CHECK enum sluice_status slu_target_keep(struct slu_target *target, FILE *out,
                                                     struct sluice_error *error);
/* Stops and removes the disposable server, if there is one. */
enum sluice_status slu_target_close(struct slu_target *target, struct sluice_error *error);

#endif
