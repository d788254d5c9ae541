/* SPDX-License-Identifier: MIT */
/*
 * batch.h - cuts the next batch out of the lanes.
 *
 *      lane 0  e5 e5 e6 | e8        a cut at epoch 7: whole epochs, oldest first, as many as the
 *      lane 1  e4 e7 e7 | e8 e9     budget allows
 *      -> rows by stream; of a state stream the newest version of each key, in the order of the keys
 *
 * B1  A cut takes whole epochs in order, so it is closed under causes (epoch.h). One epoch may be
 *     larger than the budget: it is then a batch of its own.
 * B2  A version older than one already given to the sink is coalesced, not sent: an engine that was
 *     slow to commit may bring it after a newer one. So the versions of a key reach the sink in order,
 *     each at most once. A run that recovers these lanes may not find the newer one any more, so such
 *     a slot is marked stale (flusher.c) before the newer one's can be released.
 * B3  Every record of the cut is a row or is coalesced: row_count + coalesced = sum of to - from.
 */
#ifndef SLU_BATCH_H
#define SLU_BATCH_H

#include "core/cache.h"

#include <sluice/sink.h>

#define SLU_LAGS 64

/* So many records were put in an epoch that began then. */
struct slu_lag {
	uint64_t began_ns;
	uint64_t records;
};

/* What is left to know of a batch once the sink has it. */
struct slu_summary {
	uint64_t number;
	uint64_t row_count;
	uint64_t coalesced;
	/* the same by stream */
	uint64_t rows_of[SLUICE_STREAMS_MAX];
	uint64_t coalesced_of[SLUICE_STREAMS_MAX];
	uint64_t bytes;
	uint64_t *to; /* one position a lane */
	struct slu_lag lags[SLU_LAGS];
	size_t lag_count;
};

struct slu_batch {
	/* what it is made of: set at open */
	struct sluice_lane *lanes;
	size_t lane_count;
	struct slu_cache *caches; /* by stream index; unused for append streams */
	const struct sluice_streams *streams;
	const struct slu_epoch *epoch;
	uint64_t row_max, byte_max; /* the budget */
	uint64_t *cuts; /* the flusher's count of cuts: numbers start anew with each generation */

	/* the batch being made */
	struct sluice_row *rows; /* room for every slot of every lane */
	size_t rows_size;        /* bytes */
	struct sluice_part parts[SLUICE_STREAMS_MAX];
	uint64_t *from;
	uint64_t *cursor; /* scratch of the cut */
	struct sluice_batch view;
	struct slu_summary summary;
};

/* Memory for a batch out of `lane_count` lanes of `slot_count` slots, when all but that is filled.
 * False when there is none; close it in any case. */
bool slu_batch_open(struct slu_batch *batch, struct slu_env *env, uint64_t slot_count);
void slu_batch_close(struct slu_batch *batch, struct slu_env *env);

/* Cuts what is published up to each lane's `seen` and stamped <= `limit`, within the budget, as
 * batch `number`. Sets `view` and `summary`, and counts the records as given to the sink. False
 * when there is nothing to cut. */
bool slu_batch_cut(struct slu_batch *batch, uint64_t limit, uint64_t number);

#endif
