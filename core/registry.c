/* SPDX-License-Identifier: MIT */
/* registry.c - all open instances of the process, so that a forked child finds them marked. */
#include "core/registry.h"

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;
static struct sluice *registry;

static void lock_registry(void)
{
	pthread_mutex_lock(&registry_mutex);
}

static void unlock_registry(void)
{
	pthread_mutex_unlock(&registry_mutex);
}

/* The child has neither the flusher thread nor the lanes' memory: nothing it does may look
 * accepted. */
static void orphan_child(void)
{
	for (struct sluice *sluice = registry; sluice != NULL; sluice = sluice->next) {
		if (sluice->gone == SLUICE_OK)
			sluice->gone = SLUICE_FORKED;
		for (size_t i = 0; i < sluice->lane_count; i++)
			slu_lane_refuse(&sluice->lanes[i], sluice->gone);
		/* The flusher may have been telling: nobody will finish that picture. */
		atomic_fetch_and(&sluice->flusher.counters.sequence, ~(uint64_t)1);
		/* Another thread of the parent may have held it: the child has only this thread. */
		pthread_mutex_init(&sluice->mutex, NULL);
	}
	pthread_mutex_init(&registry_mutex, NULL);
}

static void watch_forks(void)
{
	pthread_atfork(lock_registry, unlock_registry, orphan_child);
}

void slu_registry_enter(struct sluice *sluice)
{
	pthread_once(&registry_once, watch_forks);
	lock_registry();
	sluice->next = registry;
	registry = sluice;
	unlock_registry();
}

void slu_registry_leave(struct sluice *sluice)
{
	lock_registry();
	for (struct sluice **link = &registry; *link != NULL; link = &(*link)->next)
		if (*link == sluice) {
			*link = sluice->next;
			break;
		}
	unlock_registry();
}
