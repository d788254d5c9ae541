/* SPDX-License-Identifier: MIT */
/* lint_change.c - a question for each change that is dangerous where there are rows and engines.
 * The facts are PostgreSQL's: postgresql.org/docs/current/sql-altertable.html, Notes. */
#include "db/author/lint_change.h"

#include <string.h>

/* The script that is being read. */
struct script {
	struct slu_lint *lint;
	const struct slu_lint_statements *statements;
	const struct slu_lint_statement *statement; /* the present one */
};

/* `advice` is what to do instead. */
static void ask(const struct script *script, const struct slu_lint_walk *where, const char *what,
                const char *advice)
{
	slu_lint_find(script->lint, slu_lint_walk_line(where),
	              "%s; %s, or say above it why it is right: " SLU_LINT_ALLOWANCE, what, advice);
}

/* ---- tables of the same script ---- */

/* Steps over the beginning of a CREATE TABLE up to the table's name. */
static bool take_create_table(struct slu_lint_walk *walk)
{
	static const char *const kinds[] = {"GLOBAL", "LOCAL", "TEMPORARY", "TEMP", "UNLOGGED"};
	size_t i;

	if (!slu_lint_take(walk, "CREATE"))
		return false;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		slu_lint_take(walk, kinds[i]);
	if (!slu_lint_take(walk, "TABLE"))
		return false;
	slu_lint_take(walk, "IF NOT EXISTS");
	return true;
}

/* Whether a statement before the present one makes the table. The schema is not compared: then two
 * tables of one name would have to be in one script. */
static bool is_new(const struct script *script, const struct slu_sql_token *table)
{
	const struct slu_lint_statement *statement = script->statements->all;

	for (; statement < script->statement; statement++) {
		struct slu_lint_walk walk = slu_lint_walk_begin(statement);
		struct slu_sql_token name;

		if (take_create_table(&walk) && slu_lint_take_name(&walk, &name) &&
		    slu_lint_same_name(statement->text, &name, table))
			return true;
	}
	return false;
}

/* ---- ALTER TABLE ---- */

/* Types and functions that give each row a value of its own. */
static bool rewrites_table(const struct slu_lint_walk *column)
{
	static const char *const words[] = {
		"SERIAL",  "BIGSERIAL",       "SMALLSERIAL",      "SERIAL4",
		"SERIAL8", "SERIAL2",         "GENERATED",        "GEN_RANDOM_UUID",
		"RANDOM",  "CLOCK_TIMESTAMP", "UUID_GENERATE_V4", "NEXTVAL",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slu_lint_has(column, words[i]))
			return true;
	}
	return false;
}

/* The first reason is enough: its remedy most often takes the others along. */
static void judge_new_column(const struct script *script, const struct slu_lint_walk *column)
{
	bool has_value = slu_lint_has(column, "DEFAULT") || rewrites_table(column);

	if (!has_value && (slu_lint_has(column, "NOT NULL") || slu_lint_has(column, "PRIMARY KEY")))
		ask(script, column,
		    "a new column that is NOT NULL and has no DEFAULT fails on a "
		    "table with rows",
		    "give it a DEFAULT");
	else if (rewrites_table(column))
		ask(script, column,
		    "a value of its own for each row rewrites the table, which "
		    "nobody can read meanwhile",
		    "add the column without it, fill it in parts, then set the default");
	else if (slu_lint_has(column, "UNIQUE") || slu_lint_has(column, "PRIMARY KEY"))
		ask(script, column, "builds an index while nobody can read the table",
		    "CREATE UNIQUE INDEX CONCURRENTLY in a script of its own, then ADD CONSTRAINT "
		    ".. USING INDEX");
	else if (slu_lint_has(column, "REFERENCES") || slu_lint_has(column, "CHECK"))
		ask(script, column, "checks all rows while nobody can write to the table",
		    "add the column, then the constraint as NOT VALID, and VALIDATE it in a later "
		    "script");
}

static bool begins_constraint(struct slu_lint_walk walk)
{
	return slu_lint_take(&walk, "CONSTRAINT") || slu_lint_take(&walk, "CHECK") ||
	       slu_lint_take(&walk, "FOREIGN KEY") || slu_lint_take(&walk, "PRIMARY KEY") ||
	       slu_lint_take(&walk, "UNIQUE") || slu_lint_take(&walk, "EXCLUDE");
}

