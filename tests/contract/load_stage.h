/* SPDX-License-Identifier: MIT */
/*
 * load_stage.h - an engine whose cache is cold, a table that is not, and a reader between them.
 */
#ifndef TESTS_CONTRACT_LOAD_STAGE_H
#define TESTS_CONTRACT_LOAD_STAGE_H

#include "tests/contract/sink_driver.h"

#include <sluice/load.h>

#define PATIENCE_NS sluice_seconds(60) /* for what must happen; no test measures it */
#define READER_NAME "sluice-reader"    /* what its sessions call themselves */

struct stage {
	struct server server;
	PGconn *locker; /* its own: within a transaction pg_stat_activity stands still */
	struct sluice *sluice;
	struct sluice_lane *lane;
	struct sluice_reader *reader;
	struct sluice_error error;
	struct sluice_loaded loaded;
};

static struct stage stage;

#define assert_status(actual, expected)                                                        \
	do {                                                                                   \
		const enum sluice_status actual_is = (actual);                                 \
		const enum sluice_status expected_is = (expected);                             \
		cr_assert_eq(actual_is, expected_is, "%s is \"%s\", not \"%s\" (%s)", #actual, \
		             sluice_status_name(actual_is), sluice_status_name(expected_is),   \
		             stage.error.message);                                             \
	} while (0)

#define assert_told(words)                                                                    \
	cr_assert_not_null(strstr(stage.error.message, words), "\"%s\" is not in: %s", words, \
	                   stage.error.message)

static inline void stage_engine(const char *options)
{
	struct sluice_sink *sink = sluice_postgres_open(stage.server.dsn, NULL, &stage.error);

	cr_assert_not_null(sink, "%s", stage.error.message);
	stage.sluice = sluice_open(sink, &trading_streams, options, &stage.error);
	cr_assert_not_null(stage.sluice, "%s", stage.error.message);
	stage.lane = sluice_attach(stage.sluice, SLUICE_CPU_CURRENT, &stage.error);
	cr_assert_not_null(stage.lane, "%s", stage.error.message);
}

static inline void stage_reader(uint64_t connections)
{
	struct sluice_reader_options options = {.connections = connections};

	stage.reader = sluice_reader_open(stage.server.dsn, &options, &stage.error);
	cr_assert_not_null(stage.reader, "%s", stage.error.message);
}

static inline void stage_open(void)
{
	server_open(&stage.server);
	stage_engine("lanes=4 lane_slots=1024 keys=20000 flush_delay=1ms");
	stage_reader(2);
}

static inline void stage_close(void)
{
	sluice_reader_close(stage.reader);
	if (stage.sluice != NULL)
		cr_assert_eq(sluice_close(stage.sluice, PATIENCE_NS, NULL), SLUICE_OK);
	server_close(&stage.server);
}

/* Nobody reads or writes orders from now on. */
static inline void stage_lock(void)
{
	stage.locker = database_connect(stage.server.dsn);
	database_run(stage.locker, "BEGIN; LOCK TABLE orders");
}

static inline void stage_unlock(void)
{
	database_run(stage.locker, "COMMIT");
	PQfinish(stage.locker);
}

/* Number `number` with a value of its own in every column. */
static inline struct trading_order order_make(uint32_t number)
{
	struct trading_order order = {
		.id = order_id(number),
		.provider_id = 1,
		.quantity = sluice_decimal(number + 1, 3, TRADING_ORDER_QUANTITY_SCALE),
		.filled_quantity = sluice_decimal(number, 4, TRADING_ORDER_QUANTITY_SCALE),
		.placed_at = 1700000000000000 + number,
	};

	if (number % 2 == 0) {
		order.price = sluice_decimal(-(int64_t)number, 2, TRADING_ORDER_PRICE_SCALE);
		order.acknowledged_at = 1700000000000001 + number;
		order.present = TRADING_ORDER_PRICE | TRADING_ORDER_ACKNOWLEDGED_AT;
	}
	text_print(&order.client_order_id, "client-%u", number);
	text_print(&order.instrument, "\303\234BER-%u", number % 7);
	text_print(&order.side, "%s", number % 3 == 0 ? "BUY" : "");
	text_print(&order.state, "ACK");
	text_print(&order.metadata, "{\"n\": %u}", number);
	return order;
}

static inline void order_put(struct sluice_lane *lane, const struct trading_order *order)
{
	enum sluice_status status;

	do
		status = sluice_put(lane, &trading_orders, order, sizeof(*order), NULL);
	while (status == SLUICE_FULL);
	cr_assert_eq(status, SLUICE_OK, "%s", sluice_status_name(status));
}

/* Rows 0 to count - 1, by an engine that was before this one. */
static inline void stage_fill(uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		struct trading_order order = order_make(n);

		order_put(stage.lane, &order);
	}
	cr_assert_eq(sluice_close(stage.sluice, PATIENCE_NS, NULL), SLUICE_OK);
	stage_engine("lanes=4 lane_slots=1024 keys=20000 flush_delay=1ms");
}

static inline enum sluice_status stage_load(sluice_load_watch *watch, void *context)
{
	stage.error.message[0] = '\0';
	return sluice_load(stage.reader, stage.lane, &trading_orders, watch, context, &stage.loaded,
	                   &stage.error);
}

static inline enum sluice_status order_fetch(uint32_t number, struct trading_order *order,
                                             uint64_t *version, uint64_t timeout_ns)
{
	struct sluice_uuid id = order_id(number);

	stage.error.message[0] = '\0';
	return sluice_fetch(stage.reader, stage.lane, &trading_orders, &id, order, version,
	                    timeout_ns, &stage.error);
}

static inline enum sluice_status order_get(uint32_t number, struct trading_order *order,
                                           uint64_t *version)
{
	struct sluice_uuid id = order_id(number);

	return sluice_get(stage.lane, &trading_orders, &id, order, version);
}

static inline void assert_is(const struct trading_order *order, uint32_t number)
{
	struct trading_order expected = order_make(number);

	cr_assert_arr_eq(order, &expected, sizeof(expected), "order %u is another", number);
}

/* Ends the sessions of the reader, as an operator would. */
static inline void stage_cut(void)
{
	database_run(stage.server.admin,
	             "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
	             "WHERE application_name = '" READER_NAME "' AND datname = current_database()");
}

static inline int64_t stage_sessions(void)
{
	return database_query_int(stage.server.admin,
	                          "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
	                          "'" READER_NAME "' AND datname = current_database()");
}

static inline struct sluice_reader_stats stage_stats(void)
{
	struct sluice_reader_stats stats;

	sluice_reader_stats(stage.reader, &stats);
	return stats;
}

#endif
