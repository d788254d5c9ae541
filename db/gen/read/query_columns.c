/* SPDX-License-Identifier: MIT */
/* query_columns.c - which column a parameter is the value of, where the words around it leave no
 * doubt: a lone parameter that is inserted into, assigned to or compared with a column by name. */
#include "db/gen/read/query_reader.h"

#include <stdlib.h>
#include <string.h>

struct inference {
	struct slu_query_source *query;
	const struct slu_tokens *tokens;
};

static const char *const comparisons[] = {"=", "<>", "!=", "<", ">", "<=", ">=", NULL};

/* Words before which an expression ends, and words after which one begins. */
static const char *const ends[] = {
	")",      ",",     "AND",    "OR",        "GROUP",     "ORDER", "HAVING", "LIMIT",
	"OFFSET", "FETCH", "FOR",    "WHERE",     "RETURNING", "THEN",  "ELSE",   "END",
	"UNION",  "FROM",  "WHEN",   "ON",        "JOIN",      "LEFT",  "RIGHT",  "INNER",
	"FULL",   "CROSS", "EXCEPT", "INTERSECT", "WINDOW",    "AS",    NULL};
static const char *const begins[] = {"(",  ",",    "AND",    "OR",     "NOT",  "WHERE",
                                     "ON", "WHEN", "HAVING", "SELECT", "CASE", NULL};

static bool is_end(const struct slu_tokens *tokens, size_t index)
{
	return index >= tokens->count || slu_tokens_in(tokens, index, ends);
}

/* The end of an item of a list that a clause may follow without a bracket. */
static size_t clause_item_end(const struct slu_tokens *tokens, size_t first)
{
	static const char *const clauses[] = {"FROM",  "WHERE", "RETURNING", "ON", "UNION",
	                                      "GROUP", "ORDER", "LIMIT",     NULL};
	size_t end = slu_query_item_end(tokens, first);
	size_t at;

	for (at = first; at < end; at++) {
		if (tokens->opened[at] == tokens->opened[first] &&
		    slu_tokens_in(tokens, at, clauses))
			return at;
	}
	return end;
}

/* ---- recording ---- */

/* Notes that parameter `index` is the value of the column whose name ends with token `column`. What
 * is written counts more than what is compared, and then what comes first. `table` (to be freed
 * here) may be NULL. */
static bool note(struct inference *inference, size_t index, size_t column, char *table,
                 bool written)
{
	struct slu_query_source *query = inference->query;
	struct slu_parameter *parameter;
	char *name;

	if (index >= query->parameter_count || (query->parameters[index].column != NULL &&
	                                        (query->parameters[index].written || !written))) {
		free(table);
		return true;
	}
	parameter = &query->parameters[index];
	name = slu_tokens_identifier(inference->tokens, column);
	free(parameter->column);
	free(parameter->table);
	parameter->column = name;
	parameter->table = table;
	parameter->written = written;
	return name != NULL;
}

static bool note_written(struct inference *inference, size_t index, size_t column, size_t table,
                         size_t table_end)
{
	char *name = slu_tokens_text(inference->tokens, table, table_end);

	return name != NULL && note(inference, index, column, name, true);
}

static bool note_compared(struct inference *inference, size_t index, size_t column)
{
	char *table = NULL;

	return slu_query_find_table(inference->tokens, column, &table) &&
	       note(inference, index, column, table, false);
}

/* ---- INSERT ---- */

/* One row of values, or a select list, from token `value` on. */
static bool insert_row(struct inference *inference, const struct slu_insert_shape *shape,
                       size_t value)
{
	const struct slu_tokens *tokens = inference->tokens;
	size_t close = slu_tokens_pair(tokens, shape->columns);
	size_t column;

	for (column = shape->columns + 1; column < close;) {
		size_t column_end = slu_query_item_end(tokens, column);
		size_t value_end = clause_item_end(tokens, value);
		struct slu_operand operand = slu_query_lone(tokens, value, value_end);

		if (operand.parameter != SIZE_MAX && column_end == column + 1 &&
		    !note_written(inference, operand.parameter, column, shape->table,
		                  shape->table_end))
			return false;
		if (!slu_tokens_is(tokens, value_end, ","))
			return true;
		column = column_end + 1;
		value = value_end + 1;
	}
	return true;
}

static bool infer_insert(struct inference *inference, size_t first)
{
	const struct slu_tokens *tokens = inference->tokens;
	struct slu_insert_shape shape;
	size_t row;

	if (!slu_query_insert_shape(tokens, first, &shape))
		return true;
	if (shape.select)
		return insert_row(inference, &shape, shape.values + 1);
	for (row = shape.values; slu_tokens_is(tokens, row, "(");
	     row = slu_tokens_pair(tokens, row) + 2) {
		if (!insert_row(inference, &shape, row + 1))
			return false;
		if (!slu_tokens_is(tokens, slu_tokens_pair(tokens, row) + 1, ","))
			break;
	}
	return true;
}

/* ---- SET ---- */

