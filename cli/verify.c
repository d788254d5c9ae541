/* SPDX-License-Identifier: MIT */
/*
 * verify.c - one pass over the orders, one over the executions, one query of sums, for each source.
 *
 * Rows are compared as text, in the database's own output (expected_rows.h).
 */
#include "cli/verify.h"

#include <sluice/sink.h>

#include "cli/expected_rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verifier {
	PGconn *connection;
	const struct slu_day *day;
	const uint64_t *finished;
	struct slu_expected expected;
	uint32_t source;         /* the one being verified */
	uint32_t *message_of;    /* number -> index of the source's message, plus 1; 0: none */
	uint32_t number_max;     /* of the source's messages */
	uint8_t *execution_seen; /* a bit for repeat * message_count + index */
	struct slu_verification *result;
	struct sluice_error *error;
};

/* ---- saying what differs ---- */

__attribute__((format(printf, 2, 3))) static void tell(struct slu_verification *result,
                                                       const char *format, ...)
{
	va_list arguments;

	if (result->difference_count == SLU_DIFFERENCE_COUNT_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(result->differences[result->difference_count++], sizeof(result->differences[0]),
	          format, arguments);
	va_end(arguments);
}

static const struct slu_source *source_of(const struct verifier *verifier)
{
	return &verifier->day->sources[verifier->source];
}

/* A name in the database: it is foreign if it is none of ours, so only so much of it is told. */
#define NAME(text) (int)strnlen(text, 48), text

/* The index of the first cell that the row has otherwise, or `count`. */
static int first_difference(const PGresult *row, const struct slu_cell *cells, int count)
{
	int column;

	for (column = 0; column < count; column++) {
		bool null = PQgetisnull(row, 0, column) == 1;

		if (null != cells[column].null ||
		    (!null && strcmp(PQgetvalue(row, 0, column), cells[column].text) != 0))
			break;
	}
	return column;
}

/* ---- names ---- */

/* Reads "<number>" or "<number>/<repeat>" as only this run writes it; `*repeat` from 0 within the
 * run. */
static bool read_name(const struct verifier *verifier, const char *text, uint64_t *number,
                      uint64_t *repeat)
{
	const struct slu_source *source = source_of(verifier);
	uint64_t named = 0;
	struct slu_cell again;
	char *end;

	*number = strtoull(text, &end, 10);
	if (*end == '/')
		named = strtoull(end + 1, NULL, 10);
	*repeat = named - source->repeat_first;
	/* Written back it must be the same: no sign, no zeros in front, nothing behind. */
	slu_cell_of_name(&again, source, *number, *repeat);
	return *repeat < verifier->day->repeats && strcmp(again.text, text) == 0;
}

/* ---- one query ---- */

static bool fail(struct verifier *verifier, const PGresult *result)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *cause = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	sluice_error_set(verifier->error, SLUICE_FAILED, "verification could not read: %s (%s)",
	                 cause != NULL ? cause : PQerrorMessage(verifier->connection),
	                 code != NULL ? code : "no SQLSTATE");
	return false;
}

static bool run(struct verifier *verifier, const char *sql)
{
	PGresult *result = PQexec(verifier->connection, sql);
	bool ok = PQresultStatus(result) == PGRES_COMMAND_OK || fail(verifier, result);

	PQclear(result);
	return ok;
}

/* Hands each row of the current source to `see`, as a result with one row. */
static bool each_row(struct verifier *verifier, const char *sql,
                     void (*see)(struct verifier *verifier, const PGresult *row))
{
	const struct slu_source *source = source_of(verifier);
	char provider[24], first[24], last[24];
	const char *const values[] = {provider, first, last};
	PGresult *result;
	bool ok = true;

	snprintf(provider, sizeof(provider), "%" PRId64, source->provider_id);
	snprintf(first, sizeof(first), "%" PRIu64, source->repeat_first);
	snprintf(last, sizeof(last), "%" PRIu64, source->repeat_first + verifier->day->repeats - 1);
	if (PQsendQueryParams(verifier->connection, sql, 3, NULL, values, NULL, NULL, 0) != 1 ||
	    PQsetSingleRowMode(verifier->connection) != 1)
		return fail(verifier, NULL);
	while ((result = PQgetResult(verifier->connection)) != NULL) {
		if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
			see(verifier, result);
		else if (PQresultStatus(result) != PGRES_TUPLES_OK && ok)
			ok = fail(verifier, result);
		PQclear(result);
	}
	return ok;
}

/* ---- orders ---- */

