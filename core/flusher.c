/* SPDX-License-Identifier: MIT */
/*
 * flusher.c - carries records from the lanes to the sink, in batches, at its own pace.
 *
 * Owns: the flusher thread, the wire to the sink.
 * Borrows: lanes, caches, recovery, sink, env.
 * One cycle: poll the sink -> acknowledge -> scan the lanes -> cut and write -> release -> tell.
 * Before the first batch of its own it carries what former runs left (recovery.h).
 *
 * Natural batching: while a batch is on the wire the next one grows; it leaves when the wire is free.
 * Only a full one is handed over earlier, to wait encoded behind the first. With the wire free, a
 * batch closes when it is full or its oldest record has waited flush_delay.
 */
#include "core/flusher.h"

#include <stdio.h>
#include <string.h>

#define POLL_NS_MIN 50000u
#define POLL_NS_MAX 1000000u
#define BUSY_POLL_NS 5000000u
#define GRACE_POLL_NS 50000u
#define GRACE_INTERVAL_NS 20000000u /* between two starts */
#define GRACE_HURRY_NS 5000000u     /* the same, while a lane is more than half full */
#define STALL_NS 100000000u         /* a grace period that takes longer is worth a name */

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
		struct sluice_lane *lane = &flusher->lanes[i];

		/* Relaxed: the next store publishes it, too. Who finds a record committed, but not
		 * replicated, knows that it was not confirmed. */
		if (flusher->progress.replicated >= flusher->wire.committed)
			atomic_store_explicit(&lane->flusher.replicated, summary->to[i],
			                      memory_order_relaxed);
		/* Release: who finds its record committed also finds it counted. */
		atomic_store_explicit(&lane->flusher.acknowledged, summary->to[i],
		                      memory_order_release);
		/* Before any of these slots is released: a run that recovers the lane must not take
		 * for pending what may be overwritten. Release: E2 of a slot follows it. */
		atomic_store_explicit(&lane->shape.hint->acknowledged, summary->to[i],
		                      memory_order_release);
		release_plain(lane);
	}
	for (size_t i = 0; i < summary->lag_count; i++)
		slu_histogram_record_many(&flusher->counters.commit_lag,
		                          now_ns - summary->lags[i].began_ns,
		                          summary->lags[i].records);
	for (size_t s = 0; s < flusher->streams->count; s++) {
		flusher->picture.by_stream[s].committed += summary->rows_of[s];
		flusher->picture.by_stream[s].coalesced += summary->coalesced_of[s];
	}
	flusher->picture.committed += summary->row_count;
	flusher->picture.coalesced += summary->coalesced;
	flusher->picture.batches++;
}

/* Rows that were committed as dead letters, which the summaries take for rows. */
static void count_letters(struct slu_flusher *flusher)
{
	uint64_t dead_lettered = slu_wire_dead_lettered(&flusher->wire, &flusher->progress);

	flusher->picture.committed -= dead_lettered;
	flusher->picture.dead_lettered += dead_lettered;
	for (size_t s = 0; dead_lettered > 0 && s < flusher->streams->count; s++) {
		struct slu_stream_count *count = &flusher->picture.by_stream[s];
		uint64_t now = flusher->progress.dead_lettered_of[s];

		count->committed -= now - count->dead_lettered;
		count->dead_lettered = now;
	}
}

static void poll_sink(struct slu_flusher *flusher, uint64_t now_ns)
{
	const struct slu_summary *summary;

	flusher->sink->ops->step(flusher->sink, now_ns, &flusher->progress);
	if (!flusher->begun)
		return;
	if (flusher->progress.positions != NULL)
		/* Relaxed: a note for the next run, not for another thread. */
		atomic_store_explicit(flusher->known_to_sink, 1, memory_order_relaxed);
	while ((summary = slu_wire_committed(&flusher->wire, &flusher->progress)) != NULL)
		acknowledge(flusher, summary, now_ns);
	count_letters(flusher);
}

/* ---- scan ---- */

/* B2: a newer version of the key is with the sink, or was. It is not enough to coalesce the slot when
 * its turn comes: if this process dies before, the next one may find the slot, and the newer one's
 * overwritten. A slot that is seen later than a newer version was sent is marked when it is seen; one
 * that is seen earlier is in the same batch or an earlier one, for stamps grow with versions
 * (put.h). */
static void mark_stale(const struct slu_flusher *flusher, struct slu_slot *slot)
{
	const struct slu_cache *cache = &flusher->caches[slot->stream];

	if (flusher->streams->streams[slot->stream]->kind == SLUICE_STATE &&
	    slot->version <= cache->sent[slot->entry].version)
		/* Relaxed: nobody else writes a committed slot, and only the next run reads this. */
		atomic_store_explicit(&slot->flags,
		                      (uint8_t)(slu_slot_flags(slot) | SLU_SLOT_STALE),
		                      memory_order_relaxed);
}

