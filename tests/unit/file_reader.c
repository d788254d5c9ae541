/* SPDX-License-Identifier: MIT */
/* file_reader.c - what is read back from a lane file, sound and damaged in every way. */
#include "lane_folder.h"

#include "core/file/schema.h"
#include "core/lane.h"

#include <errno.h>
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

TestSuite(file_reader, .init = set_up, .fini = tear_down, .timeout = 100);

/* ---- sound ---- */

Test(file_reader, tells_what_the_run_was)
{
	struct slu_reader reader;

	folder_put(&f, 0, 3);
	reader = folder_read(&f);
	assert_equal(reader.verdict, SLU_FILE_SOUND);
	cr_assert_arr_eq(&reader.generation, &f.id, sizeof(f.id));
	assert_equal(reader.pid, getpid());
	cr_assert(reader.this_boot);
	cr_assert_not(reader.known_to_sink);
	assert_equal(reader.first_version, 1000);
	assert_equal(reader.lane_count, FOLDER_LANES);
	assert_equal(reader.slot_count, FOLDER_SLOTS);
	assert_equal(reader.lanes[0].first, 0);
	assert_equal(reader.lanes[0].end, 3);
	assert_equal(reader.lanes[1].end, 0);
	assert_equal(reader.records, 3);
	slu_reader_close(&reader);
}

Test(file_reader, the_streams_come_back_without_their_sql)
{
	struct slu_reader reader = folder_read(&f);

	assert_equal(reader.streams->count, world_streams.count);
	for (size_t s = 0; s < world_streams.count; s++) {
		const struct sluice_stream *ours = world_streams.streams[s];
		const struct sluice_stream *theirs = reader.streams->streams[s];

		cr_assert_str_eq(theirs->name, ours->name);
		assert_equal(theirs->kind, ours->kind);
		assert_equal(theirs->index, s);
		assert_equal(theirs->fingerprint, ours->fingerprint);
		assert_equal(theirs->key_offset, ours->key_offset);
		assert_equal(theirs->key_size, ours->key_size);
		assert_equal(theirs->layout.size, ours->layout.size);
		assert_equal(theirs->layout.column_count, ours->layout.column_count);
		cr_assert_null(theirs->copy_sql);
		cr_assert_null(theirs->write_sql);
		for (size_t c = 0; c < ours->layout.column_count; c++) {
			cr_assert_str_eq(theirs->layout.columns[c].name,
			                 ours->layout.columns[c].name);
			assert_equal(theirs->layout.columns[c].offset,
			             ours->layout.columns[c].offset);
			assert_equal(theirs->layout.columns[c].type, ours->layout.columns[c].type);
		}
	}
	cr_assert(slu_reader_fits(&reader, &world_streams));
	slu_reader_close(&reader);
}

Test(file_reader, every_count_of_records_is_sound)
{
	for (uint64_t count = 1; count <= 3 * FOLDER_SLOTS + 1; count++) {
		struct slu_reader reader;

		folder_put(&f, 1, 1);
		reader = folder_read(&f);
		cr_assert_eq(reader.verdict, SLU_FILE_SOUND, "%s", reader.reason);
		assert_equal(reader.lanes[1].end, count);
		assert_equal(reader.lanes[1].first,
		             count >= FOLDER_SLOTS ? count + 1 - FOLDER_SLOTS : 0);
		slu_reader_close(&reader);
	}
}

Test(file_reader, a_slot_half_filled_by_who_died_is_no_damage)
{
	folder_put(&f, 0, FOLDER_SLOTS + 5);
	/* Everything but the commit word. */
	memset((unsigned char *)folder_slot(&f, 0, FOLDER_SLOTS + 5) + 8, 0xee,
	       FOLDER_SLOT_SIZE - 8);
	assert_equal(folder_verdict(&f), SLU_FILE_SOUND);
}

Test(file_reader, load_gives_the_slots_as_they_lie)
{
	unsigned char slots[FOLDER_SLOTS * FOLDER_SLOT_SIZE];
	struct slu_reader reader;

	folder_put(&f, 1, FOLDER_SLOTS + 9);
	reader = folder_read(&f);
	assert_status(slu_reader_load(&reader, 1, slots, &f.error), SLUICE_OK);
	cr_assert_arr_eq(slots, f.generation.lanes + f.generation.lane_size, sizeof(slots));
	slu_reader_close(&reader);
}

