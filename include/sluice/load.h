/* SPDX-License-Identifier: MIT */
/*
 * load.h - reads the database for the cache: whole tables before trading starts, and single keys
 * that the cache misses.
 *
 * A reader is a small set of connections of its own, never the sink's: however long its queries
 * take, the flusher goes on, and the reverse. Its sessions are read-only. The connection string may
 * name a replica.
 *
 *      reader = sluice_reader_open("service=trading_replica", NULL, &error);
 *      status = sluice_load(reader, lane, &trading_orders, NULL, NULL, &loaded, &error);
 *      ..
 *      status = sluice_fetch(reader, lane, &trading_orders, &id, &order, &version,
 *                            sluice_ms(50), &error);
 *      ..
 *      sluice_reader_close(reader);
 *
 * Promised:
 *   - What the cache knows is never replaced: a row that was read is older than any put
 *     (sluice_warm).
 *   - No more server sessions than `connections`, also when calls give up on slow queries.
 *   - Nothing waits longer than it was told.
 * Not promised:
 *   - That a row is the newest one, on a replica that lags, or while somebody else than this
 *     instance writes the table. Warm from a replica only what it has surely replayed, or from the
 *     primary.
 *
 * Nothing here belongs to the hot path: all but sluice_reader_stats may wait for the network.
 *
 * Who the server is gets checked as the sink does it (sluice/postgres.h). A standby will do unless
 * target_session_attrs says otherwise. Needs a server session of its own (no pooler, or one in
 * session mode), and a role that may SELECT from the streams' tables: db/roles/sluice_reader.sql
 * makes one.
 *
 * Part of libsluice-postgres.
 */
#ifndef SLUICE_LOAD_H
#define SLUICE_LOAD_H

#include <sluice/sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_READER_CONNECTIONS 2      /* unless told otherwise */
#define SLUICE_READER_CONNECTIONS_MAX 16 /* in one set */

struct sluice_reader;

/* Zeros are defaults. */
struct sluice_reader_options {
	uint64_t connections;          /* the most at a time: 1 to SLUICE_READER_CONNECTIONS_MAX */
	uint64_t connect_timeout_ns;   /* to reach a server, over all hosts; 10 s */
	uint64_t statement_timeout_ns; /* after which the server ends a statement; 30 s. A load's
	                                  statements read 1,000 rows each */
	/* Called with one line for an operator, by whichever thread connects. As in
	 * sluice_options. */
	void (*log)(void *context, const char *line);
	void *log_context;
};

struct sluice_reader_stats {
	uint64_t connections; /* the set's limit */
	uint64_t open;        /* sessions there are now */
	uint64_t in_use;      /* lent to a call, or still busy for one that gave up */
	uint64_t in_use_max;  /* since open */
	uint64_t waits;       /* calls that found all of them in use, */
	uint64_t refused;     /* and those whose time was up before one was free */
	uint64_t abandoned;   /* queries that a call gave up on */
	uint64_t reconnects;  /* connections lost and made again */
	uint64_t rows;        /* read */
	/* What the server told when the reader was opened. */
	uint64_t server_connections; /* max_connections, without those that it reserves */
	uint64_t server_in_use;      /* this reader's first one among them */
	bool standby;
};

/* Connects once, to learn whether the whole set fits: within max_connections, with two to spare for
 * a sink that reconnects and an operator, and within the limits of role and database. The others
 * are made when they are needed first. `options` may be NULL. Returns NULL with `error` filled:
 * SLUICE_INVALID for a conninfo that can't be parsed (which is not repeated) or an option out of
 * its bounds, SLUICE_FULL when the set does not fit (the error names the numbers), SLUICE_TIMEOUT,
 * SLUICE_FAILED.  Thread: any.  Progress: blocking, up to connect_timeout_ns. */
SLUICE_API SLUICE_MUST_CHECK struct sluice_reader *
sluice_reader_open(const char *conninfo, const struct sluice_reader_options *options,
                   struct sluice_error *error);

/* Ends its sessions and frees it; NULL is allowed.  Thread: any; the caller excludes all other
 * calls. */
SLUICE_API void sluice_reader_close(struct sluice_reader *reader);

/* Thread: any. */
SLUICE_API void sluice_reader_stats(struct sluice_reader *reader,
                                    struct sluice_reader_stats *stats);

/* ---- a whole table ---- */

/* How far a load is. rows = warmed + known + refused. */
struct sluice_loaded {
	uint64_t rows;          /* read so far */
	uint64_t warmed;        /* now in the cache */
	uint64_t known;         /* not needed: the cache knew the key */
	uint64_t refused;       /* which the record can't hold */
	uint64_t rows_expected; /* in the table, by the server's estimate; 0 when it has none */
};

/* Looks at a load after each 1,000 rows, and at its end. Returns whether to go on. Must be quick:
 * the server ends a transaction that idles for 30 s. */
typedef bool sluice_load_watch(void *context, const struct sluice_loaded *loaded);

/* Warms the cache with all rows of a state stream's table, as they stand when the load begins;
 * memory for 1,000 at a time is all it needs. Engines may put, and other threads load or fetch,
 * meanwhile: what they put stays. `watch`, `loaded` and `error` may be NULL.
 *
 * Returns SLUICE_OK: every row of the table is in the cache, or something newer; SLUICE_TIMEOUT:
 * `watch` said stop, no connection was free within connect_timeout_ns, or the server ended a
 * statement; SLUICE_FULL: the cache has no entry left, and the error tells how many `keys` it
 * takes; SLUICE_INVALID: an append stream, a table that is not what the stream was generated for,
 * or, after all others were warmed, rows that were refused, with the column of the first;
 * SLUICE_FAILED: the server refused, or was lost; and what sluice_warm says of the lane. What was
 * warmed stays, so a load that ended early may be begun again.
 * Thread: the lane's owner; any with sluice_shared's handle.  Progress: blocking; each step is
 * bounded by the timeouts. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_load(struct sluice_reader *reader, struct sluice_lane *lane,
            const struct sluice_stream *stream, sluice_load_watch *watch, void *context,
            struct sluice_loaded *loaded, struct sluice_error *error);

/* ---- a single key ---- */

/* As sluice_get, but a key that the cache does not know is asked of the database, and warmed. A key
 * that was removed is not: the cache knows better. A connection that was lost is made anew and the
 * question asked once more, within the same time.
 *
 * Returns SLUICE_OK; SLUICE_MISS: neither has it, or it was removed; SLUICE_TIMEOUT: no answer
 * within `timeout_ns`, or no free connection; SLUICE_FULL: the row is there, but the cache has no
 * entry for it; SLUICE_INVALID: the row does not fit the record, or as sluice_load; SLUICE_FAILED;
 * and what sluice_get and sluice_warm say of the lane. `record` and `version` are filled for
 * SLUICE_OK only. `version` (may be NULL) is 0 when another thread is about to put the key: what
 * was read is the row before that.
 * Thread: the lane's owner; any with sluice_shared's handle.  Progress: blocking, up to timeout_ns;
 * a hit is a sluice_get. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_fetch(struct sluice_reader *reader, struct sluice_lane *lane,
             const struct sluice_stream *stream, const void *key, void *record, uint64_t *version,
             uint64_t timeout_ns, struct sluice_error *error);

#ifdef __cplusplus
}
#endif

#endif
