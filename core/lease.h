/* SPDX-License-Identifier: MIT */
/*
 * lease.h - who may put into a lane: one at a time.
 *
 *      leased    options.lanes of them, each to one thread until it detaches or ends
 *      shared    the options.shared_lanes behind those, each borrowed for the duration of one call
 *
 * LE1 A lane has one producer at any instant. A leased one by agreement: its handle is the
 *     thread's. A shared one by `borrowed`: a call takes it and gives it back, and never waits for
 *     it.
 * LE2 A lane that changes hands is whole: what an abandoned call had committed is accepted and
 *     published, its section is left, its reserve forgotten, its spare entries given up
 *     (slu_lease_mend).
 *
 * E11 lane.borrowed: release by who gives it back -> acquire by the next borrower. Else that one
 *     starts from an older position, and writes over a record that is accepted.
 *
 * The handle of the shared lanes is a lane without slots, whose section is odd for ever. So the hot
 * path of leased lanes does not know of it: what keeps signal handlers out (grace.h) leads here,
 * too.
 */
#ifndef SLU_LEASE_H
#define SLU_LEASE_H

#include "core/instance.h"

/* What the handle's `refusal` says while the instance is open. No caller ever hears it. */
#define SLU_SHARED ((enum sluice_status)0x100)

/* Which shared lane a thread tries first: its core's, so that two threads rarely meet. */
size_t slu_lease_nearest(void);
/* A shared lane, the caller's until it is given back, number `first` if it is free; NULL when all
 * stay borrowed for as long as some calls take. `handle` is sluice_shared's, not refused.  Thread:
 * any, also in a signal handler.  Progress: wait-free. */
struct sluice_lane *slu_lease_borrow(struct sluice_lane *handle, size_t first);
void slu_lease_give_back(struct sluice_lane *lane);

/* Makes a lane whole whose producer is gone (LE2). The caller excludes producers, and close. */
void slu_lease_mend(struct sluice_lane *lane);

/* ---- the instance's end ---- */

/* From now on every lane answers SLUICE_CLOSED, and no thread's end touches one any more. Nothing
 * has been freed yet. */
void slu_lease_close(struct sluice *sluice);
/* The same in a forked child, which has no slots to mend: every lane answers `why`.  Thread: the
 * child's only one. */
void slu_lease_orphan(struct sluice *sluice, enum sluice_status why);
/* Nobody can call any more, the heads of the lanes are about to be freed.  The caller holds the
 * registry's lock. */
void slu_lease_free(struct sluice *sluice);

#endif
