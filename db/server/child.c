/* SPDX-License-Identifier: MIT */
/* child.c - fork, change, exec, wait.
 * Between fork and exec the child of a program with threads may only do what a signal handler may:
 * all that needs memory or look-ups is done before. */
#include "db/server/child.h"

#include "db/clock.h"

#include <sluice/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_STEP_NS UINT64_C(5000000)
#define OUTPUT_TIMEOUT_NS UINT64_C(10000000000)

enum sluice_status slu_child_user_pick(struct slu_child_user *user, struct sluice_error *error)
{
	static const char *const names[] = {"postgres", "nobody"};
	size_t i;

	memset(user, 0, sizeof(*user));
	if (geteuid() != 0)
		return SLUICE_OK;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct passwd *entry = getpwnam(names[i]);

		if (entry == NULL || entry->pw_uid == 0)
			continue;
		user->change = true;
		user->uid = entry->pw_uid;
		user->gid = entry->pw_gid;
		strncpy(user->name, names[i], sizeof(user->name) - 1);
		return SLUICE_OK;
	}
	return sluice_error_set(error, SLUICE_FAILED,
	                        "PostgreSQL does not run as root, and there is neither a user "
	                        "postgres nor nobody to run it as: run this as another user");
}

/* ---- in the child ---- */

static void say(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
}

static _Noreturn void give_up(const char *what, const char *about)
{
	say("can't ");
	say(what);
	say(" ");
	say(about);
	say(": ");
	say(strerrordesc_np(errno));
	say("\n");
	_exit(127);
}

static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	int number;

	for (number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL); /* refuses KILL and STOP, rightly */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void replace_files(int output_fd)
{
	int null_fd;

	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	null_fd = open("/dev/null", O_RDONLY);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		give_up("open", "/dev/null");
	close_range(STDERR_FILENO + 1, ~0U, 0);
}

static _Noreturn void become(const struct slu_child_setup *setup, pid_t parent)
{
	const struct slu_child_user *user = setup->user;

	reset_signals();
	replace_files(setup->output_fd);
	if (setup->own_session)
		setsid();
	if (user != NULL && user->change &&
	    (setgroups(0, NULL) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0))
		give_up("become user", user->name);
	if (setup->directory != NULL && chdir(setup->directory) != 0)
		give_up("enter", setup->directory);
	/* After setuid, which clears it. The parent may have died before it was set. */
	if (setup->death_signal != 0) {
		prctl(PR_SET_PDEATHSIG, setup->death_signal);
		if (getppid() != parent)
			_exit(127);
	}
	execvp(setup->argv[0], (char *const *)setup->argv);
	give_up("run", setup->argv[0]);
}

/* ---- in the parent ---- */

pid_t slu_child_start(const struct slu_child_setup *setup, struct sluice_error *error)
{
	pid_t parent = getpid();
	sigset_t all;
	sigset_t before;
	pid_t pid;

	/* No handler of ours may run in the child, on a copy of our state. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(setup, parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		sluice_error_set(error, SLUICE_FAILED, "can't start %s: fork: %s", setup->argv[0],
		                 strerror(errno));
	return pid;
}

bool slu_child_wait(pid_t pid, uint64_t timeout_ns, int *status)
{
	uint64_t start_ns = slu_monotonic_ns();

	for (;;) {
		int ended_with = 0;
		pid_t ended = waitpid(pid, &ended_with, WNOHANG);

		/* ECHILD: the program ignores SIGCHLD, and the kernel took the status. */
		if (ended == pid || (ended < 0 && errno == ECHILD)) {
			if (status != NULL)
				*status = ended_with;
			return true;
		}
		if (slu_monotonic_ns() - start_ns >= timeout_ns)
			return false;
		slu_pause_ns(WAIT_STEP_NS);
	}
}

bool slu_child_output(const char *const *argv, char *output, size_t size)
{
	struct slu_child_setup setup = {.argv = argv};
	ssize_t got = -1;
	int status = 0;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	setup.output_fd = ends[1];
	pid = slu_child_start(&setup, NULL);
	close(ends[1]);
	if (pid > 0 && !slu_child_wait(pid, OUTPUT_TIMEOUT_NS, &status)) {
		kill(pid, SIGKILL);
		slu_child_wait(pid, OUTPUT_TIMEOUT_NS, &status);
	}
	/* What it wrote fits a pipe, so that it never had to wait for us. */
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		got = read(ends[0], output, size - 1);
	close(ends[0]);
	output[got > 0 ? got : 0] = '\0';
	return got > 0;
}
