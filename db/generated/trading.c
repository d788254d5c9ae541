/* SPDX-License-Identifier: MIT */
/* trading.c - how the records of trading.h become rows. */
#include "trading.h"

#include <assert.h>

/* A record lives in shared memory and is read by other builds: its layout is a format. */
static_assert(sizeof(struct trading_order) == 384, "layout of trading_order");
static_assert(offsetof(struct trading_order, present) == 112, "layout of trading_order");
static_assert(offsetof(struct trading_order, metadata) == 256, "layout of trading_order");
static_assert(sizeof(struct trading_execution) == 280, "layout of trading_execution");
static_assert(offsetof(struct trading_execution, present) == 80, "layout of trading_execution");
static_assert(offsetof(struct trading_execution, metadata) == 152, "layout of trading_execution");

#define AT(record, field) offsetof(struct record, field), sizeof(((struct record *)0)->field)
#define TEXT_AT(record, field) \
	offsetof(struct record, field), sizeof(((struct record *)0)->field.bytes)

static const struct sluice_column order_columns[] = {
	{"id", SLUICE_UUID, AT(trading_order, id), 0, 0, 0},
	{"provider_id", SLUICE_INT8, AT(trading_order, provider_id), 0, 0, 0},
	{"strategy_instance_id", SLUICE_UUID, AT(trading_order, strategy_instance_id), 0, 0,
         TRADING_ORDER_STRATEGY_INSTANCE_ID},
	{"client_order_id", SLUICE_TEXT_TYPE, TEXT_AT(trading_order, client_order_id), 0, 0, 0},
	{"instrument", SLUICE_TEXT_TYPE, TEXT_AT(trading_order, instrument), 0, 0, 0},
	{"side", SLUICE_TEXT_TYPE, TEXT_AT(trading_order, side), 0, 0, 0},
	{"order_type", SLUICE_TEXT_TYPE, TEXT_AT(trading_order, order_type), 0, 0, 0},
	{"quantity", SLUICE_NUMERIC, AT(trading_order, quantity), 16, 32, 0},
	{"price", SLUICE_NUMERIC, AT(trading_order, price), 16, 32, TRADING_ORDER_PRICE},
	{"filled_quantity", SLUICE_NUMERIC, AT(trading_order, filled_quantity), 16, 32, 0},
	{"state", SLUICE_TEXT_TYPE, TEXT_AT(trading_order, state), 0, 0, 0},
	{"external_order_ref", SLUICE_TEXT_TYPE, TEXT_AT(trading_order, external_order_ref), 0, 0,
         TRADING_ORDER_EXTERNAL_ORDER_REF},
	{"placed_at", SLUICE_TIMESTAMPTZ, AT(trading_order, placed_at), 0, 0, 0},
	{"acknowledged_at", SLUICE_TIMESTAMPTZ, AT(trading_order, acknowledged_at), 0, 0,
         TRADING_ORDER_ACKNOWLEDGED_AT},
	{"completed_at", SLUICE_TIMESTAMPTZ, AT(trading_order, completed_at), 0, 0,
         TRADING_ORDER_COMPLETED_AT},
	{"metadata", SLUICE_JSONB, TEXT_AT(trading_order, metadata), 0, 0, 0},
	{"version", SLUICE_VERSION, 0, 0, 0, 0, 0},
};

