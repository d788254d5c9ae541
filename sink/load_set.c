/* SPDX-License-Identifier: MIT */
/*
 * load_set.c - opens a reader, lends its seats, and takes them back.
 *
 * Owns: seats and their sessions.  One loan: find an idle seat, or an empty one, else wait -> look
 * whether its session lives, else dial -> the call -> back: idle, late or empty.
 */
#include "sink/load_set.h"

#include "db/clock.h"

#include <sluice/sink.h>

#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_NS sluice_seconds(10)
#define STATEMENT_TIMEOUT_NS sluice_seconds(30)
#define TIMEOUT_NS_MIN sluice_ms(1)
#define TIMEOUT_NS_MAX sluice_seconds(86400)
/* What an answer may take on its way once the server has ended the statement. */
#define LATE_NS sluice_seconds(5)
/* How often a waiting call looks whether a late seat has its answer: nobody wakes it for that. */
#define LOOK_NS sluice_ms(5)

/* ---- the lock ---- */

static void lock(struct sluice_reader *reader)
{
	(void)pthread_mutex_lock(&reader->lock);
}

static void unlock(struct sluice_reader *reader)
{
	(void)pthread_mutex_unlock(&reader->lock);
}

static void sleep_until(struct sluice_reader *reader, uint64_t until_ns)
{
	struct timespec until = {.tv_sec = (time_t)(until_ns / sluice_seconds(1)),
	                         .tv_nsec = (long)(until_ns % sluice_seconds(1))};

	(void)pthread_cond_timedwait(&reader->freed, &reader->lock, &until);
}

/* ---- seats, under the lock ---- */

/* What a seat is that no call has. In the middle of a transaction it is of no use. */
static enum slu_seat_state state_after(const struct slu_seat *seat)
{
	if (seat->pg == NULL || slu_seat_is_lost(seat))
		return SLU_SEAT_EMPTY;
	if (PQtransactionStatus(seat->pg) == PQTRANS_ACTIVE)
		return SLU_SEAT_LATE;
	return PQtransactionStatus(seat->pg) == PQTRANS_IDLE ? SLU_SEAT_IDLE : SLU_SEAT_EMPTY;
}

/* A late seat whose answer has come, or will not, is free again. */
static void look_after(struct slu_seat *seat)
{
	if (seat->state != SLU_SEAT_LATE)
		return;
	if (!slu_seat_is_lost(seat) && !slu_seat_is_answered(seat) &&
	    slu_monotonic_ns() < seat->late_until_ns)
		return;
	seat->state = state_after(seat);
	if (seat->state == SLU_SEAT_LATE || seat->state == SLU_SEAT_EMPTY) {
		slu_seat_close(seat);
		seat->state = SLU_SEAT_EMPTY;
	}
}

/* An idle seat, else an empty one; NULL: all are in use. `*late`: some of them by nobody. */
static struct slu_seat *find(struct sluice_reader *reader, bool *late)
{
	struct slu_seat *empty = NULL;

	*late = false;
	for (size_t i = 0; i < reader->terms.options.connections; i++) {
		struct slu_seat *seat = &reader->seats[i];

		look_after(seat);
		*late |= seat->state == SLU_SEAT_LATE;
		if (seat->state == SLU_SEAT_IDLE)
			return seat;
		if (seat->state == SLU_SEAT_EMPTY && empty == NULL)
			empty = seat;
	}
	return empty;
}

static void count_use(struct sluice_reader *reader)
{
	struct sluice_reader_stats *stats = &reader->stats;

	stats->in_use = 0;
	stats->open = 0;
	for (size_t i = 0; i < reader->terms.options.connections; i++) {
		const struct slu_seat *seat = &reader->seats[i];

		stats->in_use += seat->state == SLU_SEAT_LENT || seat->state == SLU_SEAT_LATE;
		stats->open += seat->state != SLU_SEAT_EMPTY;
	}
	if (stats->in_use > stats->in_use_max)
		stats->in_use_max = stats->in_use;
}

/* ---- lending ---- */

