/* SPDX-License-Identifier: MIT */
/*
 * sql_script.h - finds the statements of a SQL script where the server will find them.
 *
 * Knows strings ('', E'', $tag$), quoted names, comments (nested, too), parentheses, and function
 * bodies between BEGIN ATOMIC and END: a semicolon in one of them ends nothing. It judges no
 * grammar; what it does not understand it passes over.
 */
#ifndef DB_SQL_SCRIPT_H
#define DB_SQL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#define SLU_SQL_WORD_SIZE 16

struct slu_sql_statement {
	size_t offset;                  /* of its first byte that is neither blank nor comment */
	char first[SLU_SQL_WORD_SIZE];  /* its first word in upper case, cut to fit; "" if it begins
	                                   otherwise */
	char second[SLU_SQL_WORD_SIZE]; /* the word after it */
	bool concurrently;              /* has the word CONCURRENTLY */
	bool standard;                  /* has the word STDIN or STDOUT */
};

/* `at` is where to go on: 0 to begin with. */
struct slu_sql_scan {
	const char *text;
	size_t size;
	size_t at;
};

/* Finds the next statement. Returns false at the end of the script. Empty statements are left out,
 * as the server does. */
bool slu_sql_next(struct slu_sql_scan *scan, struct slu_sql_statement *statement);

/* The line, from 1, of the byte at `offset`. */
size_t slu_sql_line(const char *text, size_t offset);

/* The offset of character number `character`, from 1, of UTF-8 text: how the server counts. */
size_t slu_sql_offset(const char *text, size_t size, size_t character);

#endif