const struct sluice_stream trading_orders = {
	.name = "orders",
	.kind = SLUICE_STATE,
	.index = 0,
	.record_size = sizeof(struct trading_order),
	.key_offset = offsetof(struct trading_order, id),
	.key_size = sizeof(struct sluice_uuid),
	.present_offset = offsetof(struct trading_order, present),
	.column_count = sizeof(order_columns) / sizeof(order_columns[0]),
	.key_column_count = 1,
	.columns = order_columns,
	.write_sql =
		"INSERT INTO orders (id, provider_id, strategy_instance_id, client_order_id, "
		"instrument, side, order_type, quantity, price, filled_quantity, state, "
		"external_order_ref, placed_at, acknowledged_at, completed_at, metadata, version) "
		"SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], "
		"$5::text[], $6::text[], $7::text[], $8::numeric[], $9::numeric[], $10::numeric[], "
		"$11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], "
		"$15::timestamptz[], $16::jsonb[], $17::bigint[]) "
		"ON CONFLICT (id) DO UPDATE SET provider_id = excluded.provider_id, "
		"strategy_instance_id = excluded.strategy_instance_id, "
		"client_order_id = excluded.client_order_id, instrument = excluded.instrument, "
		"side = excluded.side, order_type = excluded.order_type, "
		"quantity = excluded.quantity, price = excluded.price, "
		"filled_quantity = excluded.filled_quantity, state = excluded.state, "
		"external_order_ref = excluded.external_order_ref, "
		"placed_at = excluded.placed_at, acknowledged_at = excluded.acknowledged_at, "
		"completed_at = excluded.completed_at, metadata = excluded.metadata, "
		"version = excluded.version, updated_at = now() "
		"WHERE orders.version < excluded.version",
	.remove_sql = "DELETE FROM orders USING unnest($1::uuid[], $2::bigint[]) "
		      "AS removed (id, version) "
		      "WHERE orders.id = removed.id AND orders.version < removed.version",
};

static const struct sluice_column execution_columns[] = {
	{"order_id", SLUICE_UUID, AT(trading_execution, order_id), 0, 0,
         TRADING_EXECUTION_ORDER_ID},
	{"provider_id", SLUICE_INT8, AT(trading_execution, provider_id), 0, 0, 0},
	{"execution_id", SLUICE_TEXT_TYPE, TEXT_AT(trading_execution, execution_id), 0, 0, 0},
	{"fill_quantity", SLUICE_NUMERIC, AT(trading_execution, fill_quantity), 16, 32, 0},
	{"fill_price", SLUICE_NUMERIC, AT(trading_execution, fill_price), 16, 32, 0},
	{"fee", SLUICE_NUMERIC, AT(trading_execution, fee), 16, 32, TRADING_EXECUTION_FEE},
	{"fee_asset", SLUICE_TEXT_TYPE, TEXT_AT(trading_execution, fee_asset), 0, 0,
         TRADING_EXECUTION_FEE_ASSET},
	{"liquidity", SLUICE_TEXT_TYPE, TEXT_AT(trading_execution, liquidity), 0, 0,
         TRADING_EXECUTION_LIQUIDITY},
	{"traded_at", SLUICE_TIMESTAMPTZ, AT(trading_execution, traded_at), 0, 0, 0},
	{"metadata", SLUICE_JSONB, TEXT_AT(trading_execution, metadata), 0, 0, 0},
};

const struct sluice_stream trading_executions = {
	.name = "executions",
	.kind = SLUICE_APPEND,
	.index = 1,
	.record_size = sizeof(struct trading_execution),
	.present_offset = offsetof(struct trading_execution, present),
	.column_count = sizeof(execution_columns) / sizeof(execution_columns[0]),
	.columns = execution_columns,
	.copy_sql = "COPY executions (order_id, provider_id, execution_id, fill_quantity, "
		    "fill_price, fee, fee_asset, liquidity, traded_at, metadata) "
		    "FROM STDIN (FORMAT binary)",
	.write_sql = "INSERT INTO executions (order_id, provider_id, execution_id, fill_quantity, "
		     "fill_price, fee, fee_asset, liquidity, traded_at, metadata) "
		     "SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::numeric[], "
		     "$5::numeric[], $6::numeric[], $7::text[], $8::text[], $9::timestamptz[], "
		     "$10::jsonb[])",
};

static const struct sluice_stream *const streams[] = {&trading_orders, &trading_executions};

const struct sluice_streams trading_streams = {
	.name = "trading",
	.streams = streams,
	.count = sizeof(streams) / sizeof(streams[0]),
};
