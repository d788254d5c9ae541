/* SPDX-License-Identifier: MIT */
/*
 * database.h - a database of its own for each contract test, on the server that SLUICE_TEST_DSN
 * names (tests/with_postgres.c starts one). What goes wrong here is the setup's fault, not the
 * test's: it is told on stderr and aborts.
 */
#ifndef TESTS_CONTRACT_DATABASE_H
#define TESTS_CONTRACT_DATABASE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* Creates a database, with the shipped migrations applied by the production runner or empty.
 * Returns its conninfo, for database_drop. */
char *database_create(bool migrated);

/* Drops it, whoever is still connected, and frees `dsn`. */
void database_drop(char *dsn);

PGconn *database_connect(const char *dsn);

/* Runs SQL whose result, if any, does not matter. */
void database_run(PGconn *connection, const char *sql);

/* The one value of a query that returns one row with one integer. */
int64_t database_query_int(PGconn *connection, const char *sql);

#endif
