/* SPDX-License-Identifier: MIT */
/*
 * quiet.c - the hot path makes no system call, allocates nothing and faults on no page.
 *
 * An engine thread gives up the right to make system calls: the kernel kills whoever makes one
 * (seccomp in strict mode, which leaves read, write and exit). Its calls to malloc abort, its page
 * faults are counted by the kernel. Then it puts and gets orders, new ones and old, and appends in
 * place, refusals of a full lane included, while the flusher drains.
 * A plain program, so that nothing but ours runs in that thread.
 */
#include <sluice/sink.h>

#include <ck_pr.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trading.h"

#define ROUNDS 400000
#define KEYS 50000

static int answers[2]; /* a pipe from the engine to main */
static _Atomic long engine_tid;
static struct sluice *sluice;

static void fail(const char *what)
{
	fprintf(stderr, "quiet: %s\n", what);
	exit(1);
}

/* ---- the engine's malloc ----
 * AddressSanitizer has an allocator of its own, and shadow memory that faults. */

#if !defined(__SANITIZE_ADDRESS__)
void *__libc_malloc(size_t size);
static _Thread_local bool forbidden;

void *malloc(size_t size)
{
	if (forbidden)
		abort();
	return __libc_malloc(size);
}
#define FORBID_ALLOCATION() (forbidden = true)
#define FAULTS_MAX 16 /* of the stack, and where the system took a page of the program back */
#else
#define FORBID_ALLOCATION() ((void)0)
#define FAULTS_MAX ULONG_MAX
#endif

/* ---- the engine ---- */

static void answer(char what)
{
	if (write(answers[1], &what, 1) != 1)
		syscall(SYS_exit, 1);
}

static void insist(bool holds)
{
	if (!holds)
		answer('!');
}

static void put_order(struct sluice_lane *lane, uint32_t number)
{
	struct trading_order order = {.provider_id = number}, seen;
	uint32_t key = number % KEYS;
	enum sluice_status status;

	memcpy(order.id.bytes, &key, sizeof(key));
	while ((status = trading_orders_put(lane, &order, NULL)) == SLUICE_FULL)
		ck_pr_stall();
	insist(status == SLUICE_OK);
	insist(trading_orders_get(lane, &order.id, &seen, NULL) == SLUICE_OK);
	insist(seen.provider_id == (int64_t)number);
}

static void append_in_place(struct sluice_lane *lane, uint32_t number)
{
	struct trading_execution *execution;
	enum sluice_status status;

	while ((status = trading_executions_reserve(lane, &execution)) == SLUICE_FULL)
		ck_pr_stall();
	insist(status == SLUICE_OK);
	memset(execution, 0, sizeof(*execution));
	execution->provider_id = number;
	insist(sluice_commit(lane, NULL) == SLUICE_OK);
}

static void work(struct sluice_lane *lane)
{
	struct sluice_uuid nobody = {.bytes = {255, 255, 255, 255}};
	struct trading_order seen;

	for (uint32_t number = 0; number < ROUNDS; number++) {
		put_order(lane, number);
		if (number % 4 == 0)
			append_in_place(lane, number);
		insist(trading_orders_get(lane, &nobody, &seen, NULL) == SLUICE_MISS);
	}
}

static void *engine(void *argument)
{
	struct sluice_error error;
	struct sluice_lane *lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);

	if (lane == NULL)
		fail(error.message);
	engine_tid = syscall(SYS_gettid);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0)
		fail("seccomp is not to be had");
	FORBID_ALLOCATION();
	answer('b');
	work(lane);
	answer('e');
	while (lane != NULL) /* ending a thread takes calls that are forbidden now */
		ck_pr_stall();
	return argument;
}

/* ---- main ---- */

/* Minor and major faults of the engine so far. */
static unsigned long faults(void)
{
	unsigned long minor = 0, major = 0;
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", engine_tid);
	file = fopen(path, "r");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL ||
	    sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &minor,
	           &major) != 2)
		fail("the kernel killed the engine: it made a system call, or allocated");
	fclose(file);
	return minor + major;
}

static bool engine_lives(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld", engine_tid);
	return access(path, F_OK) == 0;
}

static void expect(char wanted)
{
	struct pollfd poller = {.fd = answers[0], .events = POLLIN};
	char got = 0;

	while (poll(&poller, 1, 100) == 0)
		if (engine_tid != 0 && !engine_lives())
			fail("the kernel killed the engine: it made a system call, or allocated");
	if (read(answers[0], &got, 1) != 1 || got != wanted)
		fail("a call answered wrong");
}

int main(void)
{
	struct sluice_error error;
	struct sluice_stats stats;
	unsigned long before;
	pthread_t thread;

	sluice = sluice_open(sluice_null_open(), &trading_streams,
	                     "lanes=1 lane_slots=4096 keys=60000", &error);
	if (sluice == NULL)
		fail(error.message);
	if (pipe(answers) != 0 || pthread_create(&thread, NULL, engine, NULL) != 0)
		fail("no pipe or no thread");
	expect('b');
	before = faults();
	expect('e');
	if (faults() - before > FAULTS_MAX)
		fail("the engine faulted");
	sluice_stats(sluice, &stats);
	if (stats.account.accepted != ROUNDS + ROUNDS / 4)
		fail("not all was accepted");
	printf("quiet: %llu records, %llu refusals, no call, no allocation, %lu faults\n",
	       (unsigned long long)stats.account.accepted, (unsigned long long)stats.full,
	       faults() - before);
	fflush(stdout);
	_exit(0); /* the engine can't be joined */
}
