/* SPDX-License-Identifier: MIT */
/*
 * What does a put cost as records and rings grow, beside other queues?
 *
 * As put_latency measures: bursts of 20, the consumer on the other processor. First records of 64
 * to 1,024 bytes in rings of 2,048 slots, then rings of 2^8 to 2^20 slots with records of 128
 * bytes. Before it is measured each ring has gone round once, so that its slots are where they are
 * after hours: in a cache that holds the whole ring, or not.
 */
#include "bench/contest.h"

#include <stdlib.h>

#define POLL_NS 50000
#define PAUSE_NS 200000
#define ROUNDS 20
#define ROUNDS_QUICK 3
#define BURSTS 150 /* a round and row */
#define BURSTS_QUICK 50
#define NAME_SIZE 64

struct point {
	size_t size, slots;
	bool quick; /* measured also then */
};

static const struct point points[] = {
	{64, 2048, false},    {128, 2048, true},     {256, 2048, false},    {512, 2048, false},
	{1024, 2048, true},   {128, 256, true},      {128, 1 << 10, false}, {128, 1 << 12, false},
	{128, 1 << 14, true}, {128, 1 << 16, false}, {128, 1 << 18, false}, {128, 1 << 20, true},
};

#define POINT_COUNT (sizeof(points) / sizeof(points[0]))

struct way {
	const char *name;
	enum slu_measure_role role;
	enum slu_carrier_kind kind;
};

static const struct way ways[] = {
	{"copy", SLU_BASELINE, SLU_COPY}, {"rigtorp's design", SLU_PEER, SLU_SPSC},
	{"boost", SLU_PEER, SLU_BOOST},   {"moodycamel", SLU_PEER, SLU_MOODYCAMEL},
	{"ck_ring", SLU_PEER, SLU_CK},    {"append put", SLU_SUBJECT, SLU_SLUICE},
};

#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

struct field {
	char names[POINT_COUNT * WAY_COUNT][NAME_SIZE];
	struct slu_contestant contestants[POINT_COUNT * WAY_COUNT];
	size_t count;
};

static void add_point(struct field *field, const struct point *point)
{
	int baseline = (int)field->count;

	for (size_t i = 0; i < WAY_COUNT; i++) {
		char *name = field->names[field->count];

		snprintf(name, NAME_SIZE, "%s, %zu bytes, %zu slots", ways[i].name, point->size,
		         point->slots);
		field->contestants[field->count++] = (struct slu_contestant){
			.name = name,
			.role = ways[i].role,
			.baseline = i == 0 ? -1 : baseline,
			.plan = {.kind = ways[i].kind,
		                 .size = point->size,
		                 .slots = point->slots,
		                 .poll_ns = POLL_NS},
		};
	}
}

int main(int argc, char **argv)
{
	struct field *field = slu_measure_allocate(1, sizeof(*field));
	struct slu_contest contest = {.contestants = field->contestants, .pause_ns = PAUSE_NS};
	struct slu_measure measure;
	int status;

	slu_measure_begin(&measure, argc, argv,
	                  "What does a put cost as records and rings grow, beside other queues?",
	                  "ns a put");
	slu_measure_set_rounds(&measure, measure.quick ? ROUNDS_QUICK : ROUNDS);
	for (size_t i = 0; i < POINT_COUNT; i++)
		if (points[i].quick || !measure.quick)
			add_point(field, &points[i]);
	contest.count = field->count;
	contest.bursts = measure.quick ? BURSTS_QUICK : BURSTS;
	slu_contest_run(&contest, &measure);
	for (size_t i = WAY_COUNT - 1; i < contest.count; i += WAY_COUNT)
		slu_measure_note_best(&measure, contest.rows[i]);
	slu_measure_note_caches(&measure);
	status = slu_measure_end(&measure);
	free(field);
	return status;
}
