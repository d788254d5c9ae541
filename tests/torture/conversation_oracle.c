/* SPDX-License-Identifier: MIT */
/* conversation_oracle.c - every row asked for, as text, and compared with what was said. */
#include "tests/contract/database.h"
#include "tests/torture/conversation_lines.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_SIZE 512

/* `place` tells the order in which the events came. */
const char conversation_sql[] =
	"CREATE TABLE event (number bigint NOT NULL, run integer NOT NULL, "
	"engine integer NOT NULL, a bigint NOT NULL, note text NOT NULL, place bigserial, "
	"CONSTRAINT refused CHECK (engine <> 9));"
	"CREATE TABLE holding (key bigint PRIMARY KEY, number bigint NOT NULL, "
	"run integer NOT NULL, engine integer NOT NULL, a bigint NOT NULL, "
	"count bigint NOT NULL, version bigint NOT NULL, "
	"CONSTRAINT refused CHECK (engine <> 9));";

/* What is expected of one table, in order. */
struct expected {
	char texts[CONVERSATION_LINES][TEXT_SIZE];
	int count;
};

static void expect(struct expected *expected, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void expect(struct expected *expected, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(expected->texts[expected->count++], TEXT_SIZE, format, arguments);
	va_end(arguments);
}

static PGresult *ask(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	fprintf(stderr, "conversation: %s", PQerrorMessage(connection));
	abort();
}

/* Row by row what `sql` returns: one text each. */
static bool compare(PGconn *connection, const char *what, const char *sql,
                    const struct expected *expected, char *finding)
{
	PGresult *result = ask(connection, sql);
	int rows = PQntuples(result), row = 0;
	bool same;

	while (row < rows && row < expected->count &&
	       strcmp(PQgetvalue(result, row, 0), expected->texts[row]) == 0)
		row++;
	same = row == rows && row == expected->count;
	if (!same)
		snprintf(finding, 400, "%s %d of %d is %.120s, expected %.120s", what, row + 1,
		         rows, row < rows ? PQgetvalue(result, row, 0) : "missing",
		         row < expected->count ? expected->texts[row] : "none");
	PQclear(result);
	return same;
}

/* ---- the tables ---- */

static bool is_event(const struct conversation *conversation, size_t line)
{
	return conversation_says(conversation, line) &&
	       conversation_lines[line].kind == STEP_EVENT && !conversation_lines[line].refused;
}

static bool check_events(const struct conversation *conversation, PGconn *connection, char *finding)
{
	struct expected expected = {.count = 0};
	char sql[256];

	for (size_t i = 0; i < CONVERSATION_LINES; i++) {
		const struct torture_event *event = &conversation->records[i].event;

		if (is_event(conversation, i))
			expect(&expected, "%" PRId64 "|%d|%" PRId64 "|%.*s", event->number,
			       event->engine, event->a, (int)event->note.size,
			       (const char *)event->note.bytes);
	}
	snprintf(sql, sizeof(sql),
	         "SELECT concat_ws('|', number, engine, a, note) FROM event WHERE run = %d "
	         "ORDER BY place",
	         conversation->run);
	return compare(connection, "event", sql, &expected, finding);
}

/* The last that was said of a key and not refused; -1 for nothing. */
static int newest_line(const struct conversation *conversation, int64_t key)
{
	int newest = -1;

	for (int i = 0; i < CONVERSATION_LINES; i++)
		if (conversation_says(conversation, (size_t)i) &&
		    conversation_lines[i].kind != STEP_EVENT && conversation_lines[i].key == key &&
		    !conversation_lines[i].refused)
			newest = i;
	return newest;
}

static bool check_states(const struct conversation *conversation, PGconn *connection, char *finding)
{
	struct expected expected = {.count = 0};
	char sql[256];

	for (int64_t key = 0; key < CONVERSATION_KEYS; key++) {
		int line = newest_line(conversation, key);
		const struct torture_holding *holding;

		if (line < 0 || conversation_lines[line].kind == STEP_REMOVE)
			continue;
		holding = &conversation->records[line].holding;
		expect(&expected, "%" PRId64 "|%" PRId64 "|%d|%" PRId64 "|%" PRId64 "|%" PRIu64,
		       holding->key, holding->number, holding->engine, holding->a, holding->count,
		       conversation->rows[line].version);
	}
	snprintf(sql, sizeof(sql),
	         "SELECT concat_ws('|', key, number, engine, a, count, version) FROM holding "
	         "WHERE run = %d ORDER BY key",
	         conversation->run);
	return compare(connection, "state", sql, &expected, finding);
}

/* ---- Sluice's own ---- */

static void name_of(const struct conversation *conversation, char name[33])
{
	for (size_t i = 0; i < 16; i++)
		snprintf(name + 2 * i, 3, "%02x", conversation->generation.id.bytes[i]);
}

static bool is_refused(const struct conversation *conversation, size_t line)
{
	return conversation_says(conversation, line) && conversation_lines[line].refused;
}

static bool check_letters(const struct conversation *conversation, PGconn *connection,
                          char *finding)
{
	struct expected expected = {.count = 0};
	char sql[512], name[33];

	for (size_t i = 0; i < CONVERSATION_LINES; i++) {
		const struct sluice_row *row = &conversation->rows[i];
		char record[2 * sizeof(union torture_record) + 1];
		bool event = conversation_lines[i].kind == STEP_EVENT;

		if (!is_refused(conversation, i))
			continue;
		for (size_t b = 0; b < row->size; b++)
			snprintf(record + 2 * b, 3, "%02x",
			         ((const unsigned char *)row->record)[b]);
		expect(&expected, "0|%" PRIu64 "|%s|%" PRIu64 "|f|23514|refused|%s", row->sequence,
		       event ? "events" : "holdings", row->version, record);
	}
	name_of(conversation, name);
	snprintf(sql, sizeof(sql),
	         "SELECT concat_ws('|', lane, sequence, stream, version, removed, sqlstate, "
	         "constraint_name, encode(record, 'hex')) FROM sluice.dead_letter "
	         "WHERE generation = '%s' ORDER BY sequence, lane",
	         name);
	return compare(connection, "letter", sql, &expected, finding);
}

static bool check_run(const struct conversation *conversation, PGconn *connection, char *finding)
{
	struct expected expected = {.count = 0};
	char sql[256], name[33];

	expect(&expected, "{%" PRIu64 ",%" PRIu64 "}|t",
	       conversation_sequence(conversation, CONVERSATION_LINES) - 1,
	       conversation->last - conversation->first + 1);
	name_of(conversation, name);
	snprintf(sql, sizeof(sql),
	         "SELECT concat_ws('|', applied, sealed_at IS NOT NULL) FROM sluice.lane "
	         "WHERE generation = '%s'",
	         name);
	return compare(connection, "run", sql, &expected, finding);
}

static uint64_t refused_count(const struct conversation *conversation)
{
	uint64_t count = 0;

	for (size_t i = 0; i < CONVERSATION_LINES; i++)
		count += is_refused(conversation, i);
	return count;
}

static bool check_account(const struct conversation *conversation, char *finding)
{
	const struct sluice_sink_progress *progress = &conversation->progress;

	if (progress->committed == conversation->last - conversation->first + 1 &&
	    progress->sealed && progress->dead_lettered == refused_count(conversation))
		return true;
	snprintf(finding, 400,
	         "the sink told of %" PRIu64 " batches and %" PRIu64 " letters, %ssealed",
	         progress->committed, progress->dead_lettered, progress->sealed ? "" : "not ");
	return false;
}

bool conversation_agrees(const struct conversation *conversation, PGconn *connection, char *finding)
{
	return check_account(conversation, finding) &&
	       check_run(conversation, connection, finding) &&
	       check_events(conversation, connection, finding) &&
	       check_states(conversation, connection, finding) &&
	       check_letters(conversation, connection, finding);
}

/* ---- all of it ---- */

static void counts_expected(const struct conversation *conversation, int64_t counts[4])
{
	memset(counts, 0, 4 * sizeof(counts[0]));
	for (size_t i = 0; i < CONVERSATION_LINES; i++)
		counts[0] += is_event(conversation, i);
	for (int64_t key = 0; key < CONVERSATION_KEYS; key++) {
		int line = newest_line(conversation, key);

		counts[1] += line >= 0 && conversation_lines[line].kind != STEP_REMOVE;
	}
	counts[2] = (int64_t)refused_count(conversation);
	counts[3] = 1;
}

bool conversation_alone(const struct conversation *conversation, PGconn *connection, int64_t count,
                        char *finding)
{
	static const char *const tables[4] = {"event", "holding", "sluice.dead_letter",
	                                      "sluice.lane"};
	int64_t expected[4];

	counts_expected(conversation, expected);
	for (size_t i = 0; i < 4; i++) {
		char sql[64];
		int64_t found;

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[i]);
		found = database_query_int(connection, sql);
		if (found == count * expected[i])
			continue;
		snprintf(finding, 400, "%s has %" PRId64 " rows, expected %" PRId64, tables[i],
		         found, count * expected[i]);
		return false;
	}
	return true;
}

void conversation_clear(PGconn *connection)
{
	database_run(connection, "TRUNCATE event, holding, sluice.dead_letter, sluice.lane");
}

bool conversation_applied(const struct conversation *conversation, PGconn *connection,
                          uint64_t batch)
{
	char sql[256], name[33];

	name_of(conversation, name);
	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM sluice.lane WHERE generation = '%s' AND applied[2] >= "
	         "%" PRIu64,
	         name, batch);
	return database_query_int(connection, sql) == 1;
}
