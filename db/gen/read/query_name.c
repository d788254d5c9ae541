/* SPDX-License-Identifier: MIT */
/* query_name.c - `-- name: GetOrder :one`, and the words around it. */
#include "db/gen/read/query_reader.h"

#include "db/gen/read/nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char NAME[] = "name:";

/* In the order of enum slu_command, from 1. */
static const char *const commands[] = {
	":one",      ":many",      ":exec",     ":execrows",  ":execresult",
	":copyfrom", ":batchexec", ":batchone", ":batchmany", NULL,
};

static const char COMMANDS[] =
	"The commands: :one, :many, :exec, :execrows, :execresult, :copyfrom, "
	":batchexec, :batchone, :batchmany.";
static const char FORM[] = "Write it like this: -- name: GetOrder :one";

struct words {
	const char *text;
	size_t at;
	size_t end;
};

static bool is_blank(char c)
{
	return isspace((unsigned char)c);
}

/* The next word, as offset and size; a size of 0 at the end. */
static size_t next_word(struct words *words, size_t *size)
{
	size_t begin;

	while (words->at < words->end && is_blank(words->text[words->at]))
		words->at++;
	begin = words->at;
	while (words->at < words->end && !is_blank(words->text[words->at]))
		words->at++;
	*size = words->at - begin;
	return begin;
}

bool slu_query_is_name_line(const char *text, const struct slu_comment_line *line)
{
	return line->size >= strlen(NAME) && memcmp(text + line->offset, NAME, strlen(NAME)) == 0;
}

/* ---- command ---- */

static void tell_command(const struct slu_query_reader *reader, struct slu_place place,
                         const char *word)
{
	const char *nearest = slu_nearest(word, place.size, commands);
	char hint[64];

	if (place.size == strlen(":execlastid") && memcmp(word, ":execlastid", place.size) == 0) {
		slu_finding(reader->findings, place,
		            "Use :one, and end the INSERT with RETURNING id.",
		            "Postgres has no last insert id");
		return;
	}
	snprintf(hint, sizeof(hint), "Perhaps you meant %s.", nearest == NULL ? "" : nearest);
	slu_finding(reader->findings, place, nearest == NULL ? COMMANDS : hint,
	            "there is no command %.*s", (int)place.size, word);
}

/* 0 for none. */
static enum slu_command find_command(const char *word, size_t size)
{
	unsigned i;

	for (i = 0; commands[i] != NULL; i++) {
		if (strlen(commands[i]) == size && memcmp(commands[i], word, size) == 0)
			return (enum slu_command)(i + 1);
	}
	return (enum slu_command)0;
}

static void read_command(const struct slu_query_reader *reader, struct slu_query_source *query,
                         struct words *words)
{
	size_t size;
	size_t begin = next_word(words, &size);
	struct slu_place place = slu_reader_place(reader, begin, size);

	if (size == 0) {
		slu_finding(reader->findings, place, COMMANDS, "query \"%s\" has no command",
		            query->name);
		return;
	}
	query->command = find_command(words->text + begin, size);
	if (query->command == 0)
		tell_command(reader, place, words->text + begin);
	begin = next_word(words, &size);
	if (size > 0)
		slu_finding(reader->findings, slu_reader_place(reader, begin, size), FORM,
		            "nothing may follow the command");
}

/* ---- name ---- */

static bool is_identifier(const char *word, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (!isalpha((unsigned char)word[i]) && word[i] != '_' &&
		    (i == 0 || !isdigit((unsigned char)word[i])))
			return false;
	}
	return size > 0;
}

/* HTTPStatus is http_status, V2Order is v2_order. */
char *slu_snake_case(const char *name)
{
	char *snake = malloc(2 * strlen(name) + 1);
	size_t size = 0;
	size_t i;

	if (snake == NULL)
		return NULL;
	for (i = 0; name[i] != '\0'; i++) {
		bool upper = isupper((unsigned char)name[i]);
		bool after_small = i > 0 && !isupper((unsigned char)name[i - 1]);
		bool before_small = islower((unsigned char)name[i + 1]);

		if (upper && i > 0 && name[i - 1] != '_' && (after_small || before_small))
			snake[size++] = '_';
		snake[size++] = (char)tolower((unsigned char)name[i]);
	}
	snake[size] = '\0';
	return snake;
}

