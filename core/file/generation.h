/* SPDX-License-Identifier: MIT */
/*
 * generation.h - the memory of one run's lanes: a file that outlives the process, or anonymous.
 *
 *      header   4 KiB, written once before anybody puts: magic, format, sizes, generation, boot,
 *               pid, and a checksum
 *      schema   the streams' descriptors, so that any program can read the records; checksummed
 *      hints    a cell a lane, written by the flusher
 *      lanes    lane 0's slots, lane 1's slots..  (lane.h)
 *
 * A file is made under a temporary name, filled with real blocks (never sparse: a hole in a full
 * file system is a SIGBUS in an engine thread), and renamed when it is complete. It is never
 * appended to by another run, never synced: it survives the process, not the machine.
 *
 * Recovery (reader.h) trusts the slots alone. Exactly-once does not depend on the hints; they tell
 * how far the lanes were known to reach, so that a missing end is noticed.
 */
#ifndef SLU_FILE_GENERATION_H
#define SLU_FILE_GENERATION_H

#include "core/file/directory.h"

#include <sluice/stream.h>

#include <stdatomic.h>

#define SLU_GENERATION_FORMAT 1

/* Written by the flusher, one pair of cache lines a lane. */
struct slu_lane_hint {
	_Atomic uint64_t seen;         /* records published, as far as the flusher looked */
	_Atomic uint64_t acknowledged; /* of these committed */
	unsigned char unused[112];
};

_Static_assert(sizeof(struct slu_lane_hint) == 128, "a hint is a pair of cache lines");

struct slu_generation_plan {
	struct sluice_uuid generation;
	const struct sluice_streams *streams;
	uint64_t lane_count;
	uint64_t slot_count; /* of a lane; a power of two */
	uint64_t slot_size;
	uint64_t first_version; /* versions of this run's records are above it */
	bool lock_memory;       /* mlock, or fail */
};

struct slu_generation {
	char name[SLU_FILE_NAME_SIZE]; /* of the file; "" for anonymous memory */
	unsigned char *memory;
	size_t memory_size;
	struct slu_lane_hint *hints;     /* one a lane */
	_Atomic uint64_t *known_to_sink; /* 1 once the sink has written down this generation */
	unsigned char *lanes;            /* lane 0's first slot, on a page boundary */
	size_t lane_size;                /* bytes from one lane to the next: whole pages */
};

/* Makes the file in `directory`, or takes anonymous memory when that is NULL. All of it is zeroed,
 * touched, and kept from forked children and core dumps. Returns SLUICE_OK; SLUICE_INVALID when
 * the streams contradict themselves; or SLUICE_FAILED with what the system refused and how to mend
 * it. Then nothing is left behind. */
enum sluice_status slu_generation_create(struct slu_generation *generation, struct slu_env *env,
                                         struct slu_directory *directory,
                                         const struct slu_generation_plan *plan,
                                         struct sluice_error *error);
/* Unmaps; the file stays. */
void slu_generation_close(struct slu_generation *generation, struct slu_env *env);

#endif
