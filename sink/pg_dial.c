/* SPDX-License-Identifier: MIT */
/*
 * pg_dial.c - one host after the other, one address after the other, until one takes writes.
 *
 * Owns: the options of the round, libpq's connection until it is handed over, the lookup.
 * One round: read options -> [ask -> hear] -> call -> listen -> next, or hand over.
 *
 * The deadlines are ours: connect_timeout is not looked at by PQconnectPoll, nor is there any for one
 * host among many.
 */
#include "sink/pg_dial.h"

#include <sluice/sluice.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* For all hosts together, where connect_timeout does not give each its own; but a SYN that got lost is
 * sent again after 1 s. */
#define ROUND_NS sluice_seconds(10)
#define SHARE_NS_MIN sluice_seconds(2)

static const struct slu_host *host_of(const struct slu_dial *dial)
{
	return &dial->options.hosts[dial->host_index];
}

/* Each has the same, so that one that swallows packets leaves the others theirs. */
static uint64_t share_of(const struct slu_dial *dial, size_t address_count)
{
	uint64_t timeout_ns = slu_dial_options_timeout(&dial->options);
	uint64_t share_ns = ROUND_NS / (dial->options.host_count * address_count);

	if (timeout_ns > 0)
		return timeout_ns;
	return share_ns > SHARE_NS_MIN ? share_ns : SHARE_NS_MIN;
}

/* The present place is no good. */
static void fail(struct slu_dial *dial, const struct slu_trouble *trouble)
{
	PQfinish(dial->pg);
	dial->pg = NULL;
	slu_attempts_add(&dial->attempts, dial->place, trouble);
	dial->state = SLU_DIAL_FAILED;
}

static void fail_for(struct slu_dial *dial, const char *reason)
{
	struct slu_trouble trouble;

	slu_trouble_set(&trouble, SLU_RETRY, "%s", reason);
	fail(dial, &trouble);
}

/* ---- calling ---- */

