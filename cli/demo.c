/* SPDX-License-Identifier: MIT */
/*
 * demo.c - `sluice demo`: plays a trading day into Postgres and proves the result.
 *
 * One run: read the day -> open the database -> announce the run there -> open Sluice -> play ->
 * drain -> verify -> report. Nothing is written before the whole input was read and checked.
 */
#include <sluice/postgres.h>
#include <sluice/sluice.h>

#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/demo_input.h"
#include "cli/demo_options.h"
#include "cli/demo_report.h"
#include "cli/progress.h"
#include "cli/replay.h"
#include "cli/schedule.h"
#include "cli/stop.h"
#include "cli/target.h"
#include "cli/verify.h"

#include "trading.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DRAIN_TIMEOUT_NS (30 * SLU_NS_PER_SECOND)
#define LANE_SECONDS 4 /* of the flow that lanes hold while the database is away */
#define LANE_SLOTS_MIN 1024
#define LANE_SLOTS_MAX ((uint64_t)1 << 18)
#define LOOK_NS 50000000 /* how late the end of the flow is noticed */

struct demo {
	struct slu_demo_options options;
	FILE *out;  /* for humans */
	FILE *json; /* or NULL */
	struct slu_day day;
	struct slu_target target;
	struct sluice *sluice;
	struct slu_replay replay;
	struct slu_progress progress;
	uint64_t finished[SLU_THREAD_COUNT_MAX]; /* messages of each engine thread */
	struct slu_demo_result result;
};

static bool complain(const char *message)
{
	fprintf(stderr, "sluice demo: %s\n", message);
	return false;
}

/* ---- Sluice ---- */

static uint64_t power_of_two_from(uint64_t count)
{
	uint64_t power = LANE_SLOTS_MIN;

	while (power < count && power < LANE_SLOTS_MAX)
		power *= 2;
	return power;
}

/* What fits the input, and over it what the user wants. */
static enum sluice_status fit_options(const struct demo *demo, struct sluice_options *options,
                                      struct sluice_error *error)
{
	const struct slu_day *day = &demo->day;
	uint64_t lane_rows = demo->options.rate * LANE_SECONDS / day->thread_count;

	sluice_options_init(options);
	options->lanes = day->thread_count;
	options->keys = day->orders * day->repeats;
	options->lane_slots = power_of_two_from(lane_rows);
	return sluice_options_parse(options, demo->options.options, error);
}

/* What would only show later, as a run that never ends. */
static bool check_options(const struct demo *demo, const struct sluice_options *options)
{
	const struct slu_day *day = &demo->day;

	if (options->keys < day->orders * day->repeats)
		fprintf(stderr,
		        "sluice demo: keys=%" PRIu64 " is less than the %" PRIu64
		        " orders of this run; raise or leave it away\n",
		        options->keys, day->orders * day->repeats);
	else if (options->lanes < day->thread_count)
		fprintf(stderr,
		        "sluice demo: lanes=%" PRIu64 " is less than the %zu engine threads; "
		        "raise or leave it away\n",
		        options->lanes, day->thread_count);
	else
		return true;
	return false;
}

static bool open_sluice(struct demo *demo, const struct sluice_options *options)
{
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(demo->target.conninfo, NULL, &error);

	if (sink != NULL)
		demo->sluice = sluice_open_with(sink, &trading_streams, options, &error);
	return demo->sluice != NULL || complain(error.message);
}

/* ---- the run ---- */

static bool kill_server(struct demo *demo)
{
	struct sluice_error error;

	slu_progress_leave(&demo->progress);
	fprintf(demo->out, "kill -9 of the server, and start it again\n");
	fflush(demo->out);
	if (slu_target_kill(&demo->target, &error) != SLUICE_OK)
		return complain(error.message);
	demo->result.server_kills++;
	return true;
}

/* Shows a line a second until the flow has ended, or has to. The threads play on alone. */
static void attend(struct demo *demo)
{
	uint64_t show_ns = demo->replay.start_ns + SLU_NS_PER_SECOND;
	uint64_t kill_ns = demo->replay.start_ns + demo->options.kill_server_at * SLU_NS_PER_SECOND;
	bool kill = demo->options.kill_server_at > 0;
	struct sluice_stats stats;

	while (!slu_replay_ended(&demo->replay)) {
		if (slu_stop_wait(slu_clock_ns() + LOOK_NS)) {
			demo->result.interrupted = true;
			slu_progress_leave(&demo->progress);
			fprintf(demo->out, "asked to end: draining what was accepted\n");
			return;
		}
		if (kill && slu_clock_ns() >= kill_ns) {
			kill = false;
			if (!kill_server(demo))
				return;
		}
		if (slu_clock_ns() < show_ns)
			continue;
		sluice_stats(demo->sluice, &stats);
		slu_progress_show(&demo->progress, &stats, slu_clock_ns());
		while (show_ns <= demo->progress.last_ns)
			show_ns += SLU_NS_PER_SECOND;
		if (stats.state == SLUICE_STATE_HALTED)
			return;
	}
	if (kill)
		fprintf(demo->out,
		        "the flow ended before second %" PRIu64 ": the server was not killed\n",
		        demo->options.kill_server_at);
}

