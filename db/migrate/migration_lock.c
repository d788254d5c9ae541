/* SPDX-License-Identifier: MIT */
/* migration_lock.c - both of golang-migrate's advisory locks, or neither. */
#include "db/migrate/migration_lock.h"

#include "db/clock.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOCK_SALT UINT32_C(1486364155)
#define PAUSE_MIN_NS UINT64_C(50000000)
#define PAUSE_MAX_NS UINT64_C(500000000)
#define TIMEOUT_NS UINT64_C(15000000000) /* golang-migrate's default */

/* CRC-32 as in IEEE 802.3, continued from `crc` (0 to begin with). */
static uint32_t crc32_ieee(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	size_t i;
	int bit;

	crc = ~crc;
	for (i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
	}
	return ~crc;
}

/* `slash` is "/" or "", and stands before the database's name. */
static uint32_t lock_id(const char *schema, const char *table, const char *slash,
                        const char *database)
{
	uint32_t crc = crc32_ieee(0, schema, strlen(schema) + 1); /* NULs are the separators */

	crc = crc32_ieee(crc, table, strlen(table) + 1);
	crc = crc32_ieee(crc, slash, strlen(slash));
	crc = crc32_ieee(crc, database, strlen(database));
	return crc * LOCK_SALT;
}

uint32_t slu_migration_lock_id(const char *schema, const char *table, const char *database)
{
	return lock_id(schema, table, "", database);
}

void slu_migration_lock_init(struct slu_migration_lock *lock, PGconn *connection,
                             const char *schema, const char *table)
{
	uint32_t plain = lock_id(schema, table, "", PQdb(connection));
	uint32_t slashed = lock_id(schema, table, "/", PQdb(connection));

	lock->connection = connection;
	lock->ids[0] = plain < slashed ? plain : slashed;
	lock->ids[1] = plain < slashed ? slashed : plain;
}

/* ---- one try: 1 for both, 0 for none, -1 when that failed ---- */

static int call(struct slu_migration_lock *lock, const char *function, uint32_t id)
{
	char sql[96];
	PGresult *result;
	int answer = -1;

	snprintf(sql, sizeof(sql), "SELECT pg_catalog.%s(%" PRIu32 "::bigint)", function, id);
	result = PQexec(lock->connection, sql);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		answer = PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	return answer;
}

/* READ COMMITTED, whatever the default is: who got the lock must see what its last holder did. */
static int try_transaction(struct slu_migration_lock *lock)
{
	PGresult *result = PQexec(lock->connection, "BEGIN ISOLATION LEVEL READ COMMITTED");
	int answer = PQresultStatus(result) == PGRES_COMMAND_OK ? 1 : -1;
	size_t i;

	PQclear(result);
	for (i = 0; i < 2 && answer == 1; i++)
		answer = call(lock, "pg_try_advisory_xact_lock", lock->ids[i]);
	if (answer == 0)
		PQclear(PQexec(lock->connection, "ROLLBACK"));
	return answer;
}

static int try_session(struct slu_migration_lock *lock)
{
	int first = call(lock, "pg_try_advisory_lock", lock->ids[0]);
	int second;

	if (first != 1)
		return first;
	second = call(lock, "pg_try_advisory_lock", lock->ids[1]);
	if (second != 1)
		call(lock, "pg_advisory_unlock", lock->ids[0]);
	return second;
}

/* ---- until it works ---- */

static enum sluice_status say_timeout(const struct slu_migration_lock *lock, uint64_t waited_ns,
                                      struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_TIMEOUT,
	                        "timeout: can't acquire database lock: another migration has held "
	                        "it for %.1f s. Wait for it and run again; to see who it is: "
	                        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid "
	                        "IN (%" PRIu32 ", %" PRIu32 ")",
	                        (double)waited_ns / 1e9, lock->ids[0], lock->ids[1]);
}

static enum sluice_status take(struct slu_migration_lock *lock,
                               int (*try_once)(struct slu_migration_lock *lock),
                               const struct slu_migration_watch *watch, struct sluice_error *error)
{
	uint64_t timeout_ns = watch->options->lock_timeout_ns;
	uint64_t start_ns = slu_monotonic_ns();
	uint64_t pause_ns = PAUSE_MIN_NS;

	if (timeout_ns == 0)
		timeout_ns = TIMEOUT_NS;
	for (;;) {
		int taken = try_once(lock);
		uint64_t waited_ns = slu_monotonic_ns() - start_ns;

		if (taken == 1)
			return SLUICE_OK;
		if (taken < 0) {
			sluice_error_set(error, SLUICE_FAILED,
			                 "can't ask for the migration lock: %s",
			                 PQerrorMessage(lock->connection));
			PQclear(PQexec(lock->connection, "ROLLBACK"));
			return SLUICE_FAILED;
		}
		if (slu_migration_stopping(watch))
			return sluice_error_set(error, SLUICE_FAILED,
			                        "stopped while another migration held the "
			                        "database lock; nothing was begun");
		if (waited_ns >= timeout_ns)
			return say_timeout(lock, waited_ns, error);
		if (pause_ns > timeout_ns - waited_ns)
			pause_ns = timeout_ns - waited_ns;
		slu_pause_ns(pause_ns);
		pause_ns = pause_ns * 2 < PAUSE_MAX_NS ? pause_ns * 2 : PAUSE_MAX_NS;
	}
}

enum sluice_status slu_migration_lock_begin(struct slu_migration_lock *lock,
                                            const struct slu_migration_watch *watch,
                                            struct sluice_error *error)
{
	return take(lock, try_transaction, watch, error);
}

enum sluice_status slu_migration_lock_take(struct slu_migration_lock *lock,
                                           const struct slu_migration_watch *watch,
                                           struct sluice_error *error)
{
	return take(lock, try_session, watch, error);
}

void slu_migration_lock_release(struct slu_migration_lock *lock)
{
	call(lock, "pg_advisory_unlock", lock->ids[1]);
	call(lock, "pg_advisory_unlock", lock->ids[0]);
}
