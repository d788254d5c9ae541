/* SPDX-License-Identifier: MIT */
/* options.h - the checks that an instance's options pass, however they were set. */
#ifndef SLU_OPTIONS_H
#define SLU_OPTIONS_H

#include <sluice/sluice.h>

/* Returns SLUICE_OK, or SLUICE_INVALID with `error` naming the key, its value and its bounds. */
enum sluice_status slu_options_check(const struct sluice_options *options,
                                     struct sluice_error *error);

/* Reads a duration as options have it: "5ms", "0". */
bool slu_options_duration(const char *text, uint64_t *ns);

/* The key of an option that is another in `after`, and can't be adjusted; NULL if there is none. */
const char *slu_options_fixed(const struct sluice_options *before,
                              const struct sluice_options *after);

#endif