static enum sluice_status none_free(struct sluice_reader *reader, struct sluice_error *error)
{
	reader->stats.refused++;
	return sluice_error_set(error, SLUICE_TIMEOUT,
	                        "reader: its %llu connections are all in use: wait longer, or open "
	                        "it with more",
	                        (unsigned long long)reader->terms.options.connections);
}

/* Under the lock. */
static enum sluice_status wait_for_seat(struct sluice_reader *reader, uint64_t until_ns,
                                        struct slu_seat **found, struct sluice_error *error)
{
	bool waited = false, late;

	while ((*found = find(reader, &late)) == NULL) {
		uint64_t now_ns = slu_monotonic_ns();

		reader->stats.waits += !waited;
		waited = true;
		if (now_ns >= until_ns)
			return none_free(reader, error);
		sleep_until(reader,
		            late && now_ns + LOOK_NS < until_ns ? now_ns + LOOK_NS : until_ns);
	}
	(*found)->state = SLU_SEAT_LENT;
	count_use(reader);
	return SLUICE_OK;
}

enum sluice_status slu_set_renew(struct sluice_reader *reader, struct slu_seat *seat,
                                 uint64_t until_ns, struct sluice_error *error)
{
	enum sluice_status status;

	slu_seat_close(seat);
	status = slu_seat_open(seat, &reader->terms, until_ns, error);
	if (status != SLUICE_OK)
		return status;
	lock(reader);
	reader->stats.reconnects += seat->had_session;
	unlock(reader);
	seat->had_session = true;
	return SLUICE_OK;
}

enum sluice_status slu_set_borrow(struct sluice_reader *reader, uint64_t until_ns,
                                  struct slu_seat **seat, struct sluice_error *error)
{
	uint64_t connect_until_ns;
	enum sluice_status status;

	lock(reader);
	status = wait_for_seat(reader, until_ns, seat, error);
	unlock(reader);
	if (status != SLUICE_OK)
		return status;
	if ((*seat)->pg != NULL && slu_seat_is_alive(*seat))
		return SLUICE_OK;
	connect_until_ns = slu_monotonic_ns() + reader->terms.options.connect_timeout_ns;
	status = slu_set_renew(reader, *seat,
	                       connect_until_ns < until_ns ? connect_until_ns : until_ns, error);
	if (status != SLUICE_OK)
		slu_set_give_back(reader, *seat);
	return status;
}

void slu_set_give_back(struct sluice_reader *reader, struct slu_seat *seat)
{
	enum slu_seat_state state = state_after(seat);

	if (state == SLU_SEAT_EMPTY)
		slu_seat_close(seat);
	lock(reader);
	seat->late_until_ns = slu_monotonic_ns() + reader->terms.options.statement_timeout_ns +
	                      LATE_NS;
	seat->state = state;
	reader->stats.abandoned += state == SLU_SEAT_LATE;
	count_use(reader);
	/* All: one that waits for long must not swallow the turn of one whose time is up now. */
	(void)pthread_cond_broadcast(&reader->freed);
	unlock(reader);
}

void slu_set_count_rows(struct sluice_reader *reader, uint64_t rows)
{
	lock(reader);
	reader->stats.rows += rows;
	unlock(reader);
}

void sluice_reader_stats(struct sluice_reader *reader, struct sluice_reader_stats *stats)
{
	lock(reader);
	for (size_t i = 0; i < reader->terms.options.connections; i++)
		look_after(&reader->seats[i]);
	count_use(reader);
	*stats = reader->stats;
	unlock(reader);
}

/* ---- open, close ---- */

static bool is_timeout(uint64_t timeout_ns)
{
	return timeout_ns >= TIMEOUT_NS_MIN && timeout_ns <= TIMEOUT_NS_MAX;
}

