/* SPDX-License-Identifier: MIT */
/* names.h - names of SQL as names of C. */
#ifndef DB_GEN_ASK_NAMES_H
#define DB_GEN_ASK_NAMES_H

#include "db/gen/ask/study.h"

/* GetOrder, getOrder, get_order -> get_order; HTTPCode -> http_code. NULL when memory is short. */
char *slu_name_snake(struct slu_study *study, const char *name);

/* A table's name as that of one row: orders -> order, strategies -> strategy, boxes -> box,
 * addresses -> address; status and what has no plural stay. NULL when memory is short. */
char *slu_name_singular(struct slu_study *study, const char *name);

/* A column's name as a field's: what no identifier holds becomes _, and a keyword of C or C++, or
 * the mask's own name, gets a _ behind it. NULL when memory is short. */
char *slu_name_field(struct slu_study *study, const char *column);

/* Sees to it that the last field's name is not one of those before it: id, id_2, id_3. */
void slu_name_make_unique(struct slu_study *study, struct slu_field *fields, size_t count);

#endif
