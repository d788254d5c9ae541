/* SPDX-License-Identifier: MIT */
/* query_failure.h - what the caller of a query is told when the server refused. */
#ifndef SINK_QUERY_FAILURE_H
#define SINK_QUERY_FAILURE_H

#include <libpq-fe.h>
#include <sluice/query.h>

/* Fills `error` from `result`, which is an error or NULL. Returns SLUICE_FAILED. */
enum sluice_status slu_query_failed(PGconn *connection, const PGresult *result,
                                    const struct sluice_query *query, struct sluice_error *error);

#endif
