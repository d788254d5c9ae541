/* SPDX-License-Identifier: MIT */
/* lane.c - a lane's memory, and the engine's look at what the flusher has released. */
#include "core/lane.h"

#include <string.h>
#include <unistd.h>

#define MEMBER_AT(member) offsetof(struct sluice_lane, member)

_Static_assert(MEMBER_AT(spare) - MEMBER_AT(engine) == SLU_PAIR, "the engine's pair of lines");
_Static_assert(MEMBER_AT(flusher) - MEMBER_AT(spare) == SLU_PAIR, "the engine's second pair");
_Static_assert(MEMBER_AT(shape) - MEMBER_AT(flusher) == SLU_PAIR, "the flusher's pair of lines");
_Static_assert(sizeof(struct slu_lane_header) <= SLU_LANE_HEADER_SIZE, "one page");

static uint64_t slot_size_of(size_t record_size)
{
	size_t size = sizeof(struct slu_slot) + record_size;

	return (size + SLU_CACHE_LINE - 1) / SLU_CACHE_LINE * SLU_CACHE_LINE;
}

bool slu_lane_open(struct sluice_lane *lane, struct slu_env *env, uint32_t index,
                   uint64_t slot_count, size_t record_size, const struct sluice_uuid *generation)
{
	uint64_t slot_size = slot_size_of(record_size);
	size_t size = SLU_LANE_HEADER_SIZE + slot_count * slot_size;
	struct slu_lane_header *header = env->map(env, size);

	if (header == NULL)
		return false;
	*header = (struct slu_lane_header){
		.magic = {'S', 'L', 'U', 'I', 'L', 'A', 'N', 'E'},
		.format = 1,
		.lane = index,
		.slot_count = slot_count,
		.slot_size = slot_size,
		.generation = *generation,
		.pid = getpid(),
	};
	lane->shape.memory = header;
	lane->shape.memory_size = size;
	lane->shape.slots = (unsigned char *)header + SLU_LANE_HEADER_SIZE;
	lane->shape.slot_mask = slot_count - 1;
	lane->shape.slot_size = slot_size;
	lane->shape.index = index;
	slu_lane_refuse(lane, SLUICE_UNATTACHED);
	return true;
}

void slu_lane_close(struct sluice_lane *lane, struct slu_env *env)
{
	if (lane->shape.memory != NULL)
		env->unmap(env, lane->shape.memory, lane->shape.memory_size);
	lane->shape.memory = NULL;
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
