/* SPDX-License-Identifier: MIT */
/*
 * flow.h - a trading day out of a seed: the same seed and shape give the same messages, everywhere.
 *
 * The mix is that of real flow: of 100 messages about 50 submit an order, 33 delete one, 12 execute
 * one, 2 cancel a part, 3 execute a hidden order. They come in bursts of about 20, so fast one
 * after the other that ten times the mean rate is met, with pauses between. Some orders are older
 * than the day, as in a file that begins in mid-session.
 */
#ifndef CLI_FLOW_H
#define CLI_FLOW_H

#include "cli/message.h"

#include <stddef.h>

struct slu_flow_shape {
	uint64_t seed;
	uint64_t rows; /* the flow ends with the message that reaches as many */
	uint64_t rate; /* rows a second, in the mean */
};

struct slu_flow {
	struct slu_message *messages; /* of malloc, with due_ns set */
	size_t count;
	uint64_t rows;
	uint64_t orders; /* different ones, at most */
};

/* Returns false when out of memory; otherwise free flow->messages. */
bool slu_flow_make(const struct slu_flow_shape *shape, struct slu_flow *flow);

#endif
