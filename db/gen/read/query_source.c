/* SPDX-License-Identifier: MIT */
/* query_source.c - what others ask of a query that has been read; and how it is freed. */
#include "db/gen/read/query_file.h"

#include "db/gen/read/query_tokens.h"

#include <stdlib.h>
#include <string.h>

/* The source's offset of byte `at` of the SQL. */
static size_t source_offset(const struct slu_query_source *query, size_t at)
{
	size_t i = query->origin_count;

	while (i > 0 && query->origins[i - 1].sql_at > at)
		i--;
	if (i == 0)
		return query->place.offset;
	return query->origins[i - 1].source_at + (at - query->origins[i - 1].sql_at);
}

struct slu_place slu_query_place(const struct slu_query_file *file,
                                 const struct slu_query_source *query, size_t at, size_t size)
{
	struct slu_place place = {&file->source, source_offset(query, at), 0};
	size_t end = source_offset(query, at + size);

	if (size > 0 && end > place.offset)
		place.size = end - place.offset;
	return place;
}

const struct slu_hint *slu_query_hint(const struct slu_query_source *query, enum slu_hint_kind kind,
                                      const char *subject)
{
	size_t i;

	for (i = 0; i < query->hint_count; i++) {
		if (query->hints[i].kind == kind && strcmp(query->hints[i].subject, subject) == 0)
			return &query->hints[i];
	}
	return NULL;
}

struct slu_place slu_stream_hint_place(const struct slu_query_source *query, const char *name)
{
	struct slu_place place = query->stream.place;
	struct slu_tokens tokens = {0};
	size_t i;

	if (!slu_tokens_cut(&tokens, place.source->text, place.offset, place.offset + place.size)) {
		slu_tokens_free(&tokens);
		return place;
	}
	/* `key(state)` names a column; the `state` of `@stream state` does not. */
	for (i = 0; i < tokens.count; i++) {
		char *word = tokens.opened[i] == SLU_NO_TOKEN ? NULL
		                                              : slu_tokens_identifier(&tokens, i);

		if (word != NULL && strcmp(word, name) == 0) {
			place.offset = tokens.tokens[i].offset;
			place.size = tokens.tokens[i].size;
			i = tokens.count;
		}
		free(word);
	}
	slu_tokens_free(&tokens);
	return place;
}

static void free_strings(char **strings, size_t count)
{
	size_t i;

	for (i = 0; strings != NULL && i < count; i++)
		free(strings[i]);
	free(strings);
}

static void free_insert(struct slu_insert *insert)
{
	free(insert->table);
	free_strings(insert->columns, insert->column_count);
	free_strings(insert->values, insert->column_count);
	free(insert->parameters);
}

static void free_stream(struct slu_stream_hint *stream)
{
	free(stream->record);
	free_strings(stream->keys, stream->key_count);
	free(stream->version);
	free(stream->history);
}

static void free_query(struct slu_query_source *query)
{
	size_t i;

	for (i = 0; i < query->parameter_count; i++) {
		free(query->parameters[i].name);
		free(query->parameters[i].cast);
		free(query->parameters[i].column);
		free(query->parameters[i].table);
	}
	for (i = 0; i < query->star_count; i++)
		free(query->stars[i].qualifier);
	for (i = 0; i < query->hint_count; i++)
		free(query->hints[i].subject);
	free(query->name);
	free(query->comment);
	free(query->sql);
	free(query->origins);
	free(query->parameters);
	free(query->stars);
	free(query->hints);
	free_stream(&query->stream);
	free_insert(&query->insert);
}

void slu_query_file_free(struct slu_query_file *file)
{
	size_t i;

	for (i = 0; i < file->query_count; i++)
		free_query(&file->queries[i]);
	free(file->queries);
	slu_source_free(&file->source);
	memset(file, 0, sizeof(*file));
}