static void judge_new_constraint(const struct script *script,
                                 const struct slu_lint_walk *constraint)
{
	bool is_check = slu_lint_has(constraint, "FOREIGN KEY") ||
	                slu_lint_has(constraint, "CHECK");

	if (is_check && !slu_lint_has(constraint, "NOT VALID"))
		ask(script, constraint, "checks all rows while nobody can write to the table",
		    "add it as NOT VALID, and VALIDATE CONSTRAINT in a later script");
	else if (!is_check && !slu_lint_has(constraint, "USING INDEX"))
		ask(script, constraint, "builds an index while nobody can read the table",
		    "CREATE UNIQUE INDEX CONCURRENTLY in a script of its own, then ADD CONSTRAINT "
		    ".. USING INDEX");
}

static void judge_add(const struct script *script, struct slu_lint_walk *walk)
{
	bool is_column = slu_lint_take(walk, "COLUMN");

	is_column |= slu_lint_take(walk, "IF NOT EXISTS");
	if (!is_column && begins_constraint(*walk))
		judge_new_constraint(script, walk);
	else
		judge_new_column(script, walk);
}

static void judge_alter_column(const struct script *script, struct slu_lint_walk *walk)
{
	struct slu_sql_token name;

	slu_lint_take(walk, "COLUMN");
	if (!slu_lint_take_name(walk, &name))
		return;
	if (slu_lint_take(walk, "SET NOT NULL"))
		ask(script, walk, "SET NOT NULL reads all rows while nobody can read the table",
		    "add CHECK (.. IS NOT NULL) as NOT VALID, VALIDATE it in a later script, and "
		    "SET NOT NULL after that");
	else if (slu_lint_take(walk, "TYPE") || slu_lint_take(walk, "SET DATA TYPE"))
		ask(script, walk,
		    "a change of type can rewrite the table, which nobody can use "
		    "meanwhile, and stops engines that write the old type",
		    "add a column of the new type, fill it, and move over");
}

static void judge_action(const struct script *script, struct slu_lint_walk *action)
{
	const struct slu_lint_walk begin = *action;

	if (slu_lint_take(action, "ADD")) {
		judge_add(script, action);
	} else if (slu_lint_take(action, "ALTER")) {
		if (!slu_lint_take(action, "CONSTRAINT"))
			judge_alter_column(script, action);
	} else if (slu_lint_take(action, "DROP")) {
		if (!slu_lint_take(action, "CONSTRAINT"))
			ask(script, &begin,
			    "drops a column and what is in it, and stops engines "
			    "that write it",
			    "drop it when no program knows it any more");
	} else if (slu_lint_take(action, "RENAME")) {
		if (!slu_lint_take(action, "CONSTRAINT"))
			ask(script, &begin, "a new name stops engines that write to the old one",
			    "add the new beside the old, and drop the old later");
	} else if (slu_lint_take(action, "SET SCHEMA")) {
		ask(script, &begin, "another schema stops engines that write to the table",
		    "leave it where it is");
	} else if (slu_lint_take(action, "SET LOGGED") || slu_lint_take(action, "SET UNLOGGED") ||
	           slu_lint_take(action, "SET TABLESPACE") ||
	           slu_lint_take(action, "SET ACCESS METHOD")) {
		ask(script, &begin, "rewrites the table, which nobody can read meanwhile",
		    "do it in a maintenance window");
	}
}

static void judge_alter_table(const struct script *script, struct slu_lint_walk *walk)
{
	struct slu_lint_walk action;
	struct slu_sql_token table;

	slu_lint_take(walk, "IF EXISTS");
	slu_lint_take(walk, "ONLY");
	if (!slu_lint_take_name(walk, &table) || is_new(script, &table))
		return;
	slu_lint_take(walk, "*");
	while (slu_lint_next_part(walk, &action))
		judge_action(script, &action);
}

/* ---- the other statements ---- */

