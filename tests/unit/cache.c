/* SPDX-License-Identifier: MIT */
/* cache.c - one entry a key, whoever adds it, and as many keys as promised. */
#include "core/cache.h"

#include "world.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_VERSION 1000

/* A cache by itself: its stream, and lanes that serve as owners of spare entries only. */
struct fixture {
	struct world world;
	struct sluice_stream stream;
	struct slu_cache cache;
	struct sluice_lane lanes[3];
};

static struct fixture f;

static void open_cache(uint16_t key_size, uint64_t keys, size_t lane_count)
{
	memset(&f, 0, sizeof(f));
	world_init(&f.world);
	f.stream = (struct sluice_stream){
		.name = "keys",
		.kind = SLUICE_STATE,
		.index = 2,
		.layout.size = (uint16_t)(key_size + 8),
		.key_size = key_size,
	};
	cr_assert(
		slu_cache_open(&f.cache, &f.world.env, &f.stream, keys, lane_count, FIRST_VERSION));
}

static void close_cache(void)
{
	slu_cache_close(&f.cache, &f.world.env);
	assert_equal(f.world.mapped, 0);
}

static struct slu_entry *add(uint64_t key)
{
	return slu_cache_find_or_add(&f.cache, &f.lanes[0], &key);
}

static struct slu_entry *find(uint64_t key)
{
	return slu_cache_find(&f.cache, &key);
}

/* ---- finding and adding ---- */

Test(cache, a_key_never_added_is_not_found)
{
	open_cache(8, 64, 1);
	cr_assert_null(find(7));
	close_cache();
}

Test(cache, finding_adds_nothing)
{
	open_cache(8, 64, 1);
	cr_assert_null(find(7));
	cr_assert_null(find(7));
	assert_equal(f.cache.taken, 0);
	close_cache();
}

Test(cache, an_added_key_is_found_and_added_once)
{
	struct slu_entry *entry;

	open_cache(8, 64, 1);
	entry = add(7);
	cr_assert_not_null(entry);
	cr_assert_eq(find(7), entry);
	cr_assert_eq(add(7), entry);
	cr_assert_null(find(8));
	close_cache();
}

Test(cache, a_new_entry_has_the_first_version_and_no_record)
{
	struct slu_entry *entry;

	open_cache(8, 64, 1);
	entry = add(7);
	assert_equal(entry->version, FIRST_VERSION);
	cr_assert_null(entry->newest);
	close_cache();
}

Test(cache, an_entry_is_found_by_its_index)
{
	open_cache(8, 64, 1);
	for (uint64_t key = 0; key < 64; key++) {
		struct slu_entry *entry = add(key);

		cr_assert_eq(slu_cache_entry(&f.cache, slu_cache_index(&f.cache, entry)), entry);
	}
	close_cache();
}

Test(cache, many_keys_do_not_mix)
{
	static struct slu_entry *entries[20000];

	open_cache(8, 20000, 1); /* 32768 buckets: thousands of keys share one */
	for (uint64_t key = 0; key < 20000; key++)
		entries[key] = add(key * 0x100000001u);
	for (uint64_t key = 0; key < 20000; key++) {
		uint64_t wanted = key * 0x100000001u;

		cr_assert_eq(find(wanted), entries[key]);
		cr_assert_arr_eq(entries[key]->key, &wanted, sizeof(wanted));
	}
	close_cache();
}

Test(cache, one_bucket_holds_all_keys)
{
	open_cache(8, 1, 1); /* one bucket, but 32 entries */
	for (uint64_t key = 0; key < 32; key++)
		cr_assert_not_null(add(key));
	for (uint64_t key = 0; key < 32; key++)
		cr_assert_arr_eq(find(key)->key, &key, sizeof(key));
	close_cache();
}

