/* SPDX-License-Identifier: MIT */
/* file_generation.c - making a run's file on a system that interrupts, refuses, or knows less. */
#include "lane_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lane_folder f;
static struct slu_file_system files; /* the system's, to be bent */

static void set_up(void)
{
	folder_init(&f);
	files = slu_file_system;
	f.world.env.files = &files;
}

static void tear_down(void)
{
	folder_free(&f);
}

TestSuite(file_generation, .init = set_up, .fini = tear_down, .timeout = 100);

static size_t listed(void)
{
	struct slu_listing listing;
	size_t count;

	assert_status(slu_directory_list(&f.directory, &listing, &f.error), SLUICE_OK);
	count = listing.count;
	slu_listing_free(&listing);
	return count;
}

static enum sluice_status create(struct slu_directory *directory, uint64_t slot_count,
                                 bool lock_memory)
{
	struct slu_generation_plan plan = {
		.generation = f.id,
		.streams = &world_streams,
		.lane_count = 1,
		.slot_count = slot_count,
		.slot_size = FOLDER_SLOT_SIZE,
		.first_version = 1,
		.lock_memory = lock_memory,
	};

	return slu_generation_create(&f.generation, &f.world.env, directory, &plan, &f.error);
}

/* ---- a name that is taken ---- */

Test(file_generation, a_file_of_the_same_name_is_neither_replaced_nor_removed)
{
	struct stat before, after;

	assert_status(folder_create(&f), SLUICE_OK);
	cr_assert_eq(fstatat(f.directory.fd, f.generation.name, &before, 0), 0);
	slu_generation_close(&f.generation, &f.world.env);
	assert_status(folder_create(&f), SLUICE_FAILED);
	cr_assert_not_null(strstr(f.error.message, strerror(EEXIST)), "%s", f.error.message);
	assert_equal(listed(), 1);
	f.id.bytes[15] ^= 1;
	assert_status(folder_create(&f), SLUICE_OK);
	assert_equal(listed(), 2);
	f.id.bytes[15] ^= 1;
	slu_file_name(f.generation.name, &f.id);
	cr_assert_eq(fstatat(f.directory.fd, f.generation.name, &after, 0), 0);
	assert_equal(after.st_ino, before.st_ino);
}

/* As some file systems are: ZFS before 2.2. */
static int rename_without_flags(int from_directory, const char *from, int to_directory,
                                const char *to, unsigned flags)
{
	if (flags != 0) {
		errno = EINVAL;
		return -1;
	}
	return slu_file_system.rename_at(from_directory, from, to_directory, to, 0);
}

Test(file_generation, a_file_system_that_can_only_replace_is_not_let)
{
	files.rename_at = rename_without_flags;
	assert_status(folder_create(&f), SLUICE_OK);
	assert_equal(folder_verdict(&f), SLU_FILE_SOUND);
	slu_generation_close(&f.generation, &f.world.env);
	assert_status(folder_create(&f), SLUICE_FAILED);
	cr_assert_not_null(strstr(f.error.message, strerror(EEXIST)), "%s", f.error.message);
	assert_equal(listed(), 1);
}

/* ---- interrupted ---- */

static size_t allocations;
static off_t allocated;

static int allocate_when_lucky(int fd, off_t offset, off_t size)
{
	if (++allocations % 2 != 0)
		return EINTR;
	cr_assert_eq(offset, allocated, "a piece is missing");
	allocated += size;
	return slu_file_system.allocate(fd, offset, size);
}

Test(file_generation, signals_delay_the_allocation_but_do_not_end_it)
{
	files.allocate = allocate_when_lucky;
	assert_status(create(&f.directory, 1 << 15, false), SLUICE_OK); /* 4 MiB and more */
	assert_equal(allocated, f.generation.memory_size);
	cr_assert_gt(allocations, 8, "all at once: a timer would never let it end");
	assert_equal(folder_verdict(&f), SLU_FILE_SOUND);
}

static int allocate_never(int fd, off_t offset, off_t size)
{
	(void)fd;
	(void)offset;
	(void)size;
	return EINTR;
}

Test(file_generation, signals_without_end_are_an_error)
{
	files.allocate = allocate_never;
	assert_status(create(&f.directory, 64, false), SLUICE_FAILED);
	cr_assert_not_null(strstr(f.error.message, strerror(EINTR)), "%s", f.error.message);
	assert_equal(listed(), 0);
}

/* ---- refused ---- */

