/* SPDX-License-Identifier: MIT */
/* report.c - the statistics of what was measured, and its two printed forms. */
#include "bench/measure.h"

#ifdef SLU_MEASURE_COMMIT_FILE
#include SLU_MEASURE_COMMIT_FILE
#else
#define SLU_MEASURE_COMMIT "unknown"
#endif

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *const role_names[] = {"subject", "baseline", "peer", "limit"};

/* ---- statistics ---- */

static int ascending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* The smallest value that `share` of the sorted ones do not exceed. NAN for a percentile that so
 * few values do not have. */
static double percentile(const double *sorted, size_t count, double share)
{
	size_t rank = (size_t)ceil(share * (double)count);

	if (count == 0 || (share > 0.5 && (1 - share) * (double)count < 0.999))
		return NAN;
	return sorted[rank == 0 ? 0 : rank - 1];
}

static double median_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), ascending);
	return percentile(values, count, 0.5);
}

static double round_median(const struct slu_measure_row *row, size_t round)
{
	size_t begin = round == 0 ? 0 : row->round_ends[round - 1];
	size_t count = row->round_ends[round] - begin;
	double *copy = slu_measure_allocate(count + 1, sizeof(*copy));
	double median;

	memcpy(copy, row->samples + begin, count * sizeof(*copy));
	median = median_of(copy, count);
	free(copy);
	return median;
}

struct summary {
	double median, p99, p999, p9999, max, spread;
	double ratio, ratio_low, ratio_high; /* NAN without a baseline */
};

static struct summary summarize(const struct slu_measure *measure,
                                const struct slu_measure_row *row)
{
	struct summary summary = {.ratio = NAN, .ratio_low = NAN, .ratio_high = NAN};
	double *medians = slu_measure_allocate(measure->rounds, sizeof(*medians));
	double *ratios = slu_measure_allocate(measure->rounds, sizeof(*ratios));
	double *sorted = slu_measure_allocate(row->sample_count + 1, sizeof(*sorted));

	for (size_t i = 0; i < measure->rounds; i++) {
		medians[i] = round_median(row, i);
		if (row->baseline != NULL)
			ratios[i] = medians[i] / round_median(row->baseline, i);
	}
	memcpy(sorted, row->samples, row->sample_count * sizeof(*sorted));
	summary.median = median_of(sorted, row->sample_count);
	summary.p99 = percentile(sorted, row->sample_count, 0.99);
	summary.p999 = percentile(sorted, row->sample_count, 0.999);
	summary.p9999 = percentile(sorted, row->sample_count, 0.9999);
	summary.max = row->sample_count > 0 ? sorted[row->sample_count - 1] : NAN;
	qsort(medians, measure->rounds, sizeof(*medians), ascending);
	summary.spread = medians[measure->rounds - 1] - medians[0];
	if (row->baseline != NULL) {
		summary.ratio = median_of(ratios, measure->rounds);
		summary.ratio_low = ratios[0];
		summary.ratio_high = ratios[measure->rounds - 1];
	}
	free(medians);
	free(ratios);
	free(sorted);
	return summary;
}

/* ---- the best of the peers ---- */

static bool are_peers(const struct slu_measure_row *subject, const struct slu_measure_row *row)
{
	return row->role == SLU_PEER &&
	       (row == subject->baseline || row->baseline == subject->baseline);
}

static bool is_better(const struct slu_measure *measure, double value, double than)
{
	return isnan(than) || (measure->more_is_better ? value > than : value < than);
}

static double best_of_round(const struct slu_measure *measure,
                            const struct slu_measure_row *subject, size_t round)
{
	double best = NAN;

	for (size_t i = 0; i < measure->row_count; i++) {
		double median;

		if (!are_peers(subject, &measure->rows[i]))
			continue;
		median = round_median(&measure->rows[i], round);
		if (is_better(measure, median, best))
			best = median;
	}
	return best;
}

