/* SPDX-License-Identifier: MIT */
/*
 * pg_statement.h - what pg_script.h's scripts are made of: one statement after the other, with its
 * parameters.
 *
 * Each call adds to the plan's script, which has room for it, and does nothing any more once
 * `status` or the script's bytes tell of a failure. Pure but for memory.
 */
#ifndef SINK_PG_STATEMENT_H
#define SINK_PG_STATEMENT_H

#include "sink/pg_script.h"

enum {
	SLU_FENCE_PARAMETERS = 4,
	SLU_LETTER_PARAMETERS = 11,
};

/* A script in the making. */
struct slu_plan {
	struct slu_script *script;
	const struct slu_parcel *parcel; /* NULL: it seals */
	const struct sluice_batch *batch;
	const struct slu_script_terms *terms;
	struct sluice_error error; /* of the first field that can't be encoded */
	enum sluice_status status;
};

struct slu_statement *slu_statement_add(struct slu_plan *plan, enum slu_statement_kind kind,
                                        const struct sluice_stream *stream, size_t rows);
void slu_statement_fence(struct slu_plan *plan);
void slu_statement_seal(struct slu_plan *plan);
/* The rows of part number `index` that are to be removed, or to be written. */
void slu_statement_arrays(struct slu_plan *plan, size_t index, bool removed);
/* All of them, by COPY. */
void slu_statement_copy(struct slu_plan *plan, size_t index);
/* All letters of the parcel. */
void slu_statement_letters(struct slu_plan *plan);

/* Whether the row can be encoded as its statement would; `error` tells what can't. */
enum sluice_status slu_statement_fits(struct slu_buffer *scratch, const struct sluice_part *part,
                                      size_t row, struct sluice_error *error);

#endif
