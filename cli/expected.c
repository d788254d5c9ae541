/* SPDX-License-Identifier: MIT */
/* expected.c - one pass over the messages of each repetition, one entry for each order. */
#include "cli/expected.h"

#include <stdlib.h>

const char *const slu_order_state_names[SLU_ORDER_STATES] = {
	[SLU_ORDER_ACK] = "ACK",
	[SLU_ORDER_PARTIAL] = "PARTIAL",
	[SLU_ORDER_FILLED] = "FILLED",
	[SLU_ORDER_CANCELLED] = "CANCELLED",
};

struct slu_expected_order *slu_expected_find(const struct slu_expected *expected, uint32_t source,
                                             uint64_t order, uint64_t repeat)
{
	const struct slu_order_key key = {.order = order, .repeat = repeat, .source = source};
	const uint32_t *place = slu_order_index_find(&expected->index, key);

	return place == NULL ? NULL : &expected->orders[*place];
}

/* Places in `orders` are 32 bits wide: more orders than that are more than memory, too. */
static bool grow(struct slu_expected *expected)
{
	size_t larger = expected->order_capacity == 0 ? 1024 : expected->order_capacity * 2;
	struct slu_expected_order *orders;

	if (larger > UINT32_MAX)
		return false;
	orders = realloc(expected->orders, larger * sizeof(*orders));
	if (orders == NULL)
		return false;
	expected->orders = orders;
	expected->order_capacity = larger;
	return true;
}

/* The entry of the message's order, made if this is the first that is seen of it. */
static struct slu_expected_order *entry_of(struct slu_expected *expected,
                                           const struct slu_message *message, uint64_t repeat)
{
	const struct slu_order_key key = {
		.order = message->order, .repeat = repeat, .source = message->source};
	struct slu_expected_order *entry;
	const uint32_t *place;
	bool is_new;

	if (expected->order_count == expected->order_capacity && !grow(expected))
		return NULL;
	place = slu_order_index_insert(&expected->index, key, (uint32_t)expected->order_count,
	                               &is_new);
	if (place == NULL)
		return NULL;
	entry = &expected->orders[*place];
	if (is_new) {
		expected->order_count++;
		*entry = (struct slu_expected_order){
			.placed_ns = message->time_ns,
			.completed_ns = UINT64_MAX,
			.price = message->price,
			.order = message->order,
			.repeat = repeat,
			.source = message->source,
			.state = SLU_ORDER_ACK,
			.first_type = message->type,
			.buy = message->buy,
		};
	}
	return entry;
}

static void fold_execution(struct slu_expected_order *entry, const struct slu_message *message)
{
	bool size_known = entry->first_type == SLU_SUBMISSION;

	entry->filled += message->size;
	if (size_known && entry->filled >= entry->quantity) {
		entry->state = SLU_ORDER_FILLED;
		entry->completed_ns = message->time_ns;
		return;
	}
	entry->state = SLU_ORDER_PARTIAL;
	entry->completed_ns = UINT64_MAX;
	if (!size_known && entry->quantity < entry->filled)
		entry->quantity = entry->filled;
}

static void fold_order(struct slu_expected_order *entry, const struct slu_message *message)
{
	bool size_known = entry->first_type == SLU_SUBMISSION;

	switch (message->type) {
	case SLU_SUBMISSION:
		entry->quantity = message->size;
		break;
	case SLU_PARTIAL_CANCEL:
		if (size_known)
			entry->quantity -= message->size;
		break;
	case SLU_DELETION:
		entry->state = SLU_ORDER_CANCELLED;
		entry->completed_ns = message->time_ns;
		if (!size_known)
			entry->quantity = entry->filled + message->size;
		break;
	case SLU_EXECUTION:
		fold_execution(entry, message);
		break;
	}
}

static bool fold(struct slu_expected *expected, const struct slu_message *message, uint64_t repeat)
{
	struct slu_expected_sums *sums = &expected->sums[message->source];
	struct slu_expected_order *entry;

	expected->message_count++;
	if (message->type == SLU_EXECUTION || message->type == SLU_HIDDEN_EXECUTION) {
		expected->execution_count++;
		sums->executions++;
		sums->fill_quantity += message->size;
		sums->fill_value += (slu_sum)message->size * message->price;
	}
	if (message->type == SLU_HIDDEN_EXECUTION)
		return true;
	entry = entry_of(expected, message, repeat);
	if (entry != NULL)
		fold_order(entry, message);
	return entry != NULL;
}

static void sum_up(struct slu_expected *expected)
{
	size_t index;

	for (index = 0; index < expected->order_count; index++) {
		const struct slu_expected_order *entry = &expected->orders[index];
		struct slu_expected_sums *sums = &expected->sums[entry->source];

		sums->orders[entry->state]++;
		sums->quantity += entry->quantity;
		sums->filled += entry->filled;
	}
}

bool slu_expected_make(struct slu_expected *expected, const struct slu_day *day,
                       const uint64_t *finished)
{
	uint64_t repeat;
	size_t index;

	*expected = (struct slu_expected){0};
	for (repeat = 0; repeat < day->repeats; repeat++)
		for (index = 0; index < day->message_count; index++) {
			const struct slu_message *message = &day->messages[index];

			if (slu_day_played(day, finished, message, repeat) &&
			    !fold(expected, message, repeat)) {
				slu_expected_free(expected);
				return false;
			}
		}
	sum_up(expected);
	return true;
}

void slu_expected_free(struct slu_expected *expected)
{
	free(expected->orders);
	slu_order_index_free(&expected->index);
	*expected = (struct slu_expected){0};
}