static enum sluice_status check_options(const struct sluice_reader_options *options,
                                        struct sluice_error *error)
{
	if (options->connections > SLUICE_READER_CONNECTIONS_MAX)
		return sluice_error_set(
			error, SLUICE_INVALID, "reader: connections is %llu, and must be 1 to %d",
			(unsigned long long)options->connections, SLUICE_READER_CONNECTIONS_MAX);
	if (!is_timeout(options->connect_timeout_ns) || !is_timeout(options->statement_timeout_ns))
		return sluice_error_set(error, SLUICE_INVALID,
		                        "reader: connect_timeout_ns and statement_timeout_ns must "
		                        "be 1 ms to a day");
	return SLUICE_OK;
}

static enum sluice_status check_conninfo(const char *conninfo, struct sluice_error *error)
{
	char *message = NULL;
	PQconninfoOption *parsed = conninfo != NULL ? PQconninfoParse(conninfo, &message) : NULL;
	bool valid = parsed != NULL;

	PQconninfoFree(parsed);
	PQfreemem(message); /* not repeated: it may quote a password */
	if (valid)
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_INVALID,
	                        "reader: the connection string can't be parsed (not repeated: it "
	                        "may hold a password)");
}

static void fill_options(struct sluice_reader_options *options)
{
	if (options->connections == 0)
		options->connections = SLUICE_READER_CONNECTIONS;
	if (options->connect_timeout_ns == 0)
		options->connect_timeout_ns = CONNECT_TIMEOUT_NS;
	if (options->statement_timeout_ns == 0)
		options->statement_timeout_ns = STATEMENT_TIMEOUT_NS;
}

static bool init_lock(struct sluice_reader *reader)
{
	pthread_condattr_t monotonic;
	bool made;

	if (pthread_condattr_init(&monotonic) != 0)
		return false;
	made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
	       pthread_cond_init(&reader->freed, &monotonic) == 0;
	(void)pthread_condattr_destroy(&monotonic);
	if (made && pthread_mutex_init(&reader->lock, NULL) == 0)
		return true;
	if (made)
		(void)pthread_cond_destroy(&reader->freed);
	return false;
}

static struct sluice_reader *make(const char *conninfo, const struct sluice_reader_options *options)
{
	struct sluice_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->terms.options = *options;
	reader->stats.connections = options->connections;
	reader->terms.conninfo = strdup(conninfo);
	if (reader->terms.conninfo != NULL && init_lock(reader))
		return reader;
	free(reader->terms.conninfo);
	free(reader);
	return NULL;
}

static enum sluice_status meet(struct sluice_reader *reader, struct sluice_error *error)
{
	uint64_t until_ns = slu_monotonic_ns() + reader->terms.options.connect_timeout_ns;
	struct slu_seat *seat;
	enum sluice_status status = slu_set_borrow(reader, until_ns, &seat, error);

	if (status != SLUICE_OK)
		return status;
	status = slu_set_check(reader, seat, until_ns, error);
	slu_set_give_back(reader, seat);
	return status;
}

struct sluice_reader *sluice_reader_open(const char *conninfo,
                                         const struct sluice_reader_options *options,
                                         struct sluice_error *error)
{
	struct sluice_reader_options filled = options != NULL ? *options
	                                                      : (struct sluice_reader_options){0};
	struct sluice_reader *reader;

	fill_options(&filled);
	if (check_conninfo(conninfo, error) != SLUICE_OK ||
	    check_options(&filled, error) != SLUICE_OK)
		return NULL;
	reader = make(conninfo, &filled);
	if (reader == NULL) {
		(void)sluice_error_set(error, SLUICE_FAILED, "reader: out of memory");
		return NULL;
	}
	if (meet(reader, error) == SLUICE_OK)
		return reader;
	sluice_reader_close(reader);
	return NULL;
}

void sluice_reader_close(struct sluice_reader *reader)
{
	if (reader == NULL)
		return;
	for (size_t i = 0; i < SLUICE_READER_CONNECTIONS_MAX; i++) {
		slu_seat_close(&reader->seats[i]);
		slu_dial_free(&reader->seats[i].dial);
	}
	(void)pthread_mutex_destroy(&reader->lock);
	(void)pthread_cond_destroy(&reader->freed);
	free(reader->terms.conninfo);
	free(reader);
}
