/* SPDX-License-Identifier: MIT */
/*
 * query_file.h - a file of named queries in sqlc's grammar, as far as it can be read without a
 * database.
 *
 *      -- What an order is now.                        comment, goes into the header
 *      -- name: Orders :exec                           name and command
 *      -- @stream state record(order) key(id) version(version)
 *      -- @text side 6, state 10                       hints, which sqlc passes over
 *      INSERT INTO orders (id, side, state, version, updated_at)
 *      VALUES (@id, @side, @state, @version, now());
 *
 * Hints, each on a comment line of its own between the name (or before it) and the SQL:
 *
 *      @stream append|state [lossy] [record(NAME)] [key(COL, ..)] [version(COL)] [history(TABLE)]
 *      @text COL BYTES[, ..]     a text, json or bytea of at most so many bytes, within the struct
 *      @notnull COL[, ..]        of a row: never NULL, whatever the catalog and the plan say
 *      @null COL[, ..]           of a row: may be NULL
 *      @struct NAME              the row's struct
 *
 * A parameter is @name, sqlc.arg(name), sqlc.narg(name) (may be NULL), sqlc.slice(name) (an array)
 * or $1; the same name is the same parameter, and NULL to one use is NULL to all. The SQL comes out
 * with $1, $2 .. in the order of first use. `x IN (sqlc.slice(ids))` becomes `x = ANY ($1)`, NOT IN
 * becomes <> ALL, sqlc.embed(t) becomes t.*.
 */
#ifndef DB_GEN_READ_QUERY_FILE_H
#define DB_GEN_READ_QUERY_FILE_H

#include "db/gen/read/source.h"

enum slu_command {
	SLU_COMMAND_ONE = 1,
	SLU_COMMAND_MANY,
	SLU_COMMAND_EXEC,
	SLU_COMMAND_EXECROWS,
	SLU_COMMAND_EXECRESULT,
	SLU_COMMAND_COPYFROM,
	SLU_COMMAND_BATCHEXEC,
	SLU_COMMAND_BATCHONE,
	SLU_COMMAND_BATCHMANY,
};

struct slu_parameter {
	char *name;    /* NULL for a $1 without a name */
	bool nullable; /* sqlc.narg */
	bool slice;    /* sqlc.slice */
	char *cast;    /* "numeric(32,16)" of @price::numeric(32,16); NULL */
	char *column;  /* the table's column whose value it is, as far as words tell: INSERT (..)
	                   VALUES (..), SET column = .., column = .., column = ANY (..) and so on;
	                   NULL */
	bool written;  /* that column is written with it, not compared */
	char *table;   /* that column's table, as written; NULL when words don't tell which */
	struct slu_place place; /* of its first use */
};

enum slu_hint_kind {
	SLU_HINT_TEXT = 1, /* subject, number */
	SLU_HINT_NOTNULL,  /* subject */
	SLU_HINT_NULL,     /* subject */
	SLU_HINT_STRUCT,   /* subject */
};

struct slu_hint {
	enum slu_hint_kind kind;
	char *subject;
	unsigned number;
	struct slu_place place; /* of the subject */
};

struct slu_stream_hint {
	bool given;
	bool state;   /* else append */
	bool lossy;   /* its records may be dropped when the lane is full */
	char *record; /* NULL when not given */
	char **keys;
	size_t key_count;
	char *version; /* NULL */
	char *history; /* NULL; one that is given is told: sinks write no history yet */
	struct slu_place place;
};

/* INSERT INTO table (columns) VALUES (values), one row; nothing after it but RETURNING. */
struct slu_insert {
	bool given;
	char *table;        /* as written: orders, app."Orders" */
	char **columns;     /* names without quotes */
	char **values;      /* expression text with $n; of a lone parameter "$n" or "$n::type" */
	size_t *parameters; /* index of the lone parameter, SIZE_MAX for an expression */
	size_t column_count;
	bool bare; /* nothing follows VALUES (..) */
};

/* A `*` in the SQL: `*`, `o.*`, or what sqlc.embed(o) became. */
struct slu_star {
	size_t at; /* offset in `sql` of its first byte, qualifier included */
	size_t size;
	char *qualifier; /* as written; NULL for a bare `*` */
	bool embed;
};

/* From `sql_at` on the SQL is the source's from `source_at` on. */
struct slu_origin {
	size_t sql_at;
	size_t source_at;
};

struct slu_query_source {
	char *name; /* as written: GetOrder */
	enum slu_command command;
	char *comment;          /* lines without the dashes, "" for none */
	char *sql;              /* one statement without a semicolon, comments kept */
	struct slu_place place; /* of the name */
	struct slu_origin *origins;
	size_t origin_count;
	struct slu_parameter *parameters;
	size_t parameter_count;
	struct slu_star *stars; /* of a select list or RETURNING at the top level; not count(*) */
	size_t star_count;
	struct slu_hint *hints;
	size_t hint_count;
	struct slu_stream_hint stream;
	struct slu_insert insert;
};

struct slu_query_file {
	struct slu_source source;
	struct slu_query_source *queries;
	size_t query_count;
};

/* Reads `path`. Tells what is wrong to `findings` and returns SLUICE_INVALID then; SLUICE_FAILED
 * when the system refused (told, too). Free the file in any case. */
SLUICE_MUST_CHECK enum sluice_status
slu_query_file_read(struct slu_query_file *file, const char *path, struct slu_findings *findings);
void slu_query_file_free(struct slu_query_file *file);

/* A name in C, to be freed: GetOrder -> get_order, HTTPStatus -> http_status. NULL when out of
 * memory. */
char *slu_snake_case(const char *name);

/* The place of a name within the @stream hint: of a key column, of the version. Of the whole hint
 * when the name is not in it. */
struct slu_place slu_stream_hint_place(const struct slu_query_source *query, const char *name);

/* The place in the source of byte `at` of the query's `sql`. */
struct slu_place slu_query_place(const struct slu_query_file *file,
                                 const struct slu_query_source *query, size_t at, size_t size);

/* The hint of a kind about `subject`, NULL for none. */
const struct slu_hint *slu_query_hint(const struct slu_query_source *query, enum slu_hint_kind kind,
                                      const char *subject);

#endif
