/* SPDX-License-Identifier: MIT */
/*
 * plan.c - walks a plan from its root, and keeps in mind whether it stands on a nullable side.
 *
 *      Left, Anti         the inner side is filled up with NULLs: an anti join may once have been a
 *                         left join whose matches were sorted out
 *      Right, Right Anti  the outer side
 *      Full               both
 *      Inner, Semi        none
 *
 * A table that the planner proved empty is a Result without a name: on a nullable side nobody knows
 * then whose columns are NULL. A subquery under LATERAL can give out a column of the other side as
 * its own; then it shows in the output of a node below.
 */
#include "db/gen/ask/plan.h"

#include "db/sql_token.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *node, const char *key)
{
	const char *text = json_string_value(json_object_get(node, key));

	return text == NULL ? "" : text;
}

static bool is_one_of(const char *text, const char *const *list)
{
	size_t i;

	for (i = 0; list[i] != NULL; i++) {
		if (strcmp(text, list[i]) == 0)
			return true;
	}
	return false;
}

/* ---- columns of the other side ---- */

static bool add_aliases(json_t *aliases, const json_t *node)
{
	const json_t *alias = json_object_get(node, "Alias");
	const json_t *child;
	size_t i;

	if (json_is_string(alias) &&
	    json_object_set_new(aliases, json_string_value(alias), json_true()) != 0)
		return false;
	json_array_foreach(json_object_get(node, "Plans"), i, child)
	{
		if (!add_aliases(aliases, child))
			return false;
	}
	return true;
}

static bool is_alias(const json_t *aliases, const char *text, const struct slu_sql_token *token)
{
	char name[256];
	size_t used = 0;
	size_t i;

	for (i = 0; i < token->size && used + 1 < sizeof(name); i++) {
		char c = text[token->offset + i];

		if (c != '"')
			name[used++] = c;
	}
	name[used] = '\0';
	return json_object_get(aliases, name) != NULL;
}

/* Whether the expression is made of columns of `aliases` alone, as far as one can see: a schema's
 * name before a function counts as a stranger, which errs to the safe side. */
static bool speaks_only_of(const json_t *aliases, const char *text)
{
	size_t size = strlen(text);
	struct slu_sql_token token = slu_sql_token(text, size, 0);
	bool qualified = false;

	while (token.kind != SLU_SQL_END) {
		struct slu_sql_token next = slu_sql_token(text, size, token.offset + token.size);
		bool name = token.kind == SLU_SQL_WORD || token.kind == SLU_SQL_QUOTED;

		if (token.kind == SLU_SQL_PARAMETER)
			return false;
		if (name && !qualified && slu_sql_is(text, &next, ".") &&
		    !is_alias(aliases, text, &token))
			return false;
		qualified = slu_sql_is(text, &token, ".");
		token = next;
	}
	return true;
}

static bool gives_only_of(const json_t *aliases, const json_t *node)
{
	const json_t *output, *child;
	size_t i;

	json_array_foreach(json_object_get(node, "Output"), i, output)
	{
		if (!speaks_only_of(aliases, json_string_value(output)))
			return false;
	}
	json_array_foreach(json_object_get(node, "Plans"), i, child)
	{
		if (!gives_only_of(aliases, child))
			return false;
	}
	return true;
}

/* Looks at a nullable side as a whole. */
static bool enter_side(struct slu_plan *plan, const json_t *node)
{
	json_t *aliases;
	bool complete;

	plan->outer = true;
	if (!plan->lateral)
		return true;
	aliases = json_object();
	complete = aliases != NULL && add_aliases(aliases, node);
	if (complete && !gives_only_of(aliases, node))
		plan->opaque = true;
	json_decref(aliases);
	return complete;
}

/* ---- the walk ---- */

static bool add_table(json_t *tables, const json_t *node)
{
	return json_array_append_new(tables,
	                             json_pack("{s:s, s:s}", "schema", text_of(node, "Schema"),
	                                       "name", text_of(node, "Relation Name"))) == 0;
}

