/* SPDX-License-Identifier: MIT */
/*
 * load_key.c - one key: the cache first, then the database, then the cache again.
 *
 * What is told is always what the cache says at the end, where it says anything: the row was read
 * before that, and may have been overwritten since. One case is left. The cache knows the key, but
 * has no record: somebody is about to put or to warm it, or stopped for ever in the middle. Nobody
 * can have seen such a put, so the row that was read comes before it, and is told.
 */
#include "db/clock.h"
#include "sink/load_row.h"
#include "sink/load_set.h"
#include "sink/pg_value.h"

#include <stdlib.h>

#define KEY_COLUMNS_MAX SLUICE_KEY_SIZE_MAX /* each has a byte at least */
#define NEVER UINT64_MAX

static const char where[] = "fetch";

struct fetch {
	struct sluice_reader *reader;
	struct sluice_lane *lane;
	const struct sluice_stream *stream;
	const void *key;
	uint64_t until_ns;
	unsigned char *record; /* the row that was read */
	uint64_t version;
};

/* ---- the question ---- */

/* The parts of the key, as they travel. */
struct parameters {
	struct slu_buffer bytes;
	const char *values[KEY_COLUMNS_MAX];
	int sizes[KEY_COLUMNS_MAX];
	int formats[KEY_COLUMNS_MAX];
};

static enum sluice_status encode(struct fetch *fetch, struct parameters *parameters,
                                 struct sluice_error *error)
{
	const struct sluice_stream *stream = fetch->stream;
	const struct slu_subject subject = {"stream", stream->name, "column"};
	const struct sluice_row row = {.record = fetch->record};
	enum sluice_status status = SLUICE_OK;

	memcpy(fetch->record + stream->key_offset, fetch->key, stream->key_size);
	for (size_t i = 0; i < stream->key_column_count && status == SLUICE_OK; i++)
		status = slu_value_put(&parameters->bytes, &subject, &stream->layout.columns[i],
		                       &row, error);
	if (status == SLUICE_OK && parameters->bytes.failure != SLU_BUFFER_FINE)
		status = sluice_error_set(error, SLUICE_FAILED, "%s: out of memory", where);
	return status;
}

/* A value's bytes follow its size; no part of a key is NULL. */
static void point(const struct sluice_stream *stream, struct parameters *parameters)
{
	const unsigned char *next = parameters->bytes.bytes;

	for (size_t i = 0; i < stream->key_column_count; i++) {
		uint32_t size = slu_read_be32(next);

		parameters->values[i] = (const char *)next + sizeof(size);
		parameters->sizes[i] = (int)size;
		parameters->formats[i] = 1;
		next += sizeof(size) + size;
	}
}

/* Once more on another session if this one is lost: it may have been for long. */
static enum sluice_status ask(struct fetch *fetch, const struct slu_question *question,
                              PGresult **result, struct sluice_error *error)
{
	struct slu_seat *seat;
	enum sluice_status status = slu_set_borrow(fetch->reader, fetch->until_ns, &seat, error);

	*result = NULL;
	if (status != SLUICE_OK)
		return status;
	status = slu_seat_ask(seat, question, fetch->until_ns, result, error);
	if (status == SLUICE_FAILED && slu_seat_is_lost(seat)) {
		status = slu_set_renew(fetch->reader, seat, fetch->until_ns, error);
		if (status == SLUICE_OK)
			status = slu_seat_ask(seat, question, fetch->until_ns, result, error);
	}
	slu_set_give_back(fetch->reader, seat);
	return status;
}

/* Returns SLUICE_OK with record and version of the row, SLUICE_MISS when there is none. */
static enum sluice_status read_row(struct fetch *fetch, struct sluice_error *error)
{
	const struct sluice_stream *stream = fetch->stream;
	struct parameters parameters;
	struct slu_question question = {.where = where,
	                                .sql = stream->fetch_sql,
	                                .count = stream->key_column_count,
	                                .values = parameters.values,
	                                .sizes = parameters.sizes,
	                                .formats = parameters.formats};
	enum sluice_status status;
	PGresult *result = NULL;

