/* SPDX-License-Identifier: MIT */
/* lanes_record.c - a lane's slots are loaded as they lie in the file, then walked by position. What
 * is used as an index or a size has been checked by the reader, and is checked here again: between
 * its look and ours, the file may have changed. */
#include "cli/lanes_record.h"

#include "core/lane.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that a field of a fixed size may need beyond a record, wherever the file says it is. */
#define SLACK 64

struct walk {
	struct slu_reader *reader;
	bool (*visit)(void *context, const struct slu_lanes_record *record);
	void *context;
	unsigned char *slots; /* one lane's */
	unsigned char bytes[SLUICE_RECORD_SIZE_MAX + SLACK];
};

static enum sluice_status changed(const struct slu_reader *reader, struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED,
	                        "%s changed while it was read: look again, and at who writes to it",
	                        reader->name);
}

/* Fills `record` from the slot at its position. False: it is not what was judged. */
static bool take(struct walk *walk, struct slu_lanes_record *record)
{
	const struct slu_reader *reader = walk->reader;
	uint64_t place = (record->sequence - 1) & (reader->slot_count - 1);
	const unsigned char *slot = walk->slots + place * reader->slot_size;
	struct slu_slot head;

	memcpy(&head, slot, sizeof(head));
	if (head.stream >= reader->streams->count)
		return false;
	record->stream = reader->streams->streams[head.stream];
	if (head.length > record->stream->layout.size ||
	    head.length > reader->slot_size - sizeof(head))
		return false;
	record->version = head.version;
	record->removed = (slu_slot_flags(&head) & SLU_SLOT_REMOVED) != 0;
	memset(walk->bytes, 0, sizeof(walk->bytes));
	memcpy(walk->bytes, slot + sizeof(head), head.length);
	record->bytes = walk->bytes;
	return true;
}

static enum sluice_status walk_lane(struct walk *walk, uint64_t lane, bool *go_on,
                                    struct sluice_error *error)
{
	const struct slu_reader_lane *held = &walk->reader->lanes[lane];
	enum sluice_status status = slu_reader_load(walk->reader, lane, walk->slots, error);

	if (status != SLUICE_OK)
		return status;
	if (walk->reader->verdict != SLU_FILE_SOUND)
		return changed(walk->reader, error);
	for (uint64_t p = held->first; p < held->end && *go_on; p++) {
		struct slu_lanes_record record = {
			.lane = lane, .sequence = p + 1, .acknowledged = p < held->acknowledged};

		if (!take(walk, &record))
			return changed(walk->reader, error);
		*go_on = walk->visit(walk->context, &record);
	}
	return SLUICE_OK;
}

enum sluice_status slu_lanes_walk(struct slu_reader *reader,
                                  bool (*visit)(void *context,
                                                const struct slu_lanes_record *record),
                                  void *context, struct sluice_error *error)
{
	struct walk walk = {.reader = reader, .visit = visit, .context = context};
	enum sluice_status status = SLUICE_OK;
	bool go_on = true;

	walk.slots = malloc(reader->slot_count * reader->slot_size);
	if (walk.slots == NULL)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "no memory for a lane of %s: %" PRIu64 " bytes",
		                        reader->name, reader->slot_count * reader->slot_size);
	for (uint64_t lane = 0; lane < reader->lane_count && go_on && status == SLUICE_OK; lane++)
		status = walk_lane(&walk, lane, &go_on, error);
	free(walk.slots);
	return status;
}