Test(file_reader, load_refuses_what_has_changed_since)
{
	unsigned char slots[FOLDER_SLOTS * FOLDER_SLOT_SIZE];
	struct slu_reader reader;

	folder_put(&f, 1, 9);
	reader = folder_read(&f);
	folder_slot(&f, 1, 4)->stream = 7;
	assert_status(slu_reader_load(&reader, 1, slots, &f.error), SLUICE_INVALID);
	slu_reader_close(&reader);
}

/* ---- damaged lanes ---- */

Test(file_reader, a_missing_record_with_others_behind_it_is_a_hole)
{
	folder_put(&f, 0, 20);
	atomic_store(&folder_slot(&f, 0, 7)->seq, 0);
	assert_equal(folder_verdict(&f), SLU_FILE_HOLE);
}

Test(file_reader, a_lane_that_ends_before_its_hint_misses_records)
{
	struct slu_reader reader;

	folder_put(&f, 0, 20);
	atomic_store(&folder_slot(&f, 0, 19)->seq, 0);
	reader = folder_read(&f);
	assert_equal(reader.verdict, SLU_FILE_MISSING);
	cr_assert_not_null(strstr(reader.reason, "ends at record 19, but 20"), "%s", reader.reason);
	slu_reader_close(&reader);
}

Test(file_reader, a_record_where_none_was_ever_put_is_a_hole)
{
	folder_put(&f, 0, 20);
	atomic_store(&folder_slot(&f, 0, 40)->seq, 41);
	assert_equal(folder_verdict(&f), SLU_FILE_HOLE);
}

static void assert_slot_damaged(const char *word)
{
	struct slu_reader reader = folder_read(&f);

	assert_equal(reader.verdict, SLU_FILE_DAMAGED);
	cr_assert_not_null(strstr(reader.reason, word), "%s", reader.reason);
	slu_reader_close(&reader);
}

Test(file_reader, a_stream_that_is_not_there_is_damage)
{
	folder_put(&f, 0, 20);
	folder_slot(&f, 0, 3)->stream = 2;
	assert_slot_damaged("record 4 of lane 0 names a stream");
}

Test(file_reader, a_length_beyond_the_record_is_damage)
{
	folder_put(&f, 0, 20);
	folder_slot(&f, 0, 3)->length = sizeof(struct event) + 1;
	assert_slot_damaged("length");
}

Test(file_reader, a_key_cut_off_is_damage)
{
	folder_put(&f, 0, 20);
	folder_slot(&f, 0, 3)->stream = 0;
	folder_slot(&f, 0, 3)->version = 1;
	folder_slot(&f, 0, 3)->length = 8;
	assert_slot_damaged("length");
}

Test(file_reader, a_state_record_without_a_version_is_damage)
{
	folder_put(&f, 0, 20);
	folder_slot(&f, 0, 3)->stream = 0;
	folder_slot(&f, 0, 3)->length = sizeof(struct item);
	assert_slot_damaged("version");
}

Test(file_reader, an_append_record_with_a_version_is_damage)
{
	folder_put(&f, 0, 20);
	folder_slot(&f, 0, 3)->version = 9;
	assert_slot_damaged("version");
}

Test(file_reader, a_flag_that_means_nothing_is_damage)
{
	folder_put(&f, 0, 20);
	atomic_store(&folder_slot(&f, 0, 3)->flags, 0x40);
	assert_slot_damaged("flags");
}

Test(file_reader, a_stamp_older_than_the_one_before_is_damage)
{
	folder_put(&f, 0, 20);
	folder_slot(&f, 0, 15)->epoch = 1;
	assert_slot_damaged("stamped earlier");
}

Test(file_reader, a_sequence_beyond_all_reason_is_damage)
{
	folder_put(&f, 0, 20);
	atomic_store(&folder_slot(&f, 0, 3)->seq, UINT64_MAX);
	assert_slot_damaged("beyond all reason");
}

/* ---- damaged header and schema ---- */

static unsigned char byte_at(int fd, off_t offset)
{
	unsigned char byte;

	cr_assert_eq(pread(fd, &byte, 1, offset), 1);
	return byte;
}

static void set_byte(int fd, off_t offset, unsigned char byte)
{
	cr_assert_eq(pwrite(fd, &byte, 1, offset), 1);
}

