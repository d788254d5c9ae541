/* SPDX-License-Identifier: MIT */
/*
 * expected.h - what must be in the database, computed from the messages alone.
 *
 * This is the second opinion: it knows the messages, how far each engine thread got, and the rules
 * below, written down once more. It shares no line with the replay that put the rows, and looks at
 * no counter of Sluice.
 *
 *      submission        opens the order: ACK
 *      partial cancel    takes shares off its quantity
 *      deletion          CANCELLED
 *      execution         an execution row; FILLED once all shares are, else PARTIAL
 *      hidden execution  an execution row without an order
 *
 * An order that begins before the day is known by what is seen of it: its quantity is what was
 * executed, and what a deletion took. It never becomes FILLED: nobody knows how large it was.
 */
#ifndef CLI_EXPECTED_H
#define CLI_EXPECTED_H

#include "cli/day.h"
#include "cli/order_index.h"

enum slu_order_state {
	SLU_ORDER_ACK,
	SLU_ORDER_PARTIAL,
	SLU_ORDER_FILLED,
	SLU_ORDER_CANCELLED,
	SLU_ORDER_STATES
};

extern const char *const slu_order_state_names[SLU_ORDER_STATES];

struct slu_expected_order {
	uint64_t placed_ns;    /* since midnight in New York */
	uint64_t completed_ns; /* UINT64_MAX: not completed */
	uint64_t price;        /* dollars x 10000 */
	int64_t quantity;      /* shares */
	int64_t filled;        /* shares */
	uint64_t order;
	uint64_t repeat;
	uint32_t source;
	uint8_t state;      /* enum slu_order_state */
	uint8_t first_type; /* enum slu_message_type of the message that showed it */
	bool buy;
	bool found; /* for whoever compares */
};

__extension__ typedef __int128 slu_sum;

/* Sums over one source. */
struct slu_expected_sums {
	uint64_t orders[SLU_ORDER_STATES]; /* rows in each state */
	slu_sum quantity, filled;          /* over its orders, in shares */
	uint64_t executions;               /* rows */
	slu_sum fill_quantity;             /* shares */
	slu_sum fill_value;                /* shares x dollars x 10000 */
};

struct slu_expected {
	struct slu_expected_order *orders; /* of all repetitions that were played */
	size_t order_count;
	size_t order_capacity;
	struct slu_order_index index; /* (order, repeat, source) -> place in `orders` */
	uint64_t execution_count;
	uint64_t message_count; /* played */
	struct slu_expected_sums sums[SLU_SOURCE_COUNT_MAX];
};

/* Folds all messages that were played (slu_day_played). Returns false when out of memory; otherwise
 * free it. */
bool slu_expected_make(struct slu_expected *expected, const struct slu_day *day,
                       const uint64_t *finished);
void slu_expected_free(struct slu_expected *expected);

/* The order, or NULL when there must be none. `repeat` counts from 0 within the run. */
struct slu_expected_order *slu_expected_find(const struct slu_expected *expected, uint32_t source,
                                             uint64_t order, uint64_t repeat);

#endif
