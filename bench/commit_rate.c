/* SPDX-License-Identifier: MIT */
/*
 * How many rows a second reach Postgres, committed, beside psql's \copy of the same rows?
 *
 * One disposable server with durable settings. Each round, in alternating order, both ways write
 * the same rows into emptied tables with all their keys, indexes and foreign keys: executions; new
 * orders; then the same orders again, changed. After each, the table is counted and hashed: both
 * must have written the same.
 *
 *   Sluice  the clock runs from the first sluice_put until sluice_flush says committed: one thread
 *           that puts, one lane, default options but when_full=block
 *   psql    the clock runs from its start to its exit. Executions: one \copy. Orders: one
 *           transaction of \copy into a temporary table, then INSERT .. SELECT .. ON CONFLICT
 */
#include "bench/measure.h"
#include "bench/psql.h"
#include "bench/server.h"
#include "bench/trades.h"

#include <sluice/postgres.h>

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#define EXECUTIONS 200000
#define EXECUTIONS_QUICK 50000
#define ORDERS 50000
#define ORDERS_QUICK 20000

enum task { EXECUTE, PLACE, CHANGE, TASK_COUNT };

static const char *const task_names[TASK_COUNT] = {"executions", "new orders", "changed orders"};

/* ---- what is measured, for each task and way ---- */

struct tally {
	struct slu_measure_row *row;
	double cpu_seconds;        /* of the process */
	double engine_cpu_seconds; /* of its main thread, in that */
	uint64_t rows, batches, bytes;
	char digest[128]; /* what the table held afterwards: the same for all */
};

struct bench {
	struct slu_measure measure;
	struct slu_server server;
	struct slu_psql psql;
	size_t execution_count, order_count;
	struct trading_execution *executions;
	struct trading_order *orders[2]; /* new, changed */
	char files[TASK_COUNT][PATH_MAX];
	char parents_file[PATH_MAX];
	struct tally sluice[TASK_COUNT], copy[TASK_COUNT];
	double psql_seconds; /* to start, connect and end, all rounds */
};

static const struct sluice_stream *stream_of(enum task task)
{
	return task == EXECUTE ? &trading_executions : &trading_orders;
}

static size_t count_of(const struct bench *bench, enum task task)
{
	return task == EXECUTE ? bench->execution_count : bench->order_count;
}

static const void *record_of(const struct bench *bench, enum task task, size_t index)
{
	return task == EXECUTE ? (const void *)&bench->executions[index]
	                       : (const void *)&bench->orders[task == CHANGE][index];
}

/* ---- records ---- */

static void make_records(struct bench *bench)
{
	bench->execution_count = bench->measure.quick ? EXECUTIONS_QUICK : EXECUTIONS;
	bench->order_count = bench->measure.quick ? ORDERS_QUICK : ORDERS;
	bench->executions = slu_measure_allocate(bench->execution_count,
	                                         sizeof(*bench->executions));
	for (size_t i = 0; i < bench->execution_count; i++)
		slu_trades_execution(&bench->executions[i], i);
	for (size_t changed = 0; changed < 2; changed++) {
		bench->orders[changed] = slu_measure_allocate(bench->order_count,
		                                              sizeof(struct trading_order));
		for (size_t i = 0; i < bench->order_count; i++)
			slu_trades_order(&bench->orders[changed][i], i, changed == 1);
	}
}

static void write_file(const struct bench *bench, const char *path, enum task task, size_t count)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		slu_measure_fail("%s can't be written", path);
	for (size_t i = 0; i < count; i++)
		slu_psql_write_row(file, stream_of(task), record_of(bench, task, i),
		                   task == CHANGE ? 2 : 1);
	if (fclose(file) != 0)
		slu_measure_fail("%s can't be written", path);
}

static void write_files(struct bench *bench)
{
	struct stat status;

	for (enum task task = 0; task < TASK_COUNT; task++) {
		snprintf(bench->files[task], sizeof(bench->files[task]), "%s/task-%d",
		         bench->server.directory, (int)task);
		write_file(bench, bench->files[task], task, count_of(bench, task));
		if (stat(bench->files[task], &status) != 0)
			slu_measure_fail("%s is gone", bench->files[task]);
		bench->copy[task].bytes = (uint64_t)status.st_size;
	}
	snprintf(bench->parents_file, sizeof(bench->parents_file), "%s/parents",
	         bench->server.directory);
	write_file(bench, bench->parents_file, PLACE, SLU_TRADES_PARENTS);
}

