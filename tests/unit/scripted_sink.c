/* SPDX-License-Identifier: MIT */
/* scripted_sink.c - a sink that keeps what it is given, does what it is told, and holds the flusher
 * to the rules. */
#include "scripted_sink.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- streams ---- */

const struct sluice_stream items = {
	.name = "items",
	.kind = SLUICE_STATE,
	.index = 0,
	.layout.size = sizeof(struct item),
	.key_offset = offsetof(struct item, id),
	.key_size = sizeof(uint64_t),
};

const struct sluice_stream events = {
	.name = "events",
	.kind = SLUICE_APPEND,
	.index = 1,
	.layout.size = sizeof(struct event),
};

static const struct sluice_stream *const both[] = {&items, &events};

const struct sluice_streams world_streams = {.name = "world", .streams = both, .count = 2};

/* ---- the rules of sluice/sink.h ---- */

static void violated(struct scripted_sink *sink, const char *rule, uint64_t number)
{
	if (sink->violation[0] == '\0')
		snprintf(sink->violation, sizeof(sink->violation), "batch %" PRIu64 ": %s", number,
		         rule);
}

/* Number of the run's last batch. */
static uint64_t run_submitted(const struct scripted_sink *sink)
{
	return sink->submitted - sink->submitted_before;
}

static uint64_t committed(const struct scripted_sink *sink)
{
	uint64_t submitted = run_submitted(sink);

	return sink->commit_up_to < submitted ? sink->commit_up_to : submitted;
}

static const char *key_of(const struct sluice_part *part, size_t row)
{
	return (const char *)part->rows[row].record + part->stream->key_offset;
}

static void check_part(struct scripted_sink *sink, const struct sluice_part *part, uint64_t number)
{
	size_t removed_count = 0;

	if (part->row_count == 0)
		violated(sink, "an empty part", number);
	for (size_t i = 0; i < part->row_count; i++) {
		removed_count += part->rows[i].removed;
		if (part->stream->kind == SLUICE_STATE && i > 0 &&
		    memcmp(key_of(part, i - 1), key_of(part, i), part->stream->key_size) >= 0)
			violated(sink, "keys that do not grow", number);
	}
	if (removed_count != part->removed_count)
		violated(sink, "removed_count is wrong", number);
}

static void check_batch(struct scripted_sink *sink, const struct sluice_batch *batch)
{
	size_t row_count = 0;

	if (sink->sealing)
		violated(sink, "submitted to a run that is sealed", batch->number);
	if (!sink->told)
		violated(sink, "submitted before the positions were told", batch->number);
	if (batch->number != run_submitted(sink) + 1)
		violated(sink, "a number out of order", batch->number);
	if (batch->lane_count != sink->generation.lane_count)
		violated(sink, "another number of lanes", batch->number);
	for (size_t i = 0; i < batch->part_count; i++) {
		row_count += batch->parts[i].row_count;
		check_part(sink, &batch->parts[i], batch->number);
		if (i > 0 && batch->parts[i - 1].stream->index >= batch->parts[i].stream->index)
			violated(sink, "streams out of order", batch->number);
	}
	if (row_count != batch->row_count)
		violated(sink, "row_count is wrong", batch->number);
	for (size_t i = 0; i < batch->lane_count; i++) {
		if (batch->from[i] != sink->to[i])
			violated(sink, "does not begin where the last one ended", batch->number);
		if (batch->to[i] < batch->from[i])
			violated(sink, "positions go back", batch->number);
	}
}

/* ---- keeping ---- */

static void *grown(void *array, size_t *capacity, size_t needed, size_t size)
{
	if (needed <= *capacity)
		return array;
	*capacity = needed * 2 + 64;
	array = realloc(array, *capacity * size);
	cr_assert_not_null(array, "no memory for what the sink has seen");
	return array;
}

static void keep_row(struct scripted_sink *sink, const struct sluice_stream *stream,
                     const struct sluice_row *row)
{
	struct seen_row *seen;

	sink->rows = grown(sink->rows, &sink->row_capacity, sink->row_count + 1, sizeof(*seen));
	seen = &sink->rows[sink->row_count++];
	*seen = (struct seen_row){
		.stream = stream, .version = row->version, .removed = row->removed};
	memcpy(&seen->record, row->record, stream->layout.size);
}

