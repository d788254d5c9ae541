/* SPDX-License-Identifier: MIT */
/* database.h - an operator's connection: by the DSN of the command line, or libpq's environment. */
#ifndef CLI_DATABASE_H
#define CLI_DATABASE_H

#include <sluice/sluice.h>

#include <libpq-fe.h>

/* Connects with `dsn` as migrate_dsn.h reads it, NULL for the environment alone. `name` is what the
 * database's administrator sees. Returns CLI_OK with `*connection` for PQfinish, or an exit status
 * with `error`: neither holds a password. */
int slu_database_connect(PGconn **connection, const char *dsn, const char *name,
                         struct sluice_error *error);

#endif
