/* SPDX-License-Identifier: MIT */
/* emit.h - writes a model as a C header and its source. The same model gives the same bytes. */
#ifndef DB_GEN_WRITE_EMIT_H
#define DB_GEN_WRITE_EMIT_H

#include "db/gen/model.h"

/* Before the hashes in the first lines of both files: of what they were made from, and of what follows
 * those lines, so that a change by hand is seen without making them anew. */
#define SLU_EMIT_INPUT "input: "
#define SLU_EMIT_OUTPUT "output: "

/* The two files' text, to be freed. */
struct slu_emitted {
	char *header; /* prefix.h */
	char *source; /* prefix.c */
};

/* `input_hash` is told in the first lines of both: what they were made from. Returns SLUICE_OK;
 * SLUICE_INVALID when two things would have one name in C; SLUICE_FAILED for want of memory. */
SLUICE_MUST_CHECK enum sluice_status slu_emit(struct slu_emitted *emitted,
                                              const struct slu_model *model, const char *input_hash,
                                              struct sluice_error *error);
/* The hash of what follows the first lines, as they tell it; of a text without them, some number. */
uint64_t slu_emitted_hash(const char *text);

void slu_emitted_free(struct slu_emitted *emitted);

#endif
