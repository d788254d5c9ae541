/* SPDX-License-Identifier: MIT */
/*
 * flow.c - draws message after message against a small model of the book: the orders that are open.
 *
 * One message: draw its kind -> pick an open order, or open one -> size and price -> time.
 */
#include "cli/flow.h"

#include "cli/order_index.h"
#include "cli/schedule.h"

#include <stdlib.h>

#define OPENING_NS (UINT64_C(34200) * SLU_NS_PER_SECOND) /* 09:30 */
#define OLDER_ORDERS 200                                 /* open before the day begins */
#define BURST_MIN 10                                     /* messages */
#define BURST_MAX 30
#define TICK 100 /* one cent */
#define MID_FIRST UINT64_C(2236700)
#define MID_MIN UINT64_C(1000000)

struct open_order {
	uint64_t order;
	uint64_t price;
	uint32_t left; /* shares */
	bool buy;
};

struct book {
	struct open_order *open;
	size_t open_count;
	uint64_t order_last;
	uint64_t mid; /* price between the sides; it wanders */
	uint64_t random;
};

/* SplitMix64. */
static uint64_t draw(struct book *book)
{
	book->random += UINT64_C(0x9e3779b97f4a7c15);
	return slu_mix64(book->random);
}

/* From 0 to bound - 1. The bias of the modulo is below 2^-40 for the bounds used here. */
static uint64_t draw_below(struct book *book, uint64_t bound)
{
	return draw(book) % bound;
}

static uint32_t draw_size(struct book *book)
{
	if (draw_below(book, 100) < 60)
		return 100;
	return (uint32_t)(1 + draw_below(book, 500));
}

static struct open_order *open_order(struct book *book)
{
	struct open_order *opened = &book->open[book->open_count++];
	uint64_t distance = (1 + draw_below(book, 20)) * TICK;

	opened->order = ++book->order_last;
	opened->buy = draw_below(book, 2) == 0;
	opened->price = opened->buy ? book->mid - distance : book->mid + distance;
	opened->left = draw_size(book);
	return opened;
}

static void close_order(struct book *book, struct open_order *closed)
{
	*closed = book->open[--book->open_count];
}

static enum slu_message_type draw_type(struct book *book)
{
	uint64_t percent = draw_below(book, 100);

	if (percent < 50)
		return SLU_SUBMISSION;
	if (percent < 83)
		return SLU_DELETION;
	if (percent < 95)
		return SLU_EXECUTION;
	return percent < 97 ? SLU_PARTIAL_CANCEL : SLU_HIDDEN_EXECUTION;
}

static void wander(struct book *book)
{
	uint64_t step = draw_below(book, 40);

	if (step == 0)
		book->mid += TICK;
	else if (step == 1 && book->mid > MID_MIN)
		book->mid -= TICK;
}

/* What `type` does to `order`: how many shares it concerns, and what is left of the order. */
static uint32_t touch_order(struct book *book, enum slu_message_type type, struct open_order *order)
{
	uint32_t shares = order->left;

	if (type == SLU_PARTIAL_CANCEL ||
	    (type == SLU_EXECUTION && order->left > 1 && draw_below(book, 100) < 40))
		shares = (uint32_t)(1 + draw_below(book, order->left - 1));
	order->left -= shares;
	if (order->left == 0)
		close_order(book, order);
	return shares;
}

static void draw_message(struct book *book, struct slu_message *message)
{
	enum slu_message_type type = draw_type(book);
	struct open_order *order;

	wander(book);
	if (type == SLU_HIDDEN_EXECUTION) {
		*message = (struct slu_message){.price = book->mid, .size = draw_size(book)};
		message->buy = draw_below(book, 2) == 0;
	} else if (type == SLU_SUBMISSION || book->open_count == 0) {
		type = SLU_SUBMISSION;
		order = open_order(book);
		*message = (struct slu_message){
			.order = order->order, .price = order->price, .size = order->left};
		message->buy = order->buy;
	} else {
		order = &book->open[draw_below(book, book->open_count)];
		if (type == SLU_PARTIAL_CANCEL && order->left == 1)
			type = SLU_DELETION; /* one share has no part */
		*message = (struct slu_message){.order = order->order, .price = order->price};
		message->buy = order->buy;
		message->size = touch_order(book, type, order);
	}
	message->type = (uint8_t)type;
}

bool slu_flow_make(const struct slu_flow_shape *shape, struct slu_flow *flow)
{
	struct book book = {.mid = MID_FIRST, .random = shape->seed};
	uint64_t burst_row = 0;
	size_t burst_end = 0;

	*flow = (struct slu_flow){0};
	/* A message is a row at least, and opens one order at most. */
	flow->messages = calloc(shape->rows, sizeof(*flow->messages));
	book.open = calloc(shape->rows + OLDER_ORDERS, sizeof(*book.open));
	if (flow->messages == NULL || book.open == NULL) {
		free(flow->messages);
		free(book.open);
		return false;
	}
	while (book.open_count < OLDER_ORDERS)
		open_order(&book);
	while (flow->rows < shape->rows) {
		struct slu_message *message = &flow->messages[flow->count];

		if (flow->count == burst_end) {
			burst_row = flow->rows;
			burst_end += BURST_MIN + draw_below(&book, BURST_MAX - BURST_MIN + 1);
		}
		draw_message(&book, message);
		message->number = (uint32_t)++flow->count;
		message->due_ns = slu_schedule_bunched_ns(burst_row, flow->rows, shape->rate);
		message->time_ns = OPENING_NS + message->due_ns;
		flow->rows += slu_message_rows(message);
	}
	flow->orders = book.order_last;
	free(book.open);
	return true;
}
