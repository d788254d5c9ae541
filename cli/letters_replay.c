/* SPDX-License-Identifier: MIT */
/*
 * letters_replay.c - `sluice dead-letter replay` and `discard`: what ends a letter.
 *
 * Each letter is replayed in a transaction of its own: it is locked, its record written, the letter
 * deleted, and all of that committed, or nothing. So to be killed at any moment does no harm, and
 * two replays at a time share the work. One that is refused again stays, with the new reason.
 *
 * Oldest first. A child that was refused before its parent finds it in the next pass: there is one
 * as long as the last one has written something and a foreign key was missing.
 */
#include "cli/letters.h"

#include "cli/commands.h"
#include "cli/lanes_statements.h"
#include "sink/pg_replay.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FOREIGN_KEY "23503"

struct pass {
	uint64_t replayed, superseded, refused;
	bool orphans; /* some lacked what they refer to */
};

struct replay_run {
	PGconn *connection;
	struct slu_letters_formats formats;
	/* Statements for the last letter's stream: mostly that of the next. */
	const struct sluice_stream *stream;
	struct slu_lanes_statements *statements;
	struct pass pass;
	struct sluice_error error; /* why the pass ended early */
	bool broken;
};

/* ---- statements ---- */

static const struct sluice_stream *
writable(struct replay_run *run, const struct sluice_stream *stream, struct slu_trouble *trouble)
{
	const struct sluice_streams set = {.streams = &stream, .count = 1};
	struct sluice_error error;

	if (run->stream != stream) {
		slu_lanes_statements_free(run->statements);
		run->stream = stream;
		run->statements = slu_lanes_statements_make(&set, run->connection, &error);
		if (run->statements == NULL)
			run->stream = NULL;
	}
	if (run->statements != NULL)
		return slu_lanes_statements_streams(run->statements)->streams[0];
	slu_trouble_set(trouble, SLU_HALT, "%s", error.message);
	return NULL;
}

/* ---- one letter ---- */

