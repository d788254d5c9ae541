/* SPDX-License-Identifier: MIT */
/*
 * env.h - everything the core takes from the outside world: time, chance, memory, waiting.
 *
 * One struct, passed by whoever opens an instance. The real one is slu_env_system(); a test puts
 * its own clock and its own memory in. Outside of it core/ calls the operating system only to start
 * and join the flusher thread, to learn a process and a processor number, and in sluice_uuid7.
 */
#ifndef SLU_ENV_H
#define SLU_ENV_H

#include <sluice/sluice.h>

#include <stdatomic.h>

#define SLU_NEVER UINT64_MAX

struct slu_file_system; /* core/file/system.h */

struct slu_env {
	/* Monotonic nanoseconds, for every duration and deadline. */
	uint64_t (*now_ns)(struct slu_env *env);
	/* Microseconds since 1970 UTC, for names and versions that must grow across runs. */
	uint64_t (*realtime_us)(struct slu_env *env);
	uint64_t (*random)(struct slu_env *env);

	/* Zeroed, page-aligned, touched memory that a forked child does not see; NULL when there is
	 * none. */
	void *(*map)(struct slu_env *env, size_t size);
	void (*unmap)(struct slu_env *env, void *memory, size_t size);

	/* Sleeps until `fd` (-1: nothing) has one of `events`, or `until_ns`. May wake early. */
	void (*wait)(struct slu_env *env, int fd, short events, uint64_t until_ns);
	/* Sleeps while *word == seen, until slu_env.wake or `until_ns`. May wake early. */
	void (*wait_word)(struct slu_env *env, _Atomic uint32_t *word, uint32_t seen,
	                  uint64_t until_ns);
	void (*wake)(struct slu_env *env, _Atomic uint32_t *word);

	/* Returns when every running thread of the process has passed a full memory barrier. */
	void (*barrier_everywhere)(struct slu_env *env);

	const struct slu_file_system *files;
};

/* The operating system's. NULL with `error` filled when the kernel lacks something. */
struct slu_env *slu_env_system(struct sluice_error *error);

#endif
