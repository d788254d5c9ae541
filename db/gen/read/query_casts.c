/* SPDX-License-Identifier: MIT */
/* query_casts.c - a parameter and the cast around it: $1, $1::text, CAST($1 AS text). */
#include "db/gen/read/query_reader.h"

#include <stdlib.h>

/* The number of token `index`, from 0. */
static size_t parameter_index(const struct slu_tokens *tokens, size_t index)
{
	const struct slu_sql_token *token = slu_tokens_at(tokens, index);

	return strtoul(tokens->text + token->offset + 1, NULL, 10) - 1;
}

struct slu_operand slu_query_operand(const struct slu_tokens *tokens, size_t index)
{
	struct slu_operand operand = {index, index + 1, parameter_index(tokens, index), 0, 0};
	size_t open = index - 1;

	if (slu_tokens_is(tokens, index + 1, "::")) {
		operand.type = index + 2;
		operand.type_end = slu_tokens_type_end(tokens, operand.type);
		if (operand.type_end > operand.type)
			operand.end = operand.type_end;
	} else if (slu_tokens_is(tokens, open, "(") && slu_tokens_is(tokens, open - 1, "CAST") &&
	           slu_tokens_is(tokens, index + 1, "AS")) {
		operand.type = index + 2;
		operand.type_end = slu_tokens_type_end(tokens, operand.type);
		if (slu_tokens_pair(tokens, open) == operand.type_end) {
			operand.first = open - 1;
			operand.end = operand.type_end + 1;
		}
	}
	return operand;
}

struct slu_operand slu_query_lone(const struct slu_tokens *tokens, size_t first, size_t end)
{
	struct slu_operand none = {first, end, SIZE_MAX, 0, 0};
	struct slu_operand operand;
	size_t parameter = slu_tokens_is(tokens, first, "CAST") ? first + 2 : first;

	if (slu_tokens_at(tokens, parameter)->kind != SLU_SQL_PARAMETER)
		return none;
	operand = slu_query_operand(tokens, parameter);
	return operand.first == first && operand.end == end ? operand : none;
}

bool slu_query_read_casts(struct slu_query_source *query, const struct slu_tokens *tokens)
{
	size_t i;

	for (i = 0; i < tokens->count; i++) {
		struct slu_operand operand;
		char **cast;

		if (slu_tokens_at(tokens, i)->kind != SLU_SQL_PARAMETER)
			continue;
		operand = slu_query_operand(tokens, i);
		if (operand.parameter >= query->parameter_count)
			continue; /* told already: it mixes $1 and @name */
		cast = &query->parameters[operand.parameter].cast;
		if (*cast != NULL || operand.type_end == operand.type)
			continue;
		*cast = slu_tokens_text(tokens, operand.type, operand.type_end);
		if (*cast == NULL)
			return false;
	}
	return true;
}
