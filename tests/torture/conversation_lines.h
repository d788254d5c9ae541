/* SPDX-License-Identifier: MIT */
/*
 * conversation_lines.h - which rows are said in a conversation: between who says them and who looks
 * for them after.
 */
#ifndef TESTS_TORTURE_CONVERSATION_LINES_H
#define TESTS_TORTURE_CONVERSATION_LINES_H

#include "tests/torture/conversation.h"

#define CONVERSATION_KEYS 8    /* a run's */
#define CONVERSATION_REFUSED 9 /* the engine whose rows the tables refuse */

/* Row number 1, 2, 3.. */
struct conversation_line {
	uint64_t batch;
	enum step_kind kind;
	int64_t key;
	bool refused;
};

extern const struct conversation_line conversation_lines[CONVERSATION_LINES];

/* Whether a conversation has this line; then its place in lane 0. */
bool conversation_says(const struct conversation *conversation, size_t line);
uint64_t conversation_sequence(const struct conversation *conversation, size_t line);

#endif
