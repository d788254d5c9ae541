/* SPDX-License-Identifier: MIT */
/*
 * progress.h - one line a second: how fast rows go in, how fast they arrive, what is under way.
 *
 * On a terminal the line is redrawn in place; elsewhere each is a line of its own.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <sluice/sluice.h>

#include <stdio.h>

struct slu_progress {
	FILE *out;
	bool terminal;
	bool drawn; /* the cursor stands behind a line to be redrawn */
	uint64_t start_ns;
	uint64_t last_ns;
	struct sluice_account last;
};

void slu_progress_init(struct slu_progress *progress, FILE *out);
/* Seconds count from `now_ns`. */
void slu_progress_start(struct slu_progress *progress, uint64_t now_ns);
/* Shows what `stats` says `now_ns`. Rates are means since the line before. */
void slu_progress_show(struct slu_progress *progress, const struct sluice_stats *stats,
                       uint64_t now_ns);
/* Writes a line of Sluice's own, for sluice_options.log. `context`: the progress.  Thread: any. */
void slu_progress_log(void *context, const char *line);
/* Ends a line that would be redrawn, so that other text can follow. */
void slu_progress_leave(struct slu_progress *progress);

/* Writes `value` with commas: 16,929. Returns `text`, of at least SLU_GROUPED_SIZE bytes. */
#define SLU_GROUPED_SIZE 27
const char *slu_grouped(char *text, uint64_t value);
/* Writes a duration with a fitting unit, three digits: 812 ns, 3.41 us, 25.0 ms, 12.1 s. */
#define SLU_DURATION_SIZE 24
const char *slu_duration(char *text, uint64_t ns);

#endif
