/* SPDX-License-Identifier: MIT */
/* carrier.c - what is the same whoever carries: opening on the right processor, bursts, the
 * account. */
#include "bench/carrier.h"

#include <stdlib.h>

#define STUCK_SECONDS 10 /* no grace period takes so long */

/* ---- nothing ---- */

static size_t burst_nothing(void *self, const unsigned char *records, size_t stride, size_t count)
{
	(void)self;
	(void)records;
	(void)stride;
	return count;
}

static bool put_nothing(void *self, const void *record)
{
	(void)self;
	(void)record;
	return true;
}

static void wait_for_nothing(struct slu_carrier *carrier)
{
	(void)carrier;
}

static bool close_nothing(struct slu_carrier *carrier)
{
	(void)carrier;
	return true;
}

static void open_nothing(struct slu_carrier *carrier)
{
	carrier->burst = burst_nothing;
	carrier->put = put_nothing;
	carrier->wait = wait_for_nothing;
	carrier->close = close_nothing;
}

/* ---- open ---- */

struct slu_carrier *slu_carrier_open(const struct slu_measure *measure, const char *name,
                                     const struct slu_carrier_plan *plan)
{
	struct slu_carrier *carrier = aligned_alloc(64, (sizeof(*carrier) + 63) / 64 * 64);

	if (carrier == NULL)
		slu_measure_fail("no memory for %s", name);
	memset(carrier, 0, sizeof(*carrier));
	carrier->name = name;
	carrier->plan = *plan;
	slu_records_init(&carrier->records, plan->record, plan->size, plan->keys);
	slu_measure_pin_other(measure); /* the flusher and the consumers inherit it */
	if (plan->kind == SLU_NOTHING)
		open_nothing(carrier);
	else if (plan->kind == SLU_SLUICE)
		slu_carrier_open_sluice(carrier);
	else if (plan->kind == SLU_SPDLOG)
		slu_carrier_open_logger(carrier);
	else if (plan->kind == SLU_LOOKUP)
		slu_carrier_open_lookup(carrier);
	else
		slu_carrier_open_ring(carrier);
	slu_measure_pin_engine(measure);
	if (carrier->start != NULL)
		carrier->start(carrier);
	return carrier;
}

/* ---- put ---- */

/* Of the last burst; outside the measured time. */
static void account(struct slu_carrier *carrier)
{
	for (size_t i = 0; i < carrier->burst_count; i++)
		slu_carrier_count(carrier, slu_records_at(&carrier->records, i));
	carrier->burst_count = 0;
}

static void prepare(void *context)
{
	struct slu_carrier *carrier = context;

	account(carrier);
	if (carrier->waits)
		carrier->wait(carrier);
	slu_records_renew(&carrier->records);
}

static size_t burst(void *context)
{
	struct slu_carrier *carrier = context;

	carrier->burst_count = carrier->burst(carrier->self, carrier->records.bytes,
	                                      carrier->records.stride, SLU_MEASURE_BURST);
	return carrier->burst_count;
}

void slu_carrier_measure(struct slu_carrier *carrier, struct slu_measure *measure,
                         struct slu_measure_row *row, size_t count, uint64_t pause_ns)
{
	const struct slu_measure_work work = {prepare, burst, carrier, pause_ns};

	carrier->refused += slu_measure_bursts(measure, row, count, &work);
	account(carrier);
}

void slu_carrier_fill(struct slu_carrier *carrier, uint64_t count)
{
	const uint64_t until = carrier->put_count + count;
	uint64_t waited = carrier->put_count;
	double moved = slu_measure_seconds();

	while (carrier->put_count < until) {
		/* Who never looks for room must not need any. */
		if (carrier->put_count - waited + SLU_MEASURE_BURST > carrier->plan.slots / 2) {
			carrier->wait(carrier);
			waited = carrier->put_count;
		}
		slu_records_renew(&carrier->records);
		if (burst(carrier) > 0)
			moved = slu_measure_seconds();
		else if (slu_measure_seconds() - moved > STUCK_SECONDS)
			slu_measure_fail("%s takes no records any more", carrier->name);
		else
			carrier->wait(carrier);
		account(carrier);
	}
}

/* ---- close ---- */

uint64_t slu_carrier_close(struct slu_carrier *carrier)
{
	uint64_t refused = carrier->refused;

	if (!carrier->close(carrier))
		slu_measure_fail("%s: what came out is not what went in: %llu records",
		                 carrier->name, (unsigned long long)carrier->put_count);
	free(carrier);
	return refused;
}
