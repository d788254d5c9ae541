/* SPDX-License-Identifier: MIT */
/* oracle.c - the tables, the positions of the runs, their accounts, and how the rest asks. */
#include "tests/torture/oracle.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* `sight` is filled a statement at a time: a row of its own for each state that became visible, and
 * for each that was taken away. */
const char oracle_sql[] =
	"CREATE TABLE event (number bigint NOT NULL, run integer NOT NULL, "
	"engine integer NOT NULL, a bigint NOT NULL, note text NOT NULL, "
	"place bigserial, xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint);"
	"CREATE TABLE holding (key bigint PRIMARY KEY, number bigint NOT NULL, "
	"run integer NOT NULL, engine integer NOT NULL, a bigint NOT NULL, "
	"count bigint NOT NULL, version bigint NOT NULL);"
	"CREATE TABLE sight (place bigserial, removed boolean NOT NULL, key bigint, "
	"number bigint, run integer, engine integer, a bigint, count bigint, version bigint);"
	"CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
	"INSERT INTO sight (removed, key, number, run, engine, a, count, version) "
	"SELECT TG_OP = 'DELETE', key, number, run, engine, a, count, version FROM seen; "
	"RETURN NULL; END $$;"
	"CREATE TRIGGER see_insert AFTER INSERT ON holding REFERENCING NEW TABLE AS seen "
	"FOR EACH STATEMENT EXECUTE FUNCTION see();"
	"CREATE TRIGGER see_update AFTER UPDATE ON holding REFERENCING NEW TABLE AS seen "
	"FOR EACH STATEMENT EXECUTE FUNCTION see();"
	"CREATE TRIGGER see_delete AFTER DELETE ON holding REFERENCING OLD TABLE AS seen "
	"FOR EACH STATEMENT EXECUTE FUNCTION see();";

/* ---- how all ask ---- */

bool oracle_finds(struct oracle *oracle, const char *format, ...)
{
	va_list arguments;

	if (oracle->finding[0] != '\0')
		return false;
	va_start(arguments, format);
	vsnprintf(oracle->finding, sizeof(oracle->finding), format, arguments);
	va_end(arguments);
	return false;
}

PGresult *oracle_ask(struct oracle *oracle, const char *sql)
{
	PGresult *result = PQexecParams(oracle->connection, sql, 0, NULL, NULL, NULL, NULL, 1);

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	fprintf(stderr, "oracle: %s", PQerrorMessage(oracle->connection));
	abort();
}

int64_t oracle_int8(const PGresult *result, int row, int column)
{
	uint64_t bits;

	if (PQgetlength(result, row, column) != sizeof(bits))
		abort();
	memcpy(&bits, PQgetvalue(result, row, column), sizeof(bits));
	return (int64_t)be64toh(bits);
}

int32_t oracle_int4(const PGresult *result, int row, int column)
{
	uint32_t bits;

	if (PQgetlength(result, row, column) != sizeof(bits))
		abort();
	memcpy(&bits, PQgetvalue(result, row, column), sizeof(bits));
	return (int32_t)be32toh(bits);
}

int64_t oracle_accepted(const struct oracle *oracle, int32_t run, int32_t engine)
{
	return atomic_load(&oracle->witness->runs[run].engines[engine].accepted);
}

int64_t oracle_intended(const struct oracle *oracle, int32_t run, int32_t engine)
{
	return atomic_load(&oracle->witness->runs[run].engines[engine].intended);
}

/* ---- accounts ---- */

static int64_t sum(struct oracle *oracle, int32_t run,
                   int64_t (*of)(const struct oracle *, int32_t, int32_t))
{
	int64_t total = 0;

	for (int32_t engine = 0; engine < WITNESS_ENGINES; engine++)
		total += of(oracle, run, engine);
	return total;
}

