/* SPDX-License-Identifier: MIT */
/*
 * fault_proxy.c - one process, one poll loop, no thread a connection.
 *
 * A process and not a thread: its memory is not the tested one's, no lock of libc is shared with
 * it, and a tested process may be killed or stopped while it goes on. It ends with the process that
 * made it. Orders come through a socket pair, each answered when it is done; what it counts stands
 * in memory that both share.
 *
 * One round: poll -> order -> carry each connection (proxy_link.h) -> accept.
 */
#include "tests/torture/proxy_link.h"

#include <errno.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINKS_MAX 16
#define COMMAND_FD 3

struct state {
	struct sockaddr_un server;
	int listeners[2]; /* Unix, TCP */
	struct proxy_plan plan;
	struct proxy_told *told;
	struct proxy_link links[LINKS_MAX];
};

enum order { ORDER_SET, ORDER_DROP, ORDER_END };

struct command {
	enum order order;
	struct proxy_plan plan;
};

static _Noreturn void give_up(const char *doing)
{
	perror(doing);
	abort();
}

/* ---- coming ---- */

static struct proxy_link *free_link(struct state *state)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (state->links[i].ends[0] < 0)
			return &state->links[i];
	fputs("fault_proxy: too many connections at a time\n", stderr);
	abort();
}

static void accept_from(struct state *state, int listener)
{
	int client_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int server_fd, yes = 1;

	if (client_fd < 0)
		return;
	/* Of a Unix socket it is no option. */
	(void)setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	server_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server_fd < 0)
		give_up("fault_proxy: a socket");
	if (connect(server_fd, (struct sockaddr *)&state->server, sizeof(state->server)) != 0) {
		close(server_fd);
		close(client_fd);
		return;
	}
	proxy_link_begin(free_link(state), &state->plan, state->told, client_fd, server_fd);
}

/* ---- the loop ---- */

/* Also those that have come and were not heard yet. */
static void drop_all(struct state *state)
{
	int client_fd;

	for (size_t i = 0; i < 2; i++)
		while ((client_fd = accept4(state->listeners[i], NULL, NULL, SOCK_CLOEXEC)) >= 0)
			close(client_fd);
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (state->links[i].ends[0] >= 0)
			proxy_link_close(&state->links[i]);
}

static void forget(struct proxy_told *told)
{
	told->connections = 0;
	told->struck = false;
	for (size_t i = 0; i <= PROXY_CONNECTIONS_TOLD; i++) {
		told->of[i].bytes[PROXY_TO_SERVER] = told->of[i].bytes[PROXY_TO_CLIENT] = 0;
		told->of[i].opened[PROXY_TO_SERVER] = told->of[i].opened[PROXY_TO_CLIENT] = 0;
		told->of[i].commits = told->of[i].readies = 0;
	}
}

static void obey(struct state *state)
{
	struct command command;
	char done = 1;

	if (read(COMMAND_FD, &command, sizeof(command)) != (ssize_t)sizeof(command))
		_exit(1);
	if (command.order == ORDER_END)
		_exit(0);
	drop_all(state);
	if (command.order == ORDER_SET) {
		state->plan = command.plan;
		forget(state->told);
	}
	if (write(COMMAND_FD, &done, 1) != 1)
		_exit(1);
}

static _Noreturn void serve(struct state *state)
{
	struct pollfd polled[3 + 2 * LINKS_MAX];

	polled[0] = (struct pollfd){.fd = COMMAND_FD, .events = POLLIN};
	polled[1] = (struct pollfd){.fd = state->listeners[0], .events = POLLIN};
	polled[2] = (struct pollfd){.fd = state->listeners[1], .events = POLLIN};
	for (;;) {
		uint64_t now = proxy_now(), wake_ns = UINT64_MAX;

		for (size_t i = 0; i < LINKS_MAX; i++)
			for (unsigned way = 0; way < 2; way++)
				polled[3 + 2 * i + way] = proxy_link_wish(&state->links[i], way,
				                                          now, &wake_ns);
		poll(polled, 3 + 2 * LINKS_MAX,
		     wake_ns == UINT64_MAX ? -1 : (int)((wake_ns - now) / 1000000 + 1));
		if (polled[0].revents != 0)
			obey(state);
		for (size_t i = 0; i < LINKS_MAX; i++)
			if (state->links[i].ends[0] >= 0)
				proxy_link_carry(&state->links[i]);
		for (size_t i = 1; i <= 2; i++)
			if (polled[i].revents & POLLIN)
				accept_from(state, polled[i].fd);
	}
}

/* ---- from the maker's side ---- */

