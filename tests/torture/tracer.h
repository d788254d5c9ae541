/* SPDX-License-Identifier: MIT */
/*
 * tracer.h - a victim under a debugger: walked instruction by instruction or from system call to
 * system call, held in the middle, let go, killed.
 *
 *      victim    tracer_submit .. tracer_mark_begin .. what is walked .. tracer_mark_end
 *      tracer    tracer_fork -> tracer_await -> tracer_step* -> tracer_release or tracer_kill
 *
 * The marks are single instructions that trap, so that nothing but the code between them is walked.
 * For x86-64.
 */
#ifndef TESTS_TORTURE_TRACER_H
#define TESTS_TORTURE_TRACER_H

#include <stdbool.h>
#include <sys/types.h>

/* ---- the victim's side ---- */

/* The calling thread lets the process that forked its own trace it. */
void tracer_submit(void);

#if defined(__x86_64__)
#define tracer_mark_begin() __asm__ volatile("int3" ::: "memory")
#define tracer_mark_end() __asm__ volatile("ud2" ::: "memory")
#else
#error "the marks are written for x86-64: leave out the programs that walk"
#endif

/* ---- the tracer's side; a `tid` names a thread, a `pid` a whole process ---- */

/* Forks. The child runs `victim` and exits with 0 when that returns; it is killed when its parent
 * ends. Returns the child's pid. */
pid_t tracer_fork(void (*victim)(void *argument), void *argument);

/* Waits until the thread that submitted stands at the mark that begins. False: its process ended.
 * */
bool tracer_await(pid_t tid);

/* One instruction further. False: the thread came to the mark that ends, or ended. */
bool tracer_step(pid_t tid);

/* Stops a thread that did not submit, wherever it is. */
void tracer_stop(pid_t tid);
/* Lets a stopped thread run on, untraced: no mark may lie ahead of it. */
void tracer_release(pid_t tid);

/* Runs the victim, which stands at the mark that begins, and the threads that it starts, until it
 * has been `count` times at the entry to a system call or at its return; then kills it. False: it
 * ended before, with wait status `*status`. The caller has no other children. */
bool tracer_kill_at_call(pid_t pid, unsigned count, int *status);

/* Kills the process as kill -9 does, and waits until nothing of it is left. */
void tracer_kill(pid_t pid);
/* Waits for its end. Returns its wait status. */
int tracer_wait(pid_t pid);

#endif
