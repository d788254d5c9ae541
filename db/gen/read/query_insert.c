/* SPDX-License-Identifier: MIT */
/* query_insert.c - INSERT INTO table (columns) VALUES (values): what goes where. */
#include "db/gen/read/query_reader.h"

#include <stdlib.h>

size_t slu_query_item_end(const struct slu_tokens *tokens, size_t first)
{
	size_t end = first;

	while (end < tokens->count && tokens->opened[end] == tokens->opened[first] &&
	       !slu_tokens_is(tokens, end, ",") && !slu_tokens_is(tokens, end, ")")) {
		bool opens = slu_tokens_is(tokens, end, "(") || slu_tokens_is(tokens, end, "[");

		end = (opens ? slu_tokens_pair(tokens, end) : end) + 1;
	}
	return end < tokens->count ? end : tokens->count;
}

bool slu_query_insert_shape(const struct slu_tokens *tokens, size_t first,
                            struct slu_insert_shape *shape)
{
	size_t at;

	if (!slu_tokens_is(tokens, first, "INSERT") || !slu_tokens_is(tokens, first + 1, "INTO"))
		return false;
	shape->table = first + 2;
	shape->table_end = slu_tokens_name_end(tokens, shape->table);
	at = shape->table_end;
	if (slu_tokens_is(tokens, at, "AS"))
		at += 2;
	shape->columns = at;
	at = slu_tokens_pair(tokens, at) + 1;
	if (!slu_tokens_is(tokens, shape->columns, "(") || at > tokens->count)
		return false;
	shape->overriding = slu_tokens_is(tokens, at, "OVERRIDING");
	if (shape->overriding)
		at += 3;
	shape->select = slu_tokens_is(tokens, at, "SELECT");
	shape->values = shape->select ? at : at + 1;
	return shape->select ||
	       (slu_tokens_is(tokens, at, "VALUES") && slu_tokens_is(tokens, at + 1, "("));
}

/* The columns, or 0 if one is more than a name (an element, a field). Values are as many, or 0. */
static size_t count_items(const struct slu_tokens *tokens, size_t open, bool names)
{
	size_t close = slu_tokens_pair(tokens, open);
	size_t total = 0;
	size_t at, end;

	for (at = open + 1; at < close; at = end + 1) {
		end = slu_query_item_end(tokens, at);
		if (names && (end != at + 1 || !slu_tokens_is_name(tokens, at)))
			return 0;
		total++;
	}
	return total;
}

static bool take_items(struct slu_insert *insert, const struct slu_tokens *tokens,
                       const struct slu_insert_shape *shape)
{
	size_t column = shape->columns + 1;
	size_t value = shape->values + 1;
	size_t i;

	for (i = 0; i < insert->column_count; i++) {
		size_t end = slu_query_item_end(tokens, value);

		insert->columns[i] = slu_tokens_identifier(tokens, column);
		insert->values[i] = slu_tokens_text(tokens, value, end);
		insert->parameters[i] = slu_query_lone(tokens, value, end).parameter;
		if (insert->columns[i] == NULL || insert->values[i] == NULL)
			return false;
		column += 2;
		value = end + 1;
	}
	return true;
}

bool slu_query_read_insert(struct slu_query_source *query, const struct slu_tokens *tokens)
{
	struct slu_insert *insert = &query->insert;
	struct slu_insert_shape shape;
	size_t count, end;

	if (!slu_query_insert_shape(tokens, 0, &shape) || shape.select || shape.overriding ||
	    slu_tokens_is(tokens, shape.table_end, "AS"))
		return true;
	count = count_items(tokens, shape.columns, true);
	end = slu_tokens_pair(tokens, shape.values) + 1;
	if (count == 0 || count != count_items(tokens, shape.values, false) ||
	    (end < tokens->count && !slu_tokens_is(tokens, end, "RETURNING")))
		return true;
	insert->given = true;
	insert->bare = end == tokens->count;
	insert->table = slu_tokens_text(tokens, shape.table, shape.table_end);
	insert->columns = calloc(count, sizeof(*insert->columns));
	insert->values = calloc(count, sizeof(*insert->values));
	insert->parameters = calloc(count, sizeof(*insert->parameters));
	if (insert->table == NULL || insert->columns == NULL || insert->values == NULL ||
	    insert->parameters == NULL)
		return false;
	insert->column_count = count;
	return take_items(insert, tokens, &shape);
}
