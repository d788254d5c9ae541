/* SPDX-License-Identifier: MIT */
/*
 * overflow.h - what becomes of a put that finds no room in its lane, stream by stream.
 *
 *      fail    the engine hears SLUICE_FULL                           any stream
 *      block   it waits for room, and hears it when its time is up    any stream
 *      drop    the record is gone, and counted                        streams that are declared lossy
 *
 * Records of streams that drop have a share of each lane and no more (lossy.h): however many there are,
 * they never take the room of the others.
 */
#ifndef SLU_OVERFLOW_H
#define SLU_OVERFLOW_H

#include "core/lane.h"

enum slu_overflow_kind {
	SLU_OVERFLOW_FAIL = 0,
	SLU_OVERFLOW_BLOCK,
	SLU_OVERFLOW_DROP,
};

struct slu_overflow {
	enum slu_overflow_kind kind;
	uint64_t block_ns;
};

/* Reads option overflow into one policy a stream. Returns SLUICE_OK, or SLUICE_INVALID with `error`
 * naming what is wrong. */
enum sluice_status slu_overflow_read(const char *text, const struct sluice_streams *streams,
                                     struct slu_overflow policies[SLUICE_STREAMS_MAX],
                                     struct sluice_error *error);

/* ---- what was dropped, for the log ---- */

struct slu_drops {
	const struct sluice_streams *streams;
	bool possible; /* one of the streams drops */
	void (*log)(void *context, const char *line);
	void *log_context;
	uint64_t told[SLUICE_STREAMS_MAX];
	uint64_t next_ns; /* when to look again */
};

/* Records of one stream dropped on any of the lanes. */
uint64_t slu_drops_of(const struct sluice_lane *lanes, size_t lane_count, size_t stream);

/* Once a second, one line a stream that has dropped since. Thread: the flusher. */
void slu_drops_tell(struct slu_drops *drops, const struct sluice_lane *lanes, size_t lane_count,
                    uint64_t now_ns);

#endif