static void listen_unix(struct state *state, const char *directory)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", directory);
	state->listeners[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (state->listeners[0] < 0 ||
	    bind(state->listeners[0], (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(state->listeners[0], LINKS_MAX) != 0)
		give_up("fault_proxy: listening on a Unix socket");
}

static void listen_tcp(struct state *state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	state->listeners[1] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (state->listeners[1] < 0 ||
	    bind(state->listeners[1], (struct sockaddr *)&address, size) != 0 ||
	    listen(state->listeners[1], LINKS_MAX) != 0 ||
	    getsockname(state->listeners[1], (struct sockaddr *)&address, &size) != 0)
		give_up("fault_proxy: listening on 127.0.0.1");
	state->told->port = ntohs(address.sin_port);
}

static char *look_up(const char *dsn, const char *keyword)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	char *value = NULL;

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
	     option++)
		if (strcmp(option->keyword, keyword) == 0 && option->val != NULL)
			value = strdup(option->val);
	PQconninfoFree(options);
	if (value == NULL)
		give_up("fault_proxy: reading the dsn");
	return value;
}

/* Without any other descriptor of its maker: one more holder of a socket would keep it open. */
static _Noreturn void be_proxy(const struct fault_proxy *proxy, const char *dsn, int command_fd)
{
	struct state *state = calloc(1, sizeof(*state));
	char *host = look_up(dsn, "host"), *port = look_up(dsn, "port");

	if (state == NULL || dup2(command_fd, COMMAND_FD) < 0 ||
	    close_range(COMMAND_FD + 1, ~0u, 0) != 0)
		give_up("fault_proxy: beginning");
	state->told = proxy->told;
	state->server.sun_family = AF_UNIX;
	snprintf(state->server.sun_path, sizeof(state->server.sun_path), "%s/.s.PGSQL.%s", host,
	         port);
	for (size_t i = 0; i < LINKS_MAX; i++)
		state->links[i].ends[0] = state->links[i].ends[1] = -1;
	listen_unix(state, proxy->directory);
	listen_tcp(state);
	if (write(COMMAND_FD, "", 1) != 1)
		_exit(1);
	serve(state);
}

static void await_done(const struct fault_proxy *proxy)
{
	char done;

	if (read(proxy->command_fd, &done, 1) != 1)
		give_up("fault_proxy: it is gone");
}

static void order(struct fault_proxy *proxy, enum order what, const struct proxy_plan *plan)
{
	struct command command = {.order = what};

	if (plan != NULL)
		command.plan = *plan;
	if (send(proxy->command_fd, &command, sizeof(command), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(command))
		give_up("fault_proxy: an order");
	if (what != ORDER_END)
		await_done(proxy);
}

void fault_proxy_open(struct fault_proxy *proxy, const char *dsn)
{
	pid_t maker = getpid();
	int pair[2];

	memcpy(proxy->directory, "/tmp/sluice-proxy-XXXXXX", sizeof(proxy->directory));
	proxy->told = mmap(NULL, sizeof(*proxy->told), PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mkdtemp(proxy->directory) == NULL || proxy->told == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		give_up("fault_proxy: opening");
	fflush(NULL);
	proxy->pid = fork();
	if (proxy->pid < 0)
		give_up("fault_proxy: fork");
	if (proxy->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != maker)
			_exit(1);
		be_proxy(proxy, dsn, pair[1]);
	}
	close(pair[1]);
	proxy->command_fd = pair[0];
	await_done(proxy);
	/* Of a keyword that comes twice, libpq takes the second. */
	if (asprintf(&proxy->unix_conninfo, "%s host=%s port=5432 gssencmode=disable", dsn,
	             proxy->directory) < 0 ||
	    asprintf(&proxy->tcp_conninfo,
	             "%s host=127.0.0.1 port=%u sslmode=disable gssencmode=disable", dsn,
	             (unsigned)proxy->told->port) < 0)
		give_up("fault_proxy: memory");
}

void fault_proxy_close(struct fault_proxy *proxy)
{
	char path[sizeof(proxy->directory) + sizeof("/.s.PGSQL.5432")];

	order(proxy, ORDER_END, NULL);
	while (waitpid(proxy->pid, NULL, 0) != proxy->pid && errno == EINTR)
		;
	close(proxy->command_fd);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", proxy->directory);
	if (unlink(path) != 0 || rmdir(proxy->directory) != 0)
		give_up(path);
	munmap(proxy->told, sizeof(*proxy->told));
	free(proxy->unix_conninfo);
	free(proxy->tcp_conninfo);
}

void fault_proxy_set(struct fault_proxy *proxy, const struct proxy_plan *plan)
{
	order(proxy, ORDER_SET, plan);
}

void fault_proxy_drop(struct fault_proxy *proxy)
{
	order(proxy, ORDER_DROP, NULL);
}
