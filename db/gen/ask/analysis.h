/* SPDX-License-Identifier: MIT */
/*
 * analysis.h - asks a database what the queries of a file mean.
 *
 * Types are the server's answer to PREPARE and describe; nullability comes from the catalog and the
 * plan, and what is not certain is nullable.
 */
#ifndef DB_GEN_ASK_ANALYSIS_H
#define DB_GEN_ASK_ANALYSIS_H

#include "db/gen/model.h"
#include "db/gen/read/config.h"

#include <libpq-fe.h>

/* Fills `model` from `file`, with what `connection`, a database with all migrations, says. Tells
 * what is wrong to `findings`, all of it, and returns SLUICE_INVALID; SLUICE_FAILED when the server
 * can't be asked. `connection` is in no transaction, `overrides` may be NULL with a count of 0.
 * Free the model in any case; it refers to `file`. The database is left as it was. */
SLUICE_MUST_CHECK enum sluice_status
slu_analyse(struct slu_model *model, const struct slu_query_file *file, PGconn *connection,
            const struct slu_override *overrides, size_t override_count, int64_t schema_version,
            struct slu_findings *findings);

#endif
