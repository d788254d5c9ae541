/* SPDX-License-Identifier: MIT */
/* disposable.c - a server's life in a directory of its own.
 * Owns: the directory, the postmaster.
 * One life: find the programs -> directory -> initdb -> launch -> ready -> shut down -> remove. */
#include "db/server/disposable.h"

#include "db/clock.h"
#include "db/server/child.h"
#include "db/server/postgres_programs.h"
#include "db/server/process.h"

#include <sluice/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_NAME "/.s.PGSQL.5432"
#define DIRECTORY_PATTERN "/sluice-XXXXXX"
#define DIRECTORY_SIZE (sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof(SOCKET_NAME) + 1)
#define CHILDREN_MAX 1024
#define LOG_TAIL_SIZE 300

#define SECOND_NS UINT64_C(1000000000)
#define INITDB_TIMEOUT_NS (60 * SECOND_NS)
#define READY_TIMEOUT_NS (120 * SECOND_NS) /* includes crash recovery */
#define SHUTDOWN_TIMEOUT_NS (60 * SECOND_NS)
#define ORPHANS_TIMEOUT_NS (5 * SECOND_NS)
#define KILL_TIMEOUT_NS (60 * SECOND_NS) /* a dying process may wait for the disk */
#define POLL_NS UINT64_C(10000000)

struct slu_disposable {
	char programs[PATH_MAX];
	char directory[DIRECTORY_SIZE];
	char data[DIRECTORY_SIZE + 8];
	char log[DIRECTORY_SIZE + 8];
	char dsn[DIRECTORY_SIZE + 64];
	struct slu_child_user user;
	pid_t postmaster; /* 0 when it does not run */
	bool killed;      /* by us, and not started again since */
	int death_signal; /* what the server gets when we die, 0 for nothing */
	char pg_ctl[PATH_MAX + 16];
};

/* ---- the directory ---- */

/* A path that fits a socket's address, and needs no quoting in a DSN or a server setting. */
static bool is_plain(const char *path)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.-+";

	return path[0] == '/' && path[strspn(path, plain)] == '\0' &&
	       strlen(path) + sizeof(DIRECTORY_PATTERN) <= DIRECTORY_SIZE;
}

static enum sluice_status make_directory(struct slu_disposable *server, struct sluice_error *error)
{
	const char *parent = getenv("TMPDIR");

	if (parent == NULL || !is_plain(parent))
		parent = "/tmp";
	snprintf(server->directory, sizeof(server->directory), "%s" DIRECTORY_PATTERN, parent);
	if (mkdtemp(server->directory) == NULL) {
		sluice_error_set(error, SLUICE_FAILED,
		                 "can't make a directory in %s: %s. Set TMPDIR to one that can be "
		                 "written to",
		                 parent, strerror(errno));
		server->directory[0] = '\0';
		return SLUICE_FAILED;
	}
	if (server->user.change &&
	    chown(server->directory, server->user.uid, server->user.gid) != 0)
		return sluice_error_set(error, SLUICE_FAILED, "can't give %s to user %s: %s",
		                        server->directory, server->user.name, strerror(errno));
	snprintf(server->data, sizeof(server->data), "%s/data", server->directory);
	snprintf(server->log, sizeof(server->log), "%s/log", server->directory);
	snprintf(server->dsn, sizeof(server->dsn),
	         "host=%s port=5432 user=postgres dbname=postgres", server->directory);
	return SLUICE_OK;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place)
{
	(void)about;
	(void)kind;
	(void)place;
	remove(path); /* what stays is noticed when its directory can't be removed */
	return 0;
}

