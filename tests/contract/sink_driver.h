/* SPDX-License-Identifier: MIT */
/*
 * sink_driver.h - stands in for the flusher: drives a Postgres sink through its door, by hand.
 *
 * It sleeps exactly as the sink asks it to, and gives up after a while: a sink that loses a wakeup
 * fails here.
 */
#ifndef TESTS_CONTRACT_SINK_DRIVER_H
#define TESTS_CONTRACT_SINK_DRIVER_H

#include "core/file/schema.h"
#include "tests/contract/database.h"

#include "trading.h"

#include <sluice/postgres.h>

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	DRIVER_LANES = 3,
	DRIVER_BATCHES = 2,
	DRIVER_GIVES_UP_SECONDS = 60,
};

struct driver {
	struct sluice_sink *sink;
	struct sluice_sink_progress progress;
	struct sluice_generation generation;
	uint64_t positions[DRIVER_LANES]; /* after the last batch, once there was one */
	uint64_t submitted;               /* number of the last batch */
	uint64_t ahead_ns;                /* how far the sink's time is ahead of ours */
	void (*meddle)(struct driver *driver, void *context); /* after every step, if set */
	void *meddle_context;
};

static inline uint64_t driver_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return sluice_seconds((uint64_t)now.tv_sec) + (uint64_t)now.tv_nsec;
}

static inline void driver_log(void *context, const char *line)
{
	(void)context;
	if (getenv("SLUICE_TEST_VERBOSE") != NULL)
		fprintf(stderr, "  %s\n", line);
}

static inline void driver_step(struct driver *driver)
{
	driver->sink->ops->step(driver->sink, driver_now() + driver->ahead_ns, &driver->progress);
	if (driver->meddle != NULL)
		driver->meddle(driver, driver->meddle_context);
}

static inline struct sluice_generation driver_new_run(void)
{
	static uint32_t runs;
	struct sluice_generation run = {.lane_count = DRIVER_LANES};

	runs++;
	memcpy(run.id.bytes, &runs, sizeof(runs));
	return run;
}

static inline void driver_begin(struct driver *driver, struct sluice_generation run)
{
	driver->generation = run;
	driver->submitted = 0;
	cr_assert_eq(driver->sink->ops->begin(driver->sink, &run), SLUICE_OK);
	driver_step(driver);
}

/* A sink that has begun no run. */
static inline void driver_start(struct driver *driver, const char *dsn,
                                const struct sluice_postgres_options *options)
{
	static unsigned char *format; /* lives as long as the process */
	static uint64_t format_size, opened;
	struct sluice_sink_setup setup = {.streams = &trading_streams,
	                                  .in_flight_batches = DRIVER_BATCHES,
	                                  .seed = ++opened,
	                                  .log = driver_log};
	struct sluice_error error;

	if (format == NULL)
		format = slu_schema_write(&trading_streams, &format_size);
	cr_assert_not_null(format);
	setup.format = format;
	setup.format_size = format_size;
	memset(driver, 0, sizeof(*driver));
	driver->sink = sluice_postgres_open(dsn, options, &error);
	cr_assert(driver->sink != NULL, "%s", error.message);
	cr_assert_eq(driver->sink->ops->start(driver->sink, &setup, &error), SLUICE_OK);
}

/* Begins `run`, or a new one. */
static inline void driver_open(struct driver *driver, const char *dsn,
                               const struct sluice_postgres_options *options,
                               const struct sluice_generation *run)
{
	driver_start(driver, dsn, options);
	driver_begin(driver, run != NULL ? *run : driver_new_run());
}

static inline void driver_close(struct driver *driver)
{
	driver->sink->ops->close(driver->sink);
}

/* Only an operator can help. */
static inline bool driver_stopped(const struct driver *driver)
{
	return driver->progress.state == SLUICE_STATE_HALTED ||
	       driver->progress.state == SLUICE_STATE_FENCED;
}

/* Sleeps as the sink asks. */
static inline void driver_sleep(const struct driver *driver)
{
	struct pollfd socket = {.fd = driver->progress.fd, .events = driver->progress.events};
	uint64_t now = driver_now() + driver->ahead_ns;
	uint64_t limit = now + sluice_seconds(DRIVER_GIVES_UP_SECONDS);
	uint64_t wake = driver->progress.wake_ns < limit ? driver->progress.wake_ns : limit;
	int woken = poll(&socket, 1, wake > now ? (int)((wake - now) / 1000000 + 1) : 0);

	cr_assert(woken > 0 || driver->progress.wake_ns <= limit,
	          "the sink lost a wakeup: state %d, %s", (int)driver->progress.state,
	          driver->progress.reason);
}

