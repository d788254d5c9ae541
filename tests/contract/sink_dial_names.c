/* SPDX-License-Identifier: MIT */
/* sink_dial_names.c - numbers go to the real resolver, names of the test are answered from a table. */
#include "tests/contract/sink_dial_names.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMES_MAX 8

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static struct {
	char name[64];
	char addresses[128];
} table[NAMES_MAX];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned here, elsewhere, hanging;
static bool released;

static resolver *real(void)
{
	void *found = dlsym(RTLD_NEXT, "getaddrinfo");
	resolver *function;

	memcpy(&function, &found, sizeof(function));
	return function;
}

void names_set(const char *name, const char *addresses)
{
	size_t index = 0;

	while (table[index].name[0] != '\0' && strcmp(table[index].name, name) != 0)
		index++;
	snprintf(table[index].name, sizeof(table[index].name), "%s", name);
	snprintf(table[index].addresses, sizeof(table[index].addresses), "%s", addresses);
}

static int hang(void)
{
	pthread_mutex_lock(&mutex);
	hanging++;
	while (!released)
		pthread_cond_wait(&changed, &mutex);
	hanging--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	return EAI_AGAIN;
}

/* Addresses, one list behind the other: glibc's freeaddrinfo frees element by element. */
static int answer(const char *addresses, const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numbers = *hints;
	char copy[sizeof(table[0].addresses)];
	char *rest = copy, *address;

	numbers.ai_flags |= AI_NUMERICHOST;
	snprintf(copy, sizeof(copy), "%s", addresses);
	*found = NULL;
	while ((address = strsep(&rest, " ")) != NULL) {
		int failure = real()(address, NULL, &numbers, found);

		if (failure != 0)
			return failure;
		while (*found != NULL)
			found = &(*found)->ai_next;
	}
	return 0;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *host, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **found)
{
	struct addrinfo *number = NULL;
	const struct addrinfo numbers = {.ai_flags = AI_NUMERICHOST};
	size_t index;

	if (host == NULL || real()(host, NULL, &numbers, &number) == 0) {
		if (number != NULL)
			freeaddrinfo(number);
		return real()(host, service, hints, found);
	}
	if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0)
		return EAI_NONAME;
	pthread_mutex_lock(&mutex);
	if (getpid() == syscall(SYS_gettid))
		here++;
	else
		elsewhere++;
	pthread_mutex_unlock(&mutex);
	if (strcmp(host, NAME_THAT_HANGS) == 0)
		return hang();
	for (index = 0; index < NAMES_MAX; index++) {
		if (strcmp(table[index].name, host) == 0)
			return answer(table[index].addresses, hints, found);
	}
	return EAI_NONAME;
}

static unsigned read_counter(const unsigned *counter)
{
	unsigned value;

	pthread_mutex_lock(&mutex);
	value = *counter;
	pthread_mutex_unlock(&mutex);
	return value;
}

unsigned names_asked_here(void)
{
	return read_counter(&here);
}

unsigned names_asked_elsewhere(void)
{
	return read_counter(&elsewhere);
}

unsigned names_hanging(void)
{
	return read_counter(&hanging);
}

void names_release(void)
{
	pthread_mutex_lock(&mutex);
	released = true;
	pthread_cond_broadcast(&changed);
	while (hanging > 0)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}
