/* SPDX-License-Identifier: MIT */
/*
 * sink_identity.c - the server changes while the sink lives: for a copy of it that was promoted, for
 * one that lags, for another one, and back.
 *
 * One postmaster on one address, and its data directory changed while it is down: to the sink that
 * is what a failover looks like.
 */
#include "db/server/disposable.h"
#include "tests/contract/sink_fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct slu_disposable *machine;
static struct server server;
static struct driver driver;
static char directory[128];

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void down(void)
{
	struct sluice_error error;

	PQfinish(server.admin);
	server.admin = NULL;
	cr_assert_eq(slu_disposable_kill9(machine, &error), SLUICE_OK, "%s", error.message);
}

static void up(void)
{
	struct sluice_error error;

	cr_assert_eq(slu_disposable_restart(machine, &error), SLUICE_OK, "%s", error.message);
	server.admin = database_connect(server.dsn);
}

/* The next server up is this copy. */
static void switch_to(const char *copy)
{
	shell("rm -f '%s/data/postmaster.pid' && mv '%s/data' '%s/away'", directory, directory,
	      directory);
	shell("mv '%s/%s' '%s/data'", directory, copy, directory);
}

/* Copies the data directory; `promoted`: it will start on a timeline of its own. */
static void copy_data(const char *copy, bool promoted)
{
	shell("cp -a '%s/data' '%s/%s' && rm -f '%s/%s/postmaster.pid'", directory, directory, copy,
	      directory, copy);
	if (!promoted)
		return;
	shell("touch '%s/%s/recovery.signal'", directory, copy);
	shell("echo \"restore_command = 'false'\" >> '%s/%s/postgresql.auto.conf'", directory,
	      copy);
}

static void submit_orders(uint32_t first, size_t count)
{
	struct sluice_part part;
	struct rows orders;

	orders_make(&orders, first, count, 1);
	part = rows_part(&orders);
	driver_submit(&driver, &part, 1);
	rows_free(&orders);
}

static void commit_orders(uint32_t first, size_t count)
{
	submit_orders(first, count);
	driver_settle(&driver);
	cr_assert_committed(&driver);
}

/* Until it says so while it tries. */
static void await_reason(const char *words)
{
	uint64_t limit = driver_now() + sluice_seconds(DRIVER_GIVES_UP_SECONDS);

	while (strstr(driver.progress.reason, words) == NULL) {
		driver_sleep(&driver);
		driver_step(&driver);
		cr_assert_not(driver_stopped(&driver), "%s", driver.progress.reason);
		cr_assert_lt(driver_now(), limit, "it says: %s", driver.progress.reason);
	}
}

static void set_up(void)
{
	struct sluice_error error;

	machine = slu_disposable_start(&error);
	cr_assert_not_null(machine, "%s", error.message);
	snprintf(directory, sizeof(directory), "%s", slu_disposable_directory(machine));
	cr_assert_eq(setenv("SLUICE_TEST_DSN", slu_disposable_dsn(machine), 1), 0);
	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
	commit_orders(1, 5);
}

static void tear_down(void)
{
	struct sluice_error error;

	driver_close(&driver);
	PQfinish(server.admin);
	free(server.dsn);
	cr_assert_eq(slu_disposable_stop(machine, &error), SLUICE_OK, "%s", error.message);
}

TestSuite(identity, .init = set_up, .fini = tear_down);

Test(identity, a_promoted_copy_that_has_everything_is_gone_on_with)
{
	down();
	copy_data("promoted", true);
	switch_to("promoted");
	up();
	commit_orders(6, 5);
	cr_assert_rows(&server, 10, 0);
	cr_assert_eq(driver.progress.reconnects, 1);
}

Test(identity, a_former_primary_that_comes_back_is_not_written_to)
{
	down();
	copy_data("promoted", true);
	switch_to("promoted");
	up();
	commit_orders(6, 5);
	down();
	shell("mv '%s/away' '%s/former'", directory, directory);
	switch_to("former");
	up();
	submit_orders(11, 5);
	await_reason("a former primary answers, or a standby: it is on timeline 1, and 2 was");
	cr_assert_rows(&server, 5, 0);
	down();
	shell("mv '%s/away' '%s/promoted'", directory, directory);
	switch_to("promoted");
	up();
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_rows(&server, 15, 0);
}

Test(identity, a_promoted_copy_that_lagged_halts_and_what_is_lost_is_told)
{
	down();
	copy_data("lagged", true);
	up();
	commit_orders(6, 7);
	down();
	switch_to("lagged");
	up();
	submit_orders(13, 1);
	driver_settle(&driver);
	cr_assert_halted(&driver, "8 committed records are gone, lane 0 6 to 12, and of other");
	cr_assert_rows(&server, 5, 0);
}

Test(identity, an_older_backup_on_the_same_timeline_halts)
{
	down();
	copy_data("backup", false);
	up();
	commit_orders(6, 7);
	down();
	switch_to("backup");
	up();
	submit_orders(13, 1);
	driver_settle(&driver);
	cr_assert_halted(&driver, "8 committed records are gone, lane 0 6 to 12, and of other");
	cr_assert_rows(&server, 5, 0);
}

Test(identity, another_server_on_the_address_halts)
{
	struct sluice_error error;
	struct slu_disposable *other = slu_disposable_start(&error);
	char sql[128]; /* a database of the same name */

	snprintf(sql, sizeof(sql), "CREATE DATABASE \"%s\"", PQdb(server.admin));
	cr_assert_not_null(other, "%s", error.message);
	cr_assert_eq(slu_disposable_kill9(other, &error), SLUICE_OK, "%s", error.message);
	shell("cp -a '%s/data' '%s/other' && rm -f '%s/other/postmaster.pid'",
	      slu_disposable_directory(other), directory, directory);
	cr_assert_eq(slu_disposable_stop(other, &error), SLUICE_OK, "%s", error.message);
	down();
	switch_to("other");
	cr_assert_eq(slu_disposable_restart(machine, &error), SLUICE_OK, "%s", error.message);
	server.admin = database_connect(slu_disposable_dsn(machine));
	database_run(server.admin, sql);
	submit_orders(6, 1);
	driver_settle(&driver);
	cr_assert_halted(&driver, "another server answers: its system identifier is");
}
