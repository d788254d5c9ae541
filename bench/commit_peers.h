/* SPDX-License-Identifier: MIT */
/*
 * commit_peers.h - what else commits the same rows in the same transactions.
 *
 *   server   COPY FROM a binary file that lies beside the server: no client, no network, no
 *            encoding. What the server needs on its own. Superusers only
 *   stage    the stream's own upsert, fed from a table that has been loaded: the same for orders
 *   psql     \copy of a text file a transaction, all in one session
 *   pgx      Go's driver, by CopyFrom or by SendBatch of one INSERT a row (bench/pgx)
 *   pgbench  one prepared INSERT a transaction: what an application does that batches nothing
 *
 * All here ends the program when it fails.
 */
#ifndef BENCH_COMMIT_PEERS_H
#define BENCH_COMMIT_PEERS_H

#include "bench/commit_sluice.h"

enum slu_pgx_way { SLU_PGX_COPY, SLU_PGX_BATCH };

/* Files, tables and scripts for transactions of `cadence` rows, from the rows that the table holds
 * (slu_commit_rows_expect). */
void slu_commit_prepare_server(const struct slu_commit_rows *rows, size_t cadence);
void slu_commit_prepare_stage(const struct slu_commit_rows *rows, size_t cadence);
void slu_commit_prepare_psql(const struct slu_commit_rows *rows, size_t cadence);

/* Write all rows. The seconds begin with the first row. Only psql and pgx have a client whose
 * processor time counts: pgx's begins with the first row, too; psql's is all it took, less what it
 * takes to connect and do nothing. */
struct slu_commit_cost slu_commit_by_server(const struct slu_commit_rows *rows, size_t cadence);
struct slu_commit_cost slu_commit_by_stage(const struct slu_commit_rows *rows, size_t cadence);
struct slu_commit_cost slu_commit_by_psql(const struct slu_commit_rows *rows, size_t cadence);
struct slu_commit_cost slu_commit_by_pgx(const struct slu_commit_rows *rows, size_t cadence,
                                         enum slu_pgx_way way);

/* `count` executions like the others, but all of one order. */
struct slu_commit_cost slu_commit_by_pgbench(const struct slu_commit_rows *rows, size_t count);

/* Whether bench/pgx was built: NULL, or the reason why not. */
const char *slu_commit_pgx_missing(void);

/* Where slu_commit_prepare_server has put part `part`. */
void slu_commit_part_path(const struct slu_commit_rows *rows, size_t cadence, size_t part,
                          char path[PATH_MAX]);

#endif
