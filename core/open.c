/* SPDX-License-Identifier: MIT */
/*
 * open.c - everything an instance needs, made and touched before the first put.
 *
 * In order: check the streams and options -> the directory and what former runs left there -> lanes,
 * caches, the flusher's arrays -> the sink -> the thread -> wait until it runs.
 */
#include "core/file/schema.h"
#include "core/instance.h"
#include "core/lossy.h"
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
	if (stream->kind == SLUICE_STATE && stream->lossy)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "stream %s: lossy, and of kind state; only append streams "
		                        "can drop",
		                        stream->name);
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

static void say(const struct sluice *sluice, const char *line)
{
	if (sluice->options.log != NULL)
		sluice->options.log(sluice->options.log_context, line);
}

static size_t largest_record(const struct sluice_streams *streams)
{
	size_t largest = 0;

	for (size_t i = 0; i < streams->count; i++)
		if (streams->streams[i]->layout.size > largest)
			largest = streams->streams[i]->layout.size;
	return largest;
}

/* Versions must grow across runs, although this run knows nothing of the rows that earlier ones
 * left: they count from the time of opening in nanoseconds, which no key's puts overtake, as each
 * takes more than one, and from above those of runs whose files are here. The sink refuses to write
 * a row that has a newer version, so a clock that went back is found out, not obeyed. */
static enum sluice_status open_recovery(struct sluice *sluice, uint64_t *first_version,
                                        struct sluice_error *error)
{
	struct slu_recovery *recovery = &sluice->recovery;
	enum sluice_status status;

	*first_version = sluice->env->realtime_us(sluice->env) * 1000;
	recovery->env = sluice->env;
	recovery->directory = &sluice->directory;
	recovery->streams = sluice->streams;
	recovery->caches = sluice->caches;
	recovery->log = sluice->options.log;
	recovery->log_context = sluice->options.log_context;
	if (sluice->options.dir[0] == '\0')
		return SLUICE_OK;
	status = slu_directory_open(&sluice->directory, sluice->env, sluice->options.dir,
	                            SLU_DIRECTORY_OWN, error);
	if (status != SLUICE_OK)
		return status;
	if (sluice->directory.risk[0] != '\0')
		say(sluice, sluice->directory.risk);
	return slu_recovery_open(recovery, &sluice->options, first_version, error);
}

static enum sluice_status open_lanes(struct sluice *sluice, const struct sluice_uuid *id,
                                     uint64_t first_version, struct sluice_error *error)
{
	struct slu_generation *generation = &sluice->generation;
	struct slu_generation_plan plan = {
		.generation = *id,
		.streams = sluice->streams,
		.lane_count = sluice->lane_count,
		.slot_count = sluice->options.lane_slots,
		.slot_size = slu_lane_slot_size(largest_record(sluice->streams)),
		.first_version = first_version,
		.lock_memory = sluice->options.lock_memory != 0,
	};
	bool in_file = sluice->options.dir[0] != '\0';
	enum sluice_status status = slu_generation_create(
		generation, sluice->env, in_file ? &sluice->directory : NULL, &plan, error);

	for (size_t i = 0; i < sluice->lane_count && status == SLUICE_OK; i++) {
		slu_lane_init(&sluice->lanes[i], (uint32_t)i,
		              generation->lanes + i * generation->lane_size, plan.slot_count,
		              plan.slot_size, &generation->hints[i]);
		sluice->lanes[i].shape.owner = sluice;
	}
	return status;
}

/* The share of each lane that lossy streams may take, if one of them drops. */
static bool open_lossy(struct sluice *sluice)
{
	uint64_t slots = sluice->options.lane_slots, percent = sluice->options.lossy_share;
	size_t size = (slu_lossy_size(slots, percent) + SLU_PAIR - 1) / SLU_PAIR * SLU_PAIR;
	bool drops = false;

	for (size_t i = 0; i < sluice->streams->count; i++)
		drops |= sluice->overflow[i].kind == SLU_OVERFLOW_DROP;
	if (!drops)
		return true;
	sluice->flusher.drops.possible = true;
	sluice->lossy_size = sluice->lane_count * size;
	sluice->lossy = sluice->env->map(sluice->env, sluice->lossy_size);
	for (size_t i = 0; i < sluice->lane_count && sluice->lossy != NULL; i++) {
		sluice->lanes[i].shape.lossy = (struct slu_lossy *)(sluice->lossy + i * size);
		slu_lossy_init(sluice->lanes[i].shape.lossy, slots, percent);
	}
	return sluice->lossy != NULL;
}

static bool open_caches(struct sluice *sluice, uint64_t first_version)
{
	for (size_t i = 0; i < sluice->streams->count; i++)
		if (sluice->streams->streams[i]->kind == SLUICE_STATE &&
		    !slu_cache_open(&sluice->caches[i], sluice->env, sluice->streams->streams[i],
		                    sluice->options.keys, sluice->lane_count, first_version))
			return false;
	return true;
}

/* What the flusher's own wire and that of a recovery are bound by. */
static void bind_wire(struct sluice *sluice, struct slu_wire *wire)
{
	wire->batch.cuts = &sluice->flusher.cuts;
	wire->sink = sluice->sink;
	wire->in_flight_max = sluice->options.in_flight_batches;
}

