/* SPDX-License-Identifier: MIT */
/*
 * pg_writer.c - one step: halt? -> dial when due -> open -> resolve -> send and read the head -> next
 * head.
 */
#include "sink/pg_writer.h"

#include "sink/pg_fence.h"
#include "sink/pg_setback.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

void slu_writer_say(const struct slu_writer *writer, const char *what, const char *detail)
{
	char line[2 * SLU_REASON_SIZE];

	if (writer->log == NULL)
		return;
	(void)snprintf(line, sizeof(line), "postgres: %s%s", what, detail);
	writer->log(writer->log_context, line);
}

static void warn(void *context, const char *text)
{
	slu_writer_say(context, "warning: ", text);
}

/* ---- life ---- */

bool slu_writer_init(struct slu_writer *writer, size_t in_flight_batches)
{
	writer->target.generation = &writer->run.generation;
	writer->target.warn = warn;
	writer->target.warn_context = writer;
	slu_connection_init(&writer->connection, &writer->target);
	return slu_run_init(&writer->run, in_flight_batches);
}

void slu_writer_free(struct slu_writer *writer)
{
	slu_connection_free(&writer->connection);
	slu_run_free(&writer->run);
}

bool slu_writer_begin(struct slu_writer *writer, const struct sluice_generation *generation)
{
	assert(generation->lane_count > 0);
	assert(writer->run.queued == 0 || writer->run.sealing);
	if (!slu_run_begin(&writer->run, generation))
		return false;
	slu_connection_close(&writer->connection);
	writer->connection.applied = writer->run.told;
	writer->target.owned = false;
	writer->on_wire = false;
	writer->dial_at_ns = 0;
	return true;
}

/* ---- connecting ---- */

/* The database does not stand where this run has left it. */
static void halt_astray(struct slu_writer *writer)
{
	char reason[SLU_REASON_SIZE];
	struct slu_loss loss;

	if (!slu_run_loss(&writer->run, &loss)) {
		slu_setback_halt(
			writer,
			"the database holds positions this run never wrote: another process "
			"writes with its generation, or the row was edited");
		return;
	}
	(void)snprintf(reason, sizeof(reason),
	               "the database went back (restored, or failed over to a server that lagged): "
	               "%llu committed records are gone, lane %zu %llu to %llu%s. Restart the "
	               "engine: what its lane file holds is written again",
	               (unsigned long long)loss.records, loss.lane, (unsigned long long)loss.from,
	               (unsigned long long)loss.to, loss.lanes > 1 ? ", and of other lanes" : "");
	slu_setback_halt(writer, reason);
}

static void welcome(struct slu_writer *writer)
{
	uint64_t committed = writer->run.committed;
	char name[SLU_RUN_NAME_SIZE];
	char detail[192];

	if (!slu_run_resolve(&writer->run)) {
		halt_astray(writer);
		return;
	}
	if (slu_server_moved(&writer->target.server, &writer->connection.server))
		slu_writer_say(writer, "failed over", "");
	writer->target.server = writer->connection.server;
	writer->target.owned = true;
	if (writer->run.committed != committed)
		slu_setback_forget(writer);
	if (writer->lost)
		writer->reconnects++;
	writer->lost = false;
	(void)snprintf(detail, sizeof(detail), "server %d, timeline %u, run %s, epoch %llu",
	               PQserverVersion(writer->connection.pg),
	               (unsigned)writer->target.server.timeline,
	               slu_fence_run_name(&writer->run.generation.id, name),
	               (unsigned long long)writer->connection.epoch);
	slu_writer_say(writer, "connected: ", detail);
}

/* Returns true when there is more to do at once. */
static bool connect_step(struct slu_writer *writer, uint64_t now_ns)
{
	struct slu_connection *connection = &writer->connection;
	enum slu_progress progress;

	if (connection->phase == SLU_CLOSED) {
		if (now_ns < writer->dial_at_ns)
			return false;
		slu_connection_dial(connection, now_ns);
	}
	progress = slu_connection_step(connection, now_ns);
	if (progress == SLU_DONE)
		welcome(writer);
	else if (progress == SLU_STOPPED)
		slu_setback_take(writer, now_ns);
	return progress == SLU_DONE;
}

/* ---- the head ---- */

static void tell_letters(struct slu_writer *writer)
{
	const struct slu_parcel *parcel = slu_run_head_parcel(&writer->run);
	char detail[SLU_REASON_SIZE];
	size_t index;

	for (index = 0; parcel != NULL && index < parcel->letter_count; index++) {
		const struct slu_letter *letter = &parcel->letters[index];

		if (letter->held_back)
			continue;
		(void)snprintf(detail, sizeof(detail), "record %llu of lane %u: %.200s",
		               (unsigned long long)letter->row.sequence, (unsigned)letter->row.lane,
		               letter->trouble.reason);
		slu_writer_say(writer, "dead letter: ", detail);
	}
}

/* The head is in the database. */
static void pop(struct slu_writer *writer)
{
	tell_letters(writer);
	slu_run_pop(&writer->run);
	writer->on_wire = false;
	slu_setback_forget(writer); /* a commit, not a connection, is success */
}

