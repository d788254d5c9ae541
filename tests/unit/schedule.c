/* SPDX-License-Identifier: MIT */
/*
 * schedule.c - ten thousand random steps of engines, flusher and sink, and the account is exact
 * after each.
 *
 * A model beside the core remembers what was accepted; what the sink was given is compared with it.
 * The seed is printed when a step fails: SLUICE_SEED=n runs that one again.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define LANES 3
#define KEYS 24
#define STEPS 10000
#define SEEDS 4

struct model {
	struct world world;
	struct scripted_sink *sink;
	struct sluice *sluice;
	struct sluice_lane *lanes[LANES];
	uint64_t seed, step;

	struct {
		uint64_t batches, records, rows;
	} committed; /* as the sink has counted them */
	uint64_t accepted[LANES];
	uint64_t events_of[LANES]; /* a lane's events are numbered from 0 */
	struct {
		uint64_t value;
		uint64_t puts; /* and removals: versions given */
		bool removed;
	} key[KEYS];
	struct {
		uint64_t released, acknowledged, gathered, seen;
	} before[LANES];
};

static struct model m;

#define check(condition) \
	cr_assert(condition, "seed %" PRIu64 ", step %" PRIu64 ": %s", m.seed, m.step, #condition)

static uint64_t chance(uint64_t of)
{
	return world_random(&m.world) % of;
}

/* ---- what engines do ---- */

static void note(size_t lane, uint64_t id, uint64_t value, bool removed)
{
	m.accepted[lane]++;
	m.key[id].value = value;
	m.key[id].removed = removed;
	m.key[id].puts++;
}

static void put_one(size_t lane, uint64_t id)
{
	if (put_item(m.lanes[lane], id, m.step) == SLUICE_OK)
		note(lane, id, m.step, false);
}

static void put_one_if(size_t lane, uint64_t id)
{
	struct item item = {.id = id, .value = m.step};
	uint64_t version;
	bool stale = chance(4) == 0;
	enum sluice_status status;

	(void)!sluice_get(m.lanes[lane], &items, &id, &item, &version);
	item = (struct item){.id = id, .value = m.step};
	check((version == 0) == (m.key[id].puts == 0));
	check(version == 0 || version == world_first_version(&m.world) + m.key[id].puts);
	status = sluice_put_if(m.lanes[lane], &items, &item, sizeof(item), version + stale, NULL);
	check(status == SLUICE_FULL || (status == SLUICE_CONFLICT) == stale);
	if (status == SLUICE_OK)
		note(lane, id, m.step, false);
}

static void remove_one(size_t lane, uint64_t id)
{
	if (sluice_remove(m.lanes[lane], &items, &id, NULL) == SLUICE_OK)
		note(lane, id, 0, true);
}

static void reserve_one(size_t lane, uint64_t id)
{
	void *record;

	if (sluice_reserve(m.lanes[lane], &items, &id, &record) != SLUICE_OK)
		return;
	((struct item *)record)->value = m.step;
	if (chance(2) == 0) {
		sluice_cancel(m.lanes[lane]);
		return;
	}
	check(sluice_commit(m.lanes[lane], NULL) == SLUICE_OK);
	note(lane, id, m.step, false);
}

static void put_some_events(size_t lane)
{
	for (uint64_t i = chance(12); i > 0; i--)
		if (put_event(m.lanes[lane], (uint64_t)lane << 32 | m.events_of[lane]) ==
		    SLUICE_OK) {
			m.accepted[lane]++;
			m.events_of[lane]++;
		}
}

static void look_at(size_t lane, uint64_t id)
{
	struct item item;
	enum sluice_status status = sluice_get(m.lanes[lane], &items, &id, &item, NULL);

	check((status == SLUICE_OK) == (m.key[id].puts > 0 && !m.key[id].removed));
	check(status != SLUICE_OK || (item.value == m.key[id].value && item.id == id));
}

static void act_as_engine(void)
{
	size_t lane = chance(LANES);
	uint64_t id = chance(KEYS);

	switch (chance(8)) {
	case 0:
		put_one_if(lane, id);
		break;
	case 1:
		remove_one(lane, id);
		break;
	case 2:
		reserve_one(lane, id);
		break;
	case 3:
	case 4:
		put_some_events(lane);
		break;
	default:
		put_one(lane, id);
	}
	look_at(chance(LANES), chance(KEYS));
}

/* ---- what the sink does ---- */

static void act_as_sink(void)
{
	struct scripted_sink *sink = m.sink;

	switch (chance(10)) {
	case 0:
		sink->ready = !sink->ready;
		break;
	case 1:
		sink->refusals = (unsigned)chance(3);
		break;
	case 2:
		sink->state = chance(4) == 0 ? SLUICE_STATE_CONNECTING : SLUICE_STATE_RUNNING;
		break;
	case 3:
	case 4:
		sink->commit_up_to = sink->submitted;
		break;
	default: /* one more */
		if (sink->commit_up_to < sink->submitted)
			sink->commit_up_to++;
	}
}

/* ---- what must always be so ---- */

static void check_positions(void)
{
	for (size_t i = 0; i < LANES; i++) {
		const struct sluice_lane *lane = m.lanes[i];
		uint64_t released = lane->flusher.released, acked = lane->flusher.acknowledged;

		check(released >= m.before[i].released);
		check(acked >= m.before[i].acknowledged);
		check(lane->flusher.gathered >= m.before[i].gathered);
		check(lane->flusher.seen >= m.before[i].seen);
		check(released <= acked && acked <= lane->flusher.gathered);
		check(lane->flusher.gathered <= lane->flusher.seen);
		check(lane->flusher.seen <= lane->engine.position);
		check(lane->engine.position == m.accepted[i]);
		check(lane->engine.position - released <= 64);
		m.before[i].released = released;
		m.before[i].acknowledged = acked;
		m.before[i].gathered = lane->flusher.gathered;
		m.before[i].seen = lane->flusher.seen;
	}
}

static void check_account(void)
{
	struct sluice_stats stats;
	uint64_t accepted = m.accepted[0] + m.accepted[1] + m.accepted[2];

	sluice_stats(m.sluice, &stats);
	for (; m.committed.batches < stats.batches; m.committed.batches++) {
		m.committed.records += m.sink->batches[m.committed.batches].records;
		m.committed.rows += m.sink->batches[m.committed.batches].row_count;
	}
	check(stats.batches <= m.sink->commit_up_to);
	check(stats.account.accepted == accepted);
	check(stats.account.committed == m.committed.rows);
	check(stats.account.committed + stats.account.coalesced == m.committed.records);
	check(stats.account.pending == accepted - m.committed.records);
	check(stats.account.dead_lettered == 0 && stats.account.dropped == 0);
	check(stats.commit_lag.count == m.committed.records);
	for (size_t i = 0; i < world_streams.count; i++) {
		stats.account.accepted -= stats.streams[i].accepted;
		stats.account.committed -= stats.streams[i].committed;
		stats.account.coalesced -= stats.streams[i].coalesced;
	}
	check(stats.account.accepted <= accepted); /* those not seen yet */
	check(stats.account.committed == 0 && stats.account.coalesced == 0);
	check((stats.oldest_pending_ns != 0) <= (stats.account.pending != 0));
}

/* Each event once and in its lane's order; each key's versions in order, the last one last. */
static void check_rows(void)
{
	uint64_t next_event[LANES] = {0}, newest[KEYS] = {0};
	const struct seen_row *last[KEYS] = {0};

	for (size_t i = 0; i < m.sink->row_count; i++) {
		const struct seen_row *row = &m.sink->rows[i];
		uint64_t id = row->record.item.id;

		if (row->stream == &events) {
			uint64_t value = row->record.event.value;

			check((value & UINT32_MAX) == next_event[value >> 32]);
			next_event[value >> 32]++;
			continue;
		}
		check(row->version > newest[id]);
		newest[id] = row->version;
		last[id] = row;
	}
	for (size_t i = 0; i < LANES; i++)
		check(next_event[i] == m.events_of[i]);
	for (size_t id = 0; id < KEYS; id++) {
		check((last[id] != NULL) == (m.key[id].puts > 0));
		if (last[id] == NULL)
			continue;
		check(last[id]->version == world_first_version(&m.world) + m.key[id].puts);
		check(last[id]->removed == m.key[id].removed);
		check(last[id]->record.item.value == m.key[id].value);
	}
}

static void run(uint64_t seed)
{
	memset(&m, 0, sizeof(m));
	world_init(&m.world);
	m.seed = m.world.random = seed;
	m.sink = scripted_sink_new();
	m.sink->commit_up_to = 0;
	m.sluice = world_open(&m.world, m.sink,
	                      "lanes=3 lane_slots=64 keys=64 flush_rows=20 in_flight_batches=3");
	for (int i = 0; i < LANES; i++)
		m.lanes[i] = world_attach(m.sluice, i);
	for (m.step = 0; m.step < STEPS; m.step++) {
		for (uint64_t i = chance(4); i > 0; i--)
			act_as_engine();
		act_as_sink();
		world_step(m.sluice, chance(500000) * (chance(20) == 0 ? 40 : 1));
		check_positions();
		check_account();
	}
	m.sink->ready = true;
	m.sink->state = SLUICE_STATE_RUNNING;
	m.sink->commit_up_to = UINT64_MAX;
	m.sink->refusals = 0;
	world_settle(m.sluice);
	check_account();
	check_rows();
	for (size_t i = 0; i < LANES; i++)
		check(m.lanes[i]->flusher.released == m.accepted[i]);
	for (uint64_t id = 0; id < KEYS; id++)
		look_at(0, id);
	world_close(m.sluice);
	scripted_sink_free(m.sink);
}

Test(schedule, random_steps_keep_the_account_exact)
{
	const char *seed = getenv("SLUICE_SEED");

	if (seed != NULL)
		run(strtoull(seed, NULL, 10));
	else
		for (uint64_t i = 1; i <= SEEDS; i++)
			run(i);
}
