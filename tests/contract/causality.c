/* SPDX-License-Identifier: MIT */
/*
 * causality.c - no reader of Postgres finds an effect without its cause, on whatever lanes.
 *
 * Two engines play ping-pong through the cache: the first puts n into order X, the second sees that
 * and puts n into order Y, the first sees that and puts n + 1 into X. So whoever looks at one
 * moment finds y <= x <= y + 1. Each also appends an execution before it answers, which must be
 * there with the order that came after it. Every scan of the lanes is a chance to cut between the
 * two; tests/unit/batch.c makes that happen by hand, here it is met by luck, over and over: the
 * lanes are short, so that batches are many.
 */
#include "tests/contract/database.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <sluice/postgres.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "trading.h"

#define ROUNDS 20000
#define MOMENTS_MIN 10 /* different ones, for the test to mean anything */

static struct sluice *sluice;
static _Atomic int finished;
static _Atomic bool failed;

struct player {
	struct sluice_lane *lane;
	struct sluice_uuid own, other;
	int64_t provider_id;
	bool first; /* of each round */
};

static struct sluice_uuid order_id(uint8_t name)
{
	return (struct sluice_uuid){.bytes = {name}};
}

static uint64_t read_order(struct player *player, const struct sluice_uuid *id)
{
	struct trading_order order;

	return trading_orders_get(player->lane, id, &order, NULL) == SLUICE_OK
	               ? (uint64_t)order.placed_at
	               : 0;
}

/* Puts until the lane takes it. The number rides in two columns, so that no arithmetic comes
 * between. */
static void play(struct player *player, uint64_t number)
{
	struct trading_order order = {.id = player->own,
	                              .provider_id = player->provider_id,
	                              .placed_at = (int64_t)number};
	struct trading_execution execution = {.order_id = player->own,
	                                      .provider_id = player->provider_id,
	                                      .present = TRADING_EXECUTION_ORDER_ID,
	                                      .traded_at = (int64_t)number};
	char name[32];
	int size = snprintf(name, sizeof(name), "%llu", (unsigned long long)number);

	sluice_text_set(&order.client_order_id, player->first ? "X" : "Y", 1);
	sluice_text_set(&execution.execution_id, name, (size_t)size);
	/* The first execution would need its order: from the second round on the parent is there. */
	while (number > 1 && trading_executions_put(player->lane, &execution, NULL) == SLUICE_FULL)
		sched_yield();
	while (trading_orders_put(player->lane, &order, NULL) == SLUICE_FULL)
		sched_yield();
}

static void *player_main(void *argument)
{
	struct player *player = argument;
	uint64_t number = 0, seen, wanted;

	while (number < ROUNDS) {
		wanted = player->first ? number : number + 1;
		seen = read_order(player, &player->other);
		if (seen > wanted)
			atomic_store(&failed, true);
		if (seen != wanted) {
			sched_yield();
			continue;
		}
		play(player, ++number);
	}
	atomic_fetch_add(&finished, 1);
	return NULL;
}

static void attach(struct player *player, bool first, int64_t provider_id)
{
	struct sluice_error error;

	player->first = first;
	player->own = order_id(first ? 'X' : 'Y');
	player->other = order_id(first ? 'Y' : 'X');
	player->provider_id = provider_id;
	player->lane = sluice_attach(sluice, first ? 0 : 1, &error);
	cr_assert_not_null(player->lane, "%s", error.message);
}

static int64_t provider(PGconn *connection)
{
	return database_query_int(connection,
	                          "INSERT INTO providers (alias, display_name, adapter_identifier) "
	                          "VALUES ('pingpong', 'pingpong', 'test') RETURNING id");
}

/* The number of an order, 0 while it is not there. */
#define NUMBER_OF(name)                                                                   \
	"SELECT coalesce((SELECT round(extract(epoch FROM placed_at) * 1000000)::bigint " \
	"FROM orders WHERE client_order_id = '" name "'), 0)"
#define LAST_EXECUTION_OF(name)                                              \
	"SELECT coalesce(max(e.execution_id::bigint), 1) FROM executions e " \
	"JOIN orders o ON o.id = e.order_id WHERE o.client_order_id = '" name "'"

struct moment {
	int64_t x, y, x_executions, y_executions;
};

/* One snapshot, read in four statements: effects first, then their causes. */
static struct moment look(PGconn *connection)
{
	struct moment moment;

	database_run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	moment.y = database_query_int(connection, NUMBER_OF("Y"));
	moment.y_executions = database_query_int(connection, LAST_EXECUTION_OF("Y"));
	moment.x = database_query_int(connection, NUMBER_OF("X"));
	moment.x_executions = database_query_int(connection, LAST_EXECUTION_OF("X"));
	database_run(connection, "COMMIT");
	return moment;
}

Test(causality, a_snapshot_never_holds_an_effect_without_its_cause)
{
	char *dsn = database_create(true);
	PGconn *connection = database_connect(dsn);
	struct player players[2];
	pthread_t threads[2];
	struct sluice_error error;
	struct sluice_report report;
	struct moment moment = {0};
	int64_t distinct = 0, before = -1, provider_id = provider(connection);

	sluice = sluice_open(sluice_postgres_open(dsn, NULL, &error), &trading_streams,
	                     "lanes=2 lane_slots=64 keys=16 flush_delay=0", &error);
	cr_assert_not_null(sluice, "%s", error.message);
	for (size_t i = 0; i < 2; i++) {
		attach(&players[i], i == 0, provider_id);
		cr_assert_eq(pthread_create(&threads[i], NULL, player_main, &players[i]), 0);
	}
	while (atomic_load(&finished) < 2) {
		moment = look(connection);
		if (moment.y > moment.x || moment.x > moment.y + 1 ||
		    moment.x_executions < moment.x || moment.y_executions < moment.y)
			break;
		distinct += moment.x != before;
		before = moment.x;
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_assert_leq(moment.y, moment.x, "an effect in Y without its cause in X");
	cr_assert_leq(moment.x, moment.y + 1, "an effect in X without its cause in Y");
	cr_assert_geq(moment.x_executions, moment.x, "an order without the execution before it");
	cr_assert_geq(moment.y_executions, moment.y, "an order without the execution before it");
	cr_assert_not(atomic_load(&failed), "an engine saw a number from the future");
	cr_assert_geq(distinct, MOMENTS_MIN, "the test saw too few moments to tell anything");
	cr_assert_eq(sluice_close(sluice, sluice_seconds(60), &report), SLUICE_OK, "%s",
	             report.reason);
	cr_assert_eq(report.account.accepted, report.account.committed + report.account.coalesced);
	cr_assert_eq(database_query_int(connection, NUMBER_OF("X")), ROUNDS);
	cr_assert_eq(database_query_int(connection, NUMBER_OF("Y")), ROUNDS);
	PQfinish(connection);
	database_drop(dsn);
}
