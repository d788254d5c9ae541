/* SPDX-License-Identifier: MIT */
/*
 * instance.c - the life of an instance after open: wait, stats, close.
 *
 * Owns: the sink, all memory that put and get use, the flusher thread. None of this is on the hot
 * path; it may lock, allocate and sleep. The handle and its lanes' heads are never freed, so that a
 * late call finds SLUICE_CLOSED instead of someone else's memory.
 */
#include "core/instance.h"

#include "core/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the thread and the memory, as open made them ---- */

/* Everything that put, get and the flusher used. The handle and the lanes' heads stay. */
void slu_instance_free_memory(struct sluice *sluice)
{
	struct slu_flusher *flusher = &sluice->flusher;

	slu_generation_close(&sluice->generation, sluice->env);
	sluice->env->unmap(sluice->env, sluice->lossy, sluice->lossy_size);
	sluice->lossy = NULL;
	for (size_t i = 0; i < sluice->streams->count; i++)
		if (sluice->streams->streams[i]->kind == SLUICE_STATE)
			slu_cache_close(&sluice->caches[i], sluice->env);
	slu_recovery_close(&sluice->recovery);
	slu_wire_close(&flusher->wire, sluice->env);
	free(flusher->stages);
	free(flusher->grace.sections);
	free(sluice->format);
	sluice->format = NULL;
	slu_directory_close(&sluice->directory);
}

/* Sealed: all of it is committed. Empty: nobody ever put, and the sink has not heard of it. If the
 * file can't be removed, the next run finds nothing left to do in it. */
void slu_instance_discard_file(struct sluice *sluice)
{
	const struct slu_flusher *flusher = &sluice->flusher;
	bool sealed = flusher->sealing && flusher->progress.sealed;
	bool empty = true;

	if (sluice->generation.name[0] == '\0')
		return;
	for (size_t i = 0; i < sluice->lane_count; i++)
		empty &= slu_lane_position(&sluice->lanes[i]) == 0;
	/* Relaxed: the flusher has ended. */
	empty &= atomic_load_explicit(sluice->generation.known_to_sink, memory_order_relaxed) == 0;
	if (sealed || empty)
		(void)slu_directory_remove(&sluice->directory, sluice->generation.name, NULL);
}

void slu_instance_stop(struct sluice *sluice, uint64_t stop_ns)
{
	/* Release: what the engines put before is seen by the flusher when it sees this. Never 0,
	 * which means run. */
	atomic_store_explicit(&sluice->flusher.stop_ns, stop_ns > 0 ? stop_ns : 1,
	                      memory_order_release);
	pthread_join(sluice->thread, NULL);
}

/* Sleeps until the flusher has news, or `until_ns`. `seen`: the news before the caller looked at
 * what it waits for. */
void slu_instance_wait_for_news(struct sluice *sluice, uint32_t seen, uint64_t until_ns)
{
	struct slu_flusher *flusher = &sluice->flusher;

	atomic_fetch_add_explicit(&flusher->waiters, 1, memory_order_seq_cst);  /* E10 */
	if (atomic_load_explicit(&flusher->news, memory_order_seq_cst) == seen) /* E10 */
		sluice->env->wait_word(sluice->env, &flusher->news, seen, until_ns);
	atomic_fetch_sub_explicit(&flusher->waiters, 1, memory_order_relaxed);
}

uint32_t slu_instance_news(struct sluice *sluice)
{
	/* Acquire: what the flusher did before it moved `news` is seen. */
	return atomic_load_explicit(&sluice->flusher.news, memory_order_acquire);
}

/* ---- wait, flush ---- */

static uint64_t deadline(struct sluice *sluice, uint64_t timeout_ns)
{
	uint64_t now_ns = sluice->env->now_ns(sluice->env);

	return timeout_ns < SLU_NEVER - now_ns ? now_ns + timeout_ns : SLU_NEVER;
}

static bool committed(const struct sluice_lane *lane, uint64_t sequence)
{
	/* Acquire: pairs with the flusher's release in acknowledge. */
	return atomic_load_explicit(&lane->flusher.acknowledged, memory_order_acquire) >= sequence;
}

/* Why a record that is not committed will not be soon; SLUICE_OK: it may. */
static enum sluice_status hopeless(struct sluice *sluice)
{
	struct slu_picture picture;

	if (sluice->gone != SLUICE_OK)
		return sluice->gone;
	slu_counters_read(&sluice->flusher.counters, &picture);
	return slu_picture_stopped(&picture) ? SLUICE_HALTED : SLUICE_OK;
}

static enum sluice_status wait_committed(struct sluice *sluice, const struct sluice_lane *lane,
                                         uint64_t sequence, uint64_t until_ns)
{
	for (;;) {
		uint32_t seen = slu_instance_news(sluice);
		enum sluice_status status;

		if (committed(lane, sequence))
			return SLUICE_OK;
		status = hopeless(sluice);
		if (status != SLUICE_OK)
			return status;
		if (sluice->env->now_ns(sluice->env) >= until_ns)
			return SLUICE_TIMEOUT;
		slu_instance_wait_for_news(sluice, seen, until_ns);
	}
}

