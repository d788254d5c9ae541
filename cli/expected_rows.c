/* SPDX-License-Identifier: MIT */
/* expected_rows.c - each query, and behind it the cells that its columns must have. */
#include "cli/expected_rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* The repetition that a name belongs to: the number after its slash, or 0. */
#define REPEAT_OF(name) "coalesce(substring(" name " from '/([0-9]{1,18})$')::bigint, 0)"

#define OF_THIS_RUN(table, name) \
	" WHERE " table ".provider_id = $1 AND " REPEAT_OF(table "." name) " BETWEEN $2 AND $3"
#define ORDERS_OF_THIS_RUN OF_THIS_RUN("orders", "client_order_id")
#define EXECUTIONS_OF_THIS_RUN OF_THIS_RUN("executions", "execution_id")

/* Microseconds since the day's midnight in New York, 4 hours behind UTC. */
#define CLOCK(time)                                                                              \
	"(extract(epoch from timezone(interval '-4 hours', " time ") - timestamp '2012-06-21') " \
	"* 1000000)::bigint AS " time
#define PLACED_AT CLOCK("placed_at")
#define ACKNOWLEDGED_AT CLOCK("acknowledged_at")
#define COMPLETED_AT CLOCK("completed_at")
#define TRADED_AT CLOCK("traded_at")

__attribute__((format(printf, 2, 3))) static void expect(struct slu_cell *cell, const char *format,
                                                         ...)
{
	va_list arguments;

	cell->null = false;
	va_start(arguments, format);
	vsnprintf(cell->text, sizeof(cell->text), format, arguments);
	va_end(arguments);
}

static void expect_null(struct slu_cell *cell)
{
	cell->null = true;
	cell->text[0] = '\0';
}

static void expect_shares(struct slu_cell *cell, int64_t shares)
{
	expect(cell, "%" PRId64 ".0000000000000000", shares);
}

static void expect_price(struct slu_cell *cell, uint64_t price)
{
	expect(cell, "%" PRIu64 ".%04" PRIu64 "000000000000", price / 10000, price % 10000);
}

static void expect_time(struct slu_cell *cell, uint64_t time_ns)
{
	expect(cell, "%" PRIu64, time_ns / 1000);
}

static void expect_sum(struct slu_cell *cell, slu_sum sum)
{
	char digits[SLU_CELL_SIZE - 1]; /* 128 bits are 39 digits */
	size_t place = sizeof(digits) - 1;
	bool negative = sum < 0;

	digits[place] = '\0';
	do {
		int digit = (int)(sum % 10);

		digits[--place] = (char)('0' + (negative ? -digit : digit));
		sum /= 10;
	} while (sum != 0);
	expect(cell, "%s%s", negative ? "-" : "", digits + place);
}

void slu_cell_of_name(struct slu_cell *cell, const struct slu_source *source, uint64_t number,
                      uint64_t repeat)
{
	uint64_t named = source->repeat_first + repeat;

	if (named == 0)
		expect(cell, "%" PRIu64, number);
	else
		expect(cell, "%" PRIu64 "/%" PRIu64, number, named);
}

/* ---- orders ---- */

const char slu_orders_sql[] =
	"SELECT client_order_id, instrument, side, order_type, quantity, price, filled_quantity, "
	"state, " PLACED_AT ", " ACKNOWLEDGED_AT ", " COMPLETED_AT
	", metadata, strategy_instance_id, external_order_ref, version > 0 AS version "
	"FROM orders" ORDERS_OF_THIS_RUN;

static const char *first_seen(uint8_t type)
{
	switch (type) {
	case SLU_DELETION:
		return "{\"first_seen\": \"deletion\"}";
	case SLU_EXECUTION:
		return "{\"first_seen\": \"execution\"}";
	case SLU_PARTIAL_CANCEL:
		return "{\"first_seen\": \"cancel\"}";
	default:
		return "{}";
	}
}

