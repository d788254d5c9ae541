/* SPDX-License-Identifier: MIT */
/*
 * How many rows a second does Sluice append to Postgres, committed, beside the server's own COPY
 * split into the same transactions?
 *
 * One disposable server with durable settings. Each round, in changing order, all ways write the
 * same executions in transactions of 10,000 rows, then of 1,000, into a table with all its keys,
 * indexes and foreign keys; commit_peers.h says what each is. pgbench commits each row, and so
 * writes fewer. CPU is the client's, processor time of all its threads: none of the server's.
 *
 * Last, the fence: the sink's transaction of 1,000 rows with it and without, by turns.
 */
#include "bench/commit_contest.h"
#include "bench/commit_fence.h"
#include "bench/commit_peers.h"

#include <stdlib.h>

#define ROWS 200000
#define ROWS_QUICK 30000
#define ROWS_PGBENCH 5000
#define ROWS_PGBENCH_QUICK 1000
#define FENCE_CADENCE 1000

static struct slu_commit_cost run_pgx_copy(const struct slu_commit_rows *rows, size_t cadence)
{
	return slu_commit_by_pgx(rows, cadence, SLU_PGX_COPY);
}

static struct slu_commit_cost run_pgx_batch(const struct slu_commit_rows *rows, size_t cadence)
{
	return slu_commit_by_pgx(rows, cadence, SLU_PGX_BATCH);
}

static const struct slu_commit_way ways[] = {
	{"server's COPY", SLU_BASELINE, false, false, slu_commit_by_server},
	{"Sluice", SLU_SUBJECT, true, false, slu_commit_by_sluice},
	{"psql \\copy", SLU_PEER, true, false, slu_commit_by_psql},
	{"pgx CopyFrom", SLU_PEER, true, true, run_pgx_copy},
	{"pgx SendBatch", SLU_PEER, true, true, run_pgx_batch},
};

enum { RIVAL = 3 };

struct bench {
	struct slu_measure measure;
	struct slu_server server;
	struct slu_commit_rows rows;
	struct slu_commit_contest contest;
	struct slu_measure_row *single, *without_fence, *with_fence;
};

static void open_bench(struct bench *bench)
{
	bool quick = bench->measure.quick;

	slu_server_open(&bench->server);
	slu_commit_rows_open(&bench->rows, &bench->server, &trading_executions,
	                     quick ? ROWS_QUICK : ROWS);
	slu_commit_rows_expect(&bench->rows);
	for (size_t i = 0; i < SLU_COMMIT_CADENCES; i++) {
		slu_commit_prepare_server(&bench->rows, slu_commit_cadences[i]);
		slu_commit_prepare_psql(&bench->rows, slu_commit_cadences[i]);
	}
	bench->contest = (struct slu_commit_contest){.measure = &bench->measure,
	                                             .rows = &bench->rows,
	                                             .ways = ways,
	                                             .way_count = sizeof(ways) / sizeof(ways[0]),
	                                             .rival = RIVAL};
	slu_commit_contest_open(&bench->contest);
	bench->single = slu_measure_row(&bench->measure, "pgbench, prepared, each row committed",
	                                SLU_PEER, NULL);
	bench->without_fence = slu_measure_row(&bench->measure, "libpq, no fence, 1000 rows",
	                                       SLU_BASELINE, NULL);
	bench->with_fence = slu_measure_row(&bench->measure, "libpq, fence first, 1000 rows",
	                                    SLU_SUBJECT, bench->without_fence);
}

static void run_pgbench(struct bench *bench)
{
	size_t count = bench->measure.quick ? ROWS_PGBENCH_QUICK : ROWS_PGBENCH;
	struct slu_commit_cost cost;
	char digest[128];

	slu_commit_rows_empty(&bench->rows);
	cost = slu_commit_by_pgbench(&bench->rows, count);
	slu_server_digest(&bench->server, bench->rows.stream, digest, sizeof(digest));
	if (strtoull(digest, NULL, 10) != count)
		slu_measure_fail("pgbench: %zu rows went in, the table tells: %s", count, digest);
	slu_measure_add(&bench->measure, bench->single, (double)count / cost.seconds);
}

static void run_rounds(struct bench *bench)
{
	for (size_t round = 0; round < bench->measure.rounds; round++) {
		if (round > 0)
			slu_measure_next_round(&bench->measure);
		slu_commit_contest_round(&bench->contest);
		run_pgbench(bench);
		slu_commit_rows_empty(&bench->rows);
		slu_commit_fence(&bench->measure, &bench->rows, FENCE_CADENCE, bench->without_fence,
		                 bench->with_fence);
		slu_commit_rows_check(&bench->rows, "libpq");
	}
}

int main(int argc, char **argv)
{
	struct bench *bench = slu_measure_allocate(1, sizeof(*bench));
	int status;

	slu_measure_begin(
		&bench->measure, argc, argv,
		"How many rows a second does Sluice append to Postgres, committed, beside "
		"the server's own COPY split into the same transactions?",
		SLU_COMMIT_UNIT);
	bench->measure.more_is_better = true;
	open_bench(bench);
	run_rounds(bench);
	slu_commit_contest_note(&bench->contest);
	slu_measure_note(&bench->measure,
	                 "fence: a sample is a transaction; the two rows take turns on one "
	                 "connection");
	slu_server_close(&bench->server);
	status = slu_measure_end(&bench->measure);
	slu_commit_rows_close(&bench->rows);
	free(bench);
	return status;
}
