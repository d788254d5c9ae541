/* SPDX-License-Identifier: MIT */
/*
 * recovery.c - runs that die, and the runs that carry what they left.
 *
 * A run here dies by being forgotten: its memory is unmapped and its lock given up, its file stays as
 * it is. The database (ledger.h) outlives all runs.
 */
#include "ledger.h"
#include "world.h"

#include "core/file/format.h"
#include "core/registry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OPTIONS "lanes=2 shared_lanes=0 lane_slots=64 keys=64 flush_delay=0 flush_rows=4"
#define STEPS_TO_THE_END 400

static struct {
	struct ledger ledger;
	struct world world;
	char directory[64];
	struct sluice *sluice; /* the living run */
	struct sluice_lane *lanes[2];
	struct sluice_error error;
} f;

static void set_up(void)
{
	world_init(&f.world);
	f.world.env.files = slu_env_system(&f.error)->files;
	strcpy(f.directory, "/dev/shm/sluice-recovery-XXXXXX");
	cr_assert_not_null(mkdtemp(f.directory));
}

/* ---- runs ---- */

static struct sluice *open_run(const char *options)
{
	char text[256];
	struct sluice_options parsed;
	bool offline = f.ledger.offline;

	snprintf(text, sizeof(text), "dir=%s connect=background %s", f.directory, options);
	sluice_options_init(&parsed);
	assert_status(sluice_options_parse(&parsed, text, &f.error), SLUICE_OK);
	/* As world_open: the thread takes a look, and is stopped. */
	f.ledger.offline = true;
	f.sluice = slu_open(&f.world.env, ledger_sink_new(&f.ledger), &world_streams, &parsed,
	                    &f.error);
	f.ledger.offline = offline;
	if (f.sluice == NULL)
		return NULL;
	slu_instance_stop(f.sluice, 1);
	atomic_store(&f.sluice->flusher.stop_ns, 0);
	f.lanes[0] = world_attach(f.sluice, 0);
	f.lanes[1] = world_attach(f.sluice, 1);
	return f.sluice;
}

static void start_run(void)
{
	cr_assert_not_null(open_run(OPTIONS), "%s", f.error.message);
}

static void steps(size_t count)
{
	for (size_t i = 0; i < count; i++)
		world_step(f.sluice, 1000000);
}

static void die(void)
{
	slu_registry_leave(f.sluice);
	f.sluice->sink->ops->close(f.sluice->sink);
	slu_instance_free_memory(f.sluice);
	free(f.sluice);
	f.sluice = NULL;
	assert_equal(f.world.mapped, 0);
}

/* Close and free both. */
static void list(struct slu_directory *directory, struct slu_listing *listing)
{
	assert_status(slu_directory_open(directory, &f.world.env, f.directory, SLU_DIRECTORY_LOOK,
	                                 &f.error),
	              SLUICE_OK);
	assert_status(slu_directory_list(directory, listing, &f.error), SLUICE_OK);
}

static size_t files_in(const char *below)
{
	struct slu_directory directory;
	struct slu_listing listing;
	size_t count;

	list(&directory, &listing);
	count = *below == '\0' ? listing.count : listing.quarantined;
	slu_listing_free(&listing);
	slu_directory_close(&directory);
	return count;
}

