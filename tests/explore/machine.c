/* SPDX-License-Identifier: MIT */
/* machine.c - who has seen how much of what was stored, and so what a load may return. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#define OLD_MAX 3 /* how many messages back a load may reach */

const char *const machine_names[MACHINE_KINDS] = {"tso", "weak"};

/* A relaxed store that the compiler may still move behind what follows. */
struct late_store {
	bool waits, passed; /* passed: something came before it */
	struct machine_access access;
	uint64_t value;
};

struct thread {
	struct view view;
	struct clock clock;
	uint32_t loaded_at; /* TSO: memory as of then, or later */
	uint32_t stored_at; /* TSO: its last store */
	struct late_store late;
};

static enum machine_kind machine;
static struct thread threads[MACHINE_THREADS];
static struct view in_order;             /* WEAK: seen by sequentially consistent accesses */
static const struct snapshot *performed; /* in memory for certain, and so for whoever acquires */
static uint32_t now;

static struct thread *self(void)
{
	return &threads[schedule_running()];
}

static bool acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME ||
	       order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

/* Everything before it is in memory, everything after it comes from there. */
static void full_barrier(struct thread *thread)
{
	thread->loaded_at = now;
	if (machine != MACHINE_WEAK)
		return;
	view_see_all(&thread->view);
	view_join(&in_order, &thread->view);
	performed = history_snapshot(&thread->view, &thread->clock);
}

/* ---- one access ---- */

static uint64_t memory_at(uintptr_t address, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)address, size);
	return value;
}

static struct message *append(struct location *location, uint64_t value)
{
	struct message *message = history_append(location, value, now);

	message->performed = performed;
	return message;
}

static bool crowded(unsigned users)
{
	users &= ~1u; /* thread 0 is always alone */
	return (users & (users - 1)) != 0;
}

/* What only one thread uses tells nothing. */
static void note(const char *what, const struct location *location, struct machine_access access,
                 uint64_t value)
{
	if (crowded(location->users))
		schedule_note(what, access.address, access.size, value, access.order);
}

/* The location as this access finds it. What was written there without atomics is a message,
 * too. */
static struct location *touch(struct machine_access access, bool writes)
{
	struct location *location = history_location(access.address);
	unsigned thread = schedule_running();
	uint64_t value = memory_at(access.address, access.size);

	location->users |= 1u << thread;
	location->written |= writes && thread != 0;
	if (!history_touched(location)) {
		location->handed_over = NULL;
		history_append(location, value, now);
	} else if (location->newest->value != value) {
		append(location, value);
		threads[thread].view.at[location->index] = (uint16_t)location->newest->number;
	}
	return location;
}

/* ---- late stores ---- */

static void store_now(struct machine_access access, uint64_t value)
{
	struct thread *thread = self();
	struct location *location = touch(access, true);
	const struct message *before = location->newest;
	struct message *message;

	races_atomic(&thread->clock, schedule_running(), access.address, true);
	now++;
	message = append(location, value);
	thread->view.at[location->index] = (uint16_t)message->number;
	thread->stored_at = now;
	if (before->releaser == schedule_running()) {
		message->released = before->released; /* C11 5.1.2.4p10: a release sequence */
		message->releaser = before->releaser;
	}
	if (releases(access.order)) {
		if (access.order == __ATOMIC_SEQ_CST) {
			view_join(&in_order, &thread->view);
			thread->loaded_at = now;
		}
		message->released = history_snapshot(&thread->view, &thread->clock);
		message->releaser = schedule_running();
		thread->clock.at[schedule_running()]++;
	}
	memcpy((void *)access.address, &value, access.size);
	note("store", location, access, value);
	schedule_stirred();
}

/* Others may run before an access to what others use. */
static void turn(uintptr_t address)
{
	const struct location *location = history_location(address);

	if (schedule_running() != 0 && location->met)
		schedule_turn();
}

static void end_late_store(void)
{
	struct late_store *late = &self()->late;

	if (!late->waits)
		return;
	if (late->passed)
		turn(late->access.address);
	late->waits = false;
	store_now(late->access, late->value);
}

