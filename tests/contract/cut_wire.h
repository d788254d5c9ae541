/* SPDX-License-Identifier: MIT */
/*
 * cut_wire.h - runs something in a child process whose wire to the server goes through us, and ends
 * it at a request of our choice: deterministically, at every step a program can die.
 *
 *      child ---> our socket ---> us, counting requests ---> the server's socket
 *
 * A request is what the server answers with ReadyForQuery: a simple query, or all up to a sync. As
 * with database.h, what goes wrong here is told on stderr and aborts.
 */
#ifndef TESTS_CONTRACT_CUT_WIRE_H
#define TESTS_CONTRACT_CUT_WIRE_H

#include <stdbool.h>
#include <stddef.h>

/* What ends when the server has done the request and before its answer arrives. To cut before a
 * request would be no other case: the server is where it was after the one before. */
enum cut {
	CUT_CLIENT,     /* the child: it is killed */
	CUT_CONNECTION, /* only the connection */
};

/* What came of it. */
struct cut_end {
	bool reached; /* the request: if not, the child ran to its end */
	int status;   /* what `work` returned; -1 when the child was killed */
};

/* Runs `work` in a child, with a conninfo that leads to the database of `dsn` (libpq keywords, over
 * a Unix socket), and cuts at request number `request`, from 1. Waits for the child's end. What
 * `work` prints is not shown. */
struct cut_end cut_wire(const char *dsn, int (*work)(const char *conninfo), size_t request,
                        enum cut cut);

#endif
