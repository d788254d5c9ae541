/* SPDX-License-Identifier: MIT */
/*
 * gen_database.h - databases that are made for one run, on a server of our own or on somebody's.
 *
 *      open -> [create -> drop]* -> close
 *
 * Never touches a database that it has not made.
 */
#ifndef DB_GEN_GEN_DATABASE_H
#define DB_GEN_GEN_DATABASE_H

#include <sluice/sluice.h>

struct slu_disposable;

struct slu_gen_database {
	struct slu_disposable *server; /* NULL when the server is somebody's */
	char *dsn;                     /* of the server */
	char name[64];                 /* of the database, "" when there is none */
	char *conninfo;                /* of the database */
	unsigned made;                 /* how many there were */
};

/* `dsn` names a server, NULL one of our own. Close it in any case. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_database_open(struct slu_gen_database *database,
                                                           const char *dsn,
                                                           struct sluice_error *error);

/* Makes an empty database: `conninfo` is its. Needs CREATEDB. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_database_create(struct slu_gen_database *database,
                                                             struct sluice_error *error);

/* Drops it, if there is one, whoever is still connected. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_database_drop(struct slu_gen_database *database,
                                                           struct sluice_error *error);

/* Drops what there is and stops a server of our own. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_database_close(struct slu_gen_database *database,
                                                            struct sluice_error *error);

#endif
