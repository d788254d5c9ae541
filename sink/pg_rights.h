/* SPDX-License-Identifier: MIT */
/*
 * pg_rights.h - may the sink's role do more than the sink needs?
 *
 * Asked when a session is opened, told in one line, never a reason to refuse. What is looked for are
 * rights that make a stolen password worth more than what the engine writes: those of a superuser,
 * or that lead to them, those over tables as a whole, and those over the positions in sluice.lane.
 */
#ifndef SINK_PG_RIGHTS_H
#define SINK_PG_RIGHTS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#define SLU_RIGHTS_TEXT_SIZE 256

/* One row; takes no parameters. */
extern const char slu_rights_sql[];

/* Writes what to warn of. Returns false when there is nothing. */
bool slu_rights_read(const PGresult *result, char text[SLU_RIGHTS_TEXT_SIZE]);

#endif
