/* SPDX-License-Identifier: MIT */
/* newest.c - what an entry of the cache shows: versions that only grow, first in a slot, then in
 * the clean copy. */
#include "core/cache.h"

#include "world.h"

#include <string.h>

#define FIRST_VERSION 1000

/* A cache by itself, and one lane that owns its spare entries. */
struct fixture {
	struct world world;
	struct slu_cache cache;
	struct sluice_lane lane;
	unsigned char *slots; /* two slots, outside of any lane */
};

static struct fixture f;

static const struct sluice_stream stream = {
	.name = "keys", .kind = SLUICE_STATE, .index = 2, .layout.size = 16, .key_size = 8};

static void set_up(void)
{
	world_init(&f.world);
	cr_assert(slu_cache_open(&f.cache, &f.world.env, &stream, 64, 1, FIRST_VERSION));
	f.slots = f.world.env.map(&f.world.env, 4096);
}

static void tear_down(void)
{
	slu_cache_close(&f.cache, &f.world.env);
	f.world.env.unmap(&f.world.env, f.slots, 4096);
	assert_equal(f.world.mapped, 0);
}

TestSuite(newest, .init = set_up, .fini = tear_down);

static struct slu_entry *add(uint64_t key)
{
	return slu_cache_find_or_add(&f.cache, &f.lane, &key);
}

/* Slot 0 or 1, filled as an engine would have that took `version`. */
static struct slu_slot *slot_with(unsigned index, struct slu_entry *entry, uint64_t version,
                                  unsigned char fill)
{
	struct slu_slot *slot = (struct slu_slot *)(f.slots + index * 2048u);

	if (entry->version < version)
		entry->version = version;
	slot->version = version;
	slot->entry = slu_cache_index(&f.cache, entry);
	slot->length = (uint16_t)stream.layout.size;
	slot->flags = 0;
	memset(slot->record, fill, slot->length);
	return slot;
}

/* ---- publish ---- */

Test(newest, publish_shows_the_first_slot)
{
	struct slu_entry *entry;
	struct slu_slot *slot;

	entry = add(7);
	slot = slot_with(0, entry, FIRST_VERSION + 1, 1);
	slu_cache_publish(entry, slot);
	cr_assert_eq(entry->newest, slot);
}

Test(newest, publish_goes_on_to_a_newer_version)
{
	struct slu_entry *entry;
	struct slu_slot *newer;

	entry = add(7);
	slu_cache_publish(entry, slot_with(0, entry, FIRST_VERSION + 1, 1));
	newer = slot_with(1, entry, FIRST_VERSION + 5, 2);
	slu_cache_publish(entry, newer);
	cr_assert_eq(entry->newest, newer);
}

Test(newest, publish_never_goes_back) /* C2 */
{
	struct slu_entry *entry;
	struct slu_slot *newer;

	entry = add(7);
	newer = slot_with(0, entry, FIRST_VERSION + 2, 1);
	slu_cache_publish(entry, newer);
	slu_cache_publish(entry, slot_with(1, entry, FIRST_VERSION + 1, 2));
	cr_assert_eq(entry->newest, newer);
}

/* ---- install ---- */

Test(newest, a_fresh_record_replaces_an_older_one)
{
	struct slu_entry *entry = add(1);
	struct slu_slot *older = slot_with(0, entry, FIRST_VERSION + 1, 1);
	struct slu_slot *newer;

	slu_cache_publish_fresh(entry, older);
	cr_assert_eq(entry->newest, older);
	newer = slot_with(1, entry, FIRST_VERSION + 2, 2);
	slu_cache_publish_fresh(entry, newer);
	cr_assert_eq(entry->newest, newer);
}

Test(newest, a_fresh_record_that_comes_late_never_goes_back)
{
	struct slu_entry *entry = add(1);
	struct slu_slot *newer = slot_with(0, entry, FIRST_VERSION + 2, 2);

	slu_cache_publish_fresh(entry, newer);
	slu_cache_publish_fresh(entry, slot_with(1, entry, FIRST_VERSION + 1, 1));
	cr_assert_eq(entry->newest, newer);
}

Test(newest, publishing_again_what_is_installed_leaves_the_clean_copy)
{
	struct slu_entry *entry = add(1);
	struct slu_slot *slot = slot_with(0, entry, FIRST_VERSION + 1, 1);

	slu_cache_publish_fresh(entry, slot);
	slu_cache_install(&f.cache, slot);
	slu_cache_publish(entry, slot); /* as a lane is mended: the slot may be released by now */
	cr_assert_neq(entry->newest, slot);
}

Test(newest, install_moves_the_newest_to_the_clean_copy)
{
	struct slu_entry *entry;
	struct slu_slot *slot, *clean;

	entry = add(7);
	slot = slot_with(0, entry, FIRST_VERSION + 1, 0xab);
	slu_cache_publish(entry, slot);
	slu_cache_install(&f.cache, slot);
	clean = entry->newest;
	cr_assert_neq(clean, slot);
	cr_assert_eq((unsigned char *)clean,
	             f.cache.entries + f.cache.clean_offset +
	                     slu_cache_index(&f.cache, entry) * f.cache.clean_size);
	assert_equal(clean->version, FIRST_VERSION + 1);
	assert_equal(clean->length, stream.layout.size);
	cr_assert_arr_eq(clean->record, slot->record, stream.layout.size);
}

