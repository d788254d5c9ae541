/* SPDX-License-Identifier: MIT */
/* carrier_sluice.c - Sluice as a carrier: one engine thread, a flusher, a sink that reads. */
#include "bench/carrier.h"
#include "bench/reading_sink.h"
#include "bench/tmpfs.h"

#include <stdlib.h>

#define LANES_MAX 64

struct subject {
	struct sluice *sluice;
	struct sluice_lane *lane; /* of the running burst */
	const struct sluice_stream *stream;
	struct sluice_lane *lanes[LANES_MAX];
	size_t lane_count, next_lane;
	struct slu_reading_sink sink;
	uint64_t first_puts; /* one a key */
};

/* ---- put ---- */

static void take_next_lane(struct subject *subject)
{
	subject->lane = subject->lanes[subject->next_lane];
	subject->next_lane = (subject->next_lane + 1) % subject->lane_count;
}

/* A typed call has its size as a constant; so has each of these. */
#define OF_SIZE(size)                                                                       \
	static bool put_##size(void *self, const void *record)                              \
	{                                                                                   \
		struct subject *subject = self;                                             \
                                                                                            \
		return sluice_put(subject->lane, subject->stream, record, size, NULL) ==    \
		       SLUICE_OK;                                                           \
	}                                                                                   \
	static size_t burst_##size(void *self, const unsigned char *records, size_t stride, \
	                           size_t count)                                            \
	{                                                                                   \
		struct subject *subject = self;                                             \
		size_t done = 0;                                                            \
                                                                                            \
		take_next_lane(subject);                                                    \
		while (done < count && put_##size(subject, records + done * stride))        \
			done++;                                                             \
		return done;                                                                \
	}

SLU_RECORD_SIZES(OF_SIZE)

static bool put_execution(void *self, const void *record)
{
	return trading_executions_put(((struct subject *)self)->lane, record, NULL) == SLUICE_OK;
}

static bool put_order(void *self, const void *record)
{
	return trading_orders_put(((struct subject *)self)->lane, record, NULL) == SLUICE_OK;
}

static size_t burst_executions(void *self, const unsigned char *records, size_t stride,
                               size_t count)
{
	size_t done = 0;

	take_next_lane(self);
	while (done < count && put_execution(self, records + done * stride))
		done++;
	return done;
}

static size_t burst_orders(void *self, const unsigned char *records, size_t stride, size_t count)
{
	size_t done = 0;

	take_next_lane(self);
	while (done < count && put_order(self, records + done * stride))
		done++;
	return done;
}

static void choose_calls(struct slu_carrier *carrier)
{
	if (carrier->plan.record == SLU_RECORD_EXECUTION) {
		carrier->put = put_execution;
		carrier->burst = burst_executions;
		return;
	}
	if (carrier->plan.record == SLU_RECORD_ORDER) {
		carrier->put = put_order;
		carrier->burst = burst_orders;
		return;
	}
	switch (carrier->records.size) {
#define CALLS_CASE(size)                       \
	case size:                             \
		carrier->put = put_##size;     \
		carrier->burst = burst_##size; \
		return;
		SLU_RECORD_SIZES(CALLS_CASE)
	default:
		slu_measure_fail("no records of %zu bytes", carrier->records.size);
	}
}

static void flush(struct slu_carrier *carrier)
{
	struct subject *subject = carrier->keeper;

	if (sluice_flush(subject->sluice, sluice_seconds(10)) != SLUICE_OK)
		slu_measure_fail("%s: the flusher stands still", carrier->name);
}

/* Puts every key once, so that none is new any more. */
static void put_all_keys(struct slu_carrier *carrier)
{
	struct subject *subject = carrier->keeper;
	struct trading_order order;

	memcpy(&order, slu_records_at(&carrier->records, 0), sizeof(order));
	for (uint64_t key = 0; key < carrier->plan.keys; key++) {
		slu_record_name(&order.id, key);
		while (trading_orders_put(subject->lane, &order, NULL) != SLUICE_OK)
			flush(carrier);
		subject->first_puts++;
	}
}

/* ---- close ---- */

static bool close_sluice(struct slu_carrier *carrier)
{
	struct subject *subject = carrier->keeper;
	uint64_t put_count = carrier->put_count + subject->first_puts;
	struct sluice_report report;
	bool whole;

	if (sluice_close(subject->sluice, sluice_seconds(10), &report) != SLUICE_OK)
		slu_measure_fail("%s: close: %s", carrier->name, report.reason);
	whole = report.account.accepted == put_count &&
	        report.account.committed + report.account.coalesced == put_count;
	if (!carrier->plan.null_sink) {
		whole = whole && subject->sink.rows == report.account.committed;
		/* Of orders only the newest come out. */
		if (carrier->plan.record != SLU_RECORD_ORDER)
			whole = whole && subject->sink.sum == carrier->put_sum;
	}
	if (carrier->plan.on_tmpfs)
		slu_tmpfs_remove();
	free(subject);
	return whole;
}

/* ---- open ---- */

static void start(struct slu_carrier *carrier)
{
	struct subject *subject = carrier->keeper;
	size_t count = carrier->plan.lanes == 0 ? 1 : carrier->plan.lanes;
	struct sluice_error error;

	if (count > LANES_MAX)
		slu_measure_fail("more than %d lanes", LANES_MAX);
	for (size_t i = 0; i < count; i++) {
		subject->lanes[i] = sluice_attach(subject->sluice, SLUICE_CPU_CURRENT, &error);
		if (subject->lanes[i] == NULL)
			slu_measure_fail("%s: attach: %s", carrier->name, error.message);
	}
	subject->lane_count = count;
	take_next_lane(subject);
	if (carrier->plan.record == SLU_RECORD_ORDER)
		put_all_keys(carrier);
}

static void set_options(const struct slu_carrier *carrier, struct sluice_options *options)
{
	char directory[SLU_TMPFS_PATH_SIZE];

	sluice_options_init(options);
	options->lanes = carrier->plan.lanes == 0 ? 1 : carrier->plan.lanes;
	options->shared_lanes = 0;
	options->lane_slots = carrier->plan.slots;
	options->keys = carrier->plan.keys > 0 ? carrier->plan.keys : 1;
	options->flush_delay = 4 * carrier->plan.poll_ns; /* it looks four times as often */
	if (carrier->plan.on_tmpfs) {
		slu_tmpfs_make(directory);
		memcpy(options->dir, directory, sizeof(directory));
	}
}

static struct sluice_sink *open_sink(struct slu_carrier *carrier)
{
	struct subject *subject = carrier->keeper;
	struct sluice_sink *sink;

	if (!carrier->plan.null_sink) {
		slu_reading_sink_init(&subject->sink);
		return &subject->sink.sink;
	}
	sink = sluice_null_open();
	if (sink == NULL)
		slu_measure_fail("no memory for a sink");
	return sink;
}

void slu_carrier_open_sluice(struct slu_carrier *carrier)
{
	struct subject *subject = slu_measure_allocate(1, sizeof(*subject));
	struct sluice_options options;
	struct sluice_error error;

	carrier->self = subject;
	carrier->keeper = subject;
	carrier->start = start;
	carrier->wait = flush;
	carrier->close = close_sluice;
	choose_calls(carrier);
	subject->stream = slu_records_stream(carrier->plan.record, carrier->plan.size);
	set_options(carrier, &options);
	subject->sluice = sluice_open_with(
		open_sink(carrier), slu_records_streams(carrier->plan.record, carrier->plan.size),
		&options, &error);
	if (subject->sluice == NULL)
		slu_measure_fail("%s: open: %s", carrier->name, error.message);
}
