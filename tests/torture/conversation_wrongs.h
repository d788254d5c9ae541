/* SPDX-License-Identifier: MIT */
/* conversation_wrongs.h - the oracle of conversations finds what is wrong: a test of the test. */
#ifndef TESTS_TORTURE_CONVERSATION_WRONGS_H
#define TESTS_TORTURE_CONVERSATION_WRONGS_H

#include "tests/torture/conversation.h"

/* Corrupts what a whole conversation has left, which the oracle agreed with, in one way at a time,
 * and puts it right again; adds the ways to `*count`. False: the oracle has not found one, which is
 * told on stderr. */
bool conversation_wrongs_seen(struct conversation *conversation, PGconn *connection, int *count);

#endif
