/* SPDX-License-Identifier: MIT */
/*
 * fault_proxy.c - the proxy of the torture tests carries what it should, and breaks where it
 * should: between sockets of the test's own, and in front of Postgres.
 */
#include "tests/torture/fault_proxy.h"

#include "tests/contract/database.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define MUCH 400000 /* bytes: more than sockets and the proxy hold */

/* ---- between two sockets ---- */

static struct fault_proxy proxy;
static char directory[] = "/tmp/sluice-test-XXXXXX";
static struct sockaddr_un server_address = {.sun_family = AF_UNIX};
static int listener;

static void set_up(void)
{
	char dsn[128];

	cr_assert_not_null(mkdtemp(directory));
	snprintf(server_address.sun_path, sizeof(server_address.sun_path), "%s/.s.PGSQL.77",
	         directory);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&server_address, sizeof(server_address)), 0);
	cr_assert_eq(listen(listener, 5), 0);
	snprintf(dsn, sizeof(dsn), "host=%s port=77", directory);
	fault_proxy_open(&proxy, dsn);
}

static void tear_down(void)
{
	fault_proxy_close(&proxy);
	close(listener);
	(void)unlink(server_address.sun_path);
	cr_assert_eq(rmdir(directory), 0);
}

TestSuite(proxy, .init = set_up, .fini = tear_down);

/* A client's end and a server's, with the proxy between. */
struct wire {
	int client, server;
};

static struct wire join(bool tcp)
{
	struct sockaddr_un near = {.sun_family = AF_UNIX};
	struct sockaddr_in loopback = {.sin_family = AF_INET,
	                               .sin_port = htons(proxy.told->port),
	                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct wire wire;

