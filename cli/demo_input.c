/* SPDX-License-Identifier: MIT */
/* demo_input.c - files, or a synthetic flow. */
#include "cli/demo_input.h"

#include "cli/progress.h"

#include <inttypes.h>

static bool read_files(const struct slu_demo_options *options, struct slu_day *day,
                       struct slu_day_reason *reason)
{
	size_t index;

	for (index = 0; index < options->input_count; index++)
		if (!slu_day_add_file(day, options->inputs[index], reason))
			return false;
	if (!slu_day_read_files(day, stderr, reason))
		return false;
	if (options->strict && day->malformed > 0) {
		snprintf(reason->text, sizeof(reason->text),
		         "malformed lines: %" PRIu64 ", and --strict was given: nothing was "
		         "written. Correct them, or leave --strict away to skip them",
		         day->malformed);
		return false;
	}
	return slu_day_merge(day, options->rate, reason);
}

/* All repetitions together last as long as was asked for. */
static bool make_flow(const struct slu_demo_options *options, struct slu_day *day,
                      struct slu_day_reason *reason)
{
	uint64_t seconds = options->seconds == 0 ? SLU_SECONDS_DEFAULT : options->seconds;
	struct slu_flow_shape shape = {.seed = options->seed, .rate = options->rate};

	shape.rows = options->rate * seconds / options->repeat;
	if (shape.rows == 0)
		shape.rows = 1;
	return slu_day_make(day, &shape, reason);
}

bool slu_demo_input(const struct slu_demo_options *options, struct slu_day *day,
                    struct slu_day_reason *reason)
{
	bool ok = options->input_count > 0 ? read_files(options, day, reason)
	                                   : make_flow(options, day, reason);

	day->repeats = options->repeat;
	slu_day_deal(day, options->threads);
	return ok;
}

void slu_demo_input_tell(const struct slu_demo_options *options, const struct slu_day *day,
                         FILE *out)
{
	char messages[SLU_GROUPED_SIZE], rows[SLU_GROUPED_SIZE], rate[SLU_GROUPED_SIZE];
	size_t index;

	fputs("day           ", out);
	for (index = 0; index < day->source_count; index++)
		fprintf(out, "%s%s", index == 0 ? "" : ", ", day->sources[index].alias);
	if (options->input_count == 0)
		fprintf(out, " (synthetic, seed %" PRIu64 ")", options->seed);
	fprintf(out, ": %s messages, %s rows", slu_grouped(messages, day->message_count),
	        slu_grouped(rows, day->rows));
	if (day->repeats > 1)
		fprintf(out, ", %" PRIu64 " times", day->repeats);
	fprintf(out, ", at %s rows/s by %zu engine threads\n", slu_grouped(rate, options->rate),
	        day->thread_count);
}
