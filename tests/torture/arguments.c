/* SPDX-License-Identifier: MIT */
/* arguments.c - looked up where they stand. */
#include "tests/torture/arguments.h"

#include <stdlib.h>
#include <string.h>

const char *argument_text(char **arguments, const char *name, const char *fallback)
{
	for (; *arguments != NULL; arguments++)
		if (strcmp(*arguments, name) == 0 && arguments[1] != NULL)
			return arguments[1];
	return fallback;
}

uint64_t argument_number(char **arguments, const char *name, uint64_t fallback)
{
	const char *text = argument_text(arguments, name, NULL);

	return text != NULL ? strtoull(text, NULL, 0) : fallback;
}
