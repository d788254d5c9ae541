/* SPDX-License-Identifier: MIT */
/* pg_setback.c - pauses, blame, the end. */
#include "sink/pg_setback.h"

#include <sluice/sluice.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_NS_MIN sluice_ms(50)
#define BACKOFF_NS_MAX sluice_seconds(5)

static uint64_t next_random(struct slu_writer *writer)
{
	uint64_t mixed = writer->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

void slu_setback_halt(struct slu_writer *writer, const char *reason)
{
	slu_connection_close(&writer->connection);
	writer->on_wire = false;
	writer->halted = true;
	(void)snprintf(writer->reason, sizeof(writer->reason), "%s", reason);
	slu_writer_say(writer, "halted: ", writer->reason);
}

void slu_setback_retry(struct slu_writer *writer, const char *reason, uint64_t now_ns)
{
	bool was_ready = writer->connection.phase == SLU_READY;

	/* An outage is told once, and again when its reason changes. */
	if (was_ready || strcmp(writer->reason, reason) != 0) {
		(void)snprintf(writer->reason, sizeof(writer->reason), "%s", reason);
		slu_writer_say(writer, was_ready ? "connection lost: " : "no connection: ", reason);
	}
	writer->lost |= was_ready;
	slu_connection_close(&writer->connection);
	writer->on_wire = false;
	if (writer->backoff_ns == 0)
		writer->backoff_ns = BACKOFF_NS_MIN;
	writer->dial_at_ns = now_ns + next_random(writer) % writer->backoff_ns;
	writer->backoff_ns *= 2;
	if (writer->backoff_ns > BACKOFF_NS_MAX)
		writer->backoff_ns = BACKOFF_NS_MAX;
}

/* The next attempt is on a connection of its own, as after any stop, but without a pause: the server
 * is well. */
static void try_otherwise(struct slu_writer *writer)
{
	slu_connection_close(&writer->connection);
	writer->on_wire = false;
	writer->dial_at_ns = 0;
}

/* A row of the head's was refused. */
static void isolate(struct slu_writer *writer, struct slu_trouble *trouble, uint64_t now_ns)
{
	const struct slu_transaction *transaction = &writer->transaction;

	switch (slu_run_blame_head(&writer->run, &transaction->failed, transaction->failed_copy,
	                           trouble, &writer->terms)) {
	case SLU_BLAME_ROW:
	case SLU_BLAME_LATER:
		try_otherwise(writer);
		break;
	case SLU_BLAME_PASSING:
		slu_setback_retry(writer, trouble->reason, now_ns);
		break;
	case SLU_BLAME_NOBODY:
		slu_setback_halt(writer, trouble->reason);
		break;
	}
}

/* The table of a stream of the head's takes nothing. */
static void halt_stream(struct slu_writer *writer, const struct slu_trouble *trouble,
                        uint64_t now_ns)
{
	if (slu_run_halt_stream(&writer->run, &writer->transaction.failed, trouble,
	                        &writer->terms) == SLU_BLAME_ROW)
		try_otherwise(writer);
	else
		slu_setback_retry(writer, trouble->reason, now_ns);
}

void slu_setback_take(struct slu_writer *writer, uint64_t now_ns)
{
	struct slu_trouble trouble = writer->connection.trouble;

	if (trouble.action == SLU_RETRY)
		slu_setback_retry(writer, trouble.reason, now_ns);
	else if (trouble.action == SLU_ISOLATE && writer->on_wire)
		isolate(writer, &trouble, now_ns);
	else if (trouble.action == SLU_HALT_STREAM && writer->on_wire)
		halt_stream(writer, &trouble, now_ns);
	else
		slu_setback_halt(writer, trouble.reason);
	writer->fenced |= trouble.action == SLU_FENCED;
}

void slu_setback_forget(struct slu_writer *writer)
{
	writer->backoff_ns = 0;
}