static bool adds_up(struct oracle *oracle, int32_t run, const char *whose,
                    const struct sluice_account *account)
{
	if (account->pending == 0 && account->accepted == account->committed + account->coalesced)
		return true;
	return oracle_finds(oracle,
	                    "run %d: the account of %s does not add up: %" PRIu64 " accepted, "
	                    "%" PRIu64 " committed, %" PRIu64 " coalesced, %" PRIu64 " pending",
	                    run, whose, account->accepted, account->committed, account->coalesced,
	                    account->pending);
}

static bool checks_accounts(struct oracle *oracle)
{
	for (int32_t run = 0; run < oracle->witness->run_count; run++) {
		const struct witness_run *own = &oracle->witness->runs[run];
		int64_t accepted = sum(oracle, run, oracle_accepted);

		if (atomic_load(&own->phase) != WITNESS_CLOSED)
			continue;
		if (!adds_up(oracle, run, "its own records", &own->report.account) ||
		    !adds_up(oracle, run, "former runs", &own->former.account))
			return false;
		if (own->report.account.accepted != (uint64_t)accepted)
			return oracle_finds(oracle,
			                    "run %d: reports %" PRIu64 " records, its engines had "
			                    "%" PRId64 " accepted",
			                    run, own->report.account.accepted, accepted);
		if (own->former.files_left > 0 || own->former.quarantined > 0)
			return oracle_finds(oracle, "run %d: left files of former runs", run);
	}
	return true;
}

/* ---- positions ---- */

static int32_t run_of(const struct oracle *oracle, const char *generation)
{
	for (int32_t run = 0; run < oracle->witness->run_count; run++)
		if (strcmp(oracle->witness->runs[run].generation, generation) == 0)
			return run;
	return -1;
}

/* What a run's lanes stand at is what its engines had accepted, and what landed of the rest. */
static bool checks_position(struct oracle *oracle, const char *generation, int64_t applied,
                            bool sealed, bool *found)
{
	int32_t run = run_of(oracle, generation);

	if (run < 0)
		return oracle_finds(oracle, "positions of %s, which is no run of ours", generation);
	found[run] = true;
	if (applied < sum(oracle, run, oracle_accepted) ||
	    applied > sum(oracle, run, oracle_intended))
		return oracle_finds(oracle,
		                    "run %d: its lanes stand at %" PRId64 " records, accepted were "
		                    "%" PRId64 " to %" PRId64,
		                    run, applied, sum(oracle, run, oracle_accepted),
		                    sum(oracle, run, oracle_intended));
	/* A run that died before its first record leaves a file with nothing to carry. */
	if (!sealed && applied > 0)
		return oracle_finds(oracle, "run %d: is carried, and not sealed", run);
	return true;
}

static bool checks_positions(struct oracle *oracle)
{
	PGresult *result = oracle_ask(
		oracle, "SELECT generation::text, (SELECT coalesce(sum(p), 0)::bigint FROM "
			"unnest(applied) AS p), sealed_at IS NOT NULL FROM sluice.lane");
	bool found[WITNESS_RUNS_MAX] = {false};
	bool fine = true;

	for (int row = 0; row < PQntuples(result) && fine; row++)
		fine = checks_position(oracle, PQgetvalue(result, row, 0),
		                       oracle_int8(result, row, 1),
		                       PQgetvalue(result, row, 2)[0] != 0, found);
	PQclear(result);
	for (int32_t run = 0; run < oracle->witness->run_count && fine; run++)
		if (!found[run] && sum(oracle, run, oracle_accepted) > 0)
			fine = oracle_finds(oracle, "run %d: its positions are gone", run);
	return fine;
}

/* ---- all of it ---- */

bool oracle_agrees(struct oracle *oracle, const struct witness *witness, PGconn *connection)
{
	*oracle = (struct oracle){.witness = witness, .connection = connection};
	if (witness->failure[0] != '\0')
		return oracle_finds(oracle, "a run failed by itself: %s", witness->failure);
	for (int32_t run = 0; run < witness->run_count; run++)
		oracle->in_flight += sum(oracle, run, oracle_intended) -
		                     sum(oracle, run, oracle_accepted);
	return oracle_checks_events(oracle) && oracle_checks_states(oracle) &&
	       checks_positions(oracle) && checks_accounts(oracle);
}
