/* SPDX-License-Identifier: MIT */
/*
 * pg_error.c - the table of SQLSTATEs.
 *
 * In classes 22, 23 and P0 the server's message may quote values, and is not told. A trigger may raise
 * any code with any message; such an error has a context, and is not told either.
 * docs/errors.md is written from this: SLUICE_GOLDEN_WRITE=1 unit_sink_error.
 */
#include "sink/pg_error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct slu_error_rule rules[] = {
	{"08", SLU_RETRY, true, "connection exception"},
	{"09", SLU_ISOLATE, false, "failed in a trigger"},
	{"0A", SLU_HALT, true, "feature not supported"},
	{"22", SLU_ISOLATE, false, "data exception"},
	{"22001", SLU_ISOLATE, false, "text too long"},
	{"22003", SLU_ISOLATE, false, "number out of range"},
	{"22008", SLU_ISOLATE, false, "time out of range"},
	{"22012", SLU_ISOLATE, false, "division by zero"},
	{"22021", SLU_ISOLATE, false, "bytes that are not UTF-8, or a zero byte"},
	{"22P02", SLU_ISOLATE, false, "invalid text representation"},
	{"22023", SLU_HALT, false, "invalid parameter value"},
	{"22P03", SLU_HALT, false, "invalid binary representation"},
	{"22P04", SLU_HALT, false, "invalid COPY format"},
	{"22P05", SLU_ISOLATE, false, "untranslatable character"},
	{"23", SLU_ISOLATE, false, "integrity constraint violation"},
	{"23502", SLU_ISOLATE, false, "not-null violation"},
	{"23503", SLU_ISOLATE, false, "foreign key violation"},
	{"23505", SLU_ISOLATE, false, "unique violation"},
	{"23514", SLU_ISOLATE, false, "check violation, or no partition for the row"},
	{"25006", SLU_RETRY, true, "read-only server"}, /* a failover: look for the primary again */
	{"25P03", SLU_RETRY, true, "session ended: idle in a transaction"},
	{"25P04", SLU_RETRY, true, "session ended: transaction took too long"},
	{"26000", SLU_RETRY, true, "prepared statement is gone"},
	{"28", SLU_HALT, true, "not authorized"},
	{"38", SLU_ISOLATE, false, "failed in an external routine"},
	{"39", SLU_ISOLATE, false, "failed calling an external routine"},
	{"3F", SLU_HALT, true, "no such schema"},
	{"40", SLU_RETRY, true, "transaction rolled back"},
	{"42", SLU_HALT_STREAM, true, "schema and streams differ, or a right is missing"},
	{"42P05", SLU_RETRY, true, "prepared statement is there already"},
	{"44", SLU_ISOLATE, false, "the view's check option"},
	{"53", SLU_RETRY, true, "out of resources"},
	{"54", SLU_ISOLATE, false, "over a limit of the server"},
	{"55006", SLU_RETRY, true, "object in use"},
	{"55P03", SLU_RETRY, true, "lock not available"},
	{"57014", SLU_RETRY, true, "cancelled, or over statement_timeout"},
	{"57P01", SLU_RETRY, true, "server shutdown, or session terminated"},
	{"57P02", SLU_RETRY, true, "server crash"},
	{"57P03", SLU_RETRY, true, "server not accepting connections yet"},
	{"57P05", SLU_RETRY, true, "session ended: idle"},
	{"58", SLU_RETRY, true, "system error"},
	{"P0", SLU_ISOLATE, false, "raised by a trigger or function"},
};

static const struct slu_error_rule *find(const char *sqlstate)
{
	static const struct slu_error_rule unknown = {"", SLU_HALT, false, "unknown error"};
	const struct slu_error_rule *best = &unknown;
	size_t index;

	for (index = 0; index < sizeof(rules) / sizeof(rules[0]); index++) {
		size_t size = strlen(rules[index].prefix);

		if (size > strlen(best->prefix) &&
		    strncmp(sqlstate, rules[index].prefix, size) == 0)
			best = &rules[index];
	}
	return best;
}

