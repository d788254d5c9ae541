/* SPDX-License-Identifier: MIT */
/*
 * sink_fault.h - the ways in which a sink's connection is broken, after a number of its steps.
 */
#ifndef TESTS_CONTRACT_SINK_FAULT_H
#define TESTS_CONTRACT_SINK_FAULT_H

#include "tests/contract/sink_driver.h"

#include <sys/socket.h>

enum fault {
	TERMINATE, /* the server ends the session */
	CUT,       /* the client's end is gone: the server may go on for a while */
	LOSE,      /* the same, after the next answer was sent, but not read */
};

static inline void discard_input(int fd)
{
	struct pollfd socket = {.fd = fd, .events = POLLIN};
	char bytes[4096];

	/* An answer may never come, if more is to be sent first. */
	if (poll(&socket, 1, 100) > 0)
		while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
}

static inline void inflict(struct server *server, const struct driver *driver, enum fault fault)
{
	if (fault == TERMINATE) {
		database_run(server->admin,
		             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		             "WHERE datname = current_database() AND application_name = 'sluice'");
		return;
	}
	if (driver->progress.fd < 0)
		return;
	if (fault == LOSE)
		discard_input(driver->progress.fd);
	(void)shutdown(driver->progress.fd, SHUT_RDWR);
}

/* A driver's meddler: breaks the connection once. */
struct meddler {
	struct server *server;
	enum fault fault;
	unsigned after; /* so many steps */
	unsigned steps; /* so far */
	bool done;
};

static inline void meddle(struct driver *driver, void *context)
{
	struct meddler *meddler = context;

	if (meddler->done || meddler->steps++ < meddler->after)
		return;
	meddler->done = true;
	inflict(meddler->server, driver, meddler->fault);
}

static inline void meddle_with(struct driver *driver, struct meddler *meddler)
{
	driver->meddle = meddle;
	driver->meddle_context = meddler;
}

#endif
