/* SPDX-License-Identifier: MIT */
/* load_seat.c - libpq's non-blocking half, with a poll around it that knows when to stop. */
#include "sink/load_seat.h"

#include "db/clock.h"

#include <sluice/sink.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { BINARY = 1 };

/* A lock that is not given soon is not given soon: better to hear of it. jit: no query of ours is
 * worth compiling. */
static const char settings_sql[] =
	"SELECT set_config('default_transaction_read_only', 'on', false), "
	"set_config('statement_timeout', $1, false), "
	"set_config('lock_timeout', '5s', false), "
	"set_config('idle_in_transaction_session_timeout', '30s', false), "
	"set_config('jit', 'off', false)";

/* Returns at `until_ns` at the latest, and perhaps before there is anything. */
static void wait_for(int fd, short events, uint64_t until_ns)
{
	struct pollfd socket = {.fd = fd, .events = events};
	uint64_t now_ns = slu_monotonic_ns();
	uint64_t left_ms = until_ns > now_ns ? (until_ns - now_ns) / sluice_ms(1) + 1 : 0;

	(void)poll(&socket, 1, left_ms < 1000 ? (int)left_ms : 1000);
}

static enum sluice_status late(struct sluice_error *error, const char *where)
{
	return sluice_error_set(error, SLUICE_TIMEOUT, "%s: no answer in time", where);
}

/* ---- asking ---- */

/* What the server says went wrong, or the connection. */
static enum sluice_status refused(const struct slu_seat *seat, const PGresult *result,
                                  const char *where, struct sluice_error *error)
{
	struct slu_trouble trouble = {.reason = ""};
	bool timed_out;

	slu_trouble_of_result(&trouble, seat->pg, result, where);
	timed_out = strcmp(trouble.sqlstate, "57014") == 0 ||
	            strcmp(trouble.sqlstate, "55P03") == 0;
	return sluice_error_set(error, timed_out ? SLUICE_TIMEOUT : SLUICE_FAILED, "%s",
	                        trouble.reason);
}

/* Waits until PQgetResult would not. */
static enum sluice_status listen_for(struct slu_seat *seat, const char *where, uint64_t until_ns,
                                     struct sluice_error *error)
{
	for (;;) {
		int left = PQflush(seat->pg);

		if (left < 0 || PQconsumeInput(seat->pg) == 0)
			return refused(seat, NULL, where, error);
		if (!PQisBusy(seat->pg))
			return SLUICE_OK;
		if (slu_monotonic_ns() >= until_ns)
			return late(error, where);
		wait_for(PQsocket(seat->pg), left > 0 ? POLLIN | POLLOUT : POLLIN, until_ns);
	}
}

/* Until the server is ready for the next one: an error may follow an answer. */
static enum sluice_status hear(struct slu_seat *seat, const char *where, uint64_t until_ns,
                               PGresult **result, struct sluice_error *error)
{
	enum sluice_status status;
	PGresult *next;

	*result = NULL;
	while ((status = listen_for(seat, where, until_ns, error)) == SLUICE_OK) {
		next = PQgetResult(seat->pg);
		if (next == NULL)
			break;
		PQclear(*result);
		*result = next;
	}
	/* Also when the connection broke then: why it did is worth more. */
	if (*result != NULL && PQresultStatus(*result) != PGRES_TUPLES_OK &&
	    PQresultStatus(*result) != PGRES_COMMAND_OK)
		status = refused(seat, *result, where, error);
	if (status != SLUICE_OK) {
		PQclear(*result);
		*result = NULL;
	}
	return status;
}

enum sluice_status slu_seat_ask(struct slu_seat *seat, const struct slu_question *question,
                                uint64_t until_ns, PGresult **result, struct sluice_error *error)
{
	*result = NULL;
	if (PQsendQueryParams(seat->pg, question->sql, question->count, NULL, question->values,
	                      question->sizes, question->formats, BINARY) != 1)
		return refused(seat, NULL, question->where, error);
	return hear(seat, question->where, until_ns, result, error);
}

