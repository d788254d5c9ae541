/* SPDX-License-Identifier: MIT */
/* every_columns.c - the descriptors, as `sluice gen` would write them, and the table. */
#include "tests/contract/database.h"
#include "tests/contract/every.h"

#define AT(field) .offset = offsetof(struct every, field)
#define SIZE(field) .size = sizeof(((struct every *)0)->field)
#define CAPACITY(field) .size = sizeof(((struct every *)0)->field.bytes)
#define NULLABLE(mask, bit) \
	.present = 1u << (bit), .present_offset = offsetof(struct every, present[mask])

#define PLAIN(field, type_, bit, ...)                                                    \
	{                                                                                \
		.name = #field, .type = type_, AT(field), SIZE(field), NULLABLE(0, bit), \
		__VA_ARGS__                                                              \
	}
#define TEXT(field, type_, bit)                                                             \
	{                                                                                   \
		.name = #field, .type = type_, AT(field), CAPACITY(field), NULLABLE(0, bit) \
	}
#define VIEW(field, type_, bit)                                                             \
	{                                                                                   \
		.name = #field, .type = type_, .form = SLUICE_VIEW, AT(field), SIZE(field), \
		NULLABLE(0, bit)                                                            \
	}
#define ITEMS(field, type_, bit, ...)                                                        \
	{                                                                                    \
		.name = #field, .type = type_, .form = SLUICE_ITEMS, AT(field), SIZE(field), \
		NULLABLE(1, bit), __VA_ARGS__                                                \
	}

static const char *const moods[] = {"sad", "so so", "J\xc3\xb6rg's \"\\"};
static const struct sluice_enum mood = {"mood", moods, 3};

static const struct sluice_column columns[] = {
	{.name = "id", .type = SLUICE_INT4, AT(id), SIZE(id)},
	PLAIN(b, SLUICE_BOOL, 0, .scale = 0),
	PLAIN(i2, SLUICE_INT2, 1, .scale = 0),
	PLAIN(i4, SLUICE_INT4, 2, .scale = 0),
	PLAIN(i8, SLUICE_INT8, 3, .scale = 0),
	PLAIN(f4, SLUICE_FLOAT4, 4, .scale = 0),
	PLAIN(f8, SLUICE_FLOAT8, 5, .scale = 0),
	PLAIN(n64, SLUICE_NUMERIC64, 6, .scale = 4, .precision = 18),
	PLAIN(n, SLUICE_NUMERIC, 7, .scale = 10, .precision = 38),
	PLAIN(nn, SLUICE_NUMERIC, 8, .scale = 3),
	PLAIN(u, SLUICE_UUID, 9, .scale = 0),
	PLAIN(tz, SLUICE_TIMESTAMPTZ, 10, .scale = 0),
	PLAIN(ts, SLUICE_TIMESTAMP, 11, .scale = 0),
	PLAIN(d, SLUICE_DATE, 12, .scale = 0),
	PLAIN(ti, SLUICE_TIME, 13, .scale = 0),
	PLAIN(iv, SLUICE_INTERVAL, 14, .scale = 0),
	PLAIN(ip, SLUICE_INET, 15, .scale = 0),
	PLAIN(e, SLUICE_ENUM, 16, .labels = &mood),
	PLAIN(dn, SLUICE_NUMERIC64, 17, .scale = 2, .precision = 10),
	PLAIN(de, SLUICE_ENUM, 18, .labels = &mood),
	VIEW(tv, SLUICE_TEXT_TYPE, 19),
	VIEW(byv, SLUICE_BYTEA, 20),
	VIEW(jv, SLUICE_JSON, 21),
	VIEW(jbv, SLUICE_JSONB, 22),
	TEXT(t, SLUICE_TEXT_TYPE, 23),
	TEXT(vc, SLUICE_TEXT_TYPE, 24),
	TEXT(by, SLUICE_BYTEA, 25),
	TEXT(j, SLUICE_JSON, 26),
	TEXT(jb, SLUICE_JSONB, 31),
	ITEMS(ab, SLUICE_BOOL, 0, .scale = 0),
	ITEMS(ai2, SLUICE_INT2, 1, .scale = 0),
	ITEMS(ai4, SLUICE_INT4, 2, .scale = 0),
	ITEMS(ai8, SLUICE_INT8, 3, .scale = 0),
	ITEMS(af4, SLUICE_FLOAT4, 4, .scale = 0),
	ITEMS(af8, SLUICE_FLOAT8, 5, .scale = 0),
	ITEMS(an64, SLUICE_NUMERIC64, 6, .scale = 4, .precision = 18),
	ITEMS(an, SLUICE_NUMERIC, 7, .scale = 10, .precision = 38),
	ITEMS(au, SLUICE_UUID, 8, .scale = 0),
	ITEMS(atz, SLUICE_TIMESTAMPTZ, 9, .scale = 0),
	ITEMS(ats, SLUICE_TIMESTAMP, 10, .scale = 0),
	ITEMS(ad, SLUICE_DATE, 11, .scale = 0),
	ITEMS(ati, SLUICE_TIME, 12, .scale = 0),
	ITEMS(aiv, SLUICE_INTERVAL, 13, .scale = 0),
	ITEMS(aip, SLUICE_INET, 14, .scale = 0),
	ITEMS(ae, SLUICE_ENUM, 15, .labels = &mood),
	ITEMS(adn, SLUICE_NUMERIC64, 16, .scale = 2, .precision = 10),
	ITEMS(at, SLUICE_TEXT_TYPE, 17, .scale = 0),
	ITEMS(avc, SLUICE_TEXT_TYPE, 18, .scale = 0),
	ITEMS(aby, SLUICE_BYTEA, 19, .scale = 0),
	ITEMS(aj, SLUICE_JSON, 20, .scale = 0),
	ITEMS(ajb, SLUICE_JSONB, 31, .scale = 0),
};

