/* SPDX-License-Identifier: MIT */
/*
 * recovery.h - what former runs left in their files is carried before anything newer.
 *
 *      open      judge every file; the newest value of each pending key goes into the cache
 *      flusher   for each file, oldest first:
 *                  load -> begin its generation -> carry the rest -> seal -> remove the file
 *
 * R1  Where a generation stopped is asked of the database, never of the file: what the fence has
 *     applied is not sent again, everything after it is. So each record arrives once, however often
 *     the recovery itself is killed.
 * R2  A file is removed when all of it is committed and its generation is sealed, and before the next
 *     one is begun. Until then it is only read.
 * R3  A batch of the living run is never sent before the last file is gone: the records of a lane,
 *     and so the versions of a key, arrive in order across runs.
 * R4  A file that can't be carried is never skipped in silence: open refuses (or sets it aside, if
 *     that was asked for), and what only the database can tell halts the instance.
 *
 * Thread: open's, then the flusher's.
 */
#ifndef SLU_RECOVERY_H
#define SLU_RECOVERY_H

#include "core/file/reader.h"
#include "core/wire.h"

enum slu_recovery_stage {
	SLU_RECOVERY_LOAD,
	SLU_RECOVERY_BEGIN, /* until the database tells where the generation stopped */
	SLU_RECOVERY_CARRY,
	SLU_RECOVERY_SEAL,
	SLU_RECOVERY_STUCK, /* `trouble` says why: needs an operator */
};

struct slu_recovery {
	struct slu_env *env;
	struct slu_directory *directory;
	const struct sluice_streams *streams;
	struct slu_cache *caches;
	void (*log)(void *context, const char *line);
	void *log_context;

	struct slu_reader *readers; /* one a file, oldest first */
	size_t count, current;
	enum slu_recovery_stage stage;
	char trouble[256]; /* "" while not stuck */

	/* the current file, in memory */
	unsigned char *slots;
	size_t slots_size;
	struct sluice_lane *lanes;
	struct slu_epoch epoch; /* stamps of a dead run: all are old */
	struct slu_wire wire;   /* its sink, budget and bounds are the flusher's */

	struct sluice_former former;
};

/* Reads and judges every file in `directory`, removes the empty ones, and sets damaged ones aside if
 * `options` says so. `*first_version` is raised above every version that those runs gave. Returns
 * SLUICE_OK; SLUICE_INVALID, with `error` naming the file and the remedy, when one can't be carried;
 * SLUICE_FAILED. */
enum sluice_status slu_recovery_open(struct slu_recovery *recovery,
                                     const struct sluice_options *options, uint64_t *first_version,
                                     struct sluice_error *error);

/* Puts the newest pending record of each key into the caches, before any engine runs. Entries are
 * taken in the name of `lane`. */
enum sluice_status slu_recovery_fill_caches(struct slu_recovery *recovery, struct sluice_lane *lane,
                                            struct sluice_error *error);

/* One cycle. `progress` is the sink's. Returns whether anything is left, which holds the living run
 * back. */
bool slu_recovery_step(struct slu_recovery *recovery, const struct sluice_sink_progress *progress);

static inline size_t slu_recovery_left(const struct slu_recovery *recovery)
{
	return recovery->count - recovery->current;
}

void slu_recovery_tell(const struct slu_recovery *recovery, struct sluice_former *former);

void slu_recovery_close(struct slu_recovery *recovery);

/* ---- between recovery_open.c and recovery.c ---- */

/* A line for the operator. */
void slu_recovery_say(const struct slu_recovery *recovery, const char *line);

/* Brings a file's lanes into memory, its streams' indices translated to ours. Unload in any case. */
enum sluice_status slu_recovery_load(struct slu_recovery *recovery, struct slu_reader *reader,
                                     struct sluice_error *error);
void slu_recovery_unload(struct slu_recovery *recovery);

/* The slot's cache, and its key; NULL for a record of an append stream. */
static inline struct slu_cache *slu_recovery_cache(const struct slu_recovery *recovery,
                                                   const struct slu_slot *slot, const void **key)
{
	const struct sluice_stream *stream = recovery->streams->streams[slot->stream];

	*key = slot->record + stream->key_offset;
	return stream->kind == SLUICE_STATE ? &recovery->caches[slot->stream] : NULL;
}

#endif
