/* SPDX-License-Identifier: MIT */
/*
 * What does a put cost as lanes grow?
 *
 * One engine thread has leased all lanes, and each burst of 20 goes to the next: so the lanes'
 * memory comes by as often as that of as many engines, and the flusher looks into as many. The
 * baseline is a plain copy into one ring with as many slots as all lanes together. (As keys grow:
 * state_put_latency.)
 */
#include "bench/contest.h"

#define SLOTS 2048 /* a lane */
#define POLL_NS 50000
#define PAUSE_NS 200000
#define ROUNDS 20
#define ROUNDS_QUICK 4
#define BURSTS 250 /* a round and row */
#define BURSTS_QUICK 100

#define CARRIES(kind_, slots_) .kind = (kind_), .size = 128, .slots = (slots_), .poll_ns = POLL_NS
#define SLOTS_OF(count) CARRIES(SLU_COPY, (count)*SLOTS)
#define LANES(count) CARRIES(SLU_SLUICE, SLOTS), .lanes = (count)

/* Pairs: of each put the baseline is the row before. */
static const struct slu_contestant contestants[] = {
	{"copy, slots of 1 lane", SLU_BASELINE, -1, {SLOTS_OF(1)}},
	{"append put, 1 lane", SLU_SUBJECT, 0, {LANES(1)}},
	{"copy, slots of 2 lanes", SLU_BASELINE, -1, {SLOTS_OF(2)}},
	{"append put, 2 lanes", SLU_SUBJECT, 2, {LANES(2)}},
	{"copy, slots of 4 lanes", SLU_BASELINE, -1, {SLOTS_OF(4)}},
	{"append put, 4 lanes", SLU_SUBJECT, 4, {LANES(4)}},
	{"copy, slots of 8 lanes", SLU_BASELINE, -1, {SLOTS_OF(8)}},
	{"append put, 8 lanes", SLU_SUBJECT, 6, {LANES(8)}},
	{"copy, slots of 16 lanes", SLU_BASELINE, -1, {SLOTS_OF(16)}},
	{"append put, 16 lanes", SLU_SUBJECT, 8, {LANES(16)}},
	{"copy, slots of 32 lanes", SLU_BASELINE, -1, {SLOTS_OF(32)}},
	{"append put, 32 lanes", SLU_SUBJECT, 10, {LANES(32)}},
	{"copy, slots of 64 lanes", SLU_BASELINE, -1, {SLOTS_OF(64)}},
	{"append put, 64 lanes", SLU_SUBJECT, 12, {LANES(64)}},
};

int main(int argc, char **argv)
{
	struct slu_contest contest = {
		.contestants = contestants,
		.count = sizeof(contestants) / sizeof(contestants[0]),
		.pause_ns = PAUSE_NS,
	};
	struct slu_measure measure;

	slu_measure_begin(&measure, argc, argv, "What does a put cost as lanes grow?", "ns a put");
	slu_measure_set_rounds(&measure, measure.quick ? ROUNDS_QUICK : ROUNDS);
	contest.bursts = measure.quick ? BURSTS_QUICK : BURSTS;
	slu_contest_run(&contest, &measure);
	slu_measure_note(&measure, "records of 128 bytes; %d slots a lane; drained every %d us",
	                 SLOTS, POLL_NS / 1000);
	slu_measure_note_caches(&measure);
	return slu_measure_end(&measure);
}
