/* SPDX-License-Identifier: MIT */
/*
 * emit_writer.h - writes C that stays within 100 columns.
 *
 * What can't be written (memory) is remembered, not returned: slu_writer_close tells.
 */
#ifndef DB_GEN_WRITE_EMIT_WRITER_H
#define DB_GEN_WRITE_EMIT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct slu_writer_piece;

struct slu_writer {
	FILE *out;
	char *text; /* what was written, once closed */
	size_t size;
	size_t column;                   /* of the next character, from 0 */
	size_t tabs;                     /* at the beginning of the line */
	bool begun;                      /* the line has more than tabs */
	bool failed;                     /* there was no memory */
	struct slu_writer_piece *pieces; /* what slu_piece made */
};

void slu_writer_open(struct slu_writer *writer);

/* Ends the writing. Returns the text, to be freed, or NULL when there was no memory. */
char *slu_writer_close(struct slu_writer *writer);

/* Formats a text that lives until the writer is closed. */
const char *slu_piece(struct slu_writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same, in capitals: the name of a macro. */
const char *slu_piece_upper(struct slu_writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* `text` as one string literal. */
const char *slu_piece_literal(struct slu_writer *writer, const char *text);

/* Writes as it is. */
void slu_write(struct slu_writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes items between commas. A full line breaks behind a comma, not within brackets or literals,
 * and goes on below the first item; or a tab further in, when that is too far right. */
void slu_write_list(struct slu_writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes `text`, SQL, as string literals, a line each, `tabs` in. Breaks where `text` does,
 * behind a blank where the line is full, and, if `by_clause`, before SELECT, FROM, WHERE and the
 * like. The last line is left open. */
void slu_write_literal(struct slu_writer *writer, size_t tabs, const char *text, bool by_clause);

/* Writes `text` into a comment that is open: each line begins with " * " and is broken behind a
 * blank when it is full. What would end the comment, or begin another, is taken apart. */
void slu_write_comment_lines(struct slu_writer *writer, const char *text);

/* A comment of its own. An empty text writes nothing. */
void slu_write_comment(struct slu_writer *writer, const char *text);

#endif
