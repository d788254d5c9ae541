/* SPDX-License-Identifier: MIT */
/*
 * recovery_open.c - before any engine runs: judge the files of former runs, load one, fill the caches.
 *
 * Owns: the readers, and the loaded file's slots. Borrows: directory, caches.
 */
#include "core/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void slu_recovery_say(const struct slu_recovery *recovery, const char *line)
{
	if (recovery->log != NULL)
		recovery->log(recovery->log_context, line);
}

/* ---- open: which files, and can they be carried? ---- */

static bool is_empty(const struct slu_reader *reader)
{
	for (uint64_t i = 0; i < reader->lane_count; i++)
		if (reader->lanes[i].end > 0)
			return false;
	return !reader->known_to_sink;
}

/* No key of that run was put more often than its lanes held records, and hardly a put took more than
 * one version (put.h): twice as many is far more than there can be. It only matters when the clock
 * went back. */
static uint64_t version_above(const struct slu_reader *reader)
{
	uint64_t version = reader->first_version;

	for (uint64_t i = 0; i < reader->lane_count; i++)
		version += 2 * reader->lanes[i].end;
	return version + 1;
}

static enum sluice_status set_aside(struct slu_recovery *recovery, const struct slu_reader *reader,
                                    struct sluice_error *error)
{
	char line[512];
	enum sluice_status status = slu_directory_quarantine(recovery->directory, reader->name,
	                                                     error);

	if (status != SLUICE_OK)
		return status;
	recovery->former.quarantined++;
	snprintf(line, sizeof(line), "quarantined %s (%s): %s", reader->name,
	         slu_verdict_name(reader->verdict), reader->reason);
	slu_recovery_say(recovery, line);
	return SLUICE_OK;
}

static enum sluice_status refuse(const struct slu_recovery *recovery,
                                 const struct slu_reader *reader, struct sluice_error *error)
{
	if (reader->verdict == SLU_FILE_OTHER_SCHEMA)
		return sluice_error_set(
			error, SLUICE_INVALID,
			"%s/%s was left by other bindings: %s. Carry it first: `sluice lanes %s "
			"drain`, or with the program that wrote it",
			recovery->directory->path, reader->name, reader->reason,
			recovery->directory->path);
	return sluice_error_set(
		error, SLUICE_INVALID,
		"%s/%s can't be carried (%s): %s. Look at it with `sluice lanes %s verify`; "
		"on_damage=quarantine sets it aside and goes on",
		recovery->directory->path, reader->name, slu_verdict_name(reader->verdict),
		reader->reason, recovery->directory->path);
}

/* Nothing is synced: of a machine that went down badly some pages are older than others, and a
 * record's bytes can't tell. Only an operator knows how it went down. */
static enum sluice_status refuse_reboot(const struct slu_recovery *recovery,
                                        const struct slu_reader *reader, struct sluice_error *error)
{
	return sluice_error_set(
		error, SLUICE_INVALID,
		"%s/%s was made before the machine was started. If it was shut down in order, "
		"open with after_reboot=carry; if it crashed, records may be half written: "
		"compare `sluice lanes %s export` with what you know, then carry it or move it away",
		recovery->directory->path, reader->name, recovery->directory->path);
}

/* Judges one file. `*keep`: it is to be carried. */
static enum sluice_status judge(struct slu_recovery *recovery, struct slu_reader *reader,
                                const struct sluice_options *options, bool *keep,
                                struct sluice_error *error)
{
	*keep = false;
	if (reader->verdict == SLU_FILE_SOUND && is_empty(reader))
		return slu_directory_remove(recovery->directory, reader->name, error);
	if (reader->verdict == SLU_FILE_SOUND && slu_reader_fits(reader, recovery->streams)) {
		*keep = reader->this_boot || options->after_reboot == SLUICE_AFTER_REBOOT_CARRY;
		return *keep ? SLUICE_OK : refuse_reboot(recovery, reader, error);
	}
	/* What other bindings wrote is not damaged: setting it aside would be losing it. */
	if (reader->verdict == SLU_FILE_OTHER_SCHEMA ||
	    options->on_damage == SLUICE_ON_DAMAGE_REFUSE)
		return refuse(recovery, reader, error);
	return set_aside(recovery, reader, error);
}