/* The lowest p99 and p99.9 of any peer: of one and the same, or not. */
static struct summary lowest_tails(const struct slu_measure *measure,
                                   const struct slu_measure_row *subject)
{
	struct summary lowest = {.p99 = NAN, .p999 = NAN};

	for (size_t i = 0; i < measure->row_count; i++) {
		struct summary summary;

		if (!are_peers(subject, &measure->rows[i]))
			continue;
		summary = summarize(measure, &measure->rows[i]);
		lowest.p99 = fmin(lowest.p99, summary.p99);
		lowest.p999 = fmin(lowest.p999, summary.p999);
	}
	return lowest;
}

void slu_measure_note_best(struct slu_measure *measure, const struct slu_measure_row *subject)
{
	double *ratios = slu_measure_allocate(measure->rounds, sizeof(*ratios));
	struct summary own = summarize(measure, subject);
	struct summary lowest = lowest_tails(measure, subject);
	char tails[120] = "";

	for (size_t i = 0; i < measure->rounds; i++)
		ratios[i] = round_median(subject, i) / best_of_round(measure, subject, i);
	qsort(ratios, measure->rounds, sizeof(*ratios), ascending);
	if (!isnan(own.p999) && !isnan(lowest.p999))
		snprintf(tails, sizeof(tails),
		         "; p99 %.1f, the lowest of theirs %.1f; p99.9 %.1f, theirs %.1f", own.p99,
		         lowest.p99, own.p999, lowest.p999);
	slu_measure_note(measure, "%s: %.2f (%.2f to %.2f) of the best peer of each round%s",
	                 subject->name, percentile(ratios, measure->rounds, 0.5), ratios[0],
	                 ratios[measure->rounds - 1], tails);
	free(ratios);
}

/* ---- where it ran ---- */

/* The processor's name, how many there are, the kernel. */
static void describe_machine(char *text, size_t size)
{
	struct utsname system;
	char line[256], model[128] = "unknown processor";
	FILE *file = fopen("/proc/cpuinfo", "r");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "model name : %127[^\n]", model) == 1)
			break;
	if (file != NULL)
		fclose(file);
	if (uname(&system) != 0)
		slu_measure_fail("uname does not answer");
	snprintf(text, size, "%s, %ld processors, %s %s", model, sysconf(_SC_NPROCESSORS_ONLN),
	         system.sysname, system.release);
}

/* As the kernel writes it, "1024K"; "?" where it does not. */
static void read_cache_size(unsigned index, char text[32])
{
	char path[96];
	FILE *file;

	memcpy(text, "?", 2);
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%u/size", index);
	file = fopen(path, "r");
	if (file == NULL)
		return;
	(void)fscanf(file, "%31s", text);
	fclose(file);
}

void slu_measure_note_caches(struct slu_measure *measure)
{
	char first[32], second[32], third[32];

	read_cache_size(0, first); /* 1 is that of instructions */
	read_cache_size(2, second);
	read_cache_size(3, third);
	slu_measure_note(measure, "caches of a processor: L1 %s, L2 %s; L3 %s", first, second,
	                 third);
}

/* What else the processors did. The kernel counts the whole by ticks and ours exactly, so the rest
 * can come out a little below nothing. */
static void note_load(struct slu_measure *measure)
{
	struct slu_measure_load now = slu_measure_load_now();
	double all = now.all - measure->load.all;
	double own = now.own - measure->load.own;
	double others = now.busy - measure->load.busy - own;

	if (all > 0)
		slu_measure_note(measure,
		                 "processors: %.0f %% busy with this program, %.0f %% with others, "
		                 "of that %.0f %% stolen by the hypervisor",
		                 100 * own / all, others < 0 ? 0 : 100 * others / all,
		                 100 * (now.stolen - measure->load.stolen) / all);
}

/* ---- report ---- */

static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", *text);
		else
			fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	}
	fputc('"', out);
}

static void put_pair(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\"%s\":", key);
	put_text(out, text);
}

static void put_number(FILE *out, const char *key, double value)
{
	if (isnan(value))
		fprintf(out, ",\"%s\":null", key);
	else
		fprintf(out, ",\"%s\":%.6g", key, value);
}

