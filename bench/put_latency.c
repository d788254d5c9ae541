/* SPDX-License-Identifier: MIT */
/*
 * What does a put cost the engine thread, beside a plain copy of the same bytes and beside other
 * queues?
 *
 * A sample is the mean of a burst of 20 puts, with a pause before each burst. Meanwhile the other
 * processor drains: for Sluice the flusher, into a sink that reads every byte and commits at once;
 * for the others a thread that looks as often and reads as much. All have 2,048 slots. Each round
 * builds each row anew, runs it, and checks that what went in came out.
 */
#include "bench/contest.h"

#define SLOTS 2048
#define POLL_NS 50000 /* of the flusher and of the other consumers */
#define PAUSE_NS 200000
#define ROUNDS 40
#define ROUNDS_QUICK 8
#define BURSTS 250 /* a round and row */
#define BURSTS_QUICK 100

#define CARRIES(kind_, record_, size_) \
	.kind = (kind_), .record = (record_), .size = (size_), .slots = SLOTS, .poll_ns = POLL_NS
#define PLAIN(kind) CARRIES(kind, SLU_RECORD_PLAIN, 128)
#define ON_TMPFS PLAIN(SLU_SLUICE), .on_tmpfs = true
#define EXECUTION(kind) CARRIES(kind, SLU_RECORD_EXECUTION, 0)

enum { COPY_128 = 1, PUT_128 = 7, COPY_280 = 9 };

static const struct slu_contestant contestants[] = {
	{"the clock's share", SLU_LIMIT, -1, {PLAIN(SLU_NOTHING)}},
	[COPY_128] = {"copy, 128 bytes", SLU_BASELINE, -1, {PLAIN(SLU_COPY)}},
	{"SPSC of rigtorp's design, 128 bytes", SLU_PEER, COPY_128, {PLAIN(SLU_SPSC)}},
	{"boost spsc_queue, 128 bytes", SLU_PEER, COPY_128, {PLAIN(SLU_BOOST)}},
	{"moodycamel, 128 bytes", SLU_PEER, COPY_128, {PLAIN(SLU_MOODYCAMEL)}},
	{"ck_ring, 128 bytes", SLU_PEER, COPY_128, {PLAIN(SLU_CK)}},
	{"spdlog, asynchronous, 128 bytes as text", SLU_PEER, COPY_128, {PLAIN(SLU_SPDLOG)}},
	[PUT_128] = {"append put, 128 bytes", SLU_SUBJECT, COPY_128, {PLAIN(SLU_SLUICE)}},
	{"append put, 128 bytes, lane on tmpfs", SLU_SUBJECT, PUT_128, {ON_TMPFS}},
	[COPY_280] = {"copy, 280 bytes", SLU_BASELINE, -1, {EXECUTION(SLU_COPY)}},
	{"append put, execution (280)", SLU_SUBJECT, COPY_280, {EXECUTION(SLU_SLUICE)}},
};

int main(int argc, char **argv)
{
	struct slu_contest contest = {
		.contestants = contestants,
		.count = sizeof(contestants) / sizeof(contestants[0]),
		.pause_ns = PAUSE_NS,
	};
	struct slu_measure measure;

	slu_measure_begin(&measure, argc, argv,
	                  "What does a put cost the engine thread, beside a plain copy of the same "
	                  "bytes and beside other queues?",
	                  "ns a put");
	slu_measure_set_rounds(&measure, measure.quick ? ROUNDS_QUICK : ROUNDS);
	contest.bursts = measure.quick ? BURSTS_QUICK : BURSTS;
	slu_contest_run(&contest, &measure);
	slu_measure_note_best(&measure, contest.rows[PUT_128]);
	slu_measure_note(&measure, "%d slots; drained every %d us", SLOTS, POLL_NS / 1000);
	return slu_measure_end(&measure);
}
