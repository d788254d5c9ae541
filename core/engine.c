/* SPDX-License-Identifier: MIT */
/*
 * engine.c - the hot path: what an engine thread runs.
 *
 * No system call, no allocation, no lock, no clock: one straight try (put.h), and nearly always
 * that is all. What else may be: the lane is the handle of the shared ones, so that one of those is
 * borrowed for the call; the lane is full, and the engine asked to wait for room; the call is
 * refused.
 */
#include "core/put.h"

#include <ck_backoff.h>

#define SPINS_MAX 4096           /* about 10 us of spinning, doubled each time */
#define ROOM_PAUSE_NS_MIN 20000u /* then the flusher is looked at after growing pauses */
#define ROOM_PAUSE_NS_MAX 640000u

/* ---- what is not one straight try: shared lanes, waiting, refusing ---- */

/* A put or a reserve, to be tried again. */
struct attempt {
	struct sluice_lane *lane;
	const struct sluice_stream *stream;
	const struct slu_offer *offer;
	struct sluice_ticket *ticket;
	void **record; /* of a reserve; NULL: a put */
};

/* On a shared lane that is lent for the try; on the next one when that has no room. */
static enum sluice_status try_shared(const struct attempt *attempt)
{
	const struct sluice *sluice = attempt->lane->shape.owner;
	enum sluice_status status = SLUICE_FULL;
	size_t first = slu_lease_nearest();

	if (attempt->record != NULL) /* would keep a lane from the others until the commit */
		return SLUICE_INVALID;
	for (size_t i = 0; i < sluice->options.shared_lanes && status == SLUICE_FULL; i++) {
		struct sluice_lane *lane = slu_lease_borrow(attempt->lane, first + i);

		if (lane == NULL)
			break;
		status = slu_put_once(lane, attempt->stream, attempt->offer, attempt->ticket);
		slu_lease_give_back(lane);
	}
	return status;
}

static enum sluice_status try(const struct attempt *attempt)
{
	if (attempt->lane->engine.refusal == SLU_SHARED)
		return try_shared(attempt);
	if (attempt->record != NULL)
		return slu_reserve_once(attempt->lane, attempt->stream, attempt->offer,
		                        attempt->record);
	return slu_put_once(attempt->lane, attempt->stream, attempt->offer, attempt->ticket);
}

/* What the user wants of a stream whose lane is full. */
static const struct slu_overflow *overflow_of(const struct sluice_lane *lane,
                                              const struct sluice_stream *stream)
{
	return &lane->shape.owner->overflow[stream->index];
}

/* With overflow=block the engine, which asked for it, first spins for some microseconds, then
 * sleeps, until there is room or its time is up. Outside of sections: else it would hold up grace
 * periods, and so its own room. */
static enum sluice_status wait_for_room(const struct attempt *attempt)
{
	struct sluice *sluice = attempt->lane->shape.owner;
	struct slu_env *env = sluice->env;
	uint64_t pause_ns = ROOM_PAUSE_NS_MIN;
	uint64_t now_ns = env->now_ns(env);
	uint64_t until_ns = now_ns + overflow_of(attempt->lane, attempt->stream)->block_ns;
	unsigned int spins = CK_BACKOFF_INITIALIZER;

