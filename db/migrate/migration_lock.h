/* SPDX-License-Identifier: MIT */
/*
 * migration_lock.h - one migration at a time on a database, golang-migrate's runs included.
 *
 * golang-migrate takes one advisory lock, whose number it computes from schema, version table and
 * database; but its command line writes the database as `/name` and its library as `name`, so that
 * these two do not even exclude each other. Sluice takes both.
 */
#ifndef DB_MIGRATE_MIGRATION_LOCK_H
#define DB_MIGRATE_MIGRATION_LOCK_H

#include <libpq-fe.h>
#include <sluice/sluice.h>

struct slu_migration_lock {
	PGconn *connection;
	uint32_t ids[2]; /* ascending */
};

/* golang-migrate's number for the three names. */
uint32_t slu_migration_lock_id(const char *schema, const char *table, const char *database);

/* Takes the lock for the version table `schema`.`table`, in the session of `connection`. Asks again
 * and again, never queues: a queued session would deadlock with a CREATE INDEX CONCURRENTLY that
 * waits for all sessions. Returns SLUICE_OK, SLUICE_TIMEOUT when others held it for `timeout_ns`,
 * SLUICE_FAILED.  Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_lock_take(struct slu_migration_lock *lock,
                                                             PGconn *connection, const char *schema,
                                                             const char *table, uint64_t timeout_ns,
                                                             struct sluice_error *error);

/* Gives the lock back, if the connection still lives. */
void slu_migration_lock_release(struct slu_migration_lock *lock);

#endif
