/* SPDX-License-Identifier: MIT */
/*
 * lanes_statements.h - the streams of a file, with SQL: what its program was compiled with is not
 * here, and what is in the file is not trusted.
 *
 * A file names tables, columns and enums. Each name is read as an identifier or refused, quoted
 * anew, and the generator writes the statements from them, which the database is asked to prepare.
 *
 * What a program's own INSERT fills with an expression (updated_at = now()) is in no record. Such a
 * column gets its default in a new row, and keeps what it has in an old one.
 */
#ifndef CLI_LANES_STATEMENTS_H
#define CLI_LANES_STATEMENTS_H

#include <sluice/sluice.h>

#include <libpq-fe.h>

struct slu_lanes_statements; /* the streams, and the memory they need */

/* `streams` must outlive them. NULL, with `error` naming what was refused: a name, or what the
 * database says of a statement. */
struct slu_lanes_statements *slu_lanes_statements_make(const struct sluice_streams *streams,
                                                       PGconn *connection,
                                                       struct sluice_error *error);
void slu_lanes_statements_free(struct slu_lanes_statements *statements);

/* For sluice_open. */
const struct sluice_streams *
slu_lanes_statements_streams(const struct slu_lanes_statements *statements);

/* Writes the name `text`, one or two identifiers as SQL writes them (orders, app."Orders"), with
 * every one quoted. Returns what a libpq connection quotes, to be PQfreemem'd; NULL when it is no
 * such name, or memory is short. `*last`: the last identifier by itself, likewise. */
char *slu_lanes_quote_name(PGconn *connection, const char *text, char **last);

#endif