/* Returns false after noting what went wrong. */
static bool execute(struct replay_run *run, const char *sql, int count, const char *const *values,
                    int *rows)
{
	PGresult *result = PQexecParams(run->connection, sql, count, NULL, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (!fine) {
		(void)slu_letters_refused(run->connection, result, &run->error);
		run->broken = true;
	} else if (rows != NULL) {
		*rows = PQntuples(result);
	}
	PQclear(result);
	return fine;
}

static bool begin(struct replay_run *run, const char *id, bool *taken)
{
	int rows = 0;

	if (!execute(run, "BEGIN", 0, NULL, NULL) ||
	    !execute(
		    run,
		    "SELECT 1 FROM sluice.dead_letter WHERE id = $1::bigint FOR UPDATE SKIP LOCKED",
		    1, &id, &rows))
		return false;
	*taken = rows == 1;
	return true;
}

/* The letter goes, and all of it is committed. A constraint that was put off may refuse it still. */
static enum slu_replay end(struct replay_run *run, const char *id, struct slu_trouble *trouble)
{
	enum slu_replay outcome = SLU_REPLAY_WRITTEN;
	PGresult *result;

	if (!execute(run, "DELETE FROM sluice.dead_letter WHERE id = $1::bigint", 1, &id, NULL))
		return SLU_REPLAY_LOST;
	result = PQexec(run->connection, "COMMIT");
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		outcome = slu_replay_fail(run->connection, result, "commit", trouble);
	PQclear(result);
	return outcome;
}

static enum slu_replay write_letter(struct replay_run *run, const struct slu_letter_row *letter,
                                    const struct sluice_stream *stream, struct slu_trouble *trouble)
{
	const struct sluice_row row = {
		.record = letter->record,
		.version = letter->version,
		.removed = letter->removed,
		.size = (uint16_t)stream->layout.size,
	};
	enum slu_replay outcome = slu_replay_write(run->connection, stream, &row, trouble);
	enum slu_replay ended;

	if (outcome != SLU_REPLAY_WRITTEN && outcome != SLU_REPLAY_SUPERSEDED)
		return outcome;
	ended = end(run, letter->id, trouble);
	return ended == SLU_REPLAY_WRITTEN ? outcome : ended;
}

/* The letter stays, and says why it is refused now. What kept us from trying is told here only. */
static void keep(struct replay_run *run, const struct slu_letter_row *letter,
                 const struct slu_trouble *trouble)
{
	const char *values[] = {letter->id, trouble->sqlstate, trouble->constraint,
	                        trouble->reason};

	run->pass.refused++;
	run->pass.orphans |= strcmp(trouble->sqlstate, FOREIGN_KEY) == 0;
	fprintf(stderr, "letter %s: %s\n", letter->id, trouble->reason);
	if (execute(run, "ROLLBACK", 0, NULL, NULL) && trouble->action != SLU_HALT)
		(void)execute(run,
		              "UPDATE sluice.dead_letter SET sqlstate = $2, "
		              "constraint_name = nullif($3, ''), reason = $4 WHERE id = $1::bigint",
		              4, values, NULL);
}

static void count(struct replay_run *run, const struct slu_letter_row *letter,
                  enum slu_replay outcome, const struct slu_trouble *trouble)
{
	switch (outcome) {
	case SLU_REPLAY_WRITTEN:
		run->pass.replayed++;
		break;
	case SLU_REPLAY_SUPERSEDED:
		run->pass.superseded++;
		break;
	case SLU_REPLAY_REFUSED:
		keep(run, letter, trouble);
		break;
	case SLU_REPLAY_LOST:
		if (!run->broken)
			sluice_error_set(&run->error, SLUICE_FAILED, "%s", trouble->reason);
		run->broken = true;
		break;
	}
}

static bool replay_letter(void *context, const struct slu_letter_row *letter)
{
	struct replay_run *run = context;
	const struct sluice_stream *stream = NULL;
	struct slu_trouble trouble;
	bool taken = false;

	slu_trouble_set(&trouble, SLU_HALT, "%s", letter->stream == NULL ? letter->unreadable : "");
	if (letter->stream != NULL)
		stream = writable(run, letter->stream, &trouble);
	if (!begin(run, letter->id, &taken))
		return false;
	if (taken)
		count(run, letter,
		      stream != NULL ? write_letter(run, letter, stream, &trouble)
		                     : SLU_REPLAY_REFUSED,
		      &trouble);
	else
		(void)execute(run, "ROLLBACK", 0, NULL, NULL);
	return !run->broken;
}

/* ---- all ---- */

static enum sluice_status replay_all(struct replay_run *run,
                                     const struct slu_letters_filter *filter, struct pass *sum)
{
	enum sluice_status status;

	do {
		run->pass = (struct pass){.replayed = 0};
		status = slu_letters_walk(run->connection, &run->formats, filter, UINT64_MAX,
		                          replay_letter, run, &run->error);
		sum->replayed += run->pass.replayed;
		sum->superseded += run->pass.superseded;
		sum->refused = run->pass.refused;
	} while (status == SLUICE_OK && !run->broken && run->pass.orphans &&
	         run->pass.replayed > 0);
	return run->broken ? SLUICE_FAILED : status;
}

int slu_letters_replay(PGconn *connection, const struct slu_letters_request *request)
{
	struct replay_run run = {.connection = connection};
	struct pass sum = {.replayed = 0};
	enum sluice_status status = replay_all(&run, &request->filter, &sum);

	slu_lanes_statements_free(run.statements);
	slu_letters_formats_free(&run.formats);
	printf("replayed %" PRIu64 ", superseded %" PRIu64 ", refused again %" PRIu64 "\n",
	       sum.replayed, sum.superseded, sum.refused);
	if (status != SLUICE_OK)
		return slu_letters_fail(&run.error);
	return sum.refused == 0 ? CLI_OK : CLI_FAILED;
}

/* ---- discard ---- */

#define CHOSEN                                                                                    \
	"sluice.dead_letter WHERE ($1::bigint[] IS NULL OR id = ANY ($1)) AND ($2::text IS NULL " \
	"OR stream = $2) AND ($3::text IS NULL OR sqlstate = $3) "
#define TOLD "id, stream, generation, lane, sequence, reason"

static const char preview_sql[] = "SELECT " TOLD " FROM " CHOSEN "ORDER BY id";
static const char discard_sql[] = "WITH gone AS (DELETE FROM " CHOSEN "RETURNING " TOLD
				  ") SELECT " TOLD " FROM gone ORDER BY id";

static int tell_discarded(const PGresult *result, bool really)
{
	for (int i = 0; i < PQntuples(result); i++)
		printf("%s  %s  %s:%s:%s  %s\n", PQgetvalue(result, i, 0), PQgetvalue(result, i, 1),
		       PQgetvalue(result, i, 2), PQgetvalue(result, i, 3), PQgetvalue(result, i, 4),
		       PQgetvalue(result, i, 5));
	if (really) {
		printf("discarded %d\n", PQntuples(result));
		return CLI_OK;
	}
	fprintf(stderr,
	        "error: %d letters would be gone for good, and nothing was done: export them, and "
	        "say --yes\n",
	        PQntuples(result));
	return CLI_FAILED;
}

int slu_letters_discard(PGconn *connection, const struct slu_letters_request *request)
{
	const char *values[] = {request->filter.ids, request->filter.stream,
	                        request->filter.sqlstate};
	PGresult *result = PQexecParams(connection, request->yes ? discard_sql : preview_sql, 3,
	                                NULL, values, NULL, NULL, 0);
	struct sluice_error error;
	int status;

	if (PQresultStatus(result) == PGRES_TUPLES_OK) {
		status = tell_discarded(result, request->yes);
	} else {
		(void)slu_letters_refused(connection, result, &error);
		status = slu_letters_fail(&error);
	}
	PQclear(result);
	return status;
}
