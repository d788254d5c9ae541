/* SPDX-License-Identifier: MIT */
/*
 * schedule.c - who goes on: one run of a scenario.
 *
 * Threads are coroutines. They change places only where the machine asks (schedule_turn), where
 * they pause or sleep, and where they end. Which of those that could is chosen by the search.
 */
#include "search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK_SIZE (256u * 1024)
#define NOTES 80        /* how many last steps are shown */
#define SPIN_MAX 4000   /* steps of one thread, after which the others go on */
#define STEPS_MAX 60000 /* of a run: more is no end */
#define IDLE_MAX 60     /* rounds in which one thread alone goes on and the others wait for it */
#define NAMES 64

enum state { UNUSED, READY, PAUSED, ASLEEP, JOINING, ENDED };

struct coroutine {
	enum state state;
	const char *name;
	void (*body)(void *);
	void *argument;
	const void *word; /* asleep on */
	unsigned joins;
	const void *own_value;
	ucontext_t context;
	unsigned char *stack;
};

/* ---- one run ---- */

static struct coroutine coroutines[MACHINE_THREADS];
static unsigned running, thread_count;
static unsigned steps, spin, idle;
static size_t arena_used;

struct name {
	uintptr_t from, until;
	const char *name;
};

static struct name names[NAMES];
static unsigned name_count;

struct note {
	const char *what;
	unsigned thread, size;
	int order;
	uintptr_t address;
	uint64_t value;
};

static struct note notes[NOTES];
static unsigned note_count;

/* ---- finding something ---- */

static const char *const orders[] = {"relaxed", "consume", "acquire",
                                     "release", "acq_rel", "seq_cst"};

static void print_place(uintptr_t address)
{
	const struct name *name = NULL;

	for (unsigned i = 0; i < name_count; i++)
		if (address >= names[i].from && address < names[i].until &&
		    (name == NULL || names[i].from >= name->from))
			name = &names[i];
	if (name != NULL)
		printf("%s+%" PRIuPTR, name->name, address - name->from);
	else
		printf("%#" PRIxPTR, address);
}

static void print_notes(void)
{
	unsigned from = note_count > NOTES ? note_count - NOTES : 0;

	for (unsigned i = from; i < note_count; i++) {
		const struct note *note = &notes[i % NOTES];

		printf("  %-8s %s", coroutines[note->thread].name, note->what);
		if (note->address != 0) {
			printf(" %" PRIu64 " %s ", note->value, orders[note->order]);
			print_place(note->address);
		}
		printf("\n");
	}
}

_Noreturn void schedule_found(const char *what)
{
	search_print_title();
	printf("found: %s, in thread %s\n", what, coroutines[running].name);
	print_notes();
	search_print_path();
	fflush(stdout);
	_Exit(1);
}

void explore_check(bool holds, const char *what)
{
	if (!holds)
		schedule_found(what);
}

void schedule_note(const char *what, uintptr_t address, unsigned size, uint64_t value, int order)
{
	notes[note_count++ % NOTES] = (struct note){what, running, size, order, address, value};
}

/* ---- taking turns ---- */

unsigned schedule_running(void)
{
	return running;
}

const void **schedule_own_value(void)
{
	return &coroutines[running].own_value;
}

static void go_on_with(unsigned thread)
{
	unsigned before = running;

	if (thread == before)
		return;
	running = thread;
	spin = 0;
	swapcontext(&coroutines[before].context, &coroutines[thread].context);
}

/* One of those that can go on, but not the running one unless nothing else is asked. */
static bool go_on_with_any(enum choice choice, bool also_running)
{
	unsigned able[MACHINE_THREADS], count = 0;

	if (also_running)
		able[count++] = running;
	for (unsigned i = 0; i < thread_count; i++) {
		unsigned next = 1 + (running + i) % thread_count;

		if (next != running && coroutines[next].state == READY)
			able[count++] = next;
	}
	if (count == 0)
		return false;
	go_on_with(able[schedule_choose(choice, count)]);
	return true;
}

void schedule_turn(void)
{
	if (++steps > STEPS_MAX)
		schedule_found("no end: too many steps");
	if (++spin > SPIN_MAX)
		explore_pause();
	else
		go_on_with_any(CHOICE_SWITCH, true);
}

void schedule_stirred(void)
{
	for (unsigned i = 1; i <= thread_count; i++)
		if (i != running && coroutines[i].state == PAUSED)
			coroutines[i].state = READY;
}

/* Time passes: all stores arrive, and those who paused look again. */
static bool let_time_pass(void)
{
	bool any = false;

	if (++idle > IDLE_MAX)
		schedule_found("nobody gets on any more");
	for (unsigned i = 1; i <= thread_count; i++) {
		if (coroutines[i].state != PAUSED)
			continue;
		coroutines[i].state = READY;
		machine_settle(i);
		any = true;
	}
	return any;
}

