/* SPDX-License-Identifier: MIT */
/*
 * handler.c - a signal handler that runs whole calls on the lane whose call it interrupts, after each
 * instruction of that call in turn.
 *
 * The processor traps after every instruction; the handler of the trap counts, and at the one that is
 * its turn does what a program's handler might. Whatever either of them is told was accepted comes
 * out once, and nothing else does. For x86-64.
 */
#include "stepped.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100
#define VALUES_MAX 64 /* in one turn */
#define ID 7

/* What is counted, each for itself: a handler may come in the middle of a count. */
struct side {
	uint64_t next; /* the value that it puts, once; the thread's are even */
	uint64_t accepted;
	uint64_t busy;
	struct event *reserved;
};

static struct {
	void (*handler)(void);
	unsigned turn, instructions;
	bool came, handling;       /* the handler's turn has; it runs */
	bool accepted[VALUES_MAX]; /* an event of that value was */
	struct side thread, in_handler;
} walk;

static struct side *side(void)
{
	return walk.handling ? &walk.in_handler : &walk.thread;
}

static void set_up(void)
{
	memset(&walk, 0, sizeof(walk));
	walk.in_handler.next = 1;
	open_with("lanes=2 lane_slots=64 keys=64");
}

TestSuite(handler, .init = set_up, .fini = tear_down);

/* ---- what thread and handler do ---- */

static uint64_t take_value(void)
{
	uint64_t value = side()->next;

	side()->next += 2;
	return value;
}

static bool note(enum sluice_status status)
{
	if (status == SLUICE_OK)
		side()->accepted++;
	else if (status == SLUICE_BUSY)
		side()->busy++;
	else
		cr_assert_eq(status, SLUICE_FULL);
	return status == SLUICE_OK;
}

static void put_an_event(void)
{
	uint64_t value = take_value();

	if (note(put_event(f.lane, value)))
		walk.accepted[value] = true;
}

static void put_three_events(void)
{
	for (int i = 0; i < 3; i++)
		put_an_event();
}

static void put_an_item(void)
{
	(void)note(put_item(f.lane, ID, take_value()));
}

static void remove_an_item(void)
{
	uint64_t id = ID;

	(void)note(sluice_remove(f.lane, &items, &id, NULL));
}

static void get_an_item(void)
{
	uint64_t id = ID;
	struct item item;
	enum sluice_status status = sluice_get(f.lane, &items, &id, &item, NULL);

	cr_assert(status == SLUICE_OK || status == SLUICE_MISS || status == SLUICE_BUSY);
	if (status == SLUICE_OK)
		cr_assert_eq(item.id, ID);
}

static void reserve_an_event(void)
{
	struct event *event;

	if (sluice_reserve(f.lane, &events, NULL, (void **)&event) != SLUICE_OK)
		return;
	*event = (struct event){.value = take_value()};
	side()->reserved = event;
}

static void commit_the_event(void)
{
	struct event *event = side()->reserved;

	side()->reserved = NULL;
	if (event != NULL && note(sluice_commit(f.lane, NULL)))
		walk.accepted[event->value] = true;
}

static void reserve_and_commit(void)
{
	reserve_an_event();
	commit_the_event();
}

static void handle(void (*handler)(void))
{
	walk.handling = true;
	handler();
	walk.handling = false;
}

/* ---- the walk ---- */

static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

	(void)signal;
	(void)info;
	if (++walk.instructions < walk.turn)
		return;
	*flags &= ~TRAP_FLAG;
	walk.came = true;
	handle(walk.handler);
}

/* Below the red zone, which the compiler may use without saying so. */
static inline void trap_after_each_instruction(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torl %0, (%%rsp)\n\tpopfq\n\t"
	                 "lea 128(%%rsp), %%rsp"
	                 :
	                 : "i"(TRAP_FLAG)
	                 : "memory", "cc");
}

static inline void trap_no_more(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandl %0, (%%rsp)\n\tpopfq\n\t"
	                 "lea 128(%%rsp), %%rsp"
	                 :
	                 : "i"(~TRAP_FLAG)
	                 : "memory", "cc");
}

static void walk_through(void (*call)(void))
{
	walk.instructions = 0;
	walk.came = false;
	trap_after_each_instruction();
	call();
	trap_no_more();
}

/* ---- what came out ---- */

