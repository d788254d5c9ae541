/* SPDX-License-Identifier: MIT */
/* fields.h - structs from what the server said: a row's, parameters'. */
#ifndef DB_GEN_ASK_FIELDS_H
#define DB_GEN_ASK_FIELDS_H

#include "db/gen/ask/stars.h"
#include "db/gen/ask/types.h"

#define SLU_NULLABLE_MAX 64

/* What a field is of, for messages. */
struct slu_field_origin {
	const struct slu_query_source *query;
	const char *kind; /* "column", "parameter" */
	const char *name; /* as SQL names it */
	struct slu_place place;
	bool stored; /* as the table has it: no cast changes it */
};

/* Adds a field of `type` to `object`, of the name that `origin` gives. Returns it; NULL when it was
 * refused, which is told, or the study broke. */
struct slu_field *slu_field_add(struct slu_study *study, struct slu_struct *object,
                                const struct slu_field_origin *origin,
                                const struct slu_sql_type *type);

/* Tells what of a finished struct can't be: more than 64 nullable fields. */
bool slu_struct_check(struct slu_study *study, const struct slu_query_source *query,
                      const struct slu_struct *object);

/* Lays `object` out and moves it into the model, under the first of `names` (which end with NULL)
 * that is free; the last one is made so. A `shared` one is a row's: if an equal one is there
 * already, it is that. Returns its index, SLU_NONE when the study broke. Takes `object` over. */
size_t slu_struct_add(struct slu_study *study, struct slu_struct *object, size_t key_count,
                      const char *const *names, bool shared);

/* The index of the struct of a name, SLU_NONE. */
size_t slu_struct_find(const struct slu_study *study, const char *name);

/* Whether they have the same fields. */
bool slu_structs_equal(const struct slu_struct *one, const struct slu_struct *other);

/* Makes the struct of the query's row. Returns its index; SLU_NONE when there is none, or it was
 * refused. `about` describes what is prepared. */
size_t slu_row_add(struct slu_study *study, const struct slu_query_source *query, const char *name,
                   const char *sql, const PGresult *about, const struct slu_star_columns *stars);

/* Makes the struct of the query's parameters. The same. */
size_t slu_parameters_add(struct slu_study *study, const struct slu_query_source *query,
                          const char *name, const PGresult *about);

/* COPY table (columns) FROM STDIN, for a query whose values are lone parameters, in their order.
 * NULL when it can't be one, which is told, or the study broke. To be freed. */
char *slu_parameters_copy_sql(struct slu_study *study, const struct slu_query_source *query);

/* Tells hints that name nothing in `row` or `parameters`, which may be NULL. */
void slu_hints_check(struct slu_study *study, const struct slu_query_source *query,
                     const struct slu_struct *row, const struct slu_struct *parameters);

#endif
