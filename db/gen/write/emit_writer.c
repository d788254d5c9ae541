/* SPDX-License-Identifier: MIT */
/* emit_writer.c - keeps count of columns, and breaks lines where C may be broken. */
#include "db/gen/write/emit_writer.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 100
#define TAB_WIDTH 8

struct slu_writer_piece {
	struct slu_writer_piece *next;
	char *text;
};

void slu_writer_open(struct slu_writer *writer)
{
	*writer = (struct slu_writer){.out = NULL};
	writer->out = open_memstream(&writer->text, &writer->size);
	writer->failed = writer->out == NULL;
}

char *slu_writer_close(struct slu_writer *writer)
{
	while (writer->pieces != NULL) {
		struct slu_writer_piece *piece = writer->pieces;

		writer->pieces = piece->next;
		free(piece->text);
		free(piece);
	}
	if (writer->out != NULL && fclose(writer->out) != 0)
		writer->failed = true;
	if (writer->failed) {
		free(writer->text);
		writer->text = NULL;
	}
	return writer->text;
}

/* ---- pieces ---- */

/* Takes `text` over, NULL when there was no memory for it. */
static char *keep(struct slu_writer *writer, char *text)
{
	static char nothing[1];
	struct slu_writer_piece *piece = malloc(sizeof(*piece));

	if (piece == NULL || text == NULL) {
		free(piece);
		free(text);
		writer->failed = true;
		nothing[0] = '\0';
		return nothing;
	}
	*piece = (struct slu_writer_piece){writer->pieces, text};
	writer->pieces = piece;
	return text;
}

static char *keep_formatted(struct slu_writer *writer, const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	return keep(writer, text);
}

const char *slu_piece(struct slu_writer *writer, const char *format, ...)
{
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = keep_formatted(writer, format, arguments);
	va_end(arguments);
	return text;
}

const char *slu_piece_upper(struct slu_writer *writer, const char *format, ...)
{
	va_list arguments;
	char *text;
	char *at;

	va_start(arguments, format);
	text = keep_formatted(writer, format, arguments);
	va_end(arguments);
	for (at = text; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
	return text;
}

/* Writes one byte of a text as it stands in a literal, and returns how many it takes there. Octal
 * escapes end after three digits, whatever follows; a second question mark could make a trigraph.
 * */
static size_t escape(unsigned char byte, unsigned char before, char *into, size_t size)
{
	int used;

	if (byte == '"' || byte == '\\' || (byte == '?' && before == '?'))
		used = snprintf(into, size, "\\%c", byte);
	else if (byte == '\n' || byte == '\t')
		used = snprintf(into, size, "\\%c", byte == '\n' ? 'n' : 't');
	else if (byte < ' ' || byte >= 0x7f)
		used = snprintf(into, size, "\\%03o", byte);
	else
		used = snprintf(into, size, "%c", byte);
	return (size_t)used;
}

const char *slu_piece_literal(struct slu_writer *writer, const char *text)
{
	char *literal = malloc(4 * strlen(text) + 3);
	unsigned char before = '\0';
	char *at = literal;

	if (literal != NULL) {
		*at++ = '"';
		for (; *text != '\0'; before = (unsigned char)*text++)
			at += escape((unsigned char)*text, before, at, 5);
		strcpy(at, "\"");
	}
	return keep(writer, literal);
}

/* ---- lines ---- */

static void put(struct slu_writer *writer, char character)
{
	if (writer->out == NULL || putc((unsigned char)character, writer->out) == EOF)
		writer->failed = true;
	if (character == '\n') {
		writer->column = 0;
		writer->tabs = 0;
		writer->begun = false;
	} else if (character == '\t') {
		writer->column += TAB_WIDTH - writer->column % TAB_WIDTH;
		writer->tabs += !writer->begun;
	} else {
		/* A continuation byte of UTF-8 stands in its character's column. */
		writer->column += ((unsigned char)character & 0xc0) != 0x80;
		writer->begun = true;
	}
}

static void put_text(struct slu_writer *writer, const char *text, size_t size)
{
	while (size-- > 0)
		put(writer, *text++);
}

void slu_write(struct slu_writer *writer, const char *format, ...)
{
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = keep_formatted(writer, format, arguments);
	va_end(arguments);
	put_text(writer, text, strlen(text));
}

static void begin_line(struct slu_writer *writer, size_t tabs, size_t blanks)
{
	put(writer, '\n');
	while (tabs-- > 0)
		put(writer, '\t');
	while (blanks-- > 0)
		put(writer, ' ');
}

/* The size of the list's first item, its comma included. */
static size_t item_size(const char *list)
{
	size_t depth = 0;
	bool quoted = false;
	size_t at;

	for (at = 0; list[at] != '\0'; at++) {
		if (list[at] == '\\' && list[at + 1] != '\0')
			at++;
		else if (list[at] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (list[at] == '(')
			depth++;
		else if (list[at] == ')' && depth > 0)
			depth--;
		else if (list[at] == ',' && depth == 0 && list[at + 1] == ' ')
			return at + 1;
	}
	return at;
}

static size_t widest_item(const char *list)
{
	size_t widest = 0;

	while (*list != '\0') {
		size_t size = item_size(list);

		widest = size > widest ? size : widest;
		list += size + (list[size] == ' ');
	}
	return widest;
}

void slu_write_list(struct slu_writer *writer, const char *format, ...)
{
	va_list arguments;
	const char *list;
	size_t tabs = writer->tabs;
	size_t blanks = writer->column - tabs * TAB_WIDTH;
	bool first = true;

	va_start(arguments, format);
	list = keep_formatted(writer, format, arguments);
	va_end(arguments);
	if (writer->column + widest_item(list) > LINE_WIDTH) {
		tabs++;
		blanks = 0;
		begin_line(writer, tabs, blanks);
		list += *list == ' ';
	}
	while (*list != '\0') {
		size_t size = item_size(list);

		if (!first && writer->column + 1 + size > LINE_WIDTH)
			begin_line(writer, tabs, blanks);
		else if (!first)
			put(writer, ' ');
		put_text(writer, list, size);
		list += size + (list[size] == ' ');
		first = false;
	}
}

/* ---- literals ---- */

#define CLOSING 3 /* the quote, and what may follow it on the last line: }, */

/* Whether a clause begins here. A word within a name or a value breaks a line more than need be,
 * and does no harm. */
static bool begins_clause(const char *text)
{
	static const char *const words[] = {"SELECT ", "FROM ", "WHERE ", "ON CONFLICT ", "USING "};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(text, words[i], strlen(words[i])) == 0)
			return true;
	}
	return false;
}