/* The head was committed, and its answer came. */
static void note_replication(struct slu_writer *writer)
{
	enum slu_replication replication = slu_transaction_replication(&writer->transaction,
	                                                               &writer->connection);
	bool unconfirmed = replication == SLU_UNCONFIRMED;

	if (slu_run_head(&writer->run)->seals)
		return;
	if (replication == SLU_REPLICATED)
		writer->run.replicated = slu_run_head(&writer->run)->number;
	writer->unreplicated += unconfirmed;
	if (unconfirmed && !writer->unconfirmed)
		slu_writer_say(writer, "committed, but not confirmed by a standby: ",
		               "the wait for synchronous replication was given up");
	else if (!unconfirmed && writer->unconfirmed)
		slu_writer_say(writer,
		               replication == SLU_REPLICATED ? "confirmed by a standby again"
		                                             : "no standby is waited for any more",
		               "");
	writer->unconfirmed = unconfirmed;
}

/* The row has moved for the last time. That may be our doing, and the reply lost; but then nothing
 * comes after it. Returns true when there is more to do at once. */
static bool meet_sealed(struct slu_writer *writer)
{
	char reason[SLU_REASON_SIZE];
	char name[SLU_RUN_NAME_SIZE];

	if (slu_run_head(&writer->run)->seals) {
		pop(writer);
		return true;
	}
	(void)snprintf(
		reason, sizeof(reason),
		"run %s is sealed in sluice.lane: it had ended, with all of it committed, and "
		"here is more. Its lane file was copied, or the row edited: move the file "
		"away, and look into both",
		slu_fence_run_name(&writer->run.generation.id, name));
	slu_setback_halt(writer, reason);
	return false;
}

static void put_on_wire(struct slu_writer *writer, uint64_t now_ns)
{
	struct slu_script *script = slu_run_head(&writer->run);

	slu_script_set_epoch(script, writer->connection.epoch);
	slu_transaction_begin(&writer->transaction, script, &writer->connection, now_ns);
	writer->on_wire = true;
}

/* Returns true when there is more to do at once. */
static bool batch_step(struct slu_writer *writer, uint64_t now_ns)
{
	enum slu_progress progress;

	if (!writer->on_wire && writer->connection.sealed)
		return meet_sealed(writer);
	if (!writer->on_wire)
		put_on_wire(writer, now_ns);
	progress = slu_transaction_step(&writer->transaction, &writer->connection, now_ns);
	if (progress == SLU_DONE) {
		note_replication(writer);
		pop(writer);
	} else if (progress == SLU_STOPPED) {
		slu_setback_take(writer, now_ns);
	}
	return progress == SLU_DONE;
}

/* Returns true when there is more to do at once. */
static bool idle_step(struct slu_writer *writer, uint64_t now_ns)
{
	struct slu_run *run = &writer->run;

	if (run->sealing && !run->sealed) {
		if (slu_run_take_seal(run))
			return true;
		slu_setback_retry(writer, "out of memory for sealing the run", now_ns);
	} else if (!slu_connection_alive(&writer->connection)) {
		slu_setback_take(writer, now_ns);
	}
	return false;
}

/* ---- the cycle ---- */

/* Returns true when there is more to do at once. */
static bool step(struct slu_writer *writer, uint64_t now_ns)
{
	const struct slu_script *head = slu_run_head(&writer->run);

	if (writer->halted || !writer->run.begun)
		return false;
	/* Not before it is the head: what was taken before it is right, and gets its commit. */
	if (head != NULL && head->refused) {
		slu_setback_halt(writer, head->trouble.reason);
		return false;
	}
	if (writer->connection.phase != SLU_READY)
		return connect_step(writer, now_ns);
	return head != NULL ? batch_step(writer, now_ns) : idle_step(writer, now_ns);
}

void slu_writer_advance(struct slu_writer *writer, uint64_t now_ns)
{
	slu_run_resume(&writer->run, now_ns);
	while (step(writer, now_ns))
		;
}

uint64_t slu_writer_wake(const struct slu_writer *writer)
{
	if (writer->halted || !writer->run.begun)
		return UINT64_MAX;
	switch (writer->connection.phase) {
	case SLU_CLOSED:
		return writer->dial_at_ns;
	case SLU_DIALING:
	case SLU_OPENING:
		return writer->connection.deadline_ns;
	case SLU_READY:
		break;
	}
	return writer->on_wire ? writer->transaction.silent_until_ns : UINT64_MAX;
}

uint64_t slu_writer_tell_halted(struct slu_writer *writer)
{
	uint64_t count = 0;
	size_t index;

	for (index = 0; index < SLUICE_STREAMS_MAX; index++) {
		struct slu_halted *halted = &writer->run.halted[index];

		count += halted->now;
		if (!halted->now || halted->told)
			continue;
		halted->told = true;
		slu_writer_say(
			writer, halted->trouble.reason,
			"; all its records go to sluice.dead_letter, and it is tried again every "
			"minute");
	}
	return count;
}
