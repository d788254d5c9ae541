/* SPDX-License-Identifier: MIT */
/* progress.c - numbers that a human reads at a glance. */
#include "cli/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define REDRAW "\r\033[K" /* to the start of the line, and clear it */
#define CLIP "\033[?7l"   /* no line of a narrow terminal runs into the next: redraw clears one */
#define WRAP "\033[?7h"

const char *slu_grouped(char *text, uint64_t value)
{
	char digits[21];
	int count = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *to = text;
	int place;

	for (place = 0; place < count; place++) {
		if (place > 0 && (count - place) % 3 == 0)
			*to++ = ',';
		*to++ = digits[place];
	}
	*to = '\0';
	return text;
}

const char *slu_duration(char *text, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
	size_t unit;

	for (unit = 0; unit < sizeof(units) / sizeof(units[0]); unit++) {
		uint64_t whole = ns / units[unit].ns;
		uint64_t hundredths = ns % units[unit].ns * 100 / units[unit].ns;

		if (whole == 0)
			continue;
		if (whole < 10)
			snprintf(text, SLU_DURATION_SIZE, "%" PRIu64 ".%02" PRIu64 " %s", whole,
			         hundredths, units[unit].name);
		else if (whole < 100)
			snprintf(text, SLU_DURATION_SIZE, "%" PRIu64 ".%" PRIu64 " %s", whole,
			         hundredths / 10, units[unit].name);
		else
			snprintf(text, SLU_DURATION_SIZE, "%" PRIu64 " %s", whole,
			         units[unit].name);
		return text;
	}
	snprintf(text, SLU_DURATION_SIZE, "%" PRIu64 " ns", ns);
	return text;
}

void slu_progress_init(struct slu_progress *progress, FILE *out)
{
	*progress = (struct slu_progress){.out = out, .terminal = isatty(fileno(out))};
}

void slu_progress_start(struct slu_progress *progress, uint64_t now_ns)
{
	progress->start_ns = now_ns;
	progress->last_ns = now_ns;
}

static uint64_t per_second(uint64_t count, uint64_t ns)
{
	__extension__ typedef unsigned __int128 uint128;

	return ns == 0 ? 0 : (uint64_t)((uint128)count * 1000000000 / ns);
}

void slu_progress_show(struct slu_progress *progress, const struct sluice_stats *stats,
                       uint64_t now_ns)
{
	const struct sluice_account *account = &stats->account, *last = &progress->last;
	uint64_t ns = now_ns - progress->last_ns;
	bool running = stats->state == SLUICE_STATE_RUNNING;
	char in[SLU_GROUPED_SIZE], done[SLU_GROUPED_SIZE], depth[SLU_GROUPED_SIZE];
	char oldest[SLU_DURATION_SIZE], p50[SLU_DURATION_SIZE], p99[SLU_DURATION_SIZE];

	fprintf(progress->out,
	        "%s%4" PRIu64 " s  in %7s/s  committed %7s/s  lane depth %6s  oldest %7s  "
	        "lag p50 %7s p99 %7s%s%s%s",
	        progress->terminal ? REDRAW CLIP : "",
	        (now_ns - progress->start_ns + 500000000) / 1000000000,
	        slu_grouped(in, per_second(account->accepted - last->accepted, ns)),
	        slu_grouped(done, per_second(account->committed - last->committed, ns)),
	        slu_grouped(depth, stats->lane_depth),
	        slu_duration(oldest, stats->oldest_pending_ns),
	        slu_duration(p50, stats->commit_lag.p50_ns),
	        slu_duration(p99, stats->commit_lag.p99_ns), running ? "" : "  ",
	        running ? "" : sluice_state_name(stats->state), progress->terminal ? WRAP : "\n");
	fflush(progress->out);
	progress->drawn = progress->terminal;
	progress->last = *account;
	progress->last_ns = now_ns;
}

void slu_progress_log(void *context, const char *line)
{
	struct slu_progress *progress = context;

	/* The next line of progress is drawn below this one. */
	fprintf(progress->out, "%ssluice: %s\n", progress->terminal ? REDRAW : "", line);
	fflush(progress->out);
}

void slu_progress_leave(struct slu_progress *progress)
{
	if (progress->drawn)
		putc('\n', progress->out);
	progress->drawn = false;
}