/* The table that the SET at token `set` changes: what UPDATE names, or INSERT if it is that of ON
 * CONFLICT. */
static void find_target(const struct slu_tokens *tokens, size_t set, size_t *table, size_t *end)
{
	size_t at = set;

	*table = *end = set;
	while (at-- > 0) {
		bool update = slu_tokens_is(tokens, at, "UPDATE") &&
		              !slu_tokens_is(tokens, at - 1, "DO");

		if (!update && !slu_tokens_is(tokens, at, "INTO"))
			continue;
		*table = at + 1 + slu_tokens_is(tokens, at + 1, "ONLY");
		*end = slu_tokens_name_end(tokens, *table);
		return;
	}
}

/* (a, b) = ($1, $2), also ROW ($1, $2). `table` is `table_end` when the columns are compared. */
static bool infer_rows(struct inference *inference, size_t columns, size_t values, size_t table,
                       size_t table_end)
{
	const struct slu_tokens *tokens = inference->tokens;
	size_t column = columns + 1, value = values + 1;
	size_t close = slu_tokens_pair(tokens, columns);

	while (column < close && value < slu_tokens_pair(tokens, values)) {
		size_t column_end = slu_query_item_end(tokens, column);
		size_t value_end = slu_query_item_end(tokens, value);
		size_t parameter = slu_query_lone(tokens, value, value_end).parameter;
		bool named = slu_tokens_name_end(tokens, column) == column_end;

		if (parameter != SIZE_MAX && named &&
		    !(table < table_end
		              ? note_written(inference, parameter, column_end - 1, table, table_end)
		              : note_compared(inference, parameter, column_end - 1)))
			return false;
		column = column_end + 1;
		value = value_end + 1;
	}
	return true;
}

/* One `a = ..` or `(a, b) = ..` from token `at` on. */
static bool infer_assignment(struct inference *inference, size_t at, size_t table, size_t table_end)
{
	const struct slu_tokens *tokens = inference->tokens;
	bool row = slu_tokens_is(tokens, at, "(");
	size_t equals = row ? slu_tokens_pair(tokens, at) + 1 : at + 1;
	size_t value = equals + 1;
	size_t parameter;

	if (!slu_tokens_is(tokens, equals, "="))
		return true;
	if (row) {
		value += slu_tokens_is(tokens, value, "ROW");
		return !slu_tokens_is(tokens, value, "(") ||
		       infer_rows(inference, at, value, table, table_end);
	}
	parameter = slu_query_lone(tokens, value, clause_item_end(tokens, value)).parameter;
	return parameter == SIZE_MAX || note_written(inference, parameter, at, table, table_end);
}

static bool infer_set(struct inference *inference, size_t set)
{
	const struct slu_tokens *tokens = inference->tokens;
	size_t table, table_end, at, end;

	find_target(tokens, set, &table, &table_end);
	if (table == table_end)
		return true; /* SET of something else */
	for (at = set + 1; at < tokens->count; at = end + 1) {
		end = clause_item_end(tokens, at);
		if (!infer_assignment(inference, at, table, table_end))
			return false;
		if (!slu_tokens_is(tokens, end, ","))
			return true;
	}
	return true;
}

/* ---- comparisons ---- */

static bool is_column(const struct slu_tokens *tokens, size_t index)
{
	static const char *const values[] = {"NULL",
	                                     "TRUE",
	                                     "FALSE",
	                                     "DEFAULT",
	                                     "CURRENT_DATE",
	                                     "CURRENT_TIME",
	                                     "LOCALTIME",
	                                     "CURRENT_TIMESTAMP",
	                                     "LOCALTIMESTAMP",
	                                     "CURRENT_USER",
	                                     "SESSION_USER",
	                                     "USER",
	                                     NULL};

	return slu_tokens_is_name(tokens, index) && !slu_tokens_in(tokens, index, values);
}

/* The last token of the column that ends before token `end` and is an operand by itself;
 * SLU_NO_TOKEN if none does. */
static size_t column_before(const struct slu_tokens *tokens, size_t end)
{
	size_t last = end - 1;
	size_t first;

	if (!is_column(tokens, last))
		return SLU_NO_TOKEN;
	first = slu_tokens_name_begin(tokens, last);
	return first == 0 || slu_tokens_in(tokens, first - 1, begins) ? last : SLU_NO_TOKEN;
}

static size_t column_after(const struct slu_tokens *tokens, size_t first)
{
	size_t end = slu_tokens_name_end(tokens, first);

	return end > first && is_column(tokens, end - 1) && is_end(tokens, end) ? end - 1
	                                                                        : SLU_NO_TOKEN;
}

/* Whether it is an item of a list in brackets, by itself. */
static bool is_item(const struct slu_tokens *tokens, const struct slu_operand *operand)
{
	size_t before = operand->first - 1;

	return tokens->opened[operand->first] != SLU_NO_TOKEN &&
	       (slu_tokens_is(tokens, before, "(") || slu_tokens_is(tokens, before, ",")) &&
	       (slu_tokens_is(tokens, operand->end, ",") ||
	        slu_tokens_is(tokens, operand->end, ")"));
}

