/* SPDX-License-Identifier: MIT */
/*
 * open.c - everything an instance needs, made and touched before the first put.
 *
 * In order: check the streams and options -> lanes, caches, the flusher's arrays -> the sink -> the
 * thread -> wait until it runs.
 */
#include "core/instance.h"
#include "core/options.h"
#include "core/registry.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- open: checks ---- */

static enum sluice_status check_stream(const struct sluice_stream *stream, size_t index,
                                       struct sluice_error *error)
{
	if (stream->index != index)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "stream %s says index %u but stands at %zu: the bindings "
		                        "are of different makes; generate them again",
		                        stream->name, stream->index, index);
	if (stream->layout.size == 0 || stream->layout.size > SLUICE_RECORD_SIZE_MAX)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "stream %s: a record of %u bytes; 1 to %u are possible",
		                        stream->name, stream->layout.size, SLUICE_RECORD_SIZE_MAX);
	if (stream->kind == SLUICE_STATE &&
	    (stream->key_size == 0 || stream->key_size > SLUICE_KEY_SIZE_MAX ||
	     stream->key_offset + stream->key_size > stream->layout.size))
		return sluice_error_set(error, SLUICE_INVALID,
		                        "stream %s: a key of %u bytes at %u; 1 to %u within the "
		                        "record are possible",
		                        stream->name, stream->key_size, stream->key_offset,
		                        SLUICE_KEY_SIZE_MAX);
	return SLUICE_OK;
}

static enum sluice_status check_streams(const struct sluice_streams *streams,
                                        struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	if (streams->count == 0 || streams->count > SLUICE_STREAMS_MAX)
		return sluice_error_set(error, SLUICE_INVALID, "%zu streams; 1 to %u are possible",
		                        streams->count, SLUICE_STREAMS_MAX);
	for (size_t i = 0; i < streams->count && status == SLUICE_OK; i++)
		status = check_stream(streams->streams[i], i, error);
	return status;
}

/* ---- open: memory ---- */

static size_t largest_record(const struct sluice_streams *streams)
{
	size_t largest = 0;

	for (size_t i = 0; i < streams->count; i++)
		if (streams->streams[i]->layout.size > largest)
			largest = streams->streams[i]->layout.size;
	return largest;
}

static bool open_lanes(struct sluice *sluice, const struct sluice_uuid *generation)
{
	for (size_t i = 0; i < sluice->lane_count; i++) {
		if (!slu_lane_open(&sluice->lanes[i], sluice->env, (uint32_t)i,
		                   sluice->options.lane_slots, largest_record(sluice->streams),
		                   generation))
			return false;
		sluice->lanes[i].shape.owner = sluice;
	}
	return true;
}

/* Versions must grow across runs, although this run knows nothing of the rows that earlier ones
 * left: they count from the time of opening in microseconds, which no key's puts overtake. The sink
 * refuses to write a row that has a newer version, so a clock that went back is found out, not
 * obeyed. */
static bool open_caches(struct sluice *sluice)
{
	uint64_t first_version = sluice->env->realtime_us(sluice->env);

	for (size_t i = 0; i < sluice->streams->count; i++)
		if (sluice->streams->streams[i]->kind == SLUICE_STATE &&
		    !slu_cache_open(&sluice->caches[i], sluice->env, sluice->streams->streams[i],
		                    sluice->options.keys, sluice->lane_count, first_version))
			return false;
	return true;
}

