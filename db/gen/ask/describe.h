/* SPDX-License-Identifier: MIT */
/* describe.h - the server's own answer to what a statement takes and returns. */
#ifndef DB_GEN_ASK_DESCRIBE_H
#define DB_GEN_ASK_DESCRIBE_H

#include "db/gen/ask/study.h"

/* What the statement is prepared as, for EXECUTE. */
#define SLU_STATEMENT "sluice_gen"

/* Prepares `sql` and returns its description: PQnparams, PQparamtype, PQnfields, PQfname, PQftype,
 * PQfmod, PQftable, PQftablecol. What was prepared before is forgotten. `types` are those of the
 * parameters, NULL for the server to find out. Returns NULL when the server refuses it; `refusal`,
 * if given, is then its answer, to be cleared, else NULL. */
PGresult *slu_describe(struct slu_study *study, const char *sql, int type_count, const Oid *types,
                       PGresult **refusal);

/* Forgets what is prepared. Returns false when the study broke. */
bool slu_describe_forget(struct slu_study *study);

/* Tells what the server has against the query, at the place it means. `sql` is what it was asked,
 * the query's own SQL or one of ours, NULL for one without places in the source. */
void slu_describe_tell(struct slu_study *study, const struct slu_query_source *query,
                       const PGresult *refusal, const char *sql);

#endif