/* The running thread can't go on as it is. */
static void yield(void)
{
	unsigned before = running;

	machine_signal_fence();
	if (coroutines[before].state == UNUSED)
		return;
	if (!go_on_with_any(CHOICE_TURN, false)) {
		if (!let_time_pass())
			schedule_found("all sleep for ever");
		if (!go_on_with_any(CHOICE_TURN, coroutines[before].state == READY))
			schedule_found("all sleep for ever");
	} else if (running != before) {
		idle = 0;
	}
}

void explore_pause(void)
{
	if (running == 0)
		return;
	coroutines[running].state = PAUSED;
	yield();
	coroutines[running].state = READY;
}

void explore_sleep(const void *word, uint32_t seen)
{
	machine_signal_fence();
	if (running == 0 || machine_newest((uintptr_t)word, sizeof(seen)) != seen)
		return;
	coroutines[running].word = word;
	coroutines[running].state = ASLEEP;
	schedule_note("sleeps on", (uintptr_t)word, sizeof(seen), seen, 0);
	yield();
}

void explore_wake(const void *word)
{
	machine_signal_fence();
	schedule_note("wakes", (uintptr_t)word, 4, 0, 0);
	for (unsigned i = 1; i <= thread_count; i++)
		if (coroutines[i].state == ASLEEP && coroutines[i].word == word)
			coroutines[i].state = READY;
}

void explore_barrier_everywhere(void)
{
	machine_barrier_everywhere();
}

/* ---- threads ---- */

static void end_thread(void)
{
	unsigned me = running;

	machine_signal_fence();
	coroutines[me].state = ENDED;
	for (unsigned i = 0; i <= thread_count; i++)
		if (coroutines[i].state == JOINING && coroutines[i].joins == me)
			coroutines[i].state = READY;
	schedule_stirred();
	for (unsigned i = 1; i <= thread_count; i++)
		if (coroutines[i].state != ENDED) {
			yield();
			break;
		}
	go_on_with(0); /* all have ended */
}

static void thread_main(void)
{
	coroutines[running].body(coroutines[running].argument);
	end_thread();
}

unsigned explore_start(const char *name, void (*body)(void *), void *argument)
{
	unsigned thread = ++thread_count;
	struct coroutine *coroutine = &coroutines[thread];

	if (thread == MACHINE_THREADS)
		schedule_found("more threads than there is room for");
	coroutine->state = READY;
	coroutine->name = name;
	coroutine->body = body;
	coroutine->argument = argument;
	if (coroutine->stack == NULL)
		coroutine->stack = malloc(STACK_SIZE);
	if (coroutine->stack == NULL || getcontext(&coroutine->context) != 0)
		abort();
	coroutine->context.uc_stack.ss_sp = coroutine->stack;
	coroutine->context.uc_stack.ss_size = STACK_SIZE;
	coroutine->context.uc_link = NULL;
	makecontext(&coroutine->context, thread_main, 0);
	machine_order_after(thread, running);
	return thread;
}

void explore_join(unsigned thread)
{
	if (coroutines[thread].state != ENDED) {
		if (running == 0)
			schedule_found("a thread is awaited where none can run");
		coroutines[running].joins = thread;
		coroutines[running].state = JOINING;
		yield();
	}
	machine_order_after(running, thread);
}

/* ---- memory, names ---- */

void *explore_alloc(size_t size)
{
	size_t arena_size;
	unsigned char *arena = races_arena(&arena_size);
	void *memory = arena + arena_used;

	arena_used += (size + 127) / 128 * 128;
	if (arena_used > arena_size)
		schedule_found("the arena is too small for this scenario");
	return memory;
}

void explore_name(const void *memory, size_t size, const char *name)
{
	if (name_count < NAMES)
		names[name_count++] = (struct name){(uintptr_t)memory, (uintptr_t)memory + size,
		                                    name};
}

/* ---- a run ---- */

static void call_body(void *scenario_thread)
{
	void (*body)(void);

	memcpy(&body, scenario_thread, sizeof(body));
	body();
}

static void begin_run(enum machine_kind machine)
{
	size_t arena_size;
	unsigned char *arena = races_arena(&arena_size);

	memset(arena, 0, arena_used);
	arena_used = 0;
	machine_reset(machine);
	for (unsigned i = 0; i < MACHINE_THREADS; i++) {
		coroutines[i].state = UNUSED;
		coroutines[i].own_value = NULL;
	}
	coroutines[0].name = "-";
	thread_count = running = steps = spin = idle = 0;
	name_count = note_count = 0;
	search_begin_run();
}

void schedule_run(const struct explore_scenario *scenario, enum machine_kind machine)
{
	begin_run(machine);
	if (scenario->set_up != NULL)
		scenario->set_up();
	for (unsigned i = 0; i < EXPLORE_THREADS && scenario->threads[i].body != NULL; i++)
		explore_start(scenario->threads[i].name, call_body,
		              (void *)&scenario->threads[i].body);
	go_on_with(1 + schedule_choose(CHOICE_TURN, thread_count));
	for (unsigned i = 1; i <= thread_count; i++)
		machine_order_after(0, i);
	if (scenario->check != NULL)
		scenario->check();
}