	snprintf(near.sun_path, sizeof(near.sun_path), "%s/.s.PGSQL.5432", proxy.directory);
	wire.client = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
	if (tcp)
		cr_assert_eq(connect(wire.client, (struct sockaddr *)&loopback, sizeof(loopback)),
		             0);
	else
		cr_assert_eq(connect(wire.client, (struct sockaddr *)&near, sizeof(near)), 0);
	wire.server = accept(listener, NULL, NULL);
	cr_assert_geq(wire.server, 0);
	return wire;
}

static void part(struct wire wire)
{
	close(wire.client);
	close(wire.server);
}

static unsigned char pattern(size_t index)
{
	return (unsigned char)(index * 7 + index / 251);
}

/* Sends `size` bytes and reads at the other end until it has come to its end or `size` have come.
 * Returns how many came; they must be the first. */
static size_t pass(int from, int to, size_t size)
{
	struct pollfd ends[2] = {{.fd = from, .events = POLLOUT}, {.fd = to, .events = POLLIN}};
	size_t sent = 0, got = 0;

	while (got < size) {
		unsigned char bytes[4096];
		ssize_t count;

		cr_assert_gt(poll(ends, 2, PATIENCE_MS), 0, "nothing moves");
		for (count = 0; count < (ssize_t)sizeof(bytes); count++)
			bytes[count] = pattern(sent + (size_t)count);
		if (size - sent < sizeof(bytes))
			count = (ssize_t)(size - sent);
		count = send(from, bytes, (size_t)count, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += count > 0 ? (size_t)count : 0;
		if (sent == size || (count < 0 && errno != EAGAIN))
			ends[0].fd = -1;
		count = recv(to, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (count == 0 || (count < 0 && errno != EAGAIN))
			break;
		for (ssize_t i = 0; i < count; i++)
			cr_assert_eq(bytes[i], pattern(got + (size_t)i));
		got += count > 0 ? (size_t)count : 0;
	}
	return got;
}

static bool is_at_end(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	char byte;

	cr_assert_gt(poll(&end, 1, PATIENCE_MS), 0, "it is not closed");
	return recv(fd, &byte, 1, 0) <= 0;
}

static void await_strike(void)
{
	for (int i = 0; !proxy.told->struck; i++) {
		cr_assert_lt(i, PATIENCE_MS, "it does not break");
		usleep(1000);
	}
}

/* Bytes arrive a little before they are counted. */
static void await_count(enum proxy_way way, uint64_t bytes)
{
	for (int i = 0; proxy.told->of[1].bytes[way] != bytes; i++) {
		cr_assert_lt(i, PATIENCE_MS, "it counts other bytes");
		usleep(1000);
	}
}

static void carry_much(const struct proxy_plan *plan, bool tcp)
{
	struct wire wire;

	fault_proxy_set(&proxy, plan);
	wire = join(tcp);
	cr_assert_eq(pass(wire.client, wire.server, MUCH), MUCH);
	cr_assert_eq(pass(wire.server, wire.client, MUCH), MUCH);
	cr_assert_eq(proxy.told->connections, 1);
	await_count(PROXY_TO_SERVER, MUCH);
	await_count(PROXY_TO_CLIENT, MUCH);
	cr_assert_not(proxy.told->struck);
	close(wire.client);
	cr_assert(is_at_end(wire.server));
	close(wire.server);
}

Test(proxy, in_peace_all_is_carried_counted_and_closed)
{
	struct proxy_plan peace = {.what = PROXY_NEVER};

	carry_much(&peace, false);
	carry_much(&peace, true);
}

Test(proxy, with_a_delay_all_is_carried)
{
	struct proxy_plan slow = {.delay_us = 2000};

	carry_much(&slow, false);
}

Test(proxy, at_a_rate_all_is_carried)
{
	struct proxy_plan slow = {.bytes_per_second = 4000000};

	carry_much(&slow, false);
}

Test(proxy, what_the_server_said_last_arrives_though_it_is_gone)
{
	struct wire wire = join(false);

	cr_assert_eq(send(wire.server, "bye", 3, 0), 3);
	close(wire.server);
	(void)send(wire.client, "hello", 5, MSG_NOSIGNAL);
	cr_assert_eq(recv(wire.client, (char[3]){0}, 3, MSG_WAITALL), 3);
	cr_assert(is_at_end(wire.client));
	close(wire.client);
}

static void cut_after(uint64_t at, enum proxy_way way)
{
	struct proxy_plan plan = {.what = PROXY_CUT, .connection = 1, .way = way, .at = at};
	struct wire wire;
	int from, to;

	fault_proxy_set(&proxy, &plan);
	wire = join(false);
	from = way == PROXY_TO_SERVER ? wire.client : wire.server;
	to = way == PROXY_TO_SERVER ? wire.server : wire.client;
	cr_assert_eq(pass(from, to, MUCH), at);
	cr_assert(is_at_end(to));
	cr_assert(is_at_end(from));
	await_strike();
	cr_assert_eq(proxy.told->of[1].bytes[way], at);
	part(wire);
}

Test(proxy, a_cut_lets_exactly_so_many_bytes_pass_each_way)
{
	static const uint64_t places[] = {0, 1, 2, 5, 4096, 65535, 65536, 65537, MUCH - 1};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		cut_after(places[i], PROXY_TO_SERVER);
		cut_after(places[i], PROXY_TO_CLIENT);
	}
}

Test(proxy, only_the_chosen_connection_is_broken)
{
	struct proxy_plan plan = {.what = PROXY_CUT, .connection = 2, .at = 3};
	struct wire wires[3];

	fault_proxy_set(&proxy, &plan);
	for (int i = 0; i < 3; i++)
		wires[i] = join(false);
	cr_assert_eq(pass(wires[0].client, wires[0].server, 100), 100);
	cr_assert_eq(pass(wires[1].client, wires[1].server, 100), 3);
	cr_assert_eq(pass(wires[2].client, wires[2].server, 100), 100);
	cr_assert_eq(pass(wires[0].server, wires[0].client, 100), 100);
	for (int i = 0; i < 3; i++)
		part(wires[i]);
}

Test(proxy, a_reset_is_one)
{
	struct proxy_plan plan = {
		.what = PROXY_RESET, .connection = 1, .way = PROXY_TO_SERVER, .at = 10};
	struct wire wire;
	char byte;

	fault_proxy_set(&proxy, &plan);
	wire = join(true);
	cr_assert_eq(send(wire.client, "0123456789ab", 12, 0), 12);
	await_strike();
	cr_assert_eq(recv(wire.client, &byte, 1, 0), -1);
	cr_assert_eq(errno, ECONNRESET);
	part(wire);
}

/* Nothing is read, nothing is closed; what is sent is swallowed. */
static void assert_silent(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};

	cr_assert_eq(send(fd, "?", 1, MSG_NOSIGNAL), 1);
	cr_assert_eq(poll(&end, 1, 50), 0);
}

Test(proxy, silence_carries_so_many_bytes_and_closes_nothing_until_it_is_dropped)
{
	struct proxy_plan plan = {
		.what = PROXY_SILENCE, .connection = 1, .way = PROXY_TO_SERVER, .at = 10};
	struct wire wire;

	fault_proxy_set(&proxy, &plan);
	wire = join(false);
	cr_assert_eq(send(wire.client, "0123456789ab", 12, 0), 12);
	cr_assert_eq(recv(wire.server, (char[10]){0}, 10, MSG_WAITALL), 10);
	await_strike();
	for (int i = 0; i < 3; i++) {
		assert_silent(wire.client);
		assert_silent(wire.server);
	}
	fault_proxy_drop(&proxy);
	cr_assert(is_at_end(wire.client));
	cr_assert(is_at_end(wire.server));
	part(wire);
}

Test(proxy, silent_from_the_begin_it_is_a_black_hole)
{
	struct proxy_plan plan = {.what = PROXY_SILENCE, .connection = 1, .at = 0};
	struct wire wire;

	fault_proxy_set(&proxy, &plan);
	wire = join(true);
	await_strike();
	assert_silent(wire.client);
	assert_silent(wire.server);
	part(wire);
}

/* A ReadyForQuery between two other messages, which comes in pieces. */
Test(proxy, an_answer_is_held_from_its_first_byte_though_it_comes_in_pieces)
{
	static const char said[] = "N\0\0\0\5xZ\0\0\0\5IN\0\0\0\5y";
	struct proxy_plan plan = {.what = PROXY_SILENCE,
	                          .connection = 1,
	                          .mark = PROXY_AT_READY,
	                          .way = PROXY_TO_CLIENT,
	                          .at = 1};

	for (size_t piece = 1; piece < sizeof(said) - 1; piece++) {
		struct pollfd end = {.events = POLLIN};
		char heard[sizeof(said)];
		struct wire wire;

		fault_proxy_set(&proxy, &plan);
		wire = join(false);
		end.fd = wire.client;
		cr_assert_eq(send(wire.server, said, piece, 0), (ssize_t)piece);
		usleep(5000); /* so that it is most likely read by itself */
		(void)send(wire.server, said + piece, sizeof(said) - 1 - piece, MSG_NOSIGNAL);
		await_strike();
		cr_assert_eq(recv(wire.client, heard, 6, MSG_WAITALL), 6);
		cr_assert_eq(memcmp(heard, said, 6), 0);
		cr_assert_eq(poll(&end, 1, 20), 0);
		part(wire);
	}
}

Test(proxy, a_new_plan_drops_and_forgets)
{
	struct proxy_plan plan = {.what = PROXY_CUT, .connection = 1, .at = 3};
	struct wire before = join(false), wire;

	cr_assert_eq(pass(before.client, before.server, 100), 100);
	fault_proxy_set(&proxy, &plan);
	cr_assert(is_at_end(before.client));
	cr_assert(is_at_end(before.server));
	cr_assert_eq(proxy.told->connections, 0);
	cr_assert_eq(proxy.told->of[1].bytes[PROXY_TO_SERVER], 0);
	wire = join(false);
	cr_assert_eq(pass(wire.client, wire.server, 100), 3);
	part(before);
	part(wire);
}

Test(proxy, a_server_that_is_not_there_is_a_closed_connection)
{
	struct sockaddr_un near = {.sun_family = AF_UNIX};
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(near.sun_path, sizeof(near.sun_path), "%s/.s.PGSQL.5432", proxy.directory);
	(void)unlink(server_address.sun_path);
	cr_assert_eq(connect(client, (struct sockaddr *)&near, sizeof(near)), 0);
	cr_assert(is_at_end(client));
	close(client);
}

/* ---- in front of Postgres ---- */

static char *dsn;
static PGconn *direct;

static void set_up_postgres(void)
{
	dsn = database_create(false);
	direct = database_connect(dsn);
	database_run(direct, "CREATE TABLE t (a int)");
	fault_proxy_open(&proxy, dsn);
}

static void tear_down_postgres(void)
{
	fault_proxy_close(&proxy);
	PQfinish(direct);
	database_drop(dsn);
}

TestSuite(proxy_postgres, .init = set_up_postgres, .fini = tear_down_postgres);

/* Whether the answer's end does not come, and the connection stands. */
static bool is_held(PGconn *connection)
{
	struct pollfd end = {.fd = PQsocket(connection), .events = POLLIN};

	await_strike();
	while (poll(&end, 1, 50) > 0)
		if (PQconsumeInput(connection) == 0)
			return false;
	while (PQisBusy(connection) == 0) {
		PGresult *result = PQgetResult(connection);

		if (result == NULL)
			return false;
		PQclear(result);
	}
	return true;
}

static void expect_lost(PGconn *connection)
{
	PGresult *result;

	fault_proxy_drop(&proxy);
	while ((result = PQgetResult(connection)) != NULL)
		PQclear(result);
	cr_assert_eq(PQstatus(connection), CONNECTION_BAD);
	PQfinish(connection);
}

Test(proxy_postgres, the_answer_to_a_commit_is_held_when_the_commit_is_done)
{
	struct proxy_plan plan = {.what = PROXY_SILENCE,
	                          .connection = 1,
	                          .mark = PROXY_AT_COMMIT,
	                          .way = PROXY_TO_CLIENT,
	                          .at = 2};
	PGconn *connection;

	fault_proxy_set(&proxy, &plan);
	connection = database_connect(proxy.tcp_conninfo);
	database_run(connection, "BEGIN; INSERT INTO t VALUES (1)");
	database_run(connection, "COMMIT");
	database_run(connection, "BEGIN; INSERT INTO t VALUES (2)");
	cr_assert_eq(PQsendQuery(connection, "COMMIT"), 1);
	cr_assert(is_held(connection));
	cr_assert_eq(database_query_int(direct, "SELECT count(*) FROM t"), 2);
	expect_lost(connection);
}

Test(proxy_postgres, an_end_of_an_exchange_is_held)
{
	struct proxy_plan plan = {.what = PROXY_SILENCE,
	                          .connection = 1,
	                          .mark = PROXY_AT_READY,
	                          .way = PROXY_TO_CLIENT,
	                          .at = 3};
	PGconn *connection;

	fault_proxy_set(&proxy, &plan);
	connection = database_connect(proxy.unix_conninfo);
	database_run(connection, "INSERT INTO t VALUES (1)");
	cr_assert_eq(PQsendQuery(connection, "INSERT INTO t VALUES (2)"), 1);
	cr_assert(is_held(connection));
	cr_assert_eq(database_query_int(direct, "SELECT count(*) FROM t"), 2);
	expect_lost(connection);
}

/* Messages that are no commit, though they look like one, or are read in several pieces. */
Test(proxy_postgres, only_commits_are_counted_as_commits)
{
	PGconn *connection = database_connect(proxy.unix_conninfo);

	database_run(connection,
	             "SELECT 'COMMIT', E'C\\001\\001COMMIT', repeat('COMMITZ', 100000)");
	database_run(connection, "BEGIN; ROLLBACK");
	database_run(connection, "LISTEN x");
	database_run(connection, "CREATE TABLE \"COMMIT\" (a int)");
	database_run(connection, "BEGIN; SELECT 1");
	cr_assert_eq(proxy.told->of[1].commits, 0);
	database_run(connection, "COMMIT; SELECT repeat('x', 1000000)");
	cr_assert_eq(proxy.told->of[1].commits, 1);
	cr_assert_eq(proxy.told->of[1].readies, 7);
	PQfinish(connection);
}