static size_t line_of(const char *text, size_t offset)
{
	size_t line = 1;

	while (offset > 0)
		line += text[--offset] == '\n';
	return line;
}

static void tell_taken(const struct slu_query_reader *reader, const struct slu_query_source *query,
                       const struct slu_query_source *first, const char *snake)
{
	const struct slu_source *source = &reader->file->source;
	char hint[128];

	snprintf(hint, sizeof(hint), "The first is in line %zu.",
	         line_of(source->text, first->place.offset));
	if (strcmp(query->name, first->name) == 0)
		slu_finding(reader->findings, query->place, hint,
		            "there are two queries named \"%s\"", query->name);
	else
		slu_finding(reader->findings, query->place, hint,
		            "\"%s\" and \"%s\" are both %s in C", first->name, query->name, snake);
}

/* `query` is the file's last. */
static bool check_taken(const struct slu_query_reader *reader, const struct slu_query_source *query)
{
	const struct slu_query_source *first = reader->file->queries;
	char *snake = slu_snake_case(query->name);
	bool ok = snake != NULL;

	for (; snake != NULL && first < query; first++) {
		char *other = slu_snake_case(first->name);
		bool taken = other != NULL && query->name[0] != '\0' && strcmp(snake, other) == 0;

		if (taken)
			tell_taken(reader, query, first, snake);
		free(other);
		if (taken)
			break;
	}
	free(snake);
	return ok;
}

bool slu_query_read_name(const struct slu_query_reader *reader, struct slu_query_source *query,
                         const struct slu_comment_line *line)
{
	const char *text = reader->file->source.text;
	struct words words = {text, line->offset + strlen(NAME), line->offset + line->size};
	size_t size;
	size_t begin = next_word(&words, &size);
	bool missing = size == 0 || text[begin] == ':';

	query->place = slu_reader_place(reader, begin, size);
	query->name = strndup(text + begin, missing ? 0 : size);
	if (query->name == NULL)
		return false;
	if (missing)
		slu_finding(reader->findings, query->place, FORM, "the query's name is missing");
	else if (!is_identifier(text + begin, size))
		slu_finding(reader->findings, query->place,
		            "It becomes a function's name: begin with a letter, and use letters, "
		            "digits and _ only.",
		            "\"%s\" can't be a query's name", query->name);
	if (missing)
		words.at = begin;
	if (size > 0)
		read_command(reader, query, &words);
	return check_taken(reader, query);
}

/* ---- description ---- */

static bool is_described(const char *text, const struct slu_comment_line *line)
{
	return !slu_query_is_name_line(text, line) &&
	       (line->size == 0 || text[line->offset] != '@');
}

/* The lines that are neither the name nor a flag, without empty ones at either end. */
bool slu_query_read_comment(const struct slu_query_reader *reader, struct slu_query_source *query,
                            const struct slu_comment_line *lines, size_t count)
{
	const char *text = reader->file->source.text;
	size_t size = 0, used = 0, kept = 0;
	size_t i;

	for (i = 0; i < count; i++)
		size += lines[i].size + 1;
	query->comment = malloc(size + 1);
	if (query->comment == NULL)
		return false;
	for (i = 0; i < count; i++) {
		if (!is_described(text, &lines[i]) || (used == 0 && lines[i].size == 0))
			continue;
		if (used > 0)
			query->comment[used++] = '\n';
		memcpy(query->comment + used, text + lines[i].offset, lines[i].size);
		used += lines[i].size;
		if (lines[i].size > 0)
			kept = used;
	}
	query->comment[kept] = '\0';
	return true;
}
