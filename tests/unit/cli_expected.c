/* SPDX-License-Identifier: MIT */
/*
 * cli_expected.c - what the verification expects, against cases worked out by hand; and the two
 * independent readings of the rules, expected.c and rows.c, against each other.
 */
#include "cli/expected.h"
#include "cli/expected_rows.h"
#include "cli/rows.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct slu_day day;
static struct slu_expected expected;

/* A day of one thread out of messages "type order size" at seconds 1, 2, 3.. */
static void play(struct slu_message *messages, size_t count, uint64_t finished)
{
	size_t index;

	day = (struct slu_day){
		.messages = messages, .message_count = count, .source_count = 1, .repeats = 1};
	for (index = 0; index < count; index++) {
		messages[index].number = (uint32_t)index + 1;
		messages[index].time_ns = messages[index].number * SECOND;
		messages[index].price = 1000000 + messages[index].number;
		messages[index].buy = true;
	}
	slu_day_deal(&day, 1);
	cr_assert(slu_expected_make(&expected, &day, &finished));
}

#define PLAY(...)                                                                   \
	do {                                                                        \
		struct slu_message messages[] = {__VA_ARGS__};                      \
		play(messages, sizeof(messages) / sizeof(messages[0]), UINT32_MAX); \
	} while (0)
#define MESSAGE(kind, id, shares)                                   \
	{                                                           \
		.type = SLU_##kind, .order = (id), .size = (shares) \
	}

/* The only order: state, shares, when it was completed (in seconds, 0: not). */
static void expect_order(enum slu_order_state state, int64_t quantity, int64_t filled,
                         uint64_t completed)
{
	const struct slu_expected_order *order = slu_expected_find(&expected, 0, 1, 0);

	cr_assert_not_null(order);
	cr_expect_eq(expected.order_count, 1);
	cr_expect_str_eq(slu_order_state_names[order->state], slu_order_state_names[state]);
	cr_expect_eq(order->quantity, quantity, "quantity %" PRId64, order->quantity);
	cr_expect_eq(order->filled, filled, "filled %" PRId64, order->filled);
	cr_expect_eq(order->placed_ns, SECOND);
	cr_expect_eq(order->price, 1000001, "the price of the first message stays");
	cr_expect_eq(order->completed_ns, completed == 0 ? UINT64_MAX : completed * SECOND);
	slu_expected_free(&expected);
}

Test(expected, a_submission_opens_the_order)
{
	PLAY(MESSAGE(SUBMISSION, 1, 100));
	expect_order(SLU_ORDER_ACK, 100, 0, 0);
}

Test(expected, partial_cancels_take_shares_off)
{
	PLAY(MESSAGE(SUBMISSION, 1, 100), MESSAGE(PARTIAL_CANCEL, 1, 30),
	     MESSAGE(PARTIAL_CANCEL, 1, 20));
	expect_order(SLU_ORDER_ACK, 50, 0, 0);
}

Test(expected, a_deletion_cancels_and_keeps_the_quantity)
{
	PLAY(MESSAGE(SUBMISSION, 1, 100), MESSAGE(EXECUTION, 1, 40), MESSAGE(DELETION, 1, 60));
	expect_order(SLU_ORDER_CANCELLED, 100, 40, 3);
}

Test(expected, an_execution_of_a_part_is_partial)
{
	PLAY(MESSAGE(SUBMISSION, 1, 100), MESSAGE(EXECUTION, 1, 99));
	expect_order(SLU_ORDER_PARTIAL, 100, 99, 0);
}

Test(expected, the_execution_of_the_last_share_fills)
{
	PLAY(MESSAGE(SUBMISSION, 1, 100), MESSAGE(EXECUTION, 1, 40), MESSAGE(EXECUTION, 1, 60));
	expect_order(SLU_ORDER_FILLED, 100, 100, 3);
}

Test(expected, what_was_cancelled_need_not_be_executed)
{
	PLAY(MESSAGE(SUBMISSION, 1, 100), MESSAGE(PARTIAL_CANCEL, 1, 60),
	     MESSAGE(EXECUTION, 1, 40));
	expect_order(SLU_ORDER_FILLED, 40, 40, 3);
}

Test(expected, an_older_order_that_is_deleted_had_at_least_what_was_seen)
{
	PLAY(MESSAGE(DELETION, 1, 70));
	expect_order(SLU_ORDER_CANCELLED, 70, 0, 1);
	PLAY(MESSAGE(EXECUTION, 1, 30), MESSAGE(DELETION, 1, 70));
	expect_order(SLU_ORDER_CANCELLED, 100, 30, 2);
}

Test(expected, an_older_order_that_is_executed_is_never_filled)
{
	PLAY(MESSAGE(EXECUTION, 1, 30), MESSAGE(EXECUTION, 1, 12));
	expect_order(SLU_ORDER_PARTIAL, 42, 42, 0);
}

