/* SPDX-License-Identifier: MIT */
/* hello.c - puts one order, reads it back, waits until it is in Postgres.
 * Needs a database after `sluice migrate up`, with a provider of id 1. */
#include <sluice/postgres.h>
#include <stdio.h>

#include "trading.h"

int main(int argc, char **argv)
{
	struct trading_order seen = {0}, order = {.provider_id = 1, .present = TRADING_ORDER_PRICE};
	struct sluice_error error = {SLUICE_INVALID, "usage: hello CONNINFO CLIENT-ORDER-ID"};
	struct sluice_sink *sink = argc == 3 ? sluice_postgres_open(argv[1], NULL, &error) : NULL;
	struct sluice *sluice = NULL;
	struct sluice_lane *lane = NULL;
	struct sluice_ticket ticket;
	enum sluice_status status;

	if (sink != NULL)
		sluice = sluice_open(sink, &trading_streams, "lanes=1 flush_delay=2ms", &error);
	if (sluice != NULL)
		lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);
	if (lane == NULL) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	sluice_uuid7(&order.id);
	order.price = sluice_decimal(10125, 2, TRADING_ORDER_PRICE_SCALE); /* 101.25 */
	order.quantity = sluice_decimal(100, 0, TRADING_ORDER_QUANTITY_SCALE);
	status = sluice_text_set(&order.client_order_id, argv[2], strlen(argv[2]))
	                 ? trading_orders_put(lane, &order, &ticket) /* never blocks */
	                 : SLUICE_TOO_LONG;
	if (status == SLUICE_OK)
		status = trading_orders_get(lane, &order.id, &seen, NULL); /* the newest accepted */
	if (status == SLUICE_OK)
		status = sluice_wait(sluice, ticket, SLUICE_COMMITTED, sluice_seconds(5));
	printf("order %.*s: %s\n", seen.client_order_id.size, seen.client_order_id.bytes,
	       sluice_status_name(status));
	return sluice_close(sluice, sluice_seconds(5), NULL) != SLUICE_OK || status != SLUICE_OK;
}
