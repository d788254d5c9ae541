/* SPDX-License-Identifier: MIT */
/*
 * put.h - one straight try to put a record: the steps that engine.c is made of.
 *
 *      enter the section    refused inside another call: a signal handler's
 *      reserve the slot     the only step that refuses, but for a new key that finds no entry
 *      take a version
 *      fill, stamp, commit  now it is accepted
 *      publish              now every engine can get it
 *      leave the section
 *
 * The section (grace.h) keeps the slot from being released before it is published, and signal
 * handlers out. An engine that stops for ever at any of these steps leaves a lane that can be made
 * whole (lease.h), or recovered by another process: the commit word is written after all else.
 *
 * E12 entry.version: release by who takes a version -> acquire by who takes a later one, so that it
 *     reads an epoch at least as late. Else versions and stamps of a key run in different orders.
 *
 * Thread: the lane's engine, in all of this.
 */
#ifndef SLU_PUT_H
#define SLU_PUT_H

#include "core/grace.h"
#include "core/lease.h"
#include "core/lossy.h"

#include <string.h>

/* The lane has room, the cache no entry. Callers hear SLUICE_FULL. */
#define SLU_NO_ENTRY ((enum sluice_status)0x101)

#define SLU_UNLIKELY __attribute__((noinline, cold))
#define SLU_APART __attribute__((noinline))
#define SLU_TOGETHER inline __attribute__((always_inline))

/* A record on its way in. */
struct slu_put {
	struct sluice_lane *lane;
	const struct sluice_stream *stream;
	struct slu_slot *slot;
	struct slu_entry *entry; /* of its key; NULL in an append stream */
};

static struct slu_cache *slu_put_cache(const struct sluice_lane *lane,
                                       const struct sluice_stream *stream)
{
	return &lane->shape.owner->caches[stream->index];
}

/* Finds the slot and the entry; a key that the cache never held gets one, unless the put `expects`
 * it to be there. Nothing has changed when it fails. */
static inline enum sluice_status slu_put_begin(struct slu_put *put, const void *key, bool expects)
{
	enum sluice_status status = slu_lane_reserve(put->lane, &put->slot);

	if (__builtin_expect(status != SLUICE_OK, 0))
		return status;
	put->entry = NULL;
	if (key == NULL)
		return SLUICE_OK;
	if (expects) {
		put->entry = slu_cache_find(slu_put_cache(put->lane, put->stream), key);
		return put->entry != NULL ? SLUICE_OK : SLUICE_CONFLICT;
	}
	put->entry = slu_cache_find_or_add(slu_put_cache(put->lane, put->stream), put->lane, key);
	return put->entry != NULL ? SLUICE_OK : SLU_NO_ENTRY;
}

/* The version of a record, and the flush epoch in which it was taken. */
struct slu_mark {
	uint64_t version, epoch;
};

static inline uint64_t slu_put_epoch(const struct sluice_lane *lane)
{
	return slu_epoch_now(&lane->shape.owner->epoch);
}

/* All of the header but the entry and the commit word. `length` bytes of the record are filled. */
static inline void slu_put_stamp(struct slu_slot *slot, const struct sluice_stream *stream,
                                 struct slu_mark mark, size_t length, uint8_t flags)
{
	slot->version = mark.version;
	slot->epoch = mark.epoch;
	slot->length = (uint16_t)length;
	slot->stream = (uint8_t)stream->index;
	atomic_store_explicit(&slot->flags, flags, memory_order_relaxed);
}

enum slu_version_rule { SLU_ANY_VERSION, SLU_EXPECTED_VERSION };

/* A version of the key that nobody else has: the one after `expected`, if the rule says so. */
static inline bool slu_put_next_version(struct slu_entry *entry, enum slu_version_rule rule,
                                        uint64_t expected, uint64_t *version)
{
	if (rule == SLU_ANY_VERSION) {
		*version = atomic_fetch_add_explicit(&entry->version, 1,
		                                     memory_order_acq_rel) + /* E12 */
		           1;
		return true;
	}
	*version = expected + 1;
	return atomic_compare_exchange_strong_explicit(&entry->version, &expected, *version,
	                                               memory_order_acq_rel, /* E12 */
	                                               memory_order_relaxed /* gives up */);
}

