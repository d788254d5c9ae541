/* SPDX-License-Identifier: MIT */
/*
 * commit_fence.c - the shape of the sink for a batch that is one COPY: a string of BEGIN, fence and
 * COPY, then the data, then COMMIT. The fence's statement is the sink's own.
 */
#include "bench/commit_fence.h"

#include "bench/commit_peers.h"

#include "sink/pg_fence.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/stat.h>

#define LANES 2 /* one, and a shared one: as Sluice has beside it */
#define SQL_LIMIT 65536

struct fence {
	PGconn *connection;
	struct sluice_uuid generation;
	uint64_t position;
	size_t moved; /* where it must stand in the end */
};

/* ---- the file ---- */

struct bytes {
	char *data;
	size_t size;
};

static struct bytes read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct bytes bytes;
	struct stat status;

	if (file == NULL || fstat(fileno(file), &status) != 0)
		slu_measure_fail("%s can't be read", path);
	bytes.size = (size_t)status.st_size;
	bytes.data = slu_measure_allocate(1, bytes.size);
	if (fread(bytes.data, 1, bytes.size, file) != bytes.size)
		slu_measure_fail("%s can't be read", path);
	fclose(file);
	return bytes;
}

/* ---- one transaction ---- */

static _Noreturn void fail(const struct fence *fence)
{
	slu_measure_fail("%s", PQerrorMessage(fence->connection));
}

/* Reads answers up to the one that asks for data. */
static void expect_copy(struct fence *fence)
{
	ExecStatusType status = PGRES_COMMAND_OK;

	while (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		PGresult *result = PQgetResult(fence->connection);

		status = PQresultStatus(result);
		PQclear(result);
	}
	if (status != PGRES_COPY_IN)
		fail(fence);
}

/* Reads all that is left. `tag` is how the last one must be answered. */
static void expect_end(struct fence *fence, const char *tag)
{
	bool good = false;
	PGresult *result;

	while ((result = PQgetResult(fence->connection)) != NULL) {
		good = PQresultStatus(result) == PGRES_COMMAND_OK &&
		       strcmp(PQcmdStatus(result), tag) == 0;
		PQclear(result);
	}
	if (!good)
		fail(fence);
}

static void print_string(struct fence *fence, const struct sluice_stream *stream, size_t count,
                         bool with, struct slu_buffer *sql)
{
	uint64_t from[LANES] = {fence->position}, to[LANES] = {fence->position + count};

	slu_buffer_put_text(sql, "BEGIN; ");
	if (with) {
		slu_fence_print(sql, &fence->generation, 1, from, to, LANES);
		slu_buffer_put_text(sql, "; ");
		fence->position += count;
	}
	slu_buffer_put_text(sql, stream->copy_sql);
	slu_buffer_put(sql, "", 1);
	if (sql->failure != SLU_BUFFER_FINE)
		slu_measure_fail("no memory for a statement");
}

/* Returns its seconds. */
static double run(struct fence *fence, const struct sluice_stream *stream, size_t count, bool with,
                  const struct bytes *data)
{
	double began = slu_measure_seconds();
	struct slu_buffer sql;
	char tag[32];

	snprintf(tag, sizeof(tag), "COPY %zu", count);
	slu_buffer_init(&sql, SQL_LIMIT);
	print_string(fence, stream, count, with, &sql);
	if (!PQsendQuery(fence->connection, (const char *)sql.bytes))
		fail(fence);
	expect_copy(fence);
	if (PQputCopyData(fence->connection, data->data, (int)data->size) != 1 ||
	    PQputCopyEnd(fence->connection, NULL) != 1)
		fail(fence);
	expect_end(fence, tag);
	if (!PQsendQuery(fence->connection, "COMMIT"))
		fail(fence);
	expect_end(fence, "COMMIT");
	slu_buffer_free(&sql);
	return slu_measure_seconds() - began;
}

/* ---- all of them ---- */

static void open_fence(struct fence *fence, const struct slu_commit_rows *rows)
{
	char sql[256], name[SLU_RUN_NAME_SIZE];

	*fence = (struct fence){.connection = PQconnectdb(rows->server->dsn)};
	if (PQstatus(fence->connection) != CONNECTION_OK)
		fail(fence);
	sluice_uuid7(&fence->generation);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO sluice.lane (generation, epoch, owner, applied) VALUES ('%s', 1, 1, "
	         "'{0,0}')",
	         slu_fence_run_name(&fence->generation, name));
	slu_server_tell(rows->server, sql);
}

/* The positions are where the transactions with a fence have moved them: else it was none. */
static void close_fence(struct fence *fence, const struct slu_commit_rows *rows)
{
	char sql[256], name[SLU_RUN_NAME_SIZE];

	snprintf(sql, sizeof(sql),
	         "SELECT 1 / count(*) FROM sluice.lane WHERE generation = '%s' AND "
	         "applied = '{%zu,0}'",
	         slu_fence_run_name(&fence->generation, name), fence->moved);
	slu_server_tell(rows->server, sql);
	PQfinish(fence->connection);
}

void slu_commit_fence(struct slu_measure *measure, const struct slu_commit_rows *rows,
                      size_t cadence, struct slu_measure_row *without, struct slu_measure_row *with)
{
	struct fence fence;

	open_fence(&fence, rows);
	for (size_t part = 0; part * cadence < rows->count; part++) {
		bool fenced = part % 2 != measure->round % 2;
		struct slu_measure_row *row = fenced ? with : without;
		char path[PATH_MAX];
		struct bytes data;
		double seconds;

		fence.moved += fenced ? cadence : 0;
		slu_commit_part_path(rows, cadence, part, path);
		data = read_file(path);
		seconds = run(&fence, rows->stream, cadence, fenced, &data);
		slu_measure_add(measure, row, (double)cadence / seconds);
		free(data.data);
	}
	close_fence(&fence, rows);
}