/* Until the session has a listener of its own: stderr is not ours. */
static void swallow(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

static void name_place(struct slu_dial *dial, const char *name)
{
	slu_address_print(dial->place, sizeof(dial->place), name, host_of(dial)->port);
}

static void call(struct slu_dial *dial, uint64_t now_ns)
{
	const struct slu_host *host = host_of(dial);
	const char *address = dial->addresses.texts[dial->address_index];

	dial->state = SLU_DIAL_CALLING;
	dial->events = POLLOUT; /* as PQconnectPoll wants it before its first call */
	dial->deadline_ns = now_ns + share_of(dial, dial->addresses.count);
	dial->securing = false;
	dial->warning = slu_dial_options_warning(&dial->options, address);
	dial->pg = slu_dial_options_start(&dial->options, host, address);
	if (dial->pg == NULL) {
		fail_for(dial, "out of memory");
		return;
	}
	if (host->name[0] == '\0')
		name_place(dial, PQhost(dial->pg)); /* where libpq goes when nothing is said */
	(void)PQsetNoticeReceiver(dial->pg, swallow, NULL);
	(void)PQsetErrorVerbosity(dial->pg, PQERRORS_VERBOSE); /* slu_trouble_of_dial */
}

static bool is_due(const struct slu_dial *dial)
{
	struct pollfd socket = {.fd = PQsocket(dial->pg), .events = dial->events};

	return socket.fd < 0 || poll(&socket, 1, 0) > 0;
}

/* A check that nobody has asked for by name must say how it is satisfied. */
static void explain(const struct slu_dial *dial, struct slu_trouble *trouble)
{
	char reason[SLU_REASON_SIZE];

	if (!dial->securing || trouble->sqlstate[0] != '\0' ||
	    !slu_dial_options_verify(&dial->options, dial->addresses.texts[dial->address_index]))
		return;
	(void)snprintf(reason, sizeof(reason),
	               "%.150s (off this machine sslmode is verify-full: "
	               "set sslrootcert to the file of the server's CA, or sslmode)",
	               trouble->reason);
	slu_trouble_set(trouble, trouble->action, "%s", reason);
}

static void fail_for_libpq(struct slu_dial *dial)
{
	struct slu_trouble trouble;

	slu_trouble_of_dial(&trouble, dial->pg);
	explain(dial, &trouble);
	fail(dial, &trouble);
}

/* PQconnectPoll trusts that the socket is what it asked for. */
static void poll_on(struct slu_dial *dial)
{
	PostgresPollingStatusType status;

	dial->securing = PQstatus(dial->pg) == CONNECTION_SSL_STARTUP;
	status = PQconnectPoll(dial->pg);
	if (status == PGRES_POLLING_FAILED)
		fail_for_libpq(dial);
	else if (status == PGRES_POLLING_OK)
		dial->state = SLU_DIAL_REACHED;
	else
		dial->events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
}

static void listen_to(struct slu_dial *dial, uint64_t now_ns)
{
	if (PQstatus(dial->pg) == CONNECTION_BAD)
		fail_for_libpq(dial);
	else if (is_due(dial))
		poll_on(dial);
	if (dial->state == SLU_DIAL_CALLING && now_ns >= dial->deadline_ns)
		fail_for(dial, "no answer in time");
}

/* ---- names ---- */

static void use_address(struct slu_dial *dial, const char *address, uint64_t now_ns)
{
	dial->addresses.count = 1;
	(void)snprintf(dial->addresses.texts[0], SLU_ADDRESS_SIZE, "%s", address);
	call(dial, now_ns);
}

/* Not while another lookup is under way: that is what keeps a resolver that never returns from
 * getting one thread after the other. */
static void ask(struct slu_dial *dial, const char *name, uint64_t now_ns)
{
	struct slu_lookup *lookup = dial->lookup;
	bool other = lookup != NULL && strcmp(slu_lookup_host(lookup), name) != 0;

	if (other && !slu_lookup_is_done(lookup)) {
		fail_for(dial, "not looked up: the lookup of another host is still under way");
		return;
	}
	if (other || (lookup != NULL && dial->outdated && slu_lookup_is_done(lookup))) {
		slu_lookup_drop(lookup);
		lookup = NULL;
	}
	if (lookup == NULL)
		lookup = slu_lookup_start(name);
	dial->lookup = lookup;
	dial->outdated = false;
	dial->deadline_ns = now_ns + share_of(dial, 1);
	dial->state = SLU_DIAL_ASKED;
	if (lookup == NULL)
		fail_for(dial, "not looked up: out of memory, threads or descriptors");
}

static void hear(struct slu_dial *dial, uint64_t now_ns)
{
	const char *failure;

	if (!slu_lookup_is_done(dial->lookup)) {
		if (now_ns >= dial->deadline_ns)
			fail_for(dial, "not looked up in time: the resolver does not answer");
		return;
	}
	failure = slu_lookup_read(dial->lookup, &dial->addresses);
	slu_lookup_drop(dial->lookup);
	dial->lookup = NULL;
	if (failure != NULL)
		fail_for(dial, failure);
	else
		call(dial, now_ns);
}

/* ---- the round ---- */

static void meet_host(struct slu_dial *dial, uint64_t now_ns)
{
	const struct slu_host *host = host_of(dial);

	dial->address_index = 0;
	dial->addresses.count = 0;
	name_place(dial, host->name);
	if (host->address[0] != '\0')
		use_address(dial, host->address, now_ns);
	else if (host->name[0] == '\0' || slu_host_kind(host->name) == SLU_HOST_DIRECTORY)
		use_address(dial, "", now_ns);
	else if (slu_host_kind(host->name) == SLU_HOST_NUMBER)
		use_address(dial, host->name, now_ns);
	else
		ask(dial, host->name, now_ns);
}

void slu_dial_begin(struct slu_dial *dial, const char *conninfo, uint64_t now_ns)
{
	dial->attempts.count = 0;
	dial->host_index = 0;
	if (slu_dial_options_read(&dial->options, conninfo, &dial->trouble)) {
		dial->options.reads = dial->reads;
		meet_host(dial, now_ns);
		return;
	}
	slu_dial_options_free(&dial->options);
	dial->addresses.count = 0;
	dial->state = SLU_DIAL_FAILED;
}

/* Leaves the place that failed; returns false when it was the last one. */
static bool move_on(struct slu_dial *dial, uint64_t now_ns)
{
	if (dial->address_index + 1 < dial->addresses.count) {
		dial->address_index++;
		call(dial, now_ns);
		return true;
	}
	if (dial->host_index + 1 < dial->options.host_count) {
		dial->host_index++;
		meet_host(dial, now_ns);
		return true;
	}
	return false;
}

enum slu_progress slu_dial_step(struct slu_dial *dial, uint64_t now_ns, PGconn **pg)
{
	for (;;) {
		if (dial->state == SLU_DIAL_ASKED)
			hear(dial, now_ns);
		if (dial->state == SLU_DIAL_CALLING)
			listen_to(dial, now_ns);
		if (dial->state != SLU_DIAL_FAILED)
			break;
		if (move_on(dial, now_ns))
			continue;
		if (dial->attempts.count > 0) /* else the options are to blame */
			slu_attempts_sum(&dial->attempts, &dial->trouble);
		return SLU_STOPPED;
	}
	if (dial->state != SLU_DIAL_REACHED)
		return SLU_PENDING;
	(void)PQsetErrorVerbosity(dial->pg, PQERRORS_DEFAULT);
	*pg = dial->pg;
	dial->pg = NULL;
	return SLU_DONE;
}

bool slu_dial_pass(struct slu_dial *dial, struct slu_trouble *trouble, uint64_t now_ns)
{
	fail(dial, trouble);
	if (move_on(dial, now_ns))
		return true;
	if (dial->attempts.count > 1)
		slu_attempts_sum(&dial->attempts, trouble);
	return false;
}

void slu_dial_wait(const struct slu_dial *dial, int *fd, short *events)
{
	*fd = -1;
	*events = 0;
	if (dial->state == SLU_DIAL_ASKED) {
		*fd = slu_lookup_fd(dial->lookup);
		*events = POLLIN;
	} else if (dial->state == SLU_DIAL_CALLING) {
		*fd = PQsocket(dial->pg);
		*events = dial->events;
	}
}

void slu_dial_stop(struct slu_dial *dial)
{
	PQfinish(dial->pg);
	dial->pg = NULL;
	slu_dial_options_free(&dial->options);
	dial->outdated |= dial->state == SLU_DIAL_REACHED;
	dial->state = SLU_DIAL_IDLE;
}

void slu_dial_free(struct slu_dial *dial)
{
	slu_dial_stop(dial);
	slu_lookup_drop(dial->lookup);
	dial->lookup = NULL;
}