/* Returns false when something is left. */
static bool remove_directory(const struct slu_disposable *server)
{
	if (server->directory[0] == '\0')
		return true;
	nftw(server->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return access(server->directory, F_OK) != 0;
}

/* ---- programs and their log ---- */

/* The last lines of the log, without the newline at the end. */
static void read_log_tail(const struct slu_disposable *server, char *tail, size_t size)
{
	FILE *file = fopen(server->log, "re");
	size_t got = 0;
	char *line;

	if (file != NULL) {
		if (fseek(file, -(long)(size - 1), SEEK_END) != 0)
			rewind(file);
		got = fread(tail, 1, size - 1, file);
		fclose(file);
	}
	while (got > 0 && tail[got - 1] == '\n')
		got--;
	tail[got] = '\0';
	line = got == size - 1 ? strchr(tail, '\n') : NULL; /* the first line may be cut */
	if (line != NULL)
		memmove(tail, line + 1, strlen(line));
}

static enum sluice_status fail_with_log(const struct slu_disposable *server, const char *what,
                                        struct sluice_error *error)
{
	char tail[LOG_TAIL_SIZE];

	read_log_tail(server, tail, sizeof(tail));
	return sluice_error_set(error, SLUICE_FAILED,
	                        "the disposable PostgreSQL %s. Its log ends: %s", what,
	                        tail[0] != '\0' ? tail : "(it is empty)");
}

/* Starts `argv`, as the server's user, with its output to the log. */
static pid_t run(const struct slu_disposable *server, const char *const *argv, int death_signal,
                 struct sluice_error *error)
{
	struct slu_child_setup setup = {
		.argv = argv,
		.directory = server->directory,
		.user = &server->user,
		.own_session = true,
		.death_signal = death_signal,
	};
	pid_t pid;

	setup.output_fd = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (setup.output_fd < 0) {
		sluice_error_set(error, SLUICE_FAILED, "can't write %s: %s", server->log,
		                 strerror(errno));
		return -1;
	}
	pid = slu_child_start(&setup, error);
	close(setup.output_fd);
	return pid;
}

/* Without syncing the files of the new, empty cluster: it need not survive a power cut before the
 * server has even started. The server itself syncs. */
static enum sluice_status init_cluster(const struct slu_disposable *server,
                                       struct sluice_error *error)
{
	char program[PATH_MAX + 16];
	const char *const argv[] = {
		program,    "-D", server->data, "-A",          "trust",     "-U",
		"postgres", "-E", "UTF8",       "--no-locale", "--no-sync", "--no-instructions",
		NULL,
	};
	int status = 0;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/initdb", server->programs);
	pid = run(server, argv, SIGTERM, error);
	if (pid < 0)
		return SLUICE_FAILED;
	if (!slu_child_wait(pid, INITDB_TIMEOUT_NS, &status)) {
		kill(pid, SIGKILL);
		slu_child_wait(pid, KILL_TIMEOUT_NS, NULL);
		return fail_with_log(server, "took more than 60 s for initdb", error);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail_with_log(server, "failed at initdb", error);
	return SLUICE_OK;
}

/* ---- launch ---- */

static enum sluice_status wait_until_ready(struct slu_disposable *server,
                                           struct sluice_error *error)
{
	uint64_t start_ns = slu_monotonic_ns();

	while (PQping(server->dsn) != PQPING_OK) {
		if (slu_child_wait(server->postmaster, 0, NULL)) {
			server->postmaster = 0;
			return fail_with_log(server, "did not start", error);
		}
		if (slu_monotonic_ns() - start_ns > READY_TIMEOUT_NS)
			return fail_with_log(server, "did not answer for 120 s", error);
		slu_pause_ns(POLL_NS);
	}
	return SLUICE_OK;
}

static enum sluice_status launch(struct slu_disposable *server, struct sluice_error *error)
{
	char program[PATH_MAX + 16];
	const char *const argv[] = {
		program,
		"-D",
		server->data,
		"-k",
		server->directory,
		"-p",
		"5432", /* else PGPORT would count */
		"-c",
		"listen_addresses=",
		"-c",
		"fsync=on",
		"-c",
		"synchronous_commit=on",
		"-c",
		"full_page_writes=on",
		"-c",
		"logging_collector=off",
		"-c",
		"log_destination=stderr",
		NULL,
	};
	pid_t pid;

	snprintf(program, sizeof(program), "%s/postgres", server->programs);
	pid = run(server, argv, server->death_signal, error);
	if (pid < 0)
		return SLUICE_FAILED;
	server->postmaster = pid;
	server->killed = false;
	return wait_until_ready(server, error);
}

struct slu_disposable *slu_disposable_start(struct sluice_error *error)
{
	struct slu_disposable *server = calloc(1, sizeof(*server));
	enum sluice_status status;

	if (server == NULL) {
		sluice_error_set(error, SLUICE_FAILED, "out of memory");
		return NULL;
	}
	/* The server's "immediate shutdown": all its processes end at once. */
	server->death_signal = SIGQUIT;
	status = slu_child_user_pick(&server->user, error);
	if (status == SLUICE_OK)
		status = slu_postgres_programs_find(server->programs, sizeof(server->programs),
		                                    error);
	snprintf(server->pg_ctl, sizeof(server->pg_ctl), "%s/pg_ctl", server->programs);
	if (status == SLUICE_OK)
		status = make_directory(server, error);
	if (status == SLUICE_OK)
		status = init_cluster(server, error);
	if (status == SLUICE_OK)
		status = launch(server, error);
	if (status == SLUICE_OK)
		return server;
	slu_disposable_stop(server, NULL); /* leaves `error` alone */
	return NULL;
}

const char *slu_disposable_dsn(const struct slu_disposable *server)
{
	return server->dsn;
}

const char *slu_disposable_directory(const struct slu_disposable *server)
{
	return server->directory;
}

const char *slu_disposable_pg_ctl(const struct slu_disposable *server)
{
	return server->pg_ctl;
}

/* ---- kill ---- */

/* Waits for the processes that a dead postmaster left behind. They notice its death themselves, as
 * they would in production, unless they are busy: after a while we kill them too. */
static bool wait_for_orphans(const struct slu_process *orphans, size_t count)
{
	uint64_t start_ns = slu_monotonic_ns();
	bool killed = false;

	for (;;) {
		uint64_t waited_ns = slu_monotonic_ns() - start_ns;
		bool kill_now = !killed && waited_ns > ORPHANS_TIMEOUT_NS;
		size_t living = 0;
		size_t i;

		for (i = 0; i < count; i++) {
			if (!slu_process_lives(&orphans[i]))
				continue;
			living++;
			if (kill_now)
				kill(orphans[i].pid, SIGKILL);
		}
		if (living == 0)
			return true;
		if (waited_ns > ORPHANS_TIMEOUT_NS + KILL_TIMEOUT_NS)
			return false;
		killed |= kill_now;
		slu_pause_ns(POLL_NS);
	}
}

enum sluice_status slu_disposable_kill9(struct slu_disposable *server, struct sluice_error *error)
{
	struct slu_process children[CHILDREN_MAX];
	uint64_t start_ns = slu_monotonic_ns();
	size_t count;

	if (server->postmaster == 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "the disposable PostgreSQL does not run");
	/* Stopped first, so that it starts no process between our look and its death. */
	kill(server->postmaster, SIGSTOP);
	while (!slu_process_stands(server->postmaster) &&
	       slu_monotonic_ns() - start_ns < KILL_TIMEOUT_NS)
		slu_pause_ns(POLL_NS);
	count = slu_process_children(server->postmaster, children, CHILDREN_MAX);
	kill(server->postmaster, SIGKILL);
	if (!slu_child_wait(server->postmaster, KILL_TIMEOUT_NS, NULL))
		return sluice_error_set(error, SLUICE_TIMEOUT,
		                        "the disposable PostgreSQL (process %ld) does not die",
		                        (long)server->postmaster);
	server->postmaster = 0;
	server->killed = true;
	if (count > CHILDREN_MAX || !wait_for_orphans(children, count))
		return sluice_error_set(error, SLUICE_TIMEOUT,
		                        "processes of the killed PostgreSQL in %s do not end",
		                        server->data);
	return SLUICE_OK;
}

enum sluice_status slu_disposable_restart(struct slu_disposable *server, struct sluice_error *error)
{
	if (server->postmaster != 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "the disposable PostgreSQL runs already");
	return launch(server, error);
}

/* ---- stop ---- */

/* Fast shutdown, then the harder ways. Returns false if nothing helps. */
static bool shut_down(struct slu_disposable *server)
{
	kill(server->postmaster, SIGINT);
	if (!slu_child_wait(server->postmaster, SHUTDOWN_TIMEOUT_NS, NULL)) {
		kill(server->postmaster, SIGQUIT);
		if (!slu_child_wait(server->postmaster, KILL_TIMEOUT_NS, NULL))
			return slu_disposable_kill9(server, NULL) == SLUICE_OK;
	}
	server->postmaster = 0;
	return true;
}

enum sluice_status slu_disposable_stop(struct slu_disposable *server, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	if (server == NULL)
		return SLUICE_OK;
	/* A killed server leaves its shared memory behind. It alone knows all of it, and cleans it
	 * up when it starts. If it can't start, there is nothing more we could do. */
	if (server->killed && launch(server, NULL) != SLUICE_OK)
		server->killed = false;
	if (server->postmaster != 0 && !shut_down(server))
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "the disposable PostgreSQL in %s can't be stopped",
		                          server->directory);
	if (!remove_directory(server) && status == SLUICE_OK)
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "can't remove %s: remove it by hand", server->directory);
	free(server);
	return status;
}

/* The tie is the kernel's, made at launch: only a new launch is without it. */
enum sluice_status slu_disposable_leave(struct slu_disposable *server, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	server->death_signal = 0;
	if (server->postmaster != 0 && !shut_down(server))
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "the disposable PostgreSQL in %s can't be stopped",
		                          server->directory);
	if (status == SLUICE_OK)
		status = launch(server, error);
	if (status == SLUICE_OK)
		free(server);
	else
		slu_disposable_stop(server, NULL); /* leaves `error` alone */
	return status;
}
