/* SPDX-License-Identifier: MIT */
/*
 * lease.c - which thread owns which lane: attach, detach, a thread's end; and the shared ones.
 *
 * A thread that leases lanes has a holder: the list of them, of any instance. It is the value of a
 * pthread key, whose destructor gives back what the thread still holds when it ends. All of that is
 * under the registry's lock, for a lane may also be detached by another thread. Borrowing a shared
 * lane takes no lock.
 */
#include "core/lease.h"

#include "core/grace.h"
#include "core/registry.h"

#include <ck_pr.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define BORROW_TRIES 256 /* some microseconds: each lane several times */

struct slu_holder {
	struct sluice_lane *first;
};

/* ---- changing hands ---- */

/* The last accepted record of a state stream may not be published yet. If it is, it is not newer
 * than what the cache has, and nothing happens. The slot is not released before the section ends,
 * nor filled again by anybody but the lane's producer. */
static void publish_last(struct sluice_lane *lane, uint64_t position)
{
	const struct sluice *sluice = lane->shape.owner;
	struct slu_slot *slot;

	if (position == 0)
		return;
	slot = slu_lane_slot(lane, position - 1);
	if (sluice->streams->streams[slot->stream]->kind == SLUICE_STATE)
		slu_cache_publish(slu_cache_entry(&sluice->caches[slot->stream], slot->entry),
		                  slot);
}

void slu_lease_mend(struct sluice_lane *lane)
{
	/* Acquire: what the lane's last producer wrote, who may have been another thread. */
	uint64_t section = atomic_load_explicit(&lane->engine.section, memory_order_acquire);
	uint64_t position = atomic_load_explicit(&lane->engine.position, memory_order_acquire);

	lane->engine.reserved = NULL;
	if (!slu_lane_engaged(lane))
		return;
	/* Committed is accepted, although the position does not tell yet. */
	if (slu_lane_peek(lane, position) != NULL)
		atomic_store_explicit(&lane->engine.position, ++position, memory_order_release);
	publish_last(lane, position);
	/* One of them may be in the table already, and of two numbers one may be old. */
	memset(lane->spare, 0, sizeof(lane->spare));
	atomic_store_explicit(&lane->engine.claimed, position, memory_order_relaxed);
	if (section % 2 != 0)
		atomic_store_explicit(&lane->engine.section, section + 1,
		                      memory_order_release); /* E5 */
}

static void give(struct sluice_lane *lane, struct slu_holder *holder)
{
	lane->lease.holder = holder;
	lane->lease.next = holder->first;
	holder->first = lane;
	slu_lane_admit(lane);
}

/* Out of its holder's list, if it is in one. */
static void unlink_lane(struct sluice_lane *lane)
{
	struct sluice_lane **link;

	if (lane->lease.holder == NULL)
		return;
	for (link = &lane->lease.holder->first; *link != lane; link = &(*link)->lease.next)
		;
	*link = lane->lease.next;
	lane->lease.holder = NULL;
	lane->lease.next = NULL;
}

static void take_back(struct sluice_lane *lane)
{
	unlink_lane(lane);
	slu_lease_mend(lane);
	slu_lane_refuse(lane, SLUICE_UNATTACHED);
}

/* ---- a thread's end ---- */

static pthread_once_t holders_once = PTHREAD_ONCE_INIT;
static pthread_key_t holders;
static int holders_error;

static void end_holder(void *value)
{
	struct slu_holder *holder = value;

	slu_registry_lock();
	while (holder->first != NULL)
		take_back(holder->first);
	slu_registry_unlock();
	free(holder);
}

static void make_key(void)
{
	holders_error = pthread_key_create(&holders, end_holder);
}

/* The calling thread's, NULL when it has none. */
static struct slu_holder *own_holder(void)
{
	pthread_once(&holders_once, make_key);
	return holders_error == 0 ? pthread_getspecific(holders) : NULL;
}

static struct slu_holder *need_holder(struct sluice_error *error)
{
	struct slu_holder *holder = own_holder();