Test(cache, keys_of_1_to_64_bytes_differ_in_any_byte)
{
	for (uint16_t size = 1; size <= SLUICE_KEY_SIZE_MAX; size++) {
		unsigned char key[SLUICE_KEY_SIZE_MAX] = {0};
		struct slu_entry *plain;

		open_cache(size, 128, 1);
		plain = slu_cache_find_or_add(&f.cache, &f.lanes[0], key);
		for (uint16_t byte = 0; byte < size; byte++) {
			struct slu_entry *other;

			key[byte] = 0x80;
			cr_assert_null(slu_cache_find(&f.cache, key), "size %u byte %u", size,
			               byte);
			other = slu_cache_find_or_add(&f.cache, &f.lanes[0], key);
			cr_assert_neq(other, plain);
			cr_assert_eq(slu_cache_find(&f.cache, key), other);
			key[byte] = 0;
		}
		cr_assert_eq(slu_cache_find(&f.cache, key), plain);
		close_cache();
	}
}

Test(cache, bytes_after_the_key_do_not_count)
{
	unsigned char key[4] = {1, 2, 3, 4};
	struct slu_entry *entry;

	open_cache(3, 64, 1);
	entry = slu_cache_find_or_add(&f.cache, &f.lanes[0], key);
	key[3] = 99;
	cr_assert_eq(slu_cache_find(&f.cache, key), entry);
	close_cache();
}

/* The state of the cache's hash after one more word, so that a test can make keys of equal hash. */
static uint64_t hashed(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
	return hash ^ hash >> 29;
}

Test(cache, keys_of_equal_hash_stay_apart)
{
	for (uint16_t words = 2; words <= 3; words++) {
		/* They differ in their last two words only. */
		uint64_t left[3] = {5, 5, 5}, right[3] = {5, 5, 5};
		uint64_t before = words == 3 ? hashed(24, 5) : 16;
		struct slu_entry *entry;

		right[words - 2] = 6;
		right[words - 1] = 5 ^ hashed(before, 5) ^ hashed(before, 6);
		open_cache((uint16_t)(words * 8), 64, 1);
		entry = slu_cache_find_or_add(&f.cache, &f.lanes[0], left);
		cr_assert_null(slu_cache_find(&f.cache, right), "%u words", words);
		cr_assert_neq(slu_cache_find_or_add(&f.cache, &f.lanes[0], right), entry);
		cr_assert_eq(slu_cache_find(&f.cache, left), entry);
		close_cache();
	}
}

/* ---- capacity ---- */

Test(cache, one_lane_can_add_all_the_keys_promised)
{
	open_cache(8, 100, 3);
	for (uint64_t key = 0; key < 100; key++)
		cr_assert_not_null(add(key), "key %" PRIu64, key);
	close_cache();
}

Test(cache, lanes_together_can_add_all_the_keys_promised)
{
	uint64_t key = 0;

	open_cache(8, 100, 3);
	/* The worst spread: the others strand all but one of what they set aside. */
	for (size_t lane = 1; lane < 3; lane++, key++)
		cr_assert_not_null(slu_cache_find_or_add(&f.cache, &f.lanes[lane], &key));
	for (; key < 100; key++)
		cr_assert_not_null(add(key), "key %" PRIu64, key);
	close_cache();
}

Test(cache, beyond_its_capacity_it_adds_nothing_and_loses_nothing)
{
	uint64_t key = 0;

	open_cache(8, 64, 3);
	while (add(key) != NULL)
		key++;
	assert_equal(key, f.cache.capacity);
	for (size_t lane = 0; lane < 3; lane++)
		cr_assert_null(slu_cache_find_or_add(&f.cache, &f.lanes[lane], &key));
	cr_assert_null(find(key));
	while (key-- > 0)
		cr_assert_arr_eq(find(key)->key, &key, sizeof(key));
	close_cache();
}

Test(cache, refusing_for_long_does_not_move_the_counter)
{
	uint64_t key = 0;
	uint32_t taken;

	open_cache(8, 16, 1);
	while (add(key) != NULL)
		key++;
	taken = f.cache.taken;
	for (int i = 0; i < 1000; i++)
		cr_assert_null(add(key));
	assert_equal(f.cache.taken, taken);
	close_cache();
}