static void tear_down(void)
{
	char command[128];

	if (f.sluice != NULL)
		die();
	cr_assert_str_empty(f.ledger.violation);
	ledger_free(&f.ledger);
	snprintf(command, sizeof(command), "rm -rf '%s'", f.directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(recovery, .init = set_up, .fini = tear_down);

static void put_events(struct sluice_lane *lane, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		assert_status(put_event(lane, first + i), SLUICE_OK);
}

/* Events first.. are in the database, each once, and in order. */
static void assert_events(uint64_t first, uint64_t count)
{
	uint64_t next = first;

	for (uint64_t i = 0; i < count; i++)
		assert_equal(ledger_count(&f.ledger, &events, first + i), 1);
	for (size_t i = 0; i < f.ledger.row_count; i++) {
		const struct seen_row *row = &f.ledger.rows[i];

		if (row->stream == &events && row->record.event.value >= first &&
		    row->record.event.value < first + count)
			assert_equal(row->record.event.value, next++);
	}
}

static struct sluice_stats stats(void)
{
	struct sluice_stats stats;

	sluice_stats(f.sluice, &stats);
	return stats;
}

static void assert_account(const struct sluice_account *account)
{
	assert_equal(account->accepted, account->committed + account->coalesced +
	                                        account->dead_lettered + account->pending);
}

/* Of the living run and of the former ones. Nothing pending has ever gone below nothing. */
static void assert_accounts(void)
{
	struct sluice_stats now = stats();

	assert_account(&now.account);
	assert_account(&now.former.account);
	cr_assert_leq(now.account.pending, now.account.accepted);
	cr_assert_leq(now.former.account.pending, now.former.account.accepted);
}

/* ---- what a dead run left ---- */

Test(recovery, a_dead_runs_records_are_carried_once_and_first)
{
	f.ledger.offline = true;
	start_run();
	put_events(f.lanes[0], 100, 10);
	die();
	f.ledger.offline = false;
	start_run();
	put_events(f.lanes[0], 110, 5);
	steps(STEPS_TO_THE_END);
	assert_events(100, 15);
	assert_equal(stats().former.account.committed, 10);
	assert_equal(stats().account.committed, 5);
	assert_equal(stats().former.files, 1);
	assert_equal(stats().former.files_left, 0);
	cr_assert(f.ledger.generations[0].sealed);
}

Test(recovery, paused_what_a_dead_run_left_waits_and_is_not_sealed)
{
	f.ledger.offline = true;
	start_run();
	put_events(f.lanes[0], 100, 10);
	die();
	f.ledger.offline = false;
	start_run();
	assert_status(sluice_pause(f.sluice), SLUICE_OK);
	steps(STEPS_TO_THE_END);
	assert_equal(f.ledger.row_count, 0);
	assert_equal(stats().former.files_left, 1);
	assert_equal(stats().former.account.pending, 10);
	assert_status(sluice_resume(f.sluice), SLUICE_OK);
	steps(STEPS_TO_THE_END);
	assert_events(100, 10);
	assert_equal(stats().former.files_left, 0);
}

Test(recovery, what_the_database_has_is_not_sent_again)
{
	start_run();
	put_events(f.lanes[0], 100, 5);
	steps(10);
	assert_equal(f.ledger.row_count, 5);
	put_events(f.lanes[0], 105, 3);
	die();
	start_run();
	steps(STEPS_TO_THE_END);
	assert_events(100, 8);
	assert_equal(f.ledger.row_count, 8);
}

Test(recovery, dead_letters_are_counted_for_the_run_whose_records_they_are)
{
	f.ledger.refuses = 7;
	f.ledger.offline = true;
	start_run();
	put_events(f.lanes[0], 7, 1);
	put_events(f.lanes[0], 100, 3);
	put_events(f.lanes[1], 7, 1);
	die();
	f.ledger.offline = false;
	start_run();
	put_events(f.lanes[0], 7, 1);
	put_events(f.lanes[0], 103, 4);
	steps(STEPS_TO_THE_END);
	assert_events(100, 7);
	assert_equal(f.ledger.letter_count, 3);
	assert_equal(stats().former.account.committed, 3);
	assert_equal(stats().former.account.dead_lettered, 2);
	assert_equal(stats().account.committed, 4);
	assert_equal(stats().account.dead_lettered, 1);
	assert_accounts();
	assert_equal(stats().account.pending, 0);
}

Test(recovery, its_file_is_gone_when_all_is_carried)
{
	start_run();
	put_events(f.lanes[0], 100, 3);
	die();
	assert_equal(files_in(""), 1);
	start_run();
	assert_equal(files_in(""), 2);
	steps(STEPS_TO_THE_END);
	assert_equal(files_in(""), 1);
}

Test(recovery, a_run_that_never_put_leaves_nothing)
{
	f.ledger.offline = true;
	start_run();
	die();
	start_run();
	die();
	start_run();
	assert_equal(files_in(""), 1);
	assert_equal(stats().former.files_left, 0);
}

Test(recovery, several_dead_runs_are_carried_in_their_order)
{
	f.ledger.offline = true;
	for (uint64_t run = 0; run < 4; run++) {
		start_run();
		put_events(f.lanes[run % 2], 100 + 3 * run, 3);
		die();
	}
	f.ledger.offline = false;
	start_run();
	assert_equal(stats().former.account.pending, 12);
	steps(STEPS_TO_THE_END);
	assert_events(100, 12);
	assert_equal(stats().former.account.accepted, 12);
	assert_equal(f.ledger.generation_count, 5);
}

/* Dies again and again, each time a step later, and never loses or repeats anything. */
Test(recovery, killed_after_any_step_it_comes_to_the_same_end)
{
	uint64_t next = 100;

	for (size_t life = 0; life < 40; life++) {
		if (f.ledger.generation_count > LEDGER_GENERATIONS - 2)
			break;
		start_run();
		put_events(f.lanes[0], next, 7);
		next += 7;
		steps(life);
		assert_accounts();
		die();
	}
	start_run();
	steps(STEPS_TO_THE_END);
	assert_events(100, next - 100);
	assert_equal(files_in(""), 1);
}

Test(recovery, killed_after_any_step_of_one_recovery_it_comes_to_the_same_end)
{
	uint64_t next = 100;

	for (size_t step = 0; step < 30; step++) {
		struct sluice_stats now;

		f.ledger.offline = true;
		start_run();
		put_events(f.lanes[0], next, 9);
		put_events(f.lanes[1], 1000000 + next, 9);
		die();
		f.ledger.offline = false;
		start_run();
		steps(step);
		now = stats();
		assert_account(&now.former.account);
		die();
		start_run();
		steps(STEPS_TO_THE_END);
		assert_events(next, 9);
		assert_events(1000000 + next, 9);
		now = stats();
		assert_account(&now.former.account);
		assert_equal(now.former.account.pending, 0);
		die();
		start_run(); /* removes nothing but its own trace */
		steps(STEPS_TO_THE_END);
		die();
		next += 9;
	}
}

/* Numbers of batches start anew with each generation: the same number is not the same batch. */
Test(recovery, a_key_that_is_carried_and_put_anew_is_written_both_times)
{
	f.ledger.offline = true;
	start_run();
	assert_status(put_item(f.lanes[0], 1, 10), SLUICE_OK);
	die();
	start_run();
	assert_status(put_item(f.lanes[0], 1, 11), SLUICE_OK);
	die();
	f.ledger.offline = false;
	start_run();
	assert_status(put_item(f.lanes[0], 1, 12), SLUICE_OK);
	steps(STEPS_TO_THE_END);
	for (uint64_t value = 10; value <= 12; value++)
		assert_equal(ledger_count(&f.ledger, &items, value), 1);
	assert_equal(f.ledger.row_count, 3);
}

/* ---- the cache ---- */

Test(recovery, get_finds_what_a_dead_run_had_accepted)
{
	uint64_t version;
	struct item item;

	f.ledger.offline = true;
	start_run();
	assert_status(put_item(f.lanes[0], 1, 10), SLUICE_OK);
	assert_status(put_item(f.lanes[1], 1, 11), SLUICE_OK);
	assert_status(put_item(f.lanes[1], 2, 20), SLUICE_OK);
	die();
	start_run();
	assert_equal(value_of(f.lanes[0], 1), 11);
	assert_equal(value_of(f.lanes[0], 2), 20);
	/* The version is the dead run's: put_if goes on from it. */
	assert_status(sluice_get(f.lanes[0], &items, &(uint64_t){1}, &item, &version), SLUICE_OK);
	item.value = 12;
	assert_status(sluice_put_if(f.lanes[0], &items, &item, sizeof(item), version, NULL),
	              SLUICE_OK);
	assert_equal(value_of(f.lanes[1], 1), 12);
}

Test(recovery, get_misses_what_a_dead_run_had_removed)
{
	uint64_t id = 1;
	struct item item;

	f.ledger.offline = true;
	start_run();
	assert_status(put_item(f.lanes[0], id, 10), SLUICE_OK);
	assert_status(sluice_remove(f.lanes[0], &items, &id, NULL), SLUICE_OK);
	die();
	start_run();
	assert_status(sluice_get(f.lanes[0], &items, &id, &item, NULL), SLUICE_MISS);
}

Test(recovery, a_key_without_a_pending_record_is_left_to_the_database)
{
	struct item item;
	uint64_t id = 1;

	start_run();
	assert_status(put_item(f.lanes[0], id, 10), SLUICE_OK);
	steps(10);
	assert_status(put_item(f.lanes[0], 2, 20), SLUICE_OK);
	f.ledger.offline = true;
	die();
	start_run();
	assert_status(sluice_get(f.lanes[0], &items, &id, &item, NULL), SLUICE_MISS);
	assert_equal(value_of(f.lanes[0], 2), 20);
}

Test(recovery, a_newer_committed_version_of_a_pending_key_is_found)
{
	struct slu_slot *slot;

	start_run();
	assert_status(put_item(f.lanes[0], 1, 10), SLUICE_OK);
	assert_status(put_item(f.lanes[0], 1, 11), SLUICE_OK);
	steps(10);
	assert_equal(stats().account.pending, 0);
	/* An engine that took its version before these, and commits only now. */
	assert_status(put_item(f.lanes[1], 1, 9), SLUICE_OK);
	slot = slu_lane_slot(f.lanes[1], 0);
	slot->version -= 2;
	f.ledger.offline = true;
	die();
	start_run();
	assert_equal(value_of(f.lanes[0], 1), 11);
	f.ledger.offline = false;
	steps(STEPS_TO_THE_END);
	assert_equal(ledger_count(&f.ledger, &items, 9), 0);
	assert_equal(stats().former.account.coalesced, 1);
}

Test(recovery, a_record_marked_stale_is_neither_read_nor_sent)
{
	uint64_t version = 0;
	struct item item;

	start_run();
	assert_status(put_item(f.lanes[0], 1, 11), SLUICE_OK);
	steps(10);
	f.ledger.offline = true;
	assert_status(put_item(f.lanes[1], 1, 9), SLUICE_OK);
	slu_lane_slot(f.lanes[1], 0)->version -= 1;
	steps(2); /* the flusher sees it: it is as old as what was sent */
	cr_assert(slu_slot_flags(slu_lane_slot(f.lanes[1], 0)) & SLU_SLOT_STALE);
	/* The newer one's slot has been filled anew meanwhile, many times. */
	put_events(f.lanes[0], 100, 63);
	die();
	start_run();
	assert_status(sluice_get(f.lanes[0], &items, &(uint64_t){1}, &item, &version), SLUICE_MISS);
	f.ledger.offline = false;
	steps(STEPS_TO_THE_END);
	assert_equal(ledger_count(&f.ledger, &items, 9), 0);
	assert_events(100, 63);
}

/* An engine that was slow commits between two looks of the flusher, just when a grace period ends. */
Test(recovery, a_late_record_is_marked_before_the_newer_ones_slot_moves_on)
{
	start_run();
	assert_status(put_item(f.lanes[0], 1, 11), SLUICE_OK);
	for (int i = 0; i < 50 && !f.sluice->flusher.grace.running; i++)
		steps(1);
	cr_assert(f.sluice->flusher.grace.running);
	assert_status(put_item(f.lanes[1], 1, 9), SLUICE_OK);
	slu_lane_slot(f.lanes[1], 0)->version -= 1;
	world_step(f.sluice, 0); /* it is not yet time to look into the lanes */
	cr_assert_not(f.sluice->flusher.grace.running, "no grace period has passed");
	cr_assert(slu_slot_flags(slu_lane_slot(f.lanes[1], 0)) & SLU_SLOT_STALE);
}

/* ---- versions ---- */

Test(recovery, versions_grow_across_runs_also_when_the_clock_goes_back)
{
	struct item item;
	uint64_t before, after;

	start_run();
	assert_status(put_item(f.lanes[0], 1, 10), SLUICE_OK);
	assert_status(sluice_get(f.lanes[0], &items, &(uint64_t){1}, &item, &before), SLUICE_OK);
	steps(10);
	put_events(f.lanes[0], 100, 1);
	f.ledger.offline = true;
	die();
	f.world.realtime_us -= 3600u * 1000000u;
	start_run();
	assert_status(put_item(f.lanes[0], 1, 11), SLUICE_OK);
	assert_status(sluice_get(f.lanes[0], &items, &(uint64_t){1}, &item, &after), SLUICE_OK);
	cr_assert_gt(after, before);
}

/* ---- what can't be carried ---- */

static int open_only_file(void)
{
	struct slu_directory directory;
	struct slu_listing listing;
	int fd;

	list(&directory, &listing);
	assert_equal(listing.count, 1);
	fd = openat(directory.fd, listing.names[0], O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	slu_listing_free(&listing);
	slu_directory_close(&directory);
	return fd;
}

static void damage(off_t offset, unsigned char with)
{
	int fd = open_only_file();

	cr_assert_eq(pwrite(fd, &with, 1, offset), 1);
	close(fd);
}

Test(recovery, a_damaged_file_is_refused_and_kept)
{
	start_run();
	put_events(f.lanes[0], 100, 3);
	die();
	damage(20, 0xff);
	cr_assert_null(open_run(OPTIONS));
	assert_status(f.error.status, SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "on_damage=quarantine"), "%s", f.error.message);
	assert_equal(files_in(""), 1);
	assert_equal(f.world.mapped, 0);
}

Test(recovery, a_damaged_file_is_set_aside_when_asked)
{
	start_run();
	put_events(f.lanes[0], 100, 3);
	die();
	damage(20, 0xff);
	cr_assert_not_null(open_run(OPTIONS " on_damage=quarantine"), "%s", f.error.message);
	assert_equal(files_in(""), 1); /* the living run's */
	assert_equal(files_in("quarantine"), 1);
	assert_equal(stats().former.quarantined, 1);
	steps(STEPS_TO_THE_END);
	assert_equal(f.ledger.row_count, 0);
}

/* Gives the only lane file another boot id, under a right checksum. */
static void pretend_reboot(void)
{
	unsigned char page[SLU_FILE_PAGE];
	struct slu_file_header *header = (struct slu_file_header *)(void *)page;
	int fd = open_only_file();

	cr_assert_eq(pread(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
	header->boot.bytes[0] ^= 1;
	header->sum = 0;
	header->sum = slu_file_sum(page, sizeof(page));
	cr_assert_eq(pwrite(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
	close(fd);
}

Test(recovery, a_file_from_before_the_machine_was_started_is_carried_only_when_asked)
{
	start_run();
	put_events(f.lanes[0], 100, 3);
	die();
	pretend_reboot();
	cr_assert_null(open_run(OPTIONS " on_damage=quarantine"));
	assert_status(f.error.status, SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "after_reboot=carry"), "%s", f.error.message);
	assert_equal(files_in(""), 1);
	cr_assert_not_null(open_run(OPTIONS " after_reboot=carry"), "%s", f.error.message);
	steps(STEPS_TO_THE_END);
	assert_events(100, 3);
}

Test(recovery, more_keys_than_the_cache_holds_are_refused)
{
	f.ledger.offline = true;
	start_run();
	for (uint64_t id = 1; id <= 60; id++)
		assert_status(put_item(f.lanes[0], id, id), SLUICE_OK);
	die();
	cr_assert_null(open_run("lanes=1 shared_lanes=0 lane_slots=64 keys=1"));
	assert_status(f.error.status, SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "raise keys"), "%s", f.error.message);
	assert_equal(files_in(""), 1);
}

Test(recovery, a_database_that_is_ahead_of_the_file_halts)
{
	struct sluice_stats now;

	start_run();
	steps(2);
	put_events(f.lanes[0], 100, 3);
	die();
	f.ledger.generations[0].positions[0] = 4;
	start_run();
	steps(5);
	now = stats();
	assert_equal(now.state, SLUICE_STATE_HALTED);
	cr_assert_not_null(strstr(now.reason, "old copy"), "%s", now.reason);
	assert_equal(f.ledger.row_count, 0);
	assert_equal(files_in(""), 2);
}

Test(recovery, a_database_that_went_back_further_than_the_file_halts)
{
	struct sluice_stats now;

	start_run();
	for (uint64_t lap = 0; lap < 3; lap++) {
		put_events(f.lanes[0], 100 + 40 * lap, 40);
		steps(40);
	}
	die();
	f.ledger.generations[0].positions[0] = 1;
	start_run();
	steps(5);
	now = stats();
	assert_equal(now.state, SLUICE_STATE_HALTED);
	cr_assert_not_null(strstr(now.reason, "went back"), "%s", now.reason);
}

Test(recovery, a_database_that_went_back_a_little_is_healed_from_the_file)
{
	start_run();
	put_events(f.lanes[0], 100, 8);
	steps(40);
	assert_equal(f.ledger.row_count, 8);
	die();
	/* Restored to a moment before the last three. */
	f.ledger.generations[0].positions[0] = 5;
	f.ledger.row_count = 5;
	start_run();
	steps(STEPS_TO_THE_END);
	assert_events(100, 8);
}

/* ---- who owns the directory ---- */

Test(recovery, a_second_instance_is_refused_with_the_first_ones_pid)
{
	struct sluice *first;
	char pid[32];

	start_run();
	first = f.sluice;
	cr_assert_null(open_run(OPTIONS));
	assert_status(f.error.status, SLUICE_BUSY);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	cr_assert_not_null(strstr(f.error.message, pid), "%s", f.error.message);
	f.sluice = first;
}

/* ---- close ---- */

Test(recovery, close_seals_and_removes_what_is_all_committed)
{
	struct sluice_report report;
	struct sluice_options options;
	char text[256];

	snprintf(text, sizeof(text), "dir=%s " OPTIONS, f.directory);
	sluice_options_init(&options);
	assert_status(sluice_options_parse(&options, text, &f.error), SLUICE_OK);
	world_init_real(&f.world);
	f.sluice = slu_open(&f.world.env, ledger_sink_new(&f.ledger), &world_streams, &options,
	                    &f.error);
	cr_assert_not_null(f.sluice, "%s", f.error.message);
	put_events(world_attach(f.sluice, 0), 100, 5);
	assert_status(sluice_close(f.sluice, sluice_seconds(30), &report), SLUICE_OK);
	f.sluice = NULL;
	assert_events(100, 5);
	cr_assert(f.ledger.generations[0].sealed);
	assert_equal(files_in(""), 0);
}

Test(recovery, close_leaves_what_is_pending_for_the_next_run)
{
	struct sluice_report report;
	struct sluice_options options;
	char text[256];

	snprintf(text, sizeof(text), "dir=%s connect=background " OPTIONS, f.directory);
	sluice_options_init(&options);
	assert_status(sluice_options_parse(&options, text, &f.error), SLUICE_OK);
	world_init_real(&f.world);
	f.ledger.offline = true;
	f.sluice = slu_open(&f.world.env, ledger_sink_new(&f.ledger), &world_streams, &options,
	                    &f.error);
	put_events(world_attach(f.sluice, 0), 100, 5);
	assert_status(sluice_close(f.sluice, 0, &report), SLUICE_TIMEOUT);
	f.sluice = NULL;
	cr_assert_not_null(strstr(report.reason, "stays in"), "%s", report.reason);
	assert_equal(report.account.pending, 5);
	assert_equal(files_in(""), 1);
	f.ledger.offline = false;
	start_run();
	steps(STEPS_TO_THE_END);
	assert_events(100, 5);
}