static void check_events(void)
{
	static unsigned seen[VALUES_MAX];
	uint64_t end = walk.thread.next > walk.in_handler.next ? walk.thread.next
	                                                       : walk.in_handler.next;

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < f.sink->row_count; i++)
		if (f.sink->rows[i].stream == &events)
			seen[f.sink->rows[i].record.event.value]++;
	for (uint64_t value = 0; value < end; value++)
		cr_assert_eq(seen[value], walk.accepted[value] ? 1 : 0,
		             "after instruction %u: event %" PRIu64 " came out %u times", walk.turn,
		             value, seen[value]);
	memset(walk.accepted, 0, sizeof(walk.accepted));
	walk.thread.next = 0;
	walk.in_handler.next = 1;
}

static void check_item(void)
{
	uint64_t id = ID, version = 0;
	struct item item;
	enum sluice_status status = sluice_get(f.lane, &items, &id, &item, &version);

	for (size_t i = f.sink->row_count; i-- > 0;) {
		const struct seen_row *row = &f.sink->rows[i];

		if (row->stream != &items)
			continue;
		assert_equal(row->version, version);
		assert_status(status, row->removed ? SLUICE_MISS : SLUICE_OK);
		if (status == SLUICE_OK)
			assert_equal(item.value, row->record.item.value);
		return;
	}
}

static void check(void)
{
	world_settle(f.sluice);
	assert_equal(accepted(), walk.thread.accepted + walk.in_handler.accepted);
	check_item();
	check_events();
	f.sink->row_count = 0;
}

/* Until the call ends before the handler's turn. */
static void interrupt_everywhere(void (*call)(void), void (*handler)(void))
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	cr_assert_eq(sigaction(SIGTRAP, &action, NULL), 0);
	call(); /* finds its functions */
	handle(handler);
	handle(commit_the_event);
	check();
	walk.handler = handler;
	walk.came = true;
	for (walk.turn = 1; walk.came; walk.turn++) {
		walk_through(call);
		handle(commit_the_event);
		check();
	}
	cr_assert_gt(walk.turn, 60, "the call was not walked through");
}

static void (*const handlers[])(void) = {
	put_an_event, put_three_events, put_an_item,        remove_an_item,
	get_an_item,  reserve_an_event, reserve_and_commit,
};

static void interrupt_by_each(void (*call)(void))
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		interrupt_everywhere(call, handlers[i]);
	cr_assert_gt(walk.in_handler.busy, 0, "no call was interrupted in the middle");
}

Test(handler, after_each_instruction_of_an_append_put)
{
	interrupt_by_each(put_an_event);
}

Test(handler, after_each_instruction_of_a_state_put)
{
	interrupt_by_each(put_an_item);
}

Test(handler, after_each_instruction_of_a_remove)
{
	interrupt_by_each(remove_an_item);
}

Test(handler, after_each_instruction_of_a_get)
{
	interrupt_by_each(get_an_item);
}

Test(handler, after_each_instruction_of_reserve_and_commit)
{
	interrupt_by_each(reserve_and_commit);
}

/* ---- a warm, cut in two ---- */

#define FIRST_COLD_ID 1000 /* one a turn: a key is warmed once */

/* The handler stands for another engine, which puts the key that is being warmed. */
static void put_the_cold_item(void)
{
	assert_status(put_item(f.other, FIRST_COLD_ID + walk.turn, 2), SLUICE_OK);
	assert_equal(value_of(f.other, FIRST_COLD_ID + walk.turn), 2);
}

static void warm_the_cold_item(void)
{
	struct item item = {.id = FIRST_COLD_ID + walk.turn, .value = 1};
	enum sluice_status status = sluice_warm(f.lane, &items, &item, sizeof(item), 1);

	cr_assert(status == SLUICE_OK || status == SLUICE_CONFLICT);
}

Test(handler, whatever_a_warm_has_done_by_then_a_put_of_its_key_stays)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	tear_down();
	open_with("lanes=2 lane_slots=64 keys=4096");
	cr_assert_eq(sigaction(SIGTRAP, &action, NULL), 0);
	walk.handler = put_the_cold_item;
	warm_the_cold_item(); /* finds its functions */
	walk.came = true;
	for (walk.turn = 1; walk.came; walk.turn++) {
		walk_through(warm_the_cold_item);
		if (!walk.came)
			put_the_cold_item();
		assert_equal(value_of(f.lane, FIRST_COLD_ID + walk.turn), 2);
		world_settle(f.sluice);
		assert_equal(value_of(f.lane, FIRST_COLD_ID + walk.turn), 2);
	}
	cr_assert_gt(walk.turn, 60, "the call was not walked through");
}
