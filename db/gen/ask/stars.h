/* SPDX-License-Identifier: MIT */
/*
 * stars.h - `*` written out, so that a column added later changes nothing.
 *
 *      SELECT o.*, p.alias FROM ..    ->   SELECT o.id, o.state, p.alias FROM ..
 *
 * A bare `*` becomes bare names. Where two of its tables have a column of the same name, and where
 * the statement does not bear a closer look (a UNION, GROUP BY 2), the `*` stays: then the answer
 * is compared with the struct when the statement is prepared.
 */
#ifndef DB_GEN_ASK_STARS_H
#define DB_GEN_ASK_STARS_H

#include "db/gen/ask/study.h"

/* The columns that a star stands for: `count` from `first` on, in the answer. A count of 0: it
 * could not be found out. */
struct slu_star_columns {
	int first;
	int count;
};

/* Sets `columns`, one a star of the query, from `about`, the description of the query's own SQL,
 * and `*sql` to the SQL with the stars written out; to be freed. Returns the description of that
 * SQL, which is prepared as SLU_STATEMENT; NULL when the study broke. Takes `about` over. */
PGresult *slu_stars_write_out(struct slu_study *study, const struct slu_query_source *query,
                              PGresult *about, struct slu_star_columns *columns, char **sql);

#endif