const struct slu_error_rule *slu_error_rules(size_t *count)
{
	*count = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

enum slu_action slu_error_action(const char *sqlstate)
{
	if (sqlstate == NULL || sqlstate[0] == '\0')
		return SLU_RETRY;
	return find(sqlstate)->action;
}

/* One line, whatever a server puts into its names and messages. */
static void flatten(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

/* A text that was cut may end in the middle of a character, and is then no text to Postgres. */
static void end_whole(char *text)
{
	size_t size = strlen(text);

	while (size > 0 && (unsigned char)text[size - 1] >= 0x80)
		text[--size] = '\0';
}

void slu_trouble_set(struct slu_trouble *trouble, enum slu_action action, const char *format, ...)
{
	va_list arguments;

	memset(trouble, 0, sizeof(*trouble));
	va_start(arguments, format);
	if (vsnprintf(trouble->reason, sizeof(trouble->reason), format, arguments) >=
	    (int)sizeof(trouble->reason))
		end_whole(trouble->reason);
	va_end(arguments);
	flatten(trouble->reason);
	trouble->action = action;
}

/* The first line of a message of libpq's: the next ones hold hints and, in theory, DETAIL. */
static int first_line(const char *message)
{
	return (int)strcspn(message, "\n");
}

void slu_trouble_of_connection(struct slu_trouble *trouble, const PGconn *connection,
                               const char *where)
{
	const char *message = PQerrorMessage(connection);

	if (message[0] == '\0')
		message = "the connection broke";
	slu_trouble_set(trouble, SLU_RETRY, "%s: %.*s", where, first_line(message), message);
}

/* "table orders, constraint orders_pkey": names of the schema, which tell where without telling
 * what. */
static void name_place(const PGresult *result, char *text, size_t size)
{
	static const struct {
		const char *kind;
		int field;
	} names[] = {
		{"table", PG_DIAG_TABLE_NAME},
		{"column", PG_DIAG_COLUMN_NAME},
		{"constraint", PG_DIAG_CONSTRAINT_NAME},
	};
	size_t index;
	size_t used = 0;

	text[0] = '\0';
	for (index = 0; index < sizeof(names) / sizeof(names[0]) && used < size; index++) {
		const char *name = PQresultErrorField(result, names[index].field);

		if (name != NULL)
			used += (size_t)snprintf(text + used, size - used, ", %s %s",
			                         names[index].kind, name);
	}
}

void slu_trouble_of_result(struct slu_trouble *trouble, const PGconn *connection,
                           const PGresult *result, const char *where)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	const struct slu_error_rule *rule;
	char place[SLU_REASON_SIZE];

	if (sqlstate == NULL) {
		slu_trouble_of_connection(trouble, connection, where);
		return;
	}
	rule = find(sqlstate);
	name_place(result, place, sizeof(place));
	if (rule->told && message != NULL && context == NULL)
		slu_trouble_set(trouble, rule->action, "%s: %s %s%s: %s", where, sqlstate,
		                rule->name, place, message);
	else
		slu_trouble_set(trouble, rule->action, "%s: %s %s%s", where, sqlstate, rule->name,
		                place);
	(void)snprintf(trouble->sqlstate, sizeof(trouble->sqlstate), "%s", sqlstate);
	if (constraint != NULL)
		(void)snprintf(trouble->constraint, sizeof(trouble->constraint), "%s", constraint);
}

/* The last identifier of a name as SQL writes it, without its quotes. */
static void last_name(const char *table, char name[SLU_NAME_SIZE])
{
	bool quoted = false;
	size_t used = 0;

	for (; *table != '\0'; table++) {
		if (*table == '"') {
			quoted = !quoted;
			if (quoted && used > 0 && table[-1] == '"' && used < SLU_NAME_SIZE - 1)
				name[used++] = '"'; /* two stand for one */
		} else if (*table == '.' && !quoted) {
			used = 0;
		} else if (used < SLU_NAME_SIZE - 1) {
			name[used++] = *table;
		}
	}
	name[used] = '\0';
}

/* Its line of the context begins "COPY orders, line 7", in the server's language behind the comma.
 * Other lines may hold the names and numbers of triggers. */
size_t slu_error_copied_row(const PGresult *result, const char *table)
{
	const char *line = PQresultErrorField(result, PG_DIAG_CONTEXT);
	char begin[sizeof("COPY , ") + SLU_NAME_SIZE];
	char name[SLU_NAME_SIZE];
	unsigned long long number = 0;

	last_name(table, name);
	(void)snprintf(begin, sizeof(begin), "COPY %s, ", name);
	for (; line != NULL && number == 0; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, begin, strlen(begin)) != 0)
			continue;
		line += strlen(begin);
		number = strtoull(line + strcspn(line, "0123456789\n"), NULL, 10);
	}
	return number > 0 ? (size_t)number - 1 : SIZE_MAX;
}
