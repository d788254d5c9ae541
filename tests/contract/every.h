/* SPDX-License-Identifier: MIT */
/*
 * every.h - a struct and a table with every type in every form, values of chance for them, and
 * queries that carry them.
 */
#ifndef TESTS_CONTRACT_EVERY_H
#define TESTS_CONTRACT_EVERY_H

#include <sluice/query.h>

#include <libpq-fe.h>

struct every {
	int32_t id;
	uint32_t present[2]; /* a bit a column: of the scalars, of the arrays */
	bool b;
	int16_t i2;
	int32_t i4;
	int64_t i8;
	float f4;
	double f8;
	int64_t n64;              /* numeric(18,4) */
	struct sluice_decimal n;  /* numeric(38,10) */
	struct sluice_decimal nn; /* numeric, at scale 3 */
	struct sluice_uuid u;
	int64_t tz;
	int64_t ts;
	int32_t d;
	int64_t ti;
	struct sluice_interval iv;
	struct sluice_inet ip;
	uint32_t e;
	int64_t dn;  /* a domain of a domain of numeric(10,2) */
	uint32_t de; /* a domain of the enum */
	struct sluice_view tv;
	struct sluice_view byv;
	struct sluice_view jv;
	struct sluice_view jbv;
	SLUICE_TEXT(21) t;
	SLUICE_TEXT(9) vc; /* varchar(9) */
	SLUICE_TEXT(7) by;
	SLUICE_TEXT(30) j;
	SLUICE_TEXT(30) jb;
	SLUICE_ARRAY(bool) ab;
	SLUICE_ARRAY(int16_t) ai2;
	SLUICE_ARRAY(int32_t) ai4;
	SLUICE_ARRAY(int64_t) ai8;
	SLUICE_ARRAY(float) af4;
	SLUICE_ARRAY(double) af8;
	SLUICE_ARRAY(int64_t) an64;
	SLUICE_ARRAY(struct sluice_decimal) an;
	SLUICE_ARRAY(struct sluice_uuid) au;
	SLUICE_ARRAY(int64_t) atz;
	SLUICE_ARRAY(int64_t) ats;
	SLUICE_ARRAY(int32_t) ad;
	SLUICE_ARRAY(int64_t) ati;
	SLUICE_ARRAY(struct sluice_interval) aiv;
	SLUICE_ARRAY(struct sluice_inet) aip;
	SLUICE_ARRAY(uint32_t) ae;
	SLUICE_ARRAY(int64_t) adn; /* of the domain */
	SLUICE_ARRAY(struct sluice_view) at;
	SLUICE_ARRAY(struct sluice_view) avc; /* varchar[] */
	SLUICE_ARRAY(struct sluice_view) aby;
	SLUICE_ARRAY(struct sluice_view) aj;
	SLUICE_ARRAY(struct sluice_view) ajb;
};

extern const struct sluice_layout every_layout;

/* Inserts a row; by COPY, too. */
extern const struct sluice_query every_insert;
/* Returns all rows in the order of id. */
extern const struct sluice_query every_select;

/* Makes types and table. */
void every_create(PGconn *connection);

/* Fills the record with values of chance, each NULL at times. What it points to comes from
 * `arena`. */
void every_fill(struct every *record, int32_t id, uint64_t *state, void **arena);

/* The name of a column that differs, NULL when none does. */
const char *every_difference(const struct every *left, const struct every *right);

/* Whether the values at `left` and `right`, of the column's type and form, are the same. */
bool every_same(const struct sluice_column *column, const void *left, const void *right);

/* The next number of chance. */
uint64_t every_random(uint64_t *state);

#endif
