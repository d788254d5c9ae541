/* SPDX-License-Identifier: MIT */
/*
 * close.c - close returns when its time is up, whatever the sink is in the middle of, and its account is
 * exact: what is not committed is kept in the lanes' files, for the next run, or told to be lost.
 *
 * What would hold it up takes 10 s at least (a server that answers nothing), or has no end (a lock, a
 * backend that is stopped): that is the only time asserted.
 */
#include "tests/contract/book_engine.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 50 }; /* an account and a trade each */

#define CLOSE_NS sluice_ms(200)
#define HELD_UP_NS sluice_seconds(9)

static struct engine engine;
static char directory[] = "/dev/shm/sluice-close-XXXXXX";

static void set_up(void)
{
	engine_make(&engine);
	cr_assert_not_null(mkdtemp(directory));
}

static void tear_down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	cr_assert_eq(system(command), 0);
	engine_drop(&engine);
}

TestSuite(close, .init = set_up, .fini = tear_down, .timeout = 120);

static void open_by(const char *dsn, const char *more)
{
	char options[160];
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(dsn, NULL, &error);

	cr_assert_not_null(sink, "%s", error.message);
	snprintf(options, sizeof(options), "lane_slots=1024 keys=256 flush_delay=1ms %s", more);
	engine.sluice = sluice_open(sink, &book_streams, options, &error);
	cr_assert_not_null(engine.sluice, "%s", error.message);
	engine.lane = sluice_attach(engine.sluice, SLUICE_CPU_CURRENT, &error);
	cr_assert_not_null(engine.lane, "%s", error.message);
}

static const char *in_files(void)
{
	static char option[64];

	snprintf(option, sizeof(option), "dir=%s", directory);
	return option;
}

/* With files, and without waiting for the sink. */
static void open_in_files(const char *dsn)
{
	char more[96];

	snprintf(more, sizeof(more), "%s connect=background", in_files());
	open_by(dsn, more);
}

static void assert_streams_add_up(const struct sluice_report *report)
{
	struct sluice_account sum = {0};

	for (size_t i = 0; i < book_streams.count; i++) {
		const struct sluice_account *account = &report->streams[i];

		cr_assert_eq(account->accepted, account->committed + account->coalesced +
		                                        account->dead_lettered + account->dropped +
		                                        account->pending);
		sum.accepted += account->accepted;
		sum.committed += account->committed;
		sum.pending += account->pending;
	}
	cr_assert_eq(sum.accepted, report->account.accepted);
	cr_assert_eq(sum.committed, report->account.committed);
	cr_assert_eq(sum.pending, report->account.pending);
}

/* Of `committed` and `pending` records. */
static void close_with(enum sluice_status expected, uint64_t committed, uint64_t pending,
                       struct sluice_report *report)
{
	enum sluice_status status = sluice_close(engine.sluice, CLOSE_NS, report);

	cr_assert_eq(status, expected, "%s: %s", sluice_status_name(status), report->reason);
	cr_assert_eq(report->account.accepted, committed + pending);
	cr_assert_eq(report->account.committed, committed);
	cr_assert_eq(report->account.pending, pending);
	cr_assert_eq(report->kept + report->lost, pending);
	cr_assert_lt(report->elapsed_ns, HELD_UP_NS);
	assert_streams_add_up(report);
}

/* The next run carries what the files hold: then each row is there once. */
static void assert_carried(void)
{
	struct sluice_report report;

	open_by(engine.dsn, in_files());
	cr_assert_eq(sluice_close(engine.sluice, PATIENCE_NS, &report), SLUICE_OK, "%s",
	             report.reason);
	cr_assert_eq(report.former.account.pending, 0);
	engine_assert_rows(&engine, engine.put, "carried by the next run");
}

/* ---- the sink is .. ---- */

Test(close, running_everything_is_committed)
{
	struct sluice_report report;

	open_by(engine.dsn, "");
	(void)engine_put(&engine, PAIRS);
	cr_assert_eq(sluice_close(engine.sluice, PATIENCE_NS, &report), SLUICE_OK);
	cr_assert_eq(report.account.committed, 2 * PAIRS);
	assert_streams_add_up(&report);
	engine_assert_rows(&engine, PAIRS, "closed");
}

