/* SPDX-License-Identifier: MIT */
/* pg_connection.c - libpq's non-blocking half, with deadlines of our own: connect_timeout is not
 * looked at by PQconnectPoll. */
#include "sink/pg_connection.h"

#include "sink/pg_session.h"

#include <poll.h>
#include <string.h>

/* Opening waits for the fence's row, at most lock_timeout (5 s, pg_session.c): longer than that. */
#define DIAL_TIMEOUT_NS sluice_seconds(10)
#define OPEN_TIMEOUT_NS sluice_seconds(10)

enum {
	SERVER_VERSION_MIN = 150000,
	GAPS_MAX = 3, /* NULLs in a row that a pipeline in step can give, and one to spare */
};

void slu_connection_init(struct slu_connection *connection, const struct slu_target *target)
{
	memset(connection, 0, sizeof(*connection));
	connection->target = target;
}

void slu_connection_close(struct slu_connection *connection)
{
	PQfinish(connection->pg);
	connection->pg = NULL;
	connection->phase = SLU_CLOSED;
	connection->blocked = false;
	connection->eager = false;
	connection->broken = false;
	connection->answered = 0;
}

/* Notices and warnings may hold row contents, and stderr is not ours. */
static void swallow(void *context, const PGresult *notice)
{
	struct slu_connection *connection = context;

	(void)notice;
	connection->notices++;
}

static enum slu_progress stop(struct slu_connection *connection, enum slu_action action,
                              const char *reason)
{
	slu_trouble_set(&connection->trouble, action, "%s", reason);
	return SLU_STOPPED;
}

enum slu_progress slu_connection_lost(struct slu_connection *connection, const char *where)
{
	slu_trouble_of_connection(&connection->trouble, connection->pg, where);
	return SLU_STOPPED;
}

/* ---- dialing ---- */

void slu_connection_dial(struct slu_connection *connection, uint64_t now_ns)
{
	/* libpq takes the later of two: what stands before the user's conninfo (which "dbname" is
	 * expanded to) is a default, what stands behind it is not for discussion. Keepalives notice
	 * a peer that is gone while we wait for it, tcp_user_timeout one that is gone while we
	 * send. */
	static const char *const keywords[] = {
		"fallback_application_name",
		"keepalives_idle",
		"keepalives_interval",
		"keepalives_count",
		"tcp_user_timeout",
		"target_session_attrs",
		"dbname",
		"client_encoding",
		NULL,
	};
	const char *values[] = {
		"sluice", "5",  "2", "3", "30000", "read-write", connection->target->conninfo,
		"UTF8",   NULL,
	};

	connection->pg = PQconnectStartParams(keywords, values, 1);
	connection->dials++;
	connection->phase = SLU_DIALING;
	connection->dial_events = POLLOUT; /* as PQconnectPoll wants it before its first call */
	connection->deadline_ns = now_ns + DIAL_TIMEOUT_NS;
	if (connection->pg != NULL)
		(void)PQsetNoticeReceiver(connection->pg, swallow, connection);
}

static bool is_due(const struct slu_connection *connection)
{
	struct pollfd socket = {.fd = PQsocket(connection->pg), .events = connection->dial_events};

	return socket.fd < 0 || poll(&socket, 1, 0) > 0;
}

static enum slu_progress dial_step(struct slu_connection *connection)
{
	PostgresPollingStatusType status;

	if (connection->pg == NULL)
		return stop(connection, SLU_RETRY, "connect: out of memory");
	if (PQstatus(connection->pg) == CONNECTION_BAD)
		return slu_connection_lost(connection, "connect");
	/* PQconnectPoll trusts that the socket is what it asked for. */
	if (!is_due(connection))
		return SLU_PENDING;
	status = PQconnectPoll(connection->pg);
	if (status == PGRES_POLLING_FAILED)
		return slu_connection_lost(connection, "connect");
	connection->dial_events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
	return status == PGRES_POLLING_OK ? SLU_DONE : SLU_PENDING;
}

