/* SPDX-License-Identifier: MIT */
/*
 * How many orders a second does Sluice bring up to date in Postgres, committed, beside the same
 * upsert fed from a table that is already loaded?
 *
 * One disposable server with durable settings. Each round, in changing order, all ways write the
 * same orders in transactions of 10,000 rows, then of 1,000; every other order is there already, in
 * its former state. The baseline is the server's share: Sluice's own statement, but its rows come
 * from a table in the same database, already in the order of their keys; in between no client
 * encodes and nothing is sent. CPU is the client's, processor time of all its threads.
 */
#include "bench/commit_contest.h"
#include "bench/commit_peers.h"

#include <stdlib.h>

#define ROWS 100000
#define ROWS_QUICK 20000

static struct slu_commit_cost run_pgx_batch(const struct slu_commit_rows *rows, size_t cadence)
{
	return slu_commit_by_pgx(rows, cadence, SLU_PGX_BATCH);
}

static const struct slu_commit_way ways[] = {
	{"upsert from a loaded table", SLU_BASELINE, false, false, slu_commit_by_stage},
	{"Sluice", SLU_SUBJECT, true, false, slu_commit_by_sluice},
	{"pgx SendBatch", SLU_PEER, true, true, run_pgx_batch},
};

enum { RIVAL = 2 };

struct bench {
	struct slu_measure measure;
	struct slu_server server;
	struct slu_commit_rows rows;
	struct slu_commit_contest contest;
};

int main(int argc, char **argv)
{
	struct bench *bench = slu_measure_allocate(1, sizeof(*bench));
	int status;

	slu_measure_begin(&bench->measure, argc, argv,
	                  "How many orders a second does Sluice bring up to date in Postgres, "
	                  "committed, beside the same upsert fed from a table that is already "
	                  "loaded?",
	                  SLU_COMMIT_UNIT);
	bench->measure.more_is_better = true;
	slu_server_open(&bench->server);
	slu_commit_rows_open(&bench->rows, &bench->server, &trading_orders,
	                     bench->measure.quick ? ROWS_QUICK : ROWS);
	slu_commit_rows_expect(&bench->rows);
	for (size_t i = 0; i < SLU_COMMIT_CADENCES; i++)
		slu_commit_prepare_stage(&bench->rows, slu_commit_cadences[i]);
	bench->contest = (struct slu_commit_contest){.measure = &bench->measure,
	                                             .rows = &bench->rows,
	                                             .ways = ways,
	                                             .way_count = sizeof(ways) / sizeof(ways[0]),
	                                             .rival = RIVAL};
	slu_commit_contest_open(&bench->contest);
	for (size_t round = 0; round < bench->measure.rounds; round++) {
		if (round > 0)
			slu_measure_next_round(&bench->measure);
		slu_commit_contest_round(&bench->contest);
	}
	slu_commit_contest_note(&bench->contest);
	slu_server_close(&bench->server);
	status = slu_measure_end(&bench->measure);
	slu_commit_rows_close(&bench->rows);
	free(bench);
	return status;
}