	slu_buffer_init(&parameters.bytes, SIZE_MAX);
	status = encode(fetch, &parameters, error);
	if (status == SLUICE_OK) {
		point(stream, &parameters);
		status = ask(fetch, &question, &result, error);
	}
	if (status == SLUICE_OK)
		status = slu_row_check(stream, result, error);
	if (status == SLUICE_OK) {
		slu_set_count_rows(fetch->reader, (uint64_t)PQntuples(result));
		status = PQntuples(result) > 0 ? slu_row_read(stream, result, 0, fetch->record,
		                                              &fetch->version, error)
		                               : SLUICE_MISS;
	}
	PQclear(result);
	slu_buffer_free(&parameters.bytes);
	return status;
}

/* ---- the cache ---- */

static enum sluice_status lane_says(enum sluice_status status, struct sluice_error *error)
{
	return sluice_error_set(error, status, "fetch: the lane says: %s",
	                        sluice_status_name(status));
}

/* Warms what was read. Returns SLUICE_OK also when the cache knows better. */
static enum sluice_status warm(const struct fetch *fetch, struct sluice_error *error)
{
	enum sluice_status status = sluice_warm(fetch->lane, fetch->stream, fetch->record,
	                                        fetch->stream->layout.size, fetch->version);

	if (status == SLUICE_OK || status == SLUICE_CONFLICT)
		return SLUICE_OK;
	if (status == SLUICE_FULL)
		return sluice_error_set(error, SLUICE_FULL,
		                        "fetch: stream %s: the row is there, but the cache has no "
		                        "entry left, or every shared lane is borrowed: open with "
		                        "more keys",
		                        fetch->stream->name);
	return lane_says(status, error);
}

static enum sluice_status fetch_missed(struct fetch *fetch, void *record, uint64_t *version,
                                       struct sluice_error *error)
{
	_Alignas(16) unsigned char row[SLUICE_RECORD_SIZE_MAX] = {0};
	enum sluice_status read, status;

	fetch->record = row;
	read = read_row(fetch, error);
	status = read;
	if (read == SLUICE_OK)
		status = warm(fetch, error);
	if (status != SLUICE_OK && status != SLUICE_MISS)
		return status;
	status = sluice_get(fetch->lane, fetch->stream, fetch->key, record, version);
	if (status == SLUICE_MISS && *version == 0 && read == SLUICE_OK) {
		memcpy(record, row, fetch->stream->layout.size);
		return SLUICE_OK;
	}
	if (status != SLUICE_OK && status != SLUICE_MISS)
		return lane_says(status, error);
	return status;
}

enum sluice_status sluice_fetch(struct sluice_reader *reader, struct sluice_lane *lane,
                                const struct sluice_stream *stream, const void *key, void *record,
                                uint64_t *version, uint64_t timeout_ns, struct sluice_error *error)
{
	struct fetch fetch = {.reader = reader, .lane = lane, .stream = stream, .key = key};
	uint64_t told = 0, now_ns;
	enum sluice_status status;

	if (stream != NULL && stream->kind == SLUICE_STATE && stream->fetch_sql == NULL)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "fetch: stream %s: its descriptor has no fetch_sql: run "
		                        "sluice gen",
		                        stream->name);
	status = sluice_get(lane, stream, key, record, &told);
	if (status == SLUICE_MISS && told == 0) {
		now_ns = slu_monotonic_ns();
		fetch.until_ns = timeout_ns < NEVER - now_ns ? now_ns + timeout_ns : NEVER;
		status = fetch_missed(&fetch, record, &told, error);
	} else if (status != SLUICE_OK && status != SLUICE_MISS) {
		return lane_says(status, error);
	}
	if (status == SLUICE_OK && version != NULL)
		*version = told;
	return status;
}