static void collect(struct demo *demo)
{
	struct slu_demo_result *result = &demo->result;
	size_t index;

	for (index = 0; index < demo->replay.engine_count; index++) {
		const struct slu_engine *engine = &demo->replay.engines[index];

		slu_histogram_add(&result->put_ns, &engine->put_ns);
		slu_histogram_add(&result->put_call_ns, &engine->put_call_ns);
		result->full += engine->full;
	}
	result->day = &demo->day;
	result->rate = demo->options.rate;
	result->clock = demo->replay.clock;
}

/* False when the engine threads could not do their work; what they did is still verified. */
static bool play(struct demo *demo)
{
	struct slu_replay *replay = &demo->replay;
	struct sluice_error error;
	bool ok;

	replay->sluice = demo->sluice;
	replay->day = &demo->day;
	replay->stop_after_ns = UINT64_MAX;
	if (demo->options.seconds > 0)
		replay->stop_after_ns = demo->options.seconds * SLU_NS_PER_SECOND;
	slu_call_clock_measure(&replay->clock);
	if (!slu_replay_start(replay, &error))
		return complain(error.message);
	slu_progress_start(&demo->progress, replay->start_ns);
	attend(demo);
	slu_replay_stop(replay);
	ok = slu_replay_join(replay, demo->finished, &error) == SLUICE_OK;
	slu_progress_leave(&demo->progress);
	demo->result.flow_ns = slu_clock_ns() - replay->start_ns;
	collect(demo);
	return ok || complain(error.message);
}

/* Carries what is there to the database and ends Sluice. */
static void drain(struct demo *demo)
{
	struct slu_demo_result *result = &demo->result;

	/* The report tells what the status does: what is pending, and why. */
	(void)sluice_close(demo->sluice, DRAIN_TIMEOUT_NS, &result->report);
	result->total_ns = slu_clock_ns() - demo->replay.start_ns;
	sluice_stats(demo->sluice, &result->stats);
}

static bool verify(struct demo *demo)
{
	struct sluice_error error;
	PGconn *connection = slu_target_connect(&demo->target, &error);
	enum sluice_status status = SLUICE_FAILED;

	if (connection != NULL)
		status = slu_verify(connection, &demo->day, demo->finished,
		                    &demo->result.verification, &error);
	PQfinish(connection);
	return status == SLUICE_OK || complain(error.message);
}

static bool report(struct demo *demo)
{
	slu_demo_report_text(demo->out, &demo->result);
	fflush(demo->out);
	if (demo->json != NULL && !slu_demo_report_json(demo->json, &demo->result))
		return complain("the JSON could not be written: is the disk full?");
	return true;
}

/* From an open database on. */
static bool run(struct demo *demo, const struct sluice_options *options)
{
	struct sluice_error error;
	bool ok;

	fprintf(demo->out, "database      %s\n", demo->target.description);
	fflush(demo->out);
	if (slu_target_announce(&demo->target, &demo->day, &error) != SLUICE_OK)
		return complain(error.message);
	if (!open_sluice(demo, options))
		return false;
	ok = play(demo);
	drain(demo);
	ok &= verify(demo);
	ok &= report(demo);
	return ok && slu_demo_succeeded(&demo->result);
}

/* ---- from command line to exit status ---- */

static bool read_day(struct demo *demo)
{
	struct slu_day_reason reason;

	return slu_demo_input(&demo->options, &demo->day, &reason) || complain(reason.text);
}

static bool run_on_target(struct demo *demo)
{
	struct sluice_options options;
	struct sluice_error error;
	bool ok;

	slu_demo_input_tell(&demo->options, &demo->day, demo->out);
	if (fit_options(demo, &options, &error) != SLUICE_OK)
		return complain(error.message);
	slu_progress_init(&demo->progress, demo->out);
	options.log = slu_progress_log;
	options.log_context = &demo->progress;
	if (!check_options(demo, &options))
		return false;
	if (slu_target_open(&demo->target, demo->options.dsn, &error) != SLUICE_OK)
		ok = complain(error.message);
	else
		ok = run(demo, &options);
	if (demo->options.keep && demo->target.server != NULL &&
	    slu_target_keep(&demo->target, demo->out, &error) != SLUICE_OK)
		ok = complain(error.message);
	if (slu_target_close(&demo->target, &error) != SLUICE_OK)
		ok = complain(error.message);
	return ok;
}

/* Early, so that a path that can't be written to costs nobody a run. */
static bool open_outputs(struct demo *demo)
{
	const char *path = demo->options.json;

	demo->out = stdout;
	if (path == NULL)
		return true;
	if (strcmp(path, "-") == 0) {
		demo->out = stderr;
		demo->json = stdout;
		return true;
	}
	demo->json = fopen(path, "we");
	if (demo->json == NULL)
		fprintf(stderr, "sluice demo: --json %s: %s\n", path, strerror(errno));
	return demo->json != NULL;
}

int cli_demo(int argc, char **argv)
{
	static struct demo demo; /* its histograms are large for a stack */
	bool ok;

	if (!slu_demo_options_parse(&demo.options, argc, argv))
		return CLI_USAGE;
	if (demo.options.help) {
		slu_demo_help(stdout);
		return CLI_OK;
	}
	if (!slu_stop_watch())
		return complain("no file descriptor left"), CLI_FAILED;
	ok = open_outputs(&demo) && read_day(&demo) && run_on_target(&demo);
	slu_replay_free(&demo.replay);
	slu_day_free(&demo.day);
	if (demo.json != NULL && demo.json != stdout && fclose(demo.json) != 0)
		ok = complain("the JSON could not be written");
	return ok ? CLI_OK : CLI_FAILED;
}
