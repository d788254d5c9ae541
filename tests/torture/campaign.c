/* SPDX-License-Identifier: MIT */
/* campaign.c - runs, kills, and a server that goes through the same. */
#include "tests/torture/campaign.h"

#include "db/server/disposable.h"
#include "tests/contract/database.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX 40000       /* an engine's in one run: the oracle reads them all */
#define CLOSED_STEPS_MAX 2000 /* of a run that closes */
#define POLL_US 500
#define PATIENCE_US 180000000 /* for a run to come to its next phase; no test measures it */

/* ---- setup ---- */

static _Noreturn void give_up(const char *doing, const char *why)
{
	fprintf(stderr, "campaign: can't %s: %s\n", doing, why);
	abort();
}

void campaign_open(struct campaign *campaign)
{
	struct sluice_error error;

	memset(campaign, 0, sizeof(*campaign));
	campaign->server = slu_disposable_start(&error);
	if (campaign->server == NULL)
		give_up("start a server", error.message);
	setenv("SLUICE_TEST_DSN", slu_disposable_dsn(campaign->server), 1);
	campaign->dsn = database_create(true);
	campaign->connection = database_connect(campaign->dsn);
	database_run(campaign->connection, oracle_sql);
	campaign->witness = witness_make();
	lane_directory_make(&campaign->directory);
}

void campaign_close(struct campaign *campaign)
{
	struct sluice_error error;

	PQfinish(campaign->connection);
	free(campaign->dsn);
	lane_directory_remove(&campaign->directory);
	if (slu_disposable_stop(campaign->server, &error) != SLUICE_OK)
		give_up("stop the server", error.message);
}

/* ---- the server ---- */

static void server_down(struct campaign *campaign)
{
	struct sluice_error error;

	PQfinish(campaign->connection);
	if (slu_disposable_kill9(campaign->server, &error) != SLUICE_OK)
		give_up("kill the server", error.message);
	campaign->server_kills++;
}

static void server_up(struct campaign *campaign)
{
	struct sluice_error error;

	if (slu_disposable_restart(campaign->server, &error) != SLUICE_OK)
		give_up("restart the server", error.message);
	campaign->connection = database_connect(campaign->dsn);
}

/* ---- a run ---- */

static pid_t start_run(struct campaign *campaign, int64_t step_max)
{
	int32_t run = campaign->witness->run_count++;
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		give_up("fork", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		witness_run(campaign->witness, run, campaign->directory.path, campaign->dsn,
		            step_max);
	_exit(0);
}

/* The newest file that no former run made is this one's. */
static void note_generation(struct campaign *campaign)
{
	struct witness *witness = campaign->witness;
	struct witness_run *own = &witness->runs[witness->run_count - 1];
	char newest[sizeof(own->generation)];

	lane_directory_files(&campaign->directory, newest);
	for (int32_t run = 0; run < witness->run_count; run++)
		if (strcmp(witness->runs[run].generation, newest) == 0)
			return;
	memcpy(own->generation, newest, sizeof(newest));
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) != pid && errno == EINTR)
		;
}

/* False: the run ended by itself before, or hangs and was killed; `trouble` tells. */
static bool await_phase(struct campaign *campaign, pid_t pid, enum witness_phase phase)
{
	struct witness *witness = campaign->witness;
	const struct witness_run *own = &witness->runs[witness->run_count - 1];

	for (int64_t waited_us = 0; atomic_load(&own->phase) < (int)phase; waited_us += POLL_US) {
		int status;

		if (waitpid(pid, &status, WNOHANG) == pid &&
		    atomic_load(&own->phase) < (int)phase) {
			snprintf(campaign->trouble, sizeof(campaign->trouble),
			         "run %d ended with status %#x before phase %d",
			         witness->run_count - 1, status, phase);
			return false;
		}
		if (waited_us > PATIENCE_US) {
			snprintf(campaign->trouble, sizeof(campaign->trouble),
			         "run %d hangs before phase %d, its state is %s",
			         witness->run_count - 1, phase, own->standing);
			kill(pid, SIGKILL);
			reap(pid);
			return false;
		}
		usleep(POLL_US);
	}
	return true;
}

