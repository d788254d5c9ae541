/* SPDX-License-Identifier: MIT */
/*
 * sink_schema.c - an engine whose tables change under it writes nothing more, and says why.
 *
 * Each test opens an engine, has it write a few rows, shuts it out of the database, alters
 * something, and lets it in again: it finds the change before it writes the rows that have come
 * meanwhile. They stay with it. With the change undone the next engine goes on.
 */
#include "tests/contract/book_engine.h"

#include "db/clock.h"

#include <stdio.h>

enum {
	BEFORE = 3,   /* trades, and as many accounts, put before the change */
	MEANWHILE = 2 /* and after */
};

/* ---- the database, shut and opened ---- */

/* Not from within: nobody may shut the database he is in. */
static void allow_connections(struct engine *engine, const char *yes)
{
	PGconn *elsewhere = database_connect(getenv("SLUICE_TEST_DSN"));
	char sql[128];

	snprintf(sql, sizeof(sql), "ALTER DATABASE \"%s\" ALLOW_CONNECTIONS %s",
	         PQdb(engine->admin), yes);
	database_run(elsewhere, sql);
	PQfinish(elsewhere);
}

#define SESSIONS                                                                                \
	"FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() " \
	"AND backend_type = 'client backend'"

/* Ends every session but ours, and lets none in. */
static void shut(struct engine *engine)
{
	uint64_t start_ns = slu_monotonic_ns();

	allow_connections(engine, "false");
	while (database_query_int(engine->admin, "SELECT count(*) " SESSIONS) > 0) {
		database_run(engine->admin, "SELECT pg_terminate_backend(pid) " SESSIONS);
		cr_assert_lt(slu_monotonic_ns() - start_ns, PATIENCE_NS, "sessions do not end");
		slu_pause_ns(1000000);
	}
}

/* Runs `sql` while the engine is shut out and holds rows. Returns the ticket of the last one. */
static struct sluice_ticket alter_meanwhile(struct engine *engine, const char *sql)
{
	struct sluice_ticket ticket;

	shut(engine);
	ticket = engine_put(engine, MEANWHILE);
	database_run(engine->admin, sql);
	allow_connections(engine, "true");
	return ticket;
}

/* ---- what halts ---- */

struct change {
	const char *alter;
	const char *undo;
	const char *reason; /* or its beginning */
};

static void assert_account(const struct sluice_account *account, const char *when)
{
	cr_assert_eq(account->accepted, 2 * (BEFORE + MEANWHILE), "%s", when);
	cr_assert_eq(account->committed, 2 * BEFORE, "%s", when);
	cr_assert_eq(account->pending, 2 * MEANWHILE, "%s", when);
}

static void halt_at(const struct change *change)
{
	struct engine engine;
	struct sluice_stats stats;
	struct sluice_report report;

	engine_make(&engine);
	engine_start(&engine, engine.dsn);
	engine_commit(&engine, BEFORE);

	cr_assert_eq(engine_wait(&engine, alter_meanwhile(&engine, change->alter)), SLUICE_HALTED,
	             "%s", change->alter);
	sluice_stats(engine.sluice, &stats);
	cr_assert_eq(stats.state, SLUICE_STATE_HALTED, "%s", change->alter);
	cr_assert_eq(strncmp(stats.reason, change->reason, strlen(change->reason)), 0,
	             "%s\n  expected: %s\n  found:    %s", change->alter, change->reason,
	             stats.reason);
	assert_account(&stats.account, change->alter);
	cr_assert_eq(sluice_close(engine.sluice, 0, &report), SLUICE_HALTED);
	assert_account(&report.account, change->alter);

	database_run(engine.admin, change->undo);
	engine_assert_rows(&engine, BEFORE, change->alter);
	engine_start(&engine, engine.dsn);
	engine_commit(&engine, 1);
	engine_assert_rows(&engine, BEFORE + 1, change->undo);
	engine_close(&engine);
	engine_drop(&engine);
}

#define GENERATE ": run `sluice gen` and rebuild, or `sluice migrate up`"

static void halt_at_each(const struct change *changes, size_t count)
{
	for (; count > 0; count--)
		halt_at(changes++);
}

#define halt_at_each(changes) halt_at_each(changes, sizeof(changes) / sizeof((changes)[0]))

