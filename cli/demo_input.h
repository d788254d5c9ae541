/* SPDX-License-Identifier: MIT */
/* demo_input.h - the day that the command line asks for. */
#ifndef CLI_DEMO_INPUT_H
#define CLI_DEMO_INPUT_H

#include "cli/demo_options.h"

/* Reads all files or makes the flow, and deals it out to the engine threads. Malformed lines are
 * told on stderr. Returns false with `reason` when there is no day to play; free it in any case. */
bool slu_demo_input(const struct slu_demo_options *options, struct slu_day *day,
                    struct slu_day_reason *reason);

/* Says in a line what will be played. */
void slu_demo_input_tell(const struct slu_demo_options *options, const struct slu_day *day,
                         FILE *out);

#endif
