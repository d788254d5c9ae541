/* SPDX-License-Identifier: MIT */
/* cache.c - entries of a table that never grows: making, finding, adding, and moving a record to
 * its clean copy. */
#include "core/cache.h"

#include <string.h>
#include <urcu/flavor.h>

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

/* liburcu orders an insertion before the lookup that finds it, but in assembly that ThreadSanitizer
 * does not see: tell it. */
#ifdef THREAD_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define INSERTED(entry) __tsan_release(entry)
#define FOUND(entry) __tsan_acquire(entry)
#else
#define INSERTED(entry) ((void)(entry))
#define FOUND(entry) ((void)(entry))
#endif

/*
 * cds_lfht needs no more of RCU than that a node outlives whoever may still look at it. Ours are
 * freed at close, when no engine runs; the table never resizes. So no flavour is linked, and these
 * are never called.
 */
static const struct rcu_flavor_struct no_flavor = {0};

static size_t round_up(size_t size, size_t multiple)
{
	return (size + multiple - 1) / multiple * multiple;
}

static uint64_t power_of_two_above(uint64_t value)
{
	uint64_t power = 1;

	while (power < value)
		power *= 2;
	return power;
}

/* ---- open, close ---- */

static int never_matches(struct cds_lfht_node *node, const void *key)
{
	(void)node;
	(void)key;
	return 0;
}

/* A call into another library is bound to it when it is first made, under the dynamic linker's lock.
 * That is to happen now, not in an engine's first put. */
static void bind_table(const struct slu_cache *cache)
{
	struct cds_lfht_node node;
	struct cds_lfht_iter found;

	cds_lfht_node_init(&node);
	cds_lfht_lookup(cache->table, 0, never_matches, NULL, &found);
	cds_lfht_add_unique(cache->table, 0, never_matches, NULL, &node);
	cds_lfht_del(cache->table, &node);
}

bool slu_cache_open(struct slu_cache *cache, struct slu_env *env,
                    const struct sluice_stream *stream, uint64_t keys, size_t lane_count,
                    uint64_t first_version)
{
	uint64_t buckets = power_of_two_above(keys);

	cache->stream = stream;
	cache->first_version = first_version;
	/* Each lane may strand what it set aside, so that much more is made. */
	cache->capacity =
		(uint32_t)(round_up(keys, SLU_CACHE_CHUNK) + lane_count * SLU_CACHE_CHUNK);
	cache->entry_size = round_up(sizeof(struct slu_entry) + stream->key_size, SLU_CACHE_LINE);
	cache->clean_offset = cache->capacity * cache->entry_size;
	cache->clean_size = round_up(sizeof(struct slu_slot) + stream->layout.size, SLU_CACHE_LINE);
	cache->memory_size = cache->clean_offset + cache->capacity * cache->clean_size;
	cache->entries = env->map(env, cache->memory_size);
	cache->sent_size = cache->capacity * sizeof(struct slu_sent);
	cache->sent = env->map(env, cache->sent_size);
	/* All buckets at once, no resizing, no counting: so an insertion neither allocates nor
	 * wakes anybody. */
	cache->table = _cds_lfht_new(buckets, buckets, buckets, 0, NULL, &no_flavor, NULL);
	if (cache->entries == NULL || cache->sent == NULL || cache->table == NULL)
		return false;
	bind_table(cache);
	return true;
}

void slu_cache_close(struct slu_cache *cache, struct slu_env *env)
{
	uint32_t taken = atomic_load_explicit(&cache->taken, memory_order_relaxed);

	for (uint32_t i = 0; cache->table != NULL && i < taken && i < cache->capacity; i++) {
		struct slu_entry *entry = slu_cache_entry(cache, i);

		if (atomic_load_explicit(&entry->version, memory_order_relaxed) != 0 &&
		    !cds_lfht_is_node_deleted(&entry->node))
			cds_lfht_del(cache->table, &entry->node);
	}
	if (cache->table != NULL)
		cds_lfht_destroy(cache->table, NULL);
	env->unmap(env, cache->entries, cache->memory_size);
	env->unmap(env, cache->sent, cache->sent_size);
	cache->table = NULL;
	cache->entries = NULL;
	cache->sent = NULL;
}

/* ---- keys ---- */

static uint64_t word_at(const unsigned char *bytes, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, bytes, size);
	return word;
}

/* Multiply and fold, eight bytes at a time (the mixing step of splitmix64): keys are ids that often
 * differ in few bits. */
static uint64_t hash_of(const void *key, size_t size)
{
	const unsigned char *bytes = key;
	uint64_t hash = size;

	while (size > 0) {
		size_t step = size < 8 ? size : 8;

		hash ^= step == 8 ? word_at(bytes, 8) : word_at(bytes, step);
		hash *= 0xbf58476d1ce4e5b9u;
		hash ^= hash >> 29;
		bytes += step;
		size -= step;
	}
	hash *= 0x94d049bb133111ebu;
	return hash ^ hash >> 32;
}

struct wanted {
	const void *key;
	size_t size;
};

static int matches(struct cds_lfht_node *node, const void *wanted_key)
{
	struct slu_entry *entry = caa_container_of(node, struct slu_entry, node);
	const struct wanted *wanted = wanted_key;

	FOUND(entry);
	if (wanted->size == 16) /* a uuid: two compares instead of a call */
		return memcmp(entry->key, wanted->key, 16) == 0;
	return memcmp(entry->key, wanted->key, wanted->size) == 0;
}

/* ---- engine ---- */

static struct slu_entry *find(struct slu_cache *cache, uint64_t hash, const struct wanted *wanted)
{
	struct cds_lfht_iter found;
	struct cds_lfht_node *node;

