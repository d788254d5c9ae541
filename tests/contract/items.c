/* SPDX-License-Identifier: MIT */
/* items.c - descriptors by hand. */
#include "tests/contract/items.h"

#include <string.h>

#define AT(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)

static const struct sluice_column id_columns[] = {
	{.name = "id", .type = SLUICE_INT4, .size = sizeof(int32_t)},
};
static const struct sluice_layout id_layout = {
	.columns = id_columns, .size = sizeof(int32_t), .column_count = 1};

static const struct sluice_column columns[] = {
	{.name = "id", .type = SLUICE_INT4, AT(struct item, id)},
	{.name = "name",
         .type = SLUICE_TEXT_TYPE,
         .form = SLUICE_VIEW,
         AT(struct item, name),
         .present = ITEM_NAME,
         .present_offset = offsetof(struct item, present)},
	{.name = "tags",
         .type = SLUICE_INT4,
         .form = SLUICE_ITEMS,
         AT(struct item, tags),
         .present = ITEM_TAGS,
         .present_offset = offsetof(struct item, present)},
};
static const struct sluice_layout item_layout = {
	.columns = columns, .size = sizeof(struct item), .column_count = 3};
static const struct sluice_layout name_layout = {
	.columns = columns, .size = sizeof(struct item), .column_count = 2};

const struct sluice_query item_get = {.name = "get_item",
                                      .statement = "get_item_1",
                                      .sql = "SELECT id, name, tags FROM item WHERE id = $1",
                                      .params = &id_layout,
                                      .row = &item_layout};
const struct sluice_query item_list = {.name = "list_items",
                                       .statement = "list_items_1",
                                       .sql = "SELECT id, name, tags FROM item ORDER BY id",
                                       .row = &item_layout};
const struct sluice_query item_insert = {.name = "insert_item",
                                         .statement = "insert_item_1",
                                         .sql = "INSERT INTO item (id, name, tags) "
                                                "VALUES ($1, $2, $3)",
                                         .params = &item_layout,
                                         .copy_sql = "COPY item (id, name, tags) FROM STDIN "
                                                     "(FORMAT binary)"};
const struct sluice_query item_add = {.name = "add_item",
                                      .statement = "add_item_1",
                                      .sql = "INSERT INTO item (id, name, tags) "
                                             "VALUES ($1, $2, $3) RETURNING id, name, tags",
                                      .params = &item_layout,
                                      .row = &item_layout};
const struct sluice_query item_rename = {.name = "rename_items",
                                         .statement = "rename_items_1",
                                         .sql = "UPDATE item SET name = $2 WHERE id >= $1",
                                         .params = &name_layout};

void shop_open(struct shop *shop)
{
	memset(shop, 0, sizeof(*shop));
	shop->dsn = database_create(false);
	shop->connection = database_connect(shop->dsn);
	database_run(shop->connection, "SET client_min_messages = warning");
	database_run(shop->connection,
	             "CREATE TABLE item (id int PRIMARY KEY, name text, tags int[])");
}

void shop_close(struct shop *shop)
{
	PQfinish(shop->connection);
	database_drop(shop->dsn);
}

int64_t shop_count(struct shop *shop)
{
	return database_query_int(shop->connection, "SELECT count(*) FROM item");
}

enum sluice_status shop_insert(struct shop *shop, int32_t id, const char *name)
{
	struct item item = {.id = id, .present = ITEM_NAME, .name = {name, strlen(name)}};

	return sluice_query_exec(shop->connection, &item_insert, &item, NULL, &shop->error);
}

enum sluice_status shop_get(struct shop *shop, int32_t id)
{
	struct sluice_rows rows;
	struct item item;
	enum sluice_status status = sluice_query_one(shop->connection, &item_get, &id, &rows, &item,
	                                             &shop->error);

	sluice_rows_free(&rows);
	return status;
}
