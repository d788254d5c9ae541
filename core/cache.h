/* SPDX-License-Identifier: MIT */
/*
 * cache.h - the newest accepted record of every key, readable by any engine thread without a lock.
 *
 * One table a state stream. A key has one entry, inserted once, whose `newest` points at its newest
 * accepted record: at the lane slot itself while that is dirty, at the entry's own clean copy once it
 * is committed. So a put copies the record once, engine threads own no pools and retire nothing, and
 * there is no list of old copies to free.
 *
 *        entry { version, newest }           entry { version, newest }
 *                           |                                   |
 *      lane  [..][slot v7]<-+                clean copy v7 <----+
 *
 * C1  What `newest` points at is accepted: the engine commits the slot first, then publishes it.
 * C2  Versions behind `newest` only grow. Gaps are legal: a put may find a newer one there already.
 * C3  A slot is released only when no engine can hold a pointer to it, and a clean copy is overwritten
 *     only when none can hold a pointer to that. Three grace periods (grace.h) follow a commit; one
 *     that passes serves the slots of all stages at once:
 *
 *       acknowledged -> published   every engine that committed one of these slots has published it
 *       published    -> installed   nobody reads the clean copies that these slots had replaced: a
 *                                   slot that is still newest is copied there, and `newest` moved
 *       installed    -> released    nobody reads these slots
 *
 *     Proof: tests/model/reclaim.pml, tests/explore. With any one of the three left out they find
 *     a record that changes under its reader, or is lost.
 *
 * E4  entry.newest: release by publish, install and warm -> acquire by get and publish. Else a reader
 *     finds a pointer before the bytes.
 *
 * C4  A record that the database holds may become an entry's first (warming): written straight to
 *     the clean copy, by the one engine that moves `version` off first_version. So it is older than
 *     every put, and the copy has one writer: the flusher writes there only for a slot of this key,
 *     once a grace period has passed that began after the slot's commit. The commit came after the
 *     version was taken (E12), and that after the section was entered in which the copy is filled;
 *     so no such grace period passes before that section is left. An engine that stops for ever in
 *     between leaves a version without a record: a miss, until the next put.
 *     Proof: tests/model/warm.pml, tests/explore.
 *
 * Entries are never removed: a removed key stays as a tombstone. `keys` must cover the keys of a run.
 */
#ifndef SLU_CACHE_H
#define SLU_CACHE_H

#include "core/lane.h"

#include <urcu/rculfhash.h>

#define SLU_CACHE_CHUNK \
	16 /* entries a lane sets aside at a time, so that new keys rarely share a line */

struct slu_entry {
	struct cds_lfht_node node;
	_Atomic uint64_t version;          /* of the last put; C2 orders them */
	_Atomic(struct slu_slot *) newest; /* NULL until the first publish */
	unsigned char key[];
};

/* What the flusher remembers of an entry. */
struct slu_sent {
	uint64_t version; /* the newest given to the sink */
	uint64_t cut;     /* in which cut, counted over all wires, */
	size_t row;       /* and which of its rows it is */
};

struct slu_cache {
	/* shape: written at open */
	const struct sluice_stream *stream;
	struct cds_lfht *table;
	/* All of them, then the clean copies in the same order: a put, which needs no clean copy,
	 * finds its way in far less memory. */
	unsigned char *entries;
	size_t entry_size;
	size_t clean_offset; /* of the first clean copy */
	size_t clean_size;
	size_t memory_size;
	uint32_t capacity;
	uint64_t first_version; /* what versions of new keys count from */
	struct slu_sent *sent;  /* the flusher's, one an entry */
	size_t sent_size;

	/* engines: taken entries, SLU_CACHE_CHUNK at a time */
	_Alignas(SLU_PAIR) _Atomic uint32_t taken;
};

/* Room for `keys` keys, however they spread over `lane_count` lanes, in a zeroed `cache`.
 * `first_version` is not 0: that marks an entry without a key. False when there is no memory. */
bool slu_cache_open(struct slu_cache *cache, struct slu_env *env,
                    const struct sluice_stream *stream, uint64_t keys, size_t lane_count,
                    uint64_t first_version);
void slu_cache_close(struct slu_cache *cache, struct slu_env *env);

