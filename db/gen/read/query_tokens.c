/* SPDX-License-Identifier: MIT */
/* query_tokens.c - cuts, pairs brackets, and reads names and types off the array. */
#include "db/gen/read/query_tokens.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void *slu_room(void *items, size_t count, size_t item_size)
{
	bool full = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8.. */

	return full ? realloc(items, (count == 0 ? 1 : count * 2) * item_size) : items;
}

/* ---- cutting ---- */

static bool add(struct slu_tokens *tokens, const struct slu_sql_token *token)
{
	struct slu_sql_token *room = slu_room(tokens->tokens, tokens->count, sizeof(*room));

	if (room == NULL)
		return false;
	tokens->tokens = room;
	tokens->tokens[tokens->count++] = *token;
	return true;
}

static bool pair_brackets(struct slu_tokens *tokens)
{
	size_t open = SLU_NO_TOKEN;
	size_t i;

	tokens->opened = malloc((tokens->count + 1) * sizeof(*tokens->opened));
	tokens->pairs = malloc((tokens->count + 1) * sizeof(*tokens->pairs));
	if (tokens->opened == NULL || tokens->pairs == NULL)
		return false;
	for (i = 0; i < tokens->count; i++) {
		tokens->pairs[i] = SLU_NO_TOKEN;
		if (open != SLU_NO_TOKEN &&
		    (slu_tokens_is(tokens, i, ")") || slu_tokens_is(tokens, i, "]"))) {
			tokens->pairs[i] = open;
			tokens->pairs[open] = i;
			open = tokens->opened[open];
		}
		tokens->opened[i] = open;
		if (slu_tokens_is(tokens, i, "(") || slu_tokens_is(tokens, i, "["))
			open = i;
	}
	return true;
}

bool slu_tokens_cut(struct slu_tokens *tokens, const char *text, size_t begin, size_t end)
{
	struct slu_sql_token token = slu_sql_token(text, end, begin);

	memset(tokens, 0, sizeof(*tokens));
	tokens->text = text;
	for (; token.kind != SLU_SQL_END;
	     token = slu_sql_token(text, end, token.offset + token.size)) {
		if (token.kind != SLU_SQL_COMMENT && !add(tokens, &token))
			return false;
	}
	if (!add(tokens, &token))
		return false;
	tokens->count--;
	return pair_brackets(tokens);
}

void slu_tokens_free(struct slu_tokens *tokens)
{
	free(tokens->tokens);
	free(tokens->opened);
	free(tokens->pairs);
	memset(tokens, 0, sizeof(*tokens));
}

/* ---- looking ---- */

const struct slu_sql_token *slu_tokens_at(const struct slu_tokens *tokens, size_t index)
{
	return &tokens->tokens[index < tokens->count ? index : tokens->count];
}

bool slu_tokens_is(const struct slu_tokens *tokens, size_t index, const char *what)
{
	return index < tokens->count && slu_sql_is(tokens->text, &tokens->tokens[index], what);
}

bool slu_tokens_in(const struct slu_tokens *tokens, size_t index, const char *const *what)
{
	for (; *what != NULL; what++) {
		if (slu_tokens_is(tokens, index, *what))
			return true;
	}
	return false;
}

bool slu_tokens_is_name(const struct slu_tokens *tokens, size_t index)
{
	enum slu_sql_kind kind = slu_tokens_at(tokens, index)->kind;

	return index < tokens->count && (kind == SLU_SQL_WORD || kind == SLU_SQL_QUOTED);
}

size_t slu_tokens_pair(const struct slu_tokens *tokens, size_t index)
{
	size_t pair = index < tokens->count ? tokens->pairs[index] : SLU_NO_TOKEN;

	return pair == SLU_NO_TOKEN ? tokens->count : pair;
}

/* ---- names and types ---- */

size_t slu_tokens_name_end(const struct slu_tokens *tokens, size_t first)
{
	size_t end = first;

	if (!slu_tokens_is_name(tokens, first))
		return first;
	for (end++; slu_tokens_is(tokens, end, ".") && slu_tokens_is_name(tokens, end + 1);)
		end += 2;
	return end;
}

size_t slu_tokens_name_begin(const struct slu_tokens *tokens, size_t last)
{
	while (slu_tokens_is(tokens, last - 1, ".") && slu_tokens_is_name(tokens, last - 2))
		last -= 2;
	return last;
}

static size_t skip_words(const struct slu_tokens *tokens, size_t first, const char *const *words)
{
	size_t at = first;

	for (; *words != NULL; words++, at++) {
		if (!slu_tokens_is(tokens, at, *words))
			return first;
	}
	return at;
}

/* Names of types that are two words or more. */
static size_t several_words_end(const struct slu_tokens *tokens, size_t first)
{
	static const char *const names[][4] = {
		{"double", "precision", NULL},
		{"character", "varying", NULL},
		{"char", "varying", NULL},
		{"bit", "varying", NULL},
		{"national", "character", "varying", NULL},
		{"national", "character", NULL},
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t end = skip_words(tokens, first, names[i]);

		if (end > first)
			return end;
	}
	return first;
}

size_t slu_tokens_type_end(const struct slu_tokens *tokens, size_t first)
{
	static const char *const times[] = {"time", "timestamp", NULL};
	static const char *const with[] = {"with", "time", "zone", NULL};
	static const char *const without[] = {"without", "time", "zone", NULL};
	size_t end = several_words_end(tokens, first);

	if (end == first)
		end = slu_tokens_name_end(tokens, first);
	if (end == first)
		return first;
	if (slu_tokens_is(tokens, end, "(") && slu_tokens_pair(tokens, end) < tokens->count)
		end = slu_tokens_pair(tokens, end) + 1;
	if (slu_tokens_in(tokens, first, times))
		end = skip_words(tokens, skip_words(tokens, end, with), without);
	while (slu_tokens_is(tokens, end, "[") && slu_tokens_pair(tokens, end) < tokens->count)
		end = slu_tokens_pair(tokens, end) + 1;
	return end;
}

char *slu_tokens_text(const struct slu_tokens *tokens, size_t first, size_t end)
{
	const struct slu_sql_token *begin = slu_tokens_at(tokens, first);
	const struct slu_sql_token *last = slu_tokens_at(tokens, end - 1);

	if (first >= end)
		return strdup("");
	return strndup(tokens->text + begin->offset, last->offset + last->size - begin->offset);
}

char *slu_tokens_identifier(const struct slu_tokens *tokens, size_t index)
{
	const struct slu_sql_token *token = slu_tokens_at(tokens, index);
	const char *text = tokens->text + token->offset;
	char *name = strndup(text, token->size);
	size_t size = 0;
	size_t i;

	if (name == NULL)
		return NULL;
	if (token->kind != SLU_SQL_QUOTED) {
		for (i = 0; name[i] != '\0'; i++)
			name[i] = (char)((unsigned char)name[i] < 0x80 ? tolower(name[i])
			                                               : name[i]);
		return name;
	}
	for (i = text[0] == '"' ? 1 : 3; i + 1 < token->size; i++) {
		name[size++] = text[i];
		i += text[i] == '"'; /* a doubled one */
	}
	name[size] = '\0';
	return name;
}
