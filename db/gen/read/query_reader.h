/* SPDX-License-Identifier: MIT */
/*
 * query_reader.h - the parts of query_file.c, and what they hand to one another.
 *
 *      query_file.c        file -> statements, each with the comments above it
 *      query_name.c        comments -> name, command, description
 *      query_hints.c       comments -> hints
 *      query_parameters.c  statement -> SQL with $1, $2 ..
 *      query_casts.c       SQL -> what a parameter is cast to
 *      query_columns.c     SQL -> which column a parameter is the value of
 *      query_tables.c      SQL -> which table that column is of
 *      query_insert.c      SQL -> table, columns and values of an INSERT
 *      query_stars.c       SQL -> the stars of its answer
 *      query_check.c       what the command and the hints ask of all that
 *
 * Each part tells what is wrong to the findings and goes on; it returns false only when out of
 * memory.
 */
#ifndef DB_GEN_READ_QUERY_READER_H
#define DB_GEN_READ_QUERY_READER_H

#include "db/gen/read/query_file.h"
#include "db/gen/read/query_tokens.h"

struct slu_query_reader {
	struct slu_query_file *file;
	struct slu_findings *findings;
};

/* A line of a comment, without its dashes and the blanks around. */
struct slu_comment_line {
	size_t offset; /* in the source */
	size_t size;
	bool apart; /* a blank line stands before it */
};

struct slu_place slu_reader_place(const struct slu_query_reader *reader, size_t offset,
                                  size_t size);

/* query_name.c */
bool slu_query_is_name_line(const char *text, const struct slu_comment_line *line);
bool slu_query_read_name(const struct slu_query_reader *reader, struct slu_query_source *query,
                         const struct slu_comment_line *line);
bool slu_query_read_comment(const struct slu_query_reader *reader, struct slu_query_source *query,
                            const struct slu_comment_line *lines, size_t count);

/* query_hints.c */
bool slu_query_read_hints(const struct slu_query_reader *reader, struct slu_query_source *query,
                          const struct slu_comment_line *lines, size_t count);
/* Tells the hints among lines that belong to no query. */
void slu_query_refuse_hints(const struct slu_query_reader *reader,
                            const struct slu_comment_line *lines, size_t count, const char *why,
                            const char *hint);

/* query_parameters.c */
bool slu_query_rewrite(const struct slu_query_reader *reader, struct slu_query_source *query,
                       size_t begin, size_t end);

/* query_casts.c */
/* What stands for a parameter, with its cast: tokens from `first` to before `end`. */
struct slu_operand {
	size_t first;
	size_t end;
	size_t parameter;      /* index; SIZE_MAX for none */
	size_t type, type_end; /* the type's tokens; equal for none */
};
/* The parameter whose $n is token `index`. */
struct slu_operand slu_query_operand(const struct slu_tokens *tokens, size_t index);
/* The same if tokens from `first` to before `end` are nothing else; else without a parameter. */
struct slu_operand slu_query_lone(const struct slu_tokens *tokens, size_t first, size_t end);
bool slu_query_read_casts(struct slu_query_source *query, const struct slu_tokens *tokens);

/* query_columns.c */
bool slu_query_read_columns(struct slu_query_source *query, const struct slu_tokens *tokens);

/* query_tables.c: the table, as written, of the column whose name ends with token `column`. NULL in
 * `table` when it is not certain. */
bool slu_query_find_table(const struct slu_tokens *tokens, size_t column, char **table);

/* query_insert.c */
struct slu_insert_shape {
	size_t table, table_end;
	size_t columns; /* the ( of the columns */
	size_t values;  /* the ( of the first row, or SELECT */
	bool select;
	bool overriding;
};
/* Reads what an INSERT that begins with token `first` looks like. Returns false if it has no list
 * of columns, or no values. */
bool slu_query_insert_shape(const struct slu_tokens *tokens, size_t first,
                            struct slu_insert_shape *shape);
/* The end of the item of a list that begins with token `first`: the comma or what else ends it. */
size_t slu_query_item_end(const struct slu_tokens *tokens, size_t first);
bool slu_query_read_insert(struct slu_query_source *query, const struct slu_tokens *tokens);

/* query_stars.c */
bool slu_query_read_stars(const struct slu_query_reader *reader, struct slu_query_source *query,
                          const struct slu_tokens *tokens);

/* query_check.c */
void slu_query_check(const struct slu_query_reader *reader, const struct slu_query_source *query,
                     const struct slu_tokens *tokens);

#endif
