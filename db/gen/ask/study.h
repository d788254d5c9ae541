/* SPDX-License-Identifier: MIT */
/*
 * study.h - what the parts of the analysis share: the database that is asked, the model that is
 * filled, and how both can fail.
 *
 *      describe      a query's parameters and columns, as the server tells them
 *      stars         `*` written out
 *      types         a type of SQL as one of C
 *      nullability   which columns are never NULL, by catalog and plan
 *      fields        a struct from what was found
 *      streams       an INSERT as a stream
 *
 * What a user can mend is a finding; the work goes on, so that all are told. What nobody can mend
 * here, a lost connection or no memory, sets `broken`: it is told once, and the rest does nothing.
 */
#ifndef DB_GEN_ASK_STUDY_H
#define DB_GEN_ASK_STUDY_H

#include "db/gen/ask/analysis.h"

struct slu_study {
	struct slu_model *model;
	const struct slu_query_file *file;
	PGconn *connection;
	const struct slu_override *overrides;
	size_t override_count;
	struct slu_findings *findings;
	bool broken;
};

/* Tells that the server can't be asked, with what it says, and breaks off. */
void slu_study_lost(struct slu_study *study, const char *doing);

/* Tells that memory is short, and breaks off. */
void slu_study_starved(struct slu_study *study);

/* Runs SQL of our own with text parameters. Returns its answer, or NULL when it broke. */
PGresult *slu_study_ask(struct slu_study *study, const char *sql, int count,
                        const char *const *values);

/* A copy; NULL when memory is short, which is noted. */
char *slu_study_copy(struct slu_study *study, const char *text);

/* Text as printf writes it; NULL as above. */
char *slu_study_print(struct slu_study *study, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A text that is written piece by piece. */
struct slu_text {
	FILE *file; /* write here */
	char *bytes;
	size_t size;
};

/* Returns false when memory is short, which is noted. */
bool slu_text_begin(struct slu_study *study, struct slu_text *text);

/* What was written, to be freed; NULL as above. */
char *slu_text_end(struct slu_study *study, struct slu_text *text);

/* Makes room for one more in an array of `count` items of `size` bytes, zeroed. Returns the array,
 * which may have moved; NULL, and leaves the array as it was, when memory is short, which is
 * noted. */
void *slu_study_grow(struct slu_study *study, void *items, size_t count, size_t size);

#endif