static enum sluice_status read_file(struct slu_recovery *recovery, const char *name,
                                    const struct sluice_options *options, uint64_t *first_version,
                                    struct sluice_error *error)
{
	struct slu_reader *reader = &recovery->readers[recovery->count];
	enum sluice_status status;
	bool keep = false;

	reader->env = recovery->env;
	status = slu_reader_open(reader, recovery->directory, name, error);
	if (status == SLUICE_OK)
		status = judge(recovery, reader, options, &keep, error);
	if (!keep) {
		slu_reader_close(reader);
		return status;
	}
	if (version_above(reader) > *first_version)
		*first_version = version_above(reader);
	recovery->former.account.accepted += reader->records;
	recovery->count++;
	return SLUICE_OK;
}

enum sluice_status slu_recovery_open(struct slu_recovery *recovery,
                                     const struct sluice_options *options, uint64_t *first_version,
                                     struct sluice_error *error)
{
	struct slu_listing listing = {0};
	enum sluice_status status = slu_directory_clean(recovery->directory, error);

	if (status == SLUICE_OK)
		status = slu_directory_list(recovery->directory, &listing, error);
	if (status != SLUICE_OK)
		return status;
	recovery->readers = calloc(listing.count + 1, sizeof(*recovery->readers));
	if (recovery->readers == NULL)
		status = sluice_error_set(error, SLUICE_FAILED, "no memory for %zu former runs",
		                          listing.count);
	for (size_t i = 0; i < listing.count && status == SLUICE_OK; i++)
		status = read_file(recovery, listing.names[i], options, first_version, error);
	recovery->former.files = listing.count;
	slu_listing_free(&listing);
	return status;
}

/* ---- one file in memory ---- */

void slu_recovery_unload(struct slu_recovery *recovery)
{
	slu_wire_close(&recovery->wire, recovery->env);
	recovery->env->unmap(recovery->env, recovery->slots, recovery->slots_size);
	free(recovery->lanes);
	recovery->slots = NULL;
	recovery->lanes = NULL;
}

/* The index of each of the file's streams among ours: the same stream by name. */
static void translate(const struct slu_recovery *recovery, const struct slu_reader *reader,
                      uint8_t index[SLUICE_STREAMS_MAX])
{
	const struct sluice_streams *ours = recovery->streams;

	for (size_t i = 0; i < reader->streams->count; i++)
		for (size_t j = 0; j < ours->count; j++)
			if (strcmp(reader->streams->streams[i]->name, ours->streams[j]->name) == 0)
				index[i] = (uint8_t)j;
}

static void translate_lane(const struct slu_reader_lane *held, struct sluice_lane *lane,
                           const uint8_t index[SLUICE_STREAMS_MAX])
{
	for (uint64_t p = held->first; p < held->end; p++)
		slu_lane_slot(lane, p)->stream = index[slu_lane_slot(lane, p)->stream];
}

static bool make_room(struct slu_recovery *recovery, const struct slu_reader *reader)
{
	size_t size = reader->lane_count * sizeof(struct sluice_lane);

	recovery->slots_size = reader->lane_count * reader->slot_count * reader->slot_size;
	recovery->slots = recovery->env->map(recovery->env, recovery->slots_size);
	recovery->lanes = aligned_alloc(SLU_PAIR, size);
	if (recovery->slots == NULL || recovery->lanes == NULL)
		return false;
	memset(recovery->lanes, 0, size);
	return true;
}

enum sluice_status slu_recovery_load(struct slu_recovery *recovery, struct slu_reader *reader,
                                     struct sluice_error *error)
{
	uint64_t lane_size = reader->slot_count * reader->slot_size;
	uint8_t index[SLUICE_STREAMS_MAX] = {0};
	enum sluice_status status = SLUICE_OK;

