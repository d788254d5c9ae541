/* SPDX-License-Identifier: MIT */
/*
 * measure.h - how every benchmark here measures, and what it prints.
 *
 * One program answers one question. Everything it compares runs in one process, in rounds: each
 * round measures every row once, so that a machine that changes its mind changes it for all. A
 * row's ratio is taken against its baseline within each round; the ratio is the claim, the absolute
 * numbers are this machine's.
 *
 *      begin -> row.. -> [per round and row: add | bursts].. -> note.. -> end
 *
 *   median, p99, p999   over the samples of all rounds
 *   spread              the highest less the lowest median of a round
 *   ratio               median over the rounds of (median of the row / median of its baseline),
 *                       with the lowest and the highest
 *
 * Anything that goes wrong ends the program with a sentence and exit status 1: half a benchmark is
 * none.  Thread: one.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define SLU_MEASURE_ROWS 80
#define SLU_MEASURE_NOTES 40
#define SLU_MEASURE_BURST 20 /* operations between two readings of the clock */

enum slu_measure_role {
	SLU_SUBJECT,  /* what the question is about */
	SLU_BASELINE, /* what one would do without it */
	SLU_PEER,     /* another way to do the same */
	SLU_LIMIT,    /* what no way can beat, or what measuring costs */
};

struct slu_measure_row {
	const char *name;
	enum slu_measure_role role;
	const struct slu_measure_row *baseline; /* NULL: no ratio */
	double *samples;                        /* in the order they came, so round by round */
	size_t sample_count, sample_max;
	size_t *round_ends; /* how many samples there were after each round */
};

/* Processor seconds since boot, and of this program with its ended children (a server that was
 * stopped is one). */
struct slu_measure_load {
	double all, busy, stolen, own; /* busy: with anything; stolen: by the hypervisor */
};

struct slu_measure {
	const char *question, *unit;
	bool quick;
	bool tail;           /* set by the program: report p99.99 and the highest, too */
	bool more_is_better; /* the same: of rates */
	size_t rounds;
	size_t round; /* the running one, from 0 */
	struct slu_measure_row rows[SLU_MEASURE_ROWS];
	size_t row_count;
	char notes[SLU_MEASURE_NOTES][240];
	size_t note_count;
	const char *json_path; /* "-": stdout, and nothing else goes there; NULL: no JSON */
	char command[256];
	double ns_per_tick;
	struct slu_measure_load load; /* at begin */
	int engine_cpu, other_cpu;    /* -1: not pinned, the process may use one processor only */
};

/* Reads `[--quick] [--json FILE]`, calibrates the clock, chooses two processors. Exits with status
 * 2 after a wrong command line. */
void slu_measure_begin(struct slu_measure *measure, int argc, char **argv, const char *question,
                       const char *unit);

/* Instead of the usual number of rounds. Before the first row is added. */
void slu_measure_set_rounds(struct slu_measure *measure, size_t rounds);

/* Adds a row. The strings must live as long as `measure`; `baseline` is a row added before. */
struct slu_measure_row *slu_measure_row(struct slu_measure *measure, const char *name,
                                        enum slu_measure_role role,
                                        const struct slu_measure_row *baseline);

/* Adds a sample of the running round. */
void slu_measure_add(struct slu_measure *measure, struct slu_measure_row *row, double value);

/* Starts the next round. The first has been started by begin. */
void slu_measure_next_round(struct slu_measure *measure);

/* Which of `count` things the running round does as its `turn`-th, so that none has always the same
 * place or the same one before it: each round begins one further on, every other goes backwards. */
size_t slu_measure_turn(const struct slu_measure *measure, size_t turn, size_t count);

/* Adds a line that compares `subject` with its peers, the rows of that role with the same baseline
 * or which are its baseline: with the best of each round, and with the lowest p99 and p99.9. */
void slu_measure_note_best(struct slu_measure *measure, const struct slu_measure_row *subject);

/* Adds a line to what is printed: a setting, or a fact that the rows do not hold. */
void slu_measure_note(struct slu_measure *measure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds a line with the sizes of the processors' caches: what a step in a curve may be. */
void slu_measure_note_caches(struct slu_measure *measure);

/* Prints the table or the JSON, frees all. Returns the program's exit status. */
int slu_measure_end(struct slu_measure *measure);

/* Says why there is nothing to report, and exits with status 1. */
_Noreturn void slu_measure_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `count` zeroed things of `size` bytes. Never NULL. */
void *slu_measure_allocate(size_t count, size_t size);

/* ---- processors ---- */

/* Zeroes where /proc does not tell. end reports the difference: who else was busy meanwhile. */
struct slu_measure_load slu_measure_load_now(void);

/* The calling thread from here on, and threads that it starts. */
void slu_measure_pin_engine(const struct slu_measure *measure);
void slu_measure_pin_other(const struct slu_measure *measure);

/* ---- the clock ---- */

/* The time stamp counter, elsewhere than on x86-64 the monotonic clock. The fences keep what is
 * measured between the two readings; stores still on their way out of the processor at the end are
 * not waited for. */
static inline uint64_t slu_measure_ticks_begin(void)
{
#if defined(__x86_64__)
	uint64_t ticks;

	_mm_lfence();
	ticks = __rdtsc();
	_mm_lfence();
	return ticks;
#else
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

static inline uint64_t slu_measure_ticks_end(void)
{
#if defined(__x86_64__)
	unsigned int processor;
	uint64_t ticks = __rdtscp(&processor);

	_mm_lfence();
	return ticks;
#else
	return slu_measure_ticks_begin();
#endif
}

/* One turn of a loop that waits for another thread. */
static inline void slu_measure_rest(void)
{
#if defined(__x86_64__)
	_mm_pause();
#endif
}

/* Keeps the processor busy, politely. */
void slu_measure_spin(const struct slu_measure *measure, uint64_t duration_ns);

/* Monotonic seconds. */
double slu_measure_seconds(void);

/* Processor time so far; `who` as for getrusage. */
double slu_measure_cpu_seconds(int who);

/* ---- bursts ---- */

/* What a burst does, SLU_MEASURE_BURST times between two readings of the clock. */
struct slu_measure_work {
	void (*prepare)(void *context); /* before the pause, not measured; may be NULL */
	size_t (*burst)(void *context); /* how many were done; fewer, and it is not counted */
	void *context;
	uint64_t pause_ns; /* before each burst */
};

/* Runs `count` bursts that count, and adds to `row`, unless it is NULL, the mean duration of an
 * operation of each, in ns. What the readings themselves cost is not subtracted. Returns how many
 * bursts did not count. */
size_t slu_measure_bursts(struct slu_measure *measure, struct slu_measure_row *row, size_t count,
                          const struct slu_measure_work *work);

#endif
