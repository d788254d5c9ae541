/* SPDX-License-Identifier: MIT */
/*
 * What does a put of an existing key cost, beside one lookup, two atomic writes and one copy, as
 * keys grow?
 *
 * A sample is the mean of a burst of 20 puts of keys drawn evenly, with a pause before each burst.
 * The baseline finds each key in a liburcu hash table of as many buckets, does two atomic
 * read-modify-writes on the line it found, and copies the same 384 bytes into a ring: what a state
 * put can't do without. The flusher drains Sluice's lane into a sink that reads every byte; a
 * thread that looks as often drains the ring.
 */
#include "bench/contest.h"

#define SLOTS 16384 /* a record of a state stream holds its slot for some tens of ms */
#define POLL_NS 50000
#define PAUSE_NS 200000
#define ROUNDS 10
#define ROUNDS_QUICK 3
#define BURSTS 500 /* a round and row */
#define BURSTS_QUICK 100
#define COUNT_SMALL 8               /* contestants: up to 1,000,000 keys */
#define LARGE_KB ((size_t)10 << 20) /* what 10,000,000 keys take */

#define CARRIES(kind_, keys_)                                                         \
	.kind = (kind_), .record = SLU_RECORD_ORDER, .keys = (keys_), .slots = SLOTS, \
	.poll_ns = POLL_NS

#define LEAST(keys) CARRIES(SLU_LOOKUP, keys)
#define PUT(keys) CARRIES(SLU_SLUICE, keys)

/* Pairs: of each put the baseline is the row before. */
static const struct slu_contestant contestants[] = {
	{"lookup, two writes, copy, 1,000 keys", SLU_BASELINE, -1, {LEAST(1000)}},
	{"state put, 1,000 keys", SLU_SUBJECT, 0, {PUT(1000)}},
	{"lookup, two writes, copy, 10,000 keys", SLU_BASELINE, -1, {LEAST(10000)}},
	{"state put, 10,000 keys", SLU_SUBJECT, 2, {PUT(10000)}},
	{"lookup, two writes, copy, 100,000 keys", SLU_BASELINE, -1, {LEAST(100000)}},
	{"state put, 100,000 keys", SLU_SUBJECT, 4, {PUT(100000)}},
	{"lookup, two writes, copy, 1,000,000 keys", SLU_BASELINE, -1, {LEAST(1000000)}},
	{"state put, 1,000,000 keys", SLU_SUBJECT, 6, {PUT(1000000)}},
	{"lookup, two writes, copy, 10,000,000 keys", SLU_BASELINE, -1, {LEAST(10000000)}},
	{"state put, 10,000,000 keys", SLU_SUBJECT, 8, {PUT(10000000)}},
};

/* As the kernel reckons: without driving anything else out. */
static size_t available_kb(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	size_t kb = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL &&
	       sscanf(line, "MemAvailable: %zu kB", &kb) != 1)
		;
	fclose(file);
	return kb;
}

int main(int argc, char **argv)
{
	struct slu_contest contest = {.contestants = contestants, .pause_ns = PAUSE_NS};
	const char *left_out = "";
	struct slu_measure measure;

	slu_measure_begin(&measure, argc, argv,
	                  "What does a put of an existing key cost, beside one lookup, two atomic "
	                  "writes and one copy, as keys grow?",
	                  "ns a put");
	slu_measure_set_rounds(&measure, measure.quick ? ROUNDS_QUICK : ROUNDS);
	contest.count = sizeof(contestants) / sizeof(contestants[0]);
	if (measure.quick)
		left_out = "; --quick leaves out 10,000,000 keys";
	else if (available_kb() < LARGE_KB)
		left_out = "; 10,000,000 keys need 10 GB of memory: left out";
	if (left_out[0] != '\0')
		contest.count = COUNT_SMALL;
	contest.bursts = measure.quick ? BURSTS_QUICK : BURSTS;
	slu_contest_run(&contest, &measure);
	slu_measure_note(&measure, "orders of 384 bytes; %d slots; drained every %d us%s", SLOTS,
	                 POLL_NS / 1000, left_out);
	slu_measure_note_caches(&measure);
	return slu_measure_end(&measure);
}
