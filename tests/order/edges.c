/* SPDX-License-Identifier: MIT */
/*
 * edges.c - two engines, two guests on a shared lane, a reader and the flusher at full speed over
 * few slots and few keys, for ThreadSanitizer to watch.
 *
 * Every edge of core/ that carries plain bytes is crossed many thousand times: slots wrap, keys are
 * put by both engines and read by all, clean copies are overwritten. tests/order/relax runs this
 * program again with each of those edges relaxed, and wants it caught. A record is one number in
 * every field, so a torn one is seen without a sanitizer, too.
 */
#include <sluice/sink.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define KEYS 4
#define PUTS 30000
#define GUEST_PUTS 5000
#define ALL_PUTS (2 * PUTS + 2 * GUEST_PUTS)
#define WORDS 12

struct number {
	uint64_t key;
	uint64_t words[WORDS];
};

static const struct sluice_column number_columns[] = {
	{.name = "key", .type = SLUICE_INT8, .size = 8},
};

static const struct sluice_stream numbers = {
	.name = "numbers",
	.kind = SLUICE_STATE,
	.index = 0,
	.layout.size = sizeof(struct number),
	.key_offset = 0,
	.key_size = 8,
	.layout.columns = number_columns,
	.layout.column_count = 1,
	.key_column_count = 1,
};

static const struct sluice_stream *const streams[] = {&numbers};
static const struct sluice_streams number_streams = {
	.name = "numbers", .streams = streams, .count = 1};

static struct sluice *sluice;
static _Atomic bool stop;

static void fail(const char *what)
{
	fprintf(stderr, "edges: %s\n", what);
	exit(1);
}

static struct sluice_lane *attach(void)
{
	struct sluice_error error;
	struct sluice_lane *lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);

	if (lane == NULL)
		fail(error.message);
	return lane;
}

static void check_get(struct sluice_lane *lane, uint64_t key, uint64_t *last)
{
	struct number got;
	uint64_t version;

	if (sluice_get(lane, &numbers, &key, &got, &version) != SLUICE_OK)
		return;
	for (size_t i = 0; i < WORDS; i++)
		if (got.words[i] != got.words[0])
			fail("a torn record");
	if (got.key != key)
		fail("another key's record");
	if (version < last[key])
		fail("an older version after a newer one");
	last[key] = version;
}

static void *engine(void *argument)
{
	struct sluice_lane *lane = attach();
	uint64_t base = (uint64_t)(uintptr_t)argument << 32, last[KEYS] = {0};

	for (uint64_t n = 0; n < PUTS; n++) {
		struct number number = {.key = n % KEYS};

		for (size_t i = 0; i < WORDS; i++)
			number.words[i] = base + n;
		while (sluice_put(lane, &numbers, &number, sizeof(number), NULL) == SLUICE_FULL)
			sched_yield();
		check_get(lane, (n * 7 + 1) % KEYS, last);
	}
	sluice_detach(lane);
	return NULL;
}

static void *reader(void *argument)
{
	struct sluice_lane *lane = attach();
	uint64_t last[KEYS] = {0};

	while (!atomic_load(&stop))
		for (uint64_t key = 0; key < KEYS; key++)
			check_get(lane, key, last);
	sluice_detach(lane);
	return argument;
}

/* Has no lane of its own: each put borrows the one that is shared. */
static void *guest(void *argument)
{
	struct sluice_error error;
	struct sluice_lane *handle = sluice_shared(sluice, &error);
	uint64_t base = (uint64_t)(uintptr_t)argument << 32;

	if (handle == NULL)
		fail(error.message);
	for (uint64_t n = 0; n < GUEST_PUTS; n++) {
		struct number number = {.key = n % KEYS};

		for (size_t i = 0; i < WORDS; i++)
			number.words[i] = base + n;
		while (sluice_put(handle, &numbers, &number, sizeof(number), NULL) == SLUICE_FULL)
			sched_yield();
	}
	return NULL;
}

int main(void)
{
	struct sluice_error error;
	struct sluice_report report;
	pthread_t engines[2], guests[2], reading;

	sluice = sluice_open(
		sluice_null_open(), &number_streams,
		"lanes=3 shared_lanes=1 lane_slots=64 keys=16 flush_delay=0 flush_rows=16", &error);
	if (sluice == NULL)
		fail(error.message);
	pthread_create(&reading, NULL, reader, NULL);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&engines[i], NULL, engine, (void *)(i + 1));
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&guests[i], NULL, guest, (void *)(i + 3));
	for (size_t i = 0; i < 2; i++) {
		pthread_join(engines[i], NULL);
		pthread_join(guests[i], NULL);
	}
	atomic_store(&stop, true);
	pthread_join(reading, NULL);
	if (sluice_close(sluice, sluice_seconds(30), &report) != SLUICE_OK)
		fail("close left something pending");
	if (report.account.accepted != ALL_PUTS ||
	    report.account.committed + report.account.coalesced != ALL_PUTS)
		fail("the account does not add up");
	printf("edges: %llu accepted, %llu committed, %llu coalesced\n",
	       (unsigned long long)report.account.accepted,
	       (unsigned long long)report.account.committed,
	       (unsigned long long)report.account.coalesced);
	return 0;
}