/* The flusher's arrays, one cell a lane each. */
static bool open_batch(struct sluice *sluice)
{
	struct slu_flusher *flusher = &sluice->flusher;
	struct slu_batch *batch = &flusher->batch;

	batch->lanes = sluice->lanes;
	batch->lane_count = sluice->lane_count;
	batch->caches = sluice->caches;
	batch->streams = sluice->streams;
	batch->epoch = &sluice->epoch;
	batch->row_max = sluice->options.flush_rows;
	batch->byte_max = sluice->options.flush_bytes;
	batch->rows_size = sluice->lane_count * sluice->options.lane_slots *
	                   sizeof(struct sluice_row);
	batch->rows = sluice->env->map(sluice->env, batch->rows_size);
	batch->from = calloc(sluice->lane_count, sizeof(uint64_t));
	batch->cursor = calloc(sluice->lane_count, sizeof(uint64_t));
	batch->summary.to = calloc(sluice->lane_count, sizeof(uint64_t));
	flusher->stages = calloc(sluice->lane_count, sizeof(struct slu_stage));
	flusher->grace.sections = calloc(sluice->lane_count, sizeof(uint64_t));
	for (size_t i = 0; i < SLU_IN_FLIGHT_MAX; i++) {
		flusher->in_flight[i].to = calloc(sluice->lane_count, sizeof(uint64_t));
		if (flusher->in_flight[i].to == NULL)
			return false;
	}
	return batch->rows != NULL && batch->from != NULL && batch->cursor != NULL &&
	       batch->summary.to != NULL && flusher->stages != NULL &&
	       flusher->grace.sections != NULL;
}

static void open_flusher(struct sluice *sluice, uint64_t now_ns)
{
	struct slu_flusher *flusher = &sluice->flusher;
	uint64_t poll_ns = sluice->options.flush_delay / 4;

	flusher->env = sluice->env;
	flusher->sink = sluice->sink;
	flusher->lanes = sluice->lanes;
	flusher->lane_count = sluice->lane_count;
	flusher->caches = sluice->caches;
	flusher->streams = sluice->streams;
	flusher->epoch = &sluice->epoch;
	flusher->flush_delay_ns = sluice->options.flush_delay;
	/* Often enough that it adds little to flush_delay, and never so often that it burns the
	 * core. */
	flusher->poll_ns = poll_ns < 50000 ? 50000 : poll_ns > 1000000 ? 1000000 : poll_ns;
	flusher->in_flight_max = sluice->options.in_flight_batches;
	flusher->grace.env = sluice->env;
	flusher->grace.lanes = sluice->lanes;
	flusher->grace.lane_count = sluice->lane_count;
	flusher->progress.reason = "";
	flusher->progress.fd = -1;
	flusher->picture.state = SLUICE_STATE_CONNECTING;
	flusher->picture.state_since_ns = now_ns;
	slu_counters_publish(&flusher->counters, &flusher->picture);
}

/* ---- open: the thread ---- */

/* Signals are the host's: none is delivered to the flusher thread. */
static int start_thread(struct sluice *sluice)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&sluice->thread, NULL, slu_flusher_run, &sluice->flusher);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result == 0)
		pthread_setname_np(sluice->thread, "sluice-flusher");
	return result;
}

static enum sluice_status start_sink(struct sluice *sluice, const struct sluice_uuid *generation,
                                     struct sluice_error *error)
{
	struct sluice_sink_setup setup = {
		.streams = sluice->streams,
		.generation = *generation,
		.lane_count = sluice->lane_count,
		.in_flight_batches = sluice->options.in_flight_batches,
		.seed = sluice->env->random(sluice->env),
		.log = sluice->options.log,
		.log_context = sluice->options.log_context,
	};

	return sluice->sink->ops->start(sluice->sink, &setup, error);
}

static void say(const struct sluice *sluice, const char *line)
{
	if (sluice->options.log != NULL)
		sluice->options.log(sluice->options.log_context, line);
}

static enum sluice_status wait_until_running(struct sluice *sluice, struct sluice_error *error)
{
	uint64_t now_ns = sluice->env->now_ns(sluice->env);
	uint64_t until_ns = now_ns + sluice->options.connect_timeout;
	uint64_t say_ns = now_ns + 1000000000u;
	struct slu_picture picture;
	char line[320];

