/* SPDX-License-Identifier: MIT */
/*
 * rows.c - decimals at the columns' scale, times in UTC, states.
 *
 * Quantities are read back from the record and moved there: what one message left is what the next
 * one starts from.
 */
#include "cli/rows.h"

#include <assert.h>
#include <string.h>

__extension__ typedef __int128 int128;

/* 2012-06-21 00:00 in New York, which was 4 hours behind UTC. */
#define MIDNIGHT_US (INT64_C(1340251200) * 1000000)

#define PRICE_SCALE 4 /* of a message's price */
#define SCALE 16      /* of every quantity and price in the tables: one type, so that they add up */

static_assert(TRADING_ORDER_QUANTITY_SCALE == SCALE && TRADING_ORDER_PRICE_SCALE == SCALE &&
                      TRADING_ORDER_FILLED_QUANTITY_SCALE == SCALE &&
                      TRADING_EXECUTION_FILL_QUANTITY_SCALE == SCALE &&
                      TRADING_EXECUTION_FILL_PRICE_SCALE == SCALE,
              "one scale");

#define SET(text, literal) sluice_text_set(text, literal, sizeof(literal) - 1)

static int64_t time_us(const struct slu_message *message)
{
	return MIDNIGHT_US + (int64_t)(message->time_ns / 1000);
}

static struct sluice_decimal shares(uint32_t size)
{
	return sluice_decimal(size, 0, SCALE);
}

static struct sluice_decimal price(const struct slu_message *message)
{
	return sluice_decimal((int64_t)message->price, PRICE_SCALE, SCALE);
}

static int128 value_of(struct sluice_decimal decimal)
{
	return (int128)decimal.high * ((int128)1 << 64) + decimal.low;
}

static struct sluice_decimal decimal_of(int128 value)
{
	return (struct sluice_decimal){.low = (uint64_t)value, .high = (int64_t)(value >> 64)};
}

static struct sluice_decimal add(struct sluice_decimal a, struct sluice_decimal b)
{
	return decimal_of(value_of(a) + value_of(b));
}

static struct sluice_decimal subtract(struct sluice_decimal a, struct sluice_decimal b)
{
	return decimal_of(value_of(a) - value_of(b));
}

static bool less(struct sluice_decimal a, struct sluice_decimal b)
{
	return value_of(a) < value_of(b);
}

void slu_row_names(struct slu_row_names *names, const struct slu_source *source,
                   struct slu_order_namespace provider, const struct slu_message *message,
                   uint64_t repeat)
{
	uint64_t named = source->repeat_first + repeat;

	names->source = source;
	names->client_order_id_size = slu_client_order_id(names->client_order_id, message->order,
	                                                  named);
	names->execution_id_size = slu_execution_id(names->execution_id, source->stem,
	                                            message->number, named);
	names->order_id = slu_order_uuid(provider, names->client_order_id,
	                                 names->client_order_id_size);
}

/* Marks an order whose submission was not seen. That of a submission stays empty, which is {}. */
static void set_first_seen(struct trading_order *order, const struct slu_message *message)
{
	if (message->type == SLU_DELETION)
		SET(&order->metadata, "{\"first_seen\":\"deletion\"}");
	else if (message->type == SLU_EXECUTION)
		SET(&order->metadata, "{\"first_seen\":\"execution\"}");
	else if (message->type == SLU_PARTIAL_CANCEL)
		SET(&order->metadata, "{\"first_seen\":\"cancel\"}");
}

void slu_order_row_open(struct trading_order *order, const struct slu_row_names *names,
                        const struct slu_message *message)
{
	memset(order, 0, sizeof(*order));
	order->id = names->order_id;
	order->provider_id = names->source->provider_id;
	order->price = price(message);
	order->present = TRADING_ORDER_PRICE;
	order->placed_at = time_us(message);
	sluice_text_set(&order->client_order_id, names->client_order_id,
	                names->client_order_id_size);
	sluice_text_set(&order->instrument, names->source->instrument,
	                strlen(names->source->instrument));
	SET(&order->order_type, "Limit");
	SET(&order->state, "ACK");
	if (message->buy)
		SET(&order->side, "Buy");
	else
		SET(&order->side, "Sell");
	set_first_seen(order, message);
}

static void complete(struct trading_order *order, const struct slu_message *message)
{
	order->completed_at = time_us(message);
	order->present |= TRADING_ORDER_COMPLETED_AT;
}

static void execute(struct trading_order *order, const struct slu_message *message)
{
	bool size_known = order->metadata.size == 0;

	order->filled_quantity = add(order->filled_quantity, shares(message->size));
	if (size_known && !less(order->filled_quantity, order->quantity)) {
		SET(&order->state, "FILLED");
		complete(order, message);
		return;
	}
	SET(&order->state, "PARTIAL");
	order->present &= ~TRADING_ORDER_COMPLETED_AT;
	if (!size_known && less(order->quantity, order->filled_quantity))
		order->quantity = order->filled_quantity;
}

void slu_order_row_move(struct trading_order *order, const struct slu_message *message)
{
	bool size_known = order->metadata.size == 0;

	switch (message->type) {
	case SLU_SUBMISSION:
		order->quantity = shares(message->size);
		order->acknowledged_at = time_us(message);
		order->present |= TRADING_ORDER_ACKNOWLEDGED_AT;
		break;
	case SLU_PARTIAL_CANCEL:
		if (size_known)
			order->quantity = subtract(order->quantity, shares(message->size));
		break;
	case SLU_DELETION:
		SET(&order->state, "CANCELLED");
		complete(order, message);
		if (!size_known)
			order->quantity = add(order->filled_quantity, shares(message->size));
		break;
	case SLU_EXECUTION:
		execute(order, message);
		break;
	}
}

void slu_execution_row(struct trading_execution *execution, const struct slu_row_names *names,
                       const struct slu_message *message)
{
	memset(execution, 0, sizeof(*execution));
	if (message->type == SLU_EXECUTION) {
		execution->order_id = names->order_id;
		execution->present = TRADING_EXECUTION_ORDER_ID;
	}
	execution->provider_id = names->source->provider_id;
	execution->fill_quantity = shares(message->size);
	execution->fill_price = price(message);
	execution->traded_at = time_us(message);
	sluice_text_set(&execution->execution_id, names->execution_id, names->execution_id_size);
}
