/* SPDX-License-Identifier: MIT */
/* signal.c - a handler that puts on the lane whose call it interrupted is told so; on a shared lane
 * its record is accepted. */
#include "stepped.h"

#include "core/grace.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static void set_up(void)
{
	open_with("lanes=2 shared_lanes=2 lane_slots=64 keys=64");
}

TestSuite(interrupted, .init = set_up, .fini = tear_down);

/* ---- as if a handler ran now, in the middle of a call on f.lane ---- */

static void assert_all_busy(void)
{
	struct item item = {.id = 7, .value = 71};
	uint64_t before = accepted(), section = atomic_load(&f.lane->engine.section);
	void *record = NULL;

	assert_status(put_item(f.lane, 7, 71), SLUICE_BUSY);
	assert_status(put_event(f.lane, 1), SLUICE_BUSY);
	assert_status(sluice_put_if(f.lane, &items, &item, sizeof(item), 0, NULL), SLUICE_BUSY);
	assert_status(sluice_remove(f.lane, &items, &item.id, NULL), SLUICE_BUSY);
	assert_status(sluice_get(f.lane, &items, &item.id, &item, NULL), SLUICE_BUSY);
	assert_status(sluice_reserve(f.lane, &items, &item.id, &record), SLUICE_BUSY);
	assert_status(sluice_reserve(f.lane, &events, NULL, &record), SLUICE_BUSY);
	assert_status(sluice_commit(f.lane, NULL), SLUICE_BUSY);
	sluice_cancel(f.lane);
	cr_assert_null(record);
	assert_equal(accepted(), before);
	assert_equal(atomic_load(&f.lane->engine.section), section);
}

Test(interrupted, within_a_call_every_call_is_busy_and_changes_nothing)
{
	assert_status(put_item(f.other, 7, 70), SLUICE_OK);
	cr_assert(slu_section_enter(f.lane));
	assert_all_busy();
	assert_status(sluice_detach(f.lane), SLUICE_BUSY);
	slu_section_exit(f.lane);
	assert_equal(value_of(f.lane, 7), 70);
	assert_status(put_item(f.lane, 7, 72), SLUICE_OK);
}

Test(interrupted, within_a_call_a_reserve_is_neither_committed_nor_cancelled)
{
	uint64_t id = 7;
	void *record;

	assert_status(sluice_reserve(f.lane, &items, &id, &record), SLUICE_OK);
	cr_assert(slu_section_enter(f.lane));
	assert_all_busy();
	slu_section_exit(f.lane);
	((struct item *)record)->value = 70;
	assert_status(sluice_commit(f.lane, NULL), SLUICE_OK);
	assert_equal(value_of(f.lane, 7), 70);
}

Test(interrupted, within_a_call_a_shared_lane_takes_the_record)
{
	struct sluice_lane *shared = sluice_shared(f.sluice, NULL);

	cr_assert(slu_section_enter(f.lane));
	assert_status(put_item(shared, 7, 71), SLUICE_OK);
	assert_equal(value_of(shared, 7), 71);
	slu_section_exit(f.lane);
	assert_equal(value_of(f.lane, 7), 71);
}

/* ---- a timer, 10,000 times a second ---- */

#define HANDLED 20000 /* signals to wait for */
#define NUMBERS 5

/* One number in every field: a torn record is seen. */
struct numbers {
	uint64_t key;
	uint64_t words[NUMBERS];
};

static const struct sluice_stream states = {
	.name = "states",
	.kind = SLUICE_STATE,
	.index = 0,
	.layout.size = sizeof(struct numbers),
	.key_size = sizeof(uint64_t),
};
static const struct sluice_stream appends = {
	.name = "appends",
	.kind = SLUICE_APPEND,
	.index = 1,
	.layout.size = sizeof(struct numbers),
};
static const struct sluice_stream *const both[] = {&states, &appends};
static const struct sluice_streams numbers_streams = {
	.name = "numbers", .streams = both, .count = 2};

/* Counts and checks what is committed. */
struct checking_sink {
	struct sluice_sink sink;
	uint64_t positions[8];
	uint64_t committed, torn, appended;
	bool sealed;
};

static enum sluice_status check_start(struct sluice_sink *sink,
                                      const struct sluice_sink_setup *setup,
                                      struct sluice_error *error)
{
	(void)sink;
	(void)setup;
	(void)error;
	return SLUICE_OK;
}

static enum sluice_status check_begin(struct sluice_sink *sink,
                                      const struct sluice_generation *generation)
{
	(void)sink;
	cr_assert_leq(generation->lane_count, 8);
	return SLUICE_OK;
}

static void check_seal(struct sluice_sink *sink)
{
	((struct checking_sink *)sink)->sealed = true;
}

static bool intact(const struct numbers *numbers)
{
	for (size_t i = 1; i < NUMBERS; i++)
		if (numbers->words[i] != numbers->words[0])
			return false;
	return true;
}

static enum sluice_status check_submit(struct sluice_sink *base, const struct sluice_batch *batch)
{
	struct checking_sink *sink = (struct checking_sink *)base;

	for (size_t p = 0; p < batch->part_count; p++)
		for (size_t i = 0; i < batch->parts[p].row_count; i++) {
			sink->torn += !intact(batch->parts[p].rows[i].record);
			sink->appended += batch->parts[p].stream == &appends;
		}
	sink->committed = batch->number;
	return SLUICE_OK;
}

