/* SPDX-License-Identifier: MIT */
/* file_window.c - which records a dead lane holds: full, wrapped, half filled, and what no engine
 * writes. */
#include "lane_folder.h"
#include "ledger.h"

#include "core/lane.h"
#include "core/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lane_folder f;

static void set_up(void)
{
	folder_init(&f);
	assert_status(folder_create(&f), SLUICE_OK);
}

static void tear_down(void)
{
	folder_free(&f);
}

TestSuite(file_window, .init = set_up, .fini = tear_down, .timeout = 100);

/* `count` events, of which the flusher has seen all and the database has `committed`. */
static void leave(uint64_t count, uint64_t committed)
{
	folder_put(&f, 0, count);
	atomic_store(&f.generation.hints[0].acknowledged, committed);
}

static void assert_window(uint64_t first, uint64_t end)
{
	struct slu_reader reader = folder_read(&f);

	cr_assert_eq(reader.verdict, SLU_FILE_SOUND, "%s", reader.reason);
	assert_equal(reader.lanes[0].first, first);
	assert_equal(reader.lanes[0].end, end);
	assert_equal(reader.records, end - reader.lanes[0].acknowledged);
	slu_reader_close(&reader);
}

static void assert_judged(enum slu_verdict verdict, const char *words)
{
	struct slu_reader reader = folder_read(&f);

	cr_assert_eq(reader.verdict, verdict, "%s: %s", slu_verdict_name(reader.verdict),
	             reader.reason);
	cr_assert_not_null(strstr(reader.reason, words), "%s", reader.reason);
	slu_reader_close(&reader);
}

/* ---- full lanes ---- */

Test(file_window, a_lane_full_of_pending_records_is_held_whole)
{
	leave(FOLDER_SLOTS, 0);
	assert_window(0, FOLDER_SLOTS);
}

Test(file_window, a_lane_full_again_after_its_first_lap_is_held_whole)
{
	leave(FOLDER_SLOTS + 7, 7);
	assert_window(7, FOLDER_SLOTS + 7);
}

Test(file_window, a_slot_is_given_up_when_its_record_was_committed)
{
	leave(FOLDER_SLOTS + 7, 8);
	assert_window(8, FOLDER_SLOTS + 7);
	/* Its next engine had begun. */
	memset((unsigned char *)folder_slot(&f, 0, 7) + 8, 0xee, FOLDER_SLOT_SIZE - 8);
	assert_window(8, FOLDER_SLOTS + 7);
}

Test(file_window, the_oldest_of_a_full_lane_is_looked_at)
{
	leave(FOLDER_SLOTS + 7, 7);
	folder_slot(&f, 0, 7)->stream = 9;
	assert_judged(SLU_FILE_DAMAGED, "record 8 of lane 0");
}

Test(file_window, a_slot_filled_again_before_it_was_committed_is_damage)
{
	leave(FOLDER_SLOTS + 7, 6);
	assert_judged(SLU_FILE_DAMAGED, "from 8 on, but only 6");
}

/* As a page that went back to what it was a lap ago. */
Test(file_window, a_slot_of_the_lap_before_among_newer_ones_is_a_hole)
{
	leave(FOLDER_SLOTS + 20, 30);
	atomic_store(&folder_slot(&f, 0, FOLDER_SLOTS + 3)->seq, 4);
	assert_judged(SLU_FILE_HOLE, "record 68 of lane 0 is not there, but 16 after it are");
}

/* What all of this is for: the database is away, the lane fills up, the engine is killed. */
Test(file_window, a_run_killed_with_a_full_lane_is_carried_whole)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	struct sluice_options options;
	struct sluice *sluice;
	struct sluice_lane *lane;
	uint64_t accepted = 0;
	char text[256];

	slu_directory_close(&f.directory);
	snprintf(text, sizeof(text),
	         "dir=%s connect=background lanes=1 shared_lanes=0 lane_slots=64 flush_delay=0",
	         f.path);
	sluice_options_init(&options);
	assert_status(sluice_options_parse(&options, text, &f.error), SLUICE_OK);
	ledger->offline = true;
	for (int run = 0; run < 2; run++) {
		sluice = slu_open(&f.world.env, ledger_sink_new(ledger), &world_streams, &options,
		                  &f.error);
		cr_assert_not_null(sluice, "%s", f.error.message);
		slu_instance_stop(sluice, 1);
		atomic_store(&sluice->flusher.stop_ns, 0);
		if (run == 0) {
			lane = world_attach(sluice, 0);
			while (put_event(lane, accepted) == SLUICE_OK)
				accepted++;
		}
		ledger->offline = run == 0;
		for (int step = 0; run == 1 && step < 400; step++)
			world_step(sluice, 1000000);
		world_close(sluice);
	}
	assert_equal(accepted, 64);
	assert_equal(ledger->row_count, accepted);
	for (uint64_t value = 0; value < accepted; value++)
		assert_equal(ledger_count(ledger, &events, value), 1);
	cr_assert_str_empty(ledger->violation);
	ledger_free(ledger);
	free(ledger);
}

