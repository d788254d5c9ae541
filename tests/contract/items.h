/* SPDX-License-Identifier: MIT */
/* items.h - a small table and its queries, as `sluice gen` would write them. */
#ifndef TESTS_CONTRACT_ITEMS_H
#define TESTS_CONTRACT_ITEMS_H

#include "tests/contract/database.h"

#include <sluice/query.h>

#define ITEM_NAME (1u << 0)
#define ITEM_TAGS (1u << 1)

/* item (id int PRIMARY KEY, name text, tags int[]) */
struct item {
	int32_t id;
	uint32_t present;
	struct sluice_view name;    /* or NULL */
	SLUICE_ARRAY(int32_t) tags; /* or NULL */
};

extern const struct sluice_query item_get;    /* :one, by id (an int32_t) */
extern const struct sluice_query item_list;   /* :many, by the order of id */
extern const struct sluice_query item_insert; /* :exec, :copyfrom, :batchexec, of a struct item */
extern const struct sluice_query item_add;    /* :batchone, the same, and returns it */
extern const struct sluice_query item_rename; /* :exec, all from id on, of a struct item */

struct shop {
	char *dsn;
	PGconn *connection;
	struct sluice_error error;
};

/* A database with an empty table, and a connection to it. */
void shop_open(struct shop *shop);
void shop_close(struct shop *shop);

int64_t shop_count(struct shop *shop);

/* Calls with the shop's connection and error, and the checks that most tests need. */
enum sluice_status shop_insert(struct shop *shop, int32_t id, const char *name);
enum sluice_status shop_get(struct shop *shop, int32_t id);

#define cr_assert_ok(shop, call) cr_assert_eq((call), SLUICE_OK, "%s", (shop)->error.message)

#define cr_assert_refused(shop, call, outcome, text)                          \
	do {                                                                  \
		cr_assert_eq((call), (outcome), "%s", (shop)->error.message); \
		cr_expect_eq((shop)->error.status, outcome);                  \
		cr_expect_str_eq((shop)->error.message, text);                \
	} while (0)

#endif
