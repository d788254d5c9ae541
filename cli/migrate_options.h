/* SPDX-License-Identifier: MIT */
/*
 * migrate_options.h - the command line of `sluice migrate`.
 *
 * Options stand anywhere, with one dash or two, as golang-migrate's do: -path DIR, --path=DIR. A
 * dash before digits is a number: force -1.
 */
#ifndef CLI_MIGRATE_OPTIONS_H
#define CLI_MIGRATE_OPTIONS_H

#include "cli/migrate_dsn.h"

#include <sluice/migrate.h>

#define SLU_MIGRATE_OPERANDS_MAX 8

/* Those that not every operation takes, as bits. */
enum slu_migrate_flag {
	SLU_MIGRATE_FLAG_ALL = 1,
	SLU_MIGRATE_FLAG_YES = 2,
	SLU_MIGRATE_FLAG_OUT_OF_ORDER = 4,
	SLU_MIGRATE_FLAG_EXIT_CODE = 8,
};

struct slu_migrate_line {
	const char *operands[SLU_MIGRATE_OPERANDS_MAX]; /* the operation's name and what it takes */
	size_t operand_count;
	unsigned int flags;
	bool help;
	const char *path; /* or NULL */
	struct slu_migrate_dsn dsn;
	uint64_t lock_timeout_ns; /* 0 unless given */
};

/* Returns SLUICE_OK, or SLUICE_INVALID with `error` filled. Free it, also on failure. */
SLUICE_MUST_CHECK enum sluice_status slu_migrate_line_read(struct slu_migrate_line *line, int argc,
                                                           char **argv, struct sluice_error *error);
void slu_migrate_line_free(struct slu_migrate_line *line);

/* The option that sets `flag`, for messages. */
const char *slu_migrate_flag_name(enum slu_migrate_flag flag);

#endif