Test(sink_schema, a_column_of_another_definition_halts)
{
	static const struct change changes[] = {
		{"ALTER TABLE trades ALTER price TYPE float8",
	         "ALTER TABLE trades ALTER price TYPE numeric(18,8)",
	         "stream trades, column price: the database has double precision NOT NULL, this "
	         "program expects numeric(18,8) NOT NULL" GENERATE},
		{"ALTER TABLE trades ALTER price TYPE numeric(18,2)",
	         "ALTER TABLE trades ALTER price TYPE numeric(18,8)",
	         "stream trades, column price: the database has numeric(18,2) NOT NULL, this "
	         "program expects numeric(18,8) NOT NULL" GENERATE},
		{"ALTER TABLE trades ALTER price DROP NOT NULL",
	         "ALTER TABLE trades ALTER price SET NOT NULL",
	         "stream trades, column price: the database has numeric(18,8), this program "
	         "expects numeric(18,8) NOT NULL" GENERATE},
		{"UPDATE trades SET note = ''; ALTER TABLE trades ALTER note SET NOT NULL",
	         "ALTER TABLE trades ALTER note DROP NOT NULL",
	         "stream trades, column note: the database has character varying(20) NOT NULL, "
	         "this program expects character varying(20)" GENERATE},
		{"ALTER DOMAIN amount SET NOT NULL", "ALTER DOMAIN amount DROP NOT NULL",
	         "stream accounts, column balance: the database has amount = numeric(18,4) NOT "
	         "NULL, this program expects amount = numeric(18,4)" GENERATE},
		{"ALTER TABLE \"Account \"\"book\"\"\" ALTER \"Account\" ADD GENERATED ALWAYS AS "
	         "IDENTITY",
	         "ALTER TABLE \"Account \"\"book\"\"\" ALTER \"Account\" DROP IDENTITY",
	         "stream accounts, column Account: the database has bigint NOT NULL GENERATED "
	         "ALWAYS AS ID.., this program expects bigint NOT NULL" GENERATE},
	};

	halt_at_each(changes);
}

#define RESTORE_ENUM(column, labels)                                                               \
	"ALTER TABLE trades ALTER " column " TYPE text; DROP TYPE " column "; CREATE TYPE " column \
	" AS ENUM (" labels "); ALTER TABLE trades ALTER " column " TYPE " column " USING " column \
	"::" column

Test(sink_schema, another_label_of_an_enum_halts)
{
	static const struct change changes[] = {
		{"ALTER TYPE side ADD VALUE 'Short'", RESTORE_ENUM("side", "'Buy', 'Sell'"),
	         "stream trades, column side: the database has side ('Buy', 'Sell', 'Short') NOT "
	         "NULL, this program expects side ('Buy', 'Sell') NOT NULL" GENERATE},
		{"ALTER TYPE side RENAME VALUE 'Sell' TO 'SELL'",
	         "ALTER TYPE side RENAME VALUE 'SELL' TO 'Sell'",
	         "stream trades, column side: the database has side ('Buy', 'SELL') NOT NULL, "},
		/* Too long to be told whole: the part that differs is. */
		{"ALTER TYPE exchange ADD VALUE 'Paris' BEFORE 'New York'",
	         RESTORE_ENUM("exchange", "'Amsterdam', 'Frankfurt', 'London', 'New York'"),
	         "stream trades, column exchange: the database has .. 'London', 'Paris', 'New "
	         "York'), this program expects .. 'London', 'New York')" GENERATE},
	};

	halt_at_each(changes);
}

Test(sink_schema, a_column_or_table_that_is_gone_halts)
{
	static const struct change changes[] = {
		{"ALTER TABLE trades RENAME note TO remark",
	         "ALTER TABLE trades RENAME remark TO note",
	         "stream trades, column note: the database has no such column, this program "
	         "expects character varying(20)" GENERATE},
		{"ALTER TABLE \"Account \"\"book\"\"\" DROP balance",
	         "ALTER TABLE \"Account \"\"book\"\"\" ADD balance amount",
	         "stream accounts, column balance: the database has no such column, this program "
	         "expects amount = numeric(18,4)" GENERATE},
		{"ALTER TABLE trades RENAME TO deals", "ALTER TABLE deals RENAME TO trades",
	         "stream trades: the database has no table trades: run `sluice migrate up`, or "
	         "mend the search_path"},
	};

	halt_at_each(changes);
}

Test(sink_schema, a_new_column_that_must_be_filled_halts)
{
	static const struct change changes[] = {
		{"ALTER TABLE trades ADD venue int NOT NULL DEFAULT 1; "
	         "ALTER TABLE trades ALTER venue DROP DEFAULT",
	         "ALTER TABLE trades DROP venue",
	         "stream trades, column venue: the database has integer NOT NULL without a "
	         "default, this program does not write it" GENERATE},
	};

	halt_at_each(changes);
}

#define LIBRARY "UPDATE sluice.schema_migrations SET "

