/* SPDX-License-Identifier: MIT */
/* file_directory.c - whose directory it is, who holds it, and making and removing files in it. */
#include "lane_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lane_folder f;

static void set_up(void)
{
	folder_init(&f);
}

static void tear_down(void)
{
	folder_free(&f);
}

TestSuite(file_directory, .init = set_up, .fini = tear_down, .timeout = 100);

/* Opens `path` apart from the fixture's, and closes it again. */
static enum sluice_status try_open(const char *path, enum slu_directory_use use)
{
	struct slu_directory directory;
	enum sluice_status status = slu_directory_open(&directory, &f.world.env, path, use,
	                                               &f.error);

	slu_directory_close(&directory);
	return status;
}

static const char *below(const char *name)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/%s", f.path, name);
	return path;
}

/* ---- whose ---- */

Test(file_directory, a_missing_one_is_made_and_closed_to_others)
{
	struct stat stat_now;

	assert_status(try_open(below("new"), SLU_DIRECTORY_OWN), SLUICE_OK);
	cr_assert_eq(stat(below("new"), &stat_now), 0);
	assert_equal(stat_now.st_mode & 07777, 0700);
}

Test(file_directory, a_missing_one_is_not_made_by_who_only_looks)
{
	assert_status(try_open(below("new"), SLU_DIRECTORY_LOOK), SLUICE_FAILED);
	cr_assert_neq(access(below("new"), F_OK), 0);
}

Test(file_directory, one_that_others_can_enter_is_refused)
{
	cr_assert_eq(mkdir(below("open"), 0755), 0);
	cr_assert_eq(chmod(below("open"), 0755), 0);
	assert_status(try_open(below("open"), SLU_DIRECTORY_OWN), SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "chmod 0700"), "%s", f.error.message);
}

Test(file_directory, one_of_another_user_is_refused)
{
	cr_assert_eq(mkdir(below("theirs"), 0700), 0);
	if (geteuid() != 0)
		cr_skip_test("needs root: nobody else can give a directory away");
	cr_assert_eq(chown(below("theirs"), 65534, 65534), 0);
	assert_status(try_open(below("theirs"), SLU_DIRECTORY_OWN), SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "another user"), "%s", f.error.message);
}

Test(file_directory, a_link_is_refused)
{
	cr_assert_eq(mkdir(below("real"), 0700), 0);
	cr_assert_eq(symlink(below("real"), strcpy((char[192]){0}, below("link"))), 0);
	assert_status(try_open(below("link"), SLU_DIRECTORY_OWN), SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "link"), "%s", f.error.message);
}

static int statfs_type;

static int pretend_stat_system(int fd, struct statfs *stat)
{
	int result = slu_file_system.stat_system(fd, stat);

	stat->f_type = statfs_type;
	return result;
}

Test(file_directory, a_networks_file_system_is_refused)
{
	struct slu_file_system pretending = slu_file_system;
	static const int types[] = {0x6969, (int)0xff534d42, 0x65735546};

	pretending.stat_system = pretend_stat_system;
	f.world.env.files = &pretending;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		statfs_type = types[i];
		assert_status(try_open(below("new"), SLU_DIRECTORY_OWN), SLUICE_INVALID);
	}
	f.world.env.files = &slu_file_system;
}

Test(file_directory, a_disks_file_system_is_allowed_and_its_risk_told)
{
	struct slu_directory directory;
	char path[] = "/tmp/sluice-disk-XXXXXX";

	cr_assert_not_null(mkdtemp(path));
	assert_status(
		slu_directory_open(&directory, &f.world.env, path, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_OK);
	cr_assert_str_empty(f.directory.risk); /* tmpfs */
	cr_assert_str_not_empty(directory.risk);
	slu_directory_close(&directory);
	cr_assert_eq(unlink(strcat(strcpy((char[64]){0}, path), "/lock")), 0);
	cr_assert_eq(rmdir(path), 0);
}

/* ---- who holds it ---- */

Test(file_directory, a_second_holder_is_refused_with_the_firsts_pid)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	assert_status(try_open(f.path, SLU_DIRECTORY_OWN), SLUICE_BUSY);
	cr_assert_not_null(strstr(f.error.message, pid), "%s", f.error.message);
	assert_status(try_open(f.path, SLU_DIRECTORY_LOOK), SLUICE_OK);
}

Test(file_directory, another_process_is_refused_until_the_holder_is_killed)
{
	char path[192], ready;
	int told[2], status;
	pid_t child;

	strcpy(path, below("theirs"));
	cr_assert_eq(pipe(told), 0);
	child = fork();
	if (child == 0) {
		ready = try_open(path, SLU_DIRECTORY_OWN) == SLUICE_OK ? 'y' : 'n';
		struct slu_directory directory;

		if (slu_directory_open(&directory, &f.world.env, path, SLU_DIRECTORY_OWN,
		                       &f.error) != SLUICE_OK)
			ready = 'n';
		(void)!write(told[1], &ready, 1);
		pause();
		_exit(0);
	}
	cr_assert_eq(read(told[0], &ready, 1), 1);
	assert_equal(ready, 'y');
	assert_status(try_open(path, SLU_DIRECTORY_OWN), SLUICE_BUSY);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_status(try_open(path, SLU_DIRECTORY_OWN), SLUICE_OK);
}

