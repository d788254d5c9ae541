/* SPDX-License-Identifier: MIT */
/*
 * registry.h - all instances of the process, open and closed.
 *
 * A forked child inherits the handles, but neither the flusher thread nor the lanes: every instance
 * here is marked in the child, and answers SLUICE_FORKED. Closed ones stay listed, for their
 * handles stay valid.
 */
#ifndef SLU_REGISTRY_H
#define SLU_REGISTRY_H

#include "core/instance.h"

/* Also guards who leases which lane (lease.h). Held for moments only, and never in a signal
 * handler; a fork waits for it, so that a child finds whole lists. */
void slu_registry_lock(void);
void slu_registry_unlock(void);

void slu_registry_enter(struct sluice *sluice);
/* The instance is about to be freed. */
void slu_registry_leave(struct sluice *sluice);

#endif
