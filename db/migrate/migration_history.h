/* SPDX-License-Identifier: MIT */
/*
 * migration_history.h - who brought the database where it is, when, and with which files.
 *
 * A table beside the version table, named like it with `_history` behind, to which each step adds
 * a row in its own transaction. golang-migrate knows nothing of it. So it may lag behind the
 * version table, and the version table is right: a version above it is not in place, whatever the
 * history says, and the next step writes that down as `lost`.
 *
 *      action   version                        previous_version
 *      up       the script that was run        the one in place below it
 *      down     the script that was run        the one in place below it
 *      force    what the database was set to   where it was
 *      adopt    applied by another tool        the one in place below it
 *      repair   its changed files accepted     as it was
 *      lost     taken back by another tool, or its files are gone for good
 *
 * What lay between previous_version and version when a row was written has not been applied: that
 * tells a script that came too late from one that another tool ran.
 */
#ifndef DB_MIGRATE_MIGRATION_HISTORY_H
#define DB_MIGRATE_MIGRATION_HISTORY_H

#include "db/migrate/migration_set.h"

#include <libpq-fe.h>

/* The last thing that happened to a version and left it in place. Texts are never NULL. */
struct slu_migration_record {
	int64_t version;
	int64_t previous_version;
	const char *up_file; /* "" when it had none, as below */
	const char *down_file;
	const char *up_sha256;
	const char *down_sha256;
	const char *at; /* UTC */
	const char *by;
	const char *action; /* up, adopt or repair */
};

struct slu_migration_history {
	struct slu_migration_record *records; /* by version */
	size_t count;
	int64_t last_id; /* of all rows, 0 when there is none: it changes with each */
	PGresult *texts; /* hold the records' */
};

struct slu_migration_event {
	const char *action;
	int64_t version;
	int64_t previous_version;
	const struct slu_migration *files; /* hashed; NULL for none */
	uint64_t duration_ns;
};

/* All return SLUICE_OK, or SLUICE_FAILED with `error` and `sqlstate` filled. `table` is the
 * history's name, quoted for SQL. */

/* Fills the hashes of all scripts in `set`. The server computes them. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_history_hash(PGconn *connection,
                                                                struct slu_migration_set *set,
                                                                char *sqlstate,
                                                                struct sluice_error *error);

SLUICE_MUST_CHECK enum sluice_status slu_migration_history_create(PGconn *connection,
                                                                  const char *table, char *sqlstate,
                                                                  struct sluice_error *error);

/* Reads an existing history. Free it, also on failure. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_history_read(PGconn *connection, const char *table,
                           struct slu_migration_history *history, char *sqlstate,
                           struct sluice_error *error);
void slu_migration_history_free(struct slu_migration_history *history);

SLUICE_MUST_CHECK enum sluice_status
slu_migration_history_add(PGconn *connection, const char *table,
                          const struct slu_migration_event *event, char *sqlstate,
                          struct sluice_error *error);

/* Writes down as lost what the history holds in place above `version`. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_history_lose_above(PGconn *connection, const char *table, int64_t version,
                                 char *sqlstate, struct sluice_error *error);

/* Fills `error` and `sqlstate` with why the server did not do it; `doing` completes "can't ..". */
enum sluice_status slu_migration_refused(PGconn *connection, const char *doing,
                                         const PGresult *result, char *sqlstate,
                                         struct sluice_error *error);

#endif
