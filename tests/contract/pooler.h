/* SPDX-License-Identifier: MIT */
/*
 * pooler.h - a PgBouncer of its own between a test and the server that SLUICE_TEST_DSN names.
 *
 *      test ---> pooler_dsn ---> PgBouncer, on a Unix socket ---> the server, any database
 *
 * As with database.h, what goes wrong here, a missing pgbouncer included, is told on stderr and
 * aborts.
 */
#ifndef TESTS_CONTRACT_POOLER_H
#define TESTS_CONTRACT_POOLER_H

struct pooler;

/* Starts one in front of the server of `dsn` (libpq keywords, over a Unix socket); returns when it
 * answers. It lets in the user of `dsn`, to any database of that server, and opens at most
 * `connections` to each; of those that are free it lends the one that came back last. `mode` is
 * PgBouncer's pool_mode: "session", "transaction" or "statement". */
struct pooler *pooler_start(const char *dsn, const char *mode, unsigned connections);

/* `dsn`, led through the pooler. */
const char *pooler_dsn(const struct pooler *pooler);

/* Ends it and what it left behind. */
void pooler_stop(struct pooler *pooler);

#endif