static void see_order(struct verifier *verifier, const PGresult *row)
{
	struct slu_verification *result = verifier->result;
	const char *name = PQgetvalue(row, 0, 0);
	struct slu_cell cells[SLU_CELL_COUNT_MAX];
	struct slu_expected_order *order = NULL;
	uint64_t number, repeat;
	int column, column_count = PQnfields(row);

	result->orders_rows++;
	if (read_name(verifier, name, &number, &repeat))
		order = slu_expected_find(&verifier->expected, verifier->source, number, repeat);
	if (order == NULL || order->found) {
		result->duplicated++;
		tell(result, "order %s %.*s: %s", source_of(verifier)->alias, NAME(name),
		     order == NULL ? "is in the database, and should not be"
		                   : "is in the database twice");
		return;
	}
	order->found = true;
	slu_cells_of_order(cells, source_of(verifier), order);
	column = first_difference(row, cells, column_count);
	if (column < column_count) {
		result->different++;
		tell(result, "order %s %.*s: column %s is not as it should be",
		     source_of(verifier)->alias, NAME(name), PQfname(row, column));
	}
}

static void tell_lost_orders(struct verifier *verifier)
{
	size_t index;

	for (index = 0; index < verifier->expected.order_count; index++) {
		const struct slu_expected_order *order = &verifier->expected.orders[index];
		struct slu_cell name;

		if (order->found || order->source != verifier->source)
			continue;
		verifier->result->lost++;
		slu_cell_of_name(&name, source_of(verifier), order->order, order->repeat);
		tell(verifier->result, "order %s %s: is not in the database",
		     source_of(verifier)->alias, name.text);
	}
}

/* ---- executions ---- */

static bool is_execution(const struct slu_message *message)
{
	return message->type == SLU_EXECUTION || message->type == SLU_HIDDEN_EXECUTION;
}

/* The message that made the execution named `text`, or NULL when none that was played did. */
static const struct slu_message *execution_of(const struct verifier *verifier, const char *text,
                                              uint64_t *repeat)
{
	const struct slu_day *day = verifier->day;
	const char *stem = source_of(verifier)->stem;
	const struct slu_message *message;
	uint64_t number;

	if (strncmp(text, stem, strlen(stem)) != 0 || text[strlen(stem)] != ':' ||
	    !read_name(verifier, text + strlen(stem) + 1, &number, repeat) ||
	    number > verifier->number_max || verifier->message_of[number] == 0)
		return NULL;
	message = &day->messages[verifier->message_of[number] - 1];
	return is_execution(message) && slu_day_played(day, verifier->finished, message, *repeat)
	               ? message
	               : NULL;
}

/* The bit of an execution. Returns whether it was set, and sets it. */
static bool mark_seen(struct verifier *verifier, size_t message_index, uint64_t repeat)
{
	size_t bit = (size_t)repeat * verifier->day->message_count + message_index;
	uint8_t mask = (uint8_t)(1u << (bit % 8));
	bool seen = (verifier->execution_seen[bit / 8] & mask) != 0;

	verifier->execution_seen[bit / 8] |= mask;
	return seen;
}

static void see_execution(struct verifier *verifier, const PGresult *row)
{
	struct slu_verification *result = verifier->result;
	const char *name = PQgetvalue(row, 0, 0);
	struct slu_cell cells[SLU_CELL_COUNT_MAX];
	const struct slu_message *message;
	uint64_t repeat;
	int column, column_count = PQnfields(row);

	result->executions_rows++;
	message = execution_of(verifier, name, &repeat);
	if (message == NULL ||
	    mark_seen(verifier, (size_t)(message - verifier->day->messages), repeat)) {
		result->duplicated++;
		tell(result, "execution %s %.*s: %s", source_of(verifier)->alias, NAME(name),
		     message == NULL ? "is in the database, and should not be"
		                     : "is in the database twice");
		return;
	}
	slu_cells_of_execution(cells, source_of(verifier), message, repeat);
	column = first_difference(row, cells, column_count);
	if (column < column_count) {
		result->different++;
		tell(result, "execution %s %.*s: column %s is not as it should be",
		     source_of(verifier)->alias, NAME(name), PQfname(row, column));
	}
}