/* IN (.., $1, ..), = ANY ($1): the token at which what stands before the bracket begins. */
static size_t before_list(const struct slu_tokens *tokens, const struct slu_operand *operand)
{
	static const char *const quantifiers[] = {"ANY", "SOME", "ALL", NULL};
	size_t open = tokens->opened[operand->first];

	if (!is_item(tokens, operand))
		return SLU_NO_TOKEN;
	if (slu_tokens_is(tokens, open - 1, "IN"))
		return slu_tokens_is(tokens, open - 2, "NOT") ? open - 2 : open - 1;
	if (slu_tokens_in(tokens, open - 1, quantifiers) &&
	    slu_tokens_in(tokens, open - 2, comparisons))
		return open - 2;
	return SLU_NO_TOKEN;
}

/* COALESCE ($1, column) and its like: the column, whose type all of them have. */
static size_t column_beside(const struct slu_tokens *tokens, const struct slu_operand *operand)
{
	static const char *const functions[] = {"COALESCE", "NULLIF", "GREATEST", "LEAST", NULL};
	size_t open = tokens->opened[operand->first];
	size_t at, end;

	if (!is_item(tokens, operand) || !slu_tokens_in(tokens, open - 1, functions))
		return SLU_NO_TOKEN;
	for (at = open + 1; at < slu_tokens_pair(tokens, open); at = end + 1) {
		end = slu_query_item_end(tokens, at);
		if (slu_tokens_name_end(tokens, at) == end && is_column(tokens, end - 1))
			return end - 1;
	}
	return SLU_NO_TOKEN;
}

/* Where the operator to the left of a parameter begins: =, IS [NOT] DISTINCT FROM, BETWEEN. */
static size_t before_operator(const struct slu_tokens *tokens, const struct slu_operand *operand)
{
	size_t left = operand->first - 1;

	if (slu_tokens_in(tokens, left, comparisons))
		return left;
	if (slu_tokens_is(tokens, left, "FROM") && slu_tokens_is(tokens, left - 1, "DISTINCT"))
		return slu_tokens_is(tokens, left - 2, "NOT") ? left - 3 : left - 2;
	if (slu_tokens_is(tokens, left, "AND") &&
	    slu_tokens_at(tokens, left - 1)->kind == SLU_SQL_PARAMETER &&
	    slu_tokens_is(tokens, left - 2, "BETWEEN"))
		left -= 2;
	if (slu_tokens_is(tokens, left, "BETWEEN"))
		return slu_tokens_is(tokens, left - 1, "NOT") ? left - 1 : left;
	return SLU_NO_TOKEN;
}

static bool infer_comparison(struct inference *inference, size_t parameter)
{
	const struct slu_tokens *tokens = inference->tokens;
	struct slu_operand operand = slu_query_operand(tokens, parameter);
	size_t left = before_list(tokens, &operand);
	size_t column = SLU_NO_TOKEN;
	bool begin = operand.first == 0 || slu_tokens_in(tokens, operand.first - 1, begins);

	if (left == SLU_NO_TOKEN && is_end(tokens, operand.end))
		left = before_operator(tokens, &operand);
	if (left != SLU_NO_TOKEN)
		column = column_before(tokens, left);
	else if (begin && slu_tokens_in(tokens, operand.end, comparisons))
		column = column_after(tokens, operand.end + 1);
	if (column == SLU_NO_TOKEN)
		column = column_beside(tokens, &operand);
	return column == SLU_NO_TOKEN || note_compared(inference, operand.parameter, column);
}

/* (a, b) = ($1, $2) where it is no assignment. */
static bool infer_row_comparison(struct inference *inference, size_t equals)
{
	const struct slu_tokens *tokens = inference->tokens;
	size_t open = slu_tokens_pair(tokens, equals - 1);
	size_t values = equals + 1 + slu_tokens_is(tokens, equals + 1, "ROW");

	if (!slu_tokens_is(tokens, equals - 1, ")") || !slu_tokens_is(tokens, values, "(") ||
	    !slu_tokens_in(tokens, open - 1, begins) || slu_tokens_is(tokens, open - 1, ","))
		return true;
	return infer_rows(inference, open, values, 0, 0);
}

bool slu_query_read_columns(struct slu_query_source *query, const struct slu_tokens *tokens)
{
	struct inference inference = {query, tokens};
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < tokens->count; i++) {
		if (slu_tokens_is(tokens, i, "INSERT"))
			ok = infer_insert(&inference, i);
		else if (slu_tokens_is(tokens, i, "SET"))
			ok = infer_set(&inference, i);
		else if (slu_tokens_at(tokens, i)->kind == SLU_SQL_PARAMETER)
			ok = infer_comparison(&inference, i);
		else if (slu_tokens_in(tokens, i, comparisons))
			ok = infer_row_comparison(&inference, i);
	}
	return ok;
}