/*
 * Takes a version if the rule allows. Of two versions of a key the later never has the earlier
 * stamp: else a batch could take it and leave the other behind, and a run that recovers the lanes
 * could find the other alone, and write it last (flusher.c, mark_stale). So the epoch is read
 * before and after, and when it has moved in between, which it does some thousand times a second at
 * most, the put takes one more version: gaps are legal. If somebody else's put came between those
 * two, an expected version is no longer there: a conflict.
 */
static inline bool slu_put_take_version(const struct slu_put *put, enum slu_version_rule rule,
                                        uint64_t expected, struct slu_mark *mark)
{
	if (put->entry == NULL) { /* of an append stream: without version, and without rival */
		*mark = (struct slu_mark){.epoch = slu_put_epoch(put->lane)};
		return true;
	}
	if (rule == SLU_EXPECTED_VERSION && expected == 0)
		expected = slu_put_cache(put->lane, put->stream)->first_version;
	for (;;) {
		mark->epoch = slu_put_epoch(put->lane);
		if (!slu_put_next_version(put->entry, rule, expected, &mark->version))
			return false;
		if (__builtin_expect(slu_put_epoch(put->lane) == mark->epoch, 1))
			return true;
		expected = mark->version;
	}
}

static inline void slu_put_tell(const struct sluice_lane *lane, struct sluice_ticket *ticket)
{
	if (ticket != NULL)
		*ticket = (struct sluice_ticket){.lane = lane->shape.index,
		                                 .sequence = slu_lane_position(lane) + 1};
}

/* Accepts a stamped slot, then shows it. */
static inline void slu_put_finish(const struct slu_put *put, struct sluice_ticket *ticket)
{
	slu_put_tell(put->lane, ticket);
	if (put->entry == NULL) {
		slu_lane_commit(put->lane, put->slot);
		return;
	}
	put->slot->entry = slu_cache_index(slu_put_cache(put->lane, put->stream), put->entry);
	slu_lane_commit(put->lane, put->slot);
	slu_cache_publish_fresh(put->entry, put->slot);
}

/* ---- one straight try ---- */

/* What is put: the record, and how its version is chosen. */
struct slu_offer {
	const void *key; /* NULL in an append stream */
	const void *record;
	size_t size;
	uint8_t flags;
	enum slu_version_rule rule;
	bool lossy; /* it may only take a slot of the lossy share */
	uint64_t expected;
};

/* A record that is only a key: the rest reads as zero. */
static inline void slu_put_fill(struct slu_slot *slot, const struct sluice_stream *stream,
                                const struct slu_offer *offer)
{
	if (offer->flags & SLU_SLOT_REMOVED) {
		memset(slot->record, 0, stream->layout.size);
		memcpy(slot->record + stream->key_offset, offer->record, stream->key_size);
		return;
	}
	memcpy(slot->record, offer->record, offer->size);
}

/* Why the section could not be entered: the call interrupts another one, or the lane is the handle
 * of the shared ones. */
static SLU_UNLIKELY enum sluice_status slu_put_interrupting(const struct sluice_lane *lane)
{
	return lane->engine.refusal != SLUICE_OK ? lane->engine.refusal : SLUICE_BUSY;
}

static inline enum sluice_status slu_put_once(struct sluice_lane *lane,
                                              const struct sluice_stream *stream,
                                              const struct slu_offer *offer,
                                              struct sluice_ticket *ticket)
{
	struct slu_put put = {.lane = lane, .stream = stream};
	struct slu_mark mark = {.version = 0};
	enum sluice_status status;

	if (!slu_section_enter(lane))
		return slu_put_interrupting(lane);
	status = slu_put_begin(&put, offer->key,
	                       offer->rule == SLU_EXPECTED_VERSION && offer->expected != 0);
	if (offer->lossy && status == SLUICE_OK && !slu_lossy_fits(lane))
		status = SLUICE_FULL;
	if (status == SLUICE_OK && !slu_put_take_version(&put, offer->rule, offer->expected, &mark))
		status = SLUICE_CONFLICT;
	if (status == SLUICE_OK) {
		slu_put_fill(put.slot, stream, offer);
		slu_put_stamp(put.slot, stream, mark, offer->size, offer->flags);
		if (offer->lossy)
			slu_lossy_take(lane);
		slu_put_finish(&put, ticket);
	}
	slu_section_exit(lane);
	return status;
}

/* ---- a call that is refused, counted ---- */