static void put_json_row(FILE *out, const struct slu_measure *measure,
                         const struct slu_measure_row *row)
{
	struct summary summary = summarize(measure, row);

	fputc('{', out);
	put_pair(out, "name", row->name);
	fprintf(out, ",\"role\":\"%s\"", role_names[row->role]);
	put_number(out, "median", summary.median);
	put_number(out, "p99", summary.p99);
	put_number(out, "p999", summary.p999);
	if (measure->tail) {
		put_number(out, "p9999", summary.p9999);
		put_number(out, "max", summary.max);
	}
	put_number(out, "spread", summary.spread);
	if (row->baseline != NULL) {
		fputc(',', out);
		put_pair(out, "baseline", row->baseline->name);
		put_number(out, "ratio", summary.ratio);
		put_number(out, "ratio_low", summary.ratio_low);
		put_number(out, "ratio_high", summary.ratio_high);
	}
	fprintf(out, ",\"samples\":%zu}", row->sample_count);
}

static void put_json(FILE *out, const struct slu_measure *measure, const char *machine)
{
	fputc('{', out);
	put_pair(out, "question", measure->question);
	fputc(',', out);
	put_pair(out, "unit", measure->unit);
	fputs(",\"rows\":[", out);
	for (size_t i = 0; i < measure->row_count; i++) {
		if (i > 0)
			fputc(',', out);
		put_json_row(out, measure, &measure->rows[i]);
	}
	fputs("],\"notes\":[", out);
	for (size_t i = 0; i < measure->note_count; i++) {
		if (i > 0)
			fputc(',', out);
		put_text(out, measure->notes[i]);
	}
	fputs("],", out);
	put_pair(out, "commit", SLU_MEASURE_COMMIT);
	fputc(',', out);
	put_pair(out, "machine", machine);
	fputc(',', out);
	put_pair(out, "command", measure->command);
	fprintf(out, ",\"runs\":%zu}\n", measure->rounds);
}

static void put_cell(double value)
{
	if (isnan(value))
		printf(" %9s", "");
	else
		printf(value < 1000 ? " %9.1f" : " %9.0f", value);
}

static void put_table(const struct slu_measure *measure, const char *machine)
{
	printf("%s\n\n%-44s %-8s %9s %9s %9s", measure->question, measure->unit, "role", "median",
	       "p99", "p99.9");
	if (measure->tail)
		printf(" %9s %9s", "p99.99", "max");
	printf(" %9s  %s\n", "spread", "ratio to its baseline (rounds)");
	for (size_t i = 0; i < measure->row_count; i++) {
		const struct slu_measure_row *row = &measure->rows[i];
		struct summary summary = summarize(measure, row);

		printf("%-44s %-8s", row->name, role_names[row->role]);
		put_cell(summary.median);
		put_cell(summary.p99);
		put_cell(summary.p999);
		if (measure->tail) {
			put_cell(summary.p9999);
			put_cell(summary.max);
		}
		put_cell(summary.spread);
		if (row->baseline != NULL)
			printf("  %.2f (%.2f to %.2f) of %s", summary.ratio, summary.ratio_low,
			       summary.ratio_high, row->baseline->name);
		putchar('\n');
	}
	putchar('\n');
	for (size_t i = 0; i < measure->note_count; i++)
		printf("%s\n", measure->notes[i]);
	printf("commit %s; %s; %s; %zu rounds\n", SLU_MEASURE_COMMIT, machine, measure->command,
	       measure->rounds);
}

int slu_measure_end(struct slu_measure *measure)
{
	bool alone = measure->json_path != NULL && strcmp(measure->json_path, "-") == 0;
	char machine[400];
	FILE *out;

	describe_machine(machine, sizeof(machine));
	note_load(measure);
	if (!alone)
		put_table(measure, machine);
	if (measure->json_path != NULL) {
		out = alone ? stdout : fopen(measure->json_path, "w");
		if (out == NULL)
			slu_measure_fail("%s can't be written", measure->json_path);
		put_json(out, measure, machine);
		if (fflush(out) != 0 || ferror(out) || (!alone && fclose(out) != 0))
			slu_measure_fail("%s can't be written", measure->json_path);
	}
	for (size_t i = 0; i < measure->row_count; i++) {
		free(measure->rows[i].samples);
		free(measure->rows[i].round_ends);
	}
	return 0;
}
