/* SPDX-License-Identifier: MIT */
/* query_file.c - cuts a file into queries, and leads each through the parts of the reader.
 * One cycle: gather comments until SQL begins -> find the statement's end -> name, hints -> SQL. */
#include "db/gen/read/query_file.h"

#include "db/gen/read/query_reader.h"

#include <stdlib.h>
#include <string.h>

/* What stands between two statements. */
struct header {
	struct slu_comment_line *lines;
	size_t count;
};

/* A statement: from its first token to the end of its last. */
struct extent {
	size_t begin;
	size_t end;
};

struct splitter {
	const struct slu_query_reader *reader;
	const char *text;
	size_t size;
	size_t at;
	size_t ended;    /* where the last token that is no comment ended */
	bool after_name; /* the statement before had a name */
	struct header header;
};

struct slu_place slu_reader_place(const struct slu_query_reader *reader, size_t offset, size_t size)
{
	struct slu_place place = {&reader->file->source, offset, size};

	return place;
}

/* ---- comments ---- */

/* How many lines end between two offsets. */
static size_t line_ends(const char *text, size_t begin, size_t end)
{
	size_t total = 0;

	for (; begin < end; begin++)
		total += text[begin] == '\n';
	return total;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool add_line(struct header *header, const char *text, size_t begin, size_t end, bool apart)
{
	struct slu_comment_line *lines = slu_room(header->lines, header->count, sizeof(*lines));

	if (lines == NULL)
		return false;
	while (begin < end && is_blank(text[begin]))
		begin++;
	while (end > begin && is_blank(text[end - 1]))
		end--;
	header->lines = lines;
	lines[header->count].offset = begin;
	lines[header->count].size = end - begin;
	lines[header->count++].apart = apart;
	return true;
}

/* A block comment becomes one line for each of its own, without the stars they may begin with. */
static bool add_block(struct header *header, const char *text, size_t begin, size_t end, bool apart)
{
	while (begin < end) {
		const char *found = memchr(text + begin, '\n', end - begin);
		size_t line_end = found == NULL ? end : (size_t)(found - text);
		size_t line = begin;

		while (line < line_end && is_blank(text[line]))
			line++;
		while (line < line_end && text[line] == '*')
			line++;
		if (!add_line(header, text, line, line_end, apart))
			return false;
		apart = false;
		begin = line_end + 1;
	}
	return true;
}

static bool add_comment(struct splitter *splitter, const struct slu_sql_token *comment)
{
	const char *text = splitter->text;
	struct header *header = &splitter->header;
	size_t begin = comment->offset + 2;
	size_t end = comment->offset + comment->size;
	bool block = text[comment->offset] == '/';
	bool apart = line_ends(text, splitter->at, comment->offset) > 1;

	if (block && !comment->unfinished)
		end -= 2;
	return block ? add_block(header, text, begin, end, apart)
	             : add_line(header, text, begin, end, apart);
}

/* Whether a comment within or beside a statement names a query: with a command, for else it may be
 * about some other name. */
static bool is_name_comment(const struct splitter *splitter, const struct slu_sql_token *token)
{
	struct slu_comment_line line = {token->offset + 2, token->size - 2, false};

	while (line.size > 0 && is_blank(splitter->text[line.offset])) {
		line.offset++;
		line.size--;
	}
	return slu_query_is_name_line(splitter->text, &line) &&
	       memmem(splitter->text + line.offset, line.size, " :", 2) != NULL;
}

/* ---- statements ---- */

static void tell_unfinished(const struct splitter *splitter, const struct slu_sql_token *token)
{
	const char *what = token->kind == SLU_SQL_STRING    ? "string"
	                   : token->kind == SLU_SQL_COMMENT ? "comment"
	                                                    : "quoted name";

	slu_finding(splitter->reader->findings,
	            slu_reader_place(splitter->reader, token->offset, 1), NULL,
	            "the %s that begins here has no end", what);
}

/* Goes on to the end of a statement whose first token is `first`. A name in the middle of it begins
 * the next query. */
static struct extent find_end(struct splitter *splitter, struct slu_sql_token first)
{
	struct extent extent = {first.offset, first.offset};
	struct slu_sql_token token = first;

	for (;;) {
		if (token.kind == SLU_SQL_COMMENT && is_name_comment(splitter, &token)) {
			slu_finding(splitter->reader->findings,
			            slu_reader_place(splitter->reader, extent.end, 0),
			            "End each statement with a semicolon.",
			            "a semicolon is missing before the next query");
			return extent;
		}
		splitter->at = token.offset + token.size;
		if (token.unfinished)
			tell_unfinished(splitter, &token);
		if (token.kind == SLU_SQL_END || slu_sql_is(splitter->text, &token, ";"))
			return extent;
		if (token.kind != SLU_SQL_COMMENT)
			extent.end = token.offset + token.size;
		token = slu_sql_token(splitter->text, splitter->size, splitter->at);
	}
}

static struct slu_query_source *add_query(struct slu_query_file *file)
{
	struct slu_query_source *queries = slu_room(file->queries, file->query_count,
	                                            sizeof(*queries));

	if (queries == NULL)
		return NULL;
	file->queries = queries;
	memset(&queries[file->query_count], 0, sizeof(*queries));
	return &queries[file->query_count++];
}

static bool read_sql(const struct slu_query_reader *reader, struct slu_query_source *query,
                     struct extent extent)
{
	struct slu_tokens tokens = {0};
	bool ok = slu_query_rewrite(reader, query, extent.begin, extent.end) &&
	          slu_tokens_cut(&tokens, query->sql, 0, strlen(query->sql)) &&
	          slu_query_read_casts(query, &tokens) && slu_query_read_columns(query, &tokens) &&
	          slu_query_read_insert(query, &tokens) &&
	          slu_query_read_stars(reader, query, &tokens);

	if (ok)
		slu_query_check(reader, query, &tokens);
	slu_tokens_free(&tokens);
	return ok;
}

static void tell_no_statement(const struct slu_query_reader *reader,
                              const struct slu_comment_line *line)
{
	slu_finding(reader->findings, slu_reader_place(reader, line->offset, line->size),
	            "Write the statement below it, and end it with a semicolon.",
	            "this query has no statement");
}

static void tell_no_name(const struct splitter *splitter, struct extent extent)
{
	const struct slu_query_reader *reader = splitter->reader;
	struct slu_place place = slu_reader_place(reader, extent.begin, extent.end - extent.begin);

	if (splitter->after_name && splitter->header.count == 0)
		slu_finding(reader->findings, place,
		            "A query is one statement. Give this one a name of its own, in a "
		            "comment above it: -- name: DeleteOrder :exec",
		            "a second statement under one name");
	else
		slu_finding(reader->findings, place,
		            "Put a name and a command in a comment above it: -- name: DeleteOrder "
		            ":exec",
		            "this statement has no name");
}

/* The first of the comment lines that belong to the name in line `name`. */
static size_t block_begin(const struct header *header, size_t name)
{
	while (name > 0 && !header->lines[name].apart)
		name--;
	return name;
}

static size_t find_name(const struct splitter *splitter, size_t from)
{
	const struct header *header = &splitter->header;

	while (from < header->count &&
	       !slu_query_is_name_line(splitter->text, &header->lines[from]))
		from++;
	return from;
}

static const char ABOVE[] = "Put it between the query's name and its SQL, or right above the name.";

/* `extent` is NULL at the end of the file. */
static bool read_query(struct splitter *splitter, const struct extent *extent)
{
	const struct slu_query_reader *reader = splitter->reader;
	const struct header *header = &splitter->header;
	size_t name = find_name(splitter, 0);
	size_t next, begin;
	struct slu_query_source *query;

	for (next = find_name(splitter, name + 1); next < header->count;
	     next = find_name(splitter, name + 1)) {
		tell_no_statement(reader, &header->lines[name]);
		name = next;
	}
	splitter->after_name = splitter->after_name || name < header->count;
	if (extent == NULL && name < header->count)
		tell_no_statement(reader, &header->lines[name]);
	if (extent != NULL && name >= header->count)
		tell_no_name(splitter, *extent);
	begin = name < header->count ? block_begin(header, name) : header->count;
	slu_query_refuse_hints(reader, header->lines, begin, "this hint belongs to no query",
	                       ABOVE);
	if (extent == NULL || name >= header->count)
		return true;
	query = add_query(reader->file);
	return query != NULL && slu_query_read_name(reader, query, &header->lines[name]) &&
	       slu_query_read_comment(reader, query, header->lines + begin,
	                              header->count - begin) &&
	       slu_query_read_hints(reader, query, header->lines + begin, header->count - begin) &&
	       read_sql(reader, query, *extent);
}

/* A comment beside the end of a statement speaks of that one. */
static bool is_beside(const struct splitter *splitter, const struct slu_sql_token *comment)
{
	return splitter->ended > 0 &&
	       line_ends(splitter->text, splitter->ended, comment->offset) == 0 &&
	       !is_name_comment(splitter, comment);
}

static bool read_queries(struct splitter *splitter)
{
	for (;;) {
		struct slu_sql_token token = slu_sql_token(splitter->text, splitter->size,
		                                           splitter->at);

		if (token.kind == SLU_SQL_END)
			return read_query(splitter, NULL);
		if (token.kind == SLU_SQL_COMMENT) {
			if (token.unfinished)
				tell_unfinished(splitter, &token);
			if (!is_beside(splitter, &token) && !add_comment(splitter, &token))
				return false;
			splitter->at = token.offset + token.size;
			continue;
		}
		if (slu_sql_is(splitter->text, &token, ";")) {
			splitter->at = splitter->ended = token.offset + token.size;
			continue;
		}
		struct extent extent = find_end(splitter, token);

		if (!read_query(splitter, &extent))
			return false;
		splitter->ended = splitter->at;
		splitter->header.count = 0;
	}
}

enum sluice_status slu_query_file_read(struct slu_query_file *file, const char *path,
                                       struct slu_findings *findings)
{
	struct slu_query_reader reader = {file, findings};
	struct splitter splitter = {.reader = &reader};
	struct slu_place nowhere = {NULL, 0, 0};
	struct sluice_error error;
	size_t before = findings->error_count;
	enum sluice_status status;
	bool ok;

	memset(file, 0, sizeof(*file));
	status = slu_source_read(&file->source, path, &error);
	if (status != SLUICE_OK) {
		slu_finding(findings, nowhere, NULL, "%s", error.message);
		return status;
	}
	splitter.text = file->source.text;
	splitter.size = file->source.size;
	ok = read_queries(&splitter);
	free(splitter.header.lines);
	if (!ok) {
		slu_finding(findings, nowhere, NULL, "out of memory while reading %s", path);
		return SLUICE_FAILED;
	}
	return findings->error_count == before ? SLUICE_OK : SLUICE_INVALID;
}
