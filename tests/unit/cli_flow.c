/* SPDX-License-Identifier: MIT */
/* cli_flow.c - the synthetic flow: its mix, its determinism, its book; and the schedule. */
#include "cli/flow.h"
#include "cli/schedule.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct slu_flow make(uint64_t seed, uint64_t rows)
{
	const struct slu_flow_shape shape = {.seed = seed, .rows = rows, .rate = 20000};
	struct slu_flow flow;

	cr_assert(slu_flow_make(&shape, &flow));
	return flow;
}

Test(flow, the_same_seed_gives_the_same_messages)
{
	struct slu_flow first = make(7, 5000), second = make(7, 5000);

	cr_assert_eq(first.count, second.count);
	cr_assert_eq(memcmp(first.messages, second.messages, first.count * sizeof(*first.messages)),
	             0);
	free(first.messages);
	free(second.messages);
}

Test(flow, another_seed_gives_others)
{
	struct slu_flow first = make(7, 5000), second = make(8, 5000);
	size_t index = 0;

	while (index < first.count && index < second.count &&
	       first.messages[index].type == second.messages[index].type)
		index++;
	cr_assert_lt(index, 100);
	free(first.messages);
	free(second.messages);
}

Test(flow, it_has_the_mix_of_real_flow)
{
	static const struct {
		enum slu_message_type type;
		size_t percent;
	} mix[] = {{SLU_SUBMISSION, 50},
	           {SLU_DELETION, 33},
	           {SLU_EXECUTION, 12},
	           {SLU_PARTIAL_CANCEL, 2},
	           {SLU_HIDDEN_EXECUTION, 3}};
	struct slu_flow flow = make(1, 100000);
	size_t counts[8] = {0}, index;

	for (index = 0; index < flow.count; index++)
		counts[flow.messages[index].type]++;
	for (index = 0; index < sizeof(mix) / sizeof(mix[0]); index++) {
		size_t per_mille = counts[mix[index].type] * 1000 / flow.count;

		cr_expect_geq(per_mille, mix[index].percent * 10 - 10, "type %d: %zu per mille",
		              mix[index].type, per_mille);
		cr_expect_leq(per_mille, mix[index].percent * 10 + 10, "type %d: %zu per mille",
		              mix[index].type, per_mille);
	}
	free(flow.messages);
}

Test(flow, it_ends_with_the_message_that_reaches_the_rows)
{
	uint64_t rows;

	for (rows = 1; rows < 200; rows++) {
		struct slu_flow flow = make(3, rows);
		uint64_t last = slu_message_rows(&flow.messages[flow.count - 1]);

		cr_assert_geq(flow.rows, rows);
		cr_assert_lt(flow.rows - last, rows);
		free(flow.messages);
	}
}

/* What is left of each order, -1 for one that never was. Orders of before begin unknown. */
Test(flow, no_order_is_touched_after_it_is_gone_or_by_more_than_is_left)
{
	struct slu_flow flow = make(5, 50000);
	int64_t *left = malloc((flow.orders + 1) * sizeof(*left));
	size_t index, older = 0;

	cr_assert_not_null(left);
	memset(left, 0xff, (flow.orders + 1) * sizeof(*left));
	for (index = 0; index < flow.count; index++) {
		const struct slu_message *message = &flow.messages[index];

		cr_assert_gt(message->size, 0);
		if (message->type == SLU_HIDDEN_EXECUTION)
			continue;
		cr_assert_leq(message->order, flow.orders);
		if (message->type == SLU_SUBMISSION) {
			cr_assert_eq(left[message->order], -1);
			left[message->order] = message->size;
		} else if (left[message->order] == -1) {
			older++;
		} else {
			left[message->order] -= message->size;
			cr_assert_geq(left[message->order], 0, "order %" PRIu64, message->order);
			cr_assert(message->type != SLU_DELETION || left[message->order] == 0);
			cr_assert(message->type != SLU_PARTIAL_CANCEL || left[message->order] > 0);
		}
	}
	cr_expect_gt(older, 0, "some orders are older than the day");
	free(left);
	free(flow.messages);
}

Test(flow, times_never_go_back_and_messages_come_in_bursts_at_the_mean_rate)
{
	struct slu_flow flow = make(9, 40000);
	size_t index, bursts = 1;

	for (index = 1; index < flow.count; index++) {
		const struct slu_message *message = &flow.messages[index];
		uint64_t gap_ns = message->due_ns - message[-1].due_ns;

		cr_assert_geq(message->due_ns, message[-1].due_ns);
		cr_assert_eq(message->time_ns - flow.messages[0].time_ns, message->due_ns);
		bursts += gap_ns > 50000; /* 1 / rate */
	}
	cr_expect_geq(flow.count / bursts, 18);
	cr_expect_leq(flow.count / bursts, 22);
	/* 40,000 rows at 20,000 a second. */
	cr_expect_geq(flow.messages[flow.count - 1].due_ns, UINT64_C(1990000000));
	cr_expect_leq(flow.messages[flow.count - 1].due_ns, UINT64_C(2000000000));
	free(flow.messages);
}

Test(schedule, even_rows_divide_the_seconds_exactly)
{
	cr_expect_eq(slu_schedule_even_ns(0, 3), 0);
	cr_expect_eq(slu_schedule_even_ns(1, 3), 333333333);
	cr_expect_eq(slu_schedule_even_ns(2, 3), 666666666);
	cr_expect_eq(slu_schedule_even_ns(3, 3), 1000000000);
	cr_expect_eq(slu_schedule_even_ns(20001, 20000), 1000050000);
}

Test(schedule, a_day_at_the_highest_rate_does_not_overflow)
{
	cr_expect_eq(slu_schedule_even_ns(UINT64_C(864000000000), 10000000),
	             UINT64_C(86400000000000));
	cr_expect_eq(slu_schedule_even_ns(UINT64_C(863999999999), 10000000),
	             UINT64_C(86399999999900));
}

Test(schedule, a_bunch_starts_evenly_and_follows_ten_times_as_fast)
{
	cr_expect_eq(slu_schedule_bunched_ns(100, 100, 1000), 100000000);
	cr_expect_eq(slu_schedule_bunched_ns(100, 101, 1000), 100100000);
	cr_expect_eq(slu_schedule_bunched_ns(100, 120, 1000), 102000000);
}
