/* SPDX-License-Identifier: MIT */
/*
 * query_tokens.h - a piece of SQL as an array of tokens, for looking forward and back.
 *
 * Comments are left out. An index beyond the end is allowed in every call, also one below 0 that
 * has wrapped around: there the end token is.
 */
#ifndef DB_GEN_READ_QUERY_TOKENS_H
#define DB_GEN_READ_QUERY_TOKENS_H

#include "db/sql_token.h"

#include <stdint.h>

#define SLU_NO_TOKEN SIZE_MAX

struct slu_tokens {
	const char *text;
	struct slu_sql_token *tokens;
	size_t *opened; /* of each: the ( or [ it stands in, SLU_NO_TOKEN for none. A bracket itself
	                   stands where its surroundings do */
	size_t *pairs;  /* of a bracket: its counterpart; else SLU_NO_TOKEN */
	size_t count;   /* without the end token */
};

/* Cuts `text` from `begin` to `end`. Returns false when out of memory; free it in any case. */
bool slu_tokens_cut(struct slu_tokens *tokens, const char *text, size_t begin, size_t end);
void slu_tokens_free(struct slu_tokens *tokens);

const struct slu_sql_token *slu_tokens_at(const struct slu_tokens *tokens, size_t index);
bool slu_tokens_is(const struct slu_tokens *tokens, size_t index, const char *what);
/* Whether it is one of `what`, which ends with NULL. */
bool slu_tokens_in(const struct slu_tokens *tokens, size_t index, const char *const *what);
/* Whether it may be a name: a word or a quoted one. */
bool slu_tokens_is_name(const struct slu_tokens *tokens, size_t index);
/* The bracket that belongs to this one; `count` when there is none. */
size_t slu_tokens_pair(const struct slu_tokens *tokens, size_t index);

/* Of a name with points in it (app."Orders"): the index after its last token, or `first` if there
 * is no name; and the index of its first token. */
size_t slu_tokens_name_end(const struct slu_tokens *tokens, size_t first);
size_t slu_tokens_name_begin(const struct slu_tokens *tokens, size_t last);

/* The index after a type's name, as SQL writes one in a cast: numeric(32,16), timestamp with time
 * zone[]. `first` if there is none. */
size_t slu_tokens_type_end(const struct slu_tokens *tokens, size_t first);

/* The text from token `first` to before token `end`. To be freed; NULL when out of memory. */
char *slu_tokens_text(const struct slu_tokens *tokens, size_t first, size_t end);
/* A name as the catalog has it: in lower case, or without its quotes. The same. */
char *slu_tokens_identifier(const struct slu_tokens *tokens, size_t index);

/* An array that grows by one: makes room for item number `count` where need be. Returns the array,
 * perhaps moved, or NULL when out of memory: then the old one still stands. */
void *slu_room(void *items, size_t count, size_t item_size);

#endif