	while (now_ns < until_ns) {
		enum sluice_status status = try(attempt);

		if (status != SLUICE_FULL)
			return status;
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

static enum sluice_status drop(struct sluice_lane *lane, const struct sluice_stream *stream)
{
	slu_put_count(&slu_put_counting(lane)->dropped[stream->index]);
	return SLUICE_DROPPED;
}

/* After a first try that ended in `status`. */
static SLU_UNLIKELY enum sluice_status otherwise(const struct attempt *attempt,
                                                 enum sluice_status status)
{
	enum slu_overflow_kind overflow = overflow_of(attempt->lane, attempt->stream)->kind;

	if (status == SLU_SHARED)
		status = try(attempt);
	if (status == SLUICE_FULL && overflow == SLU_OVERFLOW_BLOCK)
		status = wait_for_room(attempt);
	if (status == SLUICE_FULL && overflow == SLU_OVERFLOW_DROP)
		return drop(attempt->lane, attempt->stream);
	return status == SLUICE_FULL || status == SLU_NO_ENTRY
	               ? slu_put_refuse(attempt->lane, status)
	               : status;
}

/* ---- put ---- */

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

/* The offer is taken by value, so that it stays in registers unless the put goes other ways. */
static inline enum sluice_status put(struct sluice_lane *lane, const struct sluice_stream *stream,
                                     struct slu_offer offer, struct sluice_ticket *ticket)
{
	enum sluice_status status = slu_put_once(lane, stream, &offer, ticket);

	if (__builtin_expect(status != SLUICE_OK, 0)) {
		struct slu_offer again = offer;

		return otherwise(&(struct attempt){lane, stream, &again, ticket, NULL}, status);
	}
	return SLUICE_OK;
}

/* These two are not inlined, and called last: what they keep on the stack is no concern of a
 * straight put. */
static SLU_APART enum sluice_status put_any(struct sluice_lane *lane,
                                            const struct sluice_stream *stream, const void *record,
                                            size_t size, struct sluice_ticket *ticket)
{
	struct slu_offer offer = {.record = record, .size = size, .rule = SLU_ANY_VERSION};

	if (stream->kind == SLUICE_STATE)
		offer.key = (const char *)record + stream->key_offset;
	return put(lane, stream, offer, ticket);
}

static bool drops(const struct sluice_lane *lane, const struct sluice_stream *stream)
{
	return overflow_of(lane, stream)->kind == SLU_OVERFLOW_DROP;
}

static SLU_APART enum sluice_status put_lossy(struct sluice_lane *lane,
                                              const struct sluice_stream *stream,
                                              const void *record, size_t size,
                                              struct sluice_ticket *ticket)
{
	struct slu_offer offer = {.record = record,
	                          .size = size,
	                          .rule = SLU_ANY_VERSION,
	                          .lossy = drops(lane, stream)};

	return put(lane, stream, offer, ticket);
}

static SLU_APART enum sluice_status append_by_call(struct sluice_lane *lane,
                                                   const struct sluice_stream *stream,
                                                   const void *record, size_t size,
                                                   struct sluice_ticket *ticket)
{
	if (__builtin_expect(slu_put_straight(lane, stream, record, size, ticket), 1))
		return SLUICE_OK;
	return put_any(lane, stream, record, size, ticket);
}

enum sluice_status sluice_put(struct sluice_lane *lane, const struct sluice_stream *stream,
                              const void *record, size_t size, struct sluice_ticket *ticket)
{
	enum sluice_status status = misuse(lane, stream);

	if (__builtin_expect(status != SLUICE_OK, 0))
		return status;
	if (__builtin_expect(size > stream->layout.size, 0))
		return SLUICE_TOO_LONG;
	if (__builtin_expect(size < (size_t)stream->key_offset + stream->key_size, 0))
		return SLUICE_INVALID;
	if (stream->kind == SLUICE_STATE)
		return put_any(lane, stream, record, size, ticket);
	if (__builtin_expect(stream->lossy, 0))
		return put_lossy(lane, stream, record, size, ticket);
	if (!slu_put_in_steps(size))
		return append_by_call(lane, stream, record, size, ticket);
	if (__builtin_expect(slu_put_straight(lane, stream, record, size, ticket), 1))
		return SLUICE_OK;
	return put_any(lane, stream, record, size, ticket);
}

enum sluice_status sluice_put_if(struct sluice_lane *lane, const struct sluice_stream *stream,
                                 const void *record, size_t size, uint64_t expected,
                                 struct sluice_ticket *ticket)
{
	struct slu_offer offer = {
		.record = record, .size = size, .rule = SLU_EXPECTED_VERSION, .expected = expected};
	enum sluice_status status = misuse(lane, stream);

	if (status != SLUICE_OK)
		return status;
	if (stream->kind != SLUICE_STATE)
		return SLUICE_INVALID;
	if (size > stream->layout.size)
		return SLUICE_TOO_LONG;
	if (size < (size_t)stream->key_offset + stream->key_size)
		return SLUICE_INVALID;
	offer.key = (const char *)record + stream->key_offset;
	return put(lane, stream, offer, ticket);
}

enum sluice_status sluice_remove(struct sluice_lane *lane, const struct sluice_stream *stream,
                                 const void *key, struct sluice_ticket *ticket)
{
	struct slu_offer offer = {
		.key = key, .record = key, .flags = SLU_SLOT_REMOVED, .rule = SLU_ANY_VERSION};
	enum sluice_status status = misuse(lane, stream);

	if (status != SLUICE_OK)
		return status;
	if (stream->kind != SLUICE_STATE)
		return SLUICE_INVALID;
	offer.size = stream->layout.size;
	return put(lane, stream, offer, ticket);
}

/* ---- reserve, commit ---- */

enum sluice_status sluice_reserve(struct sluice_lane *lane, const struct sluice_stream *stream,
                                  const void *key, void **record)
{
	struct slu_offer offer = {.key = key};
	struct attempt attempt = {lane, stream, &offer, NULL, record};
	enum sluice_status status = misuse(lane, stream);

	if (status != SLUICE_OK)
		return status;
	if ((stream->kind == SLUICE_STATE) != (key != NULL))
		return SLUICE_INVALID;
	offer.lossy = drops(lane, stream);
	status = slu_reserve_once(lane, stream, &offer, record);
	return status == SLUICE_OK ? status : otherwise(&attempt, status);
}

/* Gives the lane back to puts. */
static void end_reserve(struct sluice_lane *lane)
{
	slu_lane_admit(lane);
	lane->engine.room_until = lane->engine.reserved_room_until;
	lane->engine.reserved = NULL;
}

static void commit_reserved(struct sluice_lane *lane, struct sluice_ticket *ticket)
{
	struct slu_put put = {
		.lane = lane,
		.stream = lane->engine.reserved,
		.slot = slu_lane_slot(lane, slu_lane_position(lane)),
		.entry = lane->engine.reserved_entry,
	};
	struct slu_mark mark;

	end_reserve(lane);
	(void)slu_put_take_version(&put, SLU_ANY_VERSION, 0, &mark); /* always allowed */
	slu_put_stamp(put.slot, put.stream, mark, put.stream->layout.size, 0);
	if (drops(lane, put.stream))
		slu_lossy_take(lane);
	slu_put_finish(&put, ticket);
}

enum sluice_status sluice_commit(struct sluice_lane *lane, struct sluice_ticket *ticket)
{
	enum sluice_status status;

	if (lane == NULL)
		return SLUICE_UNATTACHED;
	if (!slu_section_enter(lane)) {
		status = slu_put_interrupting(lane);
		return status == SLU_SHARED ? SLUICE_INVALID : status;
	}
	status = lane->engine.refusal;
	if (status == SLUICE_BUSY)
		commit_reserved(lane, ticket);
	slu_section_exit(lane);
	if (status == SLUICE_BUSY)
		return SLUICE_OK;
	return status == SLUICE_OK ? SLUICE_INVALID : status;
}

void sluice_cancel(struct sluice_lane *lane)
{
	if (lane == NULL || !slu_section_enter(lane))
		return;
	if (lane->engine.refusal == SLUICE_BUSY)
		end_reserve(lane);
	slu_section_exit(lane);
}

/* ---- get ---- */

static enum sluice_status copy_newest(struct slu_cache *cache, const void *key, void *record,
                                      uint64_t *version)
{
	struct slu_entry *entry = slu_cache_find(cache, key);
	const struct slu_slot *newest;

	if (version != NULL)
		*version = 0;
	if (entry == NULL)
		return SLUICE_MISS;
	newest = slu_cache_newest(cache, entry);
	if (newest == NULL)
		return SLUICE_MISS;
	if (version != NULL)
		*version = newest->version;
	if (slu_slot_flags(newest) & SLU_SLOT_REMOVED)
		return SLUICE_MISS;
	memcpy(record, newest->record, newest->length);
	return SLUICE_OK;
}

static inline enum sluice_status get_once(struct sluice_lane *lane,
                                          const struct sluice_stream *stream, const void *key,
                                          void *record, uint64_t *version)
{
	enum sluice_status status;

	if (!slu_section_enter(lane))
		return slu_put_interrupting(lane);
	status = lane->engine.refusal;
	if (__builtin_expect(status == SLUICE_OK || status == SLUICE_BUSY, 1))
		status = copy_newest(slu_put_cache(lane, stream), key, record, version);
	slu_section_exit(lane);
	return status;
}

static SLU_UNLIKELY enum sluice_status get_shared(struct sluice_lane *handle,
                                                  const struct sluice_stream *stream,
                                                  const void *key, void *record, uint64_t *version)
{
	struct sluice_lane *lane = slu_lease_borrow(handle, slu_lease_nearest());
	enum sluice_status status;

	if (lane == NULL)
		return slu_put_refuse(handle, SLUICE_FULL);
	status = get_once(lane, stream, key, record, version);
	slu_lease_give_back(lane);
	return status;
}

enum sluice_status sluice_get(struct sluice_lane *lane, const struct sluice_stream *stream,
                              const void *key, void *record, uint64_t *version)
{
	enum sluice_status status = misuse(lane, stream);

	if (__builtin_expect(status != SLUICE_OK, 0))
		return status;
	if (stream->kind != SLUICE_STATE)
		return SLUICE_INVALID;
	status = get_once(lane, stream, key, record, version);
	if (__builtin_expect(status != SLU_SHARED, 1))
		return status;
	return get_shared(lane, stream, key, record, version);
}
