/* SPDX-License-Identifier: MIT */
/*
 * postgres.c - the Postgres sink: one run at a time, one connection, and patience.
 *
 *      begin  -> drops the connection: each opens the fence of one run
 *      submit -> [head | .. | ..]         encoded at once, also while there is no connection
 *      seal   -> [head]                   a statement like any other
 *                  |
 *      waiting -> connecting -> ready     only the head is on the wire
 *         ^_______________________|       any loss: drop, wait, dial, ask the fence, send again
 *
 * Owns: the connection, the run.  Borrows: the streams.
 * One step: halt? -> dial when due -> open -> resolve -> send and read the head -> next head.
 */
#include <sluice/postgres.h>

#include "sink/pg_connection.h"
#include "sink/pg_fence.h"
#include "sink/pg_run.h"
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

struct postgres {
	struct sluice_sink sink; /* first: the door's handle */
	struct slu_target target;
	struct slu_script_terms terms;
	struct sluice_sink_setup setup;
	char *halt_on_refusal; /* names of streams */
	struct slu_run run;
	struct slu_connection connection;
	struct slu_transaction transaction;
	bool on_wire; /* `transaction` is saying the run's head */
	uint64_t reconnects;
	uint64_t backoff_ns; /* bound of the next pause */
	uint64_t dial_at_ns;
	uint64_t random;
	uint64_t unreplicated; /* batches that no standby has confirmed, although one should */
	bool unconfirmed;      /* the last one was such */
	bool lost;             /* a connection that was ready is to be replaced */
	bool halted;
	bool fenced; /* halted, since another process has the run */
	char reason[SLU_REASON_SIZE];
};

static void say(struct postgres *postgres, const char *what, const char *detail)
{
	char line[2 * SLU_REASON_SIZE];

	if (postgres->setup.log == NULL)
		return;
	(void)snprintf(line, sizeof(line), "postgres: %s%s", what, detail);
	postgres->setup.log(postgres->setup.log_context, line);
}

static void warn(void *context, const char *text)
{
	say(context, "warning: ", text);
}

/* ---- the door, but for step ---- */

static void postgres_close(struct sluice_sink *sink)
{
	struct postgres *postgres = (struct postgres *)sink;

	slu_connection_free(&postgres->connection);
	slu_run_free(&postgres->run);
	free(postgres->target.conninfo);
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
			postgres->run.strict[stream->index] |= found;
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

	if (setup->in_flight_batches == 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "a sink needs at least one batch in flight");
	postgres->setup = *setup;
	postgres->random = setup->seed;
	postgres->terms.format = setup->format;
	postgres->terms.format_size = setup->format_size;
	postgres->target.streams = setup->streams;
	postgres->target.chance = setup->seed;
	postgres->target.generation = &postgres->run.generation;
	postgres->target.warn = warn;
	postgres->target.warn_context = postgres;
	slu_connection_init(&postgres->connection, &postgres->target);
	if (!slu_run_init(&postgres->run, setup->in_flight_batches))
		return sluice_error_set(error, SLUICE_FAILED, "out of memory for the sink");
	return read_strict(postgres, setup->streams, error);
}

/* A session holds the fence of one run, so the next one gets its own: a connection a run, in return
 * for which every session is opened in the same way. */
static enum sluice_status postgres_begin(struct sluice_sink *sink,
                                         const struct sluice_generation *generation)
{
	struct postgres *postgres = (struct postgres *)sink;

	assert(generation->lane_count > 0);
	assert(postgres->run.queued == 0 || postgres->run.sealing);
	if (!slu_run_begin(&postgres->run, generation))
		return SLUICE_FAILED;
	slu_connection_close(&postgres->connection);
	postgres->connection.applied = postgres->run.told;
	postgres->target.owned = false;
	postgres->on_wire = false;
	postgres->dial_at_ns = 0;
	return SLUICE_OK;
}

