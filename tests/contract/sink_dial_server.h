/* SPDX-License-Identifier: MIT */
/*
 * sink_dial_server.h - servers that listen on a network, for tests of how the sink gets to them.
 *
 *      make -> [run -> halt]* -> remove          its copy: copy -> [run -> halt]* -> remove
 *
 * Each is a cluster in a directory of its own. It listens on one address of this machine, and lets in
 * what comes from there; and on a Unix socket, for the test itself. As with database.h, what goes
 * wrong here is told on stderr and aborts.
 */
#ifndef TESTS_CONTRACT_SINK_DIAL_SERVER_H
#define TESTS_CONTRACT_SINK_DIAL_SERVER_H

#include <stdbool.h>

struct tcp_server;

struct tcp_server *tcp_server_make(const char *address);
/* Of one that does not run, with all it holds: the same system to Postgres. */
struct tcp_server *tcp_server_copy(const struct tcp_server *server, const char *address);
void tcp_server_remove(struct tcp_server *server);

/* Starts it; returns when it lets us in. */
void tcp_server_run(struct tcp_server *server);
/* Starts it as one that lets nobody in (57P03), as while a server starts up, but for ever. */
void tcp_server_run_closed(struct tcp_server *server);
void tcp_server_halt(struct tcp_server *server);

/* Writes a file of the cluster's; it is read at the next start, or reload. */
void tcp_server_write(const struct tcp_server *server, const char *name, const char *text);
/* Adds lines to postgresql.conf. */
void tcp_server_set(const struct tcp_server *server, const char *lines);

/* Over the Unix socket, as superuser, to database postgres. */
const char *tcp_server_dsn(const struct tcp_server *server);
const char *tcp_server_directory(const struct tcp_server *server); /* to leave files in */
const char *tcp_server_address(const struct tcp_server *server);
int tcp_server_port(const struct tcp_server *server);

#endif