static void kill_run(struct campaign *campaign, pid_t pid)
{
	kill(pid, SIGKILL);
	reap(pid);
	note_generation(campaign);
	campaign->kills++;
}

/* ---- a cycle ---- */

enum server_fate { SERVER_STAYS, SERVER_AWAY, SERVER_CRASHES };
enum moment { WHILE_RUNNING, WHILE_OPENING };

static uint64_t draw(const struct campaign *campaign, uint64_t what)
{
	return story_draw(campaign->witness->seed, UINT64_MAX,
	                  (uint64_t)campaign->witness->run_count, what);
}

static enum server_fate draw_fate(const struct campaign *campaign)
{
	uint64_t twelfth = draw(campaign, 1) % 12;

	return twelfth == 0 ? SERVER_AWAY : twelfth == 1 ? SERVER_CRASHES : SERVER_STAYS;
}

/* One run, killed: 5 to 500 ms after its engines began, or up to 30 ms after it was born, while it
 * reads what former runs left. */
static bool killed_run(struct campaign *campaign)
{
	enum server_fate fate = draw_fate(campaign);
	enum moment moment = draw(campaign, 2) % 3 == 0 ? WHILE_OPENING : WHILE_RUNNING;
	useconds_t pause_us = moment == WHILE_OPENING
	                              ? (useconds_t)(draw(campaign, 3) % 30000)
	                              : (useconds_t)(5000 + draw(campaign, 3) % 495000);
	bool fine = true;
	pid_t pid;

	if (fate == SERVER_AWAY)
		server_down(campaign);
	pid = start_run(campaign, STEPS_MAX);
	if (moment == WHILE_RUNNING)
		fine = await_phase(campaign, pid, WITNESS_RUNNING);
	if (fine) {
		if (fate == SERVER_CRASHES) {
			usleep(pause_us / 2);
			server_down(campaign);
			server_up(campaign);
		}
		usleep(pause_us);
		kill_run(campaign, pid);
		campaign->kills_in_recovery += moment == WHILE_OPENING;
	}
	if (fate == SERVER_AWAY)
		server_up(campaign);
	return fine;
}

static bool leaves_nothing(struct campaign *campaign)
{
	size_t files = lane_directory_files(&campaign->directory, NULL);

	if (files == 0)
		return true;
	snprintf(campaign->trouble, sizeof(campaign->trouble),
	         "all is carried, but %zu files are left", files);
	return false;
}

/* One run that takes over, does a little of its own and closes. */
static bool closed_run(struct campaign *campaign)
{
	bool fine;
	pid_t pid;

	campaign->witness->closes = true;
	pid = start_run(campaign, CLOSED_STEPS_MAX);
	fine = await_phase(campaign, pid, WITNESS_RUNNING);
	if (fine) {
		note_generation(campaign);
		fine = await_phase(campaign, pid, WITNESS_CLOSED);
	}
	if (fine)
		reap(pid);
	campaign->witness->closes = false;
	return fine && leaves_nothing(campaign);
}

bool campaign_run(struct campaign *campaign, uint64_t seed, int cycles)
{
	bool fine = true;

	witness_clear(campaign->witness, seed);
	campaign->trouble[0] = '\0';
	campaign->oracle.finding[0] = '\0';
	database_run(campaign->connection, "TRUNCATE event, holding, sight RESTART IDENTITY");
	database_run(campaign->connection, "DELETE FROM sluice.lane");
	for (int i = 0; i < cycles && fine; i++) {
		fine = killed_run(campaign);
		if (fine && draw(campaign, 4) % 5 == 0)
			fine = closed_run(campaign);
	}
	fine = fine && closed_run(campaign);
	return oracle_agrees(&campaign->oracle, campaign->witness, campaign->connection) && fine;
}
