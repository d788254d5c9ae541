/* SPDX-License-Identifier: MIT */
/*
 * replay.c - engine threads.
 * Owns: the threads, a lane each.  Borrows: the day, the Sluice instance.
 * One cycle: wait -> get -> move -> put -> count.
 */
#include "cli/replay.h"

#include <sluice/sink.h>

#include "cli/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define SPIN_NS 60000                          /* a sleep ends this long before a message is due */
#define STOP_CHECK_NS 100000000                /* the longest sleep: how late a stop is noticed */
#define FULL_PAUSE_NS 50000                    /* before a full lane is asked again */
#define GIVE_UP_NS (UINT64_C(30) * 1000000000) /* after a stop, on a lane that stays full */

/* ---- waiting ---- */

static void sleep_until(uint64_t until_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000),
	                               .tv_nsec = (long)(until_ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static bool stopped(const struct slu_replay *replay)
{
	/* Relaxed: the flag carries nothing but itself, and may be seen a message late. */
	return atomic_load_explicit(&replay->stop, memory_order_relaxed);
}

/* Sleeps most of the time, spins the rest: a timer is late by more than a put takes. False when the
 * threads are to stop. */
static bool wait_until(const struct slu_replay *replay, uint64_t due_ns)
{
	while (!stopped(replay)) {
		uint64_t now_ns = slu_clock_ns();

		if (now_ns >= due_ns)
			return true;
		if (due_ns - now_ns > STOP_CHECK_NS)
			sleep_until(now_ns + STOP_CHECK_NS);
		else if (due_ns - now_ns > SPIN_NS)
			sleep_until(due_ns - SPIN_NS);
		else
			slu_clock_pause();
	}
	return false;
}

/* ---- one message ---- */

/* A row to put: one of the two. */
struct row {
	const struct trading_order *order;
	const struct trading_execution *execution;
};

static enum sluice_status put_once(struct slu_engine *engine, const struct row *row,
                                   uint64_t due_ns)
{
	uint64_t begin = slu_call_clock_begin();
	enum sluice_status status =
		row->order != NULL ? trading_orders_put(engine->lane, row->order, NULL)
				   : trading_executions_put(engine->lane, row->execution, NULL);
	uint64_t ticks = slu_call_clock_end() - begin;

	if (status == SLUICE_OK) {
		slu_histogram_record(&engine->put_ns, slu_clock_ns() - due_ns);
		slu_histogram_record(&engine->put_call_ns,
		                     slu_call_clock_ns(&engine->replay->clock, ticks));
	}
	return status;
}

/* Puts until there is room. A stop ends it at once, but for a row that `belongs` to one that was
 * accepted: without it the message would be half done. */
static enum sluice_status put(struct slu_engine *engine, const struct row *row, uint64_t due_ns,
                              bool belongs)
{
	enum sluice_status status;
	uint64_t give_up_ns = 0;

	while ((status = put_once(engine, row, due_ns)) == SLUICE_FULL) {
		engine->full++;
		if (stopped(engine->replay)) {
			uint64_t now_ns = slu_clock_ns();

			if (give_up_ns == 0)
				give_up_ns = now_ns + GIVE_UP_NS;
			if (!belongs || now_ns > give_up_ns)
				return SLUICE_FULL;
		}
		sleep_until(slu_clock_ns() + FULL_PAUSE_NS);
	}
	return status;
}

/* The order as the messages before this one left it: what this thread put, read back. */
static enum sluice_status get_order(struct slu_engine *engine, const struct slu_row_names *names,
                                    const struct slu_message *message, struct trading_order *order)
{
	enum sluice_status status = SLUICE_MISS;

	if (message->type != SLU_SUBMISSION)
		status = trading_orders_get(engine->lane, &names->order_id, order, NULL);
	if (status != SLUICE_MISS)
		return status;
	slu_order_row_open(order, names, message);
	return SLUICE_OK;
}

static enum sluice_status play(struct slu_engine *engine, const struct slu_message *message,
                               uint64_t repeat, uint64_t due_ns)
{
	const struct slu_source *source = &engine->replay->day->sources[message->source];
	struct trading_execution execution;
	struct slu_row_names names;
	struct trading_order order;
	enum sluice_status status = SLUICE_OK;
	bool moves_order = message->type != SLU_HIDDEN_EXECUTION;

	slu_row_names(&names, source, engine->providers[message->source], message, repeat);
	if (moves_order) {
		status = get_order(engine, &names, message, &order);
		if (status != SLUICE_OK)
			return status;
		slu_order_row_move(&order, message);
		status = put(engine, &(struct row){.order = &order}, due_ns, false);
	}
	if (status == SLUICE_OK && (message->type == SLU_EXECUTION || !moves_order)) {
		slu_execution_row(&execution, &names, message);
		status = put(engine, &(struct row){.execution = &execution}, due_ns, moves_order);
	}
	return status;
}

/* ---- a thread ---- */

/* Plays this thread's messages of one repetition. False when it is time to end. */
static bool play_day(struct slu_engine *engine, uint64_t repeat)
{
	const struct slu_replay *replay = engine->replay;
	const struct slu_day *day = replay->day;
	enum sluice_status status;
	size_t index;

	for (index = 0; index < day->message_count; index++) {
		const struct slu_message *message = &day->messages[index];
		uint64_t due_ns = repeat * day->length_ns + message->due_ns;

		if (message->thread != engine->index)
			continue;
		if (due_ns > replay->stop_after_ns ||
		    !wait_until(replay, replay->start_ns + due_ns))
			return false;
		status = play(engine, message, repeat, replay->start_ns + due_ns);
		if (status == SLUICE_FULL && stopped(replay))
			return false;
		if (status != SLUICE_OK) {
			engine->status = sluice_error_set(
				&engine->error, status, "engine thread %zu: Sluice answered %s",
				engine->index, sluice_status_name(status));
			return false;
		}
		engine->finished++;
	}
	return true;
}

static void *engine_main(void *context)
{
	struct slu_engine *engine = context;
	struct slu_replay *replay = engine->replay;
	uint64_t repeat;

	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	engine->lane = sluice_attach(replay->sluice, SLUICE_CPU_CURRENT, &engine->error);
	if (engine->lane == NULL)
		engine->status = engine->error.status;
	atomic_fetch_add(&replay->ready, 1);
	while (!atomic_load_explicit(&replay->go, memory_order_acquire) && !stopped(replay))
		sleep_until(slu_clock_ns() + 1000000);
	for (repeat = 0; engine->lane != NULL && repeat < replay->day->repeats; repeat++)
		if (!play_day(engine, repeat))
			break;
	if (engine->lane != NULL)
		sluice_detach(engine->lane);
	atomic_fetch_add(&replay->ended, 1);
	return NULL;
}

static struct slu_engine *prepare_engine(struct slu_replay *replay, size_t index)
{
	struct slu_engine *engine = &replay->engines[index];
	size_t source;

	engine->replay = replay;
	engine->index = index;
	for (source = 0; source < replay->day->source_count; source++)
		engine->providers[source] = slu_order_namespace(replay->day->sources[source].alias);
	return engine;
}

bool slu_replay_start(struct slu_replay *replay, struct sluice_error *error)
{
	size_t count = replay->day->thread_count;

	replay->engines = calloc(count, sizeof(*replay->engines));
	if (replay->engines == NULL) {
		sluice_error_set(error, SLUICE_FAILED, "out of memory for %zu engine threads",
		                 count);
		return false;
	}
	while (replay->engine_count < count) {
		struct slu_engine *engine = prepare_engine(replay, replay->engine_count);
		int failure = pthread_create(&engine->thread, NULL, engine_main, engine);

		if (failure != 0) {
			sluice_error_set(error, SLUICE_FAILED, "engine thread %zu: %s",
			                 replay->engine_count, strerror(failure));
			slu_replay_stop(replay);
			slu_replay_join(replay, NULL, NULL);
			slu_replay_free(replay);
			return false;
		}
		replay->engine_count++;
	}
	while (atomic_load(&replay->ready) < count)
		sleep_until(slu_clock_ns() + 1000000);
	replay->start_ns = slu_clock_ns() + 10000000; /* so that all are awake for the first */
	atomic_store_explicit(&replay->go, true, memory_order_release);
	return true;
}

void slu_replay_stop(struct slu_replay *replay)
{
	atomic_store_explicit(&replay->stop, true, memory_order_relaxed);
}

bool slu_replay_ended(struct slu_replay *replay)
{
	return atomic_load(&replay->ended) == replay->engine_count;
}

enum sluice_status slu_replay_join(struct slu_replay *replay, uint64_t *finished,
                                   struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t index;

	for (index = 0; index < replay->engine_count; index++) {
		const struct slu_engine *engine = &replay->engines[index];

		pthread_join(engine->thread, NULL);
		if (finished != NULL)
			finished[index] = engine->finished;
		if (engine->status != SLUICE_OK && status == SLUICE_OK) {
			status = engine->status;
			if (error != NULL)
				*error = engine->error;
		}
	}
	return status;
}

void slu_replay_free(struct slu_replay *replay)
{
	free(replay->engines);
	replay->engines = NULL;
	replay->engine_count = 0;
}