/* Returns whether there was something new. */
static bool scan_lane(struct slu_flusher *flusher, struct sluice_lane *lane)
{
	uint64_t seen_before = lane->flusher.seen;
	struct slu_slot *slot;

	while ((slot = slu_lane_peek(lane, lane->flusher.seen)) != NULL) {
		mark_stale(flusher, slot);
		flusher->waiting_bytes += slot->length;
		flusher->picture.by_stream[slot->stream].seen++;
		lane->flusher.seen++;
	}
	atomic_store_explicit(&lane->shape.hint->seen, lane->flusher.seen, memory_order_relaxed);
	slu_pressure_look(&flusher->pressure, lane);
	return lane->flusher.seen != seen_before;
}

/* Begins a new epoch, then reads how far each lane is published: in this order the records up to
 * `limit` are a cut (epoch.h).
 *
 * The next look comes soon while records come, so that the epochs are short and a full batch is seen.
 * When none came it is after flush_delay: the first one then leaves at that look, for it may be as old
 * as its epoch. And later still while the wire is busy: nothing leaves before a commit, which is
 * followed by a look. Each one is a timer, and timers are most of what waiting for Postgres costs. */
static void scan(struct slu_flusher *flusher, uint64_t now_ns)
{
	bool found = false;

	flusher->limit = slu_epoch_advance(flusher->epoch, now_ns);
	for (size_t i = 0; i < flusher->lane_count; i++)
		found |= scan_lane(flusher, &flusher->lanes[i]);
	if (found)
		flusher->next_scan_ns = now_ns + flusher->poll_ns;
	else if (slu_wire_idle(&flusher->wire))
		flusher->next_scan_ns = now_ns + flusher->idle_poll_ns;
	else
		flusher->next_scan_ns = now_ns + BUSY_POLL_NS;
}

/* Never so often that it burns the core, nor so rarely that a lane fills up unseen. */
static uint64_t poll_within(uint64_t ns)
{
	return min64(max64(ns, POLL_NS_MIN), POLL_NS_MAX);
}

static void take_budget(struct slu_flusher *flusher)
{
	const struct slu_budget *budget = &flusher->budget;
	struct slu_wire *wires[] = {&flusher->wire, &flusher->recovery->wire};
	bool held = atomic_load_explicit(&budget->paused, memory_order_relaxed) &&
	            atomic_load_explicit(&flusher->stop_ns, memory_order_acquire) == 0;

	flusher->flush_delay_ns = slu_budget_word(&budget->flush_delay);
	flusher->poll_ns = poll_within(flusher->flush_delay_ns / 4);
	flusher->idle_poll_ns = poll_within(flusher->flush_delay_ns);
	flusher->pressure.percent = slu_budget_word(&budget->high_water);
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		wires[i]->batch.row_max = slu_budget_word(&budget->flush_rows);
		wires[i]->batch.byte_max = slu_budget_word(&budget->flush_bytes);
		wires[i]->held = held;
	}
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
	const struct slu_batch *budget = &flusher->wire.batch;
	bool full = waiting.records >= budget->row_max ||
	            flusher->waiting_bytes >= budget->byte_max;
	uint64_t began_ns;

	if (waiting.records == 0)
		return false;
	if (full || flusher->wire.submitted != flusher->wire.committed)
		return full;
	if (waiting.hurried || atomic_load_explicit(&flusher->stop_ns, memory_order_acquire) != 0)
		return true;
	began_ns = slu_epoch_began_ns(flusher->epoch, waiting.oldest);
	return now_ns - began_ns >= flusher->flush_delay_ns;
}

/* A batch that the sink had no memory for is offered again; else a new one, if it is time. */
static bool next_batch(struct slu_flusher *flusher, uint64_t now_ns)
{
	if (flusher->wire.unsent)
		return true;
	if (!should_close(flusher, now_ns) || !slu_wire_cut(&flusher->wire, flusher->limit))
		return false;
	flusher->waiting_bytes -= flusher->wire.batch.summary.bytes;
	return true;
}

static void write_batches(struct slu_flusher *flusher, uint64_t now_ns)
{
	while (slu_wire_has_room(&flusher->wire, &flusher->progress)) {
		if (!next_batch(flusher, now_ns) || !slu_wire_send(&flusher->wire))
			return;
		poll_sink(flusher, now_ns);
	}
}

