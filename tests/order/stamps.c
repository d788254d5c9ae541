/* SPDX-License-Identifier: MIT */
/*
 * stamps.c - of two versions of a key, the later never bears the earlier stamp (core/engine.c, E12).
 *
 * Engines put one key at full speed, and each moves the flush epoch on after every put, in the place of
 * the flusher, which has ended. So nothing is ever drained: afterwards every slot is still there to be
 * looked at.
 */
#include "core/instance.h"

#include <sluice/sink.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINES 3
#define PUTS 500000

struct number {
	uint64_t key, value;
};

static const struct sluice_column columns[] = {{.name = "key", .type = SLUICE_INT8, .size = 8}};
static const struct sluice_stream numbers = {
	.name = "numbers",
	.kind = SLUICE_STATE,
	.key_size = 8,
	.key_column_count = 1,
	.layout = {.columns = columns, .size = sizeof(struct number), .column_count = 1},
};
static const struct sluice_stream *const streams[] = {&numbers};
static const struct sluice_streams set = {.name = "numbers", .streams = streams, .count = 1};

struct mark {
	uint64_t version, epoch;
};

static struct sluice *sluice;
static pthread_barrier_t attached; /* a lane is not leased again while the others still attach */
static struct mark marks[ENGINES * PUTS];
static size_t mark_count;

static void fail(const char *what)
{
	fprintf(stderr, "stamps: %s\n", what);
	exit(1);
}

static void *engine(void *argument)
{
	struct sluice_error error;
	struct sluice_lane *lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);
	struct number number = {.key = 1};

	if (lane == NULL)
		fail(error.message);
	pthread_barrier_wait(&attached);
	for (number.value = 0; number.value < PUTS; number.value++) {
		enum sluice_status status = sluice_put(lane, &numbers, &number, sizeof(number),
		                                       NULL);

		if (status != SLUICE_OK)
			fail(sluice_status_name(status));
		atomic_fetch_add(&sluice->epoch.now, 1);
	}
	return argument;
}

static int by_version(const void *a, const void *b)
{
	const struct mark *left = a, *right = b;

	return left->version < right->version ? -1 : left->version > right->version;
}

static void collect(const struct sluice_lane *lane)
{
	const struct slu_slot *slot;

	for (uint64_t p = 0; (slot = slu_lane_peek(lane, p)) != NULL; p++)
		marks[mark_count++] = (struct mark){slot->version, slot->epoch};
}

int main(void)
{
	struct sluice_error error;
	pthread_t engines[ENGINES];

	sluice = sluice_open(sluice_null_open(), &set,
	                     "lanes=3 shared_lanes=0 lane_slots=524288 keys=16", &error);
	if (sluice == NULL)
		fail(error.message);
	slu_instance_stop(sluice, 1);
	pthread_barrier_init(&attached, NULL, ENGINES);
	for (size_t i = 0; i < ENGINES; i++)
		pthread_create(&engines[i], NULL, engine, NULL);
	for (size_t i = 0; i < ENGINES; i++)
		pthread_join(engines[i], NULL);
	for (size_t i = 0; i < ENGINES; i++)
		collect(&sluice->lanes[i]);
	if (mark_count != (size_t)ENGINES * PUTS)
		fail("not every put is there");
	qsort(marks, mark_count, sizeof(marks[0]), by_version);
	for (size_t i = 1; i < mark_count; i++) {
		if (marks[i].version == marks[i - 1].version)
			fail("two puts have one version");
		if (marks[i].epoch < marks[i - 1].epoch)
			fail("a later version bears an earlier stamp");
	}
	printf("stamps: %zu versions over %llu epochs\n", mark_count,
	       (unsigned long long)slu_epoch_now(&sluice->epoch));
	fflush(stdout);
	_Exit(0); /* there is no flusher to close */
}