/* The lane that counts what its engine hears: the first of the shared ones on behalf of all. */
static inline struct sluice_lane *slu_put_counting(struct sluice_lane *lane)
{
	struct sluice *sluice = lane->shape.owner;

	return lane->engine.refusal == SLU_SHARED ? &sluice->lanes[sluice->options.lanes] : lane;
}

/* By a read-modify-write: other threads may count on the same lane. Relaxed, because nobody concludes
 * anything else from a count. */
static inline void slu_put_count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* What the caller hears for want of a slot or of an entry. */
static inline enum sluice_status slu_put_refuse(struct sluice_lane *lane, enum sluice_status status)
{
	slu_put_count(status == SLU_NO_ENTRY ? &slu_put_counting(lane)->engine.keys_full
	                                     : &slu_put_counting(lane)->engine.full);
	return SLUICE_FULL;
}

/* ---- an append stream's record, with nothing in the way ---- */

#define SLU_PUT_STEP 16       /* bytes that one instruction copies, on any processor of ours */
#define SLU_PUT_STEPS_MAX 128 /* bytes; above, memcpy's wider steps are worth the call */

static inline bool slu_put_in_steps(size_t size)
{
	return size >= SLU_PUT_STEP && size <= SLU_PUT_STEPS_MAX;
}

/* The last step may overlap the one before. */
static SLU_TOGETHER void slu_put_copy(unsigned char *to, const unsigned char *from, size_t size)
{
	size_t last = size - SLU_PUT_STEP;

	if (!slu_put_in_steps(size)) {
		memcpy(to, from, size);
		return;
	}
	for (size_t at = 0; at < last; at += SLU_PUT_STEP)
		memcpy(to + at, from + at, SLU_PUT_STEP);
	memcpy(to + last, from + last, SLU_PUT_STEP);
}

/*
 * slu_put_once for the case that nearly always is: the lane is free, has room as far as is known,
 * and the record needs no entry. False: nothing has changed, and slu_put_once is to find out why.
 *
 * What a put costs is its stores. Each, to the stack, too, waits in order behind those that wait for
 * the slot's cache lines, and when the processor has no place for one more, the engine stands still.
 * So a claim instead of a section; and with a size known to be copied in steps nothing is called, and
 * nothing saved on the stack. The record goes first: then its lines are on their way while the epoch,
 * which the flusher may just have moved, is waited for.
 */
static SLU_TOGETHER bool slu_put_straight(struct sluice_lane *lane,
                                          const struct sluice_stream *stream, const void *record,
                                          size_t size, struct sluice_ticket *ticket)
{
	uint64_t position = slu_lane_position(lane);
	struct slu_slot *slot;

	if (__builtin_expect(!slu_lane_claim(lane, position), 0))
		return false;
	slot = slu_lane_slot(lane, position);
	slu_put_copy(slot->record, record, size);
	atomic_signal_fence(memory_order_seq_cst); /* the record goes first */
	slu_put_stamp(slot, stream, (struct slu_mark){.epoch = slu_put_epoch(lane)}, size, 0);
	slu_put_tell(lane, ticket);
	slu_lane_commit_at(lane, slot, position, size);
	return true;
}

/* ---- reserve ---- */

/* An open reserve closes the lane to everything but get: with room_until 0 a put comes to
 * look_for_room, and finds BUSY. */
static inline enum sluice_status slu_reserve_once(struct sluice_lane *lane,
                                                  const struct sluice_stream *stream,
                                                  const struct slu_offer *offer, void **record)
{
	struct slu_put put = {.lane = lane, .stream = stream};
	enum sluice_status status;

	if (!slu_section_enter(lane))
		return slu_put_interrupting(lane);
	status = slu_put_begin(&put, offer->key, false);
	if (offer->lossy && status == SLUICE_OK && !slu_lossy_fits(lane))
		status = SLUICE_FULL;
	if (status == SLUICE_OK) {
		if (offer->key != NULL)
			memcpy(put.slot->record + stream->key_offset, offer->key, stream->key_size);
		lane->engine.reserved = stream;
		lane->engine.reserved_entry = put.entry;
		lane->engine.reserved_room_until = lane->engine.room_until;
		slu_lane_refuse(lane, SLUICE_BUSY);
		*record = put.slot->record;
	}
	slu_section_exit(lane);
	return status;
}

#endif