static enum sluice_status postgres_submit(struct sluice_sink *sink,
                                          const struct sluice_batch *batch)
{
	struct postgres *postgres = (struct postgres *)sink;

	return slu_run_take(&postgres->run, batch, &postgres->terms) ? SLUICE_OK : SLUICE_FAILED;
}

/* It needs a session that knows where the run stands, and memory: step sees to both. */
static void postgres_seal(struct sluice_sink *sink)
{
	struct postgres *postgres = (struct postgres *)sink;

	assert(postgres->run.queued == 0);
	postgres->run.sealing = true;
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

/* The next attempt is on a connection of its own, as after any stop, but without a pause: the server
 * is well. */
static void try_otherwise(struct postgres *postgres)
{
	slu_connection_close(&postgres->connection);
	postgres->on_wire = false;
	postgres->dial_at_ns = 0;
}

/* A row of the head's was refused. */
static void isolate(struct postgres *postgres, struct slu_trouble *trouble, uint64_t now_ns)
{
	const struct slu_transaction *transaction = &postgres->transaction;

	switch (slu_run_blame_head(&postgres->run, &transaction->failed, transaction->failed_copy,
	                           trouble, &postgres->terms)) {
	case SLU_BLAME_ROW:
	case SLU_BLAME_LATER:
		try_otherwise(postgres);
		break;
	case SLU_BLAME_PASSING:
		retry(postgres, trouble->reason, now_ns);
		break;
	case SLU_BLAME_NOBODY:
		halt(postgres, trouble->reason);
		break;
	}
}

/* The table of a stream of the head's takes nothing. */
static void halt_stream(struct postgres *postgres, const struct slu_trouble *trouble,
                        uint64_t now_ns)
{
	if (slu_run_halt_stream(&postgres->run, &postgres->transaction.failed, trouble,
	                        &postgres->terms) == SLU_BLAME_ROW)
		try_otherwise(postgres);
	else
		retry(postgres, trouble->reason, now_ns);
}

static void give_way(struct postgres *postgres, uint64_t now_ns)
{
	struct slu_trouble trouble = postgres->connection.trouble;

	if (trouble.action == SLU_RETRY)
		retry(postgres, trouble.reason, now_ns);
	else if (trouble.action == SLU_ISOLATE && postgres->on_wire)
		isolate(postgres, &trouble, now_ns);
	else if (trouble.action == SLU_HALT_STREAM && postgres->on_wire)
		halt_stream(postgres, &trouble, now_ns);
	else
		halt(postgres, trouble.reason);
	postgres->fenced |= trouble.action == SLU_FENCED;
}

/* ---- the cycle ---- */

/* The database does not stand where this run has left it. */
static void halt_astray(struct postgres *postgres)
{
	char reason[SLU_REASON_SIZE];
	struct slu_loss loss;

	if (!slu_run_loss(&postgres->run, &loss)) {
		halt(postgres, "the database holds positions this run never wrote: another process "
		               "writes with its generation, or the row was edited");
		return;
	}
	(void)snprintf(reason, sizeof(reason),
	               "the database went back (restored, or failed over to a server that lagged): "
	               "%llu committed records are gone, lane %zu %llu to %llu%s. Restart the "
	               "engine: what its lane file holds is written again",
	               (unsigned long long)loss.records, loss.lane, (unsigned long long)loss.from,
	               (unsigned long long)loss.to, loss.lanes > 1 ? ", and of other lanes" : "");
	halt(postgres, reason);
}

static void welcome(struct postgres *postgres)
{
	uint64_t committed = postgres->run.committed;
	char name[SLU_RUN_NAME_SIZE];
	char detail[192];

	if (!slu_run_resolve(&postgres->run)) {
		halt_astray(postgres);
		return;
	}
	if (slu_server_moved(&postgres->target.server, &postgres->connection.server))
		say(postgres, "failed over", "");
	postgres->target.server = postgres->connection.server;
	postgres->target.owned = true;
	if (postgres->run.committed != committed)
		postgres->backoff_ns = BACKOFF_NS_MIN;
	if (postgres->lost)
		postgres->reconnects++;
	postgres->lost = false;
	(void)snprintf(detail, sizeof(detail), "server %d, timeline %u, run %s, epoch %llu",
	               PQserverVersion(postgres->connection.pg),
	               (unsigned)postgres->target.server.timeline,
	               slu_fence_run_name(&postgres->run.generation.id, name),
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

static void tell_letters(struct postgres *postgres)
{
	const struct slu_parcel *parcel = slu_run_head_parcel(&postgres->run);
	char detail[SLU_REASON_SIZE];
	size_t index;

	for (index = 0; parcel != NULL && index < parcel->letter_count; index++) {
		const struct slu_letter *letter = &parcel->letters[index];

		if (letter->held_back)
			continue;
		(void)snprintf(detail, sizeof(detail), "record %llu of lane %u: %.200s",
		               (unsigned long long)letter->row.sequence, (unsigned)letter->row.lane,
		               letter->trouble.reason);
		say(postgres, "dead letter: ", detail);
	}
}

/* Once each. Returns how many there are. */
static uint64_t tell_halted(struct postgres *postgres)
{
	uint64_t count = 0;
	size_t index;

	for (index = 0; index < SLUICE_STREAMS_MAX; index++) {
		struct slu_halted *halted = &postgres->run.halted[index];

		count += halted->now;
		if (!halted->now || halted->told)
			continue;
		halted->told = true;
		say(postgres, halted->trouble.reason,
		    "; all its records go to sluice.dead_letter, and it is tried again every "
		    "minute");
	}
	return count;
}

/* The head is in the database. */
static void pop(struct postgres *postgres)
{
	tell_letters(postgres);
	slu_run_pop(&postgres->run);
	postgres->on_wire = false;
	postgres->backoff_ns = BACKOFF_NS_MIN; /* a commit, not a connection, is success */
}

/* The head was committed, and its answer came. */
static void note_replication(struct postgres *postgres)
{
	enum slu_replication replication = slu_transaction_replication(&postgres->transaction,
	                                                               &postgres->connection);
	bool unconfirmed = replication == SLU_UNCONFIRMED;

	if (slu_run_head(&postgres->run)->seals)
		return;
	if (replication == SLU_REPLICATED)
		postgres->run.replicated = slu_run_head(&postgres->run)->number;
	postgres->unreplicated += unconfirmed;
	if (unconfirmed && !postgres->unconfirmed)
		say(postgres, "committed, but not confirmed by a standby: ",
		    "the wait for synchronous replication was given up");
	else if (!unconfirmed && postgres->unconfirmed)
		say(postgres,
		    replication == SLU_REPLICATED ? "confirmed by a standby again"
		                                  : "no standby is waited for any more",
		    "");
	postgres->unconfirmed = unconfirmed;
}

/* The row has moved for the last time. That may be our doing, and the reply lost; but then nothing
 * comes after it. Returns true when there is more to do at once. */
static bool meet_sealed(struct postgres *postgres)
{
	char reason[SLU_REASON_SIZE];
	char name[SLU_RUN_NAME_SIZE];

	if (slu_run_head(&postgres->run)->seals) {
		pop(postgres);
		return true;
	}
	(void)snprintf(
		reason, sizeof(reason),
		"run %s is sealed in sluice.lane: it had ended, with all of it committed, and "
		"here is more. Its lane file was copied, or the row edited: move the file "
		"away, and look into both",
		slu_fence_run_name(&postgres->run.generation.id, name));
	halt(postgres, reason);
	return false;
}

static void put_on_wire(struct postgres *postgres, uint64_t now_ns)
{
	struct slu_script *script = slu_run_head(&postgres->run);

	slu_script_set_epoch(script, postgres->connection.epoch);
	slu_transaction_begin(&postgres->transaction, script, &postgres->connection, now_ns);
	postgres->on_wire = true;
}

/* Returns true when there is more to do at once. */
static bool batch_step(struct postgres *postgres, uint64_t now_ns)
{
	enum slu_progress progress;

	if (!postgres->on_wire && postgres->connection.sealed)
		return meet_sealed(postgres);
	if (!postgres->on_wire)
		put_on_wire(postgres, now_ns);
	progress = slu_transaction_step(&postgres->transaction, &postgres->connection, now_ns);
	if (progress == SLU_DONE) {
		note_replication(postgres);
		pop(postgres);
	} else if (progress == SLU_STOPPED) {
		give_way(postgres, now_ns);
	}
	return progress == SLU_DONE;
}

/* Returns true when there is more to do at once. */
static bool idle_step(struct postgres *postgres, uint64_t now_ns)
{
	struct slu_run *run = &postgres->run;

	if (run->sealing && !run->sealed) {
		if (slu_run_take_seal(run))
			return true;
		retry(postgres, "out of memory for sealing the run", now_ns);
	} else if (!slu_connection_alive(&postgres->connection)) {
		give_way(postgres, now_ns);
	}
	return false;
}

/* Returns true when there is more to do at once. */
static bool advance(struct postgres *postgres, uint64_t now_ns)
{
	const struct slu_script *head = slu_run_head(&postgres->run);

	if (postgres->halted || !postgres->run.begun)
		return false;
	/* Not before it is the head: what was taken before it is right, and gets its commit. */
	if (head != NULL && head->refused) {
		halt(postgres, head->trouble.reason);
		return false;
	}
	if (postgres->connection.phase != SLU_READY)
		return connect_step(postgres, now_ns);
	return head != NULL ? batch_step(postgres, now_ns) : idle_step(postgres, now_ns);
}

static uint64_t wake_of(const struct postgres *postgres)
{
	if (postgres->halted || !postgres->run.begun)
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
	return postgres->on_wire ? postgres->transaction.silent_until_ns : UINT64_MAX;
}

static void postgres_step(struct sluice_sink *sink, uint64_t now_ns,
                          struct sluice_sink_progress *progress)
{
	struct postgres *postgres = (struct postgres *)sink;

	slu_run_resume(&postgres->run, now_ns);
	while (advance(postgres, now_ns))
		;
	progress->halted_streams = tell_halted(postgres);
	progress->state = SLUICE_STATE_CONNECTING;
	if (postgres->halted)
		progress->state = postgres->fenced ? SLUICE_STATE_FENCED : SLUICE_STATE_HALTED;
	else if (postgres->connection.phase == SLU_READY)
		progress->state = SLUICE_STATE_RUNNING;
	progress->committed = postgres->run.committed;
	progress->replicated = postgres->run.replicated;
	progress->unreplicated = postgres->unreplicated;
	progress->dead_lettered = postgres->run.dead_lettered;
	progress->dead_lettered_of = postgres->run.dead_lettered_of;
	progress->positions = postgres->run.found ? postgres->run.positions : NULL;
	progress->sealed = postgres->run.sealed;
	progress->reconnects = postgres->reconnects;
	progress->ready = !postgres->halted && slu_run_has_room(&postgres->run);
	progress->reason = postgres->reason;
	slu_connection_wait(&postgres->connection, &progress->fd, &progress->events);
	progress->wake_ns = wake_of(postgres);
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
	postgres->backoff_ns = BACKOFF_NS_MIN;
	postgres->terms.copy_threshold = SLUICE_POSTGRES_COPY_THRESHOLD;
	postgres->terms.bytes_max = BATCH_BYTES_MAX_DEFAULT;
	if (options != NULL && options->copy_threshold > 0)
		postgres->terms.copy_threshold = options->copy_threshold;
	if (options != NULL && options->batch_bytes_max > 0)
		postgres->terms.bytes_max = options->batch_bytes_max;
	postgres->target.conninfo = strdup(conninfo);
	postgres->halt_on_refusal = strdup(options != NULL && options->halt_on_refusal != NULL
	                                           ? options->halt_on_refusal
	                                           : "");
	if (postgres->target.conninfo != NULL && postgres->halt_on_refusal != NULL)
		return postgres;
	free(postgres->target.conninfo);
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
