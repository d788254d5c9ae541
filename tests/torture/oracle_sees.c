/* SPDX-License-Identifier: MIT */
/*
 * oracle_sees.c - the oracle of kill_random finds what is wrong: a test of the test.
 *
 *      oracle_sees [--seed N]
 *
 * After a short campaign that it agrees with, the database is corrupted in one way, in a
 * transaction that is rolled back, or the witness is; the oracle must find each. The rows are
 * picked by the seed.
 */
#include "tests/contract/database.h"
#include "tests/torture/arguments.h"
#include "tests/torture/campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CYCLES 4

/* A row picked by the seed, $S, which is put in before the query is run. */
#define EVENT "(SELECT place FROM event ORDER BY md5(place::text || '$S') LIMIT 1)"
#define HOLDING "(SELECT key FROM holding ORDER BY md5(key::text || '$S') LIMIT 1)"
#define COUNTER "(SELECT max(key) FROM holding)"
#define CLOSED "(SELECT generation FROM sluice.lane ORDER BY generation DESC LIMIT 1)"

/* Without the triggers, which would tell what was done. */
static const struct corruption {
	const char *name, *sql;
} corruptions[] = {
	{"an event is lost", "DELETE FROM event WHERE place = " EVENT},
	{"the last event of an engine is lost",
         "DELETE FROM event WHERE place = (SELECT max(place) FROM event WHERE engine = 0)"},
	{"the events of a run are lost",
         "DELETE FROM event WHERE run = (SELECT run FROM event WHERE place = " EVENT ")"},
	{"an event is doubled", "INSERT INTO event (number, run, engine, a, note) "
                                "SELECT number, run, engine, a, note FROM event "
                                "WHERE place = " EVENT},
	{"two events are swapped in place",
         "UPDATE event e SET place = (SELECT sum(place) FROM event "
         "WHERE engine = 0 AND place IN (SELECT place FROM event WHERE engine = 0 "
         "ORDER BY place LIMIT 2)) - e.place WHERE place IN (SELECT place FROM event "
         "WHERE engine = 0 ORDER BY place LIMIT 2)"},
	{"an event has another's contents",
         "UPDATE event e SET a = o.a FROM event o WHERE e.place = " EVENT
         " AND o.place = (SELECT max(place) FROM event WHERE place <> e.place)"},
	{"a bit of an event is turned", "UPDATE event SET a = a # 1024 WHERE place = " EVENT},
	{"a text has lost its end",
         "UPDATE event SET note = substr(note, 2) WHERE place = "
         "(SELECT place FROM event WHERE note <> '' ORDER BY md5(place::text || '$S') LIMIT 1)"},
	{"an event was never put",
         "INSERT INTO event (number, run, engine, a, note) "
         "SELECT max(number) + 1000, run, 1, 0, '' FROM event WHERE engine = 1 "
         "GROUP BY run ORDER BY run LIMIT 1"},
	{"an event is of no engine", "INSERT INTO event (number, run, engine, a, note) "
                                     "VALUES (1, 0, 3, 0, '')"},
	{"an event went to another run", "UPDATE event SET run = run + 1 WHERE place = "
                                         "(SELECT min(place) FROM event WHERE engine = 1)"},
	{"a state is lost", "DELETE FROM holding WHERE key = " HOLDING},
	{"a state is of no key", "UPDATE holding SET key = 5000 WHERE key = " HOLDING},
	{"a state is an older one",
         "UPDATE holding h SET (number, run, engine, a, count, version) = "
         "(SELECT s.number, s.run, s.engine, s.a, s.count, s.version FROM sight s "
         "WHERE s.key = h.key AND s.version < h.version ORDER BY s.version DESC LIMIT 1) "
         "WHERE key = (SELECT key FROM sight GROUP BY key HAVING count(DISTINCT version) > 1 "
         "AND key IN (SELECT key FROM holding) ORDER BY md5(key::text || '$S') LIMIT 1)"},
	{"a bit of a state is turned", "UPDATE holding SET a = a # 1 WHERE key = " HOLDING},
	{"a version went back", "UPDATE holding SET version = version - 1 WHERE key = " HOLDING},
	{"a counter lost an update", "UPDATE holding SET count = count - 1 WHERE key = " COUNTER},
	{"a removed state is back",
         "INSERT INTO holding SELECT key, number, run, engine, a, count, version FROM sight "
         "WHERE removed AND key NOT IN (SELECT key FROM holding) "
         "ORDER BY place DESC LIMIT 1"},
	{"an older state was visible after a newer one",
         "UPDATE sight SET version = version + 1000000 WHERE place = "
         "(SELECT min(place) FROM sight WHERE key = (SELECT key FROM sight GROUP BY key "
         "HAVING count(DISTINCT version) > 1 ORDER BY md5(key::text || '$S') LIMIT 1))"},
	{"a state that never was has been visible",
         "UPDATE sight SET number = number + 10000000 WHERE place = "
         "(SELECT place FROM sight ORDER BY md5(place::text || '$S') LIMIT 1)"},
	{"a position is one too far",
         "UPDATE sluice.lane SET applied[1] = applied[1] + 1 WHERE generation = " CLOSED},
	{"a position is one too short",
         "UPDATE sluice.lane SET applied[1] = applied[1] - 1 WHERE generation = " CLOSED},
	{"the positions of a run are gone", "DELETE FROM sluice.lane WHERE generation = " CLOSED},
	{"a run is not sealed",
         "UPDATE sluice.lane SET sealed_at = NULL WHERE generation = " CLOSED},
};

