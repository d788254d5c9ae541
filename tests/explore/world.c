/* SPDX-License-Identifier: MIT */
/* world.c - the environment, the sink and the instance of the scenarios of the whole library. */
#include "world.h"

#include <sluice/sink.h>

#include <string.h>

#define LANES_MAX 4

struct world_sink {
	struct sluice_sink sink;
	uint64_t committed, version;
	uint64_t rows;
	uint64_t at[LANES_MAX];
	bool sealed;
};

static const struct sluice_column columns[] = {
	{.name = "key", .type = SLUICE_INT8, .size = 8},
};

const struct sluice_stream world_states = {
	.name = "states",
	.kind = SLUICE_STATE,
	.index = 0,
	.layout = {.size = sizeof(struct world_record), .columns = columns, .column_count = 1},
	.key_offset = 0,
	.key_size = 8,
	.key_column_count = 1,
};

const struct sluice_stream world_events = {
	.name = "events",
	.kind = SLUICE_APPEND,
	.index = 1,
	.layout = {.size = sizeof(struct world_record), .columns = columns, .column_count = 1},
	.key_offset = 0,
	.key_size = 8,
	.key_column_count = 1,
};

static const struct sluice_stream *const stream_list[] = {&world_states, &world_events};
static const struct sluice_streams streams = {.name = "world", .streams = stream_list, .count = 2};

struct sluice *world_sluice;

static uint64_t now_ns;
static struct world_sink *sink;
static _Atomic unsigned *present; /* threads that have not left */
static uint32_t held;             /* 1 while the flusher is */

/* ---- the environment ---- */

static uint64_t clock_ns(struct slu_env *env)
{
	(void)env;
	return now_ns;
}

static uint64_t clock_us(struct slu_env *env)
{
	(void)env;
	return 1;
}

static uint64_t no_chance(struct slu_env *env)
{
	(void)env;
	return 4;
}

static void *map(struct slu_env *env, size_t size)
{
	(void)env;
	return explore_alloc(size);
}

static void unmap(struct slu_env *env, void *memory, size_t size)
{
	(void)env;
	(void)memory;
	(void)size;
}

static void wait(struct slu_env *env, int fd, short events, uint64_t until_ns)
{
	(void)env;
	(void)fd;
	(void)events;
	(void)until_ns;
	now_ns += 1000000000;
	if (held != 0)
		explore_sleep(&held, 1);
	else
		explore_pause();
}

static void wait_word(struct slu_env *env, _Atomic uint32_t *word, uint32_t seen, uint64_t until_ns)
{
	(void)env;
	(void)until_ns;
	explore_sleep(word, seen);
}

static void wake(struct slu_env *env, _Atomic uint32_t *word)
{
	(void)env;
	explore_wake(word);
}

static void barrier_everywhere(struct slu_env *env)
{
	(void)env;
	explore_barrier_everywhere();
}

static struct slu_env environment = {
	.now_ns = clock_ns,
	.realtime_us = clock_us,
	.random = no_chance,
	.map = map,
	.unmap = unmap,
	.wait = wait,
	.wait_word = wait_word,
	.wake = wake,
	.barrier_everywhere = barrier_everywhere,
};

/* ---- the sink ---- */

static void check_whole(const struct world_record *record)
{
	explore_check(record->key == 1, "another key's record");
	explore_check(record->number == record->again, "a torn record");
}

static enum sluice_status sink_start(struct sluice_sink *self,
                                     const struct sluice_sink_setup *setup,
                                     struct sluice_error *error)
{
	(void)self;
	(void)setup;
	(void)error;
	return SLUICE_OK;
}

static enum sluice_status sink_begin(struct sluice_sink *self,
                                     const struct sluice_generation *generation)
{
	(void)self;
	(void)generation;
	return SLUICE_OK;
}

static void sink_seal(struct sluice_sink *self)
{
	(void)self;
	sink->sealed = true;
}

static enum sluice_status sink_submit(struct sluice_sink *self, const struct sluice_batch *batch)
{
	(void)self;
	for (size_t i = 0; i < batch->lane_count; i++) {
		explore_check(batch->from[i] == sink->at[i], "a batch that leaves a gap");
		sink->at[i] = batch->to[i];
	}
	for (size_t p = 0; p < batch->part_count; p++)
		for (size_t r = 0; r < batch->parts[p].row_count; r++) {
			const struct sluice_row *row = &batch->parts[p].rows[r];

			check_whole(row->record);
			sink->rows++;
			if (batch->parts[p].stream->kind != SLUICE_STATE)
				continue;
			explore_check(row->version > sink->version,
			              "an older version after a newer one, in the sink");
			sink->version = row->version;
		}
	sink->committed = batch->number;
	return SLUICE_OK;
}

static void sink_step(struct sluice_sink *self, uint64_t at_ns,
                      struct sluice_sink_progress *progress)
{
	static const uint64_t start[LANES_MAX];