/* ---- what no engine writes, and what would be trusted with more than bytes ---- */

Test(file_window, a_stamp_that_no_cut_would_reach_is_damage)
{
	leave(20, 0);
	folder_slot(&f, 0, 19)->epoch = UINT64_MAX;
	assert_judged(SLU_FILE_DAMAGED, "record 20 of lane 0 has a stamp");
	folder_slot(&f, 0, 19)->epoch = 0;
	assert_judged(SLU_FILE_DAMAGED, "record 20 of lane 0 has a stamp");
}

Test(file_window, an_event_that_is_to_be_removed_is_damage)
{
	leave(20, 0);
	atomic_store(&folder_slot(&f, 0, 3)->flags, SLU_SLOT_REMOVED);
	assert_judged(SLU_FILE_DAMAGED, "record 4 of lane 0 has flags");
}

Test(file_window, a_state_record_may_be_removed_and_stale)
{
	struct slu_slot *slot;

	leave(20, 0);
	slot = folder_slot(&f, 0, 3);
	slot->stream = 0;
	slot->version = 1001;
	slot->length = sizeof(struct item);
	atomic_store(&slot->flags, SLU_SLOT_REMOVED | SLU_SLOT_STALE);
	assert_window(0, 20);
	slot->version = (uint64_t)INT64_MAX + 1;
	assert_judged(SLU_FILE_DAMAGED, "record 4 of lane 0 has a version");
}

Test(file_window, a_note_that_is_neither_yes_nor_no_is_damage)
{
	atomic_store(f.generation.known_to_sink, 2);
	assert_judged(SLU_FILE_DAMAGED, "neither yes nor no");
}

/* ---- whose file ---- */

static void rewrite_header(void (*change)(unsigned char page[SLU_FILE_PAGE]))
{
	unsigned char page[SLU_FILE_PAGE];
	struct slu_file_header *header = (struct slu_file_header *)(void *)page;
	int fd = folder_open_file(&f);

	cr_assert_eq(pread(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
	change(page);
	header->sum = 0;
	header->sum = slu_file_sum(page, sizeof(page));
	cr_assert_eq(pwrite(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
	close(fd);
}

static void write_behind_names(unsigned char page[SLU_FILE_PAGE])
{
	page[SLU_FILE_PAGE - 1] = 1;
}

Test(file_window, a_byte_of_the_header_that_has_no_name_is_zero)
{
	rewrite_header(write_behind_names);
	assert_judged(SLU_FILE_DAMAGED, "where nothing belongs");
}

static void make_slots_small(unsigned char page[SLU_FILE_PAGE])
{
	struct slu_file_header *header = (struct slu_file_header *)(void *)page;

	header->slot_size = 32 + sizeof(struct item) - 8;
	cr_assert(slu_file_lay_out(header));
}

/* Whoever takes a record reads its whole struct. */
Test(file_window, records_larger_than_their_slots_are_damage)
{
	struct stat stat;
	int fd = folder_open_file(&f);

	rewrite_header(make_slots_small);
	cr_assert_eq(fstat(fd, &stat), 0);
	close(fd);
	assert_judged(SLU_FILE_DAMAGED, "larger than its slots");
}

static void raise_versions(unsigned char page[SLU_FILE_PAGE])
{
	((struct slu_file_header *)(void *)page)->first_version = UINT64_MAX - 3;
}

Test(file_window, versions_that_would_overflow_are_damage)
{
	rewrite_header(raise_versions);
	assert_judged(SLU_FILE_DAMAGED, "don't fit");
}

Test(file_window, a_file_that_grew_is_damage)
{
	int fd = folder_open_file(&f);
	struct stat stat;

	cr_assert_eq(fstat(fd, &stat), 0);
	cr_assert_eq(ftruncate(fd, stat.st_size + 1), 0);
	close(fd);
	assert_judged(SLU_FILE_DAMAGED, "was made with");
}

Test(file_window, a_copy_under_another_name_is_foreign)
{
	const char copy[] = "01a2056d-96f1-7251-870b-d72d05f7267e.lanes";
	struct slu_reader reader;

	cr_assert_eq(linkat(f.directory.fd, f.generation.name, f.directory.fd, copy, 0), 0);
	assert_status(slu_reader_open(&reader, &f.directory, copy, &f.error), SLUICE_OK);
	assert_equal(reader.verdict, SLU_FILE_FOREIGN);
	cr_assert_not_null(strstr(reader.reason, f.generation.name), "%s", reader.reason);
	slu_reader_close(&reader);
	assert_equal(folder_verdict(&f), SLU_FILE_SOUND);
}
