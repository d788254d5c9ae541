/* SPDX-License-Identifier: MIT */
/* lanes.h - the operations of `sluice lanes`, a file each. */
#ifndef CLI_LANES_H
#define CLI_LANES_H

#include <stdbool.h>

/* The subcommand: commands.h. */

struct slu_lanes_request {
	const char *directory;
	const char *dsn;    /* drain: as given, NULL for libpq's environment */
	const char *file;   /* export: only this one; or NULL */
	const char *stream; /* export: only this one; or NULL */
	bool all;           /* export: what is acknowledged, too */
	bool after_reboot;  /* drain: also files from before the machine was started */
	bool json;          /* list */
};

/* Each returns the program's exit status. What was asked for goes to stdout, all else to stderr. */
int slu_lanes_list(const struct slu_lanes_request *request);
int slu_lanes_verify(const struct slu_lanes_request *request);
int slu_lanes_drain(const struct slu_lanes_request *request);
int slu_lanes_export(const struct slu_lanes_request *request);

#endif
