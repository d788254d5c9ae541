// SPDX-License-Identifier: MIT
// hello.cc - every public header, and the typed calls, from C++.
#include <sluice/load.h>
#include <sluice/postgres.h>
#include <sluice/sink.h>
#include <sluice/sluice.h>
#include <sluice/stream.h>

#include <cstdio>
#include <cstring>

#include "trading.h"

int main(int argc, char **argv)
{
	sluice_error error = {SLUICE_INVALID, "usage: hello CONNINFO CLIENT-ORDER-ID"};
	sluice_sink *sink = argc == 3 ? sluice_postgres_open(argv[1], nullptr, &error) : nullptr;
	sluice *instance = sink != nullptr ? sluice_open(sink, &trading_streams, "lanes=1", &error)
	                                   : nullptr;
	sluice_lane *lane = instance != nullptr
	                            ? sluice_attach(instance, SLUICE_CPU_CURRENT, &error)
	                            : nullptr;
	if (lane == nullptr) {
		std::fprintf(stderr, "%s\n", error.message);
		return 1;
	}

	trading_order order = {};
	sluice_uuid7(&order.id);
	order.provider_id = 1;
	order.quantity = sluice_decimal(7, 0, TRADING_ORDER_QUANTITY_SCALE);
	bool fits = sluice_text_set(&order.client_order_id, argv[2], std::strlen(argv[2]));

	trading_order *reserved = nullptr;
	trading_order seen = {};
	sluice_ticket ticket = {};
	uint64_t version = 0;
	enum sluice_status status = trading_orders_reserve(lane, &order.id, &reserved);
	if (status == SLUICE_OK) {
		*reserved = order;
		status = sluice_commit(lane, &ticket);
	}
	if (status == SLUICE_OK)
		status = trading_orders_get(lane, &order.id, &seen, &version);
	if (status == SLUICE_OK)
		status = trading_orders_put_if(lane, &seen, version, &ticket);
	if (status == SLUICE_OK)
		status = sluice_wait(instance, ticket, SLUICE_COMMITTED, sluice_seconds(5));
	std::printf("order %s: %s\n", argv[2], sluice_status_name(status));

	enum sluice_status closed = sluice_close(instance, sluice_seconds(5), nullptr);
	return fits && status == SLUICE_OK && closed == SLUICE_OK ? 0 : 1;
}
