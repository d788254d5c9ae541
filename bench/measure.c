/* SPDX-License-Identifier: MIT */
/* measure.c - the command line, processors, the clock, the samples, and bursts. */
#include "bench/measure.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 10
#define ROUNDS_QUICK 3
#define CALIBRATE_NS 50000000
#define REFUSED_MAX 1000 /* bursts in a row that did not count */
#define AFTER_REFUSAL_NS 2000000

_Noreturn void slu_measure_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *slu_measure_allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		slu_measure_fail("no memory for %zu x %zu bytes", count, size);
	return memory;
}

/* ---- begin ---- */

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

double slu_measure_seconds(void)
{
	return (double)monotonic_ns() / 1e9;
}

double slu_measure_cpu_seconds(int who)
{
	struct rusage usage;

	if (getrusage(who, &usage) != 0)
		slu_measure_fail("getrusage does not know %d", who);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double calibrate(void)
{
	uint64_t begin_ns = monotonic_ns();
	uint64_t begin = slu_measure_ticks_begin();
	uint64_t now_ns;

	while ((now_ns = monotonic_ns()) - begin_ns < CALIBRATE_NS)
		;
	return (double)(now_ns - begin_ns) / (double)(slu_measure_ticks_end() - begin);
}

/* The engine's is the last we may use: the first takes most interrupts. */
static void choose_processors(struct slu_measure *measure)
{
	cpu_set_t allowed;
	int first = -1, last = -1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET((size_t)cpu, &allowed)) {
				first = first < 0 ? cpu : first;
				last = cpu;
			}
	measure->engine_cpu = first != last ? last : -1;
	measure->other_cpu = first != last ? first : -1;
}

static void read_arguments(struct slu_measure *measure, int argc, char **argv)
{
	size_t used = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			measure->quick = true;
		} else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
			measure->json_path = argv[++i];
		} else {
			fprintf(stderr, "usage: %s [--quick] [--json FILE]\n%s\n", argv[0],
			        measure->question);
			exit(2);
		}
	}
	for (int i = 0; i < argc && used < sizeof(measure->command); i++)
		used += (size_t)snprintf(measure->command + used, sizeof(measure->command) - used,
		                         "%s%s", i > 0 ? " " : "", argv[i]);
}

void slu_measure_begin(struct slu_measure *measure, int argc, char **argv, const char *question,
                       const char *unit)
{
	*measure = (struct slu_measure){.question = question, .unit = unit};
	read_arguments(measure, argc, argv);
	measure->rounds = measure->quick ? ROUNDS_QUICK : ROUNDS;
	measure->load = slu_measure_load_now();
	measure->ns_per_tick = calibrate();
	choose_processors(measure);
	if (measure->engine_cpu < 0)
		slu_measure_note(measure, "one processor only: nothing is pinned, and engine and "
		                          "flusher take turns; expect nonsense");
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		slu_measure_fail("processor %d is not ours to use any more", cpu);
}

void slu_measure_pin_engine(const struct slu_measure *measure)
{
	pin(measure->engine_cpu);
}

void slu_measure_pin_other(const struct slu_measure *measure)
{
	pin(measure->other_cpu);
}

struct slu_measure_load slu_measure_load_now(void)
{
	const double hertz = (double)sysconf(_SC_CLK_TCK);
	/* user, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen */
	unsigned long long ticks[8] = {0};
	struct slu_measure_load load = {0};
	FILE *file = fopen("/proc/stat", "r");

	if (file == NULL)
		return load;
	if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1],
	           &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) == 8)
		for (size_t i = 0; i < 8; i++) {
			load.all += (double)ticks[i] / hertz;
			load.busy += i == 3 || i == 4 ? 0 : (double)ticks[i] / hertz;
		}
	fclose(file);
	load.stolen = (double)ticks[7] / hertz;
	load.own = slu_measure_cpu_seconds(RUSAGE_SELF) + slu_measure_cpu_seconds(RUSAGE_CHILDREN);
	return load;
}

/* ---- rows and samples ---- */

void slu_measure_set_rounds(struct slu_measure *measure, size_t rounds)
{
	assert(measure->row_count == 0);
	measure->rounds = rounds;
}

size_t slu_measure_turn(const struct slu_measure *measure, size_t turn, size_t count)
{
	size_t place = measure->round % 2 == 0 ? turn : count - 1 - turn;

	return (measure->round / 2 + place) % count;
}

struct slu_measure_row *slu_measure_row(struct slu_measure *measure, const char *name,
                                        enum slu_measure_role role,
                                        const struct slu_measure_row *baseline)
{
	struct slu_measure_row *row = &measure->rows[measure->row_count];

	if (measure->row_count == SLU_MEASURE_ROWS)
		slu_measure_fail("more than %d rows", SLU_MEASURE_ROWS);
	*row = (struct slu_measure_row){.name = name, .role = role, .baseline = baseline};
	row->round_ends = slu_measure_allocate(measure->rounds, sizeof(*row->round_ends));
	measure->row_count++;
	return row;
}

void slu_measure_add(struct slu_measure *measure, struct slu_measure_row *row, double value)
{
	if (row->sample_count == row->sample_max) {
		row->sample_max = row->sample_max == 0 ? 1024 : 2 * row->sample_max;
		row->samples = realloc(row->samples, row->sample_max * sizeof(*row->samples));
		if (row->samples == NULL)
			slu_measure_fail("no memory for %zu samples", row->sample_max);
	}
	row->samples[row->sample_count++] = value;
	row->round_ends[measure->round] = row->sample_count;
}

void slu_measure_next_round(struct slu_measure *measure)
{
	measure->round++;
}

void slu_measure_note(struct slu_measure *measure, const char *format, ...)
{
	va_list arguments;

	if (measure->note_count == SLU_MEASURE_NOTES)
		slu_measure_fail("more than %d notes", SLU_MEASURE_NOTES);
	va_start(arguments, format);
	vsnprintf(measure->notes[measure->note_count++], sizeof(measure->notes[0]), format,
	          arguments);
	va_end(arguments);
}

/* ---- bursts ---- */

void slu_measure_spin(const struct slu_measure *measure, uint64_t duration_ns)
{
	uint64_t ticks = (uint64_t)((double)duration_ns / measure->ns_per_tick);
	uint64_t begin = slu_measure_ticks_begin();

	while (slu_measure_ticks_end() - begin < ticks)
		slu_measure_rest();
}

size_t slu_measure_bursts(struct slu_measure *measure, struct slu_measure_row *row, size_t count,
                          const struct slu_measure_work *work)
{
	size_t refused = 0, refused_in_a_row = 0;

	for (size_t done = 0; done < count;) {
		uint64_t begin, ticks;
		size_t operations;

		if (work->prepare != NULL)
			work->prepare(work->context);
		slu_measure_spin(measure, work->pause_ns);
		begin = slu_measure_ticks_begin();
		operations = work->burst(work->context);
		ticks = slu_measure_ticks_end() - begin;
		if (operations < SLU_MEASURE_BURST) {
			refused++;
			if (++refused_in_a_row == REFUSED_MAX)
				slu_measure_fail("%d bursts in a row were refused", REFUSED_MAX);
			slu_measure_spin(measure, AFTER_REFUSAL_NS);
			continue;
		}
		refused_in_a_row = 0;
		done++;
		if (row != NULL)
			slu_measure_add(measure, row,
			                (double)ticks * measure->ns_per_tick / SLU_MEASURE_BURST);
	}
	return refused;
}