/* A node that reads: a table, or something else. Of functions and VALUES no column is a table's. */
static bool read_leaf(struct slu_plan *plan, const json_t *node, bool nullable)
{
	static const char *const tables[] = {
		"Seq Scan",         "Sample Scan", "Index Scan",     "Index Only Scan",
		"Bitmap Heap Scan", "Tid Scan",    "Tid Range Scan", NULL};
	static const char *const no_tables[] = {"Function Scan", "Values Scan",
	                                        "Table Function Scan", NULL};
	const char *type = text_of(node, "Node Type");

	if (is_one_of(type, tables)) {
		return add_table(plan->seen, node) &&
		       (!nullable || add_table(plan->nullable, node));
	}
	if (nullable && !is_one_of(type, no_tables))
		plan->opaque = true;
	if (strcmp(text_of(node, "One-Time Filter"), "false") == 0)
		plan->opaque = true;
	return true;
}

static bool walk(struct slu_plan *plan, const json_t *node, bool nullable);

static bool walk_children(struct slu_plan *plan, const json_t *node, bool nullable)
{
	static const char *const inner_sides[] = {"Left", "Anti", "Full", NULL};
	static const char *const outer_sides[] = {"Right", "Right Anti", "Full", NULL};
	static const char *const plain[] = {"Inner", "Semi", "Right Semi", NULL};
	const json_t *join = json_object_get(node, "Join Type");
	const char *type = text_of(node, "Join Type");
	bool inner = is_one_of(type, inner_sides);
	bool outer = is_one_of(type, outer_sides);
	const json_t *child;
	size_t i;

	if (join != NULL && !inner && !outer && !is_one_of(type, plain))
		plan->opaque = true;
	json_array_foreach(json_object_get(node, "Plans"), i, child)
	{
		const char *side = text_of(child, "Parent Relationship");
		bool filled = (inner && strcmp(side, "Inner") == 0) ||
		              (outer && strcmp(side, "Outer") == 0);

		if (filled && !nullable && !enter_side(plan, child))
			return false;
		if (!walk(plan, child, nullable || filled))
			return false;
	}
	return true;
}

/* Whether the node takes its rows from no node below. Its subqueries may be there. */
static bool is_leaf(const json_t *node)
{
	static const char *const inputs[] = {"Outer", "Inner", "Member", "Subquery", NULL};
	const json_t *child;
	size_t i;

	json_array_foreach(json_object_get(node, "Plans"), i, child)
	{
		if (is_one_of(text_of(child, "Parent Relationship"), inputs))
			return false;
	}
	return true;
}

static bool walk(struct slu_plan *plan, const json_t *node, bool nullable)
{
	static const char *const combining[] = {"Append",          "Merge Append", "SetOp",
	                                        "Recursive Union", "CTE Scan",     "WorkTable Scan",
	                                        "Custom Scan",     "Foreign Scan", NULL};
	const char *type = text_of(node, "Node Type");

	if (is_one_of(type, combining))
		plan->combined = true;
	if (json_object_get(node, "Grouping Sets") != NULL ||
	    strcmp(text_of(node, "Operation"), "Merge") == 0)
		plan->opaque = true;
	if (strcmp(type, "ModifyTable") == 0)
		return add_table(plan->seen, node) && walk_children(plan, node, nullable);
	/* What is below a bitmap scan are its indexes. */
	if (strcmp(type, "Bitmap Heap Scan") == 0)
		return read_leaf(plan, node, nullable);
	return (!is_leaf(node) || read_leaf(plan, node, nullable)) &&
	       walk_children(plan, node, nullable);
}

bool slu_plan_read(struct slu_plan *plan, const json_t *root, bool lateral)
{
	memset(plan, 0, sizeof(*plan));
	plan->lateral = lateral;
	plan->seen = json_array();
	plan->nullable = json_array();
	return plan->seen != NULL && plan->nullable != NULL && walk(plan, root, false);
}

void slu_plan_free(struct slu_plan *plan)
{
	json_decref(plan->seen);
	json_decref(plan->nullable);
	memset(plan, 0, sizeof(*plan));
}
