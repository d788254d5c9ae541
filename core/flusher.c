/* SPDX-License-Identifier: MIT */
/*
 * flusher.c - carries records from the lanes to the sink, in batches, at its own pace.
 *
 * Owns: the flusher thread, one batch in the making, the summaries of those in flight.
 * Borrows: lanes, caches, sink, env.
 * One cycle: poll the sink -> acknowledge -> scan the lanes -> cut and write -> release -> tell.
 *
 * Natural batching: while a batch is on the wire the next one grows; it leaves when the wire is free.
 * Only a full one is handed over earlier, to wait encoded behind the first. With the wire free, a
 * batch closes when it is full or its oldest record has waited flush_delay.
 */
#include "core/flusher.h"

#include <string.h>

#define GRACE_POLL_NS 50000u
#define GRACE_INTERVAL_NS 10000000u /* between two starts */
#define GRACE_HURRY_NS 1000000u     /* the same, while a lane is more than half full */

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t acknowledged(const struct sluice_lane *lane)
{
	/* Relaxed: the flusher reads what it wrote itself. */
	return atomic_load_explicit(&lane->flusher.acknowledged, memory_order_relaxed);
}

static uint64_t released(const struct sluice_lane *lane)
{
	return atomic_load_explicit(&lane->flusher.released, memory_order_relaxed);
}

/* ---- poll, acknowledge ---- */

/* Wakes those who wait for a record or for a state.
 * E10 A waiter counts itself, then looks at `news`; the flusher moves `news`, then looks for
 * waiters. Both are sequentially consistent: one of the two sees the other, so nobody sleeps
 * through what it waits for. */
static void spread_news(struct slu_flusher *flusher)
{
	atomic_fetch_add_explicit(&flusher->news, 1, memory_order_seq_cst);    /* E10 */
	if (atomic_load_explicit(&flusher->waiters, memory_order_seq_cst) > 0) /* E10 */
		flusher->env->wake(flusher->env, &flusher->news);
}

/* Slots that no cache ever pointed at need no grace period. */
static void release_plain(struct sluice_lane *lane)
{
	uint64_t until = acknowledged(lane);

	if (lane->flusher.state_end > released(lane))
		return;
	lane->flusher.published = until;
	lane->flusher.installed = until;
	slu_lane_release(lane, until);
}

static void acknowledge(struct slu_flusher *flusher, const struct slu_summary *summary,
                        uint64_t now_ns)
{
	for (size_t i = 0; i < flusher->lane_count; i++) {
		/* Release: who finds its record committed also finds it counted. */
		atomic_store_explicit(&flusher->lanes[i].flusher.acknowledged, summary->to[i],
		                      memory_order_release);
		release_plain(&flusher->lanes[i]);
	}
	for (size_t i = 0; i < summary->lag_count; i++)
		slu_histogram_record_many(&flusher->counters.commit_lag,
		                          now_ns - summary->lags[i].began_ns,
		                          summary->lags[i].records);
	flusher->picture.committed += summary->row_count;
	flusher->picture.coalesced += summary->coalesced;
	flusher->picture.batches++;
}

static void poll_sink(struct slu_flusher *flusher, uint64_t now_ns)
{
	struct sluice_sink_progress *progress = &flusher->progress;

	flusher->sink->ops->step(flusher->sink, now_ns, progress);
	while (flusher->committed < progress->committed) {
		flusher->committed++;
		acknowledge(flusher, &flusher->in_flight[flusher->committed % SLU_IN_FLIGHT_MAX],
		            now_ns);
	}
}

/* ---- scan ---- */

/* Begins a new epoch, then reads how far each lane is published: in this order the records up to
 * `limit` are a cut (epoch.h). */
static void scan(struct slu_flusher *flusher, uint64_t now_ns)
{
	flusher->limit = slu_epoch_advance(flusher->epoch, now_ns);
	for (size_t i = 0; i < flusher->lane_count; i++) {
		struct sluice_lane *lane = &flusher->lanes[i];
		const struct slu_slot *slot;

		while ((slot = slu_lane_peek(lane, lane->flusher.seen)) != NULL) {
			flusher->waiting_bytes += slot->length;
			lane->flusher.seen++;
		}
	}
	flusher->next_scan_ns = now_ns + flusher->poll_ns;
}

/* Whoever asked for no delay asked for what was accepted by then, all of which the last scan has
 * seen or the next one will. */
