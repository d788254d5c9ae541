/* SPDX-License-Identifier: MIT */
/* window.c - slot by slot: is it there, and can an engine have written it? */
#include "core/file/window.h"

#include "core/lane.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EPOCH_MAX (UINT64_MAX / 2)

bool slu_reader_judge(struct slu_reader *reader, enum slu_verdict verdict, const char *format, ...)
{
	va_list arguments;

	reader->verdict = verdict;
	va_start(arguments, format);
	vsnprintf(reader->reason, sizeof(reader->reason), format, arguments);
	va_end(arguments);
	return false;
}

/* A slot's header as it is in the file. */
static void get_slot(struct slu_slot *slot, const struct slu_reader *reader,
                     const unsigned char *slots, uint64_t index)
{
	memcpy(slot, slots + index * reader->slot_size, sizeof(*slot));
}

/* Beyond EPOCH_MAX no cut would ever reach the record, and it would be left behind in silence. */
static const char *stamp_fault(const struct slu_slot *slot, uint64_t epoch_before)
{
	if (slot->epoch == 0 || slot->epoch > EPOCH_MAX)
		return "has a stamp that no run gives";
	if (slot->epoch < epoch_before)
		return "is stamped earlier than the one before it";
	return NULL;
}

/* What is wrong with a slot that is held; NULL: nothing. */
static const char *fault_of(const struct slu_reader *reader, const struct slu_slot *slot,
                            uint64_t epoch_before)
{
	const struct sluice_stream *stream;
	unsigned flags = slu_slot_flags(slot), flags_known = 0;

	if (slot->stream >= reader->streams->count)
		return "names a stream that is not there";
	stream = reader->streams->streams[slot->stream];
	if (slot->length > stream->layout.size ||
	    slot->length < (size_t)stream->key_offset + stream->key_size)
		return "has a length that its stream does not allow";
	if ((slot->version != 0) != (stream->kind == SLUICE_STATE) ||
	    slot->version > SLU_VERSION_MAX)
		return "has a version that its stream does not allow";
	if (stream->kind == SLUICE_STATE)
		flags_known = SLU_SLOT_REMOVED | SLU_SLOT_STALE;
	if ((flags & ~flags_known) != 0)
		return "has flags that its stream does not allow";
	return stamp_fault(slot, epoch_before);
}

uint64_t slu_window_end(const struct slu_reader *reader, const unsigned char *slots)
{
	uint64_t largest = 0;

	for (uint64_t i = 0; i < reader->slot_count; i++) {
		struct slu_slot slot;

		get_slot(&slot, reader, slots, i);
		if (slot.seq > largest)
			largest = slot.seq;
	}
	return largest;
}

bool slu_window_check(struct slu_reader *reader, uint64_t lane, const unsigned char *slots)
{
	const struct slu_reader_lane *held = &reader->lanes[lane];
	uint64_t mask = reader->slot_count - 1, epoch = 0;

	for (uint64_t p = held->first; p < held->end; p++) {
		struct slu_slot slot;
		const char *fault;

		get_slot(&slot, reader, slots, p & mask);
		if (slot.seq != p + 1)
			return slu_reader_judge(reader, SLU_FILE_HOLE,
			                        "record %" PRIu64 " of lane %" PRIu64
			                        " is not there, but %" PRIu64 " after it are",
			                        p + 1, lane, held->end - p - 1);
		fault = fault_of(reader, &slot, epoch);
		if (fault != NULL)
			return slu_reader_judge(reader, SLU_FILE_DAMAGED,
			                        "record %" PRIu64 " of lane %" PRIu64 " %s", p + 1,
			                        lane, fault);
		epoch = slot.epoch;
	}
	/* What was never reached in the first lap was never written. */
	for (uint64_t i = held->end; i < reader->slot_count; i++) {
		struct slu_slot slot;

		get_slot(&slot, reader, slots, i);
		if (slot.seq != 0)
			return slu_reader_judge(reader, SLU_FILE_HOLE,
			                        "slot %" PRIu64 " of lane %" PRIu64
			                        " was never reached, but "
			                        "is not empty",
			                        i, lane);
	}
	return true;
}
