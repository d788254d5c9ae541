/* SPDX-License-Identifier: MIT */
/* pooler.c - PgBouncer in a directory of its own: configuration, log and socket. */
#include "tests/contract/pooler.h"

#include "db/clock.h"
#include "db/server/child.h"

#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT "6432"
#define READY_TIMEOUT_NS UINT64_C(30000000000)
#define STOP_TIMEOUT_NS UINT64_C(10000000000)
#define POLL_NS UINT64_C(10000000)

struct pooler {
	char directory[sizeof("/tmp/sluice-pooler-XXXXXX")];
	char *dsn;
	pid_t pid;
};

static _Noreturn void give_up(const char *doing, const char *why)
{
	fprintf(stderr, "pooler: can't %s: %s\n", doing, why);
	abort();
}

/* The value of `keyword` in `dsn`, or `missing`. The caller frees it. */
static char *look_up(const char *dsn, const char *keyword, const char *missing)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	PQconninfoOption *option;
	const char *value = missing;
	char *copy;

	if (options == NULL)
		give_up("read the server's dsn", "it is no connection string");
	for (option = options; option->keyword != NULL; option++)
		if (strcmp(option->keyword, keyword) == 0 && option->val != NULL)
			value = option->val;
	copy = strdup(value);
	PQconninfoFree(options);
	if (copy == NULL)
		give_up("read the server's dsn", "out of memory");
	return copy;
}

/* ---- its directory ---- */

static FILE *create(const struct pooler *pooler, const char *name)
{
	char path[sizeof(pooler->directory) + 32];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", pooler->directory, name);
	file = fopen(path, "w");
	if (file == NULL)
		give_up("write", path);
	return file;
}

/* auth_type trust asks for no password, but knows only the users of its file: that of `dsn`. */
static void configure(const struct pooler *pooler, const char *dsn, const char *mode,
                      unsigned connections)
{
	char *host = look_up(dsn, "host", "");
	char *port = look_up(dsn, "port", "5432");
	char *user = look_up(dsn, "user", "postgres");
	FILE *users = create(pooler, "users");
	FILE *settings = create(pooler, "settings");

	fprintf(users, "\"%s\" \"\"\n", user);
	fprintf(settings,
	        "[databases]\n* = host=%s port=%s\n"
	        "[pgbouncer]\nlisten_addr =\nlisten_port = " PORT "\n"
	        "unix_socket_dir = %s\nauth_type = trust\nauth_file = %s/users\n"
	        "pool_mode = %s\ndefault_pool_size = %u\n",
	        host, port, pooler->directory, pooler->directory, mode, connections);
	if (fclose(users) != 0 || fclose(settings) != 0)
		give_up("write", pooler->directory);
	free(host);
	free(port);
	free(user);
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place)
{
	(void)about;
	(void)kind;
	(void)place;
	return remove(path);
}

/* ---- its life ---- */

static void launch(struct pooler *pooler)
{
	static const char debian[] = "/usr/sbin/pgbouncer"; /* rarely in PATH */
	char settings[sizeof(pooler->directory) + 16];
	const char *argv[] = {access(debian, X_OK) == 0 ? debian : "pgbouncer", "-q", settings,
	                      NULL};
	struct slu_child_user user;
	struct slu_child_setup setup = {
		.argv = argv, .user = &user, .own_session = true, .death_signal = SIGKILL};
	struct sluice_error error;
	FILE *log = create(pooler, "log");

	snprintf(settings, sizeof(settings), "%s/settings", pooler->directory);
	if (slu_child_user_pick(&user, &error) != SLUICE_OK)
		give_up("pick a user", error.message);
	if (user.change && chown(pooler->directory, user.uid, user.gid) != 0)
		give_up("give away", pooler->directory);
	setup.output_fd = fileno(log);
	pooler->pid = slu_child_start(&setup, &error);
	if (pooler->pid < 0)
		give_up("start pgbouncer", error.message);
	fclose(log);
}

/* What it said before it ended says why. */
static _Noreturn void show_log(const struct pooler *pooler)
{
	char path[sizeof(pooler->directory) + 8];
	char text[1024];
	size_t size = 0;
	FILE *log;

	snprintf(path, sizeof(path), "%s/log", pooler->directory);
	log = fopen(path, "r");
	if (log != NULL) {
		size = fread(text, 1, sizeof(text) - 1, log);
		fclose(log);
	}
	text[size] = '\0';
	give_up("start pgbouncer", text);
}

static void wait_until_ready(struct pooler *pooler)
{
	uint64_t start_ns = slu_monotonic_ns();

	while (PQping(pooler->dsn) != PQPING_OK) {
		if (slu_child_wait(pooler->pid, 0, NULL))
			show_log(pooler);
		if (slu_monotonic_ns() - start_ns > READY_TIMEOUT_NS)
			give_up("reach pgbouncer", "no answer in time");
		slu_pause_ns(POLL_NS);
	}
}

struct pooler *pooler_start(const char *dsn, const char *mode, unsigned connections)
{
	struct pooler *pooler = calloc(1, sizeof(*pooler));

	if (pooler == NULL)
		give_up("start pgbouncer", "out of memory");
	strcpy(pooler->directory, "/tmp/sluice-pooler-XXXXXX");
	/* Of a keyword that comes twice, libpq takes the second. */
	if (mkdtemp(pooler->directory) == NULL ||
	    asprintf(&pooler->dsn, "%s host=%s port=" PORT, dsn, pooler->directory) < 0)
		give_up("make a directory", pooler->directory);
	configure(pooler, dsn, mode, connections);
	launch(pooler);
	wait_until_ready(pooler);
	return pooler;
}

const char *pooler_dsn(const struct pooler *pooler)
{
	return pooler->dsn;
}

void pooler_stop(struct pooler *pooler)
{
	kill(pooler->pid, SIGTERM);
	if (!slu_child_wait(pooler->pid, STOP_TIMEOUT_NS, NULL)) {
		kill(pooler->pid, SIGKILL);
		(void)slu_child_wait(pooler->pid, STOP_TIMEOUT_NS, NULL);
	}
	nftw(pooler->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(pooler->dsn);
	free(pooler);
}
