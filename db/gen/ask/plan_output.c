/* SPDX-License-Identifier: MIT */
/*
 * plan_output.c - expressions of a plan's output that have no NULL, as the server writes them.
 *
 *      count(*)   count(x) OVER (?)   1   'a'::text   true   COALESCE(x, 'a'::text)   EXISTS(..)
 *
 * An EXISTS is planned as a subquery without output, and then goes by its number: $0 or (SubPlan
 * 1). What comes from a node below stands in parentheses; that of an Append is its first child's,
 * and says nothing about the others.
 */
#include "db/gen/ask/plan.h"
#include "db/gen/read/query_tokens.h"

#include <stdlib.h>
#include <string.h>

/* Part of an expression: tokens from `first` to before `end`. */
struct part {
	const struct slu_tokens *tokens;
	size_t first;
	size_t end;
};

static bool is_wrapped(const struct part *part)
{
	return part->end > part->first + 1 && slu_tokens_is(part->tokens, part->first, "(") &&
	       slu_tokens_pair(part->tokens, part->first) == part->end - 1;
}

static struct part unwrap(struct part part)
{
	while (is_wrapped(&part)) {
		part.first++;
		part.end--;
	}
	return part;
}

/* 1, 'a'::character varying, true */
static bool is_literal(struct part part)
{
	const struct slu_sql_token *token = slu_tokens_at(part.tokens, part.first);
	size_t at = part.first + 1;

	if (part.first >= part.end)
		return false;
	if (token->kind != SLU_SQL_STRING && token->kind != SLU_SQL_NUMBER &&
	    !slu_tokens_is(part.tokens, part.first, "true") &&
	    !slu_tokens_is(part.tokens, part.first, "false"))
		return false;
	while (at < part.end && slu_tokens_is(part.tokens, at, "::")) {
		size_t after = slu_tokens_type_end(part.tokens, at + 1);

		if (after == at + 1)
			return false;
		at = after;
	}
	return at == part.end;
}

/* A call of `name`, of which `inside` becomes the arguments and `after` what follows. */
static bool is_call(struct part part, const char *name, struct part *inside, size_t *after)
{
	size_t close;

	if (part.end < part.first + 3 || !slu_tokens_is(part.tokens, part.first, name) ||
	    !slu_tokens_is(part.tokens, part.first + 1, "("))
		return false;
	close = slu_tokens_pair(part.tokens, part.first + 1);
	if (close >= part.end)
		return false;
	*inside = (struct part){part.tokens, part.first + 2, close};
	*after = close + 1;
	return true;
}

static bool is_count(struct part part)
{
	struct part inside;
	size_t at;

	if (!is_call(part, "count", &inside, &at))
		return false;
	while (at < part.end) {
		if (!slu_tokens_is(part.tokens, at, "FILTER") &&
		    !slu_tokens_is(part.tokens, at, "OVER"))
			return false;
		at = slu_tokens_pair(part.tokens, at + 1) + 1;
	}
	return at == part.end;
}

static bool is_exists(struct part part)
{
	struct part inside;
	size_t after;

	return is_call(part, "EXISTS", &inside, &after) && after == part.end;
}

/* COALESCE with a literal among its arguments. */
static bool is_coalesce(struct part part)
{
	struct part inside;
	size_t after, at, first;

	if (!is_call(part, "COALESCE", &inside, &after) || after != part.end)
		return false;
	first = inside.first;
	for (at = inside.first; at <= inside.end; at++) {
		if (at < inside.end && slu_tokens_is(part.tokens, at, "(")) {
			at = slu_tokens_pair(part.tokens, at);
		} else if (at == inside.end || slu_tokens_is(part.tokens, at, ",")) {
			if (is_literal(unwrap((struct part){part.tokens, first, at})))
				return true;
			first = at + 1;
		}
	}
	return false;
}

/* ---- subqueries ---- */

static const char *name_of(const json_t *node)
{
	const char *name = json_string_value(json_object_get(node, "Subplan Name"));

	return name == NULL ? "" : name;
}

/* Whether `name`, "SubPlan 1" or "$0", is that of a subquery: "InitPlan 1 (returns $0)". */
static bool is_named(const json_t *node, const char *name)
{
	const char *own = name_of(node);
	const char *returns = strstr(own, "(returns ");

	if (name[0] != '$')
		return strcmp(own, name) == 0;
	return returns != NULL && strncmp(returns + strlen("(returns "), name, strlen(name)) == 0 &&
	       strcmp(returns + strlen("(returns ") + strlen(name), ")") == 0;
}

static const json_t *find_subquery(const json_t *node, const char *name)
{
	const json_t *child;
	size_t i;

	if (is_named(node, name))
		return node;
	json_array_foreach(json_object_get(node, "Plans"), i, child)
	{
		const json_t *found = find_subquery(child, name);

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* Only an EXISTS has no output to give; but some nodes never tell theirs. */
static bool is_subquery_exists(struct part part, const json_t *root)
{
	static const char *const telling[] = {
		"Result",      "Seq Scan",  "Index Scan", "Index Only Scan", "Bitmap Heap Scan",
		"Nested Loop", "Hash Join", "Merge Join", "Limit",           NULL};
	const json_t *found = NULL;
	const char *type;
	char *name = slu_tokens_text(part.tokens, part.first, part.end);
	size_t i;

	if (name != NULL)
		found = find_subquery(root, name);
	free(name);
	if (found == NULL || json_object_get(found, "Output") != NULL)
		return false;
	type = json_string_value(json_object_get(found, "Node Type"));
	for (i = 0; type != NULL && telling[i] != NULL; i++) {
		if (strcmp(type, telling[i]) == 0)
			return true;
	}
	return false;
}

bool slu_plan_proves(const struct slu_plan *plan, const json_t *root, size_t column)
{
	const char *text =
		json_string_value(json_array_get(json_object_get(root, "Output"), column));
	struct slu_tokens tokens;
	bool proven = false;

	if (text == NULL || plan->opaque || plan->outer)
		return false;
	if (slu_tokens_cut(&tokens, text, 0, strlen(text))) {
		struct part part = {&tokens, 0, tokens.count};

		if (!plan->combined)
			part = unwrap(part);
		proven = is_literal(part) || (plan->counts && is_count(part)) || is_exists(part) ||
		         is_coalesce(part) || is_subquery_exists(part, root);
	}
	slu_tokens_free(&tokens);
	return proven;
}