void slu_cells_of_order(struct slu_cell *cells, const struct slu_source *source,
                        const struct slu_expected_order *order)
{
	slu_cell_of_name(&cells[0], source, order->order, order->repeat);
	expect(&cells[1], "%s", source->instrument);
	expect(&cells[2], order->buy ? "Buy" : "Sell");
	expect(&cells[3], "Limit");
	expect_shares(&cells[4], order->quantity);
	expect_price(&cells[5], order->price);
	expect_shares(&cells[6], order->filled);
	expect(&cells[7], "%s", slu_order_state_names[order->state]);
	expect_time(&cells[8], order->placed_ns);
	if (order->first_type == SLU_SUBMISSION)
		expect_time(&cells[9], order->placed_ns);
	else
		expect_null(&cells[9]); /* nobody saw when it was acknowledged */
	if (order->completed_ns != UINT64_MAX)
		expect_time(&cells[10], order->completed_ns);
	else
		expect_null(&cells[10]);
	expect(&cells[11], "%s", first_seen(order->first_type));
	expect_null(&cells[12]);
	expect_null(&cells[13]);
	expect(&cells[14], "t");
}

const char slu_order_sums_sql[] =
	"SELECT count(*) FILTER (WHERE state = 'ACK') AS \"orders in state ACK\", "
	"count(*) FILTER (WHERE state = 'PARTIAL') AS \"orders in state PARTIAL\", "
	"count(*) FILTER (WHERE state = 'FILLED') AS \"orders in state FILLED\", "
	"count(*) FILTER (WHERE state = 'CANCELLED') AS \"orders in state CANCELLED\", "
	"trim_scale(coalesce(sum(quantity), 0)) AS \"sum of quantity\", "
	"trim_scale(coalesce(sum(filled_quantity), 0)) AS \"sum of filled_quantity\" "
	"FROM orders" ORDERS_OF_THIS_RUN;

int slu_cells_of_order_sums(struct slu_cell *cells, const struct slu_expected_sums *sums)
{
	int count;

	for (count = 0; count < SLU_ORDER_STATES; count++)
		expect_sum(&cells[count], sums->orders[count]);
	expect_sum(&cells[count++], sums->quantity);
	expect_sum(&cells[count++], sums->filled);
	return count;
}

/* ---- executions ---- */

/* The order is found through the reference, and told by the name that the exchange knows. */
const char slu_executions_sql[] =
	"SELECT execution_id, order_id IS NULL AS \"order_id IS NULL\", "
	"client_order_id AS order_id, fill_quantity, fill_price, fee, fee_asset, liquidity, " TRADED_AT
	", executions.metadata "
	"FROM executions LEFT JOIN orders ON orders.id = order_id "
	"AND orders.provider_id = executions.provider_id" EXECUTIONS_OF_THIS_RUN;

void slu_cells_of_execution(struct slu_cell *cells, const struct slu_source *source,
                            const struct slu_message *message, uint64_t repeat)
{
	struct slu_cell number;
	bool hidden = message->type == SLU_HIDDEN_EXECUTION;

	slu_cell_of_name(&number, source, message->number, repeat);
	expect(&cells[0], "%s:%s", source->stem, number.text);
	expect(&cells[1], hidden ? "t" : "f");
	if (hidden)
		expect_null(&cells[2]);
	else
		slu_cell_of_name(&cells[2], source, message->order, repeat);
	expect_shares(&cells[3], message->size);
	expect_price(&cells[4], message->price);
	expect_null(&cells[5]);
	expect_null(&cells[6]);
	expect_null(&cells[7]);
	expect_time(&cells[8], message->time_ns);
	expect(&cells[9], "{}");
}

const char slu_execution_sums_sql[] =
	"SELECT count(*) AS \"executions\", "
	"trim_scale(coalesce(sum(fill_quantity), 0)) AS \"sum of fill_quantity\", "
	"trim_scale(coalesce(sum(fill_quantity * fill_price), 0) * 10000) "
	"AS \"sum of fill_quantity * fill_price\" "
	"FROM executions" EXECUTIONS_OF_THIS_RUN;

int slu_cells_of_execution_sums(struct slu_cell *cells, const struct slu_expected_sums *sums)
{
	expect_sum(&cells[0], sums->executions);
	expect_sum(&cells[1], sums->fill_quantity);
	expect_sum(&cells[2], sums->fill_value);
	return 3;
}
