/* SPDX-License-Identifier: MIT */
/*
 * explore.h - runs the code of core/ in every order that its threads could meet in.
 *
 * The code is compiled as for ThreadSanitizer: the compiler puts a call before every access to
 * memory. Here the calls end in a machine of our own (machine.h), which decides what an atomic
 * load returns, and in a scheduler, which decides who goes on. All threads are coroutines of one
 * real thread, so a run is a list of choices, and can be had again.
 *
 *      run:  set_up -> threads, in some order -> check          found nothing: the next run
 *
 * The search is exhaustive up to so many choices that differ from the plain run: switches from a
 * thread that could have gone on, and loads that return something old. Then come random runs
 * without that limit. A run that finds something is shown with its last steps, and how to repeat
 * it.
 */
#ifndef TESTS_EXPLORE_EXPLORE_H
#define TESTS_EXPLORE_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPLORE_THREADS 4 /* at most, in a scenario */

struct explore_scenario {
	const char *name;
	void (*set_up)(void); /* alone; what it does comes before everything else */
	struct {
		const char *name;
		void (*body)(void);
	} threads[EXPLORE_THREADS];
	void (*check)(void); /* alone, after all threads have ended; may be NULL */

	/* of the exhaustive part; --long adds one switch */
	unsigned switches;
	unsigned stale; /* loads that return something old, stores that the compiler moves */
	/* of the random part; --long takes twenty times as many */
	unsigned random_runs;
};

/* The main function of a program of scenarios; see its --help. */
int explore_main(int argc, char **argv, const struct explore_scenario *scenarios, size_t count);

/* Ends the program unless `holds`: that is what was searched for. */
void explore_check(bool holds, const char *what);

/* Zeroed memory for this run, aligned to a pair of cache lines. Only here races are seen. */
void *explore_alloc(size_t size);
/* What the steps of a run call it. */
void explore_name(const void *memory, size_t size, const char *name);

/* The calling thread can't go on before another has written something. When nobody can, time
 * passes: all stores have arrived everywhere, and everybody looks again. */
void explore_pause(void);

/* One more thread, while a run goes on. Returns its number. */
unsigned explore_start(const char *name, void (*body)(void *argument), void *argument);
/* Returns when that thread has ended, and its effects are seen. */
void explore_join(unsigned thread);

/* Sleeps until woken, if *word == seen. */
void explore_sleep(const void *word, uint32_t seen);
void explore_wake(const void *word);

/* What follows is of no interest: from here on the run takes no other turns than the plain one. */
void explore_go_plainly(void);

/* What membarrier does. */
void explore_barrier_everywhere(void);

#endif
