/* SPDX-License-Identifier: MIT */
/*
 * with_postgres.c - runs a command beside a disposable PostgreSQL.
 *
 *      with_postgres COMMAND [ARGUMENT]..
 *
 * The command finds the server through SLUICE_TEST_DSN: keywords, superuser, Unix socket, database
 * postgres. Exit status: the command's; 128 + n if signal n ended it; 125 if there was no server,
 * 127 if the command can't be run, 2 for wrong usage. SIGINT, SIGTERM and SIGHUP are passed on, and
 * the server is stopped in any case.
 */
#include "db/server/disposable.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_NO_SERVER 125
#define EXIT_NO_COMMAND 127
#define GRACE_S 10 /* for the command to end after a signal */

static pid_t start_command(char **argv, const sigset_t *mask)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* Without us there is no server, and soon no reason to go on. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		execvp(argv[0], argv);
	fprintf(stderr, "with_postgres: can't run %s: %s\n", argv[0], strerror(errno));
	_exit(EXIT_NO_COMMAND);
}

/* Waits for the command, passing signals on; `signals` are blocked. After the first one it has
 * GRACE_S seconds. Returns its wait status. */
static int wait_for_command(pid_t pid, const sigset_t *signals)
{
	bool asked_to_end = false;
	int status;

	for (;;) {
		struct timespec grace = {.tv_sec = GRACE_S};
		int number = sigtimedwait(signals, NULL, asked_to_end ? &grace : NULL);

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		if (number == SIGCHLD || (number < 0 && errno == EINTR))
			continue;
		if (number < 0)
			number = SIGKILL;
		asked_to_end = true;
		kill(pid, number);
	}
}

static int exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int main(int argc, char **argv)
{
	struct sluice_error error;
	struct slu_disposable *server;
	sigset_t signals;
	sigset_t before;
	int status = EXIT_NO_SERVER;
	pid_t pid;

	if (argc < 2) {
		fputs("usage: with_postgres COMMAND [ARGUMENT]..\n", stderr);
		return EXIT_USAGE;
	}
	/* Blocked from here on: a signal during the start waits until there is somebody to get it,
	 * and none can keep the server from being stopped. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);

	server = slu_disposable_start(&error);
	if (server == NULL) {
		fprintf(stderr, "with_postgres: %s\n", error.message);
		return EXIT_NO_SERVER;
	}
	setenv("SLUICE_TEST_DSN", slu_disposable_dsn(server), 1);
	pid = start_command(argv + 1, &before);
	if (pid > 0)
		status = exit_status(wait_for_command(pid, &signals));
	else
		fprintf(stderr, "with_postgres: fork: %s\n", strerror(errno));
	if (slu_disposable_stop(server, &error) != SLUICE_OK) {
		fprintf(stderr, "with_postgres: %s\n", error.message);
		if (status == 0)
			status = EXIT_NO_SERVER;
	}
	return status;
}
