/* SPDX-License-Identifier: MIT */
/*
 * proxy_link.h - one connection through a fault proxy: what was read and not sent, where it stands
 * in the conversation, and whether it is to be broken.
 *
 *      client  --ways[0]-->  server
 *              <--ways[1]--
 *
 * Nothing here waits.
 */
#ifndef TESTS_TORTURE_PROXY_LINK_H
#define TESTS_TORTURE_PROXY_LINK_H

#include "tests/torture/fault_proxy.h"

#include <poll.h>
#include <stddef.h>

#define PROXY_BUFFER_SIZE 65536

/* Where the server's messages begin and end: type, 4 bytes of size, the rest. */
struct proxy_scan {
	uint64_t next; /* offset of the message that is looked at, or comes next */
	unsigned char head[12];
	size_t head_size; /* bytes of it that have come */
};

/* One way of a connection. */
struct proxy_stream {
	unsigned char bytes[PROXY_BUFFER_SIZE];
	size_t begin, end;   /* of those read and not sent */
	uint64_t read, sent; /* in all */
	uint64_t limit;      /* never sent beyond */
	uint64_t due_ns;     /* nothing is sent before */
	bool ended;          /* nothing more comes */
	bool shut;           /* nobody takes it any more */
};

/* A connection. Way w reads from ends[w] and writes to ends[!w]. */
struct proxy_link {
	const struct proxy_plan *plan;
	struct proxy_told *told;
	int ends[2]; /* the client's, the server's; -1 when closed */
	uint32_t number;
	bool silent;
	struct proxy_scan scan; /* of what goes to the client */
	struct proxy_stream ways[2];
};

/* Takes over two connected sockets. It may be broken, even closed, when this returns. */
void proxy_link_begin(struct proxy_link *link, const struct proxy_plan *plan,
                      struct proxy_told *told, int client_fd, int server_fd);
void proxy_link_close(struct proxy_link *link);

/* Reads and sends what it can, and breaks or closes the connection where that is due. */
void proxy_link_carry(struct proxy_link *link);

/* What to wait for at the end that `way` reads from; lowers `*wake_ns` to when to go on anyway. */
struct pollfd proxy_link_wish(const struct proxy_link *link, enum proxy_way way, uint64_t now_ns,
                              uint64_t *wake_ns);

/* The time that `wake_ns` is in. */
uint64_t proxy_now(void);

#endif
