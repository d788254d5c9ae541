/* SPDX-License-Identifier: MIT */
/* query_tables.c - which table a column is of, as far as FROM and its kin name tables.
 * All parts of a statement are one scope here: so a name is certain only if the statement has it
 * once, and a column without a qualifier only if there is one table. */
#include "db/gen/read/query_reader.h"

#include <stdlib.h>
#include <string.h>

/* A table in FROM, JOIN, INTO, UPDATE or USING. */
struct reference {
	size_t first,
		end;  /* the table's name; equal for what is no table: a subquery, a function */
	size_t alias; /* the token that columns are qualified with; SLU_NO_TOKEN for none */
};

/* Words that no alias without AS is. */
static const char *const not_aliases[] = {
	"SET",     "WHERE",      "ON",        "USING",       "JOIN",    "LEFT",
	"RIGHT",   "INNER",      "FULL",      "CROSS",       "NATURAL", "GROUP",
	"ORDER",   "HAVING",     "LIMIT",     "OFFSET",      "FETCH",   "FOR",
	"UNION",   "EXCEPT",     "INTERSECT", "RETURNING",   "VALUES",  "SELECT",
	"DEFAULT", "OVERRIDING", "WINDOW",    "TABLESAMPLE", NULL};

static bool is_introduction(const struct slu_tokens *tokens, size_t index)
{
	static const char *const words[] = {"FROM", "JOIN", "INTO", "UPDATE", "USING", NULL};

	if (!slu_tokens_in(tokens, index, words) || slu_tokens_is(tokens, index - 1, "DISTINCT"))
		return false;
	/* ON CONFLICT DO UPDATE, FOR UPDATE, FOR NO KEY UPDATE */
	return !slu_tokens_is(tokens, index, "UPDATE") ||
	       (!slu_tokens_is(tokens, index - 1, "DO") &&
	        !slu_tokens_is(tokens, index - 1, "FOR") &&
	        !slu_tokens_is(tokens, index - 1, "KEY"));
}

/* Reads the reference that begins with token `at`; `*next` is the token after it. */
static struct reference read_reference(const struct slu_tokens *tokens, size_t at, size_t *next)
{
	struct reference reference;

	while (slu_tokens_is(tokens, at, "ONLY") || slu_tokens_is(tokens, at, "LATERAL"))
		at++;
	reference.first = at;
	reference.end = slu_tokens_name_end(tokens, at);
	reference.alias = reference.end > at ? reference.end - 1 : SLU_NO_TOKEN;
	*next = reference.end;
	if (slu_tokens_is(tokens, *next, "(")) {
		bool columns = reference.end > at && slu_tokens_is(tokens, at - 1, "INTO");

		reference.end = columns ? reference.end : reference.first;
		*next = slu_tokens_pair(tokens, *next) + 1;
	}
	*next += slu_tokens_is(tokens, *next, "*");
	*next += slu_tokens_is(tokens, *next, "AS");
	if (slu_tokens_is_name(tokens, *next) && !slu_tokens_in(tokens, *next, not_aliases))
		reference.alias = (*next)++;
	return reference;
}

static bool same_name(const struct slu_tokens *tokens, size_t left, size_t right, bool *same)
{
	char *a = slu_tokens_identifier(tokens, left);
	char *b = slu_tokens_identifier(tokens, right);
	bool ok = a != NULL && b != NULL;

	*same = ok && strcmp(a, b) == 0;
	free(a);
	free(b);
	return ok;
}

/* Whether a name without a schema is that of a WITH query: `name AS (`, `name (a, b) AS (`. */
static bool is_with_query(const struct slu_tokens *tokens, const struct reference *reference,
                          bool *found)
{
	size_t i;

	*found = false;
	for (i = 1; i < tokens->count && !*found; i++) {
		size_t as = slu_tokens_is(tokens, i + 1, "(") ? slu_tokens_pair(tokens, i + 1) + 1
		                                              : i + 1;
		bool query = slu_tokens_is(tokens, as, "AS") &&
		             (slu_tokens_is(tokens, as + 1, "(") ||
		              slu_tokens_is(tokens, as + 1, "MATERIALIZED") ||
		              slu_tokens_is(tokens, as + 1, "NOT"));

		if (query && slu_tokens_is_name(tokens, i) &&
		    reference->end == reference->first + 1 &&
		    !same_name(tokens, i, reference->first, found))
			return false;
	}
	return true;
}

struct search {
	const struct slu_tokens *tokens;
	size_t qualifier; /* SLU_NO_TOKEN for none */
	struct reference match;
	size_t count;
};

/* Takes the reference at `at` into account, and those behind commas. */
static bool visit(struct search *search, size_t at)
{
	const struct slu_tokens *tokens = search->tokens;
	bool more = true;

	while (more) {
		size_t next;
		struct reference reference = read_reference(tokens, at, &next);
		bool same = search->qualifier == SLU_NO_TOKEN;

		if (!same && reference.alias != SLU_NO_TOKEN &&
		    !same_name(tokens, reference.alias, search->qualifier, &same))
			return false;
		if (same) {
			search->match = reference;
			search->count++;
		}
		more = slu_tokens_is(tokens, next, ",") && slu_tokens_is(tokens, at - 1, "FROM");
		if (!more && slu_tokens_is(tokens, next, ","))
			search->count += search->qualifier ==
			                 SLU_NO_TOKEN; /* who knows what follows */
		at = next + 1;
	}
	return true;
}

bool slu_query_find_table(const struct slu_tokens *tokens, size_t column, char **table)
{
	size_t first = slu_tokens_name_begin(tokens, column);
	struct search search = {tokens, first == column ? SLU_NO_TOKEN : column - 2, {0, 0, 0}, 0};
	bool with;
	size_t i;

	*table = NULL;
	for (i = 0; i < tokens->count; i++) {
		if (is_introduction(tokens, i) && !visit(&search, i + 1))
			return false;
	}
	if (search.count != 1 || search.match.end == search.match.first)
		return true;
	if (!is_with_query(tokens, &search.match, &with))
		return false;
	if (with)
		return true;
	*table = slu_tokens_text(tokens, search.match.first, search.match.end);
	return *table != NULL;
}
