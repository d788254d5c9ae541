/* SPDX-License-Identifier: MIT */
/*
 * fault_proxy.h - stands between clients and a server, carries what they say, and breaks one of
 * their connections at a byte, or at an answer, of the test's choice.
 *
 *      client ---> our socket ---[ to server: bytes counted ]---> the server's socket
 *             <---               [ to client: bytes, and the ends of transactions ] <---
 *
 *      open -> [set -> clients come and go -> told]* -> close
 *
 * Promised: of a way that is broken at byte N the first N bytes arrive, and no more; `told.struck`
 * is set when it has happened. All other connections are carried as they are.
 *
 * A conversation with Postgres must not be encrypted: the conninfos given here see to that.
 *
 * What goes wrong here is the setup's fault: it is told on stderr and aborts.
 * Thread: one call at a time; `told` may be read at any time.
 */
#ifndef TESTS_TORTURE_FAULT_PROXY_H
#define TESTS_TORTURE_FAULT_PROXY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum proxy_way { PROXY_TO_SERVER = 0, PROXY_TO_CLIENT = 1 };

enum proxy_break {
	PROXY_NEVER = 0,
	PROXY_CUT,     /* both ends are closed, as when a proxy dies */
	PROXY_RESET,   /* the same, but a client that came by TCP gets a RST */
	PROXY_SILENCE, /* nothing more is carried, either way, and nothing is closed */
};

/* Where. The last two hold back what the server said when it had done something: the break is
 * before the first byte of that message, once the server has sent it. */
enum proxy_mark {
	PROXY_AT_BYTE = 0, /* after `at` bytes of way `way`, 0 for as soon as the client has come */
	PROXY_AT_COMMIT,   /* the connection's CommandComplete "COMMIT" number `at`, from 1 */
	PROXY_AT_READY,    /* its ReadyForQuery number `at`, from 1; the first ends the login */
};

struct proxy_plan {
	enum proxy_break what;
	uint32_t connection; /* which, from 1, counted since the plan was set */
	enum proxy_mark mark;
	enum proxy_way way;
	uint64_t at;
	/* Of all connections. What was read waits `delay_us`, then goes out, before more is read. */
	uint64_t delay_us;
	uint64_t bytes_per_second; /* each way; 0: no limit */
};

#define PROXY_CONNECTIONS_TOLD 32

/* What came through since the plan was set. */
struct proxy_told {
	_Atomic uint32_t connections; /* accepted */
	_Atomic bool struck;          /* the break has happened */
	struct {
		_Atomic uint64_t bytes[2]; /* carried, by way: a moment after they arrive */
		_Atomic uint32_t commits;  /* sent by the server */
		_Atomic uint32_t readies;
		_Atomic uint64_t opened[2]; /* `bytes` when the second ReadyForQuery came */
	} of[PROXY_CONNECTIONS_TOLD + 1];   /* by number; [0] is not used */
	_Atomic uint16_t port;
};

struct fault_proxy {
	/* As the server's own, but through us. */
	char *unix_conninfo;
	char *tcp_conninfo; /* on 127.0.0.1 */
	struct proxy_told *told;
	pid_t pid;
	int command_fd;
	char directory[sizeof("/tmp/sluice-proxy-XXXXXX")];
};

/* In front of the server of `dsn` (libpq keywords, over a Unix socket). With an empty plan. */
void fault_proxy_open(struct fault_proxy *proxy, const char *dsn);
void fault_proxy_close(struct fault_proxy *proxy);

/* Drops all connections, forgets what was told, and does as `plan` says from now on. */
void fault_proxy_set(struct fault_proxy *proxy, const struct proxy_plan *plan);

/* Drops all connections, also those held in silence. */
void fault_proxy_drop(struct fault_proxy *proxy);

#endif