/* Before another access. `passable`: the compiler may have moved the waiting store behind it. */
static void meet_late_store(uintptr_t address, bool passable)
{
	struct late_store *late = &self()->late;

	if (!late->waits)
		return;
	if (passable && late->access.address != address && schedule_choose(CHOICE_STALE, 2) == 1)
		late->passed = true;
	else
		end_late_store();
}

/* ---- loads ---- */

/* Whether a load may reach from `message` back to the one before. */
static bool reaches_back(const struct thread *thread, const struct location *location,
                         const struct message *message)
{
	if (message->before == NULL || message->number <= thread->view.at[location->index])
		return false;
	if (machine == MACHINE_WEAK)
		return true;
	/* Memory as of a moment before this message came; and of use only ahead of own stores. */
	return message->time > thread->loaded_at && thread->stored_at > thread->loaded_at &&
	       thread->stored_at > message->before->time;
}

static const struct message *pick(const struct thread *thread, const struct location *location)
{
	const struct message *message = location->newest;
	unsigned back = 0;

	if (schedule_running() == 0)
		return message;
	while (back < OLD_MAX && reaches_back(thread, location, message)) {
		message = message->before;
		back++;
	}
	message = location->newest;
	for (back = schedule_choose(CHOICE_STALE, back + 1); back > 0; back--)
		message = message->before;
	return message;
}

static void take_in(struct thread *thread, const struct message *message)
{
	if (machine == MACHINE_WEAK && message->performed != NULL)
		view_join(&thread->view, &message->performed->view);
	if (message->released == NULL)
		return;
	if (machine == MACHINE_WEAK)
		view_join(&thread->view, &message->released->view);
	clock_join(&thread->clock, &message->released->clock);
}

uint64_t machine_load(struct machine_access access)
{
	struct thread *thread = self();
	const struct message *message;
	struct location *location;

	meet_late_store(access.address, true);
	turn(access.address);
	location = touch(access, false);
	races_atomic(&thread->clock, schedule_running(), access.address, false);
	if (access.order == __ATOMIC_SEQ_CST)
		view_join(&thread->view, &in_order);
	message = pick(thread, location);
	thread->view.at[location->index] = (uint16_t)message->number;
	if (thread->loaded_at < message->time)
		thread->loaded_at = message->time;
	if (acquires(access.order))
		take_in(thread, message);
	note(message == location->newest ? "load" : "load old", location, access, message->value);
	return message->value;
}

/* ---- stores ---- */

void machine_store(struct machine_access access, uint64_t value)
{
	end_late_store();
	turn(access.address);
	if (access.order == __ATOMIC_RELAXED && schedule_running() != 0)
		self()->late = (struct late_store){true, false, access, value};
	else
		store_now(access, value);
}

/* ---- read-modify-writes ---- */

static uint64_t changed(uint64_t there, enum machine_change change, uint64_t operand)
{
	switch (change) {
	case CHANGE_SET:
		return operand;
	case CHANGE_ADD:
		return there + operand;
	case CHANGE_SUB:
		return there - operand;
	case CHANGE_AND:
		return there & operand;
	case CHANGE_OR:
		return there | operand;
	case CHANGE_XOR:
		return there ^ operand;
	}
	abort();
}

/* Always of the newest. A release carries on what the message before it released. */
static void replace(struct location *location, struct machine_access access, uint64_t value)
{
	struct thread *thread = self();
	const struct message *before = location->newest;
	struct snapshot *released = NULL;
	struct message *message;

	thread->view.at[location->index] = (uint16_t)before->number;
	if (acquires(access.order))
		take_in(thread, before);
	now++;
	message = append(location, value);
	thread->view.at[location->index] = (uint16_t)message->number;
	thread->loaded_at = thread->stored_at = now;
	if (access.order == __ATOMIC_SEQ_CST)
		full_barrier(thread);
	message->released = before->released;
	message->releaser = before->releaser;
	if (releases(access.order)) {
		released = history_snapshot(&thread->view, &thread->clock);
		if (before->released != NULL) {
			view_join(&released->view, &before->released->view);
			clock_join(&released->clock, &before->released->clock);
		}
		message->released = released;
		message->releaser = schedule_running();
		thread->clock.at[schedule_running()]++;
	}
	memcpy((void *)access.address, &value, access.size);
	schedule_stirred();
}

