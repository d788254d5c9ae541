/* SPDX-License-Identifier: MIT */
/*
 * outage.c - the server stands still, then is dead, for as long as it likes: the engine's memory
 * does not grow, and after, all that was accepted arrives, faster than new records come.
 *
 *      outage [--seconds N] [--seed N]
 *
 *      full speed -> the server is stopped (SIGSTOP) -> lanes full, puts refused     N / 2 seconds
 *                 -> it is killed (SIGKILL)                                          N / 2 seconds
 *                 -> it is back: a steady input beside what waited -> caught up -> close -> oracle
 *
 * Memory is read from /proc/self/statm ten times a second from when the lanes are full, to the end
 * of the catch-up.
 */
#include "db/server/disposable.h"
#include "db/server/process.h"
#include "tests/contract/database.h"
#include "tests/torture/arguments.h"
#include "tests/torture/lane_directory.h"
#include "tests/torture/oracle.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sluice/postgres.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ENGINES 2
#define LANE_SLOTS 65536
#define WARM_RECORDS (ENGINES * LANE_SLOTS) /* accepted before the outage */
#define STEADY_US 1000                      /* between two records of an engine in the catch-up */
#define CAUGHT_UP 1000                      /* pending: less than a batch */
#define SAMPLE_US 100000
#define GLANCE_US 5000        /* between two samples of the catch-up */
#define STILL_SAMPLES 10      /* without a record accepted: the lanes are full */
#define PATIENCE_SAMPLES 3000 /* of any phase: no test measures it */

/* What may come on top of the memory in use when the lanes are full. In the outage: the pages of
 * code and of texts that the first failed connect touches, 64 kB seen. Connects that never freed
 * their PGconn took 552 kB in three minutes. */
#define OUTAGE_MAX_KB 256
/* In the catch-up: batches are as large as they get, 4,096 rows, two of them in flight. A row is
 * some 300 bytes at the sink, encoded and remembered, and libpq doubles its buffers. */
#define CATCH_UP_MAX_KB 6144

struct engine {
	struct sluice *sluice;
	struct sluice_lane *lane;
	struct witness_engine *own;
	int32_t number;
	pthread_t thread;
};

struct scene {
	struct slu_disposable *server;
	char *dsn;
	PGconn *connection; /* NULL in the outage */
	struct lane_directory directory;
	struct witness *witness;
	struct sluice *sluice;
	struct engine engines[ENGINES];
	int64_t full_kb, peak_kb; /* memory, from when the lanes were full */
};

static _Atomic bool steady, stopped;
static uint64_t seed;

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "outage: %s: %s\n", what, why);
	exit(1);
}

/* ---- the engines ---- */

static bool take(const struct engine *engine, int64_t number)
{
	struct step step = story_step(seed, 0, engine->number, number);
	enum sluice_status status;

	atomic_store_explicit(&engine->own->intended, number, memory_order_release);
	while ((status = story_take(&step, engine->lane)) == SLUICE_FULL) {
		if (atomic_load(&stopped))
			return false;
		usleep(50);
	}
	if (status != SLUICE_OK)
		fail("put", sluice_status_name(status));
	atomic_store_explicit(&engine->own->accepted, number, memory_order_release);
	return true;
}

static void *engine_main(void *argument)
{
	struct engine *engine = argument;
	struct sluice_error error;

	engine->lane = sluice_attach(engine->sluice, engine->number, &error);
	if (engine->lane == NULL)
		fail("attach", error.message);
	for (int64_t number = 1; !atomic_load(&stopped) && take(engine, number); number++)
		if (atomic_load(&steady))
			usleep(STEADY_US);
	return NULL;
}

static void start_engines(struct scene *scene)
{
	for (int32_t i = 0; i < ENGINES; i++) {
		struct engine *engine = &scene->engines[i];

		engine->sluice = scene->sluice;
		engine->own = &scene->witness->runs[0].engines[i];
		engine->number = i;
		if (pthread_create(&engine->thread, NULL, engine_main, engine) != 0)
			fail("start an engine", "no thread");
	}
}

static void stop_engines(struct scene *scene)
{
	atomic_store(&stopped, true);
	for (int32_t i = 0; i < ENGINES; i++)
		pthread_join(scene->engines[i].thread, NULL);
}