	cds_lfht_lookup(cache->table, hash, matches, wanted, &found);
	node = cds_lfht_iter_get_node(&found);
	return node != NULL ? caa_container_of(node, struct slu_entry, node) : NULL;
}

struct slu_entry *slu_cache_find(struct slu_cache *cache, const void *key)
{
	struct wanted wanted = {.key = key, .size = cache->stream->key_size};

	return find(cache, hash_of(key, wanted.size), &wanted);
}

/* An entry out of those the lane has set aside. The counter is shared, but touched once in
 * SLU_CACHE_CHUNK new keys. */
static struct slu_entry *spare_entry(struct slu_cache *cache, struct sluice_lane *lane)
{
	uint16_t stream = cache->stream->index;

	if (lane->spare[stream].next == lane->spare[stream].end) {
		uint32_t first;

		/* Looking first keeps the counter from running on, and one day around, while the
		 * cache is full. */
		if (atomic_load_explicit(&cache->taken, memory_order_relaxed) >= cache->capacity)
			return NULL;
		/* Relaxed: the number alone is shared; an entry's bytes become visible by its
		 * insertion. */
		first = atomic_fetch_add_explicit(&cache->taken, SLU_CACHE_CHUNK,
		                                  memory_order_relaxed);
		if (first >= cache->capacity)
			return NULL;
		lane->spare[stream].next = first;
		lane->spare[stream].end = first + SLU_CACHE_CHUNK;
	}
	return slu_cache_entry(cache, lane->spare[stream].next);
}

struct slu_entry *slu_cache_find_or_add(struct slu_cache *cache, struct sluice_lane *lane,
                                        const void *key)
{
	struct wanted wanted = {.key = key, .size = cache->stream->key_size};
	uint64_t hash = hash_of(key, wanted.size);
	struct slu_entry *entry = find(cache, hash, &wanted);
	struct cds_lfht_node *present;

	if (entry != NULL)
		return entry;
	entry = spare_entry(cache, lane);
	if (entry == NULL)
		return NULL;
	cds_lfht_node_init(&entry->node);
	memcpy(entry->key, key, wanted.size);
	atomic_store_explicit(&entry->version, cache->first_version, memory_order_relaxed);
	INSERTED(entry);
	present = cds_lfht_add_unique(cache->table, hash, matches, &wanted, &entry->node);
	if (present != &entry->node) {
		/* Another engine was first; this entry stays spare. */
		atomic_store_explicit(&entry->version, 0, memory_order_relaxed);
		return caa_container_of(present, struct slu_entry, node);
	}
	lane->spare[cache->stream->index].next++;
	return entry;
}

/* ---- clean copies ---- */

static void copy_clean(struct slu_slot *clean, const struct slu_slot *slot)
{
	clean->version = slot->version;
	clean->length = slot->length;
	/* Relaxed: who finds the copy finds its bytes, by E4. */
	atomic_store_explicit(&clean->flags, (uint8_t)slu_slot_flags(slot), memory_order_relaxed);
	memcpy(clean->record, slot->record, slot->length);
}

bool slu_cache_warm(struct slu_cache *cache, struct slu_entry *entry, uint64_t version,
                    const void *record, size_t size)
{
	struct slu_slot *clean = slu_cache_clean(cache, slu_cache_index(cache, entry));
	struct slu_slot *newest = NULL;
	uint64_t unused = cache->first_version;

	if (version <= unused)
		version = unused + 1;
	/* Once only, and before any put: who finds another version leaves the copy alone. */
	if (!atomic_compare_exchange_strong_explicit(&entry->version, &unused, version,
	                                             memory_order_acq_rel, /* E12 */
	                                             memory_order_relaxed /* gives up */))
		return false;
	/* Ours until the section is left: C4. */
	clean->version = version;
	clean->length = (uint16_t)size;
	/* Relaxed: as in copy_clean. */
	atomic_store_explicit(&clean->flags, 0, memory_order_relaxed);
	memcpy(clean->record, record, size);
	/* If a put was faster it is newer, and the copy is garbage that nobody can reach. */
	return atomic_compare_exchange_strong_explicit(&entry->newest, &newest, clean,
	                                               memory_order_release, /* E4 */
	                                               memory_order_relaxed /* nothing is read */);
}

void slu_cache_restore(struct slu_cache *cache, struct slu_entry *entry,
                       const struct slu_slot *slot)
{
	struct slu_slot *clean = slu_cache_clean(cache, slu_cache_index(cache, entry));

	/* Relaxed: starting a thread orders all of this before what engines do. */
	if (atomic_load_explicit(&entry->newest, memory_order_relaxed) != NULL &&
	    clean->version >= slot->version)
		return;
	copy_clean(clean, slot);
	atomic_store_explicit(&entry->version, slot->version, memory_order_relaxed);
	atomic_store_explicit(&entry->newest, clean, memory_order_relaxed);
}

void slu_cache_install(struct slu_cache *cache, struct slu_slot *slot)
{
	struct slu_entry *entry = slu_cache_entry(cache, slot->entry);
	struct slu_slot *clean = slu_cache_clean(cache, slot->entry);
	struct slu_slot *newest = slot;

	/* Relaxed: only whether it is this slot matters. Once it is not, it never is again, for
	 * versions grow. */
	if (atomic_load_explicit(&entry->newest, memory_order_relaxed) != slot)
		return;
	copy_clean(clean, slot);
	/* If a put was faster the copy is garbage that nobody can reach. */
	atomic_compare_exchange_strong_explicit(&entry->newest, &newest, clean,
	                                        memory_order_release, /* E4 */
	                                        memory_order_relaxed /* nothing is read */);
}