Test(close, without_a_server_and_without_files_what_is_lost_is_told)
{
	struct sluice_report report;

	open_by("host=/nowhere dbname=none", "connect=background");
	(void)engine_put(&engine, PAIRS);
	close_with(SLUICE_TIMEOUT, 0, 2 * PAIRS, &report);
	cr_assert_eq(report.lost, 2 * PAIRS);
	cr_assert_not_null(strstr(report.reason, "/nowhere"), "%s", report.reason);
}

Test(close, without_a_server_the_files_keep_it)
{
	struct sluice_report report;

	open_in_files("host=/nowhere dbname=none");
	(void)engine_put(&engine, PAIRS);
	close_with(SLUICE_TIMEOUT, 0, 2 * PAIRS, &report);
	cr_assert_eq(report.kept, 2 * PAIRS);
	assert_carried();
}

/* Connections are made by the kernel, and nobody ever reads them. */
static int listen_mutely(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(listen(fd, 4), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

Test(close, in_the_middle_of_a_dial_to_a_mute_server)
{
	struct sluice_report report;
	char dsn[64];
	int port, fd = listen_mutely(&port);

	snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%d dbname=none", port);
	open_in_files(dsn);
	(void)engine_put(&engine, PAIRS);
	close_with(SLUICE_TIMEOUT, 0, 2 * PAIRS, &report);
	close(fd);
	assert_carried();
}

/* So many sessions of the sink wait for a lock. */
static void await_blocked(int64_t count)
{
	while (database_query_int(engine.admin, "SELECT count(*) FROM pg_stat_activity WHERE "
	                                        "datname = current_database() AND "
	                                        "application_name = 'sluice' AND "
	                                        "wait_event_type = 'Lock'") != count)
		(void)poll(NULL, 0, 1);
}

Test(close, in_the_middle_of_a_batch_that_waits_for_a_lock)
{
	struct sluice_report report;

	open_in_files(engine.dsn);
	engine_commit(&engine, PAIRS);
	database_run(engine.admin, "BEGIN; LOCK TABLE trades");
	(void)engine_put(&engine, PAIRS);
	await_blocked(1);
	close_with(SLUICE_TIMEOUT, 2 * PAIRS, 2 * PAIRS, &report);
	database_run(engine.admin, "COMMIT");
	assert_carried();
}

Test(close, in_the_middle_of_a_batch_on_a_backend_that_is_stopped)
{
	struct sluice_report report;
	pid_t backend;

	open_in_files(engine.dsn);
	engine_commit(&engine, PAIRS);
	backend = (pid_t)database_query_int(engine.admin,
	                                    "SELECT pid FROM pg_stat_activity WHERE datname = "
	                                    "current_database() AND application_name = 'sluice'");
	cr_assert_eq(kill(backend, SIGSTOP), 0);
	(void)engine_put(&engine, PAIRS);
	close_with(SLUICE_TIMEOUT, 2 * PAIRS, 2 * PAIRS, &report);
	cr_assert_eq(kill(backend, SIGCONT), 0);
	assert_carried();
}

Test(close, halted)
{
	struct sluice_report report;
	struct sluice_stats stats;

	open_in_files(engine.dsn);
	database_run(engine.admin, "ALTER TABLE sluice.lane RENAME TO gone");
	(void)engine_put(&engine, PAIRS);
	do
		sluice_stats(engine.sluice, &stats);
	while (stats.state != SLUICE_STATE_HALTED);
	close_with(SLUICE_HALTED, stats.account.committed, stats.account.pending, &report);
	database_run(engine.admin, "ALTER TABLE sluice.gone RENAME TO lane");
	assert_carried();
}

Test(close, paused_everything_is_committed)
{
	struct sluice_report report;

	open_by(engine.dsn, "");
	cr_assert_eq(sluice_pause(engine.sluice), SLUICE_OK);
	(void)engine_put(&engine, PAIRS);
	cr_assert_eq(sluice_close(engine.sluice, PATIENCE_NS, &report), SLUICE_OK);
	cr_assert_eq(report.account.committed, 2 * PAIRS);
	engine_assert_rows(&engine, PAIRS, "closed");
}
