/* SPDX-License-Identifier: MIT */
/* records.c - making the records of a burst. */
#include "bench/records.h"

const struct sluice_stream slu_test_stream = {
	.name = "test",
	.kind = SLUICE_APPEND,
	.layout.size = 128,
};

static const struct sluice_stream *const test_stream_list[] = {&slu_test_stream};
const struct sluice_streams slu_test_streams = {
	.name = "test", .streams = test_stream_list, .count = 1};

static const size_t sizes[] = {128, sizeof(struct trading_execution), sizeof(struct trading_order)};

_Static_assert(sizeof(struct trading_order) <= SLU_RECORD_STRIDE, "the stride holds every kind");

/* The last step of splitmix64. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

void slu_record_name(struct sluice_uuid *id, uint64_t key)
{
	uint64_t words[2] = {mix(key + 1), key};

	memcpy(id->bytes, words, sizeof(words));
}

uint64_t slu_record_draw(uint64_t *random, uint64_t limit)
{
	*random += 0x9e3779b97f4a7c15u;
	return mix(*random) % limit;
}

static void fill_execution(struct trading_execution *execution)
{
	execution->execution_id.size = sizeof(execution->execution_id.bytes);
	execution->fee_asset.size = sizeof(execution->fee_asset.bytes);
	execution->liquidity.size = sizeof(execution->liquidity.bytes);
	execution->metadata.size = sizeof(execution->metadata.bytes);
}

static void fill_order(struct trading_order *order)
{
	order->side.size = sizeof(order->side.bytes);
	order->order_type.size = sizeof(order->order_type.bytes);
	order->state.size = sizeof(order->state.bytes);
	order->client_order_id.size = sizeof(order->client_order_id.bytes);
	order->instrument.size = sizeof(order->instrument.bytes);
	order->external_order_ref.size = sizeof(order->external_order_ref.bytes);
	order->metadata.size = sizeof(order->metadata.bytes);
}

void slu_records_init(struct slu_records *records, enum slu_record_kind kind, uint64_t keys)
{
	*records = (struct slu_records){.kind = kind, .size = sizes[kind], .keys = keys};
	for (size_t i = 0; i < SLU_MEASURE_BURST; i++) {
		memset(records->bytes[i], (int)i + 1, records->size);
		if (kind == SLU_RECORD_EXECUTION)
			fill_execution((struct trading_execution *)records->bytes[i]);
		else if (kind == SLU_RECORD_ORDER)
			fill_order((struct trading_order *)records->bytes[i]);
	}
	slu_records_renew(records);
}

void slu_records_renew(struct slu_records *records)
{
	for (size_t i = 0; i < SLU_MEASURE_BURST; i++) {
		records->number++;
		if (records->kind == SLU_RECORD_ORDER) {
			struct trading_order *order = (struct trading_order *)records->bytes[i];

			slu_record_name(&order->id,
			                slu_record_draw(&records->random, records->keys));
			order->placed_at = (int64_t)records->number;
		} else {
			memcpy(records->bytes[i], &records->number, sizeof(records->number));
		}
	}
}
