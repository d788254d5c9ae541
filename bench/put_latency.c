/* SPDX-License-Identifier: MIT */
/*
 * What does a put cost the engine thread, beside a plain copy of the same bytes?
 *
 * A sample is the mean of a burst of 20 puts, with a pause before each burst. Meanwhile the other
 * processor drains: for Sluice the flusher, into a sink that reads every byte and commits at once;
 * for the plain copy and for ck_ring a thread that looks as often and reads as much. All have 2,048
 * slots. Each round builds each row anew, runs it, and checks that what went in came out.
 */
#include "bench/reading_sink.h"
#include "bench/rings.h"

#include <stdlib.h>

#define SLOTS 2048
#define POLL_NS 50000 /* of the flusher and of the rings' consumer */
#define PAUSE_NS 200000
#define BURSTS 1000 /* a round and row */
#define BURSTS_QUICK 250
#define BURSTS_WARM 250 /* 5,000 puts: more than two laps */

enum way { SLUICE, COPY, CK };

struct plan {
	const char *name;
	enum slu_measure_role role;
	enum way way;
	enum slu_record_kind kind;
	uint64_t keys;
	int baseline; /* which of the plans, -1 for none */
};

static const struct plan plans[] = {
	{"copy, 128 bytes", SLU_BASELINE, COPY, SLU_RECORD_TEST, 0, -1},
	{"ck_ring, 128 bytes", SLU_PEER, CK, SLU_RECORD_TEST, 0, 0},
	{"append put, 128 bytes", SLU_SUBJECT, SLUICE, SLU_RECORD_TEST, 0, 0},
	{"copy, 280 bytes", SLU_BASELINE, COPY, SLU_RECORD_EXECUTION, 0, -1},
	{"ck_ring, 280 bytes", SLU_PEER, CK, SLU_RECORD_EXECUTION, 0, 3},
	{"append put, execution (280)", SLU_SUBJECT, SLUICE, SLU_RECORD_EXECUTION, 0, 3},
	{"copy, 384 bytes", SLU_BASELINE, COPY, SLU_RECORD_ORDER, 1000, -1},
	{"ck_ring, 384 bytes", SLU_PEER, CK, SLU_RECORD_ORDER, 1000, 6},
	{"state put, order (384), 1,000 keys", SLU_SUBJECT, SLUICE, SLU_RECORD_ORDER, 1000, 6},
	{"state put, order (384), 100,000 keys", SLU_SUBJECT, SLUICE, SLU_RECORD_ORDER, 100000, 6},
};

#define PLAN_COUNT (sizeof(plans) / sizeof(plans[0]))

/* ---- what one row of one round runs ---- */

struct run {
	struct slu_records records;
	struct slu_ring *ring;
	struct sluice *sluice;
	struct sluice_lane *lane;
	struct slu_reading_sink sink;
	size_t burst_count; /* how many records of the last burst went in */
	uint64_t put_count, put_sum;
};

/* Outside the measured time. */
static void account_burst(struct run *run)
{
	for (size_t i = 0; i < run->burst_count; i++)
		run->put_sum += slu_record_sum(run->records.bytes[i], run->records.size);
	run->put_count += run->burst_count;
	run->burst_count = 0;
}

static void prepare(void *context)
{
	struct run *run = context;

	account_burst(run);
	if (run->ring != NULL)
		slu_ring_wait(run->ring);
	slu_records_renew(&run->records);
}

static size_t burst_ring(void *context)
{
	struct run *run = context;

	run->burst_count = slu_ring_burst(run->ring, &run->records);
	return run->burst_count;
}

static size_t burst_test(void *context)
{
	struct run *run = context;
	size_t count = 0;

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++)
		count += sluice_put(run->lane, &slu_test_stream, run->records.bytes[i], 128,
		                    NULL) == SLUICE_OK;
	return run->burst_count = count;
}

static size_t burst_executions(void *context)
{
	struct run *run = context;
	size_t count = 0;

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++)
		count += trading_executions_put(run->lane,
		                                (struct trading_execution *)run->records.bytes[i],
		                                NULL) == SLUICE_OK;
	return run->burst_count = count;
}

static size_t burst_orders(void *context)
{
	struct run *run = context;
	size_t count = 0;

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++)
		count += trading_orders_put(run->lane,
		                            (struct trading_order *)run->records.bytes[i],
		                            NULL) == SLUICE_OK;
	return run->burst_count = count;
}

static size_t burst_nothing(void *context)
{
	(void)context;
	return SLU_MEASURE_BURST;
}

/* ---- Sluice ---- */

/* Puts every key once, so that none is new any more. */
static void put_all_keys(struct run *run)
{
	struct trading_order order;

	memcpy(&order, run->records.bytes[0], sizeof(order));
	for (uint64_t key = 0; key < run->records.keys; key++) {
		slu_record_name(&order.id, key);
		while (trading_orders_put(run->lane, &order, NULL) != SLUICE_OK)
			if (sluice_flush(run->sluice, sluice_seconds(10)) != SLUICE_OK)
				slu_measure_fail("the flusher stands still");
		run->put_count++;
	}
}

