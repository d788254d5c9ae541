/* SPDX-License-Identifier: MIT */
/* program.c - fork, with both outputs into files that nobody else has. */
#include "tests/contract/program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(what)                                                              \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* All of an anonymous file. */
static char *read_all(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	REQUIRE(text != NULL && pread(fd, text, (size_t)size, 0) == size);
	close(fd);
	return text;
}

static pid_t start(int (*program)(int argc, char **argv), char **arguments, int out, int err)
{
	int count = 0;
	pid_t pid;

	while (arguments[count] != NULL)
		count++;
	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		int status;

		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		status = program(count, arguments);
		fflush(NULL);
		_exit(status);
	}
	return pid;
}

struct said program_run(int (*program)(int argc, char **argv), char **arguments)
{
	int out = memfd_create("out", 0), err = memfd_create("err", 0);
	struct said said;
	int status;
	pid_t pid;

	REQUIRE(out >= 0 && err >= 0);
	pid = start(program, arguments, out, err);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	said.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	said.out = read_all(out);
	said.err = read_all(err);
	return said;
}

void program_run_and_kill(int (*program)(int argc, char **argv), char **arguments,
                          unsigned after_us)
{
	int nowhere = memfd_create("nowhere", 0);
	int status;
	pid_t pid;

	REQUIRE(nowhere >= 0);
	pid = start(program, arguments, nowhere, nowhere);
	close(nowhere);
	usleep(after_us);
	kill(pid, SIGKILL);
	REQUIRE(waitpid(pid, &status, 0) == pid);
}

void said_free(struct said *said)
{
	free(said->out);
	free(said->err);
}
