/* SPDX-License-Identifier: MIT */
/*
 * quiet.c - the hot path makes no system call, allocates nothing and faults on no page.
 *
 *      quiet [--calls N]
 *
 * An engine thread gives up the right to make system calls: the kernel kills whoever makes one
 * (seccomp in strict mode, which leaves read, write and exit). Its allocations abort, its page
 * faults are counted by the kernel. Then it puts and gets orders, new ones and old, and appends in
 * place, refusals of a full lane included, while the flusher drains: with lanes in anonymous
 * memory, in a file, and behind the handle of shared lanes. A plain program, so that nothing but
 * ours runs in that thread.
 */
#include "tests/torture/arguments.h"
#include "tests/torture/lane_directory.h"

#include <sluice/sink.h>

#include <ck_pr.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trading.h"

#define CALLS_A_ROUND 5    /* put, get, get of an unknown key, two appends */
#define WARM_ROUNDS 100000 /* of the stack, and of every page of the program that takes part */
#define KEYS 50000

enum way { ANONYMOUS, IN_FILE, SHARED };

static int answers[2]; /* a pipe from the engine to main */
static _Atomic long engine_tid;
static struct sluice *sluice;
static enum way way;
static uint64_t rounds;

static void fail(const char *what)
{
	fprintf(stderr, "quiet: %s\n", what);
	exit(1);
}

/* ---- the engine's allocator ----
 * AddressSanitizer has one of its own, and shadow memory that faults. */

#if !defined(__SANITIZE_ADDRESS__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
static _Thread_local bool forbidden;

void *malloc(size_t size)
{
	if (forbidden)
		abort();
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	if (forbidden)
		abort();
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	if (forbidden)
		abort();
	return __libc_realloc(memory, size);
}
#define FORBID_ALLOCATION() (forbidden = true)
#define FAULTS_MAX 16 /* where the system took a page of the program back, or moved one */
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

static void put_order(struct sluice_lane *lane, uint64_t number)
{
	struct trading_order order = {.provider_id = (int64_t)number}, seen;
	uint32_t key = (uint32_t)(number % KEYS);
	enum sluice_status status;

	memcpy(order.id.bytes, &key, sizeof(key));
	while ((status = trading_orders_put(lane, &order, NULL)) == SLUICE_FULL)
		ck_pr_stall();
	insist(status == SLUICE_OK);
	insist(trading_orders_get(lane, &order.id, &seen, NULL) == SLUICE_OK);
	insist(seen.provider_id == (int64_t)number);
}

static void append(struct sluice_lane *lane, uint64_t number)
{
	struct trading_execution execution = {.provider_id = (int64_t)number};
	enum sluice_status status;

	while ((status = trading_executions_put(lane, &execution, NULL)) == SLUICE_FULL)
		ck_pr_stall();
	insist(status == SLUICE_OK);
}

/* Nobody may reserve a lane that others need. */
static void append_in_place(struct sluice_lane *lane, uint64_t number)
{
	struct trading_execution *execution;
	enum sluice_status status;

	if (way == SHARED) {
		append(lane, number);
		return;
	}
	while ((status = trading_executions_reserve(lane, &execution)) == SLUICE_FULL)
		ck_pr_stall();
	insist(status == SLUICE_OK);
	memset(execution, 0, sizeof(*execution));
	execution->provider_id = (int64_t)number;
	insist(sluice_commit(lane, NULL) == SLUICE_OK);
}

static void work(struct sluice_lane *lane, uint64_t from, uint64_t to)
{
	struct sluice_uuid nobody = {.bytes = {255, 255, 255, 255}};
	struct trading_order seen;

	for (uint64_t number = from; number < to; number++) {
		put_order(lane, number);
		append(lane, number);
		append_in_place(lane, number);
		insist(trading_orders_get(lane, &nobody, &seen, NULL) == SLUICE_MISS);
	}
}

static void *engine(void *argument)
{
	struct sluice_error error;
	struct sluice_lane *lane = way == SHARED
	                                   ? sluice_shared(sluice, &error)
	                                   : sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);

	if (lane == NULL)
		fail(error.message);
	engine_tid = syscall(SYS_gettid);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0)
		fail("seccomp is not to be had");
	FORBID_ALLOCATION();
	work(lane, 0, WARM_ROUNDS);
	answer('b');
	work(lane, WARM_ROUNDS, WARM_ROUNDS + rounds);
	answer('e');
	while (lane != NULL) /* ending a thread takes calls that are forbidden now */
		ck_pr_stall();
	return argument;
}

/* ---- watching it ---- */

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

static void watch(const char *name)
{
	struct sluice_stats stats;
	unsigned long before;
	pthread_t thread;

	if (pipe(answers) != 0 || pthread_create(&thread, NULL, engine, NULL) != 0)
		fail("no pipe or no thread");
	expect('b');
	before = faults();
	expect('e');
	if (faults() - before > FAULTS_MAX) {
		fprintf(stderr, "quiet: %lu page faults\n", faults() - before);
		fail("the engine faulted");
	}
	sluice_stats(sluice, &stats);
	if (stats.account.accepted != 3 * (WARM_ROUNDS + rounds))
		fail("not all was accepted");
	printf("quiet: %s: %" PRIu64 " calls, and %" PRIu64
	       " refused for a full lane: no system call, no allocation, %lu faults\n",
	       name, CALLS_A_ROUND * rounds, stats.full, faults() - before);
	fflush(stdout);
	_exit(0); /* the engine can't be joined */
}

/* ---- the three ways, each in a process of its own ---- */

static void run(enum way now, const char *name, const char *options)
{
	struct lane_directory directory;
	struct sluice_error error;
	int status = 1;
	pid_t pid;

	lane_directory_make(&directory);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		way = now;
		sluice = now == IN_FILE ? lane_directory_open(&directory, sluice_null_open(),
		                                              &trading_streams, options)
		                        : sluice_open(sluice_null_open(), &trading_streams, options,
		                                      &error);
		if (sluice == NULL)
			fail(error.message);
		watch(name);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("no process");
	lane_directory_remove(&directory);
	if (status != 0)
		exit(1);
}

int main(int argc, char **arguments)
{
	if (argc % 2 == 0) {
		fputs("usage: quiet [--calls N]\n", stderr);
		return 2;
	}
	rounds = argument_number(arguments, "--calls", 100000000) / CALLS_A_ROUND;
	run(ANONYMOUS, "anonymous memory", "lanes=1 lane_slots=65536 keys=60000");
	run(IN_FILE, "a file", "lanes=1 lane_slots=65536 keys=60000");
	run(SHARED, "shared lanes", "lanes=1 shared_lanes=2 lane_slots=65536 keys=60000");
	return 0;
}
