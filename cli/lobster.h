/* SPDX-License-Identifier: MIT */
/*
 * lobster.h - reads LOBSTER message files: one message a line,
 * `time,type,order_id,size,price,direction` (lobsterdata.com).
 *
 *      time       seconds after midnight in New York, at most 9 decimals: nanoseconds, exactly
 *      type       1 submission, 2 partial cancel, 3 deletion, 4 execution, 5 hidden execution,
 *                 7 halt (nobody needs its other fields; they only have to be integers)
 *      order_id   from 1; of a hidden execution any
 *      size       shares, 1 to 10^9
 *      price      dollars x 10000, 1 to 10^12
 *      direction  1 buy, -1 sell, of the resting order
 *
 * A file is read to its end before anything is played. A line that breaks a rule is told to
 * `complain` and skipped.
 */
#ifndef CLI_LOBSTER_H
#define CLI_LOBSTER_H

#include "cli/message.h"

#include <stddef.h>
#include <stdio.h>

/* Far more than the longest right line needs. */
#define SLU_LOBSTER_LINE_SIZE_MAX 255

struct slu_lobster_reason {
	char text[112];
};

/* Reads a line (without its end) into `message`, all but number, source and the schedule. Returns
 * false with `reason` when the line is not a message. */
bool slu_lobster_parse(const char *line, size_t size, struct slu_message *message,
                       struct slu_lobster_reason *reason);

struct slu_lobster_file {
	struct slu_message *messages; /* without halts; of malloc */
	size_t count;
	uint64_t lines;
	uint64_t malformed;
	uint64_t halts;
	uint64_t orders; /* different ones */
};

/* Reads all of `in`. `complain` hears of each malformed line. Returns false with `reason` when the
 * file can't be read or kept; otherwise free file->messages. */
bool slu_lobster_read(FILE *in, struct slu_lobster_file *file,
                      void (*complain)(void *context, uint64_t line, const char *reason),
                      void *context, struct slu_lobster_reason *reason);

#endif
