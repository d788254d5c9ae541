/* SPDX-License-Identifier: MIT */
/* commit_rows.c - made once, written to files once, checked after each way. */
#include "bench/commit_rows.h"

#include "bench/measure.h"

#include <stdlib.h>

#define FORMER_VERSION 1 /* of existing orders: older than any that a way writes */
#define WRITTEN_VERSION 2

const size_t slu_commit_cadences[SLU_COMMIT_CADENCES] = {10000, 1000};

static bool is_order(const struct slu_commit_rows *rows)
{
	return rows->stream == &trading_orders;
}

/* ---- files ---- */

static FILE *create(const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		slu_measure_fail("%s can't be written", path);
	return file;
}

static void finish(FILE *file, const char *path)
{
	if (fclose(file) != 0)
		slu_measure_fail("%s can't be written", path);
}

static void write_orders(const char *path, size_t count, size_t step)
{
	FILE *file = create(path);
	struct trading_order order;

	for (size_t i = 0; i < count; i += step) {
		slu_trades_order(&order, i, false);
		slu_psql_write_row(file, &trading_orders, &order, FORMER_VERSION);
	}
	finish(file, path);
}

static void write_files(struct slu_commit_rows *rows)
{
	const char *directory = rows->server->directory;
	const char *name = rows->stream->name;
	FILE *file;

	snprintf(rows->file, sizeof(rows->file), "%s/%s", directory, name);
	snprintf(rows->existing_file, sizeof(rows->existing_file), "%s/%s-existing", directory,
	         name);
	snprintf(rows->parents_file, sizeof(rows->parents_file), "%s/%s-parents", directory, name);
	file = create(rows->file);
	for (size_t i = 0; i < rows->count; i++)
		slu_psql_write_row(file, rows->stream, slu_commit_row(rows, i), WRITTEN_VERSION);
	finish(file, rows->file);
	if (is_order(rows))
		write_orders(rows->existing_file, rows->count, 2);
	else
		write_orders(rows->parents_file, SLU_TRADES_PARENTS, 1);
}

size_t slu_commit_rows_split(const struct slu_commit_rows *rows, const char *prefix, size_t size)
{
	size_t parts = (rows->count + size - 1) / size;
	char path[PATH_MAX];

	for (size_t part = 0; part < parts; part++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s-%zu", prefix, part);
		file = create(path);
		for (size_t i = part * size; i < rows->count && i < (part + 1) * size; i++)
			slu_psql_write_row(file, rows->stream, slu_commit_row(rows, i),
			                   WRITTEN_VERSION);
		finish(file, path);
	}
	return parts;
}

/* ---- records ---- */

void slu_commit_rows_open(struct slu_commit_rows *rows, struct slu_server *server,
                          const struct sluice_stream *stream, size_t count)
{
	*rows = (struct slu_commit_rows){.server = server, .stream = stream, .count = count};
	slu_psql_find(&rows->psql, server->dsn);
	rows->records = slu_measure_allocate(count, stream->layout.size);
	for (size_t i = 0; i < count; i++) {
		void *record = rows->records + i * stream->layout.size;

		if (is_order(rows))
			slu_trades_order(record, i, true);
		else
			slu_trades_execution(record, i);
	}
	write_files(rows);
}

void slu_commit_rows_close(struct slu_commit_rows *rows)
{
	free(rows->records);
}

enum sluice_status slu_commit_put(const struct slu_commit_rows *rows, struct sluice_lane *lane,
                                  size_t index, struct sluice_ticket *ticket)
{
	const void *record = slu_commit_row(rows, index);

	return is_order(rows) ? trading_orders_put(lane, record, ticket)
	                      : trading_executions_put(lane, record, ticket);
}

void slu_commit_columns(const struct sluice_stream *stream, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < stream->layout.column_count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
		                         stream->layout.columns[i].name);
}

/* ---- the table ---- */

void slu_commit_rows_empty(struct slu_commit_rows *rows)
{
	slu_server_tell(rows->server, "TRUNCATE orders, executions RESTART IDENTITY");
	slu_psql_append(&rows->psql, &trading_orders,
	                is_order(rows) ? rows->existing_file : rows->parents_file);
	slu_server_tell(rows->server, "VACUUM ANALYZE orders");
	slu_server_tell(rows->server, "CHECKPOINT");
}

void slu_commit_rows_expect(struct slu_commit_rows *rows)
{
	slu_commit_rows_empty(rows);
	if (is_order(rows))
		slu_psql_merge(&rows->psql, rows->stream, rows->file);
	else
		slu_psql_append(&rows->psql, rows->stream, rows->file);
	slu_server_digest(rows->server, rows->stream, rows->digest, sizeof(rows->digest));
	if (strtoull(rows->digest, NULL, 10) != rows->count)
		slu_measure_fail("%zu rows were loaded, the table tells: %s", rows->count,
		                 rows->digest);
}

void slu_commit_rows_check(struct slu_commit_rows *rows, const char *way)
{
	char digest[sizeof(rows->digest)];

	slu_server_digest(rows->server, rows->stream, digest, sizeof(digest));
	if (strcmp(digest, rows->digest) != 0)
		slu_measure_fail("%s: wrote other rows than \\copy does: count and hash are %s "
		                 "instead of %s",
		                 way, digest, rows->digest);
}
