/* SPDX-License-Identifier: MIT */
/*
 * gen_output.h - the folder that is the generator's: what should be in it, and what is.
 *
 * Every .c and .h in it is made by the generator. One that this run would not make is left over
 * from a query file that is gone, and is told.
 */
#ifndef DB_GEN_GEN_OUTPUT_H
#define DB_GEN_GEN_OUTPUT_H

#include <sluice/sluice.h>

#include <stdio.h>

struct slu_gen_file {
	char *name;       /* trading.h */
	char *text;       /* NULL when only its input is known */
	char hash[17];    /* of its input, as its first lines tell */
	char *remark;     /* "2 streams, 12 queries" */
	const char *from; /* the query file's path */
};

struct slu_gen_output {
	char *directory;
	struct slu_gen_file *files;
	size_t count;
};

/* Returns false when out of memory, as all here. Free it in any case. */
SLUICE_MUST_CHECK bool slu_gen_output_init(struct slu_gen_output *output, const char *directory);
void slu_gen_output_free(struct slu_gen_output *output);

/* Adds a file, stem.ending. `text` and `remark` are copied; `from` is not. */
SLUICE_MUST_CHECK bool slu_gen_output_add(struct slu_gen_output *output, const char *stem,
                                          const char *ending, const char *text, const char *hash,
                                          const char *remark, const char *from);

/* The file of that name, or NULL. */
const struct slu_gen_file *slu_gen_output_find(const struct slu_gen_output *output,
                                               const char *name);

/* Writes what differs, each file whole or not at all, and tells each on `answer`. Makes the folder.
 * Returns SLUICE_OK or SLUICE_FAILED. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_output_write(const struct slu_gen_output *output,
                                                          FILE *answer, struct sluice_error *error);

/* Compares: texts, or, when they are not known, what the first lines say they were made from. Tells
 * each difference on `answer`; `*differences` is how many files differ, are missing or left over.
 * Returns SLUICE_OK, also with differences, or SLUICE_FAILED. */
SLUICE_MUST_CHECK enum sluice_status slu_gen_output_compare(const struct slu_gen_output *output,
                                                            FILE *answer, size_t *differences,
                                                            struct sluice_error *error);

/* Tells the files that are left over; `*count` is how many. */
SLUICE_MUST_CHECK enum sluice_status
slu_gen_output_tell_left_over(const struct slu_gen_output *output, FILE *answer, size_t *count,
                              struct sluice_error *error);

#endif