static bool open_wire(struct sluice *sluice)
{
	struct slu_wire *wire = &sluice->flusher.wire;

	bind_wire(sluice, &sluice->recovery.wire);
	bind_wire(sluice, wire);
	wire->batch.lanes = sluice->lanes;
	wire->batch.lane_count = sluice->lane_count;
	wire->batch.caches = sluice->caches;
	wire->batch.streams = sluice->streams;
	wire->batch.epoch = &sluice->epoch;
	sluice->flusher.stages = calloc(sluice->lane_count, sizeof(struct slu_stage));
	sluice->flusher.grace.sections = calloc(sluice->lane_count, sizeof(uint64_t));
	return slu_wire_open(wire, sluice->env, sluice->options.lane_slots) &&
	       sluice->flusher.stages != NULL && sluice->flusher.grace.sections != NULL;
}

static void open_flusher(struct sluice *sluice, const struct sluice_uuid *id, uint64_t now_ns)
{
	struct slu_flusher *flusher = &sluice->flusher;

	flusher->env = sluice->env;
	flusher->sink = sluice->sink;
	flusher->lanes = sluice->lanes;
	flusher->lane_count = sluice->lane_count;
	flusher->caches = sluice->caches;
	flusher->streams = sluice->streams;
	flusher->epoch = &sluice->epoch;
	flusher->recovery = &sluice->recovery;
	flusher->generation = (struct sluice_generation){.id = *id,
	                                                 .lane_count = sluice->lane_count};
	flusher->known_to_sink = sluice->generation.known_to_sink;
	slu_budget_set(&flusher->budget, &sluice->options);
	flusher->pressure = (struct slu_pressure){
		.listener = sluice->options.pressure,
		.listener_context = sluice->options.pressure_context,
		.log = sluice->options.log,
		.log_context = sluice->options.log_context,
	};
	flusher->grace.env = sluice->env;
	flusher->grace.lanes = sluice->lanes;
	flusher->grace.lane_count = sluice->lane_count;
	flusher->progress.reason = "";
	flusher->progress.fd = -1;
	flusher->picture.state = SLUICE_STATE_CONNECTING;
	flusher->picture.state_since_ns = now_ns;
	flusher->drops.streams = sluice->streams;
	flusher->drops.log = sluice->options.log;
	flusher->drops.log_context = sluice->options.log_context;
	slu_recovery_tell(&sluice->recovery, &flusher->picture.former);
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

static enum sluice_status start_sink(struct sluice *sluice, struct sluice_error *error)
{
	uint64_t format_size;
	struct sluice_sink_setup setup = {
		.streams = sluice->streams,
		.in_flight_batches = sluice->options.in_flight_batches,
		.seed = sluice->env->random(sluice->env),
		.log = sluice->options.log,
		.log_context = sluice->options.log_context,
	};

	sluice->format = slu_schema_write(sluice->streams, &format_size);
	if (sluice->format == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "no memory for the streams' schema");
	setup.format = sluice->format;
	setup.format_size = format_size;
	return sluice->sink->ops->start(sluice->sink, &setup, error);
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
		if (slu_picture_stopped(&picture))
			return sluice_error_set(
				error, SLUICE_HALTED, "the sink %s: %s",
				picture.state == SLUICE_STATE_FENCED ? "is fenced off" : "halted",
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

/* Everything that put and get will touch. */
static enum sluice_status build_memory(struct sluice *sluice, struct sluice_uuid *id,
                                       struct sluice_error *error)
{
	uint64_t first_version;
	enum sluice_status status = open_recovery(sluice, &first_version, error);

	sluice_uuid7(id);
	if (status == SLUICE_OK)
		status = open_lanes(sluice, id, first_version, error);
	if (status != SLUICE_OK)
		return status;
	if (!open_lossy(sluice) || !open_caches(sluice, first_version) || !open_wire(sluice))
		return sluice_error_set(error, SLUICE_FAILED,
		                        "no memory for %zu lanes of %llu slots and %llu keys a "
		                        "stream; lower lanes, lane_slots or keys",
		                        sluice->lane_count,
		                        (unsigned long long)sluice->options.lane_slots,
		                        (unsigned long long)sluice->options.keys);
	return slu_recovery_fill_caches(&sluice->recovery, &sluice->lanes[0], error);
}

static enum sluice_status build(struct sluice *sluice, struct sluice_error *error)
{
	uint64_t now_ns = sluice->env->now_ns(sluice->env);
	struct sluice_uuid id;
	enum sluice_status status = slu_overflow_read(sluice->options.overflow, sluice->streams,
	                                              sluice->overflow, error);

	if (status == SLUICE_OK)
		status = build_memory(sluice, &id, error);
	if (status != SLUICE_OK)
		return status;
	slu_epoch_init(&sluice->epoch, now_ns);
	slu_epoch_init(&sluice->recovery.epoch, now_ns);
	open_flusher(sluice, &id, now_ns);
	status = start_sink(sluice, error);
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
	size_t lane_count = options->lanes + options->shared_lanes;
	size_t size = sizeof(struct sluice) + lane_count * sizeof(struct sluice_lane);
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
	sluice->lane_count = lane_count;
	sluice->directory.fd = -1;
	sluice->directory.lock_fd = -1;
	pthread_mutex_init(&sluice->mutex, NULL);
	if (build(sluice, error) == SLUICE_OK)
		return sluice;
	sink->ops->close(sink);
	slu_instance_discard_file(sluice);
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
