/* SPDX-License-Identifier: MIT */
/*
 * sink_troubles.c - what a server goes through in its life, under an engine at work: the engine keeps
 * putting, the operator reads what is wrong, and when that is over each row is there once.
 */
#include "tests/contract/book_engine.h"

#include "db/server/disposable.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAIRS = 60 }; /* put before a trouble and as many during it, an account and a trade each */

static struct engine engine;

static void make_engine(void)
{
	engine_make(&engine);
	engine_start(&engine, engine.dsn);
	engine_commit(&engine, PAIRS);
}

/* Puts while the trouble lasts, until the operator is told. */
static void put_until_told(const char *words)
{
	struct sluice_stats stats;

	(void)engine_put(&engine, PAIRS);
	for (uint64_t tries = PATIENCE_NS / sluice_ms(1); tries > 0; tries--) {
		sluice_stats(engine.sluice, &stats);
		if (stats.state == SLUICE_STATE_CONNECTING && strstr(stats.reason, words) != NULL)
			return;
		usleep(1000);
	}
	cr_assert_fail("wanted: %s; told: %s, %s", words, sluice_state_name(stats.state),
	               stats.reason);
}

/* The trouble is over. */
static void assert_all_there(void)
{
	const struct sluice_account *account;
	struct sluice_report report;

	engine_commit(&engine, 1);
	cr_assert_eq(sluice_close(engine.sluice, PATIENCE_NS, &report), SLUICE_OK, "%s",
	             report.reason);
	account = &report.account;
	cr_assert_eq(account->accepted, (uint64_t)(2 * engine.put));
	cr_assert_eq(account->committed, account->accepted, "no key was put twice");
	engine_assert_rows(&engine, engine.put, "after the trouble");
}

/* ---- the disk ---- */

static void server_owner(uid_t *uid, gid_t *gid)
{
	PGresult *result = PQexec(engine.admin, "SHOW data_directory");
	struct stat status;

	cr_assert_eq(stat(PQgetvalue(result, 0, 0), &status), 0);
	PQclear(result);
	*uid = status.st_uid;
	*gid = status.st_gid;
}

/* Writes until nothing fits any more. */
static void fill(const char *path)
{
	static const char block[8192];
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fwrite(block, sizeof(block), 1, file) == 1)
		;
	(void)fclose(file);
}

Test(sink_troubles, a_full_disk_is_waited_out, .timeout = 120)
{
	char directory[] = "/tmp/sluice-small-disk-XXXXXX";
	char ballast[64], sql[128];
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		cr_skip_test("needs root, to mount; 53100 is also one of sink_sqlstates");
	make_engine();
	server_owner(&uid, &gid);
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(mount("sluice", directory, "tmpfs", 0, "size=2m,mode=0700"), 0);
	cr_assert_eq(chown(directory, uid, gid), 0);
	(void)snprintf(sql, sizeof(sql), "CREATE TABLESPACE small_disk LOCATION '%s'", directory);
	database_run(engine.admin, sql);
	database_run(engine.admin,
	             "ALTER TABLE \"Account \"\"book\"\"\" SET TABLESPACE small_disk");
	/* No page takes more than a few rows: what is put now needs new ones. */
	database_run(engine.admin, "ALTER TABLE \"Account \"\"book\"\"\" SET (fillfactor = 10)");
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", directory);
	fill(ballast);

	put_until_told("53100");

	cr_assert_eq(unlink(ballast), 0);
	assert_all_there();
	engine_drop(&engine);
	cr_assert_eq(umount2(directory, MNT_DETACH), 0);
	cr_assert_eq(rmdir(directory), 0);
}

/* ---- locks ---- */

Test(sink_troubles, a_table_that_somebody_locks_is_waited_for, .timeout = 120)
{
	make_engine();
	database_run(engine.admin, "BEGIN; LOCK TABLE trades IN ACCESS EXCLUSIVE MODE");

	put_until_told("55P03");

	database_run(engine.admin, "COMMIT");
	assert_all_there();
	engine_drop(&engine);
}

/* ---- the server ---- */

static struct slu_disposable *server;

/* A server of its own: the others' tests need theirs. */
static void make_server(void)
{
	struct sluice_error error;

	server = slu_disposable_start(&error);
	cr_assert_not_null(server, "%s", error.message);
	cr_assert_eq(setenv("SLUICE_TEST_DSN", slu_disposable_dsn(server), 1), 0);
	make_engine();
}

static void start_again(void)
{
	struct sluice_error error;

	/* It has stopped: what is left is to take note of that. */
	cr_assert_eq(slu_disposable_kill9(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_disposable_restart(server, &error), SLUICE_OK, "%s", error.message);
	PQreset(engine.admin);
}

static void end_server(void)
{
	struct sluice_error error;

	assert_all_there();
	engine_drop(&engine);
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
}

static pid_t postmaster(void)
{
	return (pid_t)database_query_int(
		engine.admin, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int");
}

static pid_t backend(void)
{
	return (pid_t)database_query_int(engine.admin, "SELECT pid FROM pg_stat_activity WHERE "
	                                               "datname = current_database() AND "
	                                               "application_name = 'sluice'");
}

static void survive_a_stop(int signal_number)
{
	make_server();
	(void)engine_put(&engine, PAIRS);
	cr_assert_eq(kill(postmaster(), signal_number), 0);

	put_until_told("connect");

	start_again();
	end_server();
}

Test(sink_troubles, a_server_that_is_stopped_at_once_is_waited_for, .timeout = 240)
{
	survive_a_stop(SIGQUIT);
}

Test(sink_troubles, a_server_that_is_shut_down_is_waited_for, .timeout = 240)
{
	survive_a_stop(SIGINT);
}

/* The postmaster restarts all when one is killed, and our session of the test with it. */
static void come_back(void)
{
	for (uint64_t tries = PATIENCE_NS / sluice_ms(10); tries > 0; tries--) {
		PQreset(engine.admin);
		if (PQstatus(engine.admin) == CONNECTION_OK)
			return;
		usleep(10000);
	}
	cr_assert_fail("%s", PQerrorMessage(engine.admin));
}

Test(sink_troubles, a_killed_backend_takes_all_sessions_with_it_and_is_replaced, .timeout = 240)
{
	struct sluice_stats stats;

	make_server();
	(void)engine_put(&engine, PAIRS);
	cr_assert_eq(kill(backend(), SIGKILL), 0);
	engine_commit(&engine, PAIRS);
	sluice_stats(engine.sluice, &stats);
	cr_assert_geq(stats.reconnects, 1);
	come_back();
	end_server();
}
