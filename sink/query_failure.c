/* SPDX-License-Identifier: MIT */
/* query_failure.c - the sink's rules for messages (pg_error.h), under the query's name. */
#include "sink/query_failure.h"

#include "sink/pg_error.h"

#include <sluice/sink.h>

#include <stdio.h>

enum sluice_status slu_query_failed(PGconn *connection, const PGresult *result,
                                    const struct sluice_query *query, struct sluice_error *error)
{
	struct slu_trouble trouble;
	char where[128];

	(void)snprintf(where, sizeof(where), "query %s", query->name);
	slu_trouble_of_result(&trouble, connection, result, where);
	return sluice_error_set(error, SLUICE_FAILED, "%s", trouble.reason);
}