/* CREATE [UNIQUE] INDEX, behind the word INDEX. */
static void judge_create_index(const struct script *script, struct slu_lint_walk *walk)
{
	const struct slu_lint_walk begin = *walk;
	struct slu_sql_token name;

	if (slu_lint_take(walk, "CONCURRENTLY"))
		return;
	slu_lint_take(walk, "IF NOT EXISTS");
	if (!slu_lint_take(walk, "ON")) {
		if (!slu_lint_take_name(walk, &name) || !slu_lint_take(walk, "ON"))
			return;
	}
	slu_lint_take(walk, "ONLY");
	if (slu_lint_take_name(walk, &name) && !is_new(script, &name))
		ask(script, &begin, "CREATE INDEX lets nobody write to the table until it is built",
		    "CREATE INDEX CONCURRENTLY, in a script of its own");
}

/* DROP TABLE and TRUNCATE, at the first name. */
static void judge_loss(const struct script *script, struct slu_lint_walk *walk, const char *what,
                       const char *advice)
{
	const struct slu_lint_walk begin = *walk;
	struct slu_lint_walk part;
	struct slu_sql_token name;

	slu_lint_take(walk, "IF EXISTS");
	while (slu_lint_next_part(walk, &part)) {
		slu_lint_take(&part, "ONLY");
		if (slu_lint_take_name(&part, &name) && !is_new(script, &name)) {
			ask(script, &begin, what, advice);
			return;
		}
	}
}

static void judge_delete(const struct script *script, struct slu_lint_walk *walk)
{
	const struct slu_lint_walk begin = *walk;
	struct slu_sql_token name;

	slu_lint_take(walk, "ONLY");
	if (slu_lint_take_name(walk, &name) && !is_new(script, &name) &&
	    !slu_lint_has(walk, "WHERE"))
		ask(script, &begin, "deletes all rows", "say which: WHERE");
}

static void judge(const struct script *script)
{
	struct slu_lint_walk walk = slu_lint_walk_begin(script->statement);
	const struct slu_lint_walk begin = walk;

	if (slu_lint_take(&walk, "ALTER TABLE")) {
		judge_alter_table(script, &walk);
	} else if (slu_lint_take(&walk, "CREATE INDEX") ||
	           slu_lint_take(&walk, "CREATE UNIQUE INDEX")) {
		judge_create_index(script, &walk);
	} else if (slu_lint_take(&walk, "DROP TABLE")) {
		judge_loss(script, &walk, "drops a table with its rows",
		           "drop it when no program knows it any more");
	} else if (slu_lint_take(&walk, "TRUNCATE TABLE") || slu_lint_take(&walk, "TRUNCATE")) {
		judge_loss(script, &walk,
		           "deletes all rows, and lets nobody read the table until "
		           "the script ends",
		           "DELETE what has to go");
	} else if (slu_lint_take(&walk, "DELETE FROM")) {
		judge_delete(script, &walk);
	} else if (slu_lint_take(&walk, "DROP SCHEMA") || slu_lint_take(&walk, "DROP OWNED")) {
		ask(script, &begin, "drops tables with their rows",
		    "drop them one by one, when no program knows them any more");
	} else if ((slu_lint_take(&walk, "ALTER TYPE") || slu_lint_take(&walk, "ALTER SCHEMA")) &&
	           slu_lint_has(&walk, "RENAME")) {
		ask(script, &begin, "a new name stops engines that write the old one",
		    "add the new beside the old");
	} else if (slu_lint_take(&walk, "CLUSTER") || slu_lint_take(&walk, "VACUUM FULL") ||
	           slu_lint_take(&walk, "LOCK")) {
		ask(script, &begin, "locks the table for as long as it takes",
		    "do it in a maintenance window");
	} else if (slu_lint_take(&walk, "REINDEX") && !slu_lint_has(&walk, "CONCURRENTLY")) {
		ask(script, &begin, "REINDEX lets nobody write to the table until it is done",
		    "REINDEX .. CONCURRENTLY, in a script of its own");
	}
}

void slu_lint_changes(struct slu_lint *lint, const struct slu_lint_statements *statements)
{
	struct script script = {lint, statements, NULL};
	size_t i;

	for (i = 0; i < statements->count; i++) {
		script.statement = &statements->all[i];
		if (!script.statement->allowed)
			judge(&script);
	}
}