/* A lock goes through fork to the child, which may live longer than its parent. */
Test(file_directory, a_child_that_forgets_does_not_hold_it)
{
	int told[2], status;
	pid_t child;
	char byte;

	cr_assert_eq(pipe(told), 0);
	child = fork();
	if (child == 0) {
		slu_directory_forget(&f.directory);
		(void)!write(told[1], "x", 1);
		pause();
		_exit(0);
	}
	cr_assert_eq(read(told[0], &byte, 1), 1);
	assert_status(try_open(f.path, SLU_DIRECTORY_OWN), SLUICE_BUSY);
	slu_directory_close(&f.directory);
	assert_status(try_open(f.path, SLU_DIRECTORY_OWN), SLUICE_OK);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_status(
		slu_directory_open(&f.directory, &f.world.env, f.path, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_OK);
}

/* ---- files ---- */

static size_t listed(size_t *quarantined)
{
	struct slu_listing listing;
	size_t count;

	assert_status(slu_directory_list(&f.directory, &listing, &f.error), SLUICE_OK);
	count = listing.count;
	for (size_t i = 1; i < count; i++)
		cr_assert_lt(strcmp(listing.names[i - 1], listing.names[i]), 0);
	if (quarantined != NULL)
		*quarantined = listing.quarantined;
	slu_listing_free(&listing);
	return count;
}

Test(file_directory, runs_are_listed_in_their_order)
{
	for (size_t i = 0; i < 9; i++) {
		f.id.bytes[5] = (uint8_t)(200 - 7 * i);
		assert_status(folder_create(&f), SLUICE_OK);
		slu_generation_close(&f.generation, &f.world.env);
	}
	assert_equal(listed(NULL), 9);
}

Test(file_directory, files_of_others_are_not_listed)
{
	static const char *const names[] = {"lock2", "x.lanes", "notes.txt",
	                                    "0123456789abcdef0123456789abcdef0123.lanesx"};

	for (size_t i = 0; i < 4; i++)
		close(open(below(names[i]), O_CREAT | O_WRONLY, 0600));
	assert_equal(listed(NULL), 0);
}

Test(file_directory, one_that_was_never_finished_is_cleaned_away)
{
	char name[SLU_FILE_NAME_SIZE + 8];

	assert_status(folder_create(&f), SLUICE_OK);
	snprintf(name, sizeof(name), "%s.new", f.generation.name);
	close(openat(f.directory.fd, name, O_CREAT | O_WRONLY, 0600));
	assert_status(slu_directory_clean(&f.directory, &f.error), SLUICE_OK);
	cr_assert_neq(faccessat(f.directory.fd, name, F_OK, 0), 0);
	assert_equal(listed(NULL), 1);
}

Test(file_directory, removing_twice_is_fine)
{
	assert_status(folder_create(&f), SLUICE_OK);
	assert_status(slu_directory_remove(&f.directory, f.generation.name, &f.error), SLUICE_OK);
	assert_status(slu_directory_remove(&f.directory, f.generation.name, &f.error), SLUICE_OK);
	assert_equal(listed(NULL), 0);
}

Test(file_directory, quarantine_keeps_the_file_and_replaces_none)
{
	size_t quarantined;

	assert_status(folder_create(&f), SLUICE_OK);
	assert_status(slu_directory_quarantine(&f.directory, f.generation.name, &f.error),
	              SLUICE_OK);
	assert_equal(listed(&quarantined), 0);
	assert_equal(quarantined, 1);
	slu_generation_close(&f.generation, &f.world.env);
	assert_status(folder_create(&f), SLUICE_OK);
	assert_status(slu_directory_quarantine(&f.directory, f.generation.name, &f.error),
	              SLUICE_FAILED);
	assert_equal(listed(&quarantined), 1);
	assert_equal(quarantined, 1);
}

/* ---- making a file ---- */

Test(file_directory, a_runs_file_has_its_blocks_and_is_ours_alone)
{
	struct stat stat_now;
	int fd;

	assert_status(folder_create(&f), SLUICE_OK);
	fd = folder_open_file(&f);
	cr_assert_eq(fstat(fd, &stat_now), 0);
	assert_equal(stat_now.st_mode & 07777, 0600);
	assert_equal(stat_now.st_size, f.generation.memory_size);
	cr_assert_geq(stat_now.st_blocks * 512, stat_now.st_size, "it is sparse");
	close(fd);
}

Test(file_directory, a_forked_child_does_not_have_its_memory)
{
	int status;
	pid_t child;

	assert_status(folder_create(&f), SLUICE_OK);
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		f.generation.lanes[0] = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != 0, "it was written to");
	assert_equal(f.generation.lanes[0], 0);
}

