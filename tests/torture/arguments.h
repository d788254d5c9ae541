/* SPDX-License-Identifier: MIT */
/* arguments.h - options of these programs: pairs of a name and a value. */
#ifndef TESTS_TORTURE_ARGUMENTS_H
#define TESTS_TORTURE_ARGUMENTS_H

#include <stdint.h>

/* The value behind `name`, or `fallback`. */
const char *argument_text(char **arguments, const char *name, const char *fallback);
uint64_t argument_number(char **arguments, const char *name, uint64_t fallback);

#endif