static void note_hurry(struct slu_flusher *flusher)
{
	uint32_t asked = atomic_load_explicit(&flusher->hurry, memory_order_acquire);

	if (asked == flusher->hurry_served)
		return;
	flusher->hurry_served = asked;
	for (size_t i = 0; i < flusher->lane_count; i++)
		flusher->lanes[i].flusher.hurry = atomic_load_explicit(
			&flusher->lanes[i].engine.position, memory_order_acquire);
}

/* ---- cut and write ---- */

struct waiting {
	uint64_t records;
	uint64_t oldest; /* stamp */
	bool hurried;
};

static struct waiting look_at_waiting(const struct slu_flusher *flusher)
{
	struct waiting waiting = {.oldest = UINT64_MAX};

	for (size_t i = 0; i < flusher->lane_count; i++) {
		const struct sluice_lane *lane = &flusher->lanes[i];

		if (lane->flusher.gathered == lane->flusher.seen)
			continue;
		waiting.records += lane->flusher.seen - lane->flusher.gathered;
		waiting.oldest = min64(waiting.oldest,
		                       slu_lane_slot(lane, lane->flusher.gathered)->epoch);
		waiting.hurried |= lane->flusher.gathered < lane->flusher.hurry;
	}
	return waiting;
}

static bool should_close(const struct slu_flusher *flusher, uint64_t now_ns)
{
	struct waiting waiting = look_at_waiting(flusher);
	bool full = waiting.records >= flusher->batch.row_max ||
	            flusher->waiting_bytes >= flusher->batch.byte_max;
	uint64_t began_ns;

	if (waiting.records == 0)
		return false;
	if (full || flusher->submitted != flusher->committed)
		return full;
	if (waiting.hurried || atomic_load_explicit(&flusher->stop_ns, memory_order_acquire) != 0)
		return true;
	began_ns = slu_epoch_began_ns(flusher->epoch, waiting.oldest);
	return now_ns - began_ns >= flusher->flush_delay_ns;
}

static void remember(struct slu_flusher *flusher)
{
	struct slu_summary *kept =
		&flusher->in_flight[flusher->batch.summary.number % SLU_IN_FLIGHT_MAX];
	uint64_t *to = kept->to;

	memcpy(to, flusher->batch.summary.to, flusher->lane_count * sizeof(*to));
	*kept = flusher->batch.summary;
	kept->to = to;
}

/* Hands the batch over. If the sink has no memory for it now, it is offered again in the next
 * cycle. */
static bool submit(struct slu_flusher *flusher)
{
	flusher->unsent = flusher->sink->ops->submit(flusher->sink, &flusher->batch.view) !=
	                  SLUICE_OK;
	if (flusher->unsent)
		return false;
	remember(flusher);
	flusher->submitted++;
	return true;
}

static void write_batches(struct slu_flusher *flusher, uint64_t now_ns)
{
	while (flusher->progress.ready &&
	       flusher->submitted - flusher->committed < flusher->in_flight_max) {
		if (!flusher->unsent) {
			if (!should_close(flusher, now_ns) ||
			    !slu_batch_cut(&flusher->batch, flusher->limit, flusher->submitted + 1))
				return;
			flusher->waiting_bytes -= flusher->batch.summary.bytes;
		}
		if (!submit(flusher))
			return;
		poll_sink(flusher, now_ns);
	}
}

/* ---- release ---- */

/* A grace period has passed: every slot moves one stage on (cache.h, C3). */
static void advance_stages(struct slu_flusher *flusher)
{
	for (size_t i = 0; i < flusher->lane_count; i++) {
		struct sluice_lane *lane = &flusher->lanes[i];
		const struct slu_stage *before = &flusher->stages[i];

		if (before->installed > released(lane))
			slu_lane_release(lane, before->installed);
		for (uint64_t p = lane->flusher.installed; p < before->published; p++) {
			struct slu_slot *slot = slu_lane_slot(lane, p);

			if (flusher->streams->streams[slot->stream]->kind == SLUICE_STATE)
				slu_cache_install(&flusher->caches[slot->stream], slot);
		}
		lane->flusher.installed = max64(lane->flusher.installed, before->published);
		lane->flusher.published = max64(lane->flusher.published, before->acknowledged);
	}
}

/* Notes where each lane stands. Returns whether any waits for a grace period; `*pressed`: one of
 * them is short of slots. */
