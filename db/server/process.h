/* SPDX-License-Identifier: MIT */
/*
 * process.h - other processes, as /proc shows them to everyone.
 */
#ifndef DB_SERVER_PROCESS_H
#define DB_SERVER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A process id comes back for another process one day; with its start time it does not. */
struct slu_process {
	pid_t pid;
	unsigned long long start_ticks;
};

/* Fills `children` with the first `capacity` children of `parent` and returns how many it has. */
size_t slu_process_children(pid_t parent, struct slu_process *children, size_t capacity);

/* False also for a process that has ended and only waits for its parent to notice. */
bool slu_process_lives(const struct slu_process *process);

/* True when a SIGSTOP has taken hold, or the process is gone. */
bool slu_process_stands(pid_t pid);

#endif
