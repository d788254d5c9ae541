/* SPDX-License-Identifier: MIT */
/*
 * migrate_stage.h - a database, a directory of scripts, and `sluice migrate` between the two.
 *
 * What the program says is compared whole, after what differs from run to run is masked:
 *
 *      DIR  the directory      DB  the database      TIME  a time      N ms, N s  durations
 */
#ifndef TESTS_CONTRACT_MIGRATE_STAGE_H
#define TESTS_CONTRACT_MIGRATE_STAGE_H

#include "db/migrate/migrate.h"
#include "tests/contract/database.h"
#include "tests/script_directory.h"

extern struct stage {
	char *dsn;
	PGconn *connection;
	struct script_directory directory;
	struct sluice_migrate_options options; /* of the two */
	struct sluice_error error;
	size_t applied;
	char out[8192]; /* of the last stage_cli, masked */
	char err[8192];
} stage;

void stage_make(void);
void stage_clean(void);

void stage_add(const char *file, const char *text);
void stage_remove(const char *file);

/* `NNNN_name.up.sql` makes a table of that name, `.down.sql` drops it. */
void stage_add_table(const char *number, const char *name);

enum sluice_status stage_up(void);

/* The version, which is clean. */
int64_t stage_version(void);

/* Whether the database is dirty. */
bool stage_dirty(void);

bool stage_has_table(const char *name);

/* Runs `sluice migrate --dsn .. --path ..` and the words of `command`. Returns the exit status. */
int stage_cli(const char *command);

/* The same without --dsn and --path, unless `command` has them. */
int stage_cli_bare(const char *command);

/* What stage_cli(command) has to come to. */
#define stage_expect(command, status, out_text, err_text)                                     \
	do {                                                                                  \
		int stage_status = stage_cli(command);                                        \
		cr_expect_str_eq(stage.err, err_text, "%s says:\n%s", command, stage.err);    \
		cr_expect_str_eq(stage.out, out_text, "%s answers:\n%s", command, stage.out); \
		cr_assert_eq(stage_status, status, "%s: %d, %s", command, stage_status,       \
		             stage.err);                                                      \
	} while (0)

#endif
