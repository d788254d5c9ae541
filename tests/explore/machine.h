/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what a load may return, and which accesses race.
 *
 * Each atomic location keeps all that was stored in it in this run, in order. A load may return
 * any of that which is not too old for its thread:
 *
 *      TSO   Loads run in order, but ahead of the thread's own stores, which wait in a buffer: a
 *            load sees memory as of some moment between the thread's last load and now. A
 *            read-modify-write, or a sequentially consistent store, empties the buffer.
 *      WEAK  Each thread has a view: how far it has seen each location. A release store carries
 *            it, an acquire load takes it over, a relaxed access does neither (but by C11's
 *            release sequences what a thread stores after its own release of the location carries
 *            that on); so relaxed stores arrive in any order, and relaxed loads may be early.
 *            Multi-copy atomic, as ARMv8 is: what a thread had stored before a full barrier is in
 *            memory, for whoever acquires anything that is stored later.
 *
 * Not modelled: a store that overtakes an earlier load of its thread; a store that takes its place
 * before one that ran earlier.
 * On both machines the compiler may move a relaxed store behind later loads, up to a signal fence.
 *
 * Plain accesses go to real memory. Whether two of them race is judged by the rules of C11 (happens
 * before, by vector clocks), whatever the machine: so no order need be tried to find it.
 */
#ifndef TESTS_EXPLORE_MACHINE_H
#define TESTS_EXPLORE_MACHINE_H

#include "explore.h"

#define MACHINE_THREADS (EXPLORE_THREADS + 1) /* thread 0 sets up and checks */

enum machine_kind { MACHINE_TSO, MACHINE_WEAK, MACHINE_KINDS };

extern const char *const machine_names[MACHINE_KINDS];

enum machine_change { CHANGE_SET, CHANGE_ADD, CHANGE_SUB, CHANGE_AND, CHANGE_OR, CHANGE_XOR };

struct machine_access {
	uintptr_t address;
	unsigned size;
	int order; /* as __ATOMIC_ACQUIRE */
};

/* Forgets the run before. */
void machine_reset(enum machine_kind kind);

/* ---- by the running thread ---- */

uint64_t machine_load(struct machine_access access);
void machine_store(struct machine_access access, uint64_t value);
/* Returns what was there. */
uint64_t machine_change(struct machine_access access, enum machine_change change, uint64_t operand);
bool machine_compare_exchange(struct machine_access access, int order_if_not, uint64_t *expected,
                              uint64_t desired);
void machine_fence(int order);
void machine_signal_fence(void);
void machine_barrier_everywhere(void);

/* An order that exists, but that the compiler's calls do not show. */
void machine_hand_over(uintptr_t address);
void machine_take_over(uintptr_t address);

/* ---- by the scheduler ---- */

/* A thread begins after all that `parent` did, or `parent` goes on after all that it did. */
void machine_order_after(unsigned later, unsigned earlier);
/* The thread's stores have left it, and all that was stored has come to it. */
void machine_settle(unsigned thread);
/* What memory holds. */
uint64_t machine_newest(uintptr_t address, unsigned size);
/* Others may run before an access to a place where threads meet. Which places these are is learned
 * from the runs so far, at this call. Returns whether there is a new one. */
bool machine_learn(void);
/* Forgets the places, too: another scenario begins. */
void machine_forget(void);

/* ---- races: races.c ---- */

struct clock {
	uint32_t at[MACHINE_THREADS];
};

void clock_join(struct clock *clock, const struct clock *other);

void races_reset(void);
/* Where explore_alloc takes from. */
void *races_arena(size_t *size);
void races_plain(const struct clock *clock, unsigned thread, uintptr_t address, size_t size,
                 bool writes);
void races_atomic(const struct clock *clock, unsigned thread, uintptr_t address, bool writes);
/* A plain access by the running thread. */
void machine_plain(uintptr_t address, size_t size, bool writes);

/* ---- what the machine asks of the scheduler: schedule.c ---- */

enum choice {
	CHOICE_TURN,   /* who is next, as the running thread can't go on */
	CHOICE_SWITCH, /* or it could */
	CHOICE_STALE,  /* which message a load gets; whether a relaxed store stays behind */
	CHOICES
};

unsigned schedule_running(void);
/* A pointer that each thread has for itself, NULL at first. */
const void **schedule_own_value(void);
/* Another thread may go on here. */
void schedule_turn(void);
/* 0 to count - 1; 0 is what a plain run does. */
unsigned schedule_choose(enum choice choice, unsigned count);
/* The running thread wrote something that others may wait for. */
void schedule_stirred(void);
/* For the account of the run's last steps. */
void schedule_note(const char *what, uintptr_t address, unsigned size, uint64_t value, int order);
_Noreturn void schedule_found(const char *what);

#endif
