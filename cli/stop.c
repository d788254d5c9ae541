/* SPDX-License-Identifier: MIT */
/* stop.c - the handler writes to an eventfd, and whoever waits polls it: no request gets lost
 * between a look and a sleep. */
#include "cli/stop.h"

#include "cli/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int stop_fd = -1;

static void on_signal(int number)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t written = write(stop_fd, &one, sizeof(one));

	(void)number;
	(void)written; /* fails only when the counter is full: then it is set */
	errno = saved;
}

bool slu_stop_watch(void)
{
	struct sigaction request = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return stop_fd >= 0 && sigaction(SIGINT, &request, NULL) == 0 &&
	       sigaction(SIGTERM, &request, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0;
}

bool slu_stop_wait(uint64_t until_ns)
{
	struct pollfd watched = {.fd = stop_fd, .events = POLLIN};
	uint64_t now_ns = slu_clock_ns();
	uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	const struct timespec timeout = {.tv_sec = (time_t)(left_ns / 1000000000),
	                                 .tv_nsec = (long)(left_ns % 1000000000)};

	/* A poll that a signal ended says nothing, but the signal's handler has run: look again. */
	if (ppoll(&watched, 1, &timeout, NULL) < 0)
		return slu_stop_requested();
	return (watched.revents & POLLIN) != 0;
}

bool slu_stop_requested(void)
{
	struct pollfd watched = {.fd = stop_fd, .events = POLLIN};

	return poll(&watched, 1, 0) == 1;
}
