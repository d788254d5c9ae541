/* SPDX-License-Identifier: MIT */
/*
 * commit_rows.h - the rows that all ways to commit write: as records, as a file, and as what the
 * table must hold afterwards.
 *
 *      make -> expect -> [empty -> some way writes them -> check]..
 *
 * The file is COPY's text form, one line a row. `expect` loads it by one \copy, and remembers the
 * table's digest; `check` ends the program when a way has left anything else. So no way is
 * believed, least of all the fast ones.
 */
#ifndef BENCH_COMMIT_ROWS_H
#define BENCH_COMMIT_ROWS_H

#include "bench/psql.h"
#include "bench/server.h"
#include "bench/trades.h"

#define SLU_COMMIT_CADENCES 2

struct slu_commit_rows {
	struct slu_server *server;
	struct slu_psql psql;
	const struct sluice_stream *stream;
	size_t count;
	unsigned char *records;
	char file[PATH_MAX];
	char existing_file[PATH_MAX]; /* orders: every other one, in its former state */
	char parents_file[PATH_MAX];  /* executions: the orders that they refer to */
	char digest[128];
};

/* Rows a transaction: what all ways are held to. */
extern const size_t slu_commit_cadences[SLU_COMMIT_CADENCES];

/* `count` executions, or orders in a changed state. The server is used until close. */
void slu_commit_rows_open(struct slu_commit_rows *rows, struct slu_server *server,
                          const struct sluice_stream *stream, size_t count);
void slu_commit_rows_close(struct slu_commit_rows *rows);

static inline const void *slu_commit_row(const struct slu_commit_rows *rows, size_t index)
{
	return rows->records + index * rows->stream->layout.size;
}

/* Puts row `index` into `lane`, by the typed call of its stream. */
enum sluice_status slu_commit_put(const struct slu_commit_rows *rows, struct sluice_lane *lane,
                                  size_t index, struct sluice_ticket *ticket);

/* The table as every way finds it: executions none, and their orders; orders every other one. Then
 * a checkpoint, so that none pays for what another left behind. */
void slu_commit_rows_empty(struct slu_commit_rows *rows);

/* Loads the rows by psql, all in one transaction, and remembers what the table then holds. */
void slu_commit_rows_expect(struct slu_commit_rows *rows);

/* Fails unless the table holds that; `way` names who wrote it. */
void slu_commit_rows_check(struct slu_commit_rows *rows, const char *way);

/* The columns' names, with commas between. */
void slu_commit_columns(const struct sluice_stream *stream, char *text, size_t size);

/* Cuts the file into `PREFIX-0`, `PREFIX-1`.. of `size` lines; the last may have fewer. Returns how
 * many there are. */
size_t slu_commit_rows_split(const struct slu_commit_rows *rows, const char *prefix, size_t size);

#endif