	(void)self;
	(void)at_ns;
	*progress = (struct sluice_sink_progress){
		.state = SLUICE_STATE_RUNNING,
		.committed = sink->committed,
		.positions = start,
		.sealed = sink->sealed,
		.ready = true,
		.reason = "",
		.fd = -1,
		.wake_ns = UINT64_MAX,
	};
}

static void sink_close(struct sluice_sink *self)
{
	(void)self;
}

static const struct sluice_sink_ops sink_ops = {
	.start = sink_start,
	.begin = sink_begin,
	.seal = sink_seal,
	.submit = sink_submit,
	.step = sink_step,
	.close = sink_close,
};

/* ---- the instance ---- */

void world_open(size_t lanes, size_t shared_lanes, uint64_t lane_slots, unsigned threads)
{
	struct sluice_options options;
	struct sluice_error error;

	now_ns = 1000000000;
	sink = explore_alloc(sizeof(*sink));
	sink->sink.ops = &sink_ops;
	present = explore_alloc(sizeof(*present));
	atomic_init(present, threads);
	held = 0;
	sluice_options_init(&options);
	options.lanes = lanes;
	options.shared_lanes = shared_lanes;
	options.lane_slots = lane_slots;
	options.keys = 1;
	options.flush_delay = 0;
	options.connect = SLUICE_CONNECT_BACKGROUND;
	world_sluice = slu_open(&environment, &sink->sink, &streams, &options, &error);
	explore_check(world_sluice != NULL, "the instance does not open");
	explore_name(world_sluice, sizeof(*world_sluice), "instance");
	for (size_t i = 0; i < lanes + shared_lanes; i++) {
		explore_name(&world_sluice->lanes[i], sizeof(struct sluice_lane),
		             i == 0   ? "lane 0"
		             : i == 1 ? "lane 1"
		                      : "lane 2");
		explore_name(world_sluice->lanes[i].shape.slots,
		             lane_slots * world_sluice->lanes[i].shape.slot_size,
		             i == 0   ? "slots of lane 0"
		             : i == 1 ? "slots of lane 1"
		                      : "slots of lane 2");
	}
	explore_name(&world_sluice->flusher, sizeof(struct slu_flusher), "flusher");
	explore_name(&world_sluice->epoch, sizeof(struct slu_epoch), "epoch");
	explore_name(world_sluice->caches[0].entries, world_sluice->caches[0].memory_size,
	             "entries");
}

void world_hold_flusher(void)
{
	held = 1;
}

struct sluice_lane *world_attach(void)
{
	struct sluice_error error;
	struct sluice_lane *lane = sluice_attach(world_sluice, 0, &error);

	explore_check(lane != NULL, "no lane");
	return lane;
}

void world_put(struct sluice_lane *lane, const struct sluice_stream *stream, uint64_t number,
               struct sluice_ticket *ticket)
{
	struct world_record record = {.key = 1, .number = number, .again = number};
	enum sluice_status status;

	while ((status = sluice_put(lane, stream, &record, sizeof(record), ticket)) == SLUICE_FULL)
		explore_pause();
	explore_check(status == SLUICE_OK, "a put that fails");
}

bool world_warm(struct sluice_lane *lane, uint64_t number)
{
	struct world_record record = {.key = 1, .number = number, .again = number};
	enum sluice_status status = sluice_warm(lane, &world_states, &record, sizeof(record), 1);

	explore_check(status == SLUICE_OK || status == SLUICE_CONFLICT, "a warm that fails");
	return status == SLUICE_OK;
}

uint64_t world_get(struct sluice_lane *lane, uint64_t version)
{
	struct world_record record;
	uint64_t key = 1, got = 0;
	enum sluice_status status;

	/* Full: the shared lanes are all borrowed. */
	while ((status = sluice_get(lane, &world_states, &key, &record, &got)) == SLUICE_FULL)
		explore_pause();
	if (status == SLUICE_OK)
		check_whole(&record);
	explore_check(status == SLUICE_OK || status == SLUICE_MISS, "a get that fails");
	explore_check(got >= version, "an older version after a newer one, in the cache");
	return got;
}

void world_leave(struct sluice_lane *lane)
{
	if (lane != NULL)
		explore_check(sluice_detach(lane) == SLUICE_OK, "a detach that fails");
	atomic_fetch_sub_explicit(present, 1, memory_order_acq_rel);
}

void world_operator(void)
{
	struct sluice_report report;
	uint64_t written;

	while (atomic_load_explicit(present, memory_order_acquire) != 0)
		explore_pause();
	if (held != 0) {
		held = 0;
		explore_wake(&held);
		explore_go_plainly();
	}
	explore_check(sluice_close(world_sluice, SLU_NEVER / 2, &report) == SLUICE_OK,
	              "close leaves something behind");
	written = report.account.committed + report.account.coalesced;
	explore_check(report.account.accepted == written, "the account does not add up");
	explore_check(report.account.committed == sink->rows, "the sink has other rows");
}
