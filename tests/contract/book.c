/* SPDX-License-Identifier: MIT */
/* book.c - descriptors as `sluice gen` would write them for the tables of book_create. */
#include "tests/contract/book.h"

#define AT(record, field) offsetof(struct record, field), sizeof(((struct record *)0)->field)
#define TEXT_AT(record, field) \
	offsetof(struct record, field), sizeof(((struct record *)0)->field.bytes)

static const struct sluice_column account_columns[] = {
	{"Account", SLUICE_INT8, SLUICE_INLINE, AT(book_account, id), 0, 0, 0, 0, NULL,
         "bigint NOT NULL"},
	{"balance", SLUICE_NUMERIC64, SLUICE_INLINE, AT(book_account, balance), 4, 18, 1,
         offsetof(struct book_account, present), NULL, "amount = numeric(18,4)"},
	{"version", SLUICE_VERSION, SLUICE_INLINE, 0, 0, 0, 0, 0, 0, NULL, "bigint NOT NULL"},
};

const struct sluice_stream book_accounts = {
	.name = "accounts",
	.kind = SLUICE_STATE,
	.index = 0,
	.key_offset = offsetof(struct book_account, id),
	.key_size = sizeof(int64_t),
	.key_column_count = 1,
	.layout = {account_columns, sizeof(struct book_account),
                   sizeof(account_columns) / sizeof(account_columns[0])},
	.table = "\"Account \"\"book\"\"\"",
	.write_sql =
		"INSERT INTO \"Account \"\"book\"\"\" (\"Account\", balance, version, \"seen, at\") "
		"SELECT u.id, u.balance, u.version, now() "
		"FROM unnest($1::bigint[], $2::numeric[], $3::bigint[]) "
		"AS u (id, balance, version) "
		"ON CONFLICT (\"Account\") DO UPDATE SET balance = excluded.balance, "
		"version = excluded.version, \"seen, at\" = excluded.\"seen, at\" "
		"WHERE \"Account \"\"book\"\"\".version < excluded.version",
	.remove_sql = "DELETE FROM \"Account \"\"book\"\"\" AS b "
		      "USING unnest($1::bigint[], $2::bigint[]) AS r (id, version) "
		      "WHERE b.\"Account\" = r.id AND b.version < r.version",
};

static const struct sluice_column trade_columns[] = {
	{"id", SLUICE_INT8, SLUICE_INLINE, AT(book_trade, id), 0, 0, 0, 0, NULL, "bigint NOT NULL"},
	{"side", SLUICE_TEXT_TYPE, SLUICE_INLINE, TEXT_AT(book_trade, side), 0, 0, 0, 0, NULL,
         "side ('Buy', 'Sell') NOT NULL"},
	{"price", SLUICE_NUMERIC64, SLUICE_INLINE, AT(book_trade, price), 8, 18, 0, 0, NULL,
         "numeric(18,8) NOT NULL"},
	{"note", SLUICE_TEXT_TYPE, SLUICE_INLINE, TEXT_AT(book_trade, note), 0, 0, 1,
         offsetof(struct book_trade, present), NULL, "character varying(20)"},
	{"exchange", SLUICE_TEXT_TYPE, SLUICE_INLINE, TEXT_AT(book_trade, exchange), 0, 0, 2,
         offsetof(struct book_trade, present), NULL,
         "exchange ('Amsterdam', 'Frankfurt', 'London', 'New York')"},
};

const struct sluice_stream book_trades = {
	.name = "trades",
	.kind = SLUICE_APPEND,
	.index = 1,
	.layout = {trade_columns, sizeof(struct book_trade),
                   sizeof(trade_columns) / sizeof(trade_columns[0])},
	.table = "trades",
	.copy_sql = "COPY trades (id, side, price, note, exchange) FROM STDIN (FORMAT binary)",
	.write_sql = "INSERT INTO trades (id, side, price, note, exchange) "
		     "SELECT u.id, u.side::side, u.price, u.note, u.exchange::exchange "
		     "FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::text[], $5::text[]) "
		     "AS u (id, side, price, note, exchange)",
};

static const struct sluice_stream *const streams[] = {&book_accounts, &book_trades};

const struct sluice_streams book_streams = {
	.name = "book",
	.schema_version = BOOK_VERSION,
	.streams = streams,
	.count = sizeof(streams) / sizeof(streams[0]),
};

const char book_sql[] =
	"CREATE DOMAIN amount AS numeric(18,4);"
	"CREATE TYPE side AS ENUM ('Buy', 'Sell');"
	"CREATE TYPE exchange AS ENUM ('Amsterdam', 'Frankfurt', 'London', 'New York');"
	"CREATE TABLE \"Account \"\"book\"\"\" (\"Account\" bigint PRIMARY KEY, balance amount, "
	"version bigint NOT NULL, \"seen, at\" timestamptz NOT NULL, "
	"opened_at timestamptz NOT NULL DEFAULT now());"
	"CREATE TABLE trades (id bigint NOT NULL, side side NOT NULL, price numeric(18,8) NOT NULL, "
	"note varchar(20), exchange exchange, "
	"number bigint GENERATED ALWAYS AS IDENTITY) PARTITION BY RANGE (id);"
	"CREATE TABLE trades_of_old PARTITION OF trades FOR VALUES FROM (0) TO (1000);"
	"CREATE TABLE trades_of_now PARTITION OF trades DEFAULT;";