/* As records of lane 0, behind `position`. */
static inline void driver_number(const struct sluice_part *part, uint64_t *position)
{
	struct sluice_row *rows = (struct sluice_row *)part->rows;
	size_t index;

	for (index = 0; index < part->row_count; index++)
		rows[index].sequence = ++*position;
}

/* Offers `part_count` parts as the next batch, as soon as the sink is ready. Lane 0 holds the
 * records, lane 1 one that was coalesced. */
static inline void driver_submit(struct driver *driver, const struct sluice_part *parts,
                                 size_t part_count)
{
	uint64_t to[DRIVER_LANES];
	struct sluice_batch batch = {.number = ++driver->submitted,
	                             .parts = parts,
	                             .part_count = part_count,
	                             .from = driver->positions,
	                             .to = to,
	                             .lane_count = DRIVER_LANES};
	size_t index;

	for (index = 0; index < part_count; index++)
		batch.row_count += parts[index].row_count;
	driver_step(driver);
	while (!driver->progress.ready) {
		cr_assert_not(driver_stopped(driver), "%s", driver->progress.reason);
		driver_sleep(driver);
		driver_step(driver);
	}
	cr_assert_not_null(driver->progress.positions);
	if (batch.number == 1)
		memcpy(driver->positions, driver->progress.positions, sizeof(to));
	memcpy(to, driver->positions, sizeof(to));
	for (index = 0; index < part_count; index++)
		driver_number(&parts[index], &to[0]);
	to[1] += 1;
	cr_assert_eq(driver->sink->ops->submit(driver->sink, &batch), SLUICE_OK);
	memcpy(driver->positions, to, sizeof(to));
}

/* Steps until all that was submitted is committed, or the sink stops. */
static inline void driver_settle(struct driver *driver)
{
	uint64_t limit = driver_now() + sluice_seconds(DRIVER_GIVES_UP_SECONDS);

	driver_step(driver);
	while (driver->progress.committed < driver->submitted && !driver_stopped(driver)) {
		driver_sleep(driver);
		driver_step(driver);
		cr_assert(driver_now() < limit, "nothing is committed: %s",
		          driver->progress.reason);
	}
}

static inline void driver_connect(struct driver *driver)
{
	while (driver->progress.state == SLUICE_STATE_CONNECTING) {
		driver_sleep(driver);
		driver_step(driver);
	}
}

/* Asks for the seal, and steps until it is there or the sink stops. */
static inline void driver_seal(struct driver *driver)
{
	uint64_t limit = driver_now() + sluice_seconds(DRIVER_GIVES_UP_SECONDS);

	driver->sink->ops->seal(driver->sink);
	driver_step(driver);
	while (!driver->progress.sealed && !driver_stopped(driver)) {
		driver_sleep(driver);
		driver_step(driver);
		cr_assert_lt(driver_now(), limit, "not sealed: %s", driver->progress.reason);
	}
}

/* The connection may be lost again by now. */
#define cr_assert_committed(driver)                                                               \
	cr_assert(!driver_stopped(driver) && (driver)->progress.committed == (driver)->submitted, \
	          "state %d, committed %llu of %llu: %s", (int)(driver)->progress.state,          \
	          (unsigned long long)(driver)->progress.committed,                               \
	          (unsigned long long)(driver)->submitted, (driver)->progress.reason)

#define cr_assert_stands(driver, first, second)                          \
	cr_assert((driver)->progress.positions != NULL &&                \
	                  (driver)->progress.positions[0] == (first) &&  \
	                  (driver)->progress.positions[1] == (second) && \
	                  (driver)->progress.positions[2] == 0,          \
	          "the run does not stand where it should: %s", (driver)->progress.reason)

#define cr_assert_stopped(driver, how, words)                                                   \
	cr_assert((driver)->progress.state == (how) &&                                          \
	                  strstr((driver)->progress.reason, words) != NULL,                     \
	          "state %d, not stopped for \"%s\" but \"%s\"", (int)(driver)->progress.state, \
	          words, (driver)->progress.reason)
