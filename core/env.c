/* SPDX-License-Identifier: MIT */
/* env.c - the real clock, memory and waiting of Linux. */
#include "core/env.h"

#include "core/file/system.h"

#include <sluice/sink.h>

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(struct slu_env *env)
{
	struct timespec now;

	(void)env;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t realtime_us(struct slu_env *env)
{
	struct timespec now;

	(void)env;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t random64(struct slu_env *env)
{
	uint64_t value = 0;

	/* Up to 256 bytes are never cut short once the kernel's pool is ready, which it is after
	 * boot. */
	while (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value) && errno == EINTR)
		;
	(void)env;
	return value;
}

/* Huge pages where the system gives them: with many keys a put otherwise waits for the translation of
 * addresses as long as for the data. Then every page is touched, so that no put or get faults. */
static bool prepare(void *memory, size_t size)
{
	(void)madvise(memory, size, MADV_HUGEPAGE); /* only faster */
	/* A child that kept these pages could write to a copy and believe it was accepted. */
	if (madvise(memory, size, MADV_DONTFORK) != 0)
		return false;
	if (madvise(memory, size, MADV_POPULATE_WRITE) == 0)
		return true;
	if (errno != EINVAL) /* a kernel before 5.14 does not know it */
		return false;
	memset(memory, 0, size);
	return true;
}

static void *map(struct slu_env *env, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)env;
	if (memory == MAP_FAILED)
		return NULL;
	if (!prepare(memory, size)) {
		munmap(memory, size);
		return NULL;
	}
	return memory;
}

static void unmap(struct slu_env *env, void *memory, size_t size)
{
	(void)env;
	if (memory != NULL)
		munmap(memory, size);
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
	                         .tv_nsec = (long)(ns % 1000000000u)};
}

static void wait_fd(struct slu_env *env, int fd, short events, uint64_t until_ns)
{
	struct pollfd poller = {.fd = fd, .events = events};
	uint64_t now = now_ns(env);
	struct timespec left = timespec_of(until_ns > now ? until_ns - now : 0);

	ppoll(&poller, fd >= 0 ? 1 : 0, until_ns == SLU_NEVER ? NULL : &left, NULL);
}

static void wait_word(struct slu_env *env, _Atomic uint32_t *word, uint32_t seen, uint64_t until_ns)
{
	struct timespec until = timespec_of(until_ns);

	(void)env;
	/* FUTEX_WAIT_BITSET, because it alone takes an absolute monotonic time. */
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen,
	        until_ns == SLU_NEVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void wake(struct slu_env *env, _Atomic uint32_t *word)
{
	(void)env;
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void barrier_everywhere(struct slu_env *env)
{
	(void)env;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static struct slu_env system_env = {
	.now_ns = now_ns,
	.realtime_us = realtime_us,
	.random = random64,
	.map = map,
	.unmap = unmap,
	.wait = wait_fd,
	.wait_word = wait_word,
	.wake = wake,
	.barrier_everywhere = barrier_everywhere,
	.files = &slu_file_system,
};

struct slu_env *slu_env_system(struct sluice_error *error)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0) {
		sluice_error_set(
			error, SLUICE_FAILED,
			"the kernel refuses membarrier (private expedited): Linux 4.14 or newer "
			"is needed, and a seccomp filter must allow it");
		return NULL;
	}
	return &system_env;
}