Test(file_directory, whichever_call_fails_no_file_is_left)
{
	static const int causes[] = {ENOSPC, EIO, ENOMEM};
	size_t descriptors = open_descriptors();

	f.world.env.files = &failing_file_system;
	for (size_t c = 0; c < 3; c++)
		for (size_t at = 1, all = 0; !all; at++) {
			enum sluice_status status;

			failing_set(at, causes[c], false);
			status = folder_create(&f);
			all = failing_calls() < at;
			failing_set(0, 0, false);
			assert_equal(open_descriptors(), descriptors);
			if (status != SLUICE_OK) {
				assert_status(status, SLUICE_FAILED);
				cr_assert_not_null(strstr(f.error.message, strerror(causes[c])),
				                   "%s", f.error.message);
				cr_assert_eq(listed(NULL), 0, "call %zu: %s", at, f.error.message);
			}
			/* Advice that is not taken only costs speed. */
			slu_generation_close(&f.generation, &f.world.env);
			assert_status(slu_directory_clean(&f.directory, &f.error), SLUICE_OK);
			assert_status(
				slu_directory_remove(&f.directory, f.generation.name, &f.error),
				SLUICE_OK);
		}
	f.world.env.files = &slu_file_system;
}

Test(file_directory, whichever_call_fails_opening_fails_cleanly)
{
	size_t descriptors = open_descriptors();

	f.world.env.files = &failing_file_system;
	for (size_t at = 1;; at++) {
		enum sluice_status status;

		failing_set(at, EIO, false);
		status = try_open(below("other"), SLU_DIRECTORY_OWN);
		assert_equal(open_descriptors(), descriptors);
		if (failing_calls() < at)
			break;
		if (status != SLUICE_OK) /* printing the holder may fail */
			cr_assert(status == SLUICE_FAILED || status == SLUICE_INVALID);
	}
	f.world.env.files = &slu_file_system;
}

Test(file_directory, a_full_file_system_is_found_out_before_anybody_puts)
{
	char path[192];

	if (geteuid() != 0)
		cr_skip_test("needs root, to mount; the failing calls above stand for it");
	strcpy(path, below("small"));
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(mount("sluice", path, "tmpfs", 0, "size=64k,mode=0700"), 0);
	slu_directory_close(&f.directory);
	assert_status(
		slu_directory_open(&f.directory, &f.world.env, path, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_OK);
	for (int i = 0; i < 3; i++) { /* the third does not fit */
		enum sluice_status status;

		f.id.bytes[6] = (uint8_t)(0x70 + i);
		status = folder_create(&f);
		slu_generation_close(&f.generation, &f.world.env);
		if (status == SLUICE_OK)
			continue;
		assert_status(status, SLUICE_FAILED);
		cr_assert_not_null(strstr(f.error.message, "lower lanes or lane_slots"), "%s",
		                   f.error.message);
		assert_equal(listed(NULL), (size_t)i);
		i = 9;
	}
	assert_status(f.error.status, SLUICE_FAILED);
	slu_directory_close(&f.directory);
	cr_assert_eq(umount(path), 0);
}

Test(file_directory, memory_that_may_not_be_locked_is_an_error_when_it_was_asked_for)
{
	struct slu_generation_plan plan = {
		.generation = f.id,
		.streams = &world_streams,
		.lane_count = 1,
		.slot_count = 64,
		.slot_size = 128,
		.first_version = 1,
		.lock_memory = true,
	};

	f.world.env.files = &failing_file_system;
	for (size_t at = 1; at < 20; at++) {
		failing_set(at, EPERM, false);
		if (slu_generation_create(&f.generation, &f.world.env, &f.directory, &plan,
		                          &f.error) == SLUICE_FAILED &&
		    strstr(f.error.message, "RLIMIT_MEMLOCK") != NULL)
			break;
		cr_assert_lt(at, 19);
		slu_generation_close(&f.generation, &f.world.env);
		(void)slu_directory_remove(&f.directory, f.generation.name, NULL);
	}
	f.world.env.files = &slu_file_system;
	assert_equal(listed(NULL), 0);
}

/* Needs huge pages of the system's; without them the mount can't hold a file, which is an error like
 * any other. */
Test(file_directory, hugetlbfs_holds_a_file_or_says_why_not)
{
	char path[192];
	enum sluice_status status;

	if (geteuid() != 0)
		cr_skip_test("needs root, to mount");
	strcpy(path, below("huge"));
	cr_assert_eq(mkdir(path, 0700), 0);
	if (mount("sluice", path, "hugetlbfs", 0, "mode=0700") != 0)
		cr_skip_test("a kernel without hugetlbfs");
	slu_directory_close(&f.directory);
	assert_status(
		slu_directory_open(&f.directory, &f.world.env, path, SLU_DIRECTORY_OWN, &f.error),
		SLUICE_OK);
	cr_assert_gt(f.directory.page_size, 4096);
	status = folder_create(&f);
	if (status == SLUICE_OK) {
		folder_put(&f, 0, 20);
		assert_equal(folder_verdict(&f), SLU_FILE_SOUND);
		assert_equal(f.generation.memory_size % f.directory.page_size, 0);
		slu_generation_close(&f.generation, &f.world.env);
	} else {
		assert_status(status, SLUICE_FAILED);
		assert_equal(listed(NULL), 0);
	}
	slu_directory_close(&f.directory);
	cr_assert_eq(umount(path), 0);
}
