/* SPDX-License-Identifier: MIT */
/* sink_dial_server.c - clusters made by initdb or cp, started and stopped as child processes. */
#include "tests/contract/sink_dial_server.h"

#include "db/clock.h"
#include "db/server/child.h"
#include "db/server/postgres_programs.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_NS UINT64_C(60000000000)
#define POLL_NS UINT64_C(10000000)
#define PATTERN "/tmp/sluice-dial-XXXXXX"
#define PATH_SIZE (sizeof(PATTERN) + 64)

struct tcp_server {
	char directory[sizeof(PATTERN)];
	char data[sizeof(PATTERN) + sizeof("/data")];
	char address[INET_ADDRSTRLEN];
	char dsn[256];
	int port;
	pid_t pid; /* 0 while it does not run */
	struct slu_child_user user;
};

static _Noreturn void give_up(const char *doing, const char *why)
{
	fprintf(stderr, "sink_dial_server: can't %s: %s\n", doing, why);
	abort();
}

/* ---- programs ---- */

static pid_t start(const struct tcp_server *server, const char *const *argv)
{
	struct slu_child_setup setup = {
		.argv = argv,
		.directory = server->directory,
		.user = &server->user,
		.own_session = true,
		.death_signal = SIGQUIT,
	};
	struct sluice_error error;
	char log[PATH_SIZE];
	pid_t pid;

	snprintf(log, sizeof(log), "%s/log", server->directory);
	setup.output_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid = slu_child_start(&setup, &error);
	if (pid < 0)
		give_up(argv[0], error.message);
	close(setup.output_fd);
	return pid;
}

static void run_to_end(const struct tcp_server *server, const char *const *argv)
{
	int status = -1;

	if (!slu_child_wait(start(server, argv), WAIT_NS, &status) || status != 0)
		give_up(argv[0], "it failed or took too long: see the log in its directory");
}

static const char *program(const char *name)
{
	static char path[PATH_MAX];
	struct sluice_error error;
	char directory[PATH_MAX - 32];

	if (slu_postgres_programs_find(directory, sizeof(directory), &error) != SLUICE_OK)
		give_up("find PostgreSQL's programs", error.message);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* ---- a cluster ---- */

static int free_port(const char *address)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t size = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &any.sin_addr);
	if (bind(fd, (struct sockaddr *)&any, size) != 0 ||
	    getsockname(fd, (struct sockaddr *)&any, &size) != 0)
		give_up("find a free port", address);
	close(fd);
	return ntohs(any.sin_port);
}

static struct tcp_server *prepare(const char *address)
{
	struct tcp_server *server = calloc(1, sizeof(*server));
	struct sluice_error error;

	if (server == NULL || slu_child_user_pick(&server->user, &error) != SLUICE_OK)
		give_up("prepare", "no memory, or no user to run as");
	strcpy(server->directory, PATTERN);
	if (mkdtemp(server->directory) == NULL ||
	    (server->user.change &&
	     chown(server->directory, server->user.uid, server->user.gid) != 0))
		give_up("make a directory", server->directory);
	snprintf(server->data, sizeof(server->data), "%s/data", server->directory);
	snprintf(server->address, sizeof(server->address), "%s", address);
	server->port = free_port(address);
	snprintf(server->dsn, sizeof(server->dsn), "host=%s port=%d user=postgres dbname=postgres",
	         server->directory, server->port);
	return server;
}

static void write_hba(const struct tcp_server *server)
{
	char hba[128];

	snprintf(hba, sizeof(hba), "local all all trust\nhost all all %s/32 trust\n",
	         server->address);
	tcp_server_write(server, "pg_hba.conf", hba);
}

struct tcp_server *tcp_server_make(const char *address)
{
	struct tcp_server *server = prepare(address);
	const char *const initdb[] = {
		program("initdb"),
		"-D",
		server->data,
		"-A",
		"trust",
		"-U",
		"postgres",
		"-E",
		"UTF8",
		"--no-locale",
		"--no-sync",
		"--no-instructions",
		NULL,
	};

	run_to_end(server, initdb);
	write_hba(server);
	return server;
}

struct tcp_server *tcp_server_copy(const struct tcp_server *from, const char *address)
{
	struct tcp_server *server = prepare(address);
	const char *const copy[] = {"/bin/cp", "-a", from->data, server->data, NULL};

	run_to_end(server, copy);
	write_hba(server);
	return server;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place)
{
	(void)about;
	(void)kind;
	(void)place;
	return remove(path);
}

void tcp_server_remove(struct tcp_server *server)
{
	if (server->pid != 0)
		tcp_server_halt(server);
	if (nftw(server->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
		give_up("remove", server->directory);
	free(server);
}

static void save(const struct tcp_server *server, const char *name, const char *mode,
                 const char *text)
{
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", server->data, name);
	file = fopen(path, mode);
	if (file == NULL || fputs(text, file) < 0 || fchmod(fileno(file), 0600) != 0 ||
	    (server->user.change &&
	     fchown(fileno(file), server->user.uid, server->user.gid) != 0) ||
	    fclose(file) != 0)
		give_up("write", path);
}

void tcp_server_write(const struct tcp_server *server, const char *name, const char *text)
{
	save(server, name, "we", text);
}

void tcp_server_set(const struct tcp_server *server, const char *lines)
{
	save(server, "postgresql.conf", "ae", lines);
}

/* ---- its life ---- */

static void wait_until_it_says(struct tcp_server *server, PGPing what)
{
	uint64_t limit = slu_monotonic_ns() + WAIT_NS;

	while (PQping(server->dsn) != what) {
		if (slu_child_wait(server->pid, 0, NULL) || slu_monotonic_ns() > limit)
			give_up("start a server: see its log in", server->directory);
		slu_pause_ns(POLL_NS);
	}
}

static void launch(struct tcp_server *server)
{
	char port[16], listen_on[64];
	const char *const argv[] = {
		program("postgres"), "-D", server->data, "-k", server->directory, "-p", port, "-c",
		listen_on,           "-c", "fsync=off",  NULL,
	};

	snprintf(port, sizeof(port), "%d", server->port);
	snprintf(listen_on, sizeof(listen_on), "listen_addresses=%s", server->address);
	server->pid = start(server, argv);
}

void tcp_server_run(struct tcp_server *server)
{
	launch(server);
	wait_until_it_says(server, PQPING_OK);
}

void tcp_server_run_closed(struct tcp_server *server)
{
	tcp_server_write(server, "standby.signal", "");
	tcp_server_set(server, "hot_standby = off\n");
	launch(server);
	wait_until_it_says(server, PQPING_REJECT);
}

void tcp_server_halt(struct tcp_server *server)
{
	kill(server->pid, SIGINT); /* fast: sessions are ended, and all is written down */
	if (!slu_child_wait(server->pid, WAIT_NS, NULL))
		give_up("stop", server->directory);
	server->pid = 0;
}

const char *tcp_server_dsn(const struct tcp_server *server)
{
	return server->dsn;
}

const char *tcp_server_directory(const struct tcp_server *server)
{
	return server->directory;
}

const char *tcp_server_address(const struct tcp_server *server)
{
	return server->address;
}

int tcp_server_port(const struct tcp_server *server)
{
	return server->port;
}