	if (!make_room(recovery, reader))
		return sluice_error_set(error, SLUICE_FAILED,
		                        "no memory for the %" PRIu64 " bytes of %s",
		                        reader->file_size, reader->name);
	translate(recovery, reader, index);
	for (uint64_t i = 0; i < reader->lane_count && status == SLUICE_OK; i++) {
		struct sluice_lane *lane = &recovery->lanes[i];

		slu_lane_init(lane, (uint32_t)i, recovery->slots + i * lane_size,
		              reader->slot_count, reader->slot_size, NULL);
		status = slu_reader_load(reader, i, lane->shape.slots, error);
		if (status == SLUICE_OK)
			translate_lane(&reader->lanes[i], lane, index);
	}
	return status;
}

/* ---- open: the caches ---- */

static enum sluice_status keys_exceeded(const struct slu_recovery *recovery,
                                        const struct slu_reader *reader,
                                        const struct slu_slot *slot, struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID,
	                        "%s/%s holds more keys of stream %s than option keys allows: raise "
	                        "keys",
	                        recovery->directory->path, reader->name,
	                        recovery->streams->streams[slot->stream]->name);
}

static enum sluice_status restore_pending(struct slu_recovery *recovery,
                                          const struct slu_reader *reader, size_t lane,
                                          struct sluice_lane *taker, struct sluice_error *error)
{
	const struct slu_reader_lane *held = &reader->lanes[lane];
	uint64_t p = held->acknowledged > held->first ? held->acknowledged : held->first;

	for (; p < held->end; p++) {
		const struct slu_slot *slot = slu_lane_slot(&recovery->lanes[lane], p);
		const void *key;
		struct slu_cache *cache = slu_recovery_cache(recovery, slot, &key);
		struct slu_entry *entry;

		if (cache == NULL || (slu_slot_flags(slot) & SLU_SLOT_STALE) != 0)
			continue;
		entry = slu_cache_find_or_add(cache, taker, key);
		if (entry == NULL)
			return keys_exceeded(recovery, reader, slot, error);
		slu_cache_restore(cache, entry, slot);
	}
	return SLUICE_OK;
}

/* A key that has a pending record may have a newer one that is committed, from another lane. Where a
 * key has only committed ones, a still newer one may be overwritten: it is left to the database. */
static void restore_committed(struct slu_recovery *recovery, const struct slu_reader *reader,
                              size_t lane)
{
	const struct slu_reader_lane *held = &reader->lanes[lane];

	for (uint64_t p = held->first; p < held->acknowledged; p++) {
		const struct slu_slot *slot = slu_lane_slot(&recovery->lanes[lane], p);
		const void *key;
		struct slu_cache *cache = slu_recovery_cache(recovery, slot, &key);
		struct slu_entry *entry = cache != NULL ? slu_cache_find(cache, key) : NULL;

		if (entry != NULL)
			slu_cache_restore(cache, entry, slot);
	}
}

static enum sluice_status restore(struct slu_recovery *recovery, struct slu_reader *reader,
                                  struct sluice_lane *taker, struct sluice_error *error)
{
	enum sluice_status status = slu_recovery_load(recovery, reader, error);

	for (size_t i = 0; i < reader->lane_count && status == SLUICE_OK; i++)
		status = restore_pending(recovery, reader, i, taker, error);
	for (size_t i = 0; i < reader->lane_count && status == SLUICE_OK; i++)
		restore_committed(recovery, reader, i);
	slu_recovery_unload(recovery);
	return status;
}

enum sluice_status slu_recovery_fill_caches(struct slu_recovery *recovery, struct sluice_lane *lane,
                                            struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	for (size_t i = 0; i < recovery->count && status == SLUICE_OK; i++)
		status = restore(recovery, &recovery->readers[i], lane, error);
	return status;
}
