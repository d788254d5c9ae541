/* SPDX-License-Identifier: MIT */
/*
 * server.h - the disposable Postgres a benchmark writes to: durable settings, the shipped schema,
 * one provider, and a connection to prepare and check with.
 *
 * It is stopped and removed when the program ends, also early. All here ends the program when it
 * fails.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <sluice/stream.h>

struct slu_server {
	const char *dsn;
	const char *directory; /* for files that psql is to read */
	void *connection;      /* PGconn */
};

/* One at a time. */
void slu_server_open(struct slu_server *server);
void slu_server_close(struct slu_server *server);

/* Runs a statement that returns nothing of interest. */
void slu_server_tell(struct slu_server *server, const char *sql);

/* How many rows the stream's table holds, a blank, and a sum over hashes of all their columns but
 * the version: equal texts, equal tables. */
void slu_server_digest(struct slu_server *server, const struct sluice_stream *stream, char *text,
                       size_t size);

#endif
