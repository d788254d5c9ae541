/* SPDX-License-Identifier: MIT */
/* query_stars.c - the stars of a statement's answer: of its select list, or behind RETURNING. */
#include "db/gen/read/query_reader.h"

#include <stdlib.h>
#include <string.h>

static const char *const list_ends[] = {"FROM",   "WHERE",  "GROUP",     "HAVING", "WINDOW",
                                        "UNION",  "EXCEPT", "INTERSECT", "ORDER",  "LIMIT",
                                        "OFFSET", "FETCH",  "FOR",       "INTO",   NULL};

/* Whether the star at `index` is a column of its own, not a product. */
static bool is_item(const struct slu_tokens *tokens, size_t index)
{
	static const char *const before[] = {"SELECT", "RETURNING", "ALL", "DISTINCT",
	                                     ",",      ")",         ".",   NULL};
	bool last = index + 1 >= tokens->count || slu_tokens_is(tokens, index + 1, ",") ||
	            slu_tokens_in(tokens, index + 1, list_ends);

	return slu_tokens_is(tokens, index, "*") && last &&
	       slu_tokens_in(tokens, index - 1, before);
}

static bool add_star(struct slu_star **stars, size_t *count, const struct slu_tokens *tokens,
                     size_t index)
{
	struct slu_star *room = slu_room(*stars, *count, sizeof(*room));
	bool qualified = slu_tokens_is(tokens, index - 1, ".");
	size_t first = qualified ? slu_tokens_name_begin(tokens, index - 2) : index;
	const struct slu_sql_token *begin = slu_tokens_at(tokens, first);
	const struct slu_sql_token *star = slu_tokens_at(tokens, index);
	struct slu_star *added;

	if (room == NULL)
		return false;
	*stars = room;
	if (qualified && !slu_tokens_is_name(tokens, index - 2))
		return true; /* (o).*: the fields of a value; no table's */
	added = &room[(*count)++];
	memset(added, 0, sizeof(*added));
	added->at = begin->offset;
	added->size = star->offset + star->size - begin->offset;
	if (qualified)
		added->qualifier = slu_tokens_text(tokens, first, index - 1);
	return !qualified || added->qualifier != NULL;
}

static bool find_stars(const struct slu_tokens *tokens, struct slu_star **stars, size_t *count)
{
	size_t i;

	for (i = 0; i < tokens->count; i++) {
		if (tokens->opened[i] == SLU_NO_TOKEN && is_item(tokens, i) &&
		    !add_star(stars, count, tokens, i))
			return false;
	}
	return true;
}

/* The rewriting left the embedded ones in `query->stars`; here they join the others. */
bool slu_query_read_stars(const struct slu_query_reader *reader, struct slu_query_source *query,
                          const struct slu_tokens *tokens)
{
	struct slu_star *stars = NULL;
	size_t count = 0;
	bool ok = find_stars(tokens, &stars, &count);
	size_t i, j;

	for (i = 0; i < query->star_count; i++) {
		struct slu_star *embed = &query->stars[i];

		for (j = 0; j < count && stars[j].at != embed->at;)
			j++;
		if (j < count)
			stars[j].embed = true;
		else if (ok)
			slu_finding(reader->findings,
			            slu_query_place(reader->file, query, embed->at, embed->size),
			            "It makes a struct within the row's.",
			            "sqlc.embed stands among the columns of the answer only");
		free(embed->qualifier);
	}
	free(query->stars);
	query->stars = stars;
	query->star_count = count;
	return ok;
}
