/* SPDX-License-Identifier: MIT */
/*
 * engine.c - the hot path: what an engine thread runs.
 *
 * No system call, no allocation, no lock, no clock. One put of a state record, in order:
 *
 *      reserve the slot     the only step that refuses, but for a new key that finds no entry
 *      take a version
 *      fill, stamp, commit  now it is accepted
 *      publish              now every engine can get it
 *
 * From loading the entry to having published it the engine is inside a section (grace.h), so that the
 * slot cannot be released before it is published.
 */
#include "core/grace.h"
#include "core/instance.h"

#include <ck_backoff.h>
#include <string.h>

#define SPINS_MAX 4096           /* about 10 us of spinning, doubled each time */
#define ROOM_PAUSE_NS_MIN 20000u /* then the flusher is looked at after growing pauses */
#define ROOM_PAUSE_NS_MAX 640000u

/* ---- one record, in steps shared by all that put ---- */

/* A record on its way in. */
struct put {
	struct sluice_lane *lane;
	const struct sluice_stream *stream;
	struct slu_slot *slot;
	struct slu_entry *entry; /* of its key; NULL in an append stream */
};

static struct slu_cache *cache_of(const struct sluice_lane *lane,
                                  const struct sluice_stream *stream)
{
	return &lane->shape.owner->caches[stream->index];
}

/* Finds the slot and the entry; a key that the cache never held gets one, unless the put `expects`
 * it to be there. Nothing has changed when it fails. */
static inline enum sluice_status begin(struct put *put, const void *key, bool expects)
{
	enum sluice_status status = slu_lane_reserve(put->lane, &put->slot);

	if (__builtin_expect(status != SLUICE_OK, 0))
		return status;
	put->entry = NULL;
	if (key == NULL)
		return SLUICE_OK;
	if (expects) {
		put->entry = slu_cache_find(cache_of(put->lane, put->stream), key);
		return put->entry != NULL ? SLUICE_OK : SLUICE_CONFLICT;
	}
	put->entry = slu_cache_find_or_add(cache_of(put->lane, put->stream), put->lane, key);
	return put->entry != NULL ? SLUICE_OK : SLUICE_FULL;
}

static inline uint64_t next_version(struct slu_entry *entry)
{
	/* Relaxed: the version travels with the slot, whose commit (E1) and publication (E4) order
	 * it. */
	return atomic_fetch_add_explicit(&entry->version, 1, memory_order_relaxed) + 1;
}

/* All of the header but the entry and the commit word. `length` bytes of the record are filled. */
static inline void stamp(struct sluice_lane *lane, struct slu_slot *slot,
                         const struct sluice_stream *stream, uint64_t version, size_t length)
{
	slot->version = version;
	slot->epoch = slu_epoch_now(&lane->shape.owner->epoch);
	slot->length = (uint16_t)length;
	slot->stream = (uint8_t)stream->index;
	slot->flags = 0;
}

static inline void tell_ticket(const struct sluice_lane *lane, struct sluice_ticket *ticket)
{
	if (ticket != NULL)
		*ticket = (struct sluice_ticket){.lane = lane->shape.index,
		                                 .sequence = slu_lane_position(lane) + 1};
}

/* Accepts a stamped slot, then shows it. */
static inline void finish(const struct put *put, struct sluice_ticket *ticket)
{
	tell_ticket(put->lane, ticket);
	put->slot->entry = slu_cache_index(cache_of(put->lane, put->stream), put->entry);
	slu_lane_commit(put->lane, put->slot);
	slu_cache_publish(put->entry, put->slot);
}

/* ---- refusing ---- */

/* Why the call can't be, whatever the lane's room. */
static inline enum sluice_status misuse(const struct sluice_lane *lane,
                                        const struct sluice_stream *stream)
{
	if (lane == NULL)
		return SLUICE_UNATTACHED;
	if (stream == NULL || stream->index >= lane->shape.owner->streams->count ||
	    lane->shape.owner->streams->streams[stream->index] != stream)
		return SLUICE_INVALID;
	return SLUICE_OK;
}