/* ---- the scene ---- */

static void open_instance(struct scene *scene)
{
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(scene->dsn, NULL, &error);
	char options[128];

	if (sink == NULL)
		fail("open the sink", error.message);
	snprintf(options, sizeof(options), "lanes=%d shared_lanes=0 lane_slots=%d keys=256",
	         ENGINES, LANE_SLOTS);
	scene->sluice = lane_directory_open(&scene->directory, sink, &torture_streams, options);
	scene->witness->run_count = 1;
	lane_directory_files(&scene->directory, scene->witness->runs[0].generation);
}

static void open_scene(struct scene *scene)
{
	struct sluice_error error;

	scene->server = slu_disposable_start(&error);
	if (scene->server == NULL)
		fail("start a server", error.message);
	setenv("SLUICE_TEST_DSN", slu_disposable_dsn(scene->server), 1);
	scene->dsn = database_create(true);
	scene->connection = database_connect(scene->dsn);
	database_run(scene->connection, oracle_sql);
	lane_directory_make(&scene->directory);
	scene->witness = witness_make();
	witness_clear(scene->witness, seed);
	open_instance(scene);
}

static void close_scene(struct scene *scene)
{
	struct sluice_error error;

	PQfinish(scene->connection);
	free(scene->dsn);
	lane_directory_remove(&scene->directory);
	if (slu_disposable_stop(scene->server, &error) != SLUICE_OK)
		fail("stop the server", error.message);
}

static struct sluice_stats stats_of(const struct scene *scene)
{
	struct sluice_stats stats;

	sluice_stats(scene->sluice, &stats);
	return stats;
}

/* ---- memory ---- */

static int64_t resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, resident;

	if (file == NULL || fscanf(file, "%ld %ld", &size, &resident) != 2)
		fail("read", "/proc/self/statm");
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void sample_after(struct scene *scene, useconds_t pause_us)
{
	int64_t now_kb;

	usleep(pause_us);
	now_kb = resident_kb();
	if (now_kb > scene->peak_kb)
		scene->peak_kb = now_kb;
}

static void sample_for(struct scene *scene, uint64_t half_seconds)
{
	for (uint64_t i = 0; i < half_seconds * (500000 / SAMPLE_US); i++)
		sample_after(scene, SAMPLE_US);
}

/* ---- the outage ---- */

static void warm_up(const struct scene *scene)
{
	for (int i = 0; stats_of(scene).account.accepted < WARM_RECORDS; i++) {
		if (i == PATIENCE_SAMPLES)
			fail("warm up", stats_of(scene).reason);
		usleep(SAMPLE_US);
	}
}

static pid_t postmaster_of(const struct scene *scene)
{
	char path[256];
	FILE *file;
	long pid;

	snprintf(path, sizeof(path), "%s/data/postmaster.pid",
	         slu_disposable_directory(scene->server));
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%ld", &pid) != 1)
		fail("read", path);
	fclose(file);
	return (pid_t)pid;
}

/* The postmaster first: it would start others. */
static void stop_server(struct scene *scene)
{
	struct slu_process children[64];
	pid_t postmaster = postmaster_of(scene);
	size_t count;

	PQfinish(scene->connection);
	scene->connection = NULL;
	kill(postmaster, SIGSTOP);
	count = slu_process_children(postmaster, children, 64);
	if (count > 64)
		fail("stop the server", "it has too many processes");
	for (size_t i = 0; i < count; i++)
		kill(children[i].pid, SIGSTOP);
}

/* What was committed before is given back a little later, and filled again. */
static void await_full(struct scene *scene)
{
	uint64_t accepted = 0;

	for (int i = 0, same = 0; same < STILL_SAMPLES; i++) {
		struct sluice_stats stats = stats_of(scene);

		if (i == PATIENCE_SAMPLES)
			fail("fill the lanes", stats.reason);
		same = stats.lane_depth == ENGINES * LANE_SLOTS &&
		                       stats.account.accepted == accepted
		               ? same + 1
		               : 0;
		accepted = stats.account.accepted;
		usleep(SAMPLE_US);
	}
	scene->full_kb = scene->peak_kb = resident_kb();
}

