/* SPDX-License-Identifier: MIT */
/* pg_type.h - what Postgres calls the types that columns are made of. */
#ifndef SINK_PG_TYPE_H
#define SINK_PG_TYPE_H

#include <sluice/stream.h>

/* A built-in type, and an array of it. Their numbers are stable since these types exist. */
struct slu_type {
	uint32_t oid;
	uint32_t array_oid;
};

/* What values of `type` are sent as. {0, 0} for an enum, whose number each database makes up, and
 * for a type that is none. */
struct slu_type slu_type_of(enum sluice_type type);

/* Whether `oid` is a built-in type that reads and writes as `type` does in `form`: a varchar does
 * as text. If so `*element_oid` is that of an array's elements, else 0. */
bool slu_type_reads_as(uint32_t oid, enum sluice_type type, enum sluice_form form,
                       uint32_t *element_oid);

/* As SQL names it, without the brackets of an array: "integer". */
const char *slu_type_name(enum sluice_type type);

/* The bytes of an element of SLUICE_ITEMS; 0 for a type that is none. */
size_t slu_type_item_size(enum sluice_type type);

/* Whether SLUICE_VIEW is a form of it: of all that has no fixed size. */
bool slu_type_is_text(enum sluice_type type);

#endif