static void open_sluice(struct run *run)
{
	struct sluice_options options;
	struct sluice_error error;

	slu_reading_sink_init(&run->sink);
	sluice_options_init(&options);
	options.lanes = 1;
	options.lane_slots = SLOTS;
	options.keys = run->records.keys > 0 ? run->records.keys : 1;
	options.flush_delay = 4 * POLL_NS; /* the flusher looks four times as often */
	run->sluice = sluice_open_with(&run->sink.sink,
	                               run->records.kind == SLU_RECORD_TEST ? &slu_test_streams
	                                                                    : &trading_streams,
	                               &options, &error);
	if (run->sluice == NULL)
		slu_measure_fail("sluice_open: %s", error.message);
	run->lane = sluice_attach(run->sluice, SLUICE_CPU_CURRENT, &error);
	if (run->lane == NULL)
		slu_measure_fail("sluice_attach: %s", error.message);
}

static void close_sluice(struct run *run, const char *name)
{
	struct sluice_report report;

	if (sluice_close(run->sluice, sluice_seconds(10), &report) != SLUICE_OK)
		slu_measure_fail("%s: close: %s", name, report.reason);
	if (report.account.accepted != run->put_count ||
	    report.account.committed + report.account.coalesced != run->put_count ||
	    run->sink.rows != report.account.committed)
		slu_measure_fail("%s: %llu records went in, %llu rows came out", name,
		                 (unsigned long long)run->put_count,
		                 (unsigned long long)run->sink.rows);
	/* Of orders only the newest come out. */
	if (run->records.kind != SLU_RECORD_ORDER && run->sink.sum != run->put_sum)
		slu_measure_fail("%s: what came out is not what went in", name);
}

/* ---- rounds ---- */

static void run_plan(struct slu_measure *measure, struct slu_measure_row *row,
                     const struct plan *plan, size_t *refused)
{
	static size_t (*const sluice_bursts[])(void *) = {burst_test, burst_executions,
	                                                  burst_orders};
	struct run *run = aligned_alloc(64, (sizeof(*run) + 63) / 64 * 64);
	struct slu_measure_work work = {.prepare = prepare, .context = run, .pause_ns = PAUSE_NS};

	if (run == NULL)
		slu_measure_fail("no memory");
	memset(run, 0, sizeof(*run));
	slu_records_init(&run->records, plan->kind, plan->keys);
	slu_measure_pin_other(measure); /* the flusher and the consumer inherit it */
	if (plan->way == SLUICE)
		open_sluice(run);
	else
		run->ring = slu_ring_open(plan->way == COPY ? SLU_RING_COPY : SLU_RING_CK,
		                          &run->records, SLOTS, POLL_NS);
	slu_measure_pin_engine(measure);
	if (plan->way == SLUICE && plan->kind == SLU_RECORD_ORDER)
		put_all_keys(run);
	work.burst = plan->way == SLUICE ? sluice_bursts[plan->kind] : burst_ring;
	slu_measure_bursts(measure, NULL, BURSTS_WARM, &work);
	*refused += slu_measure_bursts(measure, row, measure->quick ? BURSTS_QUICK : BURSTS, &work);
	account_burst(run);
	if (plan->way == SLUICE)
		close_sluice(run, plan->name);
	else if (slu_ring_close(run->ring) != run->put_sum)
		slu_measure_fail("%s: what came out is not what went in", plan->name);
	free(run);
}

int main(int argc, char **argv)
{
	const struct slu_measure_work nothing = {.burst = burst_nothing, .pause_ns = PAUSE_NS / 10};
	struct slu_measure_row *rows[PLAN_COUNT], *clock;
	struct slu_measure measure;
	size_t refused = 0;

	slu_measure_begin(&measure, argc, argv,
	                  "What does a put cost the engine thread, beside a plain copy of the same "
	                  "bytes?",
	                  "ns a put");
	clock = slu_measure_row(&measure, "the clock's share", SLU_LIMIT, NULL);
	for (size_t i = 0; i < PLAN_COUNT; i++)
		rows[i] = slu_measure_row(&measure, plans[i].name, plans[i].role,
		                          plans[i].baseline < 0 ? NULL : rows[plans[i].baseline]);
	for (size_t round = 0; round < measure.rounds; round++) {
		if (round > 0)
			slu_measure_next_round(&measure);
		slu_measure_bursts(&measure, clock, measure.quick ? BURSTS_QUICK : BURSTS,
		                   &nothing);
		for (size_t i = 0; i < PLAN_COUNT; i++)
			run_plan(&measure, rows[i], &plans[i], &refused);
	}
	slu_measure_note(&measure,
	                 "bursts of %d, %d us apart, %d a row and round; %d slots; drained every "
	                 "%d us",
	                 SLU_MEASURE_BURST, PAUSE_NS / 1000, measure.quick ? BURSTS_QUICK : BURSTS,
	                 SLOTS, POLL_NS / 1000);
	slu_measure_note(&measure, "bursts refused for want of a slot, and not counted: %zu",
	                 refused);
	return slu_measure_end(&measure);
}
