/* SPDX-License-Identifier: MIT */
/*
 * How many records a second pass from the engine thread to a consumer on the other processor,
 * beside other queues?
 *
 * Both ends run as fast as they can, each on its own processor: the clock runs from the first put
 * until all has been read. A put that finds no room is tried again. Sluice's flusher gathers, cuts
 * and batches as always, into a sink that reads every byte and commits at once; the others'
 * consumers read every byte.
 */
#include "bench/carrier.h"

#include <stdlib.h>

#define SIZE 128
#define RECORDS 2000000 /* a round and row */
#define RECORDS_QUICK 500000
#define ROUNDS 20
#define ROUNDS_QUICK 4

struct way {
	const char *name;
	enum slu_measure_role role;
	enum slu_carrier_kind kind;
	bool null_sink;
};

/* The first is whom the ratios are to. */
static const struct way ways[] = {
	{"SPSC of rigtorp's design", SLU_PEER, SLU_SPSC, false},
	{"boost spsc_queue", SLU_PEER, SLU_BOOST, false},
	{"moodycamel", SLU_PEER, SLU_MOODYCAMEL, false},
	{"ck_ring", SLU_PEER, SLU_CK, false},
	{"Sluice", SLU_SUBJECT, SLU_SLUICE, false},
	{"Sluice, null sink", SLU_SUBJECT, SLU_SLUICE, true},
};

static const size_t slot_counts[] = {2048, 16384};

#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))
#define ROW_COUNT (WAY_COUNT * sizeof(slot_counts) / sizeof(slot_counts[0]))
#define READING_SUBJECT 4

struct bench {
	struct slu_measure measure;
	char names[ROW_COUNT][64];
	struct slu_measure_row *rows[ROW_COUNT]; /* WAY_COUNT a slot count */
};

/* Puts numbered records, and accounts for them without reading them again. */
static void put_all(struct slu_carrier *carrier, uint64_t count)
{
	uint64_t rest_sums[SLU_MEASURE_BURST]; /* of the records without their numbers */

	for (size_t i = 0; i < SLU_MEASURE_BURST; i++) {
		const unsigned char *record = slu_records_at(&carrier->records, i);

		rest_sums[i] = slu_record_sum(record + 8, SIZE - 8);
	}
	for (uint64_t number = 0; number < count; number++) {
		size_t index = number % SLU_MEASURE_BURST;
		void *record = slu_records_at(&carrier->records, index);

		memcpy(record, &number, sizeof(number));
		while (!slu_carrier_put(carrier, record))
			slu_measure_rest();
		carrier->put_sum += number + rest_sums[index];
	}
	carrier->put_count += count;
}

static void run_row(struct bench *bench, size_t index)
{
	const struct way *way = &ways[index % WAY_COUNT];
	uint64_t count = bench->measure.quick ? RECORDS_QUICK : RECORDS;
	const struct slu_carrier_plan plan = {.kind = way->kind,
	                                      .size = SIZE,
	                                      .slots = slot_counts[index / WAY_COUNT],
	                                      .null_sink = way->null_sink};
	struct slu_carrier *carrier = slu_carrier_open(&bench->measure, way->name, &plan);
	double began;

	slu_carrier_fill(carrier, plan.slots);
	carrier->wait(carrier);
	began = slu_measure_seconds();
	put_all(carrier, count);
	carrier->wait(carrier);
	slu_measure_add(&bench->measure, bench->rows[index],
	                (double)count / (slu_measure_seconds() - began) / 1e6);
	slu_carrier_close(carrier);
}

static void add_rows(struct bench *bench)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct way *way = &ways[i % WAY_COUNT];
		const struct slu_measure_row *first = bench->rows[i - i % WAY_COUNT];

		snprintf(bench->names[i], sizeof(bench->names[i]), "%s, %zu slots", way->name,
		         slot_counts[i / WAY_COUNT]);
		bench->rows[i] = slu_measure_row(&bench->measure, bench->names[i], way->role,
		                                 i % WAY_COUNT == 0 ? NULL : first);
	}
}

int main(int argc, char **argv)
{
	struct bench *bench = slu_measure_allocate(1, sizeof(*bench));
	struct slu_measure *measure = &bench->measure;
	int status;

	slu_measure_begin(measure, argc, argv,
	                  "How many records a second pass from the engine thread to a consumer on "
	                  "the other processor, beside other queues?",
	                  "million records/s, more is better");
	slu_measure_set_rounds(measure, measure->quick ? ROUNDS_QUICK : ROUNDS);
	measure->more_is_better = true;
	add_rows(bench);
	for (size_t round = 0; round < measure->rounds; round++) {
		if (round > 0)
			slu_measure_next_round(measure);
		for (size_t i = 0; i < ROW_COUNT; i++)
			run_row(bench, slu_measure_turn(measure, i, ROW_COUNT));
	}
	for (size_t i = READING_SUBJECT; i < ROW_COUNT; i += WAY_COUNT)
		slu_measure_note_best(measure, bench->rows[i]);
	slu_measure_note(measure, "records of %d bytes; %d a round and row", SIZE,
	                 measure->quick ? RECORDS_QUICK : RECORDS);
	status = slu_measure_end(measure);
	free(bench);
	return status;
}
