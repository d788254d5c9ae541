/* SPDX-License-Identifier: MIT */
/* tracer.c - ptrace, as little of it as is needed. */
#include "tests/torture/tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL_STOP (SIGTRAP | 0x80) /* with PTRACE_O_TRACESYSGOOD */

static _Noreturn void give_up(const char *doing)
{
	fprintf(stderr, "tracer: can't %s: %s\n", doing, strerror(errno));
	abort();
}

static void request(enum __ptrace_request what, pid_t tid, size_t data, const char *doing)
{
	if (ptrace(what, tid, NULL, (void *)data) != 0)
		give_up(doing);
}

static int wait_for(pid_t tid)
{
	int status;

	while (waitpid(tid, &status, __WALL) != tid)
		if (errno != EINTR)
			give_up("wait for the victim");
	return status;
}

/* ---- the victim's side ---- */

void tracer_submit(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		give_up("be traced");
}

/* ---- from birth to death ---- */

pid_t tracer_fork(void (*victim)(void *argument), void *argument)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	victim(argument);
	fflush(NULL);
	_exit(0);
}

bool tracer_await(pid_t tid)
{
	int status = wait_for(tid);

	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

void tracer_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	tracer_wait(pid);
}

int tracer_wait(pid_t pid)
{
	int status;

	do
		status = wait_for(pid);
	while (WIFSTOPPED(status));
	return status;
}

/* ---- one thread ---- */

bool tracer_step(pid_t tid)
{
	int status;

	request(PTRACE_SINGLESTEP, tid, 0, "step");
	status = wait_for(tid);
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

void tracer_stop(pid_t tid)
{
	request(PTRACE_SEIZE, tid, 0, "attach to a thread");
	request(PTRACE_INTERRUPT, tid, 0, "stop a thread");
	if (!WIFSTOPPED(wait_for(tid)))
		give_up("stop a thread: it ended");
}

void tracer_release(pid_t tid)
{
	request(PTRACE_DETACH, tid, 0, "let a thread go");
}

/* ---- system calls of all threads ---- */

/* What the thread stopped for is passed on to it, unless it comes from tracing. */
static void go_on(pid_t tid, int status)
{
	size_t signal_number = (size_t)WSTOPSIG(status);

	if (signal_number == SIGTRAP || signal_number == SIGSTOP || signal_number == CALL_STOP)
		signal_number = 0;
	/* It may have been killed meanwhile, with all its process: the next wait tells. */
	(void)ptrace(PTRACE_SYSCALL, tid, NULL, (void *)signal_number);
}

bool tracer_kill_at_call(pid_t pid, unsigned count, int *status)
{
	request(PTRACE_SETOPTIONS, pid, PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD,
	        "trace threads");
	request(PTRACE_SYSCALL, pid, 0, "run to a system call");
	for (;;) {
		pid_t tid = waitpid(-1, status, __WALL);

		if (tid < 0)
			give_up("wait for any thread");
		if (!WIFSTOPPED(*status)) {
			if (tid == pid)
				return false;
			continue;
		}
		if (WSTOPSIG(*status) == CALL_STOP && --count == 0) {
			kill(pid, SIGKILL);
			while (tid != pid || WIFSTOPPED(*status))
				if ((tid = waitpid(-1, status, __WALL)) < 0)
					give_up("wait for the killed");
			return true;
		}
		go_on(tid, *status);
	}
}
