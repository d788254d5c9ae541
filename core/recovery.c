/* SPDX-License-Identifier: MIT */
/*
 * recovery.c - from the files of former runs to the sink, in steps of the flusher.
 *
 * Borrows: directory, caches, sink.
 * For each file, oldest first: load -> begin -> carry -> seal -> remove.
 */
#include "core/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANY_STAMP (UINT64_MAX - 1) /* all stamps of a dead run are in the past */

static struct slu_reader *current(struct slu_recovery *recovery)
{
	return &recovery->readers[recovery->current];
}

/* ---- flusher: load, begin ---- */

static void stick(struct slu_recovery *recovery, const char *reason)
{
	recovery->stage = SLU_RECOVERY_STUCK;
	snprintf(recovery->trouble, sizeof(recovery->trouble), "%.255s", reason);
	slu_recovery_say(recovery, recovery->trouble);
}

/* The flusher's wire, over this file's lanes. */
static bool open_wire(struct slu_recovery *recovery, const struct slu_reader *reader)
{
	struct slu_wire *wire = &recovery->wire;

	wire->batch.lanes = recovery->lanes;
	wire->batch.lane_count = reader->lane_count;
	wire->batch.caches = recovery->caches;
	wire->batch.streams = recovery->streams;
	wire->batch.epoch = &recovery->epoch;
	wire->unsent = false;
	slu_wire_restart(wire);
	return slu_wire_open(wire, recovery->env, reader->slot_count);
}

static void start(struct slu_recovery *recovery)
{
	struct slu_reader *reader = current(recovery);
	struct sluice_generation generation = {
		.id = reader->generation,
		.lane_count = reader->lane_count,
		.known = reader->known_to_sink,
	};
	struct sluice_error error = {.message = "no memory to carry a former run's file"};
	struct sluice_sink *sink = recovery->wire.sink;
	char line[160];

	if (slu_recovery_load(recovery, reader, &error) != SLUICE_OK ||
	    !open_wire(recovery, reader) || sink->ops->begin(sink, &generation) != SLUICE_OK) {
		slu_recovery_unload(recovery);
		stick(recovery, error.message);
		return;
	}
	snprintf(line, sizeof(line), "carrying %s: %" PRIu64 " records", reader->name,
	         reader->records);
	slu_recovery_say(recovery, line);
	recovery->stage = SLU_RECOVERY_BEGIN;
}

/* R1. The database stands where the file can go on from, or nothing is sent. */
static bool fits_position(struct slu_recovery *recovery, size_t lane, uint64_t position)
{
	const struct slu_reader *reader = current(recovery);
	const struct slu_reader_lane *held = &reader->lanes[lane];
	char reason[256];

	if (position >= held->first && position <= held->end)
		return true;
	if (position > held->end)
		snprintf(reason, sizeof(reason),
		         "%s ends at record %" PRIu64
		         " of lane %zu, but the database holds %" PRIu64
		         ": the file is an old copy, or its run is alive elsewhere. Move it away",
		         reader->name, held->end, lane, position);
	else
		snprintf(reason, sizeof(reason),
		         "the database went back to record %" PRIu64 " of lane %zu; %s holds those "
		         "after %" PRIu64
		         ". What lies between is lost here: restore it, or move the "
		         "file away",
		         position, lane, reader->name, held->first);
	stick(recovery, reason);
	return false;
}

/* The key's entry, so that the batch finds out which versions are coalesced. */
static bool enter_slot(struct slu_recovery *recovery, struct sluice_lane *lane,
                       struct slu_slot *slot, bool committed)
{
	const void *key;
	struct slu_cache *cache = slu_recovery_cache(recovery, slot, &key);
	struct slu_entry *entry;

	if (cache == NULL)
		return true;
	entry = committed ? slu_cache_find(cache, key) : slu_cache_find_or_add(cache, lane, key);
	if (entry == NULL)
		return committed;
	slot->entry = slu_cache_index(cache, entry);
	if (committed && cache->sent[slot->entry].version < slot->version)
		cache->sent[slot->entry].version = slot->version;
	return true;
}

