/* SPDX-License-Identifier: MIT */
/*
 * lint_finding.h - one line of lint's answer: `directory/file:line: what is wrong; what to do`.
 */
#ifndef DB_AUTHOR_LINT_FINDING_H
#define DB_AUTHOR_LINT_FINDING_H

#include <stddef.h>
#include <stdio.h>

/* The file that is being read, and where its findings go. */
struct slu_lint {
	const char *directory;
	const char *file; /* without the directory */
	FILE *answer;
	size_t findings; /* so far, in all files */
};

/* `format` is the finding without its place; one about the name of the file is on line 1. */
void slu_lint_find(struct slu_lint *lint, size_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
