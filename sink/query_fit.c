/* SPDX-License-Identifier: MIT */
/* query_fit.c - first by the built-in types' numbers; what they don't tell, the catalog does. */
#include "sink/query_fit.h"

#include "sink/pg_buffer.h"
#include "sink/pg_type.h"
#include "sink/query_failure.h"

#include <stdio.h>
#include <stdlib.h>

/* One side of a query: what it takes, or what it returns. */
struct side {
	const struct sluice_query *query;
	const struct sluice_layout *layout;
	const char *part;
	int count; /* as the server describes it */
	Oid *types;
	Oid *elements;
};

/* For each type in $1, in their order: what is below its domains and its array; whether it is an
 * array; of what; whether that is an enum; its name. */
static const char look_up_sql[] =
	"WITH RECURSIVE down (place, depth, asked, type, is_array, element) AS ("
	"SELECT place, 0, asked, asked, false, 0::oid "
	"FROM pg_catalog.unnest($1::oid[]) WITH ORDINALITY AS a (asked, place) "
	"UNION ALL "
	"SELECT place, depth + 1, asked, CASE typtype WHEN 'd' THEN typbasetype ELSE typelem END, "
	"is_array OR typtype <> 'd', CASE typtype WHEN 'd' THEN element ELSE typelem END "
	"FROM down JOIN pg_catalog.pg_type ON oid = type "
	"WHERE typtype = 'd' OR (typcategory = 'A' AND NOT is_array)) "
	"SELECT DISTINCT ON (place) type, is_array, element, typtype = 'e', "
	"pg_catalog.format_type(asked, NULL) "
	"FROM down JOIN pg_catalog.pg_type ON oid = type ORDER BY place, depth DESC";

enum { BASE, IS_ARRAY, ELEMENT, IS_ENUM, NAME };

static enum sluice_status refuse(const struct side *side, int column, const char *found,
                                 struct sluice_error *error)
{
	const struct sluice_column *expected = &side->layout->columns[column];
	const char *name = expected->type == SLUICE_ENUM ? expected->labels->name
	                                                 : slu_type_name(expected->type);

	return sluice_error_set(error, SLUICE_INVALID,
	                        "query %s no longer fits the database: %s %s is %s, this program "
	                        "was generated for %s%s: run sluice gen",
	                        side->query->name, side->part, expected->name, found, name,
	                        expected->form == SLUICE_ITEMS ? "[]" : "");
}

/* ---- by the catalog ---- */

static PGresult *look_up(PGconn *connection, const struct side *side)
{
	PGresult *result = NULL;
	struct slu_buffer list;
	const char *values[1];
	int column;

	slu_buffer_init(&list, SIZE_MAX);
	for (column = 0; column < side->count; column++) {
		char number[16];

		(void)snprintf(number, sizeof(number), "%c%u", column > 0 ? ',' : '{',
		               side->types[column]);
		slu_buffer_put_text(&list, number);
	}
	slu_buffer_put(&list, "}", sizeof("}"));
	values[0] = (const char *)list.bytes;
	if (list.failure == SLU_BUFFER_FINE)
		result = PQexecParams(connection, look_up_sql, 1, NULL, values, NULL, NULL, 0);
	slu_buffer_free(&list);
	return result;
}

static bool is_true(const PGresult *result, int row, int field)
{
	return PQgetvalue(result, row, field)[0] == 't';
}

static Oid type_at(const PGresult *result, int row, int field)
{
	return (Oid)strtoul(PQgetvalue(result, row, field), NULL, 10);
}

static bool fits(const PGresult *result, int row, const struct sluice_column *expected)
{
	uint32_t unused;

	if (is_true(result, row, IS_ARRAY) != (expected->form == SLUICE_ITEMS))
		return false;
	if (expected->type == SLUICE_ENUM)
		return is_true(result, row, IS_ENUM);
	return slu_type_reads_as(type_at(result, row, BASE), expected->type, SLUICE_INLINE,
	                         &unused);
}

static enum sluice_status ask_catalog(PGconn *connection, const struct side *side,
                                      struct sluice_error *error)
{
	PGresult *result = look_up(connection, side);
	enum sluice_status status = SLUICE_OK;
	int column;

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != side->count)
		status = slu_query_failed(connection, result, side->query, error);
	for (column = 0; column < side->count && status == SLUICE_OK; column++) {
		const struct sluice_column *expected = &side->layout->columns[column];

		if (!fits(result, column, expected))
			status = refuse(side, column, PQgetvalue(result, column, NAME), error);
		else if (side->elements != NULL)
			side->elements[column] = type_at(result, column, ELEMENT);
	}
	PQclear(result);
	return status;
}

/* ---- both sides ---- */

static enum sluice_status fit_side(PGconn *connection, const struct side *side,
                                   struct sluice_error *error)
{
	bool known = true;
	int column;

	for (column = 0; column < side->count; column++) {
		const struct sluice_column *expected = &side->layout->columns[column];
		uint32_t element;

		known &= slu_type_reads_as(side->types[column], expected->type, expected->form,
		                           &element);
		if (side->elements != NULL)
			side->elements[column] = element;
	}
	return known ? SLUICE_OK : ask_catalog(connection, side, error);
}

static enum sluice_status fit_params(PGconn *connection, const struct sluice_query *query,
                                     const PGresult *description, Oid *elements,
                                     struct sluice_error *error)
{
	int expected = query->params != NULL ? query->params->column_count : 0;
	struct side side = {.query = query,
	                    .layout = query->params,
	                    .part = "parameter",
	                    .count = PQnparams(description),
	                    .elements = elements};
	enum sluice_status status;
	int parameter;

	if (side.count != expected)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "query %s no longer fits the database: it takes %d "
		                        "parameters, this program was generated for %d: run "
		                        "sluice gen",
		                        query->name, side.count, expected);
	if (expected == 0)
		return SLUICE_OK;
	side.types = calloc((size_t)expected, sizeof(*side.types));
	if (side.types == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "query %s: out of memory",
		                        query->name);
	for (parameter = 0; parameter < expected; parameter++)
		side.types[parameter] = PQparamtype(description, parameter);
	status = fit_side(connection, &side, error);
	free(side.types);
	return status;
}

static enum sluice_status fit_row(PGconn *connection, const struct sluice_query *query,
                                  const PGresult *description, Oid *types,
                                  struct sluice_error *error)
{
	struct side side = {.query = query,
	                    .layout = query->row,
	                    .part = "column",
	                    .count = PQnfields(description),
	                    .types = types};
	int column;

	if (query->row == NULL) /* nobody reads what it returns */
		return SLUICE_OK;
	if (side.count != query->row->column_count)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "query %s no longer fits the database: it returns %d "
		                        "columns, this program was generated for %u: run "
		                        "sluice gen",
		                        query->name, side.count, query->row->column_count);
	for (column = 0; column < side.count; column++)
		types[column] = PQftype(description, column);
	return fit_side(connection, &side, error);
}

enum sluice_status slu_query_fit(PGconn *connection, const struct sluice_query *query,
                                 const PGresult *description, Oid *row_types, Oid *elements,
                                 struct sluice_error *error)
{
	enum sluice_status status = fit_params(connection, query, description, elements, error);

	if (status == SLUICE_OK)
		status = fit_row(connection, query, description, row_types, error);
	return status;
}