	for (;;) {
		uint32_t seen = slu_instance_news(sluice);

		slu_counters_read(&sluice->flusher.counters, &picture);
		if (picture.state == SLUICE_STATE_RUNNING)
			return SLUICE_OK;
		if (picture.state == SLUICE_STATE_HALTED)
			return sluice_error_set(error, SLUICE_HALTED, "the sink halted: %s",
			                        picture.reason);
		now_ns = sluice->env->now_ns(sluice->env);
		if (now_ns >= until_ns)
			return sluice_error_set(
				error, SLUICE_TIMEOUT,
				"the sink did not answer within connect_timeout: %s. Mend that, "
				"or open with connect=background to start without it",
				picture.reason[0] != '\0' ? picture.reason : "still connecting");
		if (now_ns >= say_ns) {
			snprintf(line, sizeof(line), "waiting for the sink: %s",
			         picture.reason[0] != '\0' ? picture.reason : "connecting");
			say(sluice, line);
			say_ns = now_ns + 1000000000u;
		}
		slu_instance_wait_for_news(sluice, seen, say_ns < until_ns ? say_ns : until_ns);
	}
}

/* ---- open ---- */

static enum sluice_status build(struct sluice *sluice, struct sluice_error *error)
{
	struct sluice_uuid generation;
	enum sluice_status status;

	sluice_uuid7(&generation);
	if (!open_lanes(sluice, &generation) || !open_caches(sluice) || !open_batch(sluice))
		return sluice_error_set(error, SLUICE_FAILED,
		                        "no memory for %zu lanes of %llu slots and %llu keys a "
		                        "stream; lower lanes, lane_slots or keys",
		                        sluice->lane_count,
		                        (unsigned long long)sluice->options.lane_slots,
		                        (unsigned long long)sluice->options.keys);
	slu_epoch_init(&sluice->epoch, sluice->env->now_ns(sluice->env));
	open_flusher(sluice, sluice->env->now_ns(sluice->env));
	status = start_sink(sluice, &generation, error);
	if (status != SLUICE_OK)
		return status;
	if (start_thread(sluice) != 0)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "the flusher thread could not be started");
	slu_registry_enter(sluice);
	if (sluice->options.connect == SLUICE_CONNECT_WAIT)
		status = wait_until_running(sluice, error);
	if (status != SLUICE_OK) {
		slu_registry_leave(sluice);
		slu_instance_stop(sluice, 1);
	}
	return status;
}

struct sluice *slu_open(struct slu_env *env, struct sluice_sink *sink,
                        const struct sluice_streams *streams, const struct sluice_options *options,
                        struct sluice_error *error)
{
	size_t size = sizeof(struct sluice) + options->lanes * sizeof(struct sluice_lane);
	struct sluice *sluice = aligned_alloc(SLU_PAIR,
	                                      (size + SLU_PAIR - 1) / SLU_PAIR * SLU_PAIR);

	if (sluice == NULL) {
		sluice_error_set(error, SLUICE_FAILED, "no memory");
		sink->ops->close(sink);
		return NULL;
	}
	memset(sluice, 0, size);
	sluice->env = env;
	sluice->sink = sink;
	sluice->streams = streams;
	sluice->options = *options;
	sluice->lane_count = options->lanes;
	pthread_mutex_init(&sluice->mutex, NULL);
	if (build(sluice, error) == SLUICE_OK)
		return sluice;
	sink->ops->close(sink);
	slu_instance_free_memory(sluice);
	pthread_mutex_destroy(&sluice->mutex);
	free(sluice);
	return NULL;
}

struct sluice *sluice_open_with(struct sluice_sink *sink, const struct sluice_streams *streams,
                                const struct sluice_options *options, struct sluice_error *error)
{
	struct slu_env *env = slu_env_system(error);

	if (sink == NULL) {
		sluice_error_set(error, SLUICE_INVALID, "no sink");
		return NULL;
	}
	if (env == NULL || check_streams(streams, error) != SLUICE_OK ||
	    slu_options_check(options, error) != SLUICE_OK) {
		sink->ops->close(sink);
		return NULL;
	}
	return slu_open(env, sink, streams, options, error);
}

struct sluice *sluice_open(struct sluice_sink *sink, const struct sluice_streams *streams,
                           const char *text, struct sluice_error *error)
{
	struct sluice_options options;

	sluice_options_init(&options);
	if (sluice_options_parse(&options, text != NULL ? text : "", error) != SLUICE_OK) {
		if (sink != NULL)
			sink->ops->close(sink);
		return NULL;
	}
	return sluice_open_with(sink, streams, &options, error);
}