static enum slu_progress open_session(struct slu_connection *connection, uint64_t now_ns)
{
	connection->phase = SLU_OPENING;
	connection->deadline_ns = now_ns + OPEN_TIMEOUT_NS;
	if (PQserverVersion(connection->pg) < SERVER_VERSION_MIN)
		return stop(connection, SLU_HALT,
		            "the server is older than PostgreSQL 15: use a newer one");
	if (PQsetnonblocking(connection->pg, 1) != 0 || !slu_session_send(connection))
		return slu_connection_lost(connection, "session setup");
	return SLU_DONE;
}

enum slu_progress slu_connection_step(struct slu_connection *connection, uint64_t now_ns)
{
	enum slu_progress progress = SLU_PENDING;

	if (connection->phase == SLU_DIALING) {
		progress = dial_step(connection);
		if (progress == SLU_DONE)
			progress = open_session(connection, now_ns);
	}
	if (connection->phase == SLU_OPENING && progress != SLU_STOPPED) {
		progress = slu_session_step(connection);
		if (progress == SLU_DONE)
			connection->phase = SLU_READY;
	}
	if (progress == SLU_PENDING && now_ns >= connection->deadline_ns)
		return stop(connection, SLU_RETRY, "connect: no answer in time");
	return progress;
}

/* ---- traffic ---- */

void slu_connection_receive(struct slu_connection *connection)
{
	/* A TLS record holds up to 16 KiB and libpq reads at least 8 at a time: a second read
	 * leaves nothing in the TLS library, where poll can't see it. */
	int reads = PQsslInUse(connection->pg) ? 2 : 1;

	while (reads-- > 0 && !connection->broken)
		connection->broken = PQconsumeInput(connection->pg) == 0;
}

void slu_connection_flush(struct slu_connection *connection)
{
	int left = PQflush(connection->pg);

	connection->blocked = left > 0;
	if (left < 0)
		connection->broken = true;
}

enum slu_progress slu_connection_result(struct slu_connection *connection, PGresult **result)
{
	int gaps;

	*result = NULL;
	for (gaps = 0; gaps < GAPS_MAX; gaps++) {
		if (PQisBusy(connection->pg)) {
			if (!connection->broken)
				return SLU_PENDING;
			return slu_connection_lost(connection, "connection");
		}
		*result = PQgetResult(connection->pg);
		if (*result != NULL)
			return SLU_DONE;
		if (PQstatus(connection->pg) == CONNECTION_BAD)
			return slu_connection_lost(connection, "connection");
	}
	return stop(connection, SLU_RETRY, "the server's answers are out of step");
}

enum slu_progress slu_connection_idle(struct slu_connection *connection)
{
	PGresult *result;

	if (PQisBusy(connection->pg) && !connection->broken)
		return SLU_PENDING;
	result = PQgetResult(connection->pg);
	if (result == NULL && PQstatus(connection->pg) == CONNECTION_OK)
		return SLU_DONE;
	slu_trouble_of_result(&connection->trouble, connection->pg, result, "connection");
	PQclear(result);
	return SLU_STOPPED;
}

bool slu_connection_alive(struct slu_connection *connection)
{
	slu_connection_receive(connection);
	(void)PQisBusy(connection->pg); /* takes notices out of libpq's buffer */
	if (!connection->broken && PQstatus(connection->pg) == CONNECTION_OK)
		return true;
	(void)slu_connection_lost(connection, "idle connection");
	return false;
}

void slu_connection_wait(const struct slu_connection *connection, int *fd, short *events)
{
	*fd = connection->pg != NULL ? PQsocket(connection->pg) : -1;
	if (connection->phase == SLU_DIALING)
		*events = connection->dial_events;
	else
		*events = (short)(POLLIN |
		                  (connection->blocked || connection->eager ? POLLOUT : 0));
}
