/* SPDX-License-Identifier: MIT */
/* demo_report.h - what a run came to, for a human and for a program. */
#ifndef CLI_DEMO_REPORT_H
#define CLI_DEMO_REPORT_H

#include "cli/replay.h"
#include "cli/verify.h"

#include <sluice/sluice.h>

#include <stdio.h>

struct slu_demo_result {
	const struct slu_day *day;
	uint64_t rate;     /* asked for, rows a second */
	uint64_t flow_ns;  /* first message due to last put */
	uint64_t total_ns; /* first message due to all committed */
	struct sluice_report report;
	struct sluice_stats stats;
	struct slu_verification verification;
	struct slu_histogram put_ns;
	struct slu_histogram put_call_ns;
	struct slu_call_clock clock;
	uint64_t full;
	uint64_t server_kills;
	bool interrupted; /* by Ctrl-C or SIGTERM */
};

/* Verified, nothing pending, and the account adds up: then the demo exits with 0. */
bool slu_demo_succeeded(const struct slu_demo_result *result);

void slu_demo_report_text(FILE *out, const struct slu_demo_result *result);
/* One line, one object. Returns false when it could not be written. */
bool slu_demo_report_json(FILE *out, const struct slu_demo_result *result);

#endif
