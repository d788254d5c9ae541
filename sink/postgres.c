/* SPDX-License-Identifier: MIT */
/*
 * postgres.c - the Postgres sink: a queue of encoded batches, one connection, and patience.
 *
 *      submit -> [head | .. | ..]         encoded at once, also while there is no connection
 *                  |
 *      waiting -> connecting -> ready     only the head is on the wire
 *         ^_______________________|       any loss: drop, wait, dial, ask the fence, send again
 *
 * Owns: the connection, the scripts.  Borrows: the streams.
 * One step: halt? -> dial when due -> open -> resolve -> send and read the head -> next head.
 */
#include <sluice/postgres.h>

#include "sink/pg_connection.h"
#include "sink/pg_transaction.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* libpq before 15.6 could lose a pipeline's sync when an error came with it. */
#define LIBPQ_VERSION_MIN 150006

#define BATCH_BYTES_MAX_DEFAULT ((size_t)256 << 20)
#define BACKOFF_NS_MIN sluice_ms(50)
#define BACKOFF_NS_MAX sluice_seconds(5)
#define QUIET_NS_MAX sluice_seconds(30) /* a batch may take without anything happening */

struct postgres {
	struct sluice_sink sink; /* first: the door's handle */
	struct slu_target target;
	struct slu_script_limits limits;
	struct sluice_sink_setup setup;
	struct slu_connection connection;
	struct slu_script **queue; /* ring of setup.in_flight_batches, oldest at `head` */
	size_t head;
	size_t queued;
	struct slu_transaction transaction;
	bool on_wire;            /* `transaction` is saying the head */
	uint64_t quiet_moves;    /* what it had done when it last did something, */
	uint64_t quiet_until_ns; /* and when waiting for more ends */
	uint64_t *applied;       /* positions of the last batch known committed */
	uint64_t *accepted;      /* positions of the last batch taken */
	uint64_t committed;      /* its number */
	uint64_t reconnects;
	uint64_t backoff_ns; /* bound of the next pause */
	uint64_t dial_at_ns;
	uint64_t random;
	bool lost; /* a connection that was ready is to be replaced */
	bool halted;
	char reason[SLU_REASON_SIZE];
};

static void say(struct postgres *postgres, const char *what, const char *detail)
{
	char line[SLU_REASON_SIZE + 64];

	if (postgres->setup.log == NULL)
		return;
	(void)snprintf(line, sizeof(line), "postgres: %s%s", what, detail);
	postgres->setup.log(postgres->setup.log_context, line);
}

/* ---- open, start, close ---- */

static void postgres_close(struct sluice_sink *sink)
{
	struct postgres *postgres = (struct postgres *)sink;
	size_t index;

	slu_connection_free(&postgres->connection);
	for (index = 0; index < postgres->queued; index++)
		slu_script_free(postgres->queue[(postgres->head + index) %
		                                postgres->setup.in_flight_batches]);
	free(postgres->queue);
	free(postgres->applied);
	free(postgres->accepted);
	free(postgres->target.conninfo);
	free(postgres);
}

static enum sluice_status postgres_start(struct sluice_sink *sink,
                                         const struct sluice_sink_setup *setup,
                                         struct sluice_error *error)
{
	struct postgres *postgres = (struct postgres *)sink;

	if (setup->lane_count == 0 || setup->in_flight_batches == 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "a sink needs at least one lane and one batch in flight");
	postgres->setup = *setup;
	postgres->random = setup->seed;
	postgres->target.streams = setup->streams;
	postgres->target.generation = setup->generation;
	postgres->target.lane_count = setup->lane_count;
	postgres->queue = calloc(setup->in_flight_batches, sizeof(struct slu_script *));
	postgres->applied = calloc(setup->lane_count, sizeof(*postgres->applied));
	postgres->accepted = calloc(setup->lane_count, sizeof(*postgres->accepted));
	if (postgres->queue == NULL || postgres->applied == NULL || postgres->accepted == NULL ||
	    !slu_connection_init(&postgres->connection, &postgres->target))
		return sluice_error_set(error, SLUICE_FAILED, "out of memory for the sink");
	return SLUICE_OK;
}

/* ---- queue ---- */

static struct slu_script *queue_at(const struct postgres *postgres, size_t index)
{
	return postgres->queue[(postgres->head + index) % postgres->setup.in_flight_batches];
}