static bool enter_lane(struct slu_recovery *recovery, size_t index, uint64_t position)
{
	const struct slu_reader_lane *held = &current(recovery)->lanes[index];
	struct sluice_lane *lane = &recovery->lanes[index];
	struct sluice_account *account = &recovery->former.account;

	for (uint64_t p = held->first; p < held->end; p++)
		if (!enter_slot(recovery, lane, slu_lane_slot(lane, p), p < position)) {
			stick(recovery, "a former run's file holds more keys than option keys "
			                "allows: raise keys");
			return false;
		}
	lane->flusher.seen = held->end;
	lane->flusher.gathered = position;
	/* The hint was a little behind, or the database has gone back. */
	if (position > held->acknowledged)
		account->committed += position - held->acknowledged;
	else
		account->accepted += held->acknowledged - position;
	return true;
}

static void enter(struct slu_recovery *recovery, const struct sluice_sink_progress *progress)
{
	if (progress->positions == NULL)
		return;
	for (size_t i = 0; i < current(recovery)->lane_count; i++)
		if (!fits_position(recovery, i, progress->positions[i]))
			return;
	for (size_t i = 0; i < current(recovery)->lane_count; i++)
		if (!enter_lane(recovery, i, progress->positions[i]))
			return;
	recovery->stage = SLU_RECOVERY_CARRY;
}

/* ---- flusher: carry, seal, remove ---- */

/* R2: nothing was left out, or the file stays. */
static void seal(struct slu_recovery *recovery)
{
	struct sluice_sink *sink = recovery->wire.sink;

	for (size_t i = 0; i < current(recovery)->lane_count; i++)
		if (recovery->lanes[i].flusher.gathered != current(recovery)->lanes[i].end) {
			stick(recovery, "a former run's file holds records that no batch took: "
			                "look at it with `sluice lanes verify`");
			return;
		}
	sink->ops->seal(sink);
	recovery->stage = SLU_RECOVERY_SEAL;
}

static void carry(struct slu_recovery *recovery, const struct sluice_sink_progress *progress)
{
	struct slu_wire *wire = &recovery->wire;
	const struct slu_summary *summary;
	uint64_t dead_lettered;

	while ((summary = slu_wire_committed(wire, progress)) != NULL) {
		recovery->former.account.committed += summary->row_count;
		recovery->former.account.coalesced += summary->coalesced;
	}
	dead_lettered = slu_wire_dead_lettered(wire, progress);
	recovery->former.account.committed -= dead_lettered;
	recovery->former.account.dead_lettered += dead_lettered;
	if (!slu_wire_has_room(wire, progress))
		return;
	if (slu_wire_cut(wire, ANY_STAMP))
		slu_wire_send(wire);
	else if (slu_wire_idle(wire))
		seal(recovery);
}

static void finish(struct slu_recovery *recovery, const struct sluice_sink_progress *progress)
{
	struct slu_reader *reader = current(recovery);
	struct sluice_error error;

	if (!progress->sealed)
		return;
	slu_recovery_unload(recovery);
	if (slu_directory_remove(recovery->directory, reader->name, &error) != SLUICE_OK) {
		stick(recovery, error.message); /* R2 */
		return;
	}
	slu_reader_close(reader);
	recovery->current++;
	recovery->stage = SLU_RECOVERY_LOAD;
}

bool slu_recovery_step(struct slu_recovery *recovery, const struct sluice_sink_progress *progress)
{
	if (slu_recovery_left(recovery) == 0)
		return false;
	switch (recovery->stage) {
	case SLU_RECOVERY_LOAD:
		start(recovery);
		break;
	case SLU_RECOVERY_BEGIN:
		enter(recovery, progress);
		break;
	case SLU_RECOVERY_CARRY:
		carry(recovery, progress);
		break;
	case SLU_RECOVERY_SEAL:
		finish(recovery, progress);
		break;
	case SLU_RECOVERY_STUCK:
		break;
	}
	return slu_recovery_left(recovery) > 0;
}

/* ---- tell, close ---- */

void slu_recovery_tell(const struct slu_recovery *recovery, struct sluice_former *former)
{
	struct sluice_account *account = &former->account;

	*former = recovery->former;
	former->files_left = slu_recovery_left(recovery);
	account->pending = account->accepted - account->committed - account->coalesced -
	                   account->dead_lettered;
}

void slu_recovery_close(struct slu_recovery *recovery)
{
	if (recovery->lanes != NULL)
		slu_recovery_unload(recovery);
	while (recovery->current < recovery->count)
		slu_reader_close(&recovery->readers[recovery->current++]);
	free(recovery->readers);
	recovery->readers = NULL;
}
