/* SPDX-License-Identifier: MIT */
/* gen_query_file_reading.h - a query file given as text, and what became of it. */
#ifndef TESTS_UNIT_GEN_QUERY_FILE_READING_H
#define TESTS_UNIT_GEN_QUERY_FILE_READING_H

#include "db/gen/read/query_file.h"

struct reading {
	struct slu_query_file file;
	enum sluice_status status;
	char *told; /* the findings */
};

/* Reads `text` as the file q.sql. To be closed. */
struct reading *reading(const char *text);
void reading_close(struct reading *reading);

/* Asserts that reading `text` tells exactly `expected`, and fails. */
void tells(const char *text, const char *expected);

/* Asserts that reading `text` tells nothing, and returns it. */
struct reading *reads(const char *text);

#endif
