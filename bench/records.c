/* SPDX-License-Identifier: MIT */
/* records.c - making the records of a burst. */
#include "bench/records.h"

#define PLAIN_SET(bytes)                                                            \
	static const struct sluice_stream plain_##bytes = {                         \
		.name = "plain_" #bytes,                                            \
		.kind = SLUICE_APPEND,                                              \
		.layout.size = (bytes),                                             \
	};                                                                          \
	static const struct sluice_stream *const list_##bytes[] = {&plain_##bytes}; \
	static const struct sluice_streams set_##bytes = {                          \
		.name = "plain_" #bytes, .streams = list_##bytes, .count = 1};

SLU_RECORD_SIZES(PLAIN_SET)

_Static_assert(sizeof(struct trading_execution) == 280, "the rings carry executions");
_Static_assert(sizeof(struct trading_order) == 384, "the rings carry orders");

const struct sluice_streams *slu_records_streams(enum slu_record_kind kind, size_t size)
{
	if (kind != SLU_RECORD_PLAIN)
		return &trading_streams;
	switch (size) {
#define PLAIN_CASE(bytes) \
	case bytes:       \
		return &set_##bytes;
		SLU_RECORD_SIZES(PLAIN_CASE)
	default:
		slu_measure_fail("no records of %zu bytes", size);
	}
}

const struct sluice_stream *slu_records_stream(enum slu_record_kind kind, size_t size)
{
	if (kind != SLU_RECORD_PLAIN)
		return kind == SLU_RECORD_ORDER ? &trading_orders : &trading_executions;
	return slu_records_streams(kind, size)->streams[0];
}

uint64_t slu_record_sum(const void *record, size_t size)
{
	const unsigned char *bytes = record;
	uint64_t sum = 0;

	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, 8);
		sum += word;
	}
	return sum;
}

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

void slu_records_init(struct slu_records *records, enum slu_record_kind kind, size_t size,
                      uint64_t keys)
{
	*records = (struct slu_records){.kind = kind, .size = size, .keys = keys};
	if (kind != SLU_RECORD_PLAIN)
		records->size = slu_records_stream(kind, 0)->layout.size;
	records->stride = (records->size + 63) / 64 * 64;
	for (size_t i = 0; i < SLU_MEASURE_BURST; i++) {
		memset(slu_records_at(records, i), (int)i + 1, records->size);
		if (kind == SLU_RECORD_EXECUTION)
			fill_execution(slu_records_at(records, i));
		else if (kind == SLU_RECORD_ORDER)
			fill_order(slu_records_at(records, i));
	}
	slu_records_renew(records);
}

void slu_records_renew(struct slu_records *records)
{
	for (size_t i = 0; i < SLU_MEASURE_BURST; i++) {
		records->number++;
		if (records->kind == SLU_RECORD_ORDER) {
			struct trading_order *order = slu_records_at(records, i);

			slu_record_name(&order->id,
			                slu_record_draw(&records->random, records->keys));
			order->placed_at = (int64_t)records->number;
		} else {
			memcpy(slu_records_at(records, i), &records->number,
			       sizeof(records->number));
		}
	}
}