/* ---- open: no engine runs yet ---- */

/* Makes a former run's record the newest of its key, unless a newer one is. */
void slu_cache_restore(struct slu_cache *cache, struct slu_entry *entry,
                       const struct slu_slot *slot);

/* ---- engine, inside a section ---- */

/* The key's entry, or NULL. */
struct slu_entry *slu_cache_find(struct slu_cache *cache, const void *key);
/* The key's entry, made if need be out of those that `lane` set aside; NULL when none are left. */
struct slu_entry *slu_cache_find_or_add(struct slu_cache *cache, struct sluice_lane *lane,
                                        const void *key);

static inline struct slu_entry *slu_cache_entry(const struct slu_cache *cache, uint32_t index)
{
	return (struct slu_entry *)(cache->entries + index * cache->entry_size);
}

static inline uint32_t slu_cache_index(const struct slu_cache *cache, const struct slu_entry *entry)
{
	return (uint32_t)((size_t)((const unsigned char *)entry - cache->entries) /
	                  cache->entry_size);
}

/* Where the entry's clean copy is: its bytes mean nothing until `newest` points there. */
static inline struct slu_slot *slu_cache_clean(const struct slu_cache *cache, uint32_t index)
{
	return (struct slu_slot *)(cache->entries + cache->clean_offset +
	                           index * cache->clean_size);
}

/* Makes a record of the database's the first of its key: its version is `version`, or the least
 * that no put has if that is greater. False: the cache knows the key already, and nothing has
 * changed unless somebody put it meanwhile, whose record then stays. C4. */
bool slu_cache_warm(struct slu_cache *cache, struct slu_entry *entry, uint64_t version,
                    const void *record, size_t size);

/* What is newest, NULL for a key that was never put. That it is most often the clean copy, the processor
 * learns as a branch: then it fetches that record without waiting for the entry, which would tell it
 * where. The compiler must not know that both ways end alike, nor make a selection of the branch. */
static inline const struct slu_slot *slu_cache_newest(const struct slu_cache *cache,
                                                      const struct slu_entry *entry)
{
	const struct slu_slot *clean = slu_cache_clean(cache, slu_cache_index(cache, entry));
	const struct slu_slot *same = clean;
	const struct slu_slot *newest;

	__asm__("" : "+r"(same));
	newest = atomic_load_explicit(&entry->newest, memory_order_acquire); /* E4 */
	if (__builtin_expect(newest != clean, 0))
		return newest;
	__asm__ volatile("");
	return same;
}

/* Makes a committed slot the newest, unless a newer one is, or the same record by another pointer. C1,
 * C2. */
static inline void slu_cache_publish(struct slu_entry *entry, struct slu_slot *slot)
{
	struct slu_slot *newest = atomic_load_explicit(&entry->newest,
	                                               memory_order_acquire); /* E4 */

	while (newest == NULL || newest->version < slot->version)
		if (atomic_compare_exchange_weak_explicit(&entry->newest, &newest, slot,
		                                          memory_order_release, /* E4 */
		                                          memory_order_acquire /* E4 */))
			return;
}

/* The same for a slot that was committed in the section still open, so that it cannot be installed
 * yet. While the entry's counter stands at its version, all others are older: the newest's own lines,
 * which the flusher may just have written, are not waited for. Relaxed: the counter of whoever
 * published `newest` is seen with it (E4). No ABA: within the section neither slots nor clean copies
 * are used again (C3). */
static inline void slu_cache_publish_fresh(struct slu_entry *entry, struct slu_slot *slot)
{
	struct slu_slot *newest = atomic_load_explicit(&entry->newest,
	                                               memory_order_acquire); /* E4 */

	if (__builtin_expect(
		    atomic_load_explicit(&entry->version, memory_order_relaxed) == slot->version &&
			    atomic_compare_exchange_strong_explicit(
				    &entry->newest, &newest, slot, memory_order_release, /* E4 */
				    memory_order_relaxed /* nothing is read */),
		    1))
		return;
	slu_cache_publish(entry, slot);
}

/* ---- flusher ---- */

/* Second stage of C3: if the slot is still the newest of its key, its record moves to the clean
 * copy. */
void slu_cache_install(struct slu_cache *cache, struct slu_slot *slot);

#endif
