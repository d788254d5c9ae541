/* SPDX-License-Identifier: MIT */
/*
 * child.h - runs another program: without a shell, as an unprivileged user if we are root, and for
 * a bounded time.
 */
#ifndef DB_SERVER_CHILD_H
#define DB_SERVER_CHILD_H

#include <sluice/sluice.h>

#include <sys/types.h>

/* Who a program runs as. */
struct slu_child_user {
	bool change; /* false: as ourselves, the rest is not used */
	uid_t uid;
	gid_t gid;
	char name[32];
};

struct slu_child_setup {
	const char *const *argv;           /* argv[0] is looked for in PATH if it has no slash */
	const char *directory;             /* to run in; NULL for ours */
	int output_fd;                     /* takes its stdout and stderr */
	const struct slu_child_user *user; /* NULL for ourselves */
	bool own_session;                  /* out of reach of the terminal's Ctrl-C */
	int death_signal; /* sent to it when the thread that started it ends; 0 for none */
};

/* PostgreSQL's programs refuse to run as root: then the user is postgres, or else nobody. */
SLUICE_MUST_CHECK enum sluice_status slu_child_user_pick(struct slu_child_user *user,
                                                         struct sluice_error *error);

/* Starts it with default signal handling, nothing on stdin, and no file descriptor of ours but
 * `output_fd`. A program that can't be executed writes so to `output_fd` and exits with 127.
 * Returns its process id, or -1 with `error` filled. */
SLUICE_MUST_CHECK pid_t slu_child_start(const struct slu_child_setup *setup,
                                        struct sluice_error *error);

/* Waits for its end, and takes its exit status, as waitpid tells it, unless `status` is NULL.
 * Returns false if it is still running after `timeout_ns`; 0 only looks. */
bool slu_child_wait(pid_t pid, uint64_t timeout_ns, int *status);

/* Runs it to its end and keeps the first `size` - 1 bytes of what it printed. Returns false when it
 * could not run, failed, or took longer than 10 s. */
bool slu_child_output(const char *const *argv, char *output, size_t size);

#endif
