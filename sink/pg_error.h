/* SPDX-License-Identifier: MIT */
/*
 * pg_error.h - what Postgres says went wrong, what to do about it, and what may be told of it.
 *
 * One table. Unknown codes halt: a stopped stream is seen, a lost row is not.
 */
#ifndef SINK_PG_ERROR_H
#define SINK_PG_ERROR_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

enum slu_action {
	SLU_RETRY = 1,   /* drop the connection, reconnect, let the fence tell, send again */
	SLU_ISOLATE,     /* the rows are to blame: find the one (pg_parcel.h) */
	SLU_HALT_STREAM, /* its table takes nothing: hold its rows back (pg_run.h). Without a
	                    stream to blame, as SLU_HALT */
	SLU_HALT,        /* an operator must act */
	SLU_FENCED,      /* another process has taken the run over */
};

#define SLU_REASON_SIZE 256
#define SLU_SQLSTATE_SIZE 6
#define SLU_NAME_SIZE 64 /* of anything in Postgres, with its terminator */

/* The first cause of a stop. */
struct slu_trouble {
	enum slu_action action;
	char reason[SLU_REASON_SIZE];
	char sqlstate[SLU_SQLSTATE_SIZE]; /* "": not an error of the server's */
	char constraint[SLU_NAME_SIZE];   /* "": none was named */
};

/* A line of the table. The longest prefix of a SQLSTATE decides: "57" is a class, "57P01" one of its
 * codes. */
struct slu_error_rule {
	const char *prefix;
	enum slu_action action;
	bool told; /* the server's message may be repeated: it holds no values */
	const char *name;
};
const struct slu_error_rule *slu_error_rules(size_t *count);

/* The action for a SQLSTATE; NULL or "" stands for a connection that broke. */
enum slu_action slu_error_action(const char *sqlstate);

/* Fills `trouble` in one sentence, without a SQLSTATE. */
void slu_trouble_set(struct slu_trouble *trouble, enum slu_action action, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Fills `trouble` from a result that is an error, or from the connection when it has no SQLSTATE.
 * No row contents come in: neither DETAIL nor, for the codes whose message quotes values, the
 * message. */
void slu_trouble_of_result(struct slu_trouble *trouble, const PGconn *connection,
                           const PGresult *result, const char *where);
void slu_trouble_of_connection(struct slu_trouble *trouble, const PGconn *connection,
                               const char *where);

/* The row that an error of COPY names, counted from 0; SIZE_MAX when it names none. `table`: as SQL
 * names it. */
size_t slu_error_copied_row(const PGresult *result, const char *table);

#endif
