/* SPDX-License-Identifier: MIT */
/* message.h - one thing that happened to an order at the exchange, as a LOBSTER file tells it. */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers are the format's. */
enum slu_message_type {
	SLU_SUBMISSION = 1,
	SLU_PARTIAL_CANCEL = 2,
	SLU_DELETION = 3,
	SLU_EXECUTION = 4,        /* of a visible order */
	SLU_HIDDEN_EXECUTION = 5, /* of a hidden one: `order` means nothing */
	SLU_HALT = 7,             /* of trading: no order, size or price */
};

struct slu_message {
	uint64_t time_ns; /* since midnight in New York */
	uint64_t due_ns;  /* when to play it, since its repetition began */
	uint64_t order;   /* the exchange's order id */
	uint64_t price;   /* dollars x 10000 */
	uint32_t size;    /* shares */
	uint32_t number;  /* its line in the file, or its place in the synthetic flow; from 1 */
	uint32_t ordinal; /* its place among the messages of its engine thread, from 0 */
	uint16_t source;  /* index of the file it came from */
	uint8_t thread;   /* index of the engine thread that plays it */
	uint8_t type;     /* enum slu_message_type */
	bool buy;         /* the resting order's side */
};

/* Rows that a message becomes: an execution also moves its order. */
static inline uint64_t slu_message_rows(const struct slu_message *message)
{
	if (message->type == SLU_HALT)
		return 0;
	return message->type == SLU_EXECUTION ? 2 : 1;
}

#endif