static enum sluice_status postgres_submit(struct sluice_sink *sink,
                                          const struct sluice_batch *batch)
{
	struct postgres *postgres = (struct postgres *)sink;
	size_t size = postgres->setup.lane_count * sizeof(*batch->from);
	size_t capacity = postgres->setup.in_flight_batches;
	struct slu_script *script;

	assert(postgres->queued < capacity);
	assert(batch->lane_count == postgres->setup.lane_count);
	assert(memcmp(batch->from, postgres->accepted, size) == 0);
	script = slu_script_make(batch, &postgres->setup.generation, &postgres->limits);
	if (script == NULL)
		return SLUICE_FAILED;
	memcpy(postgres->accepted, batch->to, size);
	postgres->queue[(postgres->head + postgres->queued) % capacity] = script;
	postgres->queued++;
	return SLUICE_OK;
}

/* The head is in the database. */
static void pop(struct postgres *postgres)
{
	struct slu_script *script = queue_at(postgres, 0);

	memcpy(postgres->applied, script->to,
	       postgres->setup.lane_count * sizeof(*postgres->applied));
	postgres->committed = script->number;
	postgres->head = (postgres->head + 1) % postgres->setup.in_flight_batches;
	postgres->queued--;
	postgres->on_wire = false;
	postgres->backoff_ns = BACKOFF_NS_MIN; /* a commit, not a connection, is success */
	slu_script_free(script);
}

/* ---- trouble ---- */

