/* SPDX-License-Identifier: MIT */
/* pg_connection.c - from a dial to a session, then libpq's non-blocking half. */
#include "sink/pg_connection.h"

#include "sink/pg_session.h"

#include <poll.h>
#include <string.h>

/* Opening waits for the fence's row, at most lock_timeout (5 s, pg_session.c): longer than that. */
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

/* PQfinish sends a last message if the socket takes it; it waits neither for that nor for TLS to end:
 * the connection is libpq's non-blocking one by then, and the socket was from the beginning. */
static void drop(struct slu_connection *connection)
{
	PQfinish(connection->pg);
	connection->pg = NULL;
	connection->blocked = false;
	connection->eager = false;
	connection->broken = false;
	connection->answered = 0;
	connection->looked = false;
}

void slu_connection_close(struct slu_connection *connection)
{
	drop(connection);
	slu_dial_stop(&connection->dial);
	connection->phase = SLU_CLOSED;
}

void slu_connection_free(struct slu_connection *connection)
{
	slu_connection_close(connection);
	slu_dial_free(&connection->dial);
}

/* Notices and warnings may hold row contents, and stderr is not ours. */
static void swallow(void *context, const PGresult *notice)
{
	struct slu_connection *connection = context;
	const char *source = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);

	connection->notices++;
	/* Its SQLSTATE is any warning's, and its text is in the server's language. */
	connection->unconfirmed += source != NULL && strcmp(source, "SyncRepWaitForLSN") == 0;
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

/* ---- dialing and opening ---- */

void slu_connection_dial(struct slu_connection *connection, uint64_t now_ns)
{
	slu_dial_begin(&connection->dial, connection->target->conninfo, now_ns);
	connection->phase = SLU_DIALING;
}

/* Once, until it is another. */
static void warn(struct slu_connection *connection)
{
	const struct slu_target *target = connection->target;
	const char *warning = connection->dial.warning;

	if (warning != NULL && warning != connection->warned && target->warn != NULL)
		target->warn(target->warn_context, warning);
	if (warning != NULL)
		connection->warned = warning;
}

static enum slu_progress open_session(struct slu_connection *connection, uint64_t now_ns)
{
	connection->phase = SLU_OPENING;
	connection->dials++;
	connection->deadline_ns = now_ns + OPEN_TIMEOUT_NS;
	(void)PQsetNoticeReceiver(connection->pg, swallow, connection);
	if (PQserverVersion(connection->pg) < SERVER_VERSION_MIN)
		return stop(connection, SLU_HALT,
		            "the server is older than PostgreSQL 15: use a newer one");
	if (PQsetnonblocking(connection->pg, 1) != 0 || !slu_session_send(connection))
		return slu_connection_lost(connection, "session setup");
	return SLU_DONE;
}

static enum slu_progress dial_step(struct slu_connection *connection, uint64_t now_ns)
{
	enum slu_progress progress = slu_dial_step(&connection->dial, now_ns, &connection->pg);

	warn(connection);
	connection->deadline_ns = connection->dial.deadline_ns;
	if (progress == SLU_DONE)
		return open_session(connection, now_ns);
	if (progress == SLU_STOPPED)
		connection->trouble = connection->dial.trouble;
	return progress;
}

static enum slu_progress open_step(struct slu_connection *connection, uint64_t now_ns)
{
	enum slu_progress progress = slu_session_step(connection);

	if (progress == SLU_DONE)
		connection->phase = SLU_READY;
	if (progress == SLU_PENDING && now_ns >= connection->deadline_ns)
		return stop(connection, SLU_RETRY, "session setup: no answer in time");
	return progress;
}

/* A server that answered, but not as it should: a former primary, or one whose disk hangs. The next
 * host may be well, and would never be asked if each round ended at this one. A pooler that was just
 * met is to be dialed again. */
static bool pass(struct slu_connection *connection, uint64_t now_ns)
{
	if (connection->phase != SLU_OPENING || connection->trouble.action != SLU_RETRY ||
	    connection->pooled == connection->dials)
		return false;
	drop(connection);
	connection->phase = SLU_DIALING;
	return slu_dial_pass(&connection->dial, &connection->trouble, now_ns);
}

enum slu_progress slu_connection_step(struct slu_connection *connection, uint64_t now_ns)
{
	enum slu_progress progress;

	do {
		progress = SLU_DONE;
		if (connection->phase == SLU_DIALING)
			progress = dial_step(connection, now_ns);
		if (connection->phase == SLU_OPENING && progress == SLU_DONE)
			progress = open_step(connection, now_ns);
	} while (progress == SLU_STOPPED && pass(connection, now_ns));
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
	if (connection->phase == SLU_DIALING) {
		slu_dial_wait(&connection->dial, fd, events);
		return;
	}
	*fd = connection->pg != NULL ? PQsocket(connection->pg) : -1;
	*events = (short)(POLLIN | (connection->blocked || connection->eager ? POLLOUT : 0));
}
