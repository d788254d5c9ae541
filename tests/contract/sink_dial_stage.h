/* SPDX-License-Identifier: MIT */
/*
 * sink_dial_stage.h - a sink on its way to servers that listen on a network, and what it says.
 */
#ifndef TESTS_CONTRACT_SINK_DIAL_STAGE_H
#define TESTS_CONTRACT_SINK_DIAL_STAGE_H

#include "tests/contract/sink_dial_server.h"
#include "tests/contract/sink_driver.h"

/* Enough for any share of time to be over. */
#define A_LONG_TIME_NS sluice_seconds(11)

struct stage {
	struct tcp_server *tcp;
	struct server server; /* its database, with the trading schema */
	char database[64];
};

/* What the sink has logged. */
static char stage_said[16384];

static inline void stage_hear(void *context, const char *line)
{
	size_t used = strlen(stage_said);

	driver_log(context, line);
	(void)snprintf(stage_said + used, sizeof(stage_said) - used, "%s\n", line);
}

static inline size_t stage_count(const char *words)
{
	const char *found = stage_said;
	size_t count = 0;

	while ((found = strstr(found, words)) != NULL) {
		count++;
		found += strlen(words);
	}
	return count;
}

static inline void stage_open(struct stage *stage, const char *address)
{
	stage->tcp = tcp_server_make(address);
	tcp_server_run(stage->tcp);
	setenv("SLUICE_TEST_DSN", tcp_server_dsn(stage->tcp), 1);
	server_open(&stage->server);
	(void)snprintf(stage->database, sizeof(stage->database), "%s", PQdb(stage->server.admin));
}

static inline void stage_close(struct stage *stage)
{
	server_close(&stage->server);
	tcp_server_remove(stage->tcp);
}

/* Stops the server, so that it can be copied. */
static inline void stage_rest(struct stage *stage)
{
	PQfinish(stage->server.admin);
	tcp_server_halt(stage->tcp);
}

static inline void stage_wake(struct stage *stage)
{
	tcp_server_run(stage->tcp);
	stage->server.admin = database_connect(stage->server.dsn);
}

/* "KEY=VALUE .." with the stage's database behind it. Valid until the next one is made. */
static inline char *stage_dsn(const struct stage *stage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static inline char *stage_dsn(const struct stage *stage, const char *format, ...)
{
	static char dsn[1024];
	size_t used = (size_t)snprintf(dsn, sizeof(dsn), "dbname=%s ", stage->database);
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(dsn + used, sizeof(dsn) - used, format, arguments);
	va_end(arguments);
	cr_assert_lt(used + (size_t)size, sizeof(dsn));
	return dsn;
}

/* As driver_open, with its log kept. */
static inline void stage_drive(struct driver *driver, const char *dsn)
{
	static uint64_t format_size, opened;
	static unsigned char *format;
	struct sluice_sink_setup setup = {.streams = &trading_streams,
	                                  .in_flight_batches = DRIVER_BATCHES,
	                                  .seed = ++opened,
	                                  .log = stage_hear};
	struct sluice_error error;

	stage_said[0] = '\0';
	if (format == NULL)
		format = slu_schema_write(&trading_streams, &format_size);
	setup.format = format;
	setup.format_size = format_size;
	memset(driver, 0, sizeof(*driver));
	driver->sink = sluice_postgres_open(dsn, NULL, &error);
	cr_assert(driver->sink != NULL, "%s", error.message);
	cr_assert_eq(driver->sink->ops->start(driver->sink, &setup, &error), SLUICE_OK);
	driver_begin(driver, driver_new_run());
}

/* Steps until the log or the reason has `words`. What the sink waits for it gets, or `skip_ns` of its
 * time at once. */
static inline void stage_await(struct driver *driver, const char *words, uint64_t skip_ns)
{
	uint64_t limit = driver_now() + sluice_seconds(DRIVER_GIVES_UP_SECONDS);

	while (strstr(stage_said, words) == NULL &&
	       strstr(driver->progress.reason, words) == NULL) {
		struct pollfd socket = {.fd = driver->progress.fd,
		                        .events = driver->progress.events};

		cr_assert(driver_now() < limit, "never said \"%s\", but: %s%s", words, stage_said,
		          driver->progress.reason);
		if (poll(&socket, 1, 300) == 0)
			driver->ahead_ns += skip_ns;
		driver_step(driver);
	}
}

/* Ends the sink's session. */
static inline void stage_cut(const struct stage *stage)
{
	database_run(stage->server.admin,
	             "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
	             "WHERE datname = current_database() AND application_name = 'sluice'");
}

/* Writes one order, and waits for its commit. */
static inline void stage_commit(struct driver *driver, uint32_t number)
{
	struct sluice_part part;
	struct rows rows;

	orders_make(&rows, number, 1, 1);
	part = rows_part(&rows);
	driver_submit(driver, &part, 1);
	driver_settle(driver);
	cr_assert_committed(driver);
	rows_free(&rows);
}

/* Steps until the sink has something to send, and with `full` until the socket has no room for it. */
static inline void stage_send(struct driver *driver, bool full)
{
	uint64_t limit = driver_now() + sluice_seconds(DRIVER_GIVES_UP_SECONDS);

	for (;;) {
		struct pollfd socket = {.fd = driver->progress.fd, .events = POLLOUT};

		if ((driver->progress.events & POLLOUT) != 0 && (!full || poll(&socket, 1, 0) == 0))
			return;
		cr_assert(driver_now() < limit, "it never sends: %s", driver->progress.reason);
		socket.events = driver->progress.events;
		(void)poll(&socket, 1, 100);
		driver_step(driver);
	}
}

#endif
