/* SPDX-License-Identifier: MIT */
/* commit_contest.c - rounds of ways to commit. */
#include "bench/commit_contest.h"

#include "bench/commit_peers.h"

#define SLUICE_WAY 1

static bool is_missing(const struct slu_commit_way *way)
{
	return way->go && slu_commit_pgx_missing() != NULL;
}

/* ---- rows ---- */

static struct slu_measure_row *rate_row(struct slu_commit_contest *contest, size_t cadence,
                                        size_t index)
{
	const struct slu_commit_way *way = &contest->ways[index];
	struct slu_commit_score *scores = contest->scores[cadence];

	return slu_measure_row(contest->measure, scores[index].name, way->role,
	                       index == 0 || is_missing(way) ? NULL : scores[0].rate);
}

static struct slu_measure_row *cpu_row(struct slu_commit_contest *contest, size_t cadence,
                                       size_t index)
{
	struct slu_commit_score *scores = contest->scores[cadence];
	enum slu_measure_role role = contest->ways[index].role;

	return slu_measure_row(contest->measure, scores[index].cpu_name,
	                       index == contest->rival ? SLU_BASELINE : role,
	                       scores[contest->rival].cpu);
}

static void name_rows(struct slu_commit_contest *contest, size_t cadence, size_t index)
{
	const struct slu_commit_way *way = &contest->ways[index];
	struct slu_commit_score *score = &contest->scores[cadence][index];
	size_t size = slu_commit_cadences[cadence];

	snprintf(score->name, sizeof(score->name), "%s, %zu rows%s", way->name, size,
	         is_missing(way) ? ": NOT BUILT" : "");
	snprintf(score->again_name, sizeof(score->again_name), "%s again, %zu rows", way->name,
	         size);
	snprintf(score->cpu_name, sizeof(score->cpu_name), "CPU, %s, %zu rows", way->name, size);
}

static void add_rows(struct slu_commit_contest *contest, size_t cadence)
{
	struct slu_commit_score *scores = contest->scores[cadence];
	struct slu_commit_score *rival = &scores[contest->rival];
	const struct slu_commit_way *rival_way = &contest->ways[contest->rival];

	for (size_t i = 0; i < contest->way_count; i++) {
		name_rows(contest, cadence, i);
		scores[i].rate = rate_row(contest, cadence, i);
	}
	if (!is_missing(rival_way)) {
		scores[SLUICE_WAY].again = slu_measure_row(
			contest->measure, scores[SLUICE_WAY].again_name, SLU_SUBJECT, rival->rate);
		rival->cpu = cpu_row(contest, cadence, contest->rival);
	}
	for (size_t i = 0; i < contest->way_count; i++)
		if (contest->ways[i].client && i != contest->rival &&
		    !is_missing(&contest->ways[i]))
			scores[i].cpu = cpu_row(contest, cadence, i);
}

void slu_commit_contest_open(struct slu_commit_contest *contest)
{
	if (slu_commit_pgx_missing() != NULL)
		fprintf(stderr, "WARNING: there will be no rows of pgx. It was %s\n",
		        slu_commit_pgx_missing());
	for (size_t cadence = 0; cadence < SLU_COMMIT_CADENCES; cadence++)
		add_rows(contest, cadence);
}

/* ---- a round ---- */

static void run_way(struct slu_commit_contest *contest, size_t cadence, size_t index)
{
	const struct slu_commit_way *way = &contest->ways[index];
	struct slu_commit_score *score = &contest->scores[cadence][index];
	double count = (double)contest->rows->count;
	struct slu_commit_cost cost;

	if (is_missing(way))
		return;
	slu_commit_rows_empty(contest->rows);
	cost = way->run(contest->rows, slu_commit_cadences[cadence]);
	slu_commit_rows_check(contest->rows, score->name);
	slu_measure_add(contest->measure, score->rate, count / cost.seconds);
	if (score->again != NULL)
		slu_measure_add(contest->measure, score->again, count / cost.seconds);
	if (score->cpu != NULL)
		slu_measure_add(contest->measure, score->cpu, cost.cpu_seconds / count * 1e9);
	score->sum.cpu_seconds += cost.cpu_seconds;
	score->sum.engine_cpu_seconds += cost.engine_cpu_seconds;
	score->sum.transactions += cost.transactions;
}

void slu_commit_contest_round(struct slu_commit_contest *contest)
{
	for (size_t cadence = 0; cadence < SLU_COMMIT_CADENCES; cadence++)
		for (size_t turn = 0; turn < contest->way_count; turn++)
			run_way(contest, cadence,
			        slu_measure_turn(contest->measure, turn, contest->way_count));
}

/* ---- notes ---- */

static void note_sluice(struct slu_commit_contest *contest, size_t cadence)
{
	const struct slu_commit_cost *sum = &contest->scores[cadence][SLUICE_WAY].sum;
	double count = (double)(contest->rows->count * contest->measure->rounds);

	slu_measure_note(contest->measure,
	                 "Sluice, %zu rows: had %.0f in a transaction; CPU ms a million rows: "
	                 "engine %.0f, flusher %.0f",
	                 slu_commit_cadences[cadence], count / (double)sum->transactions,
	                 sum->engine_cpu_seconds / count * 1e9,
	                 (sum->cpu_seconds - sum->engine_cpu_seconds) / count * 1e9);
}

void slu_commit_contest_note(struct slu_commit_contest *contest)
{
	slu_measure_note(contest->measure,
	                 "%zu rows of %u bytes a way and round; count and hash "
	                 "of the table were right after each",
	                 contest->rows->count, contest->rows->stream->layout.size);
	for (size_t cadence = 0; cadence < SLU_COMMIT_CADENCES; cadence++)
		note_sluice(contest, cadence);
	slu_measure_note(contest->measure,
	                 "Sluice with nothing to do takes %.0f ms of CPU a second: it looks for "
	                 "records",
	                 slu_commit_idle_cpu(contest->rows) * 1e3);
	if (slu_commit_pgx_missing() != NULL)
		slu_measure_note(contest->measure, "WARNING: there are no rows of pgx. It was %s",
		                 slu_commit_pgx_missing());
}
