/* SPDX-License-Identifier: MIT */
/*
 * pg_dial_lookup.c - getaddrinfo on a detached thread of its own.
 *
 * Why a thread of ours, and not getaddrinfo_a? That starts threads too, out of sight: it can't
 * cancel a request that is being worked on, whose memory then belongs to the resolver for as long
 * as that likes, its notification is a signal or one more thread, and other C libraries lack it.
 * Here all of it is in sight: one thread a lookup, detached, every signal blocked, and a descriptor
 * that poll understands.
 *
 * The stack is small on purpose: programs that lock their memory (mlockall) pay for all of it.
 */
#include "sink/pg_dial_lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_SIZE ((size_t)256 << 10)

struct slu_lookup {
	atomic_uint holders;
	atomic_bool done;
	int fd;
	const char *failure;
	struct slu_addresses addresses;
	char host[];
};

void slu_lookup_drop(struct slu_lookup *lookup)
{
	/* E2, both ways: the first of the two publishes, the last one sees. */
	if (lookup == NULL ||
	    atomic_fetch_sub_explicit(&lookup->holders, 1, memory_order_acq_rel) > 1)
		return;
	(void)close(lookup->fd);
	free(lookup);
}

/* ---- the thread ---- */

static void keep(struct slu_lookup *lookup, const struct addrinfo *found)
{
	struct slu_addresses *addresses = &lookup->addresses;

	for (; found != NULL && addresses->count < SLU_ADDRESSES_MAX; found = found->ai_next) {
		if (getnameinfo(found->ai_addr, found->ai_addrlen,
		                addresses->texts[addresses->count], SLU_ADDRESS_SIZE, NULL, 0,
		                NI_NUMERICHOST) == 0)
			addresses->count++;
	}
	if (addresses->count == 0)
		lookup->failure = "its name has no address";
}

static void *look_up(void *argument)
{
	static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	static const uint64_t one = 1;
	struct slu_lookup *lookup = argument;
	struct addrinfo *found = NULL;
	int failure = getaddrinfo(lookup->host, NULL, &hints, &found);

	if (failure == 0)
		keep(lookup, found);
	else
		lookup->failure = gai_strerror(failure);
	if (found != NULL)
		freeaddrinfo(found);
	atomic_store_explicit(&lookup->done, true, memory_order_release); /* E1 */
	while (write(lookup->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	slu_lookup_drop(lookup);
	return NULL;
}

/* ---- who asks ---- */

/* Signals are for the program's own threads. */
static bool start_thread(struct slu_lookup *lookup)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	bool started;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
	          pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
	          pthread_create(&thread, &attributes, look_up, lookup) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return started;
}

struct slu_lookup *slu_lookup_start(const char *host)
{
	size_t size = strlen(host) + 1;
	struct slu_lookup *lookup = calloc(1, sizeof(*lookup) + size);

	if (lookup == NULL)
		return NULL;
	atomic_init(&lookup->holders, 2);
	atomic_init(&lookup->done, false);
	memcpy(lookup->host, host, size);
	lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lookup->fd >= 0 && start_thread(lookup))
		return lookup;
	if (lookup->fd >= 0)
		(void)close(lookup->fd);
	free(lookup);
	return NULL;
}

const char *slu_lookup_host(const struct slu_lookup *lookup)
{
	return lookup->host;
}

int slu_lookup_fd(const struct slu_lookup *lookup)
{
	return lookup->fd;
}

bool slu_lookup_is_done(const struct slu_lookup *lookup)
{
	return atomic_load_explicit(&lookup->done, memory_order_acquire); /* E1 */
}

const char *slu_lookup_read(const struct slu_lookup *lookup, struct slu_addresses *addresses)
{
	*addresses = lookup->addresses;
	return lookup->failure;
}
