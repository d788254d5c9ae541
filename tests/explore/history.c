/* SPDX-License-Identifier: MIT */
/* history.c - the lists of messages. They, and the snapshots, lie in pools that each run takes
 * anew. */
#include "history.h"

#include <string.h>

#define BUCKETS 2048
#define MESSAGES 32768 /* in a run */
#define SNAPSHOTS 16384

static struct location locations[LOCATIONS], *buckets[BUCKETS];
static unsigned location_count;
static uint32_t run;

static struct message messages[MESSAGES];
static unsigned message_count;
static struct snapshot snapshots[SNAPSHOTS];
static unsigned snapshot_count;

/* ---- views ---- */

void view_join(struct view *view, const struct view *other)
{
	for (unsigned i = 0; i < location_count; i++)
		if (view->at[i] < other->at[i])
			view->at[i] = other->at[i];
}

void view_see_all(struct view *view)
{
	for (unsigned i = 0; i < location_count; i++)
		view->at[i] = locations[i].run == run ? (uint16_t)locations[i].newest->number : 0;
}

struct snapshot *history_snapshot(const struct view *view, const struct clock *clock)
{
	struct snapshot *snapshot = &snapshots[snapshot_count++];

	if (snapshot_count == SNAPSHOTS)
		schedule_found("no end: more ordered stores than a run may have");
	memcpy(snapshot->view.at, view->at, location_count * sizeof(view->at[0]));
	memset(&snapshot->view.at[location_count], 0,
	       (LOCATIONS - location_count) * sizeof(view->at[0]));
	snapshot->clock = *clock;
	return snapshot;
}

/* ---- locations and messages ---- */

void history_reset(void)
{
	run++;
	message_count = 0;
	snapshot_count = 0;
}

void history_forget(void)
{
	memset(buckets, 0, sizeof(buckets));
	location_count = 0;
	history_reset();
}

struct location *history_location_number(unsigned index)
{
	return index < location_count ? &locations[index] : NULL;
}

bool history_touched(const struct location *location)
{
	return location->run == run;
}

struct location *history_location(uintptr_t address)
{
	size_t bucket = (address ^ address >> 9) % BUCKETS;

	while (buckets[bucket] != NULL && buckets[bucket]->address != address)
		bucket = (bucket + 1) % BUCKETS;
	if (buckets[bucket] == NULL) {
		if (location_count == LOCATIONS)
			schedule_found("too many atomic locations for the machine");
		buckets[bucket] = &locations[location_count];
		*buckets[bucket] = (struct location){.address = address, .index = location_count};
		location_count++;
	}
	return buckets[bucket];
}

struct message *history_append(struct location *location, uint64_t value, uint32_t time)
{
	struct message *message = &messages[message_count++];

	if (message_count == MESSAGES)
		schedule_found("no end: more stores than a run may have");
	*message = (struct message){.value = value, .time = time};
	if (location->run == run) {
		message->number = location->newest->number + 1;
		message->before = location->newest;
	}
	location->run = run;
	location->newest = message;
	return message;
}
