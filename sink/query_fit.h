/* SPDX-License-Identifier: MIT */
/*
 * query_fit.h - does the database still say of a query what its program was generated for?
 *
 * Types are compared by what they read as: a domain as its base, a varchar as a text, an enum as an
 * enum, since only the built-in types have numbers that are the same everywhere.
 */
#ifndef SINK_QUERY_FIT_H
#define SINK_QUERY_FIT_H

#include <sluice/query.h>
#include <sluice/sink.h>

#include <libpq-fe.h>

/* Compares the description of a prepared statement with the query's layouts. Fills `row_types` with
 * the types of the columns as the server numbers them, and `elements` with those of the parameters'
 * elements, 0 where one is no array; each has room for its layout's columns.
 * Returns SLUICE_OK; SLUICE_INVALID with `error` naming the first difference; SLUICE_FAILED. */
enum sluice_status slu_query_fit(PGconn *connection, const struct sluice_query *query,
                                 const PGresult *description, Oid *row_types, Oid *elements,
                                 struct sluice_error *error);

#endif