/* ---- was the work done? ---- */

static void check_table(struct bench *bench, enum task task, struct tally *tally)
{
	char text[sizeof(tally->digest)];

	slu_server_digest(&bench->server, stream_of(task), text, sizeof(text));
	if (strtoull(text, NULL, 10) != count_of(bench, task))
		slu_measure_fail("%s: %zu rows went in, the table tells: %s", tally->row->name,
		                 count_of(bench, task), text);
	memcpy(tally->digest, text, sizeof(text));
	if (strcmp(bench->sluice[task].digest, bench->copy[task].digest) != 0 &&
	    bench->sluice[task].digest[0] != '\0' && bench->copy[task].digest[0] != '\0')
		slu_measure_fail("%s: the two ways wrote different rows", task_names[task]);
}

/* ---- measuring one task one way ---- */

struct stopwatch {
	double seconds, cpu_seconds, engine_cpu_seconds;
};

static struct stopwatch watch(int who)
{
	return (struct stopwatch){slu_measure_seconds(), slu_measure_cpu_seconds(who),
	                          slu_measure_cpu_seconds(RUSAGE_THREAD)};
}

static void take_time(struct bench *bench, struct tally *tally, size_t count,
                      const struct stopwatch *began, int who)
{
	struct stopwatch now = watch(who);

	slu_measure_add(&bench->measure, tally->row,
	                (double)count / (now.seconds - began->seconds));
	tally->cpu_seconds += now.cpu_seconds - began->cpu_seconds;
	tally->engine_cpu_seconds += now.engine_cpu_seconds - began->engine_cpu_seconds;
	tally->rows += count;
}

/* ---- psql ---- */

static void load(struct bench *bench, enum task task, const char *file)
{
	if (task == EXECUTE)
		slu_psql_append(&bench->psql, stream_of(task), file);
	else
		slu_psql_merge(&bench->psql, stream_of(task), file);
}

/* Empty tables; executions find the orders they refer to. Then a checkpoint, so that no one pays
 * for what another left behind. */
static void prepare_tables(struct bench *bench, enum task task)
{
	slu_server_tell(&bench->server, "TRUNCATE orders, executions");
	if (task == EXECUTE)
		load(bench, PLACE, bench->parents_file);
	slu_server_tell(&bench->server, "VACUUM ANALYZE orders");
	slu_server_tell(&bench->server, "CHECKPOINT");
}

static void run_copy(struct bench *bench, enum task task)
{
	struct tally *tally = &bench->copy[task];
	struct stopwatch began = watch(RUSAGE_CHILDREN);

	load(bench, task, bench->files[task]);
	take_time(bench, tally, count_of(bench, task), &began, RUSAGE_CHILDREN);
	check_table(bench, task, tally);
}

/* ---- Sluice ---- */

struct session {
	struct sluice *sluice;
	struct sluice_lane *lane;
};

static struct session open_session(struct bench *bench)
{
	struct sluice_options options;
	struct sluice_error error;
	struct sluice_sink *sink;
	struct session session;

	sluice_options_init(&options);
	options.lanes = 1;
	options.keys = bench->order_count;
	options.when_full = SLUICE_WHEN_FULL_BLOCK;
	options.block_timeout = sluice_seconds(60);
	sink = sluice_postgres_open(bench->server.dsn, NULL, &error);
	if (sink == NULL)
		slu_measure_fail("%s", error.message);
	session.sluice = sluice_open_with(sink, &trading_streams, &options, &error);
	if (session.sluice == NULL)
		slu_measure_fail("%s", error.message);
	session.lane = sluice_attach(session.sluice, SLUICE_CPU_CURRENT, &error);
	if (session.lane == NULL)
		slu_measure_fail("%s", error.message);
	return session;
}

static enum sluice_status put(const struct bench *bench, struct session *session, enum task task,
                              size_t index)
{
	return task == EXECUTE
	               ? trading_executions_put(session->lane, &bench->executions[index], NULL)
	               : trading_orders_put(session->lane, &bench->orders[task == CHANGE][index],
	                                    NULL);
}