/* Else the kernel would send SIGXFSZ, and the host would be gone. */
Test(file_generation, a_limit_on_file_sizes_is_an_error_and_no_death)
{
	struct rlimit limit = {.rlim_cur = 65536, .rlim_max = RLIM_INFINITY};

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_status(create(&f.directory, 1024, false), SLUICE_FAILED);
	cr_assert_not_null(strstr(f.error.message, "ulimit -f"), "%s", f.error.message);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_equal(listed(), 0);
}

static int advise_as_before_5_14(void *memory, size_t size, int advice)
{
	if (advice == MADV_POPULATE_WRITE) {
		errno = EINVAL;
		return -1;
	}
	return slu_file_system.advise(memory, size, advice);
}

Test(file_generation, an_older_kernel_touches_the_pages_itself)
{
	unsigned char there;

	files.advise = advise_as_before_5_14;
	assert_status(create(&f.directory, 64, false), SLUICE_OK);
	cr_assert_eq(mincore(f.generation.memory, 1, &there), 0);
	assert_equal(there & 1, 1);
	assert_equal(folder_verdict(&f), SLU_FILE_SOUND);
}

static int refuse_to_lock(const void *memory, size_t size)
{
	(void)memory;
	(void)size;
	errno = ENOMEM;
	return -1;
}

Test(file_generation, anonymous_memory_is_locked_too_or_it_is_an_error)
{
	files.lock_memory = refuse_to_lock;
	assert_status(create(NULL, 64, true), SLUICE_FAILED);
	cr_assert_not_null(strstr(f.error.message, "RLIMIT_MEMLOCK"), "%s", f.error.message);
	assert_equal(f.world.mapped, 0);
	assert_status(create(NULL, 64, false), SLUICE_OK);
}

/* A file that could not be read back would be noticed only when it is needed. */
Test(file_generation, streams_that_contradict_themselves_are_refused_before_anybody_puts)
{
	struct sluice_stream spoilt = items;
	const struct sluice_stream *list[] = {&spoilt};
	struct sluice_streams streams = {.name = "spoilt", .streams = list, .count = 1};
	struct slu_generation_plan plan = {.generation = f.id,
	                                   .streams = &streams,
	                                   .lane_count = 1,
	                                   .slot_count = 64,
	                                   .slot_size = FOLDER_SLOT_SIZE};

	spoilt.key_offset = (uint16_t)(spoilt.layout.size - 1);
	assert_status(
		slu_generation_create(&f.generation, &f.world.env, &f.directory, &plan, &f.error),
		SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "spoilt"), "%s", f.error.message);
	assert_equal(listed(), 0);
}

/* ---- the directory ---- */

Test(file_generation, a_link_with_a_slash_behind_it_is_a_link)
{
	char path[96], name[96];
	struct slu_directory directory;

	snprintf(path, sizeof(path), "%s/link", f.path);
	snprintf(name, sizeof(name), "%s/real", f.path);
	cr_assert_eq(mkdir(name, 0700), 0);
	cr_assert_eq(symlink("real", path), 0);
	strcat(path, "//");
	assert_status(
		slu_directory_open(&directory, &f.world.env, path, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_INVALID);
	strcat(name, "//");
	assert_status(
		slu_directory_open(&directory, &f.world.env, name, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_OK);
	slu_directory_close(&directory);
}

Test(file_generation, a_path_that_is_too_long_is_refused_not_cut)
{
	char path[SLUICE_TEXT_OPTION_SIZE + 1];
	struct slu_directory directory;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_status(
		slu_directory_open(&directory, &f.world.env, path, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_INVALID);
}

Test(file_generation, a_leftover_that_can_not_be_removed_is_told)
{
	char name[SLU_FILE_NAME_SIZE + 8];

	slu_file_name(f.generation.name, &f.id);
	snprintf(name, sizeof(name), "%s.new", f.generation.name);
	cr_assert_eq(mkdirat(f.directory.fd, name, 0700), 0);
	assert_status(slu_directory_clean(&f.directory, &f.error), SLUICE_FAILED);
	cr_assert_not_null(strstr(f.error.message, name), "%s", f.error.message);
	memset(&f.generation, 0, sizeof(f.generation));
}

Test(file_generation, a_holder_that_left_no_pid_is_another_process)
{
	struct slu_directory directory;

	cr_assert_eq(ftruncate(f.directory.lock_fd, 0), 0);
	assert_status(
		slu_directory_open(&directory, &f.world.env, f.path, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_BUSY);
	cr_assert_not_null(strstr(f.error.message, "another process"), "%s", f.error.message);
}