	if (holder != NULL)
		return holder;
	holder = calloc(1, sizeof(*holder));
	if (holder != NULL && holders_error == 0 && pthread_setspecific(holders, holder) == 0)
		return holder;
	free(holder);
	sluice_error_set(error, SLUICE_FAILED,
	                 "no memory, or no thread-specific key left (pthread_key_create), to give "
	                 "the lane back at the thread's end");
	return NULL;
}

/* ---- attach, detach ---- */

static struct sluice_lane *find_free(struct sluice *sluice, size_t wanted)
{
	size_t count = sluice->options.lanes;

	for (size_t i = 0; i < count; i++) {
		struct sluice_lane *lane = &sluice->lanes[(wanted + i) % count];

		if (lane->lease.holder == NULL && lane->engine.refusal == SLUICE_UNATTACHED)
			return lane;
	}
	return NULL;
}

static struct sluice_lane *lease(struct sluice *sluice, struct slu_holder *holder, int cpu,
                                 struct sluice_error *error)
{
	struct sluice_lane *lane;

	if (sluice->gone != SLUICE_OK) {
		sluice_error_set(error, sluice->gone, "the instance is %s",
		                 sluice_status_name(sluice->gone));
		return NULL;
	}
	lane = find_free(sluice, cpu > 0 ? (size_t)cpu : 0);
	if (lane != NULL)
		give(lane, holder);
	else
		sluice_error_set(
			error, SLUICE_FULL,
			"all %llu lanes are leased; open with more lanes (lanes=), detach one, "
			"or put through sluice_shared, which needs no lane of its own",
			(unsigned long long)sluice->options.lanes);
	return lane;
}

struct sluice_lane *sluice_attach(struct sluice *sluice, int cpu, struct sluice_error *error)
{
	struct slu_holder *holder;
	struct sluice_lane *lane;

	if (cpu < SLUICE_CPU_CURRENT) {
		sluice_error_set(error, SLUICE_INVALID,
		                 "cpu %d: a core's number or SLUICE_CPU_CURRENT", cpu);
		return NULL;
	}
	if (cpu == SLUICE_CPU_CURRENT)
		cpu = sched_getcpu();
	holder = need_holder(error);
	if (holder == NULL)
		return NULL;
	slu_registry_lock();
	lane = lease(sluice, holder, cpu, error);
	slu_registry_unlock();
	return lane;
}

/* The lessee itself is told of what it has open. Anybody else speaks for a thread that makes no
 * calls any more. */
static enum sluice_status detach(struct sluice_lane *lane)
{
	enum sluice_status refusal = lane->engine.refusal;
	bool inside = slu_lane_engaged(lane);

	if (lane->lease.handle != NULL || refusal == SLU_SHARED)
		return SLUICE_INVALID;
	if (refusal != SLUICE_OK && refusal != SLUICE_BUSY)
		return refusal;
	if (lane->lease.holder == own_holder() && (refusal == SLUICE_BUSY || inside))
		return SLUICE_BUSY;
	take_back(lane);
	return SLUICE_OK;
}

enum sluice_status sluice_detach(struct sluice_lane *lane)
{
	enum sluice_status status;

	if (lane == NULL)
		return SLUICE_UNATTACHED;
	slu_registry_lock();
	status = detach(lane);
	slu_registry_unlock();
	return status;
}

/* ---- shared lanes ---- */

static struct sluice_lane *first_shared(const struct sluice *sluice)
{
	return (struct sluice_lane *)&sluice->lanes[sluice->options.lanes];
}

static struct sluice_lane *make_handle(struct sluice *sluice)
{
	struct sluice_lane *handle = aligned_alloc(SLU_PAIR, sizeof(*handle));

	if (handle == NULL)
		return NULL;
	memset(handle, 0, sizeof(*handle));
	handle->shape.owner = sluice;
	atomic_init(&handle->engine.section, 1);
	slu_lane_refuse(handle, SLU_SHARED);
	for (size_t i = 0; i < sluice->options.shared_lanes; i++) {
		first_shared(sluice)[i].lease.handle = handle;
		slu_lane_admit(&first_shared(sluice)[i]);
	}
	return handle;
}

