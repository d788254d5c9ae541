/* SPDX-License-Identifier: MIT */
/* disposable.c - a disposable server lives, dies and comes back, and leaves nothing behind. */
#include "db/server/disposable.h"

#include "db/clock.h"
#include "db/server/process.h"
#include "tests/contract/database.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 64

static struct sluice_error error;

static struct slu_disposable *start(void)
{
	struct slu_disposable *server = slu_disposable_start(&error);

	cr_assert_not_null(server, "%s", error.message);
	return server;
}

static bool exists(const char *path)
{
	struct stat about;

	return lstat(path, &about) == 0;
}

/* Number `index`, from 0, of the numbers in line `line`, from 1, of the server's own account. */
static long postmaster_number(const char *directory, int line, int index)
{
	char path[256];
	char text[256] = "";
	char *at = text;
	long number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/data/postmaster.pid", directory);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	while (line-- > 0)
		cr_assert_not_null(fgets(text, sizeof(text), file));
	fclose(file);
	while (index-- >= 0)
		number = strtol(at, &at, 10);
	return number;
}

static pid_t postmaster_of(const char *directory)
{
	return (pid_t)postmaster_number(directory, 1, 0);
}

/* Line 7 is key and id of its System V shared memory. */
static int segment_of(const char *directory)
{
	return (int)postmaster_number(directory, 7, 1);
}

static bool segment_exists(int id)
{
	struct shmid_ds about;

	return shmctl(id, IPC_STAT, &about) == 0 || errno == EACCES;
}

static bool any_lives(const struct slu_process *processes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (slu_process_lives(&processes[i]))
			return true;
	}
	return false;
}

Test(disposable, is_durable_and_listens_on_no_network, .timeout = 120)
{
	struct slu_disposable *server = start();
	PGconn *connection = database_connect(slu_disposable_dsn(server));

	cr_assert_eq(database_query_int(connection,
	                                "SELECT count(*) FROM pg_settings WHERE (name, setting) IN "
	                                "(('fsync', 'on'), ('synchronous_commit', 'on'), "
	                                "('full_page_writes', 'on'), ('listen_addresses', ''))"),
	             4);
	PQfinish(connection);
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
}

Test(disposable, keeps_what_was_committed_through_kill9_and_restart, .timeout = 120)
{
	struct slu_disposable *server = start();
	PGconn *connection = database_connect(slu_disposable_dsn(server));

	database_run(connection, "CREATE TABLE t (a int)");
	database_run(connection, "INSERT INTO t SELECT generate_series(1, 1000)");
	database_run(connection, "BEGIN");
	database_run(connection, "INSERT INTO t VALUES (1001)");
	cr_assert_eq(slu_disposable_kill9(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_disposable_kill9(server, &error), SLUICE_INVALID);
	cr_assert_eq(slu_disposable_restart(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_disposable_restart(server, &error), SLUICE_INVALID);
	PQfinish(connection);
	connection = database_connect(slu_disposable_dsn(server));
	cr_assert_eq(database_query_int(connection, "SELECT count(*) FROM t"), 1000);
	PQfinish(connection);
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
}

/* A busy backend does not notice that its postmaster is dead. */
Test(disposable, kill9_ends_a_busy_backend_too, .timeout = 120)
{
	struct slu_disposable *server = start();
	PGconn *connection = database_connect(slu_disposable_dsn(server));
	struct slu_process processes[PROCESSES_MAX];
	size_t count = slu_process_children(postmaster_of(slu_disposable_directory(server)),
	                                    processes, PROCESSES_MAX);

	cr_assert_gt(count, 0);
	cr_assert_leq(count, PROCESSES_MAX);
	cr_assert_eq(PQsendQuery(connection, "DO $$ BEGIN LOOP END LOOP; END $$"), 1);
	cr_assert_eq(slu_disposable_kill9(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert_not(any_lives(processes, count));
	PQfinish(connection);
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
}

Test(disposable, stop_leaves_no_directory_and_no_process, .timeout = 120)
{
	struct slu_disposable *server = start();
	char *directory = strdup(slu_disposable_directory(server));
	struct slu_process processes[PROCESSES_MAX];
	pid_t postmaster = postmaster_of(directory);
	size_t count = slu_process_children(postmaster, processes, PROCESSES_MAX);

	cr_assert_gt(count, 0);
	cr_assert_leq(count, PROCESSES_MAX);
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert_not(exists(directory));
	cr_assert_not(any_lives(processes, count));
	cr_assert_eq(kill(postmaster, 0), -1);
	free(directory);
}

Test(disposable, stop_after_kill9_leaves_no_shared_memory, .timeout = 120)
{
	struct slu_disposable *server = start();
	char *directory = strdup(slu_disposable_directory(server));
	int segment = segment_of(directory);

	cr_assert(segment_exists(segment));
	cr_assert_eq(slu_disposable_kill9(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert(segment_exists(segment));
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
	cr_assert_not(exists(directory));
	cr_assert_not(segment_exists(segment));
	free(directory);
}

Test(disposable, two_servers_do_not_meet, .timeout = 120)
{
	struct slu_disposable *first = start();
	struct slu_disposable *second = start();

	cr_assert_str_neq(slu_disposable_dsn(first), slu_disposable_dsn(second));
	cr_assert_eq(slu_disposable_stop(first, &error), SLUICE_OK, "%s", error.message);
	PQfinish(database_connect(slu_disposable_dsn(second)));
	cr_assert_eq(slu_disposable_stop(second, &error), SLUICE_OK, "%s", error.message);
}

Test(disposable, a_directory_that_can_not_be_made_is_told, .timeout = 120)
{
	setenv("TMPDIR", "/nowhere", 1);
	cr_assert_null(slu_disposable_start(&error));
	cr_assert_not_null(strstr(error.message, "/nowhere"), "%s", error.message);
	cr_assert_not_null(strstr(error.message, "TMPDIR"), "%s", error.message);
}

Test(disposable, a_path_too_long_for_a_socket_is_not_used, .timeout = 120)
{
	struct slu_disposable *server;
	char path[128];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	path[0] = '/';
	setenv("TMPDIR", path, 1);
	server = start();
	cr_assert_eq(strncmp(slu_disposable_directory(server), "/tmp/", 5), 0);
	cr_assert_eq(slu_disposable_stop(server, &error), SLUICE_OK, "%s", error.message);
}

/* A process that starts a server, tells its directory, and is killed. */
Test(disposable, dies_with_the_process_that_started_it, .timeout = 120)
{
	char directory[128] = "";
	char command[160];
	struct slu_process postmaster[1];
	int ends[2];
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		struct slu_disposable *server = slu_disposable_start(NULL);
		const char *name = server != NULL ? slu_disposable_directory(server) : "";

		if (write(ends[1], name, strlen(name) + 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	cr_assert_gt(read(ends[0], directory, sizeof(directory)), 1);
	cr_assert_eq(slu_process_children(child, postmaster, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (slu_process_lives(postmaster))
		slu_pause_ns(10000000);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	cr_assert_eq(system(command), 0);
}