static bool note_stages(struct slu_flusher *flusher, bool *pressed)
{
	bool waiting = false;

	*pressed = false;
	for (size_t i = 0; i < flusher->lane_count; i++) {
		const struct sluice_lane *lane = &flusher->lanes[i];

		flusher->stages[i] = (struct slu_stage){
			.acknowledged = acknowledged(lane),
			.published = lane->flusher.published,
			.installed = lane->flusher.installed,
		};
		waiting |= acknowledged(lane) > released(lane);
		*pressed |= lane->flusher.seen - released(lane) > lane->shape.slot_mask / 2;
	}
	return waiting;
}

/* Returns when it wants to look again. */
static uint64_t release_slots(struct slu_flusher *flusher, uint64_t now_ns)
{
	bool pressed;
	uint64_t due_ns;

	if (slu_grace_passed(&flusher->grace))
		advance_stages(flusher);
	if (flusher->grace.running)
		return now_ns + GRACE_POLL_NS;
	if (!note_stages(flusher, &pressed))
		return SLU_NEVER;
	due_ns = flusher->grace.started_ns + (pressed ? GRACE_HURRY_NS : GRACE_INTERVAL_NS);
	if (now_ns < due_ns)
		return due_ns;
	slu_grace_start(&flusher->grace, now_ns);
	return now_ns + GRACE_POLL_NS;
}

/* ---- tell ---- */

/* When the oldest record not yet committed was put, 0 for none; the times before it are of no use
 * any more. */
static uint64_t oldest_ns(struct slu_flusher *flusher)
{
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 0; i < flusher->lane_count; i++) {
		const struct sluice_lane *lane = &flusher->lanes[i];

		if (acknowledged(lane) < lane->flusher.seen)
			oldest = min64(oldest, slu_lane_slot(lane, acknowledged(lane))->epoch);
	}
	slu_epoch_forget(flusher->epoch, min64(oldest, flusher->limit));
	return oldest == UINT64_MAX ? 0 : slu_epoch_began_ns(flusher->epoch, oldest);
}

static void tell(struct slu_flusher *flusher, uint64_t committed_before, uint64_t now_ns)
{
	struct slu_picture *picture = &flusher->picture;
	bool changed = picture->state != flusher->progress.state;

	if (changed) {
		picture->state = flusher->progress.state;
		picture->state_since_ns = now_ns;
	}
	picture->acknowledged = 0;
	for (size_t i = 0; i < flusher->lane_count; i++)
		picture->acknowledged += acknowledged(&flusher->lanes[i]);
	picture->reconnects = flusher->progress.reconnects;
	picture->grace_periods = flusher->grace.count;
	picture->oldest_ns = oldest_ns(flusher);
	strncpy(picture->reason, flusher->progress.reason, sizeof(picture->reason) - 1);
	slu_counters_publish(&flusher->counters, picture);
	if (changed || flusher->committed != committed_before)
		spread_news(flusher);
}

/* ---- the cycle ---- */

uint64_t slu_flusher_step(struct slu_flusher *flusher, uint64_t now_ns)
{
	uint64_t committed_before = flusher->committed;
	uint64_t wake_ns;

	poll_sink(flusher, now_ns);
	note_hurry(flusher);
	if (now_ns >= flusher->next_scan_ns)
		scan(flusher, now_ns);
	write_batches(flusher, now_ns);
	wake_ns = release_slots(flusher, now_ns);
	tell(flusher, committed_before, now_ns);
	return min64(min64(wake_ns, flusher->next_scan_ns), flusher->progress.wake_ns);
}

bool slu_flusher_drained(const struct slu_flusher *flusher)
{
	for (size_t i = 0; i < flusher->lane_count; i++)
		if (acknowledged(&flusher->lanes[i]) != slu_lane_position(&flusher->lanes[i]))
			return false;
	return true;
}

static bool finished(struct slu_flusher *flusher, uint64_t now_ns)
{
	/* Acquire: what the engines put before close was called is seen from here on. */
	uint64_t stop_ns = atomic_load_explicit(&flusher->stop_ns, memory_order_acquire);

	if (stop_ns == 0)
		return false;
	return slu_flusher_drained(flusher) || now_ns >= stop_ns ||
	       flusher->progress.state == SLUICE_STATE_HALTED;
}

void *slu_flusher_run(void *argument)
{
	struct slu_flusher *flusher = argument;
	struct slu_env *env = flusher->env;

	for (;;) {
		uint64_t now_ns = env->now_ns(env);
		uint64_t wake_ns = slu_flusher_step(flusher, now_ns);

		if (finished(flusher, now_ns))
			return NULL;
		env->wait(env, flusher->progress.fd, flusher->progress.events, wake_ns);
	}
}