static void count_full(struct sluice_lane *lane)
{
	/* One writer; relaxed, because nobody concludes anything else from a count. */
	atomic_store_explicit(&lane->engine.full,
	                      atomic_load_explicit(&lane->engine.full, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

/* The lane is full. With when_full=block the engine, which asked for it, first spins for some
 * microseconds, then sleeps, until there is room or its time is up. */
static enum sluice_status wait_for_room(struct sluice_lane *lane)
{
	const struct sluice_options *options = &lane->shape.owner->options;
	struct slu_env *env = lane->shape.owner->env;
	unsigned int spins = CK_BACKOFF_INITIALIZER;
	uint64_t now_ns, until_ns, pause_ns = ROOM_PAUSE_NS_MIN;
	struct slu_slot *slot;

	count_full(lane);
	if (options->when_full == SLUICE_WHEN_FULL_FAIL)
		return SLUICE_FULL;
	now_ns = env->now_ns(env);
	until_ns = now_ns + options->block_timeout;
	while (now_ns < until_ns) {
		if (slu_lane_reserve(lane, &slot) == SLUICE_OK)
			return SLUICE_OK;
		if (spins < SPINS_MAX) {
			ck_backoff_eb(&spins);
		} else {
			env->wait(env, -1, 0,
			          now_ns + pause_ns < until_ns ? now_ns + pause_ns : until_ns);
			pause_ns = pause_ns < ROOM_PAUSE_NS_MAX ? 2 * pause_ns : pause_ns;
		}
		now_ns = env->now_ns(env);
	}
	return SLUICE_FULL;
}

/* ---- put ---- */

enum version_rule { ANY_VERSION, EXPECTED_VERSION };

/* Gives the key its next version, if the rule allows. Then the version is the put's: nobody else
 * can have it. */
static inline bool take_version(const struct put *put, enum version_rule rule, uint64_t expected,
                                uint64_t *version)
{
	if (rule == ANY_VERSION) {
		*version = next_version(put->entry);
		return true;
	}
	if (expected == 0)
		expected = cache_of(put->lane, put->stream)->first_version;
	*version = expected + 1;
	/* Relaxed, as next_version. */
	return atomic_compare_exchange_strong_explicit(&put->entry->version, &expected,
	                                               expected + 1, memory_order_relaxed,
	                                               memory_order_relaxed);
}

/* What is put: the record, and how its version is chosen. */
struct offer {
	const void *record;
	size_t size;
	uint8_t flags;
	enum version_rule rule;
	uint64_t expected;
};

/* A record that is only a key: the rest reads as zero. */
static inline void fill(struct slu_slot *slot, const struct sluice_stream *stream,
                        const struct offer *offer)
{
	if (offer->flags & SLU_SLOT_REMOVED) {
		memset(slot->record, 0, stream->layout.size);
		memcpy(slot->record + stream->key_offset, offer->record, stream->key_size);
		return;
	}
	memcpy(slot->record, offer->record, offer->size);
}

static inline enum sluice_status put_once(struct put *put, const void *key,
                                          const struct offer *offer, struct sluice_ticket *ticket)
{
	enum sluice_status status;
	uint64_t version;

	slu_section_enter(put->lane);
	status = begin(put, key, offer->rule == EXPECTED_VERSION && offer->expected != 0);
	if (status == SLUICE_OK && !take_version(put, offer->rule, offer->expected, &version))
		status = SLUICE_CONFLICT;
	if (status == SLUICE_OK) {
		fill(put->slot, put->stream, offer);
		stamp(put->lane, put->slot, put->stream, version, offer->size);
		put->slot->flags = offer->flags;
		finish(put, ticket);
	}
	slu_section_exit(put->lane);
	return status;
}

static enum sluice_status put_state(struct sluice_lane *lane, const struct sluice_stream *stream,
                                    const void *key, const struct offer *offer,
                                    struct sluice_ticket *ticket)
{
	struct put put = {.lane = lane, .stream = stream};
	enum sluice_status status = put_once(&put, key, offer, ticket);

	if (__builtin_expect(status != SLUICE_FULL, 1))
		return status;
	/* Outside the section: a sleeping engine must not hold up grace periods, nor so its own
	 * room. */
	if (wait_for_room(lane) != SLUICE_OK)
		return SLUICE_FULL;
	return put_once(&put, key, offer, ticket);
}

/* No key, so no version, no cache, and no section. */
static inline enum sluice_status append(struct sluice_lane *lane,
                                        const struct sluice_stream *stream, const void *record,
                                        size_t size, struct sluice_ticket *ticket)
{
	struct slu_slot *slot;
	enum sluice_status status = slu_lane_reserve(lane, &slot);

	if (__builtin_expect(status == SLUICE_FULL, 0) && wait_for_room(lane) == SLUICE_OK)
		status = slu_lane_reserve(lane, &slot);
	if (__builtin_expect(status != SLUICE_OK, 0))
		return status;
	memcpy(slot->record, record, size);
	stamp(lane, slot, stream, 0, size);
	tell_ticket(lane, ticket);
	slu_lane_commit(lane, slot);
	return SLUICE_OK;
}

enum sluice_status sluice_put(struct sluice_lane *lane, const struct sluice_stream *stream,
                              const void *record, size_t size, struct sluice_ticket *ticket)
{
	struct offer offer = {.record = record, .size = size, .rule = ANY_VERSION};
	enum sluice_status status = misuse(lane, stream);

	if (__builtin_expect(status != SLUICE_OK, 0))
		return status;
	if (__builtin_expect(size > stream->layout.size, 0))
		return SLUICE_TOO_LONG;
	if (__builtin_expect(size < (size_t)stream->key_offset + stream->key_size, 0))
		return SLUICE_INVALID;
	if (stream->kind == SLUICE_APPEND)
		return append(lane, stream, record, size, ticket);
	return put_state(lane, stream, (const char *)record + stream->key_offset, &offer, ticket);
}

enum sluice_status sluice_put_if(struct sluice_lane *lane, const struct sluice_stream *stream,
                                 const void *record, size_t size, uint64_t expected,
                                 struct sluice_ticket *ticket)
{
	struct offer offer = {
		.record = record, .size = size, .rule = EXPECTED_VERSION, .expected = expected};
	enum sluice_status status = misuse(lane, stream);

	if (status != SLUICE_OK)
		return status;
	if (stream->kind != SLUICE_STATE)
		return SLUICE_INVALID;
	if (size > stream->layout.size)
		return SLUICE_TOO_LONG;
	if (size < (size_t)stream->key_offset + stream->key_size)
		return SLUICE_INVALID;
	return put_state(lane, stream, (const char *)record + stream->key_offset, &offer, ticket);
}

enum sluice_status sluice_remove(struct sluice_lane *lane, const struct sluice_stream *stream,
                                 const void *key, struct sluice_ticket *ticket)
{
	struct offer offer = {.record = key, .flags = SLU_SLOT_REMOVED, .rule = ANY_VERSION};
	enum sluice_status status = misuse(lane, stream);

	if (status != SLUICE_OK)
		return status;
	if (stream->kind != SLUICE_STATE)
		return SLUICE_INVALID;
	offer.size = stream->layout.size;
	return put_state(lane, stream, key, &offer, ticket);
}

/* ---- reserve, commit ---- */

/* An open reserve closes the lane to everything but get: with room_until 0 a put comes to
 * look_for_room, and finds BUSY. */
enum sluice_status sluice_reserve(struct sluice_lane *lane, const struct sluice_stream *stream,
                                  const void *key, void **record)
{
	struct put put = {.lane = lane, .stream = stream};
	enum sluice_status status = misuse(lane, stream);

	if (status != SLUICE_OK)
		return status;
	if ((stream->kind == SLUICE_STATE) != (key != NULL))
		return SLUICE_INVALID;
	status = begin(&put, key, false);
	if (status == SLUICE_FULL && wait_for_room(lane) == SLUICE_OK)
		status = begin(&put, key, false);
	if (status != SLUICE_OK)
		return status;
	if (key != NULL)
		memcpy(put.slot->record + stream->key_offset, key, stream->key_size);
	lane->engine.reserved = stream;
	lane->engine.reserved_entry = put.entry;
	lane->engine.reserved_room_until = lane->engine.room_until;
	slu_lane_refuse(lane, SLUICE_BUSY);
	*record = put.slot->record;
	return SLUICE_OK;
}

/* Gives the lane back to puts. */
static void end_reserve(struct sluice_lane *lane)
{
	slu_lane_admit(lane);
	lane->engine.room_until = lane->engine.reserved_room_until;
	lane->engine.reserved = NULL;
}

enum sluice_status sluice_commit(struct sluice_lane *lane, struct sluice_ticket *ticket)
{
	struct put put = {.lane = lane};

	if (lane == NULL)
		return SLUICE_UNATTACHED;
	if (lane->engine.refusal != SLUICE_BUSY)
		return lane->engine.refusal != SLUICE_OK ? lane->engine.refusal : SLUICE_INVALID;
	put.stream = lane->engine.reserved;
	put.entry = lane->engine.reserved_entry;
	put.slot = slu_lane_slot(lane, slu_lane_position(lane));
	end_reserve(lane);
	if (put.entry == NULL) {
		stamp(lane, put.slot, put.stream, 0, put.stream->layout.size);
		tell_ticket(lane, ticket);
		slu_lane_commit(lane, put.slot);
		return SLUICE_OK;
	}
	slu_section_enter(lane);
	stamp(lane, put.slot, put.stream, next_version(put.entry), put.stream->layout.size);
	finish(&put, ticket);
	slu_section_exit(lane);
	return SLUICE_OK;
}

void sluice_cancel(struct sluice_lane *lane)
{
	if (lane != NULL && lane->engine.refusal == SLUICE_BUSY)
		end_reserve(lane);
}

/* ---- get ---- */

/* Inside a section. */
static enum sluice_status copy_newest(struct slu_cache *cache, const void *key, void *record,
                                      uint64_t *version)
{
	struct slu_entry *entry = slu_cache_find(cache, key);
	const struct slu_slot *newest;

	if (version != NULL)
		*version = 0;
	if (entry == NULL)
		return SLUICE_MISS;
	newest = atomic_load_explicit(&entry->newest, memory_order_acquire); /* E4 */
	if (newest == NULL)
		return SLUICE_MISS;
	if (version != NULL)
		*version = newest->version;
	if (newest->flags & SLU_SLOT_REMOVED)
		return SLUICE_MISS;
	memcpy(record, newest->record, newest->length);
	return SLUICE_OK;
}

enum sluice_status sluice_get(struct sluice_lane *lane, const struct sluice_stream *stream,
                              const void *key, void *record, uint64_t *version)
{
	enum sluice_status status = misuse(lane, stream);

	if (__builtin_expect(status != SLUICE_OK, 0))
		return status;
	if (stream->kind != SLUICE_STATE)
		return SLUICE_INVALID;
	if (lane->engine.refusal != SLUICE_OK && lane->engine.refusal != SLUICE_BUSY)
		return lane->engine.refusal;
	slu_section_enter(lane);
	status = copy_newest(cache_of(lane, stream), key, record, version);
	slu_section_exit(lane);
	return status;
}
