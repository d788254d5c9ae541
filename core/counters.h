/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what the flusher has done, as one consistent picture for any thread.
 *
 * A sequence lock: the flusher writes and never waits; a reader copies, and starts again if the
 * flusher wrote meanwhile. All accesses are ordered, there are no fences, so ThreadSanitizer sees all.
 *
 * E7  sequence made odd -> the words, by their own release. Else a reader takes a half-new picture
 *     for an old one.
 * E8  sequence made even: release -> acquire by the reader. Else it takes words from before.
 * E9  words: acquire by the reader -> its second look at the sequence. Else that look comes too early.
 */
#ifndef SLU_COUNTERS_H
#define SLU_COUNTERS_H

#include "core/histogram.h"

#include <sluice/sluice.h>

/* Records of one stream. */
struct slu_stream_count {
	uint64_t seen; /* in the lanes */
	uint64_t committed;
	uint64_t coalesced;
	uint64_t dead_lettered;
};

/* Only 64-bit words, so that a picture is an array of them. */
struct slu_picture {
	uint64_t committed;
	uint64_t coalesced;
	uint64_t dead_lettered;
	uint64_t acknowledged; /* records, all lanes: what the three above must come to */
	uint64_t batches;
	uint64_t reconnects;
	uint64_t halted_streams;
	uint64_t unreplicated;
	uint64_t high_lanes;
	uint64_t high_times;
	uint64_t grace_periods;
	uint64_t state; /* enum sluice_state */
	uint64_t state_since_ns;
	uint64_t oldest_ns; /* when the oldest record not yet committed was put, 0 when there is
	                       none */
	uint64_t stalled_since_ns; /* a grace period waits since then; 0: none has for long */
	uint64_t stalled_lane;     /* for this lane's engine */
	struct slu_stream_count by_stream[SLUICE_STREAMS_MAX];
	struct sluice_former former;
	char reason[256];
};

/* Nothing goes on before an operator acts. */
static inline bool slu_picture_stopped(const struct slu_picture *picture)
{
	return picture->state == SLUICE_STATE_HALTED || picture->state == SLUICE_STATE_FENCED;
}

#define SLU_PICTURE_WORDS (sizeof(struct slu_picture) / sizeof(uint64_t))

struct slu_counters {
	_Atomic uint64_t sequence;
	_Atomic uint64_t words[SLU_PICTURE_WORDS];
	struct slu_histogram commit_lag; /* ns */
};

/* Thread: the flusher. */
void slu_counters_publish(struct slu_counters *counters, const struct slu_picture *picture);
/* Thread: any.  Progress: ends as soon as the flusher leaves it alone for a copy's time. */
void slu_counters_read(struct slu_counters *counters, struct slu_picture *picture);

#endif
