/* SPDX-License-Identifier: MIT */
/*
 * flusher.h - carries records from the lanes to the sink, in batches, at its own pace.
 *
 * A step function that never blocks, and the thread that calls it. The fields above the line belong
 * to that thread alone; other threads ask through the words below it and read the counters.
 */
#ifndef SLU_FLUSHER_H
#define SLU_FLUSHER_H

#include "core/budget.h"
#include "core/counters.h"
#include "core/grace.h"
#include "core/overflow.h"
#include "core/pressure.h"
#include "core/recovery.h"
#include "core/wire.h"

/* A lane's positions when the running grace period began. */
struct slu_stage {
	uint64_t acknowledged;
	uint64_t published;
	uint64_t installed;
};

struct slu_flusher {
	struct slu_env *env;
	struct sluice_sink *sink;
	struct sluice_lane *lanes;
	size_t lane_count;
	struct slu_cache *caches;
	const struct sluice_streams *streams;
	struct slu_epoch *epoch;
	struct slu_recovery *recovery; /* what former runs left: carried before anything else */
	struct sluice_generation generation;
	_Atomic uint64_t *known_to_sink; /* the generation, written down in its file */

	/* budget: copies of the words below; rows and bytes are the wire's */
	uint64_t flush_delay_ns;
	uint64_t poll_ns;      /* how often it looks into the lanes while records come, */
	uint64_t idle_poll_ns; /* and while none do */

	/* gather */
	uint64_t next_scan_ns;
	uint64_t limit;         /* the last epoch that ended before the lanes were last read */
	uint64_t waiting_bytes; /* of the records seen and not gathered */
	uint32_t hurry_served;

	/* write */
	bool begun; /* the sink knows the generation: the wire may be used */
	bool sealing;
	struct slu_wire wire;
	uint64_t cuts; /* of all wires */
	struct sluice_sink_progress progress;

	/* release */
	struct slu_grace grace;
	struct slu_stage *stages;

	struct slu_pressure pressure;
	struct slu_drops drops;
	struct slu_picture picture;

	/* ---- shared with any thread ---- */
	struct slu_counters counters;
	struct slu_budget budget;
	_Atomic uint32_t news;    /* moves when a batch was acknowledged or the state changed */
	_Atomic uint32_t waiters; /* threads that sleep on `news` */
	_Atomic uint32_t hurry;   /* moves when somebody wants no delay for what is accepted now */
	_Atomic uint64_t stop_ns; /* 0: run; else end when drained, or at this time */
};

/* One cycle. Returns the monotonic time at which the next is due at the latest. */
uint64_t slu_flusher_step(struct slu_flusher *flusher, uint64_t now_ns);

/* Whether everything accepted, by former runs too, is acknowledged. Exact while no engine puts. */
bool slu_flusher_drained(const struct slu_flusher *flusher);

/* Steps and sleeps until told to stop. The thread's main function. */
void *slu_flusher_run(void *flusher);

#endif
