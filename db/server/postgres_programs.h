/* SPDX-License-Identifier: MIT */
/*
 * postgres_programs.h - finds PostgreSQL's server programs, which are rarely in PATH.
 */
#ifndef DB_SERVER_POSTGRES_PROGRAMS_H
#define DB_SERVER_POSTGRES_PROGRAMS_H

#include <sluice/sluice.h>

#define SLU_POSTGRES_VERSION_MIN 15

/* Fills `directory` with the one that holds initdb and postgres of version 15 or newer: where
 * `pg_config --bindir` points if they are there, else the newest of /usr/lib/postgresql.
 * Progress: blocking, runs programs. */
SLUICE_MUST_CHECK enum sluice_status slu_postgres_programs_find(char *directory, size_t size,
                                                                struct sluice_error *error);

#endif
