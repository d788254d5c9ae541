/* SPDX-License-Identifier: MIT */
/*
 * expected_rows.h - the rows that must be there, as the database prints them, and the queries that
 * have it print them so.
 *
 * Times are microseconds since midnight in New York, numerics have all their 16 decimals: the
 * database converts, not we. Every query takes $1 provider_id, $2 first and $3 last repetition.
 */
#ifndef CLI_EXPECTED_ROWS_H
#define CLI_EXPECTED_ROWS_H

#include "cli/expected.h"

#define SLU_CELL_SIZE 56 /* bytes: the longest is a name, and fits */
#define SLU_CELL_COUNT_MAX 16

struct slu_cell {
	bool null;
	char text[SLU_CELL_SIZE];
};

extern const char slu_orders_sql[];
extern const char slu_executions_sql[];
extern const char slu_order_sums_sql[];
extern const char slu_execution_sums_sql[];

/* Each fills the cells of a row of the query with its name. */
void slu_cells_of_order(struct slu_cell *cells, const struct slu_source *source,
                        const struct slu_expected_order *order);
void slu_cells_of_execution(struct slu_cell *cells, const struct slu_source *source,
                            const struct slu_message *message, uint64_t repeat);
/* These return how many cells they filled. */
int slu_cells_of_order_sums(struct slu_cell *cells, const struct slu_expected_sums *sums);
int slu_cells_of_execution_sums(struct slu_cell *cells, const struct slu_expected_sums *sums);

/* A client_order_id; or an execution_id, the part behind its colon. `repeat` counts from 0 within
 * the run. */
void slu_cell_of_name(struct slu_cell *cell, const struct slu_source *source, uint64_t number,
                      uint64_t repeat);

#endif
