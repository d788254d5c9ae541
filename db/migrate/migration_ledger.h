/* SPDX-License-Identifier: MIT */
/*
 * migration_ledger.h - what of a set is in the database: files, history and version, side by side.
 *
 * Pure: it reads no file and asks no server.
 *
 *      version of the database: 5       1       2       3       4       5       6
 *      files                            a       b'      -       d       e       f
 *      history (previous_version)       a(-1)   b(1)    c(2)    -       e(3)    f(5)
 *      standing                         APPLIED MODIFIED MISSING OUT_OF_ORDER APPLIED PENDING
 *
 * Version 4 has no record, and lies between 5's previous version and 5: it was not there when 5 was
 * applied. Without 5's record it would be UNVERIFIED: another tool may have run it. The record of 6
 * is above the database's version, so 6 was taken back by another tool.
 */
#ifndef DB_MIGRATE_MIGRATION_LEDGER_H
#define DB_MIGRATE_MIGRATION_LEDGER_H

#include "db/migrate/migration_history.h"
#include "db/migrate/migration_set.h"

enum slu_migration_standing {
	SLU_APPLIED,
	SLU_UNVERIFIED,   /* in place, but not by us */
	SLU_MODIFIED,     /* in place, with other files than it has now */
	SLU_MISSING,      /* in place, without files */
	SLU_OUT_OF_ORDER, /* below the database's version, and never applied */
	SLU_PENDING,
};

struct slu_migration_line {
	int64_t version;
	const struct slu_migration *files; /* NULL when missing */
	const struct slu_migration_record
		*record; /* NULL when nothing of it is recorded in place */
	enum slu_migration_standing standing;
	bool up_modified; /* when SLU_MODIFIED, one of these at least */
	bool down_modified;
};

struct slu_migration_ledger {
	struct slu_migration_line *lines; /* by version */
	size_t count;
	int64_t version;       /* the database's */
	const char *directory; /* of the files; NULL when they are part of a program */
};

/* Borrows `set`, whose scripts are hashed, and `history`. Returns SLUICE_FAILED when out of memory.
 */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_ledger_make(struct slu_migration_ledger *ledger, const struct slu_migration_set *set,
                          const struct slu_migration_history *history, int64_t version,
                          struct sluice_error *error);
void slu_migration_ledger_free(struct slu_migration_ledger *ledger);

static inline bool slu_migration_in_place(const struct slu_migration_line *line)
{
	return line->standing != SLU_PENDING && line->standing != SLU_OUT_OF_ORDER;
}

/* The first migration to apply at or below `limit`, or NULL when there is none. Those out of order
 * count when `all`. */
const struct slu_migration_line *slu_migration_next_up(const struct slu_migration_ledger *ledger,
                                                       int64_t limit, bool all);

/* The last one in place below `version`, or NULL. */
const struct slu_migration_line *
slu_migration_in_place_below(const struct slu_migration_ledger *ledger, int64_t version);

const struct slu_migration_line *slu_migration_line_of(const struct slu_migration_ledger *ledger,
                                                       int64_t version);

/* Versions in place. */
size_t slu_migration_in_place_count(const struct slu_migration_ledger *ledger);

/* Refuses a way up to `limit` when something in place is modified or missing, or something was
 * never applied, unless `all`. A file of which only the down script changed is no obstacle. The
 * version `except` may be modified (-1 for none). */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_check_up(const struct slu_migration_ledger *ledger, int64_t limit, bool all,
                       int64_t except, struct sluice_error *error);

/* Refuses to take `line` back when its files are gone, or not those that were applied. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_check_down(const struct slu_migration_ledger *ledger,
                         const struct slu_migration_line *line, struct sluice_error *error);

#endif
