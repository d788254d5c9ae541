/* SPDX-License-Identifier: MIT */
/* streams.h - an INSERT that is a stream: its record, its table, its statements. */
#ifndef DB_GEN_ASK_STREAMS_H
#define DB_GEN_ASK_STREAMS_H

#include "db/gen/ask/fields.h"

/* A column that the stream's INSERT names. */
struct slu_stream_column {
	const char *name;
	char *quoted; /* as SQL writes it */
	char *cast;   /* what an array of it is sent as: "uuid" */
	bool loose;   /* two different values of it can be equal */
};

/* A stream on its way into the model. */
struct slu_stream_draft {
	struct slu_study *study;
	const struct slu_query_source *query;
	PGresult *table; /* a row a column: enum slu_table_part */
	uint32_t oid;
	char *quoted; /* the table's name by itself, as SQL writes it */
	struct slu_struct record;
	struct slu_stream_column *columns; /* one a field of the record, in the same order */
	bool refused;
};

/* Of a table's column. */
enum slu_table_part {
	SLU_TABLE_NAME,
	SLU_TABLE_QUOTED,
	SLU_TABLE_NUMBER,
	SLU_TABLE_TYPE,
	SLU_TABLE_MODIFIER,
	SLU_TABLE_REQUIRED, /* NOT NULL, also by its domain */
	SLU_TABLE_OPTIONAL, /* has a default or may be NULL */
	SLU_TABLE_DEFINITION,
	SLU_TABLE_LOOSE, /* its collation takes different bytes for equal */
};

/* Adds the stream and its record to the model; tells what is wrong. `about` describes the query. */
void slu_stream_add(struct slu_study *study, const struct slu_query_source *query,
                    const PGresult *about);

/* Tells streams that stand behind one that refers to them, and more than an instance carries. */
void slu_streams_check(struct slu_study *study);

/* The row of `draft->table` that is column `name`; -1 for none. */
int slu_stream_find_column(const struct slu_stream_draft *draft, const char *name);

/* Fills the draft's record and columns, the key's first, from its INSERT. `about` describes that.
 * Tells what no record can hold, and NOT NULL columns that nothing fills. */
void slu_stream_add_fields(struct slu_stream_draft *draft, const PGresult *about);

/* Tells what is wrong with the key and the version of a state stream. */
void slu_stream_check_key(struct slu_stream_draft *draft);

/* Writes the statements into `stream`, whose table and kind are set. */
void slu_stream_write_sql(struct slu_stream_draft *draft, struct slu_model_stream *stream);

#endif
