/* SPDX-License-Identifier: MIT */
/*
 * verify.h - compares what is in the database with what must be there, row by row.
 *
 *      lost        a row that must be there and is not
 *      duplicated  a row that must not be there, or is there a second time
 *      different   a row with another content in some column
 *      sums        counts by state, and sums of quantities and values, added up by the database
 *
 * Everything is read in one REPEATABLE READ transaction, a row at a time, so memory holds the
 * expectation and one row. Only rows of this run's repetitions are looked at.
 */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/day.h"

#include <sluice/sluice.h>

#include <libpq-fe.h>

#define SLU_DIFFERENCE_COUNT_MAX 8

struct slu_verification {
	bool exact;        /* all the counts below agree */
	uint64_t messages; /* played, so expected to be seen */
	uint64_t orders_expected, orders_rows;
	uint64_t executions_expected, executions_rows;
	uint64_t lost;
	uint64_t duplicated;
	uint64_t different;
	uint64_t sums_different;
	/* The first few, in words: names of rows and columns, no contents. */
	char differences[SLU_DIFFERENCE_COUNT_MAX][160];
	size_t difference_count;
};

/* Recomputes the rows from the day's messages as far as they were played (slu_day_played) and
 * compares. Returns SLUICE_OK when the comparison was made, whatever it found, or SLUICE_FAILED
 * with `error`: memory, or the database refused a query. */
SLUICE_MUST_CHECK enum sluice_status slu_verify(PGconn *connection, const struct slu_day *day,
                                                const uint64_t *finished,
                                                struct slu_verification *verification,
                                                struct sluice_error *error);

#endif
