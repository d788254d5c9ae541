/* SPDX-License-Identifier: MIT */
/* migrate_dsn.h - database URLs as golang-migrate's users write them, for libpq. */
#ifndef CLI_MIGRATE_DSN_H
#define CLI_MIGRATE_DSN_H

#include <sluice/sluice.h>

struct slu_migrate_dsn {
	char *conninfo;       /* for libpq */
	char *version_schema; /* NULL unless x-migrations-table-quoted names one */
	char *version_table;  /* NULL unless x-migrations-table */
	uint64_t statement_timeout_ns;
};

/* Understands postgres, postgresql, pgx, pgx4 and pgx5 as schemes, and takes golang-migrate's own
 * keys (x-..) out of the query. What has no scheme is passed on as it is. Returns SLUICE_OK, or
 * SLUICE_INVALID for a key that we can't honour; `error` names the key and no value. Free it, also
 * on failure. */
SLUICE_MUST_CHECK enum sluice_status
slu_migrate_dsn_read(struct slu_migrate_dsn *dsn, const char *text, struct sluice_error *error);
void slu_migrate_dsn_free(struct slu_migrate_dsn *dsn);

#endif