Test(sink_schema, the_librarys_tables_at_another_version_halt)
{
	static const struct change changes[] = {
		{LIBRARY "version = version - 1", LIBRARY "version = version + 1",
	         "the tables of schema sluice are older (version "},
		{LIBRARY "version = version + 1", LIBRARY "version = version - 1",
	         "the tables of schema sluice are a newer Sluice's (version "},
		{LIBRARY "dirty = true", LIBRARY "dirty = false",
	         "the tables of schema sluice are dirty: a migration to version "},
		{"DELETE FROM sluice.schema_migrations",
	         "INSERT INTO sluice.schema_migrations SELECT 1, false",
	         "the tables of schema sluice are missing: run `sluice migrate up`"},
		{"ALTER TABLE sluice.schema_migrations RENAME TO lost",
	         "ALTER TABLE sluice.lost RENAME TO schema_migrations",
	         "the tables of schema sluice are missing: run `sluice migrate up`"},
		{"ALTER SCHEMA sluice RENAME TO lost", "ALTER SCHEMA lost RENAME TO sluice",
	         "the tables of schema sluice are missing: run `sluice migrate up`"},
	};

	halt_at_each(changes);
}

#define USER "UPDATE schema_migrations SET "

Test(sink_schema, an_older_schema_halts)
{
	static const struct change changes[] = {
		{USER "version = 2", USER "version = 3",
	         "the schema is at version 2, this program was generated for version 3: run "
	         "`sluice migrate up`"},
		{"DELETE FROM schema_migrations", "INSERT INTO schema_migrations VALUES (3, false)",
	         "the schema is at no version, this program was generated for version 3: run "
	         "`sluice migrate up`"},
	};

	halt_at_each(changes);
}

/* As while CREATE INDEX CONCURRENTLY runs: nobody has to restart the engine afterwards. */
Test(sink_schema, a_dirty_schema_is_waited_for)
{
	struct engine engine;
	struct sluice_ticket ticket;
	struct sluice_stats stats = {.reason = ""};

	engine_make(&engine);
	engine_start(&engine, engine.dsn);
	engine_commit(&engine, BEFORE);
	database_run(engine.admin, USER "dirty = true; SELECT pg_terminate_backend(pid) " SESSIONS);
	ticket = engine_put(&engine, 1);
	while (strstr(stats.reason, "the schema is dirty: a migration to version 3 runs") == NULL)
		sluice_stats(engine.sluice, &stats);
	cr_expect_eq(stats.state, SLUICE_STATE_CONNECTING);
	engine_assert_rows(&engine, BEFORE, "dirty");
	database_run(engine.admin, USER "dirty = false");
	cr_expect_eq(engine_wait(&engine, ticket), SLUICE_OK);
	engine_assert_rows(&engine, BEFORE + 1, "clean");
	engine_close(&engine);
	engine_drop(&engine);
}

/* The new session asks before the change is committed, and prepares its statements after it. */
Test(sink_schema, a_change_committed_while_a_session_is_opened_halts)
{
	struct engine engine;
	struct sluice_ticket ticket;
	struct sluice_stats stats;
	uint64_t start_ns = slu_monotonic_ns();

	engine_make(&engine);
	engine_start(&engine, engine.dsn);
	engine_commit(&engine, BEFORE);
	database_run(engine.admin, "BEGIN; ALTER TABLE trades ALTER price TYPE numeric(18,2); "
	                           "SELECT pg_terminate_backend(pid) " SESSIONS);
	while (database_query_int(engine.admin,
	                          "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
		cr_assert_lt(slu_monotonic_ns() - start_ns, PATIENCE_NS, "nobody waits");
		slu_pause_ns(1000000);
	}
	ticket = engine_put(&engine, MEANWHILE);
	database_run(engine.admin, "COMMIT");
	cr_assert_eq(engine_wait(&engine, ticket), SLUICE_HALTED);
	sluice_stats(engine.sluice, &stats);
	cr_assert_not_null(strstr(stats.reason, "the database has numeric(18,2) NOT NULL"), "%s",
	                   stats.reason);
	assert_account(&stats.account, "altered while a session was opened");
	engine_assert_rows(&engine, BEFORE, "altered while a session was opened");
	cr_assert_eq(sluice_close(engine.sluice, 0, NULL), SLUICE_HALTED);
	engine_drop(&engine);
}

/* ---- what does not ---- */

static void go_on_at(const char *alter)
{
	struct engine engine;
	struct sluice_stats stats;
	enum sluice_status status;

	engine_make(&engine);
	engine_start(&engine, engine.dsn);
	engine_commit(&engine, BEFORE);
	status = engine_wait(&engine, alter_meanwhile(&engine, alter));
	sluice_stats(engine.sluice, &stats);
	cr_assert_eq(status, SLUICE_OK, "%s: %s", alter, stats.reason);
	engine_assert_rows(&engine, BEFORE + MEANWHILE, alter);
	engine_close(&engine);
	engine_drop(&engine);
}

Test(sink_schema, what_no_row_can_feel_does_not_halt)
{
	go_on_at("ALTER TABLE trades ADD fee numeric, ADD venue text NOT NULL DEFAULT ''");
	go_on_at("CREATE INDEX ON trades (price); ALTER TABLE trades DROP number");
	go_on_at(USER "version = 4");
	go_on_at("DROP TABLE schema_migrations");
	go_on_at("DROP TABLE schema_migrations; CREATE TABLE schema_migrations (version text)");
}
