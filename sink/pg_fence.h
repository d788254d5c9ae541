/* SPDX-License-Identifier: MIT */
/*
 * pg_fence.h - the row of sluice.lane that makes a batch count once.
 *
 *      first connect open    takes the run over: owner = us         both: epoch = epoch + 1, tell
 *      every other   keep    if the owner is still us                `applied`, wait out a session
 *                                                                    left behind
 *      first in      move    applied: from -> to, if generation, epoch and `from` are still so and
 *      every batch           the run is not sealed; otherwise an error, and nothing of the
 *                            transaction remains
 *      at the end    seal    the run has ended, all of it is here; likewise. It never moves again
 *
 * Rows and `applied` change in one transaction, or neither does. So after a reply was lost
 * `applied` tells whether the batch is there, and asking cannot come too early: `open` waits for
 * the row lock of a backend that still works on it, and one that has not begun yet finds another
 * epoch.
 */
#ifndef SINK_PG_FENCE_H
#define SINK_PG_FENCE_H

#include "sink/pg_buffer.h"

#include <sluice/stream.h>

/* Parameters in binary: generation uuid, owner bigint, applied bigint[] (all 0: used if the row is
 * new). One row: epoch, applied, whether sealed, whether we are the owner. */
extern const char slu_fence_open_sql[];

/* The same for a run that has a row. Parameters in binary: generation uuid, owner bigint. No row if
 * it has none, and then none is made. */
extern const char slu_fence_reopen_sql[];

/* The same, but takes nothing over. */
extern const char slu_fence_keep_sql[];

/* Parameters in binary: generation uuid, epoch bigint, from bigint[], to bigint[]. Raises 22012
 * (division by zero) unless exactly one row moved. */
extern const char slu_fence_move_sql[];

/* Parameters in binary: generation uuid, epoch bigint, applied bigint[]. Raises as a move. */
extern const char slu_fence_seal_sql[];

/* A run's name as the database prints it, and its lane file is called. */
#define SLU_RUN_NAME_SIZE 37
const char *slu_fence_run_name(const struct sluice_uuid *generation, char name[SLU_RUN_NAME_SIZE]);

/* Puts the same statement with its values printed, for where parameters can't go. They are integers
 * and a uuid, in digits of our own making. Ends without ";". */
void slu_fence_print(struct slu_buffer *text, const struct sluice_uuid *generation, uint64_t epoch,
                     const uint64_t *from, const uint64_t *to, size_t lane_count);

/* The bytes that slu_fence_print needs at most. */
size_t slu_fence_print_size(size_t lane_count);

#endif