/* The handle, made if it is missing; NULL when there is no memory. */
static struct sluice_lane *handle_of(struct sluice *sluice)
{
	struct sluice_lane *handle = first_shared(sluice)->lease.handle;

	return handle != NULL ? handle : make_handle(sluice);
}

struct sluice_lane *sluice_shared(struct sluice *sluice, struct sluice_error *error)
{
	struct sluice_lane *handle = NULL;

	slu_registry_lock();
	if (sluice->gone != SLUICE_OK) {
		sluice_error_set(error, sluice->gone, "the instance is %s",
		                 sluice_status_name(sluice->gone));
	} else if (sluice->options.shared_lanes == 0) {
		sluice_error_set(error, SLUICE_INVALID,
		                 "there are no shared lanes; open with shared_lanes=1 or more");
	} else {
		handle = handle_of(sluice);
		if (handle == NULL)
			sluice_error_set(error, SLUICE_FAILED, "no memory");
	}
	slu_registry_unlock();
	return handle;
}

static bool try_borrow(struct sluice_lane *lane)
{
	/* Looking first leaves the line with its borrower. Relaxed: only the exchange decides. */
	if (atomic_load_explicit(&lane->engine.borrowed, memory_order_relaxed) != 0)
		return false;
	/* Of several that come at once one reads 0. It continues where the one before it stopped:
	 * that one's plain writes to the lane are before its giving back. */
	return atomic_exchange_explicit(&lane->engine.borrowed, 1, memory_order_acquire) ==
	       0; /* E11 */
}

size_t slu_lease_nearest(void)
{
	int cpu = sched_getcpu();

	return cpu > 0 ? (size_t)cpu : 0;
}

struct sluice_lane *slu_lease_borrow(struct sluice_lane *handle, size_t first)
{
	const struct sluice *sluice = handle->shape.owner;
	size_t count = sluice->options.shared_lanes;

	for (size_t i = 0; i < BORROW_TRIES; i++) {
		struct sluice_lane *lane = &first_shared(sluice)[(first + i) % count];

		if (try_borrow(lane))
			return lane;
		ck_pr_stall();
	}
	return NULL;
}

void slu_lease_give_back(struct sluice_lane *lane)
{
	atomic_store_explicit(&lane->engine.borrowed, 0, memory_order_release); /* E11 */
}

/* ---- the instance's end ---- */

static void refuse_handle(struct sluice *sluice, enum sluice_status why)
{
	if (sluice->options.shared_lanes > 0 && first_shared(sluice)->lease.handle != NULL)
		slu_lane_refuse(first_shared(sluice)->lease.handle, why);
}

void slu_lease_close(struct sluice *sluice)
{
	slu_registry_lock();
	refuse_handle(sluice, SLUICE_CLOSED);
	for (size_t i = 0; i < sluice->lane_count; i++) {
		struct sluice_lane *lane = &sluice->lanes[i];

		/* The caller excludes calls: who has borrowed it still was lost in the middle. */
		if (atomic_load_explicit(&lane->engine.borrowed, memory_order_relaxed) != 0)
			slu_lease_mend(lane);
		unlink_lane(lane);
		slu_lane_refuse(lane, SLUICE_CLOSED);
	}
	slu_registry_unlock();
}

void slu_lease_orphan(struct sluice *sluice, enum sluice_status why)
{
	struct slu_holder *holder = own_holder();

	refuse_handle(sluice, why);
	for (size_t i = 0; i < sluice->lane_count; i++) {
		sluice->lanes[i].lease.holder = NULL;
		sluice->lanes[i].lease.next = NULL;
		slu_lane_refuse(&sluice->lanes[i], why);
	}
	if (holder != NULL)
		holder->first = NULL;
}

void slu_lease_free(struct sluice *sluice)
{
	for (size_t i = 0; i < sluice->lane_count; i++)
		unlink_lane(&sluice->lanes[i]);
	if (sluice->options.shared_lanes > 0)
		free(first_shared(sluice)->lease.handle);
}
