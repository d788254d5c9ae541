/* SPDX-License-Identifier: MIT */
/*
 * pg_dial_lookup.h - a host's name becomes addresses, while the flusher does something else.
 *
 *      flusher   start ----- poll(fd) ------------ is_done, read ----- drop
 *      thread         getaddrinfo ..... write(fd) -> drop
 *
 * Each of the two holds the lookup until it drops it, and the last one frees it: a resolver that
 * never returns holds up nobody, and keeps one small thread and nothing else.
 *
 * E1  done: release by the thread -> acquire by slu_lookup_is_done. Else addresses are read that
 *     have not arrived.
 * E2  holders: release by each drop -> acquire by the last. Else it frees what is still written.
 */
#ifndef SINK_PG_DIAL_LOOKUP_H
#define SINK_PG_DIAL_LOOKUP_H

#include "sink/pg_address.h"

/* A name with more addresses is tried at the first ones. */
#define SLU_ADDRESSES_MAX 16

struct slu_addresses {
	size_t count;
	char texts[SLU_ADDRESSES_MAX][SLU_ADDRESS_SIZE]; /* numeric */
};

struct slu_lookup;

/* Starts a thread that looks `host` up. NULL when memory, threads or descriptors are short. */
struct slu_lookup *slu_lookup_start(const char *host);
/* Lets go of it, done or not; NULL is allowed. */
void slu_lookup_drop(struct slu_lookup *lookup);

const char *slu_lookup_host(const struct slu_lookup *lookup);
/* Becomes readable when it is done. */
int slu_lookup_fd(const struct slu_lookup *lookup);
bool slu_lookup_is_done(const struct slu_lookup *lookup);
/* Of one that is done: copies the addresses, in the order to try them. Returns NULL, or why there
 * are none. */
const char *slu_lookup_read(const struct slu_lookup *lookup, struct slu_addresses *addresses);

#endif
