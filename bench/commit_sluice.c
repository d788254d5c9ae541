/* SPDX-License-Identifier: MIT */
/*
 * commit_sluice.c - the engine's side of a transaction of a given size.
 *
 * flush_rows is a budget: the flusher cuts between flush epochs, and what is put while it encodes a
 * batch is one epoch, however much that is. So the engine puts the rows of one transaction, rests
 * for some epochs, and puts those of the one after the next when it is committed. Then one is on
 * the wire, one is encoded or about to be, and no epoch has rows of two, as long as the flusher
 * gets a processor. How many rows each really had is in the report.
 */
#include "bench/commit_sluice.h"

#include "bench/measure.h"

#include <string.h>

#define TIMEOUT_NS sluice_seconds(60)
#define AHEAD 2        /* transactions: as many as Sluice's sink holds by default */
#define REST_NS 200000 /* four epochs */

void slu_commit_options(const struct slu_commit_rows *rows, struct sluice_options *options)
{
	sluice_options_init(options);
	options->lanes = 1;
	options->keys = rows->count + 64; /* a lane takes 16 at a time */
	strcpy(options->overflow, "block(1min)");
}

struct slu_commit_session slu_commit_open(const struct slu_commit_rows *rows,
                                          const struct sluice_options *options)
{
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(rows->server->dsn, NULL, &error);
	struct slu_commit_session session;

	if (sink == NULL)
		slu_measure_fail("%s", error.message);
	session.sluice = sluice_open_with(sink, &trading_streams, options, &error);
	if (session.sluice == NULL)
		slu_measure_fail("%s", error.message);
	session.lane = sluice_attach(session.sluice, SLUICE_CPU_CURRENT, &error);
	if (session.lane == NULL)
		slu_measure_fail("%s", error.message);
	return session;
}

void slu_commit_close(struct slu_commit_session *session)
{
	struct sluice_report report;

	if (sluice_close(session->sluice, sluice_seconds(10), &report) != SLUICE_OK)
		slu_measure_fail("close: %s", report.reason);
}

static struct slu_commit_cost look(struct slu_commit_session *session)
{
	struct sluice_stats stats;

	sluice_stats(session->sluice, &stats);
	return (struct slu_commit_cost){
		.seconds = slu_measure_seconds(),
		.cpu_seconds = slu_measure_cpu_seconds(RUSAGE_SELF),
		.engine_cpu_seconds = slu_measure_cpu_seconds(RUSAGE_THREAD),
		.transactions = stats.batches,
	};
}

static struct slu_commit_cost since(struct slu_commit_session *session,
                                    const struct slu_commit_cost *before)
{
	struct slu_commit_cost cost = look(session);

	cost.seconds -= before->seconds;
	cost.cpu_seconds -= before->cpu_seconds;
	cost.engine_cpu_seconds -= before->engine_cpu_seconds;
	cost.transactions -= before->transactions;
	return cost;
}

/* The rows of one transaction, from `begin`. `ticket` is the last one's. */
static enum sluice_status put_together(const struct slu_commit_rows *rows,
                                       struct slu_commit_session *session, size_t begin,
                                       size_t count, struct sluice_ticket *ticket)
{
	const struct timespec rest = {.tv_nsec = REST_NS};
	enum sluice_status status = SLUICE_OK;

	for (size_t i = begin; i < rows->count && i < begin + count && status == SLUICE_OK; i++)
		status = slu_commit_put(rows, session->lane, i, ticket);
	nanosleep(&rest, NULL);
	return status;
}

static enum sluice_status put_all(const struct slu_commit_rows *rows,
                                  struct slu_commit_session *session, size_t cadence)
{
	struct sluice_ticket tickets[AHEAD];
	enum sluice_status status = SLUICE_OK;

	for (size_t number = 0; number * cadence < rows->count && status == SLUICE_OK; number++) {
		if (number >= AHEAD)
			status = sluice_wait(session->sluice, tickets[number % AHEAD],
			                     SLUICE_COMMITTED, TIMEOUT_NS);
		if (status == SLUICE_OK)
			status = put_together(rows, session, number * cadence, cadence,
			                      &tickets[number % AHEAD]);
	}
	return status;
}

static void finish(struct slu_commit_session *session, enum sluice_status status)
{
	struct sluice_stats stats;

	if (status == SLUICE_OK)
		status = sluice_flush(session->sluice, TIMEOUT_NS);
	if (status == SLUICE_OK)
		return;
	sluice_stats(session->sluice, &stats);
	slu_measure_fail("Sluice: %s: %s", sluice_status_name(status), stats.reason);
}

struct slu_commit_cost slu_commit_by_sluice(const struct slu_commit_rows *rows, size_t cadence)
{
	struct slu_commit_session session;
	struct slu_commit_cost before, cost;
	struct sluice_options options;

	slu_commit_options(rows, &options);
	options.lane_slots = 1 << 16; /* AHEAD times the most rows, and what waits to be released */
	options.flush_rows = cadence;
	options.flush_bytes = (uint64_t)64 << 20;
	options.flush_delay = sluice_ms(100); /* only for the rest that fills none */
	session = slu_commit_open(rows, &options);
	before = look(&session);
	finish(&session, put_all(rows, &session, cadence));
	cost = since(&session, &before);
	slu_commit_close(&session);
	return cost;
}

struct slu_commit_cost slu_commit_flat_out(const struct slu_commit_rows *rows)
{
	enum sluice_status status = SLUICE_OK;
	struct slu_commit_session session;
	struct slu_commit_cost before, cost;
	struct sluice_options options;

	slu_commit_options(rows, &options);
	session = slu_commit_open(rows, &options);
	before = look(&session);
	for (size_t i = 0; i < rows->count && status == SLUICE_OK; i++)
		status = slu_commit_put(rows, session.lane, i, NULL);
	finish(&session, status);
	cost = since(&session, &before);
	slu_commit_close(&session);
	return cost;
}

double slu_commit_idle_cpu(const struct slu_commit_rows *rows)
{
	const struct timespec second = {.tv_sec = 1};
	struct slu_commit_session session;
	struct slu_commit_cost before, cost;
	struct sluice_options options;

	slu_commit_options(rows, &options);
	session = slu_commit_open(rows, &options);
	before = look(&session);
	nanosleep(&second, NULL);
	cost = since(&session, &before);
	slu_commit_close(&session);
	return cost.cpu_seconds / cost.seconds;
}