static void tell_lost_executions(struct verifier *verifier)
{
	const struct slu_day *day = verifier->day;
	uint64_t repeat;
	size_t index;

	for (repeat = 0; repeat < day->repeats; repeat++)
		for (index = 0; index < day->message_count; index++) {
			const struct slu_message *message = &day->messages[index];
			struct slu_cell name;

			if (message->source != verifier->source || !is_execution(message) ||
			    !slu_day_played(day, verifier->finished, message, repeat) ||
			    mark_seen(verifier, index, repeat))
				continue;
			verifier->result->lost++;
			slu_cell_of_name(&name, source_of(verifier), message->number, repeat);
			tell(verifier->result, "execution %s %s:%s: is not in the database",
			     source_of(verifier)->alias, day->sources[message->source].stem,
			     name.text);
		}
}

/* ---- sums ---- */

static void compare_sums(struct verifier *verifier, const PGresult *row,
                         const struct slu_cell *cells, int count)
{
	int column;

	for (column = 0; column < count; column++)
		if (strcmp(PQgetvalue(row, 0, column), cells[column].text) != 0) {
			verifier->result->sums_different++;
			tell(verifier->result, "%s: %s: not as it should be",
			     source_of(verifier)->alias, PQfname(row, column));
		}
}

static void see_order_sums(struct verifier *verifier, const PGresult *row)
{
	struct slu_cell cells[SLU_CELL_COUNT_MAX];
	int count = slu_cells_of_order_sums(cells, &verifier->expected.sums[verifier->source]);

	compare_sums(verifier, row, cells, count);
}

static void see_execution_sums(struct verifier *verifier, const PGresult *row)
{
	struct slu_cell cells[SLU_CELL_COUNT_MAX];
	int count = slu_cells_of_execution_sums(cells, &verifier->expected.sums[verifier->source]);

	compare_sums(verifier, row, cells, count);
}

/* ---- all of it ---- */

static void index_messages(struct verifier *verifier)
{
	const struct slu_day *day = verifier->day;
	size_t index;

	memset(verifier->message_of, 0,
	       ((size_t)verifier->number_max + 1) * sizeof(*verifier->message_of));
	for (index = 0; index < day->message_count; index++)
		if (day->messages[index].source == verifier->source)
			verifier->message_of[day->messages[index].number] = (uint32_t)index + 1;
}

static bool verify_source(struct verifier *verifier)
{
	index_messages(verifier);
	if (!each_row(verifier, slu_orders_sql, see_order) ||
	    !each_row(verifier, slu_executions_sql, see_execution))
		return false;
	tell_lost_orders(verifier);
	tell_lost_executions(verifier);
	return each_row(verifier, slu_order_sums_sql, see_order_sums) &&
	       each_row(verifier, slu_execution_sums_sql, see_execution_sums);
}

static bool prepare(struct verifier *verifier)
{
	const struct slu_day *day = verifier->day;
	size_t index;

	for (index = 0; index < day->message_count; index++)
		if (day->messages[index].number > verifier->number_max)
			verifier->number_max = day->messages[index].number;
	verifier->message_of =
		malloc(((size_t)verifier->number_max + 1) * sizeof(*verifier->message_of));
	verifier->execution_seen = calloc((size_t)day->repeats * day->message_count / 8 + 1, 1);
	if (verifier->message_of == NULL || verifier->execution_seen == NULL ||
	    !slu_expected_make(&verifier->expected, day, verifier->finished)) {
		sluice_error_set(verifier->error, SLUICE_FAILED,
		                 "out of memory for the verification of %zu messages x %" PRIu64,
		                 day->message_count, day->repeats);
		return false;
	}
	verifier->result->messages = verifier->expected.message_count;
	verifier->result->orders_expected = verifier->expected.order_count;
	verifier->result->executions_expected = verifier->expected.execution_count;
	return true;
}

enum sluice_status slu_verify(PGconn *connection, const struct slu_day *day,
                              const uint64_t *finished, struct slu_verification *verification,
                              struct sluice_error *error)
{
	struct verifier verifier = {.connection = connection,
	                            .day = day,
	                            .finished = finished,
	                            .result = verification,
	                            .error = error};
	bool ok;

	*verification = (struct slu_verification){0};
	ok = prepare(&verifier) &&
	     run(&verifier, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
	for (; ok && verifier.source < day->source_count; verifier.source++)
		ok = verify_source(&verifier);
	ok = ok && run(&verifier, "COMMIT");
	free(verifier.message_of);
	free(verifier.execution_seen);
	slu_expected_free(&verifier.expected);
	verification->exact = ok && verification->lost == 0 && verification->duplicated == 0 &&
	                      verification->different == 0 && verification->sums_different == 0;
	return ok ? SLUICE_OK : SLUICE_FAILED;
}