static void check_step(struct sluice_sink *base, uint64_t now_ns,
                       struct sluice_sink_progress *progress)
{
	struct checking_sink *sink = (struct checking_sink *)base;

	(void)now_ns;
	*progress = (struct sluice_sink_progress){.state = SLUICE_STATE_RUNNING,
	                                          .committed = sink->committed,
	                                          .positions = sink->positions,
	                                          .sealed = sink->sealed,
	                                          .ready = true,
	                                          .reason = "",
	                                          .fd = -1,
	                                          .wake_ns = UINT64_MAX};
}

static void check_close(struct sluice_sink *sink)
{
	(void)sink;
}

static const struct sluice_sink_ops checking_ops = {
	.start = check_start,
	.begin = check_begin,
	.seal = check_seal,
	.submit = check_submit,
	.step = check_step,
	.close = check_close,
};

/* What thread and handler have done. The handler runs in the thread, so a plain count by each is
 * whole. */
static struct {
	struct sluice_lane *own, *shared;
	volatile uint64_t handled, torn;
	volatile uint64_t busy;             /* on its own lane */
	volatile uint64_t shared_otherwise; /* neither accepted nor full: never */
	volatile uint64_t accepted_by_handler, appended_by_handler;
	uint64_t accepted_by_thread, appended_by_thread;
} storm;

static enum sluice_status put_numbers(struct sluice_lane *lane, uint64_t number)
{
	struct numbers numbers = {.key = number % 4};

	for (size_t i = 0; i < NUMBERS; i++)
		numbers.words[i] = number;
	return sluice_put(lane, number % 2 != 0 ? &appends : &states, &numbers, sizeof(numbers),
	                  NULL);
}

static enum sluice_status get_numbers(struct sluice_lane *lane, uint64_t key)
{
	struct numbers numbers;
	enum sluice_status status = sluice_get(lane, &states, &key, &numbers, NULL);

	if (status == SLUICE_OK && (!intact(&numbers) || numbers.key != key))
		storm.torn = storm.torn + 1;
	return status;
}

static enum sluice_status handler_put(struct sluice_lane *lane, uint64_t number)
{
	enum sluice_status status = put_numbers(lane, number);

	if (status == SLUICE_OK) {
		storm.accepted_by_handler = storm.accepted_by_handler + 1;
		storm.appended_by_handler = storm.appended_by_handler + number % 2;
	}
	return status;
}

static void handle(int signal)
{
	uint64_t number = storm.handled + 1;
	enum sluice_status status;

	(void)signal;
	storm.busy = storm.busy + (handler_put(storm.own, number) == SLUICE_BUSY);
	status = handler_put(storm.shared, number / 2);
	storm.shared_otherwise = storm.shared_otherwise +
	                         (status != SLUICE_OK && status != SLUICE_FULL);
	(void)get_numbers(storm.own, number % 4);
	storm.handled = number;
}

static void set_timer(suseconds_t interval_us)
{
	struct itimerval every = {.it_interval.tv_usec = interval_us,
	                          .it_value.tv_usec = interval_us};

	cr_assert_eq(setitimer(ITIMER_REAL, &every, NULL), 0);
}

/* The thread's own puts, by copy and in place, and gets. */
static void work_once(uint64_t number)
{
	struct numbers *numbers;
	uint64_t key = number % 4;

	if (put_numbers(storm.own, number) == SLUICE_OK) {
		storm.accepted_by_thread++;
		storm.appended_by_thread += number % 2;
	}
	if (sluice_reserve(storm.own, &states, &key, (void **)&numbers) == SLUICE_OK) {
		for (size_t i = 0; i < NUMBERS; i++)
			numbers->words[i] = number;
		cr_assert_eq(sluice_commit(storm.own, NULL), SLUICE_OK);
		storm.accepted_by_thread++;
	}
	(void)get_numbers(storm.own, key);
	if (put_numbers(storm.shared, number) == SLUICE_OK) {
		storm.accepted_by_thread++;
		storm.appended_by_thread += number % 2;
	}
}

Test(signals, puts_of_a_handler_and_of_the_thread_that_it_interrupts_never_meet)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	struct checking_sink sink = {.sink.ops = &checking_ops};
	struct sluice_report report;
	struct sluice *sluice = sluice_open(&sink.sink, &numbers_streams,
	                                    "lanes=1 shared_lanes=2 lane_slots=1024 keys=64", NULL);

	cr_assert_not_null(sluice);
	storm.own = world_attach(sluice, 0);
	storm.shared = sluice_shared(sluice, NULL);
	cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	set_timer(100);
	for (uint64_t number = 1; storm.handled < HANDLED; number++)
		work_once(number);
	set_timer(0);
	assert_status(sluice_close(sluice, sluice_seconds(60), &report), SLUICE_OK);
	assert_equal(report.account.accepted, storm.accepted_by_thread + storm.accepted_by_handler);
	assert_equal(sink.appended, storm.appended_by_thread + storm.appended_by_handler);
	assert_equal(sink.torn + storm.torn, 0);
	cr_assert_gt(storm.busy, 0, "no signal interrupted a call");
	assert_equal(storm.shared_otherwise, 0);
}
