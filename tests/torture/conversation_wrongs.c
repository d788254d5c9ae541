/* SPDX-License-Identifier: MIT */
/* conversation_wrongs.c - what could be wrong with a database, done to it and rolled back. */
#include "tests/torture/conversation_wrongs.h"

#include "tests/contract/database.h"

#include <stdio.h>
#include <stdlib.h>

static const struct wrong {
	const char *name, *sql;
} wrongs[] = {
	{"an event is lost", "DELETE FROM event WHERE number = 8"},
	{"the events of a batch are lost", "DELETE FROM event WHERE number BETWEEN 6 AND 11"},
	{"an event is doubled", "INSERT INTO event (number, run, engine, a, note) "
                                "SELECT number, run, engine, a, note FROM event WHERE number = 8"},
	{"the events of a batch are doubled",
         "INSERT INTO event (number, run, engine, a, note) SELECT number, run, engine, a, note "
         "FROM event WHERE number BETWEEN 6 AND 11 ORDER BY place"},
	{"two events are swapped in place",
         "UPDATE event SET place = 2 * (SELECT place FROM event WHERE number = 8) + 1 - place "
         "WHERE number IN (8, 9)"},
	{"a bit of an event is turned", "UPDATE event SET a = a # 1024 WHERE number = 15"},
	{"a text has lost its end",
         "UPDATE event SET note = left(note, -1) WHERE number = (SELECT max(number) FROM event "
         "WHERE note <> '')"},
	{"an event was never put", "INSERT INTO event (number, run, engine, a, note) "
                                   "SELECT 1000, run, engine, a, note FROM event WHERE number = 8"},
	{"an event is of no run", "INSERT INTO event (number, run, engine, a, note) "
                                  "SELECT number, -1, engine, a, note FROM event WHERE number = 8"},
	{"a state is lost", "DELETE FROM holding WHERE version = 4"},
	{"a state is of no run",
         "INSERT INTO holding SELECT -1, number, -1, engine, a, count, version "
         "FROM holding WHERE version = 4"},
	{"a bit of a state is turned", "UPDATE holding SET a = a # 1 WHERE version = 4"},
	{"a version went back", "UPDATE holding SET version = 3 WHERE version = 4"},
	{"a removed state is back",
         "INSERT INTO holding SELECT key + 1, 12, run, engine, a, count, 3 "
         "FROM holding WHERE number = 27"},
	{"a refused event is in its table, too",
         "ALTER TABLE event DROP CONSTRAINT refused; INSERT INTO event (number, run, engine, a, "
         "note) SELECT 24, run, 9, a, note FROM event WHERE number = 8"},
	{"a letter is lost", "DELETE FROM sluice.dead_letter WHERE stream = 'events'"},
	{"a letter is doubled",
         "INSERT INTO sluice.dead_letter (generation, lane, sequence, stream, version, removed, "
         "sqlstate, constraint_name, reason, format, record) SELECT generation, 1, sequence, "
         "stream, version, removed, sqlstate, constraint_name, reason, format, record FROM "
         "sluice.dead_letter WHERE stream = 'events'"},
	{"a letter is of no run",
         "INSERT INTO sluice.dead_letter (generation, lane, sequence, stream, "
         "version, removed, sqlstate, reason, format, record) SELECT "
         "gen_random_uuid(), lane, sequence, stream, version, removed, "
         "sqlstate, reason, format, record FROM sluice.dead_letter LIMIT 1"},
	{"a bit of a letter is turned",
         "UPDATE sluice.dead_letter SET record = set_bit(record, 77, 1 - get_bit(record, 77)) "
         "WHERE stream = 'holdings'"},
	{"a letter is of another record",
         "UPDATE sluice.dead_letter SET sequence = sequence + 1 WHERE stream = 'events'"},
	{"a position is one too far", "UPDATE sluice.lane SET applied[1] = applied[1] + 1"},
	{"a position is one too short", "UPDATE sluice.lane SET applied[2] = applied[2] - 1"},
	{"the positions are gone", "DELETE FROM sluice.lane"},
	{"there is one more run",
         "INSERT INTO sluice.lane (generation, epoch, owner, applied) "
         "SELECT gen_random_uuid(), epoch, owner, applied FROM sluice.lane"},
	{"the run is not sealed", "UPDATE sluice.lane SET sealed_at = NULL"},
};

#define WRONG_COUNT (sizeof(wrongs) / sizeof(wrongs[0]))

static bool tell(const char *name, bool seen, const char *finding)
{
	printf("  %-40s %s\n", name, seen ? finding : "was not seen");
	if (!seen)
		fprintf(stderr, "conversation: that %s was not seen\n", name);
	return seen;
}

static bool sees(const struct conversation *conversation, PGconn *connection,
                 const struct wrong *wrong)
{
	char finding[400] = "";
	PGresult *result;
	bool agrees, changed;

	database_run(connection, "BEGIN");
	result = PQexec(connection, wrong->sql);
	changed = PQresultStatus(result) == PGRES_COMMAND_OK && atoi(PQcmdTuples(result)) > 0;
	if (!changed)
		fprintf(stderr, "conversation: \"%s\" changed nothing: %s\n", wrong->name,
		        PQerrorMessage(connection));
	PQclear(result);
	agrees = changed && conversation_agrees(conversation, connection, finding) &&
	         conversation_alone(conversation, connection, 1, finding);
	database_run(connection, "ROLLBACK");
	return changed && tell(wrong->name, !agrees, finding);
}

static bool sees_account(struct conversation *conversation, PGconn *connection, const char *name,
                         uint64_t *number)
{
	char finding[400] = "";
	bool agrees;

	++*number;
	agrees = conversation_agrees(conversation, connection, finding);
	--*number;
	return tell(name, !agrees, finding);
}

bool conversation_wrongs_seen(struct conversation *conversation, PGconn *connection, int *count)
{
	struct sluice_sink_progress *progress = &conversation->progress;
	bool seen = true;

	for (size_t i = 0; i < WRONG_COUNT; i++)
		seen &= sees(conversation, connection, &wrongs[i]);
	seen &= sees_account(conversation, connection, "an account has a batch more",
	                     &progress->committed);
	seen &= sees_account(conversation, connection, "an account has a letter more",
	                     &progress->dead_lettered);
	*count += (int)WRONG_COUNT + 2;
	return seen;
}