Test(file_reader, any_byte_of_header_and_schema_that_changes_is_noticed)
{
	int fd = folder_open_file(&f);
	struct slu_file_header header;

	cr_assert_eq(pread(fd, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	for (off_t at = 0; at < (off_t)(SLU_FILE_PAGE + header.schema_size); at++) {
		unsigned char before = byte_at(fd, at);

		for (int bit = 0; bit < 8; bit += 3) {
			set_byte(fd, at, (unsigned char)(before ^ 1 << bit));
			cr_assert_neq(folder_verdict(&f), SLU_FILE_SOUND, "byte %ld bit %d", at,
			              bit);
		}
		set_byte(fd, at, before);
	}
	assert_equal(folder_verdict(&f), SLU_FILE_SOUND);
	close(fd);
}

/* As if somebody had written the checksum, too: sizes that lie are still not believed. */
Test(file_reader, sizes_that_lie_under_a_right_checksum_are_not_believed)
{
	static const size_t members[] = {
		offsetof(struct slu_file_header, lane_count),
		offsetof(struct slu_file_header, slot_count),
		offsetof(struct slu_file_header, slot_size),
		offsetof(struct slu_file_header, schema_offset),
		offsetof(struct slu_file_header, schema_size),
		offsetof(struct slu_file_header, known_offset),
		offsetof(struct slu_file_header, hints_offset),
		offsetof(struct slu_file_header, lanes_offset),
		offsetof(struct slu_file_header, lane_size),
	};
	static const uint64_t lies[] = {
		0, 1, 3, 4096, 65536, UINT32_MAX, (uint64_t)1 << 40, INT64_MAX, UINT64_MAX};
	unsigned char page[SLU_FILE_PAGE], before[SLU_FILE_PAGE];
	int fd = folder_open_file(&f);

	cr_assert_eq(pread(fd, before, sizeof(before), 0), (ssize_t)sizeof(before));
	for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
		for (size_t l = 0; l < sizeof(lies) / sizeof(lies[0]); l++) {
			struct slu_file_header *header = (struct slu_file_header *)(void *)page;

			memcpy(page, before, sizeof(page));
			memcpy(page + members[m], &lies[l], sizeof(lies[l]));
			if (memcmp(page, before, sizeof(page)) == 0)
				continue;
			header->sum = 0;
			header->sum = slu_file_sum(page, sizeof(page));
			cr_assert_eq(pwrite(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
			cr_assert_neq(folder_verdict(&f), SLU_FILE_SOUND, "member %zu lie %zu", m,
			              l);
		}
	close(fd);
}

Test(file_reader, another_format_is_told_from_damage)
{
	unsigned char page[SLU_FILE_PAGE];
	struct slu_file_header *header = (struct slu_file_header *)(void *)page;
	struct slu_reader reader;
	int fd = folder_open_file(&f);

	cr_assert_eq(pread(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
	header->format = SLU_GENERATION_FORMAT + 1;
	cr_assert_eq(pwrite(fd, page, sizeof(page), 0), (ssize_t)sizeof(page));
	reader = folder_read(&f);
	assert_equal(reader.verdict, SLU_FILE_OTHER_VERSION);
	cr_assert_not_null(strstr(reader.reason, "format 2"), "%s", reader.reason);
	slu_reader_close(&reader);
	close(fd);
}

Test(file_reader, a_file_cut_anywhere_is_truncated_or_not_ours)
{
	int fd = folder_open_file(&f);
	struct stat whole;
	off_t step = 997;

	folder_put(&f, 0, 20);
	cr_assert_eq(fstat(fd, &whole), 0);
	/* The mapping is not touched any more: what lies behind the end is gone. */
	for (off_t size = whole.st_size - 1; size > 0; size -= size > step ? step : size) {
		cr_assert_eq(ftruncate(fd, size), 0);
		cr_assert_eq(folder_verdict(&f), SLU_FILE_TRUNCATED, "cut at %ld", (long)size);
	}
	cr_assert_eq(ftruncate(fd, 0), 0);
	assert_equal(folder_verdict(&f), SLU_FILE_TRUNCATED);
	close(fd);
}

Test(file_reader, what_is_not_a_lane_file_is_foreign)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f.path, f.generation.name);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	assert_equal(folder_verdict(&f), SLU_FILE_FOREIGN);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	assert_equal(folder_verdict(&f), SLU_FILE_FOREIGN);
}

/* Random damage behind right checksums: any verdict may be right, but the reader must live. */
Test(file_reader, random_damage_never_does_harm)
{
	struct world random = {.random = 20261122};
	int fd = folder_open_file(&f);
	struct stat whole;
	size_t sound = 0;

	folder_put(&f, 0, 90);
	folder_put(&f, 1, 30);
	cr_assert_eq(fstat(fd, &whole), 0);
	for (size_t round = 0; round < 20000; round++) {
		off_t at = (off_t)(world_random(&random) % (uint64_t)whole.st_size);
		unsigned char before = byte_at(fd, at);

		set_byte(fd, at, (unsigned char)world_random(&random));
		sound += folder_verdict(&f) == SLU_FILE_SOUND;
		set_byte(fd, at, before);
	}
	cr_assert_lt(sound, 20000);
	cr_assert_gt(sound, 0); /* most bytes are records', and empty slots' */
	close(fd);
}

Test(file_reader, a_schema_of_random_bytes_is_refused)
{
	struct world random = {.random = 7};
	uint64_t size;
	unsigned char *schema = slu_schema_write(&world_streams, &size);
	struct sluice_streams *streams;
	size_t read = 0;

	for (size_t round = 0; round < 20000; round++) {
		size_t at = world_random(&random) % size;
		unsigned char before = schema[at];

		schema[at] = (unsigned char)world_random(&random);
		streams = slu_schema_read(schema, size - world_random(&random) % 3);
		read += streams != NULL;
		free(streams);
		schema[at] = before;
	}
	cr_assert_lt(read, 20000);
	streams = slu_schema_read(schema, size);
	cr_assert_not_null(streams);
	free(streams);
	free(schema);
}

/* ---- other streams ---- */

Test(file_reader, streams_of_another_make_do_not_fit)
{
	struct sluice_stream changed = items;
	const struct sluice_stream *list[] = {&changed, &events};
	struct sluice_streams other = {.name = "other", .streams = list, .count = 2};
	struct slu_reader reader = folder_read(&f);

	changed.fingerprint++;
	cr_assert_not(slu_reader_fits(&reader, &other));
	assert_equal(reader.verdict, SLU_FILE_OTHER_SCHEMA);
	cr_assert_not_null(strstr(reader.reason, items.name), "%s", reader.reason);
	slu_reader_close(&reader);
}

Test(file_reader, more_streams_and_another_order_fit)
{
	struct sluice_stream first = {.name = "new", .kind = SLUICE_APPEND, .layout.size = 8};
	const struct sluice_stream *list[] = {&first, &events, &items};
	struct sluice_streams other = {.name = "other", .streams = list, .count = 3};
	struct slu_reader reader = folder_read(&f);

	cr_assert(slu_reader_fits(&reader, &other));
	slu_reader_close(&reader);
}

/* ---- the system's trouble ---- */

Test(file_reader, whichever_call_fails_it_says_so_and_leaves_nothing_open)
{
	static const int causes[] = {EIO, ENOMEM, EACCES};
	size_t descriptors = open_descriptors();

	folder_put(&f, 0, 20);
	f.world.env.files = &failing_file_system;
	for (size_t c = 0; c < 3; c++)
		for (size_t at = 1;; at++) {
			struct slu_reader reader;
			enum sluice_status status;

			failing_set(at, causes[c], c % 2 == 0);
			status = slu_reader_open(&reader, &f.directory, f.generation.name,
			                         &f.error);
			slu_reader_close(&reader);
			assert_equal(open_descriptors(), descriptors);
			if (failing_calls() < at)
				break;
			assert_status(status, SLUICE_FAILED);
			cr_assert_not_null(strstr(f.error.message, strerror(causes[c])), "%s",
			                   f.error.message);
		}
	f.world.env.files = &slu_file_system;
}

Test(file_reader, a_read_that_is_interrupted_goes_on)
{
	struct slu_reader reader;

	f.world.env.files = &failing_file_system;
	failing_set(4, EINTR, false);
	assert_status(slu_reader_open(&reader, &f.directory, f.generation.name, &f.error),
	              SLUICE_OK);
	assert_equal(reader.verdict, SLU_FILE_SOUND);
	slu_reader_close(&reader);
	f.world.env.files = &slu_file_system;
}
