/* SPDX-License-Identifier: MIT */
/*
 * load_table.c - all rows of a table, 1,000 at a time, into the cache.
 *
 * A cursor: each FETCH is a statement with a timeout of its own, so that a large table may take
 * long and a server that hangs may not; a load that stops leaves nothing behind to be read; and
 * memory holds one FETCH. All of them see the table as it was at the DECLARE.
 *
 * One load: borrow -> BEGIN, estimate, DECLARE -> [FETCH -> warm -> watch]* -> COMMIT -> give back.
 */
#include "db/clock.h"
#include "sink/load_row.h"
#include "sink/load_set.h"
#include "sink/pg_buffer.h"

#include <stdio.h>
#include <stdlib.h>

/* On top of what the server allows a statement: its answer's way. */
#define ANSWER_NS sluice_seconds(5)
/* All shared lanes may be borrowed at one moment: a load is not the one to give up for that. */
#define LANE_TRIES 20
#define LANE_PAUSE_NS sluice_ms(1)

static const char where[] = "load";

struct load {
	struct sluice_reader *reader;
	struct sluice_lane *lane;
	const struct sluice_stream *stream;
	sluice_load_watch *watch;
	void *context;
	struct slu_seat *seat;
	struct sluice_loaded loaded;
	struct sluice_error first_refusal;
};

/* ---- statements ---- */

static enum sluice_status ask(struct load *load, const char *sql, PGresult **result,
                              struct sluice_error *error)
{
	struct slu_question question = {.where = where, .sql = sql};
	uint64_t until_ns = slu_monotonic_ns() + load->reader->terms.options.statement_timeout_ns +
	                    ANSWER_NS;

	return slu_seat_ask(load->seat, &question, until_ns, result, error);
}

static enum sluice_status run(struct load *load, const char *sql, struct sluice_error *error)
{
	PGresult *result;
	enum sluice_status status = ask(load, sql, &result, error);

	PQclear(result);
	return status;
}

/* `before`, a piece of the stream's own SQL, `after`. */
static enum sluice_status ask_about(struct load *load, const char *before, const char *sql,
                                    const char *after, PGresult **result,
                                    struct sluice_error *error)
{
	struct slu_buffer text;
	enum sluice_status status;

	*result = NULL;
	slu_buffer_init(&text, SIZE_MAX);
	slu_buffer_put_text(&text, before);
	slu_buffer_put_text(&text, sql);
	slu_buffer_put(&text, after, strlen(after) + 1);
	if (text.failure == SLU_BUFFER_FINE)
		status = ask(load, (const char *)text.bytes, result, error);
	else
		status = sluice_error_set(error, SLUICE_FAILED, "%s: out of memory", where);
	slu_buffer_free(&text);
	return status;
}

/* ---- counts ---- */

static uint64_t first_number(const PGresult *result)
{
	int64_t number;

	if (PQntuples(result) != 1 || PQgetlength(result, 0, 0) != sizeof(number))
		return 0;
	number = (int64_t)slu_read_be64((const unsigned char *)PQgetvalue(result, 0, 0));
	return number > 0 ? (uint64_t)number : 0;
}

static enum sluice_status estimate(struct load *load, struct sluice_error *error)
{
	const char *values[] = {load->stream->table};
	struct slu_question question = {
		.where = where,
		.sql = "SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = "
		       "pg_catalog.to_regclass($1)",
		.count = 1,
		.values = values,
	};
	uint64_t until_ns = slu_monotonic_ns() + load->reader->terms.options.statement_timeout_ns +
	                    ANSWER_NS;
	PGresult *result;
	enum sluice_status status = slu_seat_ask(load->seat, &question, until_ns, &result, error);

	load->loaded.rows_expected = first_number(result);
	PQclear(result);
	return status;
}

/* The cache is full. */
static enum sluice_status no_entry(struct load *load, struct sluice_error *error)
{
	struct sluice_error ignored;
	PGresult *result;

	if (ask_about(load, "SELECT count(*) FROM ", load->stream->table, "", &result, &ignored) ==
	    SLUICE_OK)
		load->loaded.rows_expected = first_number(result);
	PQclear(result);
	return sluice_error_set(error, SLUICE_FULL,
	                        "load: stream %s: the cache has no entry left, after %llu of the "
	                        "table's %llu rows: open with keys above that number, and room for "
	                        "new keys",
	                        load->stream->name, (unsigned long long)load->loaded.rows,
	                        (unsigned long long)load->loaded.rows_expected);
}

/* ---- rows ---- */

static enum sluice_status warm(const struct load *load, const void *record, uint64_t version)
{
	enum sluice_status status = SLUICE_FULL;

	for (int tries = 0; tries < LANE_TRIES && status == SLUICE_FULL; tries++) {
		if (tries > 0)
			slu_pause_ns(LANE_PAUSE_NS);
		status = sluice_warm(load->lane, load->stream, record, load->stream->layout.size,
		                     version);
	}
	return status;
}