#define cr_assert_halted(driver, words) cr_assert_stopped(driver, SLUICE_STATE_HALTED, words)
#define cr_assert_fenced(driver) \
	cr_assert_stopped(driver, SLUICE_STATE_FENCED, "another process has taken run")

/* ---- rows ---- */

/* Rows that belong to parts. */
struct rows {
	struct sluice_row *rows;
	unsigned char *records;
	size_t count;
	const struct sluice_stream *stream;
};

static inline struct sluice_uuid order_id(uint32_t number)
{
	struct sluice_uuid id = {{(uint8_t)(number >> 24), (uint8_t)(number >> 16),
	                          (uint8_t)(number >> 8), (uint8_t)number, 1}};

	return id;
}

static inline void *rows_make(struct rows *rows, const struct sluice_stream *stream, size_t count)
{
	size_t index;

	rows->stream = stream;
	rows->count = count;
	rows->rows = calloc(count, sizeof(*rows->rows));
	rows->records = calloc(count, stream->layout.size);
	cr_assert(rows->rows != NULL && rows->records != NULL);
	for (index = 0; index < count; index++)
		rows->rows[index] =
			(struct sluice_row){.record = rows->records + index * stream->layout.size,
		                            .size = (uint16_t)stream->layout.size};
	return rows->records;
}

static inline void rows_free(struct rows *rows)
{
	free(rows->rows);
	free(rows->records);
}

static inline struct sluice_part rows_part(const struct rows *rows)
{
	struct sluice_part part = {rows->stream, rows->rows, rows->count, 0};
	size_t index;

	for (index = 0; index < rows->count; index++)
		part.removed_count += rows->rows[index].removed;
	return part;
}

#define text_print(text, ...)                                                           \
	((text)->size = (uint8_t)snprintf((char *)(text)->bytes, sizeof((text)->bytes), \
	                                  __VA_ARGS__))

/* Orders number first, first + 1.., at `version`. */
static inline void orders_make(struct rows *rows, uint32_t first, size_t count, uint64_t version)
{
	struct trading_order *orders = rows_make(rows, &trading_orders, count);
	uint32_t index;

	for (index = 0; index < count; index++) {
		orders[index].id = order_id(first + index);
		orders[index].provider_id = 1;
		orders[index].quantity = sluice_decimal(100, 0, TRADING_ORDER_QUANTITY_SCALE);
		orders[index].placed_at = 1700000000000000;
		text_print(&orders[index].client_order_id, "%u", first + index);
		text_print(&orders[index].state, "ACK");
		rows->rows[index].version = version;
	}
}

/* Executions number first, first + 1.. of the orders of those numbers. */
static inline void executions_make(struct rows *rows, uint32_t first, size_t count)
{
	struct trading_execution *executions = rows_make(rows, &trading_executions, count);
	uint32_t index;

	for (index = 0; index < count; index++) {
		executions[index].order_id = order_id(first + index);
		executions[index].present = TRADING_EXECUTION_ORDER_ID;
		executions[index].provider_id = 1;
		executions[index].fill_quantity =
			sluice_decimal(first + index, 0, TRADING_EXECUTION_FILL_QUANTITY_SCALE);
		executions[index].fill_price = sluice_decimal(10125, 2,
		                                              TRADING_EXECUTION_FILL_PRICE_SCALE);
		executions[index].traded_at = 1700000000000000;
		text_print(&executions[index].execution_id, "e%u", first + index);
	}
}

/* ---- the database's side ---- */

struct server {
	char *dsn;
	PGconn *admin;
};

static inline void server_open(struct server *server)
{
	server->dsn = database_create(true);
	server->admin = database_connect(server->dsn);
	database_run(server->admin,
	             "SET client_min_messages = warning; "
	             "INSERT INTO providers (id, alias, display_name, adapter_identifier) "
	             "VALUES (1, 'test', '', '')");
}

static inline void server_close(struct server *server)
{
	PQfinish(server->admin);
	database_drop(server->dsn);
}

#define cr_assert_rows(server, orders_count, executions_count)                                   \
	do {                                                                                     \
		cr_assert_eq(database_query_int((server)->admin, "SELECT count(*) FROM orders"), \
		             (int64_t)(orders_count));                                           \
		cr_assert_eq(                                                                    \
			database_query_int((server)->admin, "SELECT count(*) FROM executions"),  \
			(int64_t)(executions_count));                                            \
	} while (0)

#endif
