/* SPDX-License-Identifier: MIT */
/*
 * gen_study.h - the analysis of a few queries, for tests: SQL in, a model and what was said about
 * it out.
 */
#ifndef TESTS_CONTRACT_GEN_STUDY_H
#define TESTS_CONTRACT_GEN_STUDY_H

#include "db/gen/ask/analysis.h"

struct study {
	enum sluice_status status;
	struct slu_query_file file;
	struct slu_model model;
	char *said; /* the findings */
	size_t said_size;
};

/* Analyses `queries`, the text of a file called queries.sql, on `connection`. What goes wrong with
 * files or memory aborts. */
void study_make(struct study *study, PGconn *connection, const char *queries,
                const struct slu_override *overrides, size_t override_count);
void study_free(struct study *study);

/* The struct, or the field of it, of a name; fails the program when there is none. */
const struct slu_struct *study_struct(const struct study *study, const char *name);
const struct slu_field *study_field(const struct slu_struct *object, const char *name);

#endif
