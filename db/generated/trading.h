/* SPDX-License-Identifier: MIT */
/*
 * trading.h - the streams of the shipped trading schema (db/migrations): orders and executions.
 *
 *      trading_orders      state, key id        what an order is now
 *      trading_executions  append               what was filled
 *
 * Pass &trading_streams to sluice_open. The typed calls below are what sluice.h says of sluice_put
 * and its siblings.
 */
#ifndef TRADING_H
#define TRADING_H

#include <sluice/sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRADING_SCALE 16 /* digits after the point of every numeric(32,16) below */

/* orders: bits of `present`, for the columns that may be NULL */
#define TRADING_ORDER_STRATEGY_INSTANCE_ID (1u << 0)
#define TRADING_ORDER_PRICE (1u << 1)
#define TRADING_ORDER_ACKNOWLEDGED_AT (1u << 2)
#define TRADING_ORDER_COMPLETED_AT (1u << 3)
#define TRADING_ORDER_EXTERNAL_ORDER_REF (1u << 4)

struct trading_order {
	struct sluice_uuid id;
	int64_t provider_id;
	struct sluice_uuid strategy_instance_id; /* or NULL */
	struct sluice_decimal quantity;          /* numeric(32,16) */
	struct sluice_decimal price;             /* numeric(32,16) or NULL */
	struct sluice_decimal filled_quantity;   /* numeric(32,16) */
	int64_t placed_at;                       /* us since 1970 UTC, as all times here */
	int64_t acknowledged_at;                 /* or NULL */
	int64_t completed_at;                    /* or NULL */
	uint32_t present;                        /* TRADING_ORDER_.. */
	SLUICE_TEXT(7) side;
	SLUICE_TEXT(11) order_type;
	SLUICE_TEXT(11) state;
	SLUICE_TEXT(47) client_order_id;
	SLUICE_TEXT(23) instrument;
	SLUICE_TEXT(35) external_order_ref; /* or NULL */
	SLUICE_TEXT(127) metadata;          /* JSON; empty is {} */
};

/* executions: bits of `present` */
#define TRADING_EXECUTION_ORDER_ID (1u << 0)
#define TRADING_EXECUTION_FEE (1u << 1)
#define TRADING_EXECUTION_FEE_ASSET (1u << 2)
#define TRADING_EXECUTION_LIQUIDITY (1u << 3)

struct trading_execution {
	struct sluice_uuid order_id; /* or NULL */
	int64_t provider_id;
	struct sluice_decimal fill_quantity; /* numeric(32,16) */
	struct sluice_decimal fill_price;    /* numeric(32,16) */
	struct sluice_decimal fee;           /* numeric(32,16) or NULL */
	int64_t traded_at;
	uint32_t present;          /* TRADING_EXECUTION_.. */
	SLUICE_TEXT(11) fee_asset; /* or NULL */
	SLUICE_TEXT(7) liquidity;  /* or NULL */
	SLUICE_TEXT(47) execution_id;
	SLUICE_TEXT(127) metadata; /* JSON; empty is {} */
};

extern const struct sluice_streams trading_streams;
extern const struct sluice_stream trading_orders;
extern const struct sluice_stream trading_executions;

/* The bytes of a record that are in use, or one more than it has when a text is longer than its
 * field. */
static inline size_t trading_order_size(const struct trading_order *order)
{
	bool fits = order->side.size <= sizeof(order->side.bytes) &&
	            order->order_type.size <= sizeof(order->order_type.bytes) &&
	            order->state.size <= sizeof(order->state.bytes) &&
	            order->client_order_id.size <= sizeof(order->client_order_id.bytes) &&
	            order->instrument.size <= sizeof(order->instrument.bytes) &&
	            order->external_order_ref.size <= sizeof(order->external_order_ref.bytes) &&
	            order->metadata.size <= sizeof(order->metadata.bytes);

	return fits ? offsetof(struct trading_order, metadata.bytes) + order->metadata.size
	            : sizeof(*order) + 1;
}

static inline size_t trading_execution_size(const struct trading_execution *execution)
{
	bool fits = execution->fee_asset.size <= sizeof(execution->fee_asset.bytes) &&
	            execution->liquidity.size <= sizeof(execution->liquidity.bytes) &&
	            execution->execution_id.size <= sizeof(execution->execution_id.bytes) &&
	            execution->metadata.size <= sizeof(execution->metadata.bytes);

	return fits ? offsetof(struct trading_execution, metadata.bytes) + execution->metadata.size
	            : sizeof(*execution) + 1;
}

SLUICE_MUST_CHECK static inline enum sluice_status
trading_orders_put(struct sluice_lane *lane, const struct trading_order *order,
                   struct sluice_ticket *ticket)
{
	return sluice_put(lane, &trading_orders, order, trading_order_size(order), ticket);
}

SLUICE_MUST_CHECK static inline enum sluice_status
trading_orders_put_if(struct sluice_lane *lane, const struct trading_order *order,
                      uint64_t expected, struct sluice_ticket *ticket)
{
	return sluice_put_if(lane, &trading_orders, order, trading_order_size(order), expected,
	                     ticket);
}

SLUICE_MUST_CHECK static inline enum sluice_status
trading_orders_reserve(struct sluice_lane *lane, const struct sluice_uuid *id,
                       struct trading_order **order)
{
	void *record = NULL;
	enum sluice_status status = sluice_reserve(lane, &trading_orders, id, &record);

	*order = (struct trading_order *)record;
	return status;
}

SLUICE_MUST_CHECK static inline enum sluice_status
trading_orders_remove(struct sluice_lane *lane, const struct sluice_uuid *id,
                      struct sluice_ticket *ticket)
{
	return sluice_remove(lane, &trading_orders, id, ticket);
}

SLUICE_MUST_CHECK static inline enum sluice_status trading_orders_get(struct sluice_lane *lane,
                                                                      const struct sluice_uuid *id,
                                                                      struct trading_order *order,
                                                                      uint64_t *version)
{
	return sluice_get(lane, &trading_orders, id, order, version);
}

SLUICE_MUST_CHECK static inline enum sluice_status
trading_executions_put(struct sluice_lane *lane, const struct trading_execution *execution,
                       struct sluice_ticket *ticket)
{
	return sluice_put(lane, &trading_executions, execution, trading_execution_size(execution),
	                  ticket);
}

SLUICE_MUST_CHECK static inline enum sluice_status
trading_executions_reserve(struct sluice_lane *lane, struct trading_execution **execution)
{
	void *record = NULL;
	enum sluice_status status = sluice_reserve(lane, &trading_executions, NULL, &record);

	*execution = (struct trading_execution *)record;
	return status;
}

#ifdef __cplusplus
}
#endif

#endif
