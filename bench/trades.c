/* SPDX-License-Identifier: MIT */
/* trades.c - made from their number alone, so that all rounds and ways write the same. */
#include "bench/trades.h"

#include "bench/records.h"

#define BEGAN_US INT64_C(1700000000000000) /* November 2023 */

void slu_trades_order(struct trading_order *order, size_t index, bool changed)
{
	char name[32];
	int size = snprintf(name, sizeof(name), "client-%zu", index);

	*order = (struct trading_order){
		.provider_id = SLU_TRADES_PROVIDER,
		.quantity = sluice_decimal((int64_t)(index % 900 + 100), 0,
	                                   TRADING_ORDER_QUANTITY_SCALE),
		.price = sluice_decimal((int64_t)(index % 10000 + 1), 2, TRADING_ORDER_PRICE_SCALE),
		.filled_quantity = sluice_decimal(changed ? 50 : 0, 0,
	                                          TRADING_ORDER_FILLED_QUANTITY_SCALE),
		.placed_at = BEGAN_US + (int64_t)index,
		.present = TRADING_ORDER_PRICE,
	};
	slu_record_name(&order->id, index);
	(void)sluice_text_set(&order->side, "buy", 3);
	(void)sluice_text_set(&order->order_type, "limit", 5);
	(void)sluice_text_set(&order->state, changed ? "partial" : "placed", changed ? 7u : 6u);
	(void)sluice_text_set(&order->client_order_id, name, (size_t)size);
	(void)sluice_text_set(&order->instrument, "BTC-USD", 7);
}

void slu_trades_execution(struct trading_execution *execution, size_t index)
{
	char name[32];
	int size = snprintf(name, sizeof(name), "fill-%zu", index);

	*execution = (struct trading_execution){
		.provider_id = SLU_TRADES_PROVIDER,
		.fill_quantity = sluice_decimal((int64_t)(index % 100 + 1), 0,
	                                        TRADING_EXECUTION_FILL_QUANTITY_SCALE),
		.fill_price = sluice_decimal((int64_t)(index % 10000 + 1), 2,
	                                     TRADING_EXECUTION_FILL_PRICE_SCALE),
		.fee = sluice_decimal(15, 4, TRADING_EXECUTION_FEE_SCALE),
		.traded_at = BEGAN_US + (int64_t)index,
		.present = TRADING_EXECUTION_ORDER_ID | TRADING_EXECUTION_FEE |
	                   TRADING_EXECUTION_FEE_ASSET | TRADING_EXECUTION_LIQUIDITY,
	};
	slu_record_name(&execution->order_id, index % SLU_TRADES_PARENTS);
	(void)sluice_text_set(&execution->fee_asset, "USD", 3);
	(void)sluice_text_set(&execution->liquidity, "maker", 5);
	(void)sluice_text_set(&execution->execution_id, name, (size_t)size);
}