enum sluice_status sluice_wait(struct sluice *sluice, struct sluice_ticket ticket,
                               enum sluice_level level, uint64_t timeout_ns)
{
	const struct sluice_lane *lane;
	enum sluice_status status;

	if (sluice->gone == SLUICE_FORKED)
		return SLUICE_FORKED;
	if ((level != SLUICE_COMMITTED && level != SLUICE_REPLICATED) ||
	    ticket.lane >= sluice->lane_count)
		return SLUICE_INVALID;
	lane = &sluice->lanes[ticket.lane];
	if (ticket.sequence == 0 ||
	    ticket.sequence > atomic_load_explicit(&lane->engine.position, memory_order_acquire))
		return SLUICE_INVALID;
	status = wait_committed(sluice, lane, ticket.sequence, deadline(sluice, timeout_ns));
	if (status != SLUICE_OK || level == SLUICE_COMMITTED)
		return status;
	/* Relaxed: its commit was seen, and the flusher wrote this before. */
	return atomic_load_explicit(&lane->flusher.replicated, memory_order_relaxed) >=
	                       ticket.sequence
	               ? SLUICE_OK
	               : SLUICE_UNREPLICATED;
}

enum sluice_status sluice_flush(struct sluice *sluice, uint64_t timeout_ns)
{
	uint64_t until_ns, *accepted;
	enum sluice_status status = SLUICE_OK;

	if (sluice->gone != SLUICE_OK)
		return sluice->gone;
	accepted = calloc(sluice->lane_count, sizeof(*accepted));
	if (accepted == NULL)
		return SLUICE_FAILED;
	until_ns = deadline(sluice, timeout_ns);
	for (size_t i = 0; i < sluice->lane_count; i++)
		accepted[i] = atomic_load_explicit(&sluice->lanes[i].engine.position,
		                                   memory_order_acquire);
	/* Release: the flusher, seeing this, finds positions at least as far. */
	atomic_fetch_add_explicit(&sluice->flusher.hurry, 1, memory_order_release);
	for (size_t i = 0; i < sluice->lane_count && status == SLUICE_OK; i++)
		status = wait_committed(sluice, &sluice->lanes[i], accepted[i], until_ns);
	free(accepted);
	return status;
}

/* ---- stats ---- */

static uint64_t dropped(const struct sluice *sluice)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sluice->streams->count; i++)
		sum += slu_drops_of(sluice->lanes, sluice->lane_count, i);
	return sum;
}

static void fill_account(struct sluice_account *account, const struct slu_picture *picture,
                         uint64_t accepted, uint64_t dropped_by_engines)
{
	*account = (struct sluice_account){
		.accepted = accepted + dropped_by_engines,
		.dropped = dropped_by_engines,
		.committed = picture->committed,
		.coalesced = picture->coalesced,
		.dead_lettered = picture->dead_lettered,
		.pending = accepted - picture->acknowledged,
	};
}

/* A record is accepted when its slot is committed, which its engine counts an instruction later: one
 * that was stopped in between must not make fewer records accepted than are committed. */
static uint64_t accepted_on(const struct sluice_lane *lane)
{
	uint64_t acknowledged = atomic_load_explicit(&lane->flusher.acknowledged,
	                                             memory_order_acquire);
	uint64_t position = atomic_load_explicit(&lane->engine.position, memory_order_acquire);

	return acknowledged > position ? acknowledged : position;
}

/* Engines count what they drop themselves. */
static void fill_streams(struct sluice_account *accounts, const struct sluice *sluice,
                         const struct slu_picture *picture)
{
	for (size_t i = 0; i < sluice->streams->count; i++) {
		const struct slu_stream_count *count = &picture->by_stream[i];
		uint64_t dropped_by_engines = slu_drops_of(sluice->lanes, sluice->lane_count, i);

		accounts[i] = (struct sluice_account){
			.accepted = count->seen + dropped_by_engines,
			.committed = count->committed,
			.coalesced = count->coalesced,
			.dead_lettered = count->dead_lettered,
			.dropped = dropped_by_engines,
			.pending = count->seen - count->committed - count->coalesced -
		                   count->dead_lettered,
		};
	}
}

static void fill_lanes(const struct sluice *sluice, struct sluice_stats *stats)
{
	for (size_t i = 0; i < sluice->lane_count; i++) {
		const struct sluice_lane *lane = &sluice->lanes[i];
		uint64_t released = atomic_load_explicit(&lane->flusher.released,
		                                         memory_order_acquire);
		uint64_t depth = accepted_on(lane) - released;

		stats->lane_depth += depth;
		if (depth > stats->lane_depth_max)
			stats->lane_depth_max = depth;
		stats->full += atomic_load_explicit(&lane->engine.full, memory_order_relaxed);
		stats->keys_full += atomic_load_explicit(&lane->engine.keys_full,
		                                         memory_order_relaxed);
	}
	for (size_t i = 0; i < sluice->streams->count; i++) {
		uint32_t taken = atomic_load_explicit(&sluice->caches[i].taken,
		                                      memory_order_relaxed);

		stats->keys += taken;
	}
}

