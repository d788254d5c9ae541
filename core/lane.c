/* SPDX-License-Identifier: MIT */
/* lane.c - a lane's shape, and the engine's look at what the flusher has released. */
#include "core/lane.h"

#include <stddef.h>

#define MEMBER_AT(member) offsetof(struct sluice_lane, member)

_Static_assert(MEMBER_AT(spare) - MEMBER_AT(engine) == SLU_PAIR, "the engine's pair of lines");
_Static_assert(MEMBER_AT(dropped) - MEMBER_AT(spare) == SLU_PAIR, "the engine's second pair");
_Static_assert(MEMBER_AT(flusher) - MEMBER_AT(dropped) == SLU_PAIR, "the engine's third pair");
_Static_assert(MEMBER_AT(shape) - MEMBER_AT(flusher) == SLU_PAIR, "the flusher's pair of lines");

size_t slu_lane_slot_size(size_t record_size)
{
	size_t size = sizeof(struct slu_slot) + record_size;

	return (size + SLU_SLOT_ALIGN - 1) / SLU_SLOT_ALIGN * SLU_SLOT_ALIGN;
}

void slu_lane_init(struct sluice_lane *lane, uint32_t index, unsigned char *slots,
                   uint64_t slot_count, uint64_t slot_size, struct slu_lane_hint *hint)
{
	lane->shape.slots = slots;
	lane->shape.slot_mask = slot_count - 1;
	lane->shape.slot_size = slot_size;
	lane->shape.hint = hint;
	lane->shape.index = index;
	slu_lane_refuse(lane, SLUICE_UNATTACHED);
}

/* One comparison in reserve refuses for every reason: with room_until 0 no position has room. */
void slu_lane_refuse(struct sluice_lane *lane, enum sluice_status why)
{
	lane->engine.refusal = why;
	lane->engine.room_until = 0;
}

void slu_lane_admit(struct sluice_lane *lane)
{
	lane->engine.refusal = SLUICE_OK;
	lane->engine.room_until = 0;
}

enum sluice_status slu_lane_look_for_room(struct sluice_lane *lane)
{
	uint64_t position = slu_lane_position(lane);
	uint64_t released;

	if (lane->engine.refusal != SLUICE_OK)
		return lane->engine.refusal;
	released = atomic_load_explicit(&lane->flusher.released, memory_order_acquire); /* E2 */
	lane->engine.room_until = released + lane->shape.slot_mask + 1;
	return position < lane->engine.room_until ? SLUICE_OK : SLUICE_FULL;
}