Test(newest, install_leaves_a_newer_version_alone)
{
	struct slu_entry *entry;
	struct slu_slot *older, *newer;

	entry = add(7);
	older = slot_with(0, entry, FIRST_VERSION + 1, 1);
	newer = slot_with(1, entry, FIRST_VERSION + 2, 2);
	slu_cache_publish(entry, older);
	slu_cache_publish(entry, newer);
	slu_cache_install(&f.cache, older);
	cr_assert_eq(entry->newest, newer);
}

Test(newest, install_of_an_older_version_leaves_the_clean_copy_alone)
{
	struct slu_entry *entry;
	struct slu_slot *older, *newer, *clean;

	entry = add(7);
	older = slot_with(0, entry, FIRST_VERSION + 1, 1);
	newer = slot_with(1, entry, FIRST_VERSION + 2, 2);
	slu_cache_publish(entry, newer);
	slu_cache_install(&f.cache, newer);
	clean = entry->newest;
	slu_cache_install(&f.cache, older);
	cr_assert_eq(entry->newest, clean);
	assert_equal(clean->version, FIRST_VERSION + 2);
	assert_equal(clean->record[0], 2);
}

Test(newest, install_keeps_a_tombstone_a_tombstone)
{
	struct slu_entry *entry;
	struct slu_slot *slot;

	entry = add(7);
	slot = slot_with(0, entry, FIRST_VERSION + 1, 1);
	slot->flags = SLU_SLOT_REMOVED;
	slu_cache_publish(entry, slot);
	slu_cache_install(&f.cache, slot);
	cr_assert_neq(entry->newest, slot);
	cr_assert(entry->newest->flags & SLU_SLOT_REMOVED);
	assert_equal(entry->newest->version, FIRST_VERSION + 1);
}

Test(newest, a_record_over_a_tombstone_is_no_tombstone)
{
	struct slu_entry *entry;
	struct slu_slot *slot;

	entry = add(7);
	slot = slot_with(0, entry, FIRST_VERSION + 1, 1);
	slot->flags = SLU_SLOT_REMOVED;
	slu_cache_publish(entry, slot);
	slu_cache_install(&f.cache, slot);
	slot = slot_with(1, entry, FIRST_VERSION + 2, 2);
	slu_cache_publish(entry, slot);
	slu_cache_install(&f.cache, slot);
	assert_equal(entry->newest->flags, 0);
	assert_equal(entry->newest->record[0], 2);
}

Test(newest, the_clean_copy_of_one_key_does_not_touch_the_next_entry)
{
	struct slu_entry *entries[SLU_CACHE_CHUNK];
	uint64_t key;

	for (key = 0; key < SLU_CACHE_CHUNK; key++)
		entries[key] = add(key);
	for (key = 0; key < SLU_CACHE_CHUNK; key++) {
		struct slu_slot *slot = slot_with(0, entries[key], FIRST_VERSION + 1, 0xff);

		slu_cache_publish(entries[key], slot);
		slu_cache_install(&f.cache, slot);
	}
	for (key = 0; key < SLU_CACHE_CHUNK; key++) {
		cr_assert_arr_eq(entries[key]->key, &key, sizeof(key));
		cr_assert_eq(slu_cache_find(&f.cache, &key), entries[key]);
	}
}

/* ---- warm ---- */

static bool warm(struct slu_entry *entry, uint64_t version, unsigned char fill)
{
	unsigned char record[16];

	memset(record, fill, sizeof(record));
	return slu_cache_warm(&f.cache, entry, version, record, sizeof(record));
}

Test(newest, warm_shows_the_clean_copy)
{
	struct slu_entry *entry = add(7);

	cr_assert(warm(entry, 5, 1));
	cr_assert_eq(entry->newest, slu_cache_clean(&f.cache, slu_cache_index(&f.cache, entry)));
	assert_equal(entry->version, FIRST_VERSION + 1);
	assert_equal(entry->newest->version, FIRST_VERSION + 1);
	assert_equal(entry->newest->record[15], 1);
}

/* What a run left that died is older than all versions of this one. */
Test(newest, warm_leaves_a_restored_record_alone)
{
	struct slu_entry *entry = add(7);
	struct slu_slot *slot = slot_with(0, entry, FIRST_VERSION - 1, 1);

	slu_cache_restore(&f.cache, entry, slot);
	cr_assert_not(warm(entry, FIRST_VERSION + 5, 2));
	assert_equal(entry->newest->version, FIRST_VERSION - 1);
	assert_equal(entry->newest->record[15], 1);
}

/* Its version is taken, its record not yet shown: as in the middle of a put. */
Test(newest, warm_leaves_a_key_alone_that_is_being_put)
{
	struct slu_entry *entry = add(7);

	entry->version = FIRST_VERSION + 1;
	cr_assert_not(warm(entry, 5, 2));
	cr_assert_null(entry->newest);
}
