/* SPDX-License-Identifier: MIT */
/*
 * pg_error.c - the table of SQLSTATEs.
 *
 * The longest prefix decides: "57" is a class, "57P01" one of its codes. `told` says whether the
 * server's message may be repeated: in classes 22, 23 and P0 it may quote values. A trigger may
 * raise any code with any message; such an error has a context, and is not repeated either.
 */
#include "sink/pg_error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct rule {
	const char *prefix;
	enum slu_action action;
	bool told;
	const char *name;
};

static const struct rule rules[] = {
	{"08", SLU_RETRY, true, "connection exception"},
	{"0A", SLU_HALT, true, "feature not supported"},
	{"22", SLU_HALT, false, "data exception"},
	{"22001", SLU_HALT, false, "text too long"},
	{"22003", SLU_HALT, false, "number out of range"},
	{"22008", SLU_HALT, false, "time out of range"},
	{"22012", SLU_HALT, false, "division by zero"},
	{"22021", SLU_HALT, false, "bytes that are not UTF-8, or a zero byte"},
	{"22P02", SLU_HALT, false, "invalid text representation"},
	{"22P03", SLU_HALT, false, "invalid binary representation"},
	{"22P05", SLU_HALT, false, "untranslatable character"},
	{"23", SLU_HALT, false, "integrity constraint violation"},
	{"23502", SLU_HALT, false, "not-null violation"},
	{"23503", SLU_HALT, false, "foreign key violation"},
	{"23505", SLU_HALT, false, "unique violation"},
	{"23514", SLU_HALT, false, "check violation, or no partition for the row"},
	{"25006", SLU_RETRY, true, "read-only server"}, /* a failover: look for the primary again */
	{"25P03", SLU_RETRY, true, "session ended: idle in a transaction"},
	{"25P04", SLU_RETRY, true, "session ended: transaction took too long"},
	{"26000", SLU_RETRY, true, "prepared statement is gone"},
	{"28", SLU_HALT, true, "not authorized"},
	{"3F", SLU_HALT, true, "no such schema"},
	{"40", SLU_RETRY, true, "transaction rolled back"},
	{"42", SLU_HALT, true, "schema and streams differ, or a right is missing"},
	{"42P05", SLU_RETRY, true, "prepared statement is there already"},
	{"53", SLU_RETRY, true, "out of resources"},
	{"55006", SLU_RETRY, true, "object in use"},
	{"55P03", SLU_RETRY, true, "lock not available"},
	{"57014", SLU_RETRY, true, "cancelled, or over statement_timeout"},
	{"57P01", SLU_RETRY, true, "server shutdown, or session terminated"},
	{"57P02", SLU_RETRY, true, "server crash"},
	{"57P03", SLU_RETRY, true, "server not accepting connections yet"},
	{"57P05", SLU_RETRY, true, "session ended: idle"},
	{"58", SLU_RETRY, true, "system error"},
	{"P0", SLU_HALT, false, "raised by a trigger or function"},
};

static const struct rule *find(const char *sqlstate)
{
	static const struct rule unknown = {"", SLU_HALT, false, "unknown error"};
	const struct rule *best = &unknown;
	size_t index;

	for (index = 0; index < sizeof(rules) / sizeof(rules[0]); index++) {
		size_t size = strlen(rules[index].prefix);

		if (size > strlen(best->prefix) &&
		    strncmp(sqlstate, rules[index].prefix, size) == 0)
			best = &rules[index];
	}
	return best;
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

void slu_trouble_set(struct slu_trouble *trouble, enum slu_action action, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(trouble->reason, sizeof(trouble->reason), format, arguments);
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
	const struct rule *rule;
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
}
