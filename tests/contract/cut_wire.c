/* SPDX-License-Identifier: MIT */
/* cut_wire.c - a proxy of one connection, in step with what it carries.
 * It carries requests one at a time: the client's messages up to the end of a request, then the
 * server's up to ReadyForQuery. That is enough for a client that waits for each answer. */
#include "tests/contract/cut_wire.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 60000

struct wire {
	char directory[sizeof("/tmp/sluice-wire-XXXXXX")];
	struct sockaddr_un server; /* its socket */
	int listener_fd;
	pid_t child;
	int client_fd;
	int server_fd;
};

static _Noreturn void give_up(const char *doing)
{
	perror(doing);
	abort();
}

/* ---- messages ---- */

/* Reads exactly `size` bytes. Returns false at the end of the stream. */
static bool read_all(int fd, char *bytes, size_t size)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	while (size > 0) {
		ssize_t got;

		if (poll(&poller, 1, WAIT_MS) <= 0)
			give_up("cut_wire: waiting for a message");
		got = read(fd, bytes, size);
		if (got <= 0)
			return false;
		bytes += got;
		size -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t put = send(fd, bytes, size, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		bytes += put;
		size -= (size_t)put;
	}
	return true;
}

/* A message, with its type in front unless it is the first of a connection. */
struct message {
	char *bytes;
	size_t size;
	char type; /* '\0' for the first */
};

static bool read_message(int fd, bool first, struct message *message)
{
	size_t head = first ? 4 : 5;
	char begin[5];
	uint32_t size;

	if (!read_all(fd, begin, head))
		return false;
	memcpy(&size, begin + head - 4, sizeof(size));
	message->size = head - 4 + ntohl(size);
	message->type = first ? '\0' : begin[0];
	message->bytes = malloc(message->size);
	if (message->bytes == NULL)
		give_up("cut_wire: memory");
	memcpy(message->bytes, begin, head);
	if (read_all(fd, message->bytes + head, message->size - head))
		return true;
	free(message->bytes);
	return false;
}

static bool pass(struct message *message, int fd)
{
	bool passed = write_all(fd, message->bytes, message->size);

	free(message->bytes);
	return passed;
}

/* Carries the server's answer up to ReadyForQuery; to nobody when `client_fd` is -1. */
static bool pass_answer(const struct wire *wire, int client_fd)
{
	struct message message;
	bool ready;

	do {
		if (!read_message(wire->server_fd, false, &message))
			return false;
		ready = message.type == 'Z';
		if (client_fd < 0)
			free(message.bytes);
		else if (!pass(&message, client_fd))
			return false;
	} while (!ready);
	return true;
}

/* ---- the cut ---- */

static void cut_now(struct wire *wire, enum cut cut)
{
	if (cut == CUT_CLIENT)
		kill(wire->child, SIGKILL);
	close(wire->client_fd);
	close(wire->server_fd);
}

/* Carries one connection to its end, or to the cut; `*requests` goes on counting. Returns whether
 * the cut was made. */
static bool carry(struct wire *wire, size_t *requests, size_t request, enum cut cut)
{
	struct message message;
	bool first = true;

	while (read_message(wire->client_fd, first, &message)) {
		bool ends = first || message.type == 'Q' || message.type == 'S';
		bool here = !first && ends && ++*requests == request;

		if (!pass(&message, wire->server_fd))
			break;
		if (here) {
			pass_answer(wire, -1);
			cut_now(wire, cut);
			return true;
		}
		if (ends && !pass_answer(wire, wire->client_fd))
			break;
		first = false;
	}
	close(wire->client_fd);
	close(wire->server_fd);
	return false;
}

/* ---- sockets ---- */

static char *look_up(const char *dsn, const char *keyword)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	PQconninfoOption *option;
	char *value = NULL;

	for (option = options; option != NULL && option->keyword != NULL; option++) {
		if (strcmp(option->keyword, keyword) == 0 && option->val != NULL)
			value = strdup(option->val);
	}
	PQconninfoFree(options);
	if (value == NULL)
		give_up("cut_wire: reading the dsn");
	return value;
}

static void open_wire(struct wire *wire, const char *dsn)
{
	struct sockaddr_un ours = {.sun_family = AF_UNIX};
	char *host = look_up(dsn, "host");
	char *port = look_up(dsn, "port");

	memcpy(wire->directory, "/tmp/sluice-wire-XXXXXX", sizeof(wire->directory));
	if (mkdtemp(wire->directory) == NULL)
		give_up("cut_wire: a directory");
	snprintf(ours.sun_path, sizeof(ours.sun_path), "%s/.s.PGSQL.5432", wire->directory);
	wire->server.sun_family = AF_UNIX;
	snprintf(wire->server.sun_path, sizeof(wire->server.sun_path), "%s/.s.PGSQL.%s", host,
	         port);
	wire->listener_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (wire->listener_fd < 0 ||
	    bind(wire->listener_fd, (struct sockaddr *)&ours, sizeof(ours)) != 0 ||
	    listen(wire->listener_fd, 8) != 0)
		give_up("cut_wire: a socket");
	free(host);
	free(port);
}

static void close_wire(struct wire *wire)
{
	char path[128];

	close(wire->listener_fd);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", wire->directory);
	unlink(path);
	rmdir(wire->directory);
}

/* Waits for the child's next connection. Returns false when it ended instead. */
static bool accept_next(struct wire *wire, int *wait_status)
{
	struct pollfd poller = {.fd = wire->listener_fd, .events = POLLIN};
	int waited_ms = 0;

	while (poll(&poller, 1, 10) == 0) {
		if (waitpid(wire->child, wait_status, WNOHANG) == wire->child)
			return false;
		waited_ms += 10;
		if (waited_ms > WAIT_MS)
			give_up("cut_wire: waiting for the child");
	}
	wire->client_fd = accept4(wire->listener_fd, NULL, NULL, SOCK_CLOEXEC);
	wire->server_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (wire->client_fd < 0 || wire->server_fd < 0 ||
	    connect(wire->server_fd, (struct sockaddr *)&wire->server, sizeof(wire->server)) != 0)
		give_up("cut_wire: connecting");
	return true;
}

static _Noreturn void be_child(const struct wire *wire, const char *dsn,
                               int (*work)(const char *conninfo))
{
	char *conninfo;

	close(wire->listener_fd);
	/* Of a keyword that comes twice, libpq takes the second. */
	if (asprintf(&conninfo, "%s host=%s port=5432", dsn, wire->directory) < 0 ||
	    freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL)
		_exit(127);
	_exit(work(conninfo));
}

struct cut_end cut_wire(const char *dsn, int (*work)(const char *conninfo), size_t request,
                        enum cut cut)
{
	struct wire wire;
	struct cut_end end = {.reached = false};
	size_t requests = 0;
	bool waited = false;
	int status = 0;

	open_wire(&wire, dsn);
	wire.child = fork();
	if (wire.child < 0)
		give_up("cut_wire: fork");
	if (wire.child == 0)
		be_child(&wire, dsn, work);
	while (!end.reached && !waited) {
		if (accept_next(&wire, &status))
			end.reached = carry(&wire, &requests, request, cut);
		else
			waited = true;
	}
	close_wire(&wire); /* who tries again finds nobody */
	if (!waited && waitpid(wire.child, &status, 0) != wire.child)
		give_up("cut_wire: waiting for the child");
	end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return end;
}