#define CORRUPTION_COUNT (sizeof(corruptions) / sizeof(corruptions[0]))

static void seeded(char *sql, size_t size, const char *pattern, uint64_t seed)
{
	char number[32];
	const char *place;
	size_t used = 0;

	snprintf(number, sizeof(number), "%" PRIu64, seed);
	while ((place = strstr(pattern, "$S")) != NULL) {
		used += (size_t)snprintf(sql + used, size - used, "%.*s%s", (int)(place - pattern),
		                         pattern, number);
		pattern = place + 2;
	}
	snprintf(sql + used, size - used, "%s", pattern);
}

/* True: the oracle found it. */
static bool sees(struct campaign *campaign, const struct corruption *corruption, uint64_t seed)
{
	PGconn *connection = campaign->connection;
	struct oracle oracle;
	PGresult *result;
	char sql[2048];
	bool agrees, changed;

	seeded(sql, sizeof(sql), corruption->sql, seed);
	database_run(connection, "BEGIN; SET LOCAL session_replication_role = replica");
	result = PQexec(connection, sql);
	changed = PQresultStatus(result) == PGRES_COMMAND_OK && atoi(PQcmdTuples(result)) > 0;
	if (!changed)
		fprintf(stderr, "oracle_sees: \"%s\" changed nothing: %s\n", corruption->name,
		        PQerrorMessage(connection));
	PQclear(result);
	agrees = changed && oracle_agrees(&oracle, campaign->witness, connection);
	database_run(connection, "ROLLBACK");
	if (!changed)
		return false;
	printf("  %-48s %s\n", corruption->name, agrees ? "was not seen" : oracle.finding);
	return !agrees;
}

static bool sees_in_witness(struct campaign *campaign, const char *name, uint64_t *number,
                            uint64_t wrong)
{
	uint64_t right = *number;
	struct oracle oracle;
	bool agrees;

	*number = wrong;
	agrees = oracle_agrees(&oracle, campaign->witness, campaign->connection);
	*number = right;
	printf("  %-48s %s\n", name, agrees ? "was not seen" : oracle.finding);
	return !agrees;
}

int main(int argc, char **arguments)
{
	uint64_t seed = argument_number(arguments, "--seed", (uint64_t)time(NULL));
	struct campaign campaign;
	struct witness_run *last;
	unsigned unseen = 0;

	if (argc % 2 == 0) {
		fputs("usage: oracle_sees [--seed N]\n", stderr);
		return 2;
	}
	printf("  --seed %" PRIu64 "\n", seed);
	campaign_open(&campaign);
	if (!campaign_run(&campaign, seed, CYCLES)) {
		fprintf(stderr, "oracle_sees: it does not agree with what is right: %s; %s\n",
		        campaign.trouble, campaign.oracle.finding);
		return 1;
	}
	for (size_t i = 0; i < CORRUPTION_COUNT; i++)
		unseen += !sees(&campaign, &corruptions[i], seed);
	last = &campaign.witness->runs[campaign.witness->run_count - 1];
	unseen += !sees_in_witness(&campaign, "an account has one too many",
	                           &last->report.account.committed,
	                           last->report.account.committed + 1);
	unseen += !sees_in_witness(&campaign, "an account has something pending",
	                           &last->former.account.pending, 1);
	unseen += !sees_in_witness(&campaign, "a former run's file is left",
	                           &last->former.files_left, 1);
	if (!oracle_agrees(&campaign.oracle, campaign.witness, campaign.connection)) {
		fprintf(stderr, "oracle_sees: something stayed corrupt: %s\n",
		        campaign.oracle.finding);
		unseen++;
	}
	campaign_close(&campaign);
	printf("oracle_sees: seed %" PRIu64 ", %zu corruptions, %u not seen\n", seed,
	       CORRUPTION_COUNT + 3, unseen);
	return unseen > 0;
}
