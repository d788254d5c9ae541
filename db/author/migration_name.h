/* SPDX-License-Identifier: MIT */
/*
 * migration_name.h - what the name of a file beside migrations makes of it.
 */
#ifndef DB_AUTHOR_MIGRATION_NAME_H
#define DB_AUTHOR_MIGRATION_NAME_H

#include <sluice/sluice.h>

enum slu_migration_kind {
	SLU_KIND_OTHER,     /* nothing to do with migrations */
	SLU_KIND_UP,        /* 0001_title.up.sql */
	SLU_KIND_DOWN,      /* 0001_title.down.sql */
	SLU_KIND_SEED,      /* 0001_title.seed.sql: rows for `verify`, no migration */
	SLU_KIND_MISSPELT,  /* looks like one of these, and is passed over as a migration */
	SLU_KIND_TOO_LARGE, /* a migration with a version above 2^63 - 1 */
};

struct slu_migration_name {
	enum slu_migration_kind kind;
	int64_t version;    /* of an up, down or seed script */
	size_t digit_count; /* how many digits it is written with, zeros in front included */
};

/* Returns SLUICE_OK, or SLUICE_FAILED when out of memory. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_name_parse(const char *file,
                                                              struct slu_migration_name *name,
                                                              struct sluice_error *error);

#endif