static void keep_batch(struct scripted_sink *sink, const struct sluice_batch *batch)
{
	struct seen_batch *seen;

	sink->batches = grown(sink->batches, &sink->batch_capacity, sink->submitted + 1,
	                      sizeof(*seen));
	seen = &sink->batches[sink->submitted++];
	*seen = (struct seen_batch){.number = batch->number,
	                            .first_row = sink->row_count,
	                            .row_count = batch->row_count,
	                            .part_count = batch->part_count};
	for (size_t i = 0; i < batch->part_count; i++)
		for (size_t row = 0; row < batch->parts[i].row_count; row++)
			keep_row(sink, batch->parts[i].stream, &batch->parts[i].rows[row]);
	for (size_t i = 0; i < batch->lane_count; i++) {
		seen->records += batch->to[i] - batch->from[i];
		sink->to[i] = batch->to[i];
	}
}

/* FNV-1a over the rows, to compare a batch offered twice. */
static uint64_t checksum(const struct sluice_batch *batch)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < batch->part_count; i++)
		for (size_t row = 0; row < batch->parts[i].row_count; row++) {
			const unsigned char *bytes = batch->parts[i].rows[row].record;

			for (size_t b = 0; b < batch->parts[i].stream->layout.size; b++)
				sum = (sum ^ bytes[b]) * 0x100000001b3u;
			sum = (sum ^ batch->parts[i].rows[row].version) * 0x100000001b3u;
		}
	return sum;
}

/* ---- the calls of a sink ---- */

static enum sluice_status start(struct sluice_sink *base, const struct sluice_sink_setup *setup,
                                struct sluice_error *error)
{
	struct scripted_sink *sink = (struct scripted_sink *)base;

	sink->starts++;
	sink->setup = *setup;
	if (sink->start_status == SLUICE_OK)
		return SLUICE_OK;
	return sluice_error_set(error, sink->start_status, "the script says so");
}

static void enter_run(struct scripted_sink *sink, const struct sluice_generation *generation)
{
	if (committed(sink) < run_submitted(sink))
		violated(sink, "another run is begun while it is held", run_submitted(sink));
	if (generation->lane_count == 0 || generation->lane_count > SCRIPTED_LANES)
		violated(sink, "a run without lanes, or with too many for this sink", 0);
	sink->begins++;
	sink->generation = *generation;
	sink->submitted_before = sink->submitted;
	sink->told = sink->told_ready = sink->sealing = false;
}

static enum sluice_status begin(struct sluice_sink *base,
                                const struct sluice_generation *generation)
{
	struct scripted_sink *sink = (struct scripted_sink *)base;
	enum sluice_status status = SLUICE_OK;

	pthread_mutex_lock(&sink->mutex);
	if (sink->starts == 0)
		violated(sink, "begun before it was started", 0);
	if (sink->begin_refusals > 0) {
		sink->begin_refusals--;
		status = SLUICE_FAILED;
	} else {
		enter_run(sink, generation);
	}
	pthread_mutex_unlock(&sink->mutex);
	return status;
}

static enum sluice_status submit(struct sluice_sink *base, const struct sluice_batch *batch)
{
	struct scripted_sink *sink = (struct scripted_sink *)base;
	enum sluice_status status = SLUICE_OK;

	pthread_mutex_lock(&sink->mutex);
	if (!sink->told_ready)
		violated(sink, "submitted to a sink that is not ready", batch->number);
	check_batch(sink, batch);
	if (sink->refused_checksum != 0 && sink->refused_checksum != checksum(batch))
		violated(sink, "offered again with other rows", batch->number);
	sink->refused_checksum = 0;
	if (sink->refusals > 0) {
		sink->refusals--;
		sink->refused++;
		sink->refused_checksum = checksum(batch);
		status = SLUICE_FAILED;
	} else {
		keep_batch(sink, batch);
	}
	pthread_mutex_unlock(&sink->mutex);
	return status;
}