static uint64_t mask(unsigned size)
{
	return size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

uint64_t machine_change(struct machine_access access, enum machine_change change, uint64_t operand)
{
	struct location *location;
	uint64_t there, value;

	end_late_store();
	turn(access.address);
	location = touch(access, true);
	races_atomic(&self()->clock, schedule_running(), access.address, true);
	there = location->newest->value;
	value = changed(there, change, operand) & mask(access.size);
	replace(location, access, value);
	note("change to", location, access, value);
	return there;
}

bool machine_compare_exchange(struct machine_access access, int order_if_not, uint64_t *expected,
                              uint64_t desired)
{
	struct thread *thread = self();
	struct location *location;

	end_late_store();
	turn(access.address);
	location = touch(access, true);
	races_atomic(&thread->clock, schedule_running(), access.address, true);
	if (location->newest->value == *expected) {
		replace(location, access, desired);
		note("exchange for", location, access, desired);
		return true;
	}
	*expected = location->newest->value;
	thread->view.at[location->index] = (uint16_t)location->newest->number;
	thread->loaded_at = now;
	if (acquires(order_if_not))
		take_in(thread, location->newest);
	note("no exchange, found", location, access, *expected);
	return false;
}

/* ---- barriers ---- */

void machine_fence(int order)
{
	end_late_store();
	if (order != __ATOMIC_SEQ_CST)
		schedule_found("a fence of an order that the machine does not know");
	full_barrier(self());
}

void machine_signal_fence(void)
{
	end_late_store();
}

/* In each thread between two instructions: a store that its compiler has moved is still to come. */
void machine_barrier_everywhere(void)
{
	end_late_store();
	for (unsigned i = 0; i < MACHINE_THREADS; i++)
		full_barrier(&threads[i]);
	schedule_note("barrier everywhere", 0, 0, 0, 0);
}

/* ---- orders that the compiler's calls do not show ---- */

void machine_hand_over(uintptr_t address)
{
	struct thread *thread = self();
	struct location *location = history_location(address);

	end_late_store();
	if (!history_touched(location))
		history_append(location, 0, now);
	location->handed_over = history_snapshot(&thread->view, &thread->clock);
	thread->clock.at[schedule_running()]++;
}

void machine_take_over(uintptr_t address)
{
	const struct location *location = history_location(address);

	if (!history_touched(location) || location->handed_over == NULL)
		return;
	view_join(&self()->view, &location->handed_over->view);
	clock_join(&self()->clock, &location->handed_over->clock);
}

void machine_plain(uintptr_t address, size_t size, bool writes)
{
	races_plain(&self()->clock, schedule_running(), address, size, writes);
}

/* ---- the scheduler's ---- */

void machine_reset(enum machine_kind kind)
{
	machine = kind;
	now = 0;
	history_reset();
	performed = NULL;
	memset(&in_order, 0, sizeof(in_order));
	memset(threads, 0, sizeof(threads));
	for (unsigned i = 0; i < MACHINE_THREADS; i++)
		threads[i].clock.at[i] = 1;
	races_reset();
}

void machine_order_after(unsigned later, unsigned earlier)
{
	view_join(&threads[later].view, &threads[earlier].view);
	clock_join(&threads[later].clock, &threads[earlier].clock);
	threads[earlier].clock.at[earlier]++;
	threads[later].loaded_at = now;
}

void machine_settle(unsigned thread)
{
	if (thread == schedule_running())
		end_late_store();
	view_see_all(&threads[thread].view);
	threads[thread].loaded_at = now;
}

uint64_t machine_newest(uintptr_t address, unsigned size)
{
	return memory_at(address, size);
}

bool machine_learn(void)
{
	struct location *location;
	bool learned = false;

	for (unsigned i = 0; (location = history_location_number(i)) != NULL; i++) {
		if (location->met || !crowded(location->users) || !location->written)
			continue;
		location->met = true;
		learned = true;
	}
	return learned;
}

void machine_forget(void)
{
	history_forget();
}