Test(expected, a_partial_cancel_of_an_older_order_tells_nothing_of_its_size)
{
	PLAY(MESSAGE(PARTIAL_CANCEL, 1, 30));
	expect_order(SLU_ORDER_ACK, 0, 0, 0);
	PLAY(MESSAGE(PARTIAL_CANCEL, 1, 30), MESSAGE(EXECUTION, 1, 5),
	     MESSAGE(PARTIAL_CANCEL, 1, 2));
	expect_order(SLU_ORDER_PARTIAL, 5, 5, 0);
}

Test(expected, sums_are_those_of_the_rows)
{
	PLAY(MESSAGE(SUBMISSION, 1, 100), MESSAGE(EXECUTION, 1, 40),
	     MESSAGE(HIDDEN_EXECUTION, 0, 7), MESSAGE(SUBMISSION, 2, 50), MESSAGE(DELETION, 2, 50));
	cr_expect_eq(expected.execution_count, 2);
	cr_expect_eq(expected.message_count, 5);
	cr_expect_eq(expected.sums[0].orders[SLU_ORDER_PARTIAL], 1);
	cr_expect_eq(expected.sums[0].orders[SLU_ORDER_CANCELLED], 1);
	cr_expect(expected.sums[0].quantity == 150);
	cr_expect(expected.sums[0].filled == 40);
	cr_expect_eq(expected.sums[0].executions, 2);
	cr_expect(expected.sums[0].fill_quantity == 47);
	cr_expect(expected.sums[0].fill_value == 40 * 1000002 + 7 * 1000003);
	slu_expected_free(&expected);
}

Test(expected, only_finished_messages_count)
{
	struct slu_message messages[] = {MESSAGE(SUBMISSION, 1, 100), MESSAGE(EXECUTION, 1, 40),
	                                 MESSAGE(EXECUTION, 1, 60)};

	play(messages, 3, 2);
	expect_order(SLU_ORDER_PARTIAL, 100, 40, 0);
	play(messages, 3, 0);
	cr_expect_eq(expected.order_count, 0);
	slu_expected_free(&expected);
}

Test(expected, repetitions_count_one_by_one)
{
	struct slu_message messages[] = {MESSAGE(SUBMISSION, 1, 100), MESSAGE(EXECUTION, 1, 100)};
	const uint64_t finished = 5;

	play(messages, 2, 0);
	slu_expected_free(&expected);
	day.repeats = 3;
	cr_assert(slu_expected_make(&expected, &day, &finished));
	cr_expect_eq(expected.order_count, 3);
	cr_expect_eq(slu_expected_find(&expected, 0, 1, 0)->state, SLU_ORDER_FILLED);
	cr_expect_eq(slu_expected_find(&expected, 0, 1, 1)->state, SLU_ORDER_FILLED);
	cr_expect_eq(slu_expected_find(&expected, 0, 1, 2)->state, SLU_ORDER_ACK);
	slu_expected_free(&expected);
}

Test(expected, rows_are_written_as_the_database_prints_them)
{
	const struct slu_source source = {
		.instrument = "AMZN", .stem = "AMZN_m", .repeat_first = 2};
	struct slu_message execution = {
		.type = SLU_EXECUTION, .order = 7, .number = 3, .size = 10, .price = 2236705};
	struct slu_expected_sums sums = {.fill_value = (slu_sum)1 << 100, .executions = 1};
	struct slu_expected_order order = {.order = 7,
	                                   .repeat = 1,
	                                   .price = 70009,
	                                   .quantity = 100,
	                                   .placed_ns = UINT64_C(34200004241999),
	                                   .completed_ns = UINT64_MAX,
	                                   .first_type = SLU_DELETION};
	struct slu_cell cells[SLU_CELL_COUNT_MAX];

	slu_cells_of_order(cells, &source, &order);
	cr_expect_str_eq(cells[0].text, "7/3");
	cr_expect_str_eq(cells[4].text, "100.0000000000000000");
	cr_expect_str_eq(cells[5].text, "7.0009000000000000");
	cr_expect_str_eq(cells[8].text, "34200004241", "nanoseconds are cut off");
	cr_expect(cells[9].null && cells[10].null);
	cr_expect_str_eq(cells[11].text, "{\"first_seen\": \"deletion\"}");
	slu_cells_of_execution(cells, &source, &execution, 0);
	cr_expect_str_eq(cells[0].text, "AMZN_m:3/2");
	cr_expect_str_eq(cells[2].text, "7/2");
	cr_expect_str_eq(cells[4].text, "223.6705000000000000");
	cr_expect_eq(slu_cells_of_execution_sums(cells, &sums), 3);
	cr_expect_str_eq(cells[2].text, "1267650600228229401496703205376");
}