static void seal(struct sluice_sink *base)
{
	struct scripted_sink *sink = (struct scripted_sink *)base;

	pthread_mutex_lock(&sink->mutex);
	if (sink->begins == 0)
		violated(sink, "sealed before it was begun", 0);
	if (sink->sealing)
		violated(sink, "sealed twice", run_submitted(sink));
	if (committed(sink) < run_submitted(sink))
		violated(sink, "sealed while it is held", run_submitted(sink));
	sink->seals++;
	sink->sealing = true;
	pthread_mutex_unlock(&sink->mutex);
}

/* A run's positions are told once the sink is there, and from then on. */
static void tell_positions(struct scripted_sink *sink)
{
	if (sink->told || sink->begins == 0 || sink->hold_positions ||
	    sink->state != SLUICE_STATE_RUNNING)
		return;
	sink->told = true;
	memcpy(sink->told_positions, sink->positions, sizeof(sink->positions));
	memcpy(sink->to, sink->positions, sizeof(sink->positions));
}

static void step(struct sluice_sink *base, uint64_t now_ns, struct sluice_sink_progress *progress)
{
	struct scripted_sink *sink = (struct scripted_sink *)base;

	(void)now_ns;
	sink->steps++;
	pthread_mutex_lock(&sink->mutex);
	tell_positions(sink);
	sink->told_ready = sink->ready && sink->told && !sink->sealing &&
	                   sink->state == SLUICE_STATE_RUNNING;
	memcpy(sink->told_reason, sink->reason, sizeof(sink->reason));
	*progress = (struct sluice_sink_progress){
		.state = sink->state,
		.committed = committed(sink),
		.replicated = sink->replicated,
		.unreplicated = sink->unreplicated,
		.dead_lettered = sink->dead_lettered,
		.dead_lettered_of = sink->dead_lettered_of,
		.positions = sink->told ? sink->told_positions : NULL,
		.sealed = sink->sealing && !sink->hold_sealed &&
	                  sink->state == SLUICE_STATE_RUNNING,
		.reconnects = sink->reconnects,
		.ready = sink->told_ready,
		.reason = sink->told_reason,
		.fd = -1,
		.wake_ns = UINT64_MAX,
	};
	pthread_mutex_unlock(&sink->mutex);
}

static void count_close(struct sluice_sink *base)
{
	((struct scripted_sink *)base)->closes++;
}

static const struct sluice_sink_ops scripted_ops = {
	.start = start,
	.begin = begin,
	.seal = seal,
	.submit = submit,
	.step = step,
	.close = count_close,
};

/* ---- the test's side ---- */

struct scripted_sink *scripted_sink_new(void)
{
	struct scripted_sink *sink = calloc(1, sizeof(*sink));

	cr_assert_not_null(sink);
	sink->sink.ops = &scripted_ops;
	pthread_mutex_init(&sink->mutex, NULL);
	sink->state = SLUICE_STATE_RUNNING;
	sink->ready = true;
	sink->commit_up_to = UINT64_MAX;
	return sink;
}

void scripted_sink_free(struct scripted_sink *sink)
{
	cr_assert_str_empty(sink->violation, "%s", sink->violation);
	free(sink->batches);
	free(sink->rows);
	pthread_mutex_destroy(&sink->mutex);
	free(sink);
}

void scripted_sink_turn(struct scripted_sink *sink, enum sluice_state state, const char *reason)
{
	pthread_mutex_lock(&sink->mutex);
	sink->state = state;
	snprintf(sink->reason, sizeof(sink->reason), "%s", reason);
	pthread_mutex_unlock(&sink->mutex);
}

void scripted_sink_commit(struct scripted_sink *sink, uint64_t number)
{
	pthread_mutex_lock(&sink->mutex);
	sink->commit_up_to = number;
	pthread_mutex_unlock(&sink->mutex);
}

const struct seen_batch *scripted_sink_last(const struct scripted_sink *sink)
{
	cr_assert_gt(sink->submitted, 0, "the sink has seen no batch");
	return &sink->batches[sink->submitted - 1];
}

const struct seen_row *scripted_sink_row(const struct scripted_sink *sink,
                                         const struct seen_batch *batch, size_t index)
{
	cr_assert_lt(index, batch->row_count, "the batch has only %zu rows", batch->row_count);
	return &sink->rows[batch->first_row + index];
}