static enum sluice_status take_row(struct load *load, const PGresult *result, int row,
                                   struct sluice_error *error)
{
	_Alignas(16) unsigned char record[SLUICE_RECORD_SIZE_MAX];
	struct sluice_error refusal;
	enum sluice_status status;
	uint64_t version;

	if (slu_row_read(load->stream, result, row, record, &version, &refusal) != SLUICE_OK) {
		if (load->loaded.refused++ == 0)
			load->first_refusal = refusal;
		load->loaded.rows++;
		return SLUICE_OK;
	}
	status = warm(load, record, version);
	if (status == SLUICE_FULL)
		return no_entry(load, error);
	if (status != SLUICE_OK && status != SLUICE_CONFLICT)
		return sluice_error_set(error, status, "load: stream %s: the lane says: %s",
		                        load->stream->name, sluice_status_name(status));
	load->loaded.rows++;
	load->loaded.warmed += status == SLUICE_OK;
	load->loaded.known += status == SLUICE_CONFLICT;
	return SLUICE_OK;
}

static enum sluice_status take_rows(struct load *load, const PGresult *result,
                                    struct sluice_error *error)
{
	enum sluice_status status = slu_row_check(load->stream, result, error);

	slu_set_count_rows(load->reader, (uint64_t)PQntuples(result));
	for (int row = 0; row < PQntuples(result) && status == SLUICE_OK; row++)
		status = take_row(load, result, row, error);
	return status;
}

/* ---- the load ---- */

static enum sluice_status look(const struct load *load, struct sluice_error *error)
{
	if (load->watch == NULL || load->watch(load->context, &load->loaded))
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_TIMEOUT,
	                        "load: stream %s: stopped by its watch after %llu rows",
	                        load->stream->name, (unsigned long long)load->loaded.rows);
}

static enum sluice_status begin(struct load *load, struct sluice_error *error)
{
	enum sluice_status status = run(load, "BEGIN TRANSACTION READ ONLY", error);
	PGresult *result = NULL;

	if (status == SLUICE_OK)
		status = estimate(load, error);
	if (status == SLUICE_OK)
		status = ask_about(load, "DECLARE sluice_load NO SCROLL CURSOR FOR ",
		                   load->stream->read_sql, "", &result, error);
	PQclear(result);
	return status;
}

static enum sluice_status read_all(struct load *load, struct sluice_error *error)
{
	enum sluice_status status;
	bool more = true;

	do {
		PGresult *result;

		status = ask(load, "FETCH 1000 FROM sluice_load", &result, error);
		if (status != SLUICE_OK)
			return status;
		more = PQntuples(result) > 0;
		status = take_rows(load, result, error);
		PQclear(result);
		if (status == SLUICE_OK)
			status = look(load, error);
	} while (more && status == SLUICE_OK);
	return status;
}

/* An error is worth more than its echo. */
static void end(struct load *load)
{
	struct sluice_error ignored;

	if (!slu_seat_is_lost(load->seat) && PQtransactionStatus(load->seat->pg) != PQTRANS_ACTIVE)
		(void)run(load, "ROLLBACK", &ignored); /* nothing was written */
	slu_set_give_back(load->reader, load->seat);
}

static enum sluice_status judge(const struct load *load, struct sluice_error *error)
{
	if (load->loaded.refused == 0)
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_INVALID,
	                        "load: %llu of %llu rows don't fit the record, all others are in "
	                        "the cache. The first: %.300s",
	                        (unsigned long long)load->loaded.refused,
	                        (unsigned long long)load->loaded.rows, load->first_refusal.message);
}

enum sluice_status sluice_load(struct sluice_reader *reader, struct sluice_lane *lane,
                               const struct sluice_stream *stream, sluice_load_watch *watch,
                               void *context, struct sluice_loaded *loaded,
                               struct sluice_error *error)
{
	struct load load = {.reader = reader,
	                    .lane = lane,
	                    .stream = stream,
	                    .watch = watch,
	                    .context = context};
	enum sluice_status status;

	if (loaded != NULL)
		*loaded = load.loaded;
	if (lane == NULL)
		return sluice_error_set(error, SLUICE_UNATTACHED, "load: no lane");
	if (stream == NULL || stream->kind != SLUICE_STATE || stream->read_sql == NULL)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "load: only a state stream can be loaded, with a "
		                        "descriptor that has read_sql: run sluice gen");
	status = slu_set_borrow(reader,
	                        slu_monotonic_ns() + reader->terms.options.connect_timeout_ns,
	                        &load.seat, error);
	if (status != SLUICE_OK)
		return status;
	status = begin(&load, error);
	if (status == SLUICE_OK)
		status = read_all(&load, error);
	end(&load);
	if (loaded != NULL)
		*loaded = load.loaded;
	return status == SLUICE_OK ? judge(&load, error) : status;
}
