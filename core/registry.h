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

void slu_registry_enter(struct sluice *sluice);
void slu_registry_leave(struct sluice *sluice);

#endif