static void hold_out(struct scene *scene, uint64_t seconds)
{
	struct sluice_error error;
	struct sluice_account before = stats_of(scene).account, after;
	uint64_t full = stats_of(scene).full;

	sample_for(scene, seconds);
	if (slu_disposable_kill9(scene->server, &error) != SLUICE_OK)
		fail("kill the server", error.message);
	sample_for(scene, seconds);
	after = stats_of(scene).account;
	if (after.pending == 0 || after.accepted != before.accepted || stats_of(scene).full <= full)
		fail("hold out", "the engines were not refused, or not always");
	printf("outage: %" PRIu64 " s, half of it stopped, half dead: %" PRIu64
	       " records waited, %" PRIu64 " puts were refused\n",
	       seconds, after.pending, stats_of(scene).full - full);
}

/* ---- after ---- */

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* The rates are told, and not judged: that what has waited grows less is. */
static void catch_up(struct scene *scene)
{
	struct sluice_error error;
	struct sluice_account from, to;
	struct timespec began;
	double seconds;

	atomic_store(&steady, true);
	if (slu_disposable_restart(scene->server, &error) != SLUICE_OK)
		fail("restart the server", error.message);
	for (int i = 0; stats_of(scene).state != SLUICE_STATE_RUNNING; i++) {
		if (i == PATIENCE_SAMPLES * (SAMPLE_US / GLANCE_US))
			fail("connect again", stats_of(scene).reason);
		sample_after(scene, GLANCE_US);
	}
	from = stats_of(scene).account;
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (int i = 0; (to = stats_of(scene).account).pending > CAUGHT_UP; i++) {
		if (i == PATIENCE_SAMPLES * (SAMPLE_US / GLANCE_US))
			fail("catch up", stats_of(scene).reason);
		sample_after(scene, GLANCE_US);
	}
	seconds = seconds_since(&began);
	printf("outage: caught up: %.0f records committed and %.0f coalesced a second, beside %.0f "
	       "accepted\n",
	       (double)(to.committed - from.committed) / seconds,
	       (double)(to.coalesced - from.coalesced) / seconds,
	       (double)(to.accepted - from.accepted) / seconds);
}

static void judge_memory(const char *when, int64_t full_kb, int64_t peak_kb, int64_t allowed_kb)
{
	printf("outage: memory: %" PRId64 " kB when the lanes were full, %" PRId64
	       " kB at the most in the %s (allowed: %" PRId64 " more)\n",
	       full_kb, peak_kb, when, allowed_kb);
	if (peak_kb - full_kb > allowed_kb)
		fail("memory grew", when);
}

static void judge_records(struct scene *scene)
{
	struct witness_run *own = &scene->witness->runs[0];
	struct oracle oracle;

	if (sluice_close(scene->sluice, sluice_seconds(120), &own->report) != SLUICE_OK)
		fail("close", own->report.reason);
	own->former = own->report.former;
	atomic_store(&own->phase, WITNESS_CLOSED);
	scene->connection = database_connect(scene->dsn);
	if (!oracle_agrees(&oracle, scene->witness, scene->connection))
		fail("oracle", oracle.finding);
	printf("outage: seed %" PRIu64 ", %" PRIu64 " records accepted; compared %" PRId64
	       " events, %" PRId64 " states, %" PRId64
	       " visible states: 0 lost, 0 doubled, 0 invented, 0 out of order\n",
	       seed, own->report.account.accepted, oracle.events, oracle.holdings, oracle.sights);
}

int main(int argc, char **arguments)
{
	static struct scene scene;
	uint64_t seconds = argument_number(arguments, "--seconds", 10);

	seed = argument_number(arguments, "--seed", (uint64_t)time(NULL));
	if (argc % 2 == 0 || seconds < 1) {
		fputs("usage: outage [--seconds N] [--seed N]\n", stderr);
		return 2;
	}
	open_scene(&scene);
	start_engines(&scene);
	warm_up(&scene);
	stop_server(&scene);
	await_full(&scene);
	hold_out(&scene, seconds);
	judge_memory("outage", scene.full_kb, scene.peak_kb, OUTAGE_MAX_KB);
	catch_up(&scene);
	judge_memory("catch-up", scene.full_kb, scene.peak_kb, CATCH_UP_MAX_KB);
	stop_engines(&scene);
	judge_records(&scene);
	close_scene(&scene);
	return 0;
}
