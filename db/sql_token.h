/* SPDX-License-Identifier: MIT */
/*
 * sql_token.h - cuts SQL into tokens where the server cuts it.
 *
 *      SELECT  E'it\'s'  ,  "Order"  .  id  ::  text  ,  $1  -- why
 *      word    string       quoted  sign word sign word  parameter comment
 *
 * It judges nothing: a token that the end of the text cuts off is `unfinished`, and what it does
 * not know is a sign of one byte. standard_conforming_strings is taken to be on, as it is by
 * default.
 */
#ifndef DB_SQL_TOKEN_H
#define DB_SQL_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum slu_sql_kind {
	SLU_SQL_END = 0,
	SLU_SQL_WORD,      /* a keyword, or a name without quotes */
	SLU_SQL_QUOTED,    /* "name", U&"name" */
	SLU_SQL_STRING,    /* '..', E'..', U&'..', B'..', X'..', N'..', $tag$..$tag$ */
	SLU_SQL_NUMBER,    /* with what clings to it: 1e5, 0x1f */
	SLU_SQL_PARAMETER, /* $1 */
	SLU_SQL_OPERATOR,  /* as long as the server takes it: @>, ||, <= */
	SLU_SQL_SIGN,      /* one of ( ) [ ] , ; . : or ::, := and .. */
	SLU_SQL_COMMENT,   /* -- to before the end of the line; or a block, with those inside */
};

struct slu_sql_token {
	enum slu_sql_kind kind;
	bool unfinished; /* a string, quoted name or block comment without its end */
	size_t offset;
	size_t size; /* 0 at the end */
};

/* Finds the token that begins at `at` or after blanks there. */
struct slu_sql_token slu_sql_token(const char *text, size_t size, size_t at);

/* Whether the token is this sign or operator ("::"), or, in any case, this word ("SELECT"). */
bool slu_sql_is(const char *text, const struct slu_sql_token *token, const char *what);

/* Whether a name without quotes may begin with, or go on with, this byte. */
bool slu_sql_begins_word(char c);
bool slu_sql_continues_word(char c);

#endif
