/* SPDX-License-Identifier: MIT */
/*
 * model.h - what one query file becomes in C: known down to the last byte, and not yet written.
 *
 * Names are C identifiers without the file's prefix: `order` becomes `struct trading_order`.
 */
#ifndef DB_GEN_MODEL_H
#define DB_GEN_MODEL_H

#include "db/gen/read/query_file.h"

#include <sluice/stream.h>

#define SLU_NONE SIZE_MAX

struct slu_enumeration {
	char *name;     /* order_side */
	char *sql_name; /* as format_type tells it */
	char **labels;
	size_t label_count;
};

struct slu_field {
	char *name;   /* in the struct; unique there */
	char *column; /* as SQL names it */
	enum sluice_type type;
	enum sluice_form form;
	uint16_t capacity; /* inline text: bytes */
	uint8_t scale;
	uint8_t precision;
	bool nullable;
	size_t enumeration; /* index, or SLU_NONE */
	size_t embedded; /* index of the struct it is, or SLU_NONE; then type and form say nothing */
	char *sql_type;  /* "numeric(32,16)", for the comment beside the field */
	char *definition; /* of a stream's column, else NULL */
	/* by slu_struct_lay_out */
	uint32_t offset;
	uint32_t size; /* of the field in C */
	unsigned bit;  /* among the nullable fields, from 0 */
};

/* A struct to be written. */
struct slu_struct {
	char *name;
	bool row;                 /* a query's, or within one: equal ones are one */
	struct slu_field *fields; /* in the order of the columns, which is the descriptor's */
	size_t field_count;
	/* by slu_struct_lay_out */
	size_t *order; /* of the fields in the struct */
	uint32_t size;
	uint32_t align;
	unsigned nullable_count; /* at most 64: then two masks, present[2] */
	uint32_t present_offset;
};

struct slu_model_query {
	char *name; /* get_order */
	const struct slu_query_source *source;
	char *sql;         /* with every star written out */
	char *copy_sql;    /* :copyfrom, else NULL */
	size_t parameters; /* index of the struct, or SLU_NONE */
	size_t row;        /* index of the struct, or SLU_NONE */
};

struct slu_model_stream {
	char *name; /* orders */
	enum sluice_kind kind;
	bool lossy;
	const struct slu_query_source *source;
	size_t record;    /* index of the struct; a version column is a field without size */
	size_t key_count; /* the first so many columns */
	char *table;
	char *copy_sql; /* append, else NULL */
	char *write_sql;
	char *remove_sql; /* state, else NULL; these, too */
	char *read_sql;
	char *fetch_sql;
	uint64_t fingerprint;
};

struct slu_model {
	char *prefix; /* trading */
	const struct slu_query_file *file;
	int64_t schema_version;
	struct slu_enumeration *enumerations; /* in the order of first use, as all here */
	size_t enumeration_count;
	struct slu_struct *structs;
	size_t struct_count;
	struct slu_model_query *queries;
	size_t query_count;
	struct slu_model_stream *streams;
	size_t stream_count;
};

void slu_model_free(struct slu_model *model);
/* What one stream owns. */
void slu_model_stream_free(struct slu_model_stream *stream);
void slu_struct_free(struct slu_struct *object);

/* Gives each field its place: keys first (`key_count` columns), then by falling alignment, the
 * mask, texts in the order of their columns with the largest at the end, so that a short one makes
 * a short record. A uuid counts as aligned to 8, which its 16 bytes keep. Bits go by the columns'
 * order. `structs` are those that fields embed, laid out before; NULL when none does. The places
 * are those a C compiler gives on a 64-bit machine; the generated code asserts them. Returns false
 * when memory is short. */
bool slu_struct_lay_out(struct slu_struct *object, size_t key_count,
                        const struct slu_struct *structs);

#endif
