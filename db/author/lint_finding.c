/* SPDX-License-Identifier: MIT */
/* lint_finding.c - prints a finding in the form that editors jump to. */
#include "db/author/lint_finding.h"

#include <stdarg.h>

void slu_lint_find(struct slu_lint *lint, size_t line, const char *format, ...)
{
	va_list arguments;

	fprintf(lint->answer, "%s/%s:%zu: ", lint->directory, lint->file, line);
	va_start(arguments, format);
	vfprintf(lint->answer, format, arguments);
	va_end(arguments);
	fputc('\n', lint->answer);
	lint->findings++;
}