/* Former runs first; then this one is begun, and its batches go out. */
static void carry(struct slu_flusher *flusher, uint64_t now_ns)
{
	if (!flusher->begun) {
		if (slu_recovery_step(flusher->recovery, &flusher->progress))
			return;
		flusher->begun = flusher->sink->ops->begin(flusher->sink, &flusher->generation) ==
		                 SLUICE_OK;
		poll_sink(flusher, now_ns);
	}
	if (flusher->begun)
		write_batches(flusher, now_ns);
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

	if (slu_grace_passed(&flusher->grace)) {
		/* Whoever was inside has committed: seen now, its slot is marked stale, if it is,
		 * before the newer one's can be released. */
		scan(flusher, now_ns);
		advance_stages(flusher);
	}
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

/* The engine that the running grace period waits for, if it has for long. */
static void tell_stall(struct slu_flusher *flusher, uint64_t now_ns)
{
	const struct slu_grace *grace = &flusher->grace;
	bool stalled = grace->running && now_ns - grace->started_ns >= STALL_NS;

	flusher->picture.stalled_since_ns = stalled ? grace->started_ns : 0;
	flusher->picture.stalled_lane = stalled ? grace->waiting_for : 0;
}

/* What a former run left and can't be carried stops this one as the sink's own trouble does. */
static void tell_state(struct slu_flusher *flusher, uint64_t now_ns)
{
	struct slu_picture *picture = &flusher->picture;
	bool stuck = flusher->recovery->trouble[0] != '\0';
	enum sluice_state state = stuck ? SLUICE_STATE_HALTED : flusher->progress.state;

	if (picture->state != state) {
		picture->state = state;
		picture->state_since_ns = now_ns;
	}
	snprintf(picture->reason, sizeof(picture->reason), "%s",
	         stuck ? flusher->recovery->trouble : flusher->progress.reason);
}

static void tell(struct slu_flusher *flusher, uint64_t committed_before, uint64_t now_ns)
{
	struct slu_picture *picture = &flusher->picture;
	uint64_t state_before = picture->state, left_before = picture->former.files_left;

	tell_state(flusher, now_ns);
	tell_stall(flusher, now_ns);
	slu_drops_tell(&flusher->drops, flusher->lanes, flusher->lane_count, now_ns);
	slu_recovery_tell(flusher->recovery, &picture->former);
	picture->acknowledged = 0;
	for (size_t i = 0; i < flusher->lane_count; i++)
		picture->acknowledged += acknowledged(&flusher->lanes[i]);
	picture->reconnects = flusher->progress.reconnects;
	picture->halted_streams = flusher->progress.halted_streams;
	picture->unreplicated = flusher->progress.unreplicated;
	picture->high_lanes = flusher->pressure.high_lanes;
	picture->high_times = flusher->pressure.high_times;
	picture->grace_periods = flusher->grace.count;
	picture->oldest_ns = oldest_ns(flusher);
	slu_counters_publish(&flusher->counters, picture);
	if (picture->state != state_before || flusher->wire.committed != committed_before ||
	    picture->former.files_left != left_before)
		spread_news(flusher);
}

/* ---- the cycle ---- */

uint64_t slu_flusher_step(struct slu_flusher *flusher, uint64_t now_ns)
{
	uint64_t committed_before = flusher->wire.committed;
	uint64_t wake_ns;

	poll_sink(flusher, now_ns);
	take_budget(flusher);
	note_hurry(flusher);
	if (now_ns >= flusher->next_scan_ns || flusher->wire.committed != committed_before)
		scan(flusher, now_ns);
	carry(flusher, now_ns);
	wake_ns = release_slots(flusher, now_ns);
	tell(flusher, committed_before, now_ns);
	return min64(min64(wake_ns, flusher->next_scan_ns), flusher->progress.wake_ns);
}

bool slu_flusher_drained(const struct slu_flusher *flusher)
{
	if (slu_recovery_left(flusher->recovery) > 0)
		return false;
	for (size_t i = 0; i < flusher->lane_count; i++)
		if (acknowledged(&flusher->lanes[i]) < slu_lane_position(&flusher->lanes[i]))
			return false;
	return true;
}

/* All is carried: the sink writes that down, if it is there to. */
static bool sealed(struct slu_flusher *flusher)
{
	if (!flusher->begun || flusher->progress.state != SLUICE_STATE_RUNNING)
		return true;
	if (!flusher->sealing)
		flusher->sink->ops->seal(flusher->sink);
	flusher->sealing = true;
	return flusher->progress.sealed;
}

static bool finished(struct slu_flusher *flusher, uint64_t now_ns)
{
	/* Acquire: what the engines put before close was called is seen from here on. */
	uint64_t stop_ns = atomic_load_explicit(&flusher->stop_ns, memory_order_acquire);

	if (stop_ns == 0)
		return false;
	if (now_ns >= stop_ns || slu_picture_stopped(&flusher->picture))
		return true;
	return slu_flusher_drained(flusher) && sealed(flusher);
}

void *slu_flusher_run(void *argument)
{
	struct slu_flusher *flusher = argument;
	struct slu_env *env = flusher->env;

	for (;;) {
		uint64_t now_ns = env->now_ns(env);
		uint64_t wake_ns = slu_flusher_step(flusher, now_ns);

		if (finished(flusher, now_ns)) {
			/* What came after the last look, and can't be carried any more, is counted. */
			scan(flusher, now_ns);
			tell(flusher, flusher->wire.committed, now_ns);
			return NULL;
		}
		if (flusher->sealing && !flusher->progress.sealed)
			poll_sink(flusher, now_ns); /* it has just been asked: what to wait for? */
		env->wait(env, flusher->progress.fd, flusher->progress.events, wake_ns);
	}
}
