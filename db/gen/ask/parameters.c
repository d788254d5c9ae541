/* SPDX-License-Identifier: MIT */
/*
 * parameters.c - the struct of a query's parameters.
 *
 * The server tells their types. A numeric's digits it does not tell: they are those of the cast
 * around the parameter, or of the column whose value it is. It may be NULL where the query says so
 * (sqlc.narg), or where it is written into a column that may.
 */
#include "db/gen/ask/describe.h"
#include "db/gen/ask/fields.h"
#include "db/gen/ask/names.h"
#include "db/gen/ask/nullability.h"

#include <stdlib.h>
#include <string.h>

/* The column whose value a parameter is. */
struct target {
	bool found;
	uint32_t table;
	int attribute;
	uint32_t oid;
	int32_t modifier;
};

static struct target find_target(struct slu_study *study, const struct slu_parameter *parameter)
{
	static const char sql[] =
		"SELECT attrelid, attnum, atttypid, atttypmod FROM pg_catalog.pg_attribute "
		"WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2"
		"  AND attnum > 0 AND NOT attisdropped";
	const char *values[] = {parameter->table, parameter->column};
	struct target target = {0};
	PGresult *row;

	if (parameter->table == NULL || parameter->column == NULL)
		return target;
	row = slu_study_ask(study, sql, 2, values);
	if (row != NULL && PQntuples(row) == 1) {
		target.found = true;
		target.table = (uint32_t)strtoul(PQgetvalue(row, 0, 0), NULL, 10);
		target.attribute = atoi(PQgetvalue(row, 0, 1));
		target.oid = (uint32_t)strtoul(PQgetvalue(row, 0, 2), NULL, 10);
		target.modifier = atoi(PQgetvalue(row, 0, 3));
	}
	PQclear(row);
	return target;
}

/* Takes the digits of the cast around the parameter: the server reads the type for us. */
static void take_cast(struct slu_study *study, const struct slu_parameter *parameter,
                      struct slu_sql_type *type)
{
	char *sql = slu_study_print(study, "SELECT NULL::%s", parameter->cast);
	PGresult *about = sql == NULL ? NULL : slu_describe(study, sql, 0, NULL, NULL);
	struct slu_sql_type cast;

	free(sql);
	if (about == NULL)
		return;
	if (slu_sql_type_find(study, PQftype(about, 0), PQfmod(about, 0), &cast) &&
	    cast.oid == type->oid && cast.array == type->array) {
		struct slu_sql_type former = *type;

		*type = cast;
		cast = former;
	}
	slu_sql_type_free(&cast);
	PQclear(about);
}

/* Takes the digits of the column. One value is compared with the elements of a column's array, and
 * an array of them with a column. */
static void take_column(struct slu_study *study, const struct target *target,
                        struct slu_sql_type *type)
{
	struct slu_sql_type column;

	if (slu_sql_type_find(study, target->oid, target->modifier, &column) &&
	    column.oid == type->oid && column.type != 0) {
		type->type = column.type;
		type->scale = column.scale;
		type->precision = column.precision;
		if (type->array == column.array) {
			char *former = type->name;

			type->name = column.name;
			column.name = former;
		}
	}
	slu_sql_type_free(&column);
}

static bool add_parameter(struct slu_study *study, const struct slu_query_source *query,
                          const PGresult *about, size_t index, struct slu_struct *object)
{
	const struct slu_parameter *parameter = &query->parameters[index];
	struct target target = find_target(study, parameter);
	char *numbered = slu_study_print(study, "p%zu", index + 1);
	struct slu_field_origin origin = {query, "parameter", parameter->name, parameter->place,
	                                  false};
	struct slu_field *field = NULL;
	struct slu_sql_type type;
	bool found;

	if (origin.name == NULL)
		origin.name = parameter->column != NULL ? parameter->column : numbered;
	found = slu_sql_type_find(study, PQparamtype(about, (int)index), -1, &type);
	if (found && type.bare && parameter->cast != NULL)
		take_cast(study, parameter, &type);
	if (found && type.bare && type.type == 0 && target.found)
		take_column(study, &target, &type);
	if (found && origin.name != NULL && !study->broken)
		field = slu_field_add(study, object, &origin, &type);
	if (field != NULL)
		field->nullable =
			parameter->nullable ||
			(parameter->written && target.found &&
		         slu_nullability_of_column(study, target.table, target.attribute));
	slu_sql_type_free(&type);
	free(numbered);
	return field != NULL;
}

size_t slu_parameters_add(struct slu_study *study, const struct slu_query_source *query,
                          const char *name, const PGresult *about)
{
	char *params = slu_study_print(study, "%s_params", name);
	const char *const names[] = {params, NULL};
	struct slu_struct object = {0};
	bool refused = params == NULL;
	size_t index = SLU_NONE;
	size_t i;

	for (i = 0; i < query->parameter_count && !study->broken; i++)
		refused |= !add_parameter(study, query, about, i, &object);
	if (!refused && !study->broken && query->parameter_count > 0 &&
	    slu_struct_check(study, query, &object))
		index = slu_struct_add(study, &object, 0, names, false);
	slu_struct_free(&object);
	free(params);
	return index;
}

/* ---- COPY ---- */

/* The INSERT's column that parameter `index` is the value of; `column_count`, which is told, when
 * it is that of several. */
static size_t find_column(struct slu_study *study, const struct slu_query_source *query,
                          size_t index)
{
	const struct slu_insert *insert = &query->insert;
	size_t column = insert->column_count;
	size_t uses = 0;
	size_t i;

	for (i = 0; i < insert->column_count; i++) {
		if (insert->parameters[i] == index) {
			column = i;
			uses++;
		}
	}
	if (uses == 1)
		return column;
	slu_finding(study->findings, query->parameters[index].place,
	            "Give each column a parameter of its own.",
	            "the parameter is the value of %zu columns, and COPY sends each by itself",
	            uses);
	return insert->column_count;
}

static char *quote(struct slu_study *study, const char *name)
{
	PGresult *row = slu_study_ask(study, "SELECT pg_catalog.quote_ident($1)", 1, &name);
	char *quoted = row == NULL ? NULL : slu_study_copy(study, PQgetvalue(row, 0, 0));

	PQclear(row);
	return quoted;
}

char *slu_parameters_copy_sql(struct slu_study *study, const struct slu_query_source *query)
{
	char *sql = slu_study_print(study, "COPY %s (", query->insert.table);
	bool refused = false;
	size_t i;

	for (i = 0; i < query->parameter_count && sql != NULL; i++) {
		size_t column = find_column(study, query, i);
		char *name = column < query->insert.column_count
		                     ? quote(study, query->insert.columns[column])
		                     : NULL;
		char *longer = NULL;

		refused |= name == NULL;
		longer = slu_study_print(study, "%s%s%s", sql, i > 0 ? ", " : "",
		                         name == NULL ? "" : name);
		free(sql);
		free(name);
		sql = longer;
	}
	if (sql != NULL) {
		char *longer = slu_study_print(study, "%s) FROM STDIN (FORMAT binary)", sql);

		free(sql);
		sql = longer;
	}
	if (!refused)
		return sql;
	free(sql);
	return NULL;
}