static void fill_budget(const struct slu_budget *budget, struct sluice_stats *stats)
{
	stats->paused = atomic_load_explicit(&budget->paused, memory_order_relaxed);
	stats->flush_delay_ns = slu_budget_word(&budget->flush_delay);
	stats->flush_rows = slu_budget_word(&budget->flush_rows);
	stats->flush_bytes = slu_budget_word(&budget->flush_bytes);
}

static uint64_t accepted_by_engines(const struct sluice *sluice)
{
	uint64_t accepted = 0;

	for (size_t i = 0; i < sluice->lane_count; i++)
		accepted += accepted_on(&sluice->lanes[i]);
	return accepted;
}

void sluice_stats(struct sluice *sluice, struct sluice_stats *stats)
{
	struct slu_histogram *lag = &sluice->flusher.counters.commit_lag;
	uint64_t now_ns = sluice->env->now_ns(sluice->env);
	struct slu_picture picture;

	memset(stats, 0, sizeof(*stats));
	/* The flusher's picture first: the engines' positions, read later, can only be further. */
	slu_counters_read(&sluice->flusher.counters, &picture);
	fill_account(&stats->account, &picture, accepted_by_engines(sluice), dropped(sluice));
	fill_streams(stats->streams, sluice, &picture);
	fill_lanes(sluice, stats);
	stats->former = picture.former;
	stats->durability = sluice->options.dir[0] != '\0' ? SLUICE_PROCESS : SLUICE_MEMORY;
	stats->state = sluice->gone == SLUICE_CLOSED ? SLUICE_STATE_CLOSED
	                                             : (enum sluice_state)picture.state;
	stats->state_since_ns = now_ns - picture.state_since_ns;
	stats->lane_slots = sluice->options.lane_slots;
	stats->oldest_pending_ns = picture.oldest_ns != 0 ? now_ns - picture.oldest_ns : 0;
	stats->commit_lag = (struct sluice_latency){
		.count = atomic_load_explicit(&lag->count, memory_order_relaxed),
		.p50_ns = slu_histogram_percentile(lag, 50.0),
		.p99_ns = slu_histogram_percentile(lag, 99.0),
		.max_ns = atomic_load_explicit(&lag->max, memory_order_relaxed),
	};
	stats->batches = picture.batches;
	stats->reconnects = picture.reconnects;
	stats->halted_streams = picture.halted_streams;
	stats->unreplicated = picture.unreplicated;
	stats->high_lanes = picture.high_lanes;
	stats->high_times = picture.high_times;
	fill_budget(&sluice->flusher.budget, stats);
	stats->grace_periods = picture.grace_periods;
	stats->stalled_lane = (uint32_t)picture.stalled_lane;
	if (picture.stalled_since_ns != 0)
		stats->stalled_ns = now_ns - picture.stalled_since_ns;
	memcpy(stats->reason, picture.reason, sizeof(stats->reason));
}

/* ---- close ---- */

static enum sluice_status outcome(const struct slu_picture *picture,
                                  const struct sluice_account *account)
{
	if (account->pending == 0 && picture->former.account.pending == 0)
		return SLUICE_OK;
	return slu_picture_stopped(picture) ? SLUICE_HALTED : SLUICE_TIMEOUT;
}

static void write_report(struct sluice *sluice, uint64_t began_ns)
{
	struct slu_picture picture;
	struct sluice_report *report = &sluice->report;

	slu_counters_read(&sluice->flusher.counters, &picture);
	fill_account(&report->account, &picture, accepted_by_engines(sluice), dropped(sluice));
	fill_streams(report->streams, sluice, &picture);
	*(sluice->options.dir[0] != '\0' ? &report->kept : &report->lost) = report->account.pending;
	report->former = picture.former;
	report->elapsed_ns = sluice->env->now_ns(sluice->env) - began_ns;
	sluice->close_status = outcome(&picture, &report->account);
	if (sluice->close_status == SLUICE_OK)
		return;
	snprintf(report->reason, sizeof(report->reason), "%.200s%s",
	         picture.reason[0] != '\0' ? picture.reason : "the time was up",
	         sluice->options.dir[0] != '\0' ? "; what is pending stays in the lanes' files"
	                                        : "");
}

enum sluice_status sluice_close(struct sluice *sluice, uint64_t timeout_ns,
                                struct sluice_report *report)
{
	enum sluice_status gone;

	pthread_mutex_lock(&sluice->mutex);
	gone = sluice->gone;
	if (gone == SLUICE_OK) {
		uint64_t began_ns = sluice->env->now_ns(sluice->env);

		slu_lease_close(sluice);
		slu_instance_stop(sluice, deadline(sluice, timeout_ns));
		write_report(sluice, began_ns);
		sluice->gone = SLUICE_CLOSED;
		slu_instance_discard_file(sluice);
		sluice->sink->ops->close(sluice->sink);
		slu_instance_free_memory(sluice);
	}
	pthread_mutex_unlock(&sluice->mutex);
	if (report != NULL)
		*report = sluice->report;
	return gone == SLUICE_OK ? sluice->close_status : gone;
}
