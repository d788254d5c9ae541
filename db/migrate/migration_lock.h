/* SPDX-License-Identifier: MIT */
/*
 * migration_lock.h - one migration at a time on a database, golang-migrate's runs included.
 *
 * golang-migrate takes one advisory lock, whose number it computes from schema, version table and
 * database; but its command line writes the database as `/name` and its library as `name`, so that
 * these two do not even exclude each other. Sluice takes both.
 *
 * Held by a transaction, it works through a transaction pooler, too; held by the session, it spans
 * scripts that can't be in a transaction. Both kinds exclude each other, and golang-migrate.
 *
 * We ask again and again, and never queue: a queued session would deadlock with a CREATE INDEX
 * CONCURRENTLY that waits for all sessions.
 */
#ifndef DB_MIGRATE_MIGRATION_LOCK_H
#define DB_MIGRATE_MIGRATION_LOCK_H

#include "db/migrate/migration_watch.h"

#include <libpq-fe.h>

struct slu_migration_lock {
	PGconn *connection;
	uint32_t ids[2]; /* ascending */
};

/* golang-migrate's number for the three names. */
uint32_t slu_migration_lock_id(const char *schema, const char *table, const char *database);

/* Names the lock of the version table `schema`.`table`. Takes nothing yet. */
void slu_migration_lock_init(struct slu_migration_lock *lock, PGconn *connection,
                             const char *schema, const char *table);

/* Begins a transaction that holds the lock, until it ends. Returns SLUICE_OK; SLUICE_TIMEOUT when
 * others held it for the options' lock timeout, SLUICE_FAILED also when a stop was asked for: then
 * there is no transaction.  Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_lock_begin(struct slu_migration_lock *lock, const struct slu_migration_watch *watch,
                         struct sluice_error *error);

/* The same for the session, outside of a transaction, until slu_migration_lock_release. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_lock_take(struct slu_migration_lock *lock, const struct slu_migration_watch *watch,
                        struct sluice_error *error);

/* Gives the session's lock back, if the connection still lives. */
void slu_migration_lock_release(struct slu_migration_lock *lock);

#endif
