/* SPDX-License-Identifier: MIT */
/*
 * warm.c - records that the database holds come into the cache, before anybody puts them.
 *
 * Beside the hot path, not on it: a warmed record takes no slot, so that nothing of it is pending,
 * and the flusher never hears of it. Why it can't hide a put, nor be seen half: cache.h, C4.
 */
#include "core/put.h"

/* As sluice_put: what can't be, whatever the lane says. */
static enum sluice_status misuse(const struct sluice_lane *lane, const struct sluice_stream *stream,
                                 size_t size, uint64_t version)
{
	const struct sluice_streams *streams;

	if (lane == NULL)
		return SLUICE_UNATTACHED;
	streams = lane->shape.owner->streams;
	if (stream == NULL || stream->index >= streams->count ||
	    streams->streams[stream->index] != stream || stream->kind != SLUICE_STATE)
		return SLUICE_INVALID;
	if (size > stream->layout.size)
		return SLUICE_TOO_LONG;
	if (size < (size_t)stream->key_offset + stream->key_size || version > INT64_MAX)
		return SLUICE_INVALID;
	return SLUICE_OK;
}

static enum sluice_status warm_key(struct sluice_lane *lane, const struct sluice_stream *stream,
                                   const void *record, size_t size, uint64_t version)
{
	struct slu_cache *cache = slu_put_cache(lane, stream);
	const void *key = (const char *)record + stream->key_offset;
	struct slu_entry *entry = slu_cache_find_or_add(cache, lane, key);

	if (entry == NULL)
		return SLU_NO_ENTRY;
	return slu_cache_warm(cache, entry, version, record, size) ? SLUICE_OK : SLUICE_CONFLICT;
}

static enum sluice_status warm_once(struct sluice_lane *lane, const struct sluice_stream *stream,
                                    const void *record, size_t size, uint64_t version)
{
	enum sluice_status status;

	if (!slu_section_enter(lane))
		return slu_put_interrupting(lane);
	status = lane->engine.refusal;
	if (status == SLUICE_OK)
		status = warm_key(lane, stream, record, size, version);
	slu_section_exit(lane);
	return status;
}

static enum sluice_status warm_shared(struct sluice_lane *handle,
                                      const struct sluice_stream *stream, const void *record,
                                      size_t size, uint64_t version)
{
	struct sluice_lane *lane = slu_lease_borrow(handle, slu_lease_nearest());
	enum sluice_status status;

	if (lane == NULL)
		return SLUICE_FULL;
	status = warm_once(lane, stream, record, size, version);
	slu_lease_give_back(lane);
	return status;
}

enum sluice_status sluice_warm(struct sluice_lane *lane, const struct sluice_stream *stream,
                               const void *record, size_t size, uint64_t version)
{
	enum sluice_status status = misuse(lane, stream, size, version);

	if (status != SLUICE_OK)
		return status;
	status = warm_once(lane, stream, record, size, version);
	if (status == SLU_SHARED)
		status = warm_shared(lane, stream, record, size, version);
	if (status == SLU_NO_ENTRY || status == SLUICE_FULL)
		status = slu_put_refuse(lane, status);
	return status;
}
