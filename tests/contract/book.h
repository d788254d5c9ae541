/* SPDX-License-Identifier: MIT */
/*
 * book.h - two streams whose tables are harder than the shipped ones: a quoted table, a
 * partitioned one, a domain, enums, a column that the statement fills by itself.
 */
#ifndef TESTS_CONTRACT_BOOK_H
#define TESTS_CONTRACT_BOOK_H

#include <sluice/stream.h>

#define BOOK_VERSION 3 /* that of the shipped migrations, which stand beside these tables */

/* Makes the tables, in the search_path's first schema. */
extern const char book_sql[];

struct book_account {
	int64_t id;
	int64_t balance; /* numeric(18,4) or NULL */
	uint32_t present;
};

struct book_trade {
	int64_t id;
	int64_t price; /* numeric(18,8) */
	uint32_t present;
	SLUICE_TEXT(6) side;
	SLUICE_TEXT(20) note;     /* or NULL */
	SLUICE_TEXT(20) exchange; /* or NULL */
};

extern const struct sluice_streams book_streams;
extern const struct sluice_stream book_accounts;
extern const struct sluice_stream book_trades;

#endif
