/* SPDX-License-Identifier: MIT */
/* query_answer.h - what a server answers to a query, checked and made into rows. */
#ifndef SINK_QUERY_ANSWER_H
#define SINK_QUERY_ANSWER_H

#include "sink/query_prepared.h"

/* Whether `result` is an answer, not an error. */
bool slu_answer_is_one(const PGresult *result);

/* Checks that the answer's columns are those that were described. Returns SLUICE_OK,
 * SLUICE_INVALID. */
enum sluice_status slu_answer_check(const struct slu_prepared *prepared, const PGresult *result,
                                    struct sluice_error *error);

/* Makes the rows of `result`, which belongs to them from then on; NULL for none. */
void slu_rows_init(struct sluice_rows *rows, const struct sluice_query *query, PGresult *result);

#endif
