/* SPDX-License-Identifier: MIT */
/*
 * postgres.h - the sink that writes to PostgreSQL.
 *
 * It holds one connection, never blocks, and reconnects with growing, jittered pauses for as long
 * as it takes. Each batch is one transaction, whose first statement moves the positions of the
 * lanes in the table sluice.lane and fails if they are not where this run left them: a reply that
 * got lost is looked up there, never guessed.
 *
 * A row that the database refuses goes to sluice.dead_letter, by the same transaction that writes the
 * others; when row after row of a stream is refused, the stream is halted: all its records go there,
 * until the table takes one again. `sluice dead-letter` shows and replays them.
 *
 * At each connect it compares the database with what the streams were generated from: the version
 * of Sluice's own tables, the version of the user's migrations, and every column. It halts before
 * anything is sent to a table that differs; `reason` in sluice_stats names the column, what the
 * database has, what the program expects, and what mends it.
 *
 * It dials the hosts of the connection string one after the other, each with its own share of time,
 * and passes over those that take no writes; when none is left, `reason` says why for each, and it
 * begins again. Names are looked up on a thread that lives as long as the lookup, so a resolver that
 * hangs holds up nothing. Service file, environment and password file are read anew at each dial: a
 * password that was changed is taken up.
 *
 * Who the server is gets checked: off this machine sslmode is verify-full, unless connection string,
 * service file or environment (PGSSLMODE) spells out another; then that is used, and the log has a
 * warning. verify-full needs sslrootcert, the file of the server's CA. Unix sockets and loopback
 * addresses are left to libpq.
 *
 * Needs: libpq 15.6 or newer, PostgreSQL 15 or newer, a server session of its own (no pooler, or
 * one in session mode; transaction pooling is noticed and refused), the tables of schema `sluice`
 * (`sluice migrate up` makes them), and a role that may
 *   - INSERT, UPDATE, SELECT and DELETE on the streams' tables, and use their sequences,
 *   - use the schema sluice, and INSERT, UPDATE and SELECT on sluice.lane,
 *   - INSERT on sluice.dead_letter and sluice.letter_format,
 *   - SELECT on sluice.schema_migrations, which `sluice migrate up` grants to everybody,
 *   - and, for the version of the migrations to be compared, SELECT on schema_migrations.
 * db/roles/sluice_writer.sql makes such a role. One that may do more is told of in the log.
 */
#ifndef SLUICE_POSTGRES_H
#define SLUICE_POSTGRES_H

#include <sluice/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Append rows a stream's share of a batch must reach to travel by COPY instead of by array. */
#define SLUICE_POSTGRES_COPY_THRESHOLD 64

struct sluice_postgres_options {
	size_t copy_threshold;  /* rows; 0 for the default */
	size_t batch_bytes_max; /* encoded bytes a batch may need before the sink halts; 0 for the
	                           default, 256 MiB */
	/* Streams, by name with blanks between, of which a row that is refused halts the whole sink
	 * instead of going to sluice.dead_letter. NULL: none. */
	const char *halt_on_refusal;
};

/* Makes a sink of `conninfo`, a libpq connection string or URI; "" leaves everything to the
 * environment. Connects nowhere yet. `options` may be NULL. Returns NULL with `error` filled:
 * SLUICE_INVALID for a conninfo that can't be parsed (which is not repeated: it may hold a
 * password), SLUICE_FAILED. */
SLUICE_API SLUICE_MUST_CHECK struct sluice_sink *
sluice_postgres_open(const char *conninfo, const struct sluice_postgres_options *options,
                     struct sluice_error *error);

#ifdef __cplusplus
}
#endif

#endif
