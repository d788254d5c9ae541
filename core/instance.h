/* SPDX-License-Identifier: MIT */
/* instance.h - everything that one sluice_open made, and how the engine's calls reach it from their
 * lane. */
#ifndef SLU_INSTANCE_H
#define SLU_INSTANCE_H

#include "core/flusher.h"
#include "core/overflow.h"

#include <pthread.h>

struct sluice {
	struct slu_env *env;
	struct sluice_sink *sink;
	const struct sluice_streams *streams;
	struct sluice_options options;
	struct slu_overflow overflow[SLUICE_STREAMS_MAX]; /* by stream */
	unsigned char *format; /* the streams' descriptions, for the sink */

	struct slu_directory directory;   /* of the lanes' files; not open without option dir */
	struct slu_generation generation; /* the lanes' memory */
	struct slu_recovery recovery;
	unsigned char *lossy; /* memory of all lanes' shares; NULL when no stream drops */
	size_t lossy_size;    /* of all of it */

	struct slu_epoch epoch;                      /* engines read, the flusher writes */
	struct slu_cache caches[SLUICE_STREAMS_MAX]; /* by stream; unused for append streams */
	struct slu_flusher flusher;
	pthread_t thread;

	pthread_mutex_t mutex;   /* leases, and closing; never taken on the hot path */
	enum sluice_status gone; /* SLUICE_OK while open, then SLUICE_CLOSED or SLUICE_FORKED */
	struct sluice_report report;
	enum sluice_status close_status;
	struct sluice *next; /* all instances of the process: fork marks them */

	/* The first options.lanes are leased to threads, those behind them are shared: lease.c. */
	size_t lane_count;
	struct sluice_lane lanes[];
};

/* As sluice_open_with, in a world of the caller's. `env` must outlive the instance. */
struct sluice *slu_open(struct slu_env *env, struct sluice_sink *sink,
                        const struct sluice_streams *streams, const struct sluice_options *options,
                        struct sluice_error *error);

/* ---- between open.c and instance.c ---- */

/* Frees what put, get and the flusher used, as far as it was made. The handle and the lanes' heads
 * stay. */
void slu_instance_free_memory(struct sluice *sluice);
/* Removes the file of the lanes, if there is one and nothing in it is needed any more. */
void slu_instance_discard_file(struct sluice *sluice);
/* Tells the flusher to end when drained, at the latest at `stop_ns`, and waits for that. */
void slu_instance_stop(struct sluice *sluice, uint64_t stop_ns);

/* What moves when a batch was acknowledged or the sink's state changed. */
uint32_t slu_instance_news(struct sluice *sluice);
/* Sleeps until there are other news than `seen`, or `until_ns`. Read `seen` before looking at what
 * is waited for. */
void slu_instance_wait_for_news(struct sluice *sluice, uint32_t seen, uint64_t until_ns);

#endif