const struct sluice_layout every_layout = {.columns = columns,
                                           .size = sizeof(struct every),
                                           .column_count = sizeof(columns) / sizeof(columns[0])};

const struct sluice_query every_insert = {
	.name = "insert_every",
	.statement = "insert_every_1",
	.sql = "INSERT INTO every VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
	       "$14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, "
	       "$30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, "
	       "$46, $47, $48, $49, $50, $51)",
	.params = &every_layout,
	.copy_sql = "COPY every FROM STDIN (FORMAT binary)",
};

const struct sluice_query every_select = {.name = "select_every",
                                          .statement = "select_every_1",
                                          .sql = "SELECT * FROM every ORDER BY id",
                                          .row = &every_layout};

void every_create(PGconn *connection)
{
	database_run(connection,
	             "SET client_min_messages = warning;"
	             "CREATE TYPE mood AS ENUM ('sad', 'so so', 'J\xc3\xb6rg''s \"\\');"
	             "CREATE DOMAIN money_ AS numeric(10,2); CREATE DOMAIN price AS money_;"
	             "CREATE DOMAIN good_mood AS mood;"
	             "CREATE TABLE every (id int PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, "
	             "f4 float4, f8 float8, n64 numeric(18,4), n numeric(38,10), nn numeric, "
	             "u uuid, tz timestamptz, ts timestamp, d date, ti time, iv interval, "
	             "ip inet, e mood, dn price, de good_mood, tv text, byv bytea, jv json, "
	             "jbv jsonb, t text, vc varchar(9), by bytea, j json, jb jsonb, "
	             "ab bool[], ai2 int2[], ai4 int4[], ai8 int8[], af4 float4[], "
	             "af8 float8[], an64 numeric(18,4)[], an numeric(38,10)[], au uuid[], "
	             "atz timestamptz[], ats timestamp[], ad date[], ati time[], "
	             "aiv interval[], aip inet[], ae mood[], adn price[], at text[], "
	             "avc varchar(9)[], aby bytea[], aj json[], ajb jsonb[])");
}
