/* SPDX-License-Identifier: MIT */
/*
 * postgres.c - the Postgres sink: the core's door to a writer (pg_writer.h), and its options.
 */
#include <sluice/postgres.h>

#include "sink/pg_writer.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* libpq before 15.6 could lose a pipeline's sync when an error came with it. */
#define LIBPQ_VERSION_MIN 150006

#define BATCH_BYTES_MAX_DEFAULT ((size_t)256 << 20)

struct postgres {
	struct sluice_sink sink; /* first: the door's handle */
	struct slu_writer writer;
	char *halt_on_refusal; /* names of streams */
};

/* ---- the door ---- */

static void postgres_close(struct sluice_sink *sink)
{
	struct postgres *postgres = (struct postgres *)sink;

	slu_writer_free(&postgres->writer);
	free(postgres->writer.target.conninfo);
	free(postgres->halt_on_refusal);
	free(postgres);
}

/* The streams that `halt_on_refusal` names. */
static enum sluice_status read_strict(struct postgres *postgres,
                                      const struct sluice_streams *streams,
                                      struct sluice_error *error)
{
	const char *name = postgres->halt_on_refusal;

	for (name += strspn(name, " "); *name != '\0'; name += strspn(name, " ")) {
		size_t size = strcspn(name, " ");
		bool found = false;
		size_t index;

		for (index = 0; index < streams->count && !found; index++) {
			const struct sluice_stream *stream = streams->streams[index];

			found = strlen(stream->name) == size &&
			        strncmp(stream->name, name, size) == 0;
			postgres->writer.run.strict[stream->index] |= found;
		}
		if (!found)
			return sluice_error_set(error, SLUICE_INVALID,
			                        "halt_on_refusal names %.*s, and there is no such "
			                        "stream: it takes streams' names, blanks between",
			                        (int)size, name);
		name += size;
	}
	return SLUICE_OK;
}

static enum sluice_status postgres_start(struct sluice_sink *sink,
                                         const struct sluice_sink_setup *setup,
                                         struct sluice_error *error)
{
	struct postgres *postgres = (struct postgres *)sink;
	struct slu_writer *writer = &postgres->writer;

	if (setup->in_flight_batches == 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "a sink needs at least one batch in flight");
	writer->log = setup->log;
	writer->log_context = setup->log_context;
	writer->random = setup->seed;
	writer->terms.format = setup->format;
	writer->terms.format_size = setup->format_size;
	writer->target.streams = setup->streams;
	writer->target.chance = setup->seed;
	if (!slu_writer_init(writer, setup->in_flight_batches))
		return sluice_error_set(error, SLUICE_FAILED, "out of memory for the sink");
	return read_strict(postgres, setup->streams, error);
}

static enum sluice_status postgres_begin(struct sluice_sink *sink,
                                         const struct sluice_generation *generation)
{
	struct postgres *postgres = (struct postgres *)sink;

	return slu_writer_begin(&postgres->writer, generation) ? SLUICE_OK : SLUICE_FAILED;
}

static enum sluice_status postgres_submit(struct sluice_sink *sink,
                                          const struct sluice_batch *batch)
{
	struct postgres *postgres = (struct postgres *)sink;

	return slu_run_take(&postgres->writer.run, batch, &postgres->writer.terms) ? SLUICE_OK
	                                                                           : SLUICE_FAILED;
}

/* It needs a session that knows where the run stands, and memory: step sees to both. */
static void postgres_seal(struct sluice_sink *sink)
{
	struct postgres *postgres = (struct postgres *)sink;

	assert(postgres->writer.run.queued == 0);
	postgres->writer.run.sealing = true;
}

static enum sluice_state state_of(const struct slu_writer *writer)
{
	if (writer->fenced)
		return SLUICE_STATE_FENCED;
	if (writer->halted)
		return SLUICE_STATE_HALTED;
	return writer->connection.phase == SLU_READY ? SLUICE_STATE_RUNNING
	                                             : SLUICE_STATE_CONNECTING;
}

static void postgres_step(struct sluice_sink *sink, uint64_t now_ns,
                          struct sluice_sink_progress *progress)
{
	struct slu_writer *writer = &((struct postgres *)sink)->writer;
	const struct slu_run *run = &writer->run;

	slu_writer_advance(writer, now_ns);
	progress->state = state_of(writer);
	progress->reason = writer->reason;
	progress->halted_streams = slu_writer_tell_halted(writer);
	progress->reconnects = writer->reconnects;
	progress->committed = run->committed;
	progress->replicated = run->replicated;
	progress->unreplicated = writer->unreplicated;
	progress->dead_lettered = run->dead_lettered;
	progress->dead_lettered_of = run->dead_lettered_of;
	progress->positions = run->found ? run->positions : NULL;
	progress->sealed = run->sealed;
	progress->ready = !writer->halted && slu_run_has_room(run);
	slu_connection_wait(&writer->connection, &progress->fd, &progress->events);
	progress->wake_ns = slu_writer_wake(writer);
}

static const struct sluice_sink_ops postgres_ops = {
	.start = postgres_start,
	.begin = postgres_begin,
	.seal = postgres_seal,
	.submit = postgres_submit,
	.step = postgres_step,
	.close = postgres_close,
};

/* ---- sluice_postgres_open ---- */

static bool is_conninfo(const char *conninfo)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);
	bool valid = options != NULL;

	PQconninfoFree(options);
	PQfreemem(message); /* not repeated: it may quote a password */
	return valid;
}

static struct postgres *make(const char *conninfo, const struct sluice_postgres_options *options)
{
	struct postgres *postgres = calloc(1, sizeof(*postgres));

	if (postgres == NULL)
		return NULL;
	postgres->sink.ops = &postgres_ops;
	postgres->writer.terms.copy_threshold = SLUICE_POSTGRES_COPY_THRESHOLD;
	postgres->writer.terms.bytes_max = BATCH_BYTES_MAX_DEFAULT;
	if (options != NULL && options->copy_threshold > 0)
		postgres->writer.terms.copy_threshold = options->copy_threshold;
	if (options != NULL && options->batch_bytes_max > 0)
		postgres->writer.terms.bytes_max = options->batch_bytes_max;
	postgres->writer.target.conninfo = strdup(conninfo);
	postgres->halt_on_refusal = strdup(options != NULL && options->halt_on_refusal != NULL
	                                           ? options->halt_on_refusal
	                                           : "");
	if (postgres->writer.target.conninfo != NULL && postgres->halt_on_refusal != NULL)
		return postgres;
	free(postgres->writer.target.conninfo);
	free(postgres->halt_on_refusal);
	free(postgres);
	return NULL;
}

struct sluice_sink *sluice_postgres_open(const char *conninfo,
                                         const struct sluice_postgres_options *options,
                                         struct sluice_error *error)
{
	struct postgres *postgres;

	if (PQlibVersion() < LIBPQ_VERSION_MIN) {
		(void)sluice_error_set(error, SLUICE_INVALID,
		                       "libpq %d is too old: its pipelines lose answers; install "
		                       "15.6 or newer",
		                       PQlibVersion());
		return NULL;
	}
	if (conninfo == NULL || !is_conninfo(conninfo)) {
		(void)sluice_error_set(error, SLUICE_INVALID,
		                       "the connection string can't be parsed (it is not repeated, "
		                       "as it may hold a password): write key=value pairs or a "
		                       "postgresql:// URI, and quote values with blanks");
		return NULL;
	}
	postgres = make(conninfo, options);
	if (postgres == NULL) {
		(void)sluice_error_set(error, SLUICE_FAILED, "out of memory for the sink");
		return NULL;
	}
	return &postgres->sink;
}
