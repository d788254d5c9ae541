/* SPDX-License-Identifier: MIT */
/* source.c - reads a file whole, checks that it is text, and points at places in it. */
#include "db/gen/read/source.h"

#include <sluice/sink.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- UTF-8 ---- */

/* Size in bytes of the character at `at`, and its code point. 0 when it is not UTF-8: cut off,
 * longer than need be, a surrogate, or above U+10FFFF. */
static size_t decode(const char *text, size_t size, size_t at, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text[at];
	size_t length = first < 0x80   ? 1
	                : first < 0xc0 ? 0
	                : first < 0xe0 ? 2
	                : first < 0xf0 ? 3
	                : first < 0xf8 ? 4
	                               : 0;
	size_t i;

	if (length <= 1) {
		*code = first;
		return length;
	}
	if (size - at < length)
		return 0;
	*code = first & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		unsigned char next = (unsigned char)text[at + i];

		if ((next & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (next & 0x3f);
	}
	if (*code < smallest[length] || *code > 0x10ffff || (*code & 0xfffff800) == 0xd800)
		return 0;
	return length;
}

/* How many cells of a terminal a character takes: the blocks of combining marks, and those of wide
 * characters (Unicode's East Asian Width W and F), without the fine print. */
static unsigned cells(uint32_t code)
{
	static const struct {
		uint32_t first, last;
		unsigned cells;
	} blocks[] = {
		{0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},
		{0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
		{0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2},
		{0x20000, 0x3fffd, 2},
	};
	size_t i;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		if (code >= blocks[i].first && code <= blocks[i].last)
			return blocks[i].cells;
	}
	return 1;
}

/* ---- reading ---- */

static size_t line_of(const char *text, size_t offset)
{
	size_t line = 1;
	size_t i;

	for (i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static enum sluice_status check_text(struct slu_source *source, struct sluice_error *error)
{
	uint32_t code = 0;
	size_t length = 0;
	size_t at;

	if (memchr(source->text, '\0', source->size) != NULL)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "%s holds a NUL byte, which SQL cannot: is it UTF-16? Save "
		                        "it as UTF-8",
		                        source->path);
	for (at = 0; at < source->size; at += length) {
		length = decode(source->text, source->size, at, &code);
		if (length == 0)
			return sluice_error_set(error, SLUICE_INVALID,
			                        "%s:%zu: this line is not UTF-8: save the file as "
			                        "UTF-8",
			                        source->path, line_of(source->text, at));
	}
	return SLUICE_OK;
}

/* A byte order mark says what is true anyway. */
static void drop_mark(struct slu_source *source)
{
	if (source->size < 3 || memcmp(source->text, "\xef\xbb\xbf", 3) != 0)
		return;
	source->size -= 3;
	memmove(source->text, source->text + 3, source->size + 1);
}

/* Reads all of `file` into `source`. Returns false with errno set. */
static bool read_all(struct slu_source *source, FILE *file)
{
	size_t capacity = 0;

	for (;;) {
		size_t wanted = capacity == 0 ? 8192 : capacity * 2;
		char *text = realloc(source->text, wanted + 1);

		if (text == NULL)
			return false;
		source->text = text;
		source->size += fread(text + source->size, 1, wanted - source->size, file);
		text[source->size] = '\0';
		if (source->size < wanted)
			return !ferror(file);
		capacity = wanted;
	}
}

enum sluice_status slu_source_read(struct slu_source *source, const char *path,
                                   struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	struct stat about;
	FILE *file = fopen(path, "re");

	memset(source, 0, sizeof(*source));
	source->path = strdup(path);
	if (file == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "can't open %s: %s", path,
		                        strerror(errno));
	if (source->path == NULL || fstat(fileno(file), &about) != 0)
		status = sluice_error_set(error, SLUICE_FAILED, "can't read %s: %s", path,
		                          strerror(errno));
	else if (S_ISDIR(about.st_mode))
		status = sluice_error_set(error, SLUICE_INVALID, "%s is a directory", path);
	else if (!read_all(source, file))
		status = sluice_error_set(error, SLUICE_FAILED, "can't read %s: %s", path,
		                          strerror(errno));
	fclose(file);
	if (status == SLUICE_OK) {
		drop_mark(source);
		status = check_text(source, error);
	}
	return status;
}

void slu_source_free(struct slu_source *source)
{
	free(source->path);
	free(source->text);
	memset(source, 0, sizeof(*source));
}

/* ---- findings ---- */

struct line {
	const char *text;
	size_t size;
	size_t number; /* from 1 */
	size_t begin;  /* offset of its first byte in the source */
};

static struct line line_at(const struct slu_source *source, size_t offset)
{
	struct line line = {source->text, 0, line_of(source->text, offset), offset};
	size_t end = offset;

	while (line.begin > 0 && source->text[line.begin - 1] != '\n')
		line.begin--;
	while (end < source->size && source->text[end] != '\n' && source->text[end] != '\r')
		end++;
	line.text = source->text + line.begin;
	line.size = end > line.begin ? end - line.begin : 0;
	return line;
}

/* Characters, or cells, of the first `size` bytes of a line. */
static size_t count(const char *text, size_t size, bool in_cells)
{
	size_t total = 0;
	size_t at, length;

	for (at = 0; at < size; at += length) {
		uint32_t code = 0;

		length = decode(text, size, at, &code);
		if (length == 0)
			return total;
		total += in_cells ? cells(code) : 1;
	}
	return total;
}

/* The line, and below it a caret: tabs stay tabs, so that both lines are set alike. */
static void show_line(FILE *out, const struct line *line, size_t at, size_t size)
{
	size_t rest = line->size - at;
	size_t width = count(line->text + at, size < rest ? size : rest, true);
	size_t begin = 0;
	size_t i;

	fprintf(out, "  %.*s\n  ", (int)line->size, line->text);
	for (i = 0; i <= at; i++) {
		if (i < at && line->text[i] != '\t')
			continue;
		fprintf(out, "%*s", (int)count(line->text + begin, i - begin, true), "");
		if (i < at)
			fputc('\t', out);
		begin = i + 1;
	}
	fputc('^', out);
	for (i = 1; i < width; i++)
		fputc('~', out);
	fputc('\n', out);
}

void slu_finding(struct slu_findings *findings, struct slu_place place, const char *hint,
                 const char *format, ...)
{
	const struct slu_source *source = place.source;
	struct line line = {NULL, 0, 0, 0};
	size_t offset = 0;
	va_list arguments;

	findings->error_count++;
	if (source != NULL && source->text != NULL) {
		offset = place.offset < source->size ? place.offset : source->size;
		line = line_at(source, offset);
		offset -= line.begin;
		if (offset > line.size)
			offset = line.size;
		fprintf(findings->out, "%s:%zu:%zu: ", source->path, line.number,
		        count(line.text, offset, false) + 1);
	} else if (source != NULL && source->path != NULL) {
		fprintf(findings->out, "%s: ", source->path);
	}
	fputs("error: ", findings->out);
	va_start(arguments, format);
	vfprintf(findings->out, format, arguments);
	va_end(arguments);
	fputc('\n', findings->out);
	if (line.text != NULL)
		show_line(findings->out, &line, offset, place.size);
	if (hint != NULL)
		fprintf(findings->out, "hint: %s\n", hint);
}