/* ---- the two readings of the rules ---- */

static int64_t whole(struct sluice_decimal decimal)
{
	__extension__ typedef __int128 int128;
	int128 value = (int128)decimal.high * ((int128)1 << 64) + decimal.low;

	cr_assert(value % 10000000000000000 == 0);
	return (int64_t)(value / 10000000000000000);
}

static void expect_same(const struct trading_order *row, const struct slu_expected_order *order)
{
	const char *state = slu_order_state_names[order->state];
	bool completed = order->completed_ns != UINT64_MAX;
	const int64_t midnight_us = INT64_C(1340251200000000);

	cr_assert_not_null(order);
	cr_assert_eq(whole(row->quantity), order->quantity);
	cr_assert_eq(whole(row->filled_quantity), order->filled);
	cr_assert(row->state.size == strlen(state) &&
	          memcmp(row->state.bytes, state, row->state.size) == 0);
	cr_assert_eq((row->present & TRADING_ORDER_COMPLETED_AT) != 0, completed);
	cr_assert(!completed ||
	          row->completed_at == midnight_us + (int64_t)(order->completed_ns / 1000));
	cr_assert_eq(row->placed_at, midnight_us + (int64_t)(order->placed_ns / 1000));
	cr_assert_eq((row->present & TRADING_ORDER_ACKNOWLEDGED_AT) != 0,
	             order->first_type == SLU_SUBMISSION);
	cr_assert_eq(row->metadata.size == 0, order->first_type == SLU_SUBMISSION);
	cr_assert_eq(row->side.size, order->buy ? 3 : 4);
}

enum { ORDERS = 50, MESSAGES = 400 };

/* Messages in any order, also such as no exchange would send: the rules are total. */
Test(expected, any_messages_give_the_rows_that_the_engines_make)
{
	static const uint8_t types[] = {SLU_SUBMISSION, SLU_PARTIAL_CANCEL, SLU_DELETION,
	                                SLU_EXECUTION, SLU_EXECUTION};
	static struct slu_message messages[MESSAGES];
	unsigned seed;

	for (seed = 1; seed <= 50; seed++) {
		struct trading_order rows[ORDERS + 1] = {0};
		bool known[ORDERS + 1] = {false};
		uint64_t random = seed;
		size_t index, order;

		for (index = 0; index < MESSAGES; index++) {
			struct slu_message *message = &messages[index];

			random = slu_mix64(random + seed);
			*message = (struct slu_message){.order = 1 + random % ORDERS,
			                                .size = 1 + (uint32_t)(random >> 32) % 100,
			                                .type = types[random / ORDERS % 5]};
			if (message->type == SLU_SUBMISSION && known[message->order])
				message->type = SLU_EXECUTION;
			known[message->order] = true;
		}
		play(messages, MESSAGES, UINT32_MAX);
		memset(known, 0, sizeof(known));
		for (index = 0; index < MESSAGES; index++) {
			struct slu_row_names names = {.source = &day.sources[0]};

			order = messages[index].order;
			if (!known[order])
				slu_order_row_open(&rows[order], &names, &messages[index]);
			known[order] = true;
			slu_order_row_move(&rows[order], &messages[index]);
		}
		for (order = 1; order <= ORDERS; order++)
			if (known[order])
				expect_same(&rows[order],
				            slu_expected_find(&expected, 0, order, 0));
		slu_expected_free(&expected);
	}
}

Test(rows, an_execution_row_has_the_order_unless_it_was_hidden)
{
	const struct slu_source source = {.provider_id = 9, .stem = "demo"};
	struct slu_message message = {.type = SLU_EXECUTION,
	                              .order = 5,
	                              .number = 77,
	                              .size = 3,
	                              .price = 10125,
	                              .time_ns = UINT64_C(1000001999)};
	struct trading_execution row;
	struct slu_row_names names;

	slu_row_names(&names, &source, slu_order_namespace("demo"), &message, 0);
	slu_execution_row(&row, &names, &message);
	cr_expect_eq(row.present, TRADING_EXECUTION_ORDER_ID);
	cr_expect_eq(memcmp(&row.order_id, &names.order_id, sizeof(row.order_id)), 0);
	cr_expect_eq(row.provider_id, 9);
	cr_expect_eq(whole(row.fill_quantity), 3);
	cr_expect_eq(row.fill_price.low, UINT64_C(10125000000000000), "1.0125");
	cr_expect_eq(row.traded_at, INT64_C(1340251201000001));
	cr_expect(row.execution_id.size == 7 && memcmp(row.execution_id.bytes, "demo:77", 7) == 0);
	message.type = SLU_HIDDEN_EXECUTION;
	slu_execution_row(&row, &names, &message);
	cr_expect_eq(row.present, 0);
}
