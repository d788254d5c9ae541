/* SPDX-License-Identifier: MIT */
/*
 * pg_fence.h - the row of sluice.lane that makes a batch count once.
 *
 *      every connect look    whose it is, and its epoch; over if it was ours and is another's
 *                    end     a session left behind that is still at work on it
 *                    make    a row that was not there, epoch 1     or, if the epoch is still so,
 *                    take    owner = us, epoch = epoch + 1         wait until that session is gone;
 *                                                                  both tell `applied`
 *      first in      move    applied: from -> to, if generation, epoch and `from` are still so and
 *      every batch           the run is not sealed; otherwise an error, and nothing of the
 *                            transaction remains
 *      at the end    seal    the run has ended, all of it is here; likewise. It never moves again
 *
 * Rows and `applied` change in one transaction, or neither does. So after a reply was lost
 * `applied` tells whether the batch is there, and asking cannot come too early: `take` waits for
 * the row lock of a backend that still works on it, and one that has not begun yet finds another
 * epoch. So does the `take` of a process that died after it had sent it: it changes nothing once a
 * successor has taken the run.
 */
#ifndef SINK_PG_FENCE_H
#define SINK_PG_FENCE_H

#include "sink/pg_buffer.h"

#include <sluice/stream.h>

/* Parameters in binary: generation uuid, owner bigint. One row: epoch, whether we are the owner; or
 * none. Takes no lock. */
extern const char slu_fence_look_sql[];

/* Parameters in binary: generation uuid. One row for each session of our role that has the row locked,
 * which is told to end: a client that is cut off in the middle of a batch leaves one. Waits for
 * nothing; `take` does. */
extern const char slu_fence_end_sql[];

/* Parameters in binary: generation uuid, owner bigint, applied bigint[] (all 0). One row: epoch,
 * applied, whether sealed. None if another was quicker. */
extern const char slu_fence_make_sql[];

/* Parameters in binary: generation uuid, owner bigint, epoch bigint as it was seen. As make. */
extern const char slu_fence_take_sql[];

/* Parameters in binary: generation uuid, epoch bigint, from bigint[], to bigint[]. Raises 22012
 * (division by zero) unless exactly one row moved. One row: 1; whether the commit will wait for a
 * standby. */
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
