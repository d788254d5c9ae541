/* SPDX-License-Identifier: MIT */
/* types.h - a type of SQL as one that a C struct can hold. */
#ifndef DB_GEN_ASK_TYPES_H
#define DB_GEN_ASK_TYPES_H

#include "db/gen/ask/study.h"

#define SLU_NUMERIC_DIGITS 38 /* what 128 bits hold */

/* A type as it was declared, and what it comes to: domains are their base type, and of an array
 * this is its elements. */
struct slu_sql_type {
	char *name; /* as declared, for messages and comments: numeric(32,16), price = numeric(32,16) */
	enum sluice_type type; /* 0 when there is none in C */
	bool array;
	bool bare; /* a numeric without precision */
	uint8_t scale;
	uint8_t precision;
	size_t enumeration; /* index, or SLU_NONE */
	uint32_t oid;       /* of what it comes to: the elements of an array */
	const char
		*cast; /* an array of it takes values sent as this: "numeric"; NULL: `base_name` */
	char *base_name; /* what it comes to, without its modifier */
};

/* Asks what a type is. `modifier` is -1 for none. Returns false when the study broke. Free it in
 * any case. An enum is added to the model. */
bool slu_sql_type_find(struct slu_study *study, uint32_t oid, int32_t modifier,
                       struct slu_sql_type *type);
void slu_sql_type_free(struct slu_sql_type *type);

/* Whether values of the type have no fixed size. */
bool slu_sql_type_is_text(enum sluice_type type);

#endif
