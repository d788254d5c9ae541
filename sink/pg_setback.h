/* SPDX-License-Identifier: MIT */
/*
 * pg_setback.h - what a writer does when something went wrong: wait and dial again, take a row or a
 * stream out of the way, or halt.
 *
 * Each ends the connection: a session that was interrupted holds who knows what.
 */
#ifndef SINK_PG_SETBACK_H
#define SINK_PG_SETBACK_H

#include "sink/pg_writer.h"

/* For good: only an operator can help. */
void slu_setback_halt(struct slu_writer *writer, const char *reason);
/* The next connection is dialed after a pause between nothing and a bound that doubles, so that many
 * sinks don't come back at once. */
void slu_setback_retry(struct slu_writer *writer, const char *reason, uint64_t now_ns);
/* What the connection's trouble asks for. */
void slu_setback_take(struct slu_writer *writer, uint64_t now_ns);
/* A batch was committed: the next pause is short again. */
void slu_setback_forget(struct slu_writer *writer);

#endif
