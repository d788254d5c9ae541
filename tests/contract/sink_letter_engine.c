/* SPDX-License-Identifier: MIT */
/* sink_letter_engine.c - an engine whose rows are refused goes on, and its account tells of them. */
#include "tests/contract/book_engine.h"

static struct engine engine;

static void set_up(void)
{
	engine_make(&engine);
	database_run(engine.admin, "ALTER TABLE trades ADD CHECK (id % 10 <> 0)");
	engine_start(&engine, engine.dsn);
}

static void tear_down(void)
{
	engine_drop(&engine);
}

TestSuite(letter_engine, .init = set_up, .fini = tear_down);

static int64_t count(const char *sql)
{
	return database_query_int(engine.admin, sql);
}

static void assert_account(const struct sluice_account *account, uint64_t accepted,
                           uint64_t dead_lettered)
{
	cr_assert_eq(account->accepted, accepted);
	cr_assert_eq(account->dead_lettered, dead_lettered);
	cr_assert_eq(account->pending, 0);
	cr_assert_eq(account->committed + account->coalesced + account->dead_lettered, accepted);
}

/* Trades begin with number 999: first three, then two have a number that is refused. */
Test(letter_engine, what_is_refused_is_counted_and_all_else_is_there)
{
	struct sluice_report report;
	struct sluice_stats stats;

	engine_commit(&engine, 25);
	sluice_stats(engine.sluice, &stats);
	assert_account(&stats.account, 50, 3);
	cr_assert_eq(stats.state, SLUICE_STATE_RUNNING);
	engine_commit(&engine, 25);
	cr_assert_eq(sluice_close(engine.sluice, PATIENCE_NS, &report), SLUICE_OK);
	assert_account(&report.account, 100, 5);
	cr_assert_eq(count("SELECT count(*) FROM trades"), 45);
	cr_assert_eq(count("SELECT count(*) FROM \"Account \"\"book\"\"\""), 50);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter l JOIN sluice.lane USING "
	                   "(generation) WHERE stream = 'trades' AND sqlstate = '23514' AND "
	                   "sequence <= applied[lane + 1]"),
	             5);
}

/* Three times what a lane holds goes through it. */
Test(letter_engine, a_refused_row_holds_up_no_lane)
{
	struct sluice_report report;
	struct sluice_ticket ticket;
	struct book_trade trade = {.price = 1};

	sluice_text_set(&trade.side, "Buy", 3);
	for (trade.id = 1; trade.id <= 3000; trade.id++) {
		cr_assert_eq(sluice_put(engine.lane, &book_trades, &trade, sizeof(trade), &ticket),
		             SLUICE_OK);
		if (trade.id % 500 == 0)
			cr_assert_eq(engine_wait(&engine, ticket), SLUICE_OK);
	}
	cr_assert_eq(sluice_close(engine.sluice, PATIENCE_NS, &report), SLUICE_OK);
	assert_account(&report.account, 3000, 300);
	cr_assert_eq(count("SELECT count(*) FROM trades"), 2700);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 300);
}