Test(cache, open_without_memory_closes_cleanly)
{
	for (size_t call = 1; call <= 2; call++) {
		memset(&f, 0, sizeof(f));
		world_init(&f.world);
		f.world.map_fails_at = call;
		f.stream = (struct sluice_stream){
			.kind = SLUICE_STATE, .layout.size = 16, .key_size = 8};
		cr_assert_not(slu_cache_open(&f.cache, &f.world.env, &f.stream, 64, 1, 1));
		slu_cache_close(&f.cache, &f.world.env);
		assert_equal(f.world.mapped, 0);
	}
}

/* ---- two engines add the same key ---- */

static struct slu_entry *winner;

/* The loser is about to write its key into a spare entry: now the other engine adds the same key.
 */
static void be_faster(int signal)
{
	uint64_t key = 7;

	(void)signal;
	cr_assert_eq(mprotect(f.cache.entries, 4096, PROT_READ | PROT_WRITE), 0);
	winner = slu_cache_find_or_add(&f.cache, &f.lanes[1], &key);
}

/* Adds key 7 in lane 0, and loses it to lane 1 between looking for it and inserting it. */
static struct slu_entry *lose_an_insertion(void)
{
	struct sigaction faster = {.sa_handler = be_faster};
	struct slu_entry *entry;

	sigaction(SIGSEGV, &faster, NULL);
	cr_assert_eq(mprotect(f.cache.entries, 4096, PROT_READ), 0);
	entry = add(7);
	signal(SIGSEGV, SIG_DFL);
	cr_assert_not_null(winner);
	return entry;
}

Test(cache, who_loses_an_insertion_gets_the_winners_entry)
{
	open_cache(8, 64, 2);
	cr_assert_eq(lose_an_insertion(), winner);
	cr_assert_eq(find(7), winner);
	assert_equal(winner->version, FIRST_VERSION);
	close_cache();
}

Test(cache, who_loses_an_insertion_keeps_its_spare_entry)
{
	struct slu_entry *next;

	open_cache(8, 64, 2);
	lose_an_insertion();
	next = add(8);
	assert_equal(slu_cache_index(&f.cache, next), 0);
	cr_assert_eq(find(7), winner);
	cr_assert_eq(find(8), next);
	close_cache();
}

Test(cache, a_spare_entry_that_lost_is_not_taken_for_a_key_at_close)
{
	open_cache(8, 64, 2);
	lose_an_insertion();
	assert_equal(slu_cache_entry(&f.cache, 0)->version, 0);
	close_cache();
}

#define RACE_KEYS 16384

struct racer {
	struct sluice_lane *lane;
	_Atomic uint64_t *here, *there; /* keys begun */
	struct slu_entry *entries[RACE_KEYS];
};

static void *race(void *argument)
{
	struct racer *racer = argument;

	for (uint64_t key = 0; key < RACE_KEYS; key++) {
		atomic_store(racer->here, key + 1);
		for (int spins = 0; atomic_load(racer->there) < key + 1; spins++)
			if (spins > 200)
				sched_yield();
		racer->entries[key] = slu_cache_find_or_add(&f.cache, racer->lane, &key);
	}
	return NULL;
}

Test(cache, two_threads_that_add_the_same_keys_get_the_same_entries)
{
	static struct racer left, right;
	_Atomic uint64_t left_at = 0, right_at = 0;
	pthread_t thread;

	/* Just enough entries: a loser that wasted its spare one would run out. */
	open_cache(8, RACE_KEYS, 2);
	left.lane = &f.lanes[0];
	right.lane = &f.lanes[1];
	left.here = right.there = &left_at;
	left.there = right.here = &right_at;
	cr_assert_eq(pthread_create(&thread, NULL, race, &left), 0);
	race(&right);
	pthread_join(thread, NULL);
	for (uint64_t key = 0; key < RACE_KEYS; key++) {
		cr_assert_not_null(left.entries[key]);
		cr_assert_eq(left.entries[key], right.entries[key], "key %" PRIu64, key);
		cr_assert_eq(left.entries[key], find(key));
		assert_equal(left.entries[key]->version, FIRST_VERSION);
	}
	close_cache();
}
