/* SPDX-License-Identifier: MIT */
/*
 * disposable.h - a PostgreSQL server of our own, for a demo, a test or a benchmark.
 *
 *      start -> [kill9 -> restart | use dsn]* -> stop, or leave
 *
 *      /tmp/sluice-XXXXXX/     mode 0700, or under TMPDIR if its path is short enough
 *        data/                 the cluster
 *        log                   what initdb and the server said
 *        .s.PGSQL.5432         the only way in: it listens on no network
 *
 * Promised: durable settings, always (fsync, synchronous_commit, full_page_writes on), so that what
 * is measured or killed here behaves as in production. Every wait is bounded. The server is gone
 * when we are: after stop, and also when the process dies in any way (the kernel then tells the
 * server to quit at once; its directory stays behind).
 *
 * Warning: the kernel watches the *thread* that started the server (PR_SET_PDEATHSIG). Call start
 * and restart from one that lives as long as the server is needed, best the main thread.
 *
 * The server is a child process of ours: leave its exit status to these calls, and never wait for
 * just any child (waitpid(-1, ..)).
 *
 * Thread: one call at a time on a server.  Progress: blocking.
 */
#ifndef DB_SERVER_DISPOSABLE_H
#define DB_SERVER_DISPOSABLE_H

#include <sluice/sluice.h>

struct slu_disposable;

/* Makes a cluster and starts it; returns when it answers. Its superuser is `postgres`, without a
 * password. The server runs as user postgres (else nobody) when we are root. Returns NULL with
 * `error` filled, with the end of the log if there is one; then nothing is left behind. */
SLUICE_MUST_CHECK struct slu_disposable *slu_disposable_start(struct sluice_error *error);

/* For libpq, as keywords; database `postgres`. Valid until stop, through restarts. */
const char *slu_disposable_dsn(const struct slu_disposable *server);

/* The directory with cluster and log. */
const char *slu_disposable_directory(const struct slu_disposable *server);

/* Kills the server as a crash would, and waits until its last process is gone: a server that is
 * started beside a living rest refuses. Returns SLUICE_OK, SLUICE_INVALID when it does not run,
 * SLUICE_TIMEOUT. */
SLUICE_MUST_CHECK enum sluice_status slu_disposable_kill9(struct slu_disposable *server,
                                                          struct sluice_error *error);

/* Starts it again after kill9; returns when it answers, its crash recovery done. Returns SLUICE_OK,
 * SLUICE_INVALID when it runs, SLUICE_FAILED, SLUICE_TIMEOUT. */
SLUICE_MUST_CHECK enum sluice_status slu_disposable_restart(struct slu_disposable *server,
                                                            struct sluice_error *error);

/* Starts it once more, untied from us, and frees `server`: it and its directory stay when we are
 * gone, until somebody stops the one (pg_ctl stop) and removes the other. Returns SLUICE_OK, or
 * SLUICE_FAILED: then it was stopped and removed. */
SLUICE_MUST_CHECK enum sluice_status slu_disposable_leave(struct slu_disposable *server,
                                                          struct sluice_error *error);

/* The `pg_ctl` that fits the server. */
const char *slu_disposable_pg_ctl(const struct slu_disposable *server);

/* Shuts it down, removes the directory and frees `server` (NULL is allowed), whatever is returned:
 * SLUICE_OK, or SLUICE_FAILED when something would not go away; the error names it. */
enum sluice_status slu_disposable_stop(struct slu_disposable *server, struct sluice_error *error);

#endif
