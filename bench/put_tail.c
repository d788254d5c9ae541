/* SPDX-License-Identifier: MIT */
/*
 * How long does the slowest put take, beside an empty loop on the same processor?
 *
 * Open loop: puts are due on a fixed grid, 10,000, 100,000 or 1,000,000 a second, and a sample is
 * the time from when one was due until it is done. So a put that comes late because the one before
 * it was slow, or because the processor did something else, counts in full. The empty loop has the
 * same grid and the same clock, and puts nothing: what it shows is the machine's.
 */
#include "bench/carrier.h"

#include <stdlib.h>

#define SIZE 128
#define SLOTS 65536 /* what comes in while the consumer is not scheduled */
#define POLL_NS 50000
#define ROUNDS 10
#define ROUNDS_QUICK 3
#define SECONDS 1.0 /* a round and row */
#define SECONDS_QUICK 0.4

struct way {
	const char *name;
	enum slu_measure_role role;
	enum slu_carrier_kind kind;
	bool on_tmpfs;
};

static const struct way ways[] = {
	{"empty loop", SLU_LIMIT, SLU_NOTHING, false},
	{"SPSC of rigtorp's design", SLU_PEER, SLU_SPSC, false},
	{"append put", SLU_SUBJECT, SLU_SLUICE, false},
	{"append put, lane on tmpfs", SLU_SUBJECT, SLU_SLUICE, true},
};

struct rate {
	size_t per_second;
	const char *name;
};

static const struct rate rates[] = {
	{10000, "10,000/s"}, {100000, "100,000/s"}, {1000000, "1,000,000/s"}};

#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))
#define ROW_COUNT (WAY_COUNT * sizeof(rates) / sizeof(rates[0]))

struct bench {
	struct slu_measure measure;
	char names[ROW_COUNT][64];
	struct slu_measure_row *rows[ROW_COUNT]; /* WAY_COUNT a rate */
	uint64_t *ticks;                         /* of the running row */
	size_t tick_max;
	uint64_t refused;
};

/* ---- the loop ---- */

static void wait_until(uint64_t due)
{
	while (slu_measure_ticks_begin() < due)
		;
}

/* Fills bench->ticks with how late each of `count` puts was done. */
static void run_grid(struct bench *bench, struct slu_carrier *carrier, size_t count, double period)
{
	uint64_t began = slu_measure_ticks_begin() + (uint64_t)period;
	uint64_t number = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t due = began + (uint64_t)((double)i * period);
		void *record = slu_records_at(&carrier->records, i % SLU_MEASURE_BURST);
		bool taken;

		number++;
		memcpy(record, &number, sizeof(number));
		wait_until(due);
		taken = slu_carrier_put(carrier, record);
		bench->ticks[i] = slu_measure_ticks_end() - due;
		if (taken)
			slu_carrier_count(carrier, record);
		else
			bench->refused++;
	}
}

static void run_row(struct bench *bench, size_t index)
{
	const struct way *way = &ways[index % WAY_COUNT];
	const struct rate *rate = &rates[index / WAY_COUNT];
	double seconds = bench->measure.quick ? SECONDS_QUICK : SECONDS;
	size_t count = (size_t)((double)rate->per_second * seconds);
	double period = 1e9 / (double)rate->per_second / bench->measure.ns_per_tick;
	const struct slu_carrier_plan plan = {.kind = way->kind,
	                                      .size = SIZE,
	                                      .slots = SLOTS,
	                                      .poll_ns = POLL_NS,
	                                      .on_tmpfs = way->on_tmpfs};
	struct slu_carrier *carrier = slu_carrier_open(&bench->measure, way->name, &plan);

	if (way->kind != SLU_NOTHING)
		slu_carrier_fill(carrier, SLOTS);
	run_grid(bench, carrier, count, period);
	slu_carrier_close(carrier);
	for (size_t i = 0; i < count; i++)
		slu_measure_add(&bench->measure, bench->rows[index],
		                (double)bench->ticks[i] * bench->measure.ns_per_tick);
}

/* ---- rows, rounds ---- */

static void add_rows(struct bench *bench)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct way *way = &ways[i % WAY_COUNT];
		const struct slu_measure_row *empty = bench->rows[i - i % WAY_COUNT];

		snprintf(bench->names[i], sizeof(bench->names[i]), "%s, %s", way->name,
		         rates[i / WAY_COUNT].name);
		bench->rows[i] = slu_measure_row(&bench->measure, bench->names[i], way->role,
		                                 i % WAY_COUNT == 0 ? NULL : empty);
	}
}

int main(int argc, char **argv)
{
	struct bench *bench = slu_measure_allocate(1, sizeof(*bench));
	struct slu_measure *measure = &bench->measure;
	int status;

	slu_measure_begin(measure, argc, argv,
	                  "How long does the slowest put take, beside an empty loop on the same "
	                  "processor?",
	                  "ns from when it was due");
	slu_measure_set_rounds(measure, measure->quick ? ROUNDS_QUICK : ROUNDS);
	measure->tail = true;
	add_rows(bench);
	bench->tick_max = 1000000;
	bench->ticks = slu_measure_allocate(bench->tick_max, sizeof(*bench->ticks));
	memset(bench->ticks, 1, bench->tick_max * sizeof(*bench->ticks)); /* no fault on the grid */
	for (size_t round = 0; round < measure->rounds; round++) {
		if (round > 0)
			slu_measure_next_round(measure);
		for (size_t i = 0; i < ROW_COUNT; i++)
			run_row(bench, slu_measure_turn(measure, i, ROW_COUNT));
	}
	slu_measure_note(measure,
	                 "records of %d bytes; %d slots; drained every %d us; %llu puts were "
	                 "refused for want of a slot, and counted as done",
	                 SIZE, SLOTS, POLL_NS / 1000, (unsigned long long)bench->refused);
	status = slu_measure_end(measure);
	free(bench->ticks);
	free(bench);
	return status;
}