static uint64_t next_random(struct postgres *postgres)
{
	uint64_t mixed = postgres->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

static void halt(struct postgres *postgres, const char *reason)
{
	slu_connection_close(&postgres->connection);
	postgres->on_wire = false;
	postgres->halted = true;
	(void)snprintf(postgres->reason, sizeof(postgres->reason), "%s", reason);
	say(postgres, "halted: ", postgres->reason);
}

/* Drops the connection; the next one is dialed after a pause between nothing and a bound that
 * doubles, so that many sinks don't come back at once. */
static void retry(struct postgres *postgres, const char *reason, uint64_t now_ns)
{
	bool was_ready = postgres->connection.phase == SLU_READY;

	/* An outage is told once, and again when its reason changes. */
	if (was_ready || strcmp(postgres->reason, reason) != 0) {
		(void)snprintf(postgres->reason, sizeof(postgres->reason), "%s", reason);
		say(postgres, was_ready ? "connection lost: " : "no connection: ", reason);
	}
	postgres->lost |= was_ready;
	slu_connection_close(&postgres->connection);
	postgres->on_wire = false;
	postgres->dial_at_ns = now_ns + next_random(postgres) % postgres->backoff_ns;
	postgres->backoff_ns *= 2;
	if (postgres->backoff_ns > BACKOFF_NS_MAX)
		postgres->backoff_ns = BACKOFF_NS_MAX;
}

static void give_way(struct postgres *postgres, uint64_t now_ns)
{
	struct slu_trouble trouble = postgres->connection.trouble;

	if (trouble.action == SLU_RETRY)
		retry(postgres, trouble.reason, now_ns);
	else
		halt(postgres, trouble.reason);
}

/* ---- the cycle ---- */

/* A fresh connection knows what is committed: the head, if its reply got lost, or nothing new. Only
 * the head was ever sent; that a later one matches is not possible, and would be right as well. */
static bool resolve(struct postgres *postgres)
{
	const uint64_t *found = postgres->connection.applied;
	size_t size = postgres->setup.lane_count * sizeof(*found);
	size_t index;

	if (memcmp(found, postgres->applied, size) == 0)
		return true;
	for (index = 0; index < postgres->queued; index++) {
		if (memcmp(found, queue_at(postgres, index)->to, size) == 0)
			break;
	}
	if (index == postgres->queued)
		return false;
	for (index++; index > 0; index--)
		pop(postgres);
	return true;
}

static void welcome(struct postgres *postgres)
{
	char detail[64];

	if (!resolve(postgres)) {
		halt(postgres, "the database holds positions this run never wrote: it was restored "
		               "or failed over to an older state, or another run has this one's "
		               "generation");
		return;
	}
	if (postgres->lost)
		postgres->reconnects++;
	postgres->lost = false;
	(void)snprintf(detail, sizeof(detail), "server %d, epoch %llu",
	               PQserverVersion(postgres->connection.pg),
	               (unsigned long long)postgres->connection.epoch);
	say(postgres, "connected: ", detail);
}

/* Returns true when there is more to do at once. */
static bool connect_step(struct postgres *postgres, uint64_t now_ns)
{
	struct slu_connection *connection = &postgres->connection;
	enum slu_progress progress;

	if (connection->phase == SLU_CLOSED) {
		if (now_ns < postgres->dial_at_ns)
			return false;
		slu_connection_dial(connection, now_ns);
	}
	progress = slu_connection_step(connection, now_ns);
	if (progress == SLU_DONE)
		welcome(postgres);
	else if (progress == SLU_STOPPED)
		give_way(postgres, now_ns);
	return progress == SLU_DONE;
}

static void put_on_wire(struct postgres *postgres, uint64_t now_ns)
{
	struct slu_script *script = queue_at(postgres, 0);

	slu_script_set_epoch(script, postgres->connection.epoch);
	slu_transaction_begin(&postgres->transaction, script);
	postgres->on_wire = true;
	postgres->quiet_moves = 0;
	postgres->quiet_until_ns = now_ns + QUIET_NS_MAX;
}

/* Returns true when there is more to do at once. */
static bool batch_step(struct postgres *postgres, uint64_t now_ns)
{
	enum slu_progress progress;

	if (!postgres->on_wire)
		put_on_wire(postgres, now_ns);
	progress = slu_transaction_step(&postgres->transaction, &postgres->connection);
	if (progress == SLU_DONE) {
		pop(postgres);
		return true;
	}
	if (progress == SLU_STOPPED) {
		give_way(postgres, now_ns);
		return false;
	}
	if (postgres->transaction.moves != postgres->quiet_moves) {
		postgres->quiet_moves = postgres->transaction.moves;
		postgres->quiet_until_ns = now_ns + QUIET_NS_MAX;
	} else if (now_ns >= postgres->quiet_until_ns) {
		retry(postgres, "the server was silent for 30 s in the middle of a batch", now_ns);
	}
	return false;
}

static bool advance(struct postgres *postgres, uint64_t now_ns)
{
	if (postgres->halted)
		return false;
	/* Not before it is the head: what was taken before it is right, and gets its commit. */
	if (postgres->queued > 0 && queue_at(postgres, 0)->refused) {
		halt(postgres, queue_at(postgres, 0)->trouble.reason);
		return false;
	}
	if (postgres->connection.phase != SLU_READY)
		return connect_step(postgres, now_ns);
	if (postgres->queued > 0)
		return batch_step(postgres, now_ns);
	if (!slu_connection_alive(&postgres->connection))
		give_way(postgres, now_ns);
	return false;
}

static uint64_t wake_of(const struct postgres *postgres)
{
	if (postgres->halted)
		return UINT64_MAX;
	switch (postgres->connection.phase) {
	case SLU_CLOSED:
		return postgres->dial_at_ns;
	case SLU_DIALING:
	case SLU_OPENING:
		return postgres->connection.deadline_ns;
	case SLU_READY:
		break;
	}
	return postgres->on_wire ? postgres->quiet_until_ns : UINT64_MAX;
}

static void postgres_step(struct sluice_sink *sink, uint64_t now_ns,
                          struct sluice_sink_progress *progress)
{
	struct postgres *postgres = (struct postgres *)sink;

	while (advance(postgres, now_ns))
		;
	progress->state = SLUICE_STATE_CONNECTING;
	if (postgres->halted)
		progress->state = SLUICE_STATE_HALTED;
	else if (postgres->connection.phase == SLU_READY)
		progress->state = SLUICE_STATE_RUNNING;
	progress->committed = postgres->committed;
	progress->reconnects = postgres->reconnects;
	progress->ready = !postgres->halted && postgres->queued < postgres->setup.in_flight_batches;
	progress->reason = postgres->reason;
	slu_connection_wait(&postgres->connection, &progress->fd, &progress->events);
	progress->wake_ns = wake_of(postgres);
}

static const struct sluice_sink_ops postgres_ops = {
	.start = postgres_start,
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
	postgres->backoff_ns = BACKOFF_NS_MIN;
	postgres->limits.copy_threshold = SLUICE_POSTGRES_COPY_THRESHOLD;
	postgres->limits.bytes_max = BATCH_BYTES_MAX_DEFAULT;
	if (options != NULL && options->copy_threshold > 0)
		postgres->limits.copy_threshold = options->copy_threshold;
	if (options != NULL && options->batch_bytes_max > 0)
		postgres->limits.bytes_max = options->batch_bytes_max;
	postgres->target.conninfo = strdup(conninfo);
	if (postgres->target.conninfo == NULL) {
		free(postgres);
		return NULL;
	}
	return postgres;
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
