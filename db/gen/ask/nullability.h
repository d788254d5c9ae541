/* SPDX-License-Identifier: MIT */
/*
 * nullability.h - which columns of an answer are never NULL.
 *
 * A column is called so only when it is proven:
 *   - it is a table's own column (not a view's, not a foreign table's), NOT NULL there and in all
 *     that inherit from it, and the plan shows its table, nowhere on a side that a join fills up
 *     with NULLs; or
 *   - it is an expression that has no NULL: count(..), a literal, COALESCE(.., literal), EXISTS, of
 *     a statement without such joins.
 * Grouping sets, and parts of the plan that can't be seen through, make all nullable.
 */
#ifndef DB_GEN_ASK_NULLABILITY_H
#define DB_GEN_ASK_NULLABILITY_H

#include "db/gen/ask/study.h"

/* Sets nullable[column] for each column of `about`, the description of the statement that is
 * prepared as SLU_STATEMENT. Returns false when the study broke or the server can't plan it, which
 * is told. */
bool slu_nullability(struct slu_study *study, const struct slu_query_source *query, const char *sql,
                     const PGresult *about, bool *nullable);

/* Whether a table's column may hold NULL, by the catalog or by an override. */
bool slu_nullability_of_column(struct slu_study *study, uint32_t table, int attribute);

#endif