/* The width of the text up to and with its next blank or newline, escaped; of an item of a list,
 * up to the blank behind its comma, or before a clause. */
static size_t word_width(const char *text, unsigned char before, bool item)
{
	char escaped[5];
	size_t width = 0;

	for (; *text != '\0'; before = (unsigned char)*text++) {
		width += escape((unsigned char)*text, before, escaped, sizeof(escaped));
		if (*text == '\n' ||
		    (*text == ' ' && (!item || before == ',' || begins_clause(text + 1))))
			break;
	}
	return width;
}

/* Whether the line ends before the byte at `text`. `item` says that a comma and a blank stand
 * there, `start` where the line's text began. */
static bool breaks_here(const struct slu_writer *writer, const char *text, unsigned char before,
                        bool item, bool by_clause, size_t start)
{
	bool word = before == ' ' || before == '\n' || before == '\0';

	if (before == '\n')
		return true;
	if (!word || writer->column == start)
		return false;
	if (by_clause && begins_clause(text) && writer->column > start + strlen("DELETE "))
		return true;
	return writer->column + word_width(text, before, item) + CLOSING > LINE_WIDTH;
}

void slu_write_literal(struct slu_writer *writer, size_t tabs, const char *text, bool by_clause)
{
	unsigned char before = '\0';
	bool item = false;
	size_t start;

	begin_line(writer, tabs, 0);
	put(writer, '"');
	for (start = writer->column; *text != '\0'; text++) {
		char escaped[5];

		if (breaks_here(writer, text, before, item, by_clause, start)) {
			put(writer, '"');
			begin_line(writer, tabs, 0);
			put(writer, '"');
		}
		put_text(writer, escaped,
		         escape((unsigned char)*text, before, escaped, sizeof(escaped)));
		item = before == ',' && *text == ' ';
		before = (unsigned char)*text;
	}
	put(writer, '"');
}

/* ---- comments ---- */

void slu_write_comment_lines(struct slu_writer *writer, const char *text)
{
	while (*text != '\0') {
		size_t line = strcspn(text, "\n");
		size_t at = 0;

		slu_write(writer, "\n *");
		while (at < line) {
			size_t size = strcspn(text + at, " \n");

			if (writer->column > 2 && writer->column + 1 + size > LINE_WIDTH)
				slu_write(writer, "\n *");
			put(writer, ' ');
			for (; size > 0; size--, at++) {
				put(writer, text[at]);
				if ((text[at] == '*' && text[at + 1] == '/') ||
				    (text[at] == '/' && text[at + 1] == '*'))
					put(writer, ' ');
			}
			at += text[at] == ' ';
		}
		text += line + (text[line] == '\n');
	}
}

void slu_write_comment(struct slu_writer *writer, const char *text)
{
	bool one_line = strchr(text, '\n') == NULL && strlen(text) + 6 <= LINE_WIDTH &&
	                strstr(text, "*/") == NULL && strstr(text, "/*") == NULL;

	if (text[0] == '\0')
		return;
	if (one_line) {
		slu_write(writer, "/* %s */\n", text);
		return;
	}
	slu_write(writer, "/*");
	slu_write_comment_lines(writer, text);
	slu_write(writer, "\n */\n");
}
