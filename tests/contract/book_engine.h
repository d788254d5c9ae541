/* SPDX-License-Identifier: MIT */
/*
 * book_engine.h - an engine that writes the streams of book.h, in a database of its own.
 */
#ifndef TESTS_CONTRACT_BOOK_ENGINE_H
#define TESTS_CONTRACT_BOOK_ENGINE_H

#include "tests/contract/book.h"
#include "tests/contract/database.h"

#include <criterion/criterion.h>
#include <sluice/postgres.h>
#include <stdlib.h>

#define PATIENCE_NS sluice_seconds(60) /* for what must happen; no test measures it */

struct engine {
	char *dsn; /* of a superuser */
	PGconn *admin;
	struct sluice *sluice;
	struct sluice_lane *lane;
	int64_t put; /* trades, and as many accounts */
};

/* The tables are made, nobody writes yet. */
static inline void engine_make(struct engine *engine)
{
	memset(engine, 0, sizeof(*engine));
	engine->dsn = database_create(true);
	engine->admin = database_connect(engine->dsn);
	database_run(engine->admin, book_sql);
}

static inline void engine_drop(struct engine *engine)
{
	PQfinish(engine->admin);
	database_drop(engine->dsn);
}

static inline struct sluice *engine_open(const char *dsn, struct sluice_error *error)
{
	struct sluice_sink *sink = sluice_postgres_open(dsn, NULL, error);

	cr_assert_not_null(sink, "%s", error->message);
	return sluice_open(sink, &book_streams, "lane_slots=1024 keys=256 flush_delay=1ms", error);
}

static inline void engine_start(struct engine *engine, const char *dsn)
{
	struct sluice_error error;

	engine->sluice = engine_open(dsn, &error);
	cr_assert_not_null(engine->sluice, "%s", error.message);
	engine->lane = sluice_attach(engine->sluice, SLUICE_CPU_CURRENT, &error);
	cr_assert_not_null(engine->lane, "%s", error.message);
}

/* The sink halts before the engine is there. */
static inline void engine_assert_refused(const char *dsn, const char *words)
{
	struct sluice_error error;

	cr_assert_null(engine_open(dsn, &error));
	cr_assert_eq(error.status, SLUICE_HALTED, "%s", error.message);
	cr_assert_not_null(strstr(error.message, words), "\n  expected: %s\n  found:    %s", words,
	                   error.message);
}

static inline void engine_close(struct engine *engine)
{
	cr_assert_eq(sluice_close(engine->sluice, PATIENCE_NS, NULL), SLUICE_OK);
}

/* Puts `count` accounts and trades, and gives the ticket of the last. */
static inline struct sluice_ticket engine_put(struct engine *engine, int count)
{
	struct sluice_ticket ticket = {0};

	for (; count > 0; count--) {
		struct book_account account = {.id = ++engine->put, .balance = 10000, .present = 1};
		struct book_trade trade = {.id = 998 + engine->put, .price = 100000000};

		sluice_text_set(&trade.side, "Buy", 3);
		cr_assert_eq(
			sluice_put(engine->lane, &book_accounts, &account, sizeof(account), NULL),
			SLUICE_OK);
		cr_assert_eq(sluice_put(engine->lane, &book_trades, &trade, sizeof(trade), &ticket),
		             SLUICE_OK);
	}
	return ticket;
}

static inline enum sluice_status engine_wait(struct engine *engine, struct sluice_ticket ticket)
{
	return sluice_wait(engine->sluice, ticket, SLUICE_COMMITTED, PATIENCE_NS);
}

static inline void engine_commit(struct engine *engine, int count)
{
	struct sluice_stats stats;
	enum sluice_status status = engine_wait(engine, engine_put(engine, count));

	sluice_stats(engine->sluice, &stats);
	cr_assert_eq(status, SLUICE_OK, "%s: %s", sluice_status_name(status), stats.reason);
}

static inline void engine_assert_rows(struct engine *engine, int64_t count, const char *when)
{
	cr_assert_eq(database_query_int(engine->admin, "SELECT count(*) FROM trades"), count,
	             "%s: trades", when);
	cr_assert_eq(
		database_query_int(engine->admin, "SELECT count(*) FROM \"Account \"\"book\"\"\""),
		count, "%s: accounts", when);
}

#endif
