/* SPDX-License-Identifier: MIT */
/*
 * How long does a record take from put to committed, at a fifth of the rate at which records can be
 * committed at all?
 *
 * One disposable server with durable settings, Sluice with default options, one thread that puts.
 * Each round, for executions and for orders (half of them new): first all records as fast as they
 * are taken; then, at a fifth of that rate, the lag of every so many of them, as a thread sees it
 * that waits for them. Beside them stands what no lag can be without: the time a record may wait
 * for others (flush_delay), one round trip and one sync, each measured in the same round. The table
 * is counted and hashed after each run.
 */
#include "bench/commit_lag.h"

#include "bench/measure.h"

#include <stdlib.h>

#define SHARE 5 /* of the highest rate: the fifth part */
#define ROWS 150000
#define ROWS_QUICK 20000
#define SAMPLES 5000 /* a round */
#define PROBES 1000
#define STREAM_COUNT 2

struct task {
	char lag_name[64], tail_name[64];
	struct slu_commit_rows rows;
	struct slu_measure_row *lag, *tail;
	double highest_rate, rate; /* sums over the rounds */
	double transactions;
	double told_p50_us, told_p99_us;
};

struct bench {
	struct slu_measure measure;
	struct slu_server server;
	struct task tasks[STREAM_COUNT];
	struct slu_measure_row *delay, *trip, *sync, *sum;
};

static void add_rows(struct bench *bench)
{
	struct slu_measure *measure = &bench->measure;

	bench->delay = slu_measure_row(measure, "flush_delay", SLU_LIMIT, NULL);
	bench->trip = slu_measure_row(measure, "a round trip", SLU_LIMIT, NULL);
	bench->sync = slu_measure_row(measure, "a sync", SLU_LIMIT, NULL);
	bench->sum = slu_measure_row(measure, "all three (medians)", SLU_BASELINE, NULL);
	for (size_t i = 0; i < STREAM_COUNT; i++) {
		struct task *task = &bench->tasks[i];
		const char *name = task->rows.stream->name;

		snprintf(task->lag_name, sizeof(task->lag_name), "put to committed, %s", name);
		snprintf(task->tail_name, sizeof(task->tail_name), "p99 of each round, %s", name);
		task->lag = slu_measure_row(measure, task->lag_name, SLU_SUBJECT, bench->sum);
		task->tail = slu_measure_row(measure, task->tail_name, SLU_SUBJECT, bench->sum);
	}
}

static void open_bench(struct bench *bench)
{
	static const struct sluice_stream *const streams[] = {&trading_executions, &trading_orders};

	slu_server_open(&bench->server);
	for (size_t i = 0; i < STREAM_COUNT; i++) {
		slu_commit_rows_open(&bench->tasks[i].rows, &bench->server, streams[i],
		                     bench->measure.quick ? ROWS_QUICK : ROWS);
		slu_commit_rows_expect(&bench->tasks[i].rows);
	}
	add_rows(bench);
}

/* Adds the samples; returns their median. */
static double add_probes(struct bench *bench, struct slu_measure_row *row, double probes[PROBES])
{
	for (size_t i = 0; i < PROBES; i++)
		slu_measure_add(&bench->measure, row, probes[i]);
	return slu_lag_percentile(probes, PROBES, 0.5);
}

static void measure_limits(struct bench *bench)
{
	struct sluice_options options;
	double probes[PROBES], sum;

	slu_commit_options(&bench->tasks[0].rows, &options);
	sum = (double)options.flush_delay / 1e3;
	slu_measure_add(&bench->measure, bench->delay, sum);
	slu_lag_round_trips(bench->server.dsn, probes, PROBES);
	sum += add_probes(bench, bench->trip, probes);
	slu_lag_syncs(bench->server.directory, probes, PROBES);
	sum += add_probes(bench, bench->sync, probes);
	slu_measure_add(&bench->measure, bench->sum, sum);
}

/* Returns the highest rate. */
static double run_flat_out(struct task *task)
{
	struct slu_commit_cost cost;

	slu_commit_rows_empty(&task->rows);
	cost = slu_commit_flat_out(&task->rows);
	slu_commit_rows_check(&task->rows, task->rows.stream->name);
	return (double)task->rows.count / cost.seconds;
}

static void run_task(struct bench *bench, struct task *task)
{
	double highest = run_flat_out(task);
	struct slu_lag_plan plan = {.rows = &task->rows,
	                            .rate = highest / SHARE,
	                            .stride = (task->rows.count + SAMPLES - 1) / SAMPLES};
	struct slu_lag_result result;

	slu_commit_rows_empty(&task->rows);
	result = slu_lag_measure(&plan);
	slu_commit_rows_check(&task->rows, task->lag_name);
	for (size_t i = 0; i < result.count; i++)
		slu_measure_add(&bench->measure, task->lag, result.lags_us[i]);
	slu_measure_add(&bench->measure, task->tail,
	                slu_lag_percentile(result.lags_us, result.count, 0.99));
	task->highest_rate += highest;
	task->rate += result.rate;
	task->transactions += result.transactions;
	task->told_p50_us += (double)result.told.p50_ns / 1e3;
	task->told_p99_us += (double)result.told.p99_ns / 1e3;
	free(result.lags_us);
}

static void note_task(struct bench *bench, const struct task *task)
{
	double rounds = (double)bench->measure.rounds;

	slu_measure_note(&bench->measure,
	                 "%s, means of the rounds: highest rate %.0f records/s; lag measured at "
	                 "%.0f, in transactions of %.1f rows",
	                 task->rows.stream->name, task->highest_rate / rounds, task->rate / rounds,
	                 (double)task->rows.count * rounds / task->transactions);
	slu_measure_note(&bench->measure,
	                 "  Sluice's own commit_lag of the same records: p50 %.0f us, p99 %.0f us",
	                 task->told_p50_us / rounds, task->told_p99_us / rounds);
}

int main(int argc, char **argv)
{
	struct bench *bench = slu_measure_allocate(1, sizeof(*bench));
	int status;

	slu_measure_begin(&bench->measure, argc, argv,
	                  "How long does a record take from put to committed, at a fifth of the "
	                  "highest rate?",
	                  "us");
	open_bench(bench);
	for (size_t round = 0; round < bench->measure.rounds; round++) {
		if (round > 0)
			slu_measure_next_round(&bench->measure);
		measure_limits(bench);
		for (size_t turn = 0; turn < STREAM_COUNT; turn++)
			run_task(bench, &bench->tasks[slu_measure_turn(&bench->measure, turn,
			                                               STREAM_COUNT)]);
	}
	for (size_t i = 0; i < STREAM_COUNT; i++)
		note_task(bench, &bench->tasks[i]);
	slu_server_close(&bench->server);
	status = slu_measure_end(&bench->measure);
	for (size_t i = 0; i < STREAM_COUNT; i++)
		slu_commit_rows_close(&bench->tasks[i].rows);
	free(bench);
	return status;
}