bool slu_seat_is_answered(struct slu_seat *seat)
{
	if (PQconsumeInput(seat->pg) == 0)
		return false;
	while (!PQisBusy(seat->pg)) {
		PGresult *result = PQgetResult(seat->pg);

		if (result == NULL)
			return true;
		PQclear(result);
	}
	return false;
}

bool slu_seat_is_lost(const struct slu_seat *seat)
{
	return PQstatus(seat->pg) != CONNECTION_OK;
}

/* A server that speaks unasked says goodbye, and may not have hung up yet. Should it have said
 * something else, a session is made that need not have been. */
bool slu_seat_is_alive(const struct slu_seat *seat)
{
	struct pollfd socket = {.fd = PQsocket(seat->pg), .events = POLLIN};

	return !slu_seat_is_lost(seat) && poll(&socket, 1, 0) == 0;
}

/* ---- opening ---- */

/* Notices and warnings may hold row contents, and stderr is not ours. */
static void swallow(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

/* Once, until it is another. */
static void warn(struct slu_seat *seat, const struct slu_seat_terms *terms)
{
	const char *warning = seat->dial.warning;
	char line[SLU_REASON_SIZE];

	if (warning == NULL || warning == seat->warned || terms->options.log == NULL)
		return;
	seat->warned = warning;
	(void)snprintf(line, sizeof(line), "warning: reader: %s", warning);
	terms->options.log(terms->options.log_context, line);
}

static enum sluice_status dial(struct slu_seat *seat, const struct slu_seat_terms *terms,
                               uint64_t until_ns, struct sluice_error *error)
{
	enum slu_progress progress;

	seat->dial.reads = true;
	slu_dial_begin(&seat->dial, terms->conninfo, slu_monotonic_ns());
	while ((progress = slu_dial_step(&seat->dial, slu_monotonic_ns(), &seat->pg)) ==
	       SLU_PENDING) {
		uint64_t due_ns = seat->dial.deadline_ns < until_ns ? seat->dial.deadline_ns
		                                                    : until_ns;
		short events;
		int fd;

		if (slu_monotonic_ns() >= until_ns)
			return late(error, "connect");
		slu_dial_wait(&seat->dial, &fd, &events);
		wait_for(fd, events, due_ns);
	}
	if (progress == SLU_DONE)
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_FAILED, "%s", seat->dial.trouble.reason);
}

static enum sluice_status set_up(struct slu_seat *seat, const struct slu_seat_terms *terms,
                                 uint64_t until_ns, struct sluice_error *error)
{
	char timeout[32];
	const char *values[] = {timeout};
	struct slu_question question = {
		.where = "session setup", .sql = settings_sql, .count = 1, .values = values};
	enum sluice_status status;
	PGresult *result;

	(void)PQsetNoticeReceiver(seat->pg, swallow, NULL);
	if (PQsetnonblocking(seat->pg, 1) != 0)
		return refused(seat, NULL, question.where, error);
	(void)snprintf(timeout, sizeof(timeout), "%llums",
	               (unsigned long long)(terms->options.statement_timeout_ns / sluice_ms(1)));
	status = slu_seat_ask(seat, &question, until_ns, &result, error);
	PQclear(result);
	return status;
}

enum sluice_status slu_seat_open(struct slu_seat *seat, const struct slu_seat_terms *terms,
                                 uint64_t until_ns, struct sluice_error *error)
{
	enum sluice_status status = dial(seat, terms, until_ns, error);

	warn(seat, terms);
	slu_dial_stop(&seat->dial);
	if (status == SLUICE_OK)
		status = set_up(seat, terms, until_ns, error);
	if (status != SLUICE_OK)
		slu_seat_close(seat);
	return status;
}

void slu_seat_close(struct slu_seat *seat)
{
	PQfinish(seat->pg);
	seat->pg = NULL;
}
