/* SPDX-License-Identifier: MIT */
/* registry.c - all open instances of the process, so that a forked child finds them marked. */
#include "core/registry.h"

#include "core/lease.h"

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;
static struct sluice *registry;

void slu_registry_lock(void)
{
	pthread_mutex_lock(&registry_mutex);
}

void slu_registry_unlock(void)
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
		slu_lease_orphan(sluice, sluice->gone);
		/* Else the directory stays locked for as long as the child lives. */
		slu_directory_forget(&sluice->directory);
		/* The flusher may have been telling: nobody will finish that picture. */
		atomic_fetch_and(&sluice->flusher.counters.sequence, ~(uint64_t)1);
		/* Another thread of the parent may have held it: the child has only this thread. */
		pthread_mutex_init(&sluice->mutex, NULL);
	}
	pthread_mutex_init(&registry_mutex, NULL);
}

static void watch_forks(void)
{
	pthread_atfork(slu_registry_lock, slu_registry_unlock, orphan_child);
}

void slu_registry_enter(struct sluice *sluice)
{
	pthread_once(&registry_once, watch_forks);
	slu_registry_lock();
	sluice->next = registry;
	registry = sluice;
	slu_registry_unlock();
}

void slu_registry_leave(struct sluice *sluice)
{
	slu_registry_lock();
	slu_lease_free(sluice);
	for (struct sluice **link = &registry; *link != NULL; link = &(*link)->next)
		if (*link == sluice) {
			*link = sluice->next;
			break;
		}
	slu_registry_unlock();
}