static void run_sluice(struct bench *bench, struct session *session, enum task task)
{
	struct tally *tally = &bench->sluice[task];
	enum sluice_status status = SLUICE_OK;
	struct sluice_stats before, after;
	struct stopwatch began;

	sluice_stats(session->sluice, &before);
	began = watch(RUSAGE_SELF);
	for (size_t i = 0; i < count_of(bench, task) && status == SLUICE_OK; i++)
		status = put(bench, session, task, i);
	if (status == SLUICE_OK)
		status = sluice_flush(session->sluice, sluice_seconds(60));
	if (status != SLUICE_OK)
		slu_measure_fail("%s: %s", tally->row->name, sluice_status_name(status));
	take_time(bench, tally, count_of(bench, task), &began, RUSAGE_SELF);
	sluice_stats(session->sluice, &after);
	tally->batches += after.batches - before.batches;
	check_table(bench, task, tally);
}

static void close_session(struct session *session)
{
	struct sluice_report report;

	if (sluice_close(session->sluice, sluice_seconds(10), &report) != SLUICE_OK)
		slu_measure_fail("close: %s", report.reason);
}

/* ---- rounds ---- */

/* `changed` orders find the new ones of the same way, as it left them. */
static void run_way(struct bench *bench, bool sluice)
{
	struct session session = {0};

	if (sluice)
		session = open_session(bench);
	for (enum task task = 0; task < TASK_COUNT; task++) {
		if (task != CHANGE)
			prepare_tables(bench, task);
		else
			slu_server_tell(&bench->server, "CHECKPOINT");
		if (sluice)
			run_sluice(bench, &session, task);
		else
			run_copy(bench, task);
	}
	if (sluice)
		close_session(&session);
}

static void run_rounds(struct bench *bench)
{
	static const char *const nothing[] = {"SET work_mem TO DEFAULT", NULL};

	for (size_t round = 0; round < bench->measure.rounds; round++) {
		double began;

		if (round > 0)
			slu_measure_next_round(&bench->measure);
		began = slu_measure_seconds();
		slu_psql_run(&bench->psql, nothing);
		bench->psql_seconds += slu_measure_seconds() - began;
		run_way(bench, round % 2 == 0);
		run_way(bench, round % 2 == 1);
	}
}

static void note_results(struct bench *bench)
{
	for (enum task task = 0; task < TASK_COUNT; task++) {
		const struct tally *sluice = &bench->sluice[task], *copy = &bench->copy[task];
		double rounds = (double)bench->measure.rounds;

		slu_measure_note(&bench->measure,
		                 "%s: %zu rows of %u bytes a round; psql's file is %.1f MB",
		                 task_names[task], count_of(bench, task),
		                 stream_of(task)->layout.size, (double)copy->bytes / 1e6);
		slu_measure_note(&bench->measure, "  Sluice: %.0f transactions of %.0f rows",
		                 (double)sluice->batches / rounds,
		                 (double)sluice->rows / (double)sluice->batches);
		slu_measure_note(
			&bench->measure,
			"  client CPU a million rows: engine thread %.2f s, most of it waiting for "
			"room; flusher %.2f s; psql %.2f s",
			sluice->engine_cpu_seconds / (double)sluice->rows * 1e6,
			(sluice->cpu_seconds - sluice->engine_cpu_seconds) / (double)sluice->rows *
				1e6,
			copy->cpu_seconds / (double)copy->rows * 1e6);
	}
	slu_measure_note(&bench->measure, "psql to start, connect and end: %.0f ms of its time",
	                 bench->psql_seconds / (double)bench->measure.rounds * 1e3);
}

int main(int argc, char **argv)
{
	static const char *const names[2][TASK_COUNT] = {
		{"psql, executions", "psql, new orders", "psql, changed orders"},
		{"Sluice, executions", "Sluice, new orders", "Sluice, changed orders"}};
	struct bench *bench = slu_measure_allocate(1, sizeof(*bench));
	int status;

	slu_measure_begin(&bench->measure, argc, argv,
	                  "How many rows a second reach Postgres, committed, beside psql's \\copy "
	                  "of the same rows?",
	                  "rows/s, more is better");
	for (enum task task = 0; task < TASK_COUNT; task++) {
		bench->copy[task].row = slu_measure_row(&bench->measure, names[0][task],
		                                        SLU_BASELINE, NULL);
		bench->sluice[task].row = slu_measure_row(&bench->measure, names[1][task],
		                                          SLU_SUBJECT, bench->copy[task].row);
	}
	slu_server_open(&bench->server);
	slu_psql_find(&bench->psql, bench->server.dsn);
	make_records(bench);
	write_files(bench);
	run_rounds(bench);
	note_results(bench);
	slu_server_close(&bench->server);
	status = slu_measure_end(&bench->measure);
	free(bench->executions);
	free(bench->orders[0]);
	free(bench->orders[1]);
	free(bench);
	return status;
}
