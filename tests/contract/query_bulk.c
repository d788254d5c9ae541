/* SPDX-License-Identifier: MIT */
/* query_bulk.c - many structs at once, by COPY and in a pipeline: all or none. */
#include "tests/contract/items.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Items first, first + 1.., each with a name of `name_size` bytes. */
static struct item *make_items(int32_t first, size_t count, size_t name_size)
{
	struct item *items = calloc(count, sizeof(*items));
	char *name = malloc(name_size);
	size_t index;

	cr_assert(items != NULL && name != NULL);
	memset(name, 'n', name_size);
	for (index = 0; index < count; index++) {
		items[index].id = first + (int32_t)index;
		items[index].present = ITEM_NAME;
		items[index].name.bytes = name;
		items[index].name.size = name_size;
	}
	return items;
}

static void free_items(struct item *items)
{
	free((char *)items->name.bytes);
	free(items);
}

/* ---- COPY ---- */

static enum sluice_status copy(struct shop *shop, const struct item *items, size_t count)
{
	return sluice_query_copy(shop->connection, &item_insert, items, count, &shop->error);
}

Test(query_bulk, copy_takes_none_and_very_many)
{
	enum { MANY = 100000 };
	struct item *items = make_items(0, MANY, 10);
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, copy(&shop, items, 0));
	cr_expect_eq(shop_count(&shop), 0);
	cr_assert_ok(&shop, copy(&shop, items, MANY));
	cr_expect_eq(database_query_int(shop.connection,
	                                "SELECT count(*) FROM item WHERE name = 'nnnnnnnnnn' AND "
	                                "tags IS NULL AND id BETWEEN 0 AND 99999"),
	             MANY);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, copy_takes_a_row_larger_than_its_chunks)
{
	struct item *items = make_items(0, 3, 1000000);
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, copy(&shop, items, 3));
	cr_expect_eq(database_query_int(shop.connection, "SELECT sum(length(name)) FROM item"),
	             3000000);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, copy_that_is_refused_halfway_leaves_nothing)
{
	enum { MANY = 20000 };
	struct item *items = make_items(0, MANY, 10);
	struct shop shop;

	shop_open(&shop);
	items[MANY - 1].name.bytes = "\xff";
	items[MANY - 1].name.size = 1;
	cr_assert_refused(&shop, copy(&shop, items, MANY), SLUICE_INVALID,
	                  "query insert_item, parameter name: the text is not UTF-8");
	cr_expect_eq(PQtransactionStatus(shop.connection), PQTRANS_IDLE);
	cr_expect_eq(shop_count(&shop), 0);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, copy_that_fails_at_the_server_leaves_nothing)
{
	enum { MANY = 20000 };
	struct item *items = make_items(0, MANY, 10);
	struct shop shop;

	shop_open(&shop);
	items[5].id = 4;
	cr_assert_eq(copy(&shop, items, MANY), SLUICE_FAILED);
	cr_expect_str_eq(shop.error.message,
	                 "query insert_item: 23505 unique violation, table item, "
	                 "constraint item_pkey");
	cr_expect_eq(shop_count(&shop), 0);
	items[5].id = 5;
	cr_assert_ok(&shop, copy(&shop, items, MANY));
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, copy_whose_rows_a_trigger_drops_is_told)
{
	struct item *items = make_items(0, 10, 1);
	struct shop shop;

	shop_open(&shop);
	database_run(
		shop.connection,
		"CREATE FUNCTION drop_odd() RETURNS trigger LANGUAGE plpgsql AS "
		"'BEGIN RETURN CASE WHEN new.id % 2 = 0 THEN new END; END';"
		"CREATE TRIGGER t BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION drop_odd();"
		"BEGIN");
	cr_assert_refused(&shop, copy(&shop, items, 10), SLUICE_FAILED,
	                  "query insert_item: the server kept 5 of 10 rows: a trigger dropped the "
	                  "others; the rows it kept stay, unless your transaction is rolled back");
	database_run(shop.connection, "ROLLBACK");
	cr_expect_eq(shop_count(&shop), 0);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, copy_of_another_number_of_columns_is_refused)
{
	struct sluice_query fewer = item_insert;
	struct item *items = make_items(0, 1, 1);
	struct shop shop;

	shop_open(&shop);
	fewer.copy_sql = "COPY item (id, name) FROM STDIN (FORMAT binary)";
	cr_assert_refused(
		&shop, sluice_query_copy(shop.connection, &fewer, items, 1, &shop.error),
		SLUICE_INVALID,
		"query insert_item no longer fits the database: COPY takes 2 columns, this "
		"program was generated for 3: run sluice gen");
	cr_expect_eq(shop_count(&shop), 0);
	free_items(items);
	shop_close(&shop);
}

/* ---- batch ---- */

struct answers {
	size_t count;
	size_t bytes;
	int32_t first;
};

/* Wants items first, first + 1.., each once. */
static void check_answer(void *context, size_t index, struct sluice_rows *rows)
{
	struct answers *answers = context;
	struct sluice_error error;
	struct item item;

	cr_assert_eq(index, answers->count);
	cr_assert_eq(rows->count, 1);
	cr_assert_eq(sluice_rows_next(rows, &item, &error), SLUICE_OK, "%s", error.message);
	cr_assert_eq(item.id, answers->first + (int32_t)index);
	answers->count++;
	answers->bytes += item.name.size;
}

static enum sluice_status add(struct shop *shop, const struct item *items, size_t count,
                              struct answers *answers)
{
	return sluice_query_batch(shop->connection, &item_add, items, count, check_answer, answers,
	                          &shop->error);
}

Test(query_bulk, batch_answers_each_item_in_order)
{
	enum { MANY = 20000 };
	struct item *items = make_items(5, MANY, 10);
	struct answers answers = {.first = 5};
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, add(&shop, items, MANY, &answers));
	cr_expect_eq(answers.count, MANY);
	cr_expect_eq(shop_count(&shop), MANY);
	cr_expect_eq(PQpipelineStatus(shop.connection), PQ_PIPELINE_OFF);
	cr_expect_eq(PQisnonblocking(shop.connection), 0);
	answers.count = 0;
	cr_assert_ok(&shop, add(&shop, items, 0, &answers));
	cr_expect_eq(answers.count, 0);
	free_items(items);
	shop_close(&shop);
}

/* Far more than all buffers between us and the server, both ways. */
Test(query_bulk, batch_reads_while_it_writes)
{
	enum { MANY = 1000, SIZE = 100000 };
	struct item *items = make_items(0, MANY, SIZE);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, add(&shop, items, MANY, &answers));
	cr_expect_eq(answers.bytes, (size_t)MANY * SIZE);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, batch_that_fails_names_the_item_and_leaves_nothing)
{
	enum { MANY = 5000 };
	struct item *items = make_items(0, MANY, 10);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	items[3000].id = 17;
	cr_assert_refused(&shop, add(&shop, items, MANY, &answers), SLUICE_FAILED,
	                  "item 3000 of the batch: query add_item: 23505 unique violation, table "
	                  "item, constraint item_pkey");
	cr_expect_eq(answers.count, 3000);
	cr_expect_eq(shop_count(&shop), 0);
	cr_expect_eq(PQpipelineStatus(shop.connection), PQ_PIPELINE_OFF);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, batch_that_is_refused_names_the_item_and_leaves_nothing)
{
	enum { MANY = 5000 };
	struct item *items = make_items(0, MANY, 10);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	items[4000].name.bytes = "\xff";
	items[4000].name.size = 1;
	cr_assert_refused(&shop, add(&shop, items, MANY, &answers), SLUICE_INVALID,
	                  "item 4000 of the batch: query add_item, parameter name: the text is not "
	                  "UTF-8");
	cr_expect_eq(shop_count(&shop), 0);
	cr_expect_eq(PQtransactionStatus(shop.connection), PQTRANS_IDLE);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, batch_that_fails_at_its_commit_leaves_nothing)
{
	struct item *items = make_items(0, 10, 1);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection,
	             "ALTER TABLE item ADD CHECK (id >= 0), ADD CONSTRAINT later UNIQUE (name) "
	             "DEFERRABLE INITIALLY DEFERRED");
	cr_assert_refused(&shop, add(&shop, items, 10, &answers), SLUICE_FAILED,
	                  "query add_item: 23505 unique violation, table item, constraint later");
	cr_expect_eq(answers.count, 10);
	cr_expect_eq(shop_count(&shop), 0);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, batch_inside_a_transaction_is_part_of_it)
{
	struct item *items = make_items(0, 10, 1);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	database_run(shop.connection, "BEGIN");
	cr_assert_ok(&shop, add(&shop, items, 10, &answers));
	cr_expect_eq(PQtransactionStatus(shop.connection), PQTRANS_INTRANS);
	database_run(shop.connection, "ROLLBACK");
	cr_expect_eq(shop_count(&shop), 0);

	database_run(shop.connection, "BEGIN");
	items[9].name.bytes = "\xff";
	answers.count = 0;
	cr_assert_eq(add(&shop, items, 10, &answers), SLUICE_INVALID);
	cr_expect_eq(PQtransactionStatus(shop.connection), PQTRANS_INERROR);
	database_run(shop.connection, "COMMIT");
	cr_expect_eq(shop_count(&shop), 0);
	items[9].name.bytes = items[0].name.bytes;
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, batch_prepares_again_what_the_server_forgot)
{
	struct item *items = make_items(0, 10, 1);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	cr_assert_ok(&shop, add(&shop, items, 5, &answers));
	database_run(shop.connection, "DISCARD ALL");
	answers.count = 0;
	answers.first = 5;
	cr_assert_ok(&shop, add(&shop, items + 5, 5, &answers));
	cr_expect_eq(answers.count, 5);
	cr_expect_eq(shop_count(&shop), 10);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, batch_leaves_a_nonblocking_connection_so)
{
	struct item *items = make_items(0, 10, 1);
	struct shop shop;

	shop_open(&shop);
	cr_assert_eq(PQsetnonblocking(shop.connection, 1), 0);
	cr_assert_ok(&shop, sluice_query_batch(shop.connection, &item_insert, items, 5, NULL, NULL,
	                                       &shop.error));
	cr_assert_ok(&shop, copy(&shop, items + 5, 5));
	cr_expect_eq(PQisnonblocking(shop.connection), 1);
	cr_expect_eq(shop_count(&shop), 10);
	free_items(items);
	shop_close(&shop);
}

/* ---- connections that break: the server process ends itself ---- */

static void leave_on(struct shop *shop, const char *trigger)
{
	database_run(shop->connection,
	             "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
	             "IF new.id = 500 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; "
	             "RETURN new; END'");
	database_run(shop->connection, trigger);
}

static void expect_nothing_there(struct shop *shop)
{
	PGconn *other = database_connect(shop->dsn);

	cr_expect_neq(PQstatus(shop->connection), CONNECTION_OK);
	cr_expect_eq(database_query_int(other, "SELECT count(*) FROM item"), 0);
	PQfinish(other);
}

Test(query_bulk, batch_whose_connection_breaks_on_the_way_has_failed)
{
	struct item *items = make_items(0, 1000, 10);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	leave_on(&shop, "CREATE TRIGGER t BEFORE INSERT ON item FOR EACH ROW "
	                "EXECUTE FUNCTION leave()");
	cr_assert_eq(add(&shop, items, 1000, &answers), SLUICE_FAILED);
	cr_expect(strstr(shop.error.message, "item 500 of the batch: query add_item: 57P01") !=
	                  NULL,
	          "%s", shop.error.message);
	expect_nothing_there(&shop);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, batch_whose_connection_breaks_at_its_commit_may_be_there)
{
	struct item *items = make_items(0, 1000, 10);
	struct answers answers = {0};
	struct shop shop;

	shop_open(&shop);
	leave_on(&shop, "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON item DEFERRABLE INITIALLY "
	                "DEFERRED FOR EACH ROW EXECUTE FUNCTION leave()");
	cr_assert_refused(&shop, add(&shop, items, 1000, &answers), SLUICE_FAILED,
	                  "query add_item: the connection broke before the server said whether the "
	                  "batch is committed: look before you send it again");
	cr_expect_eq(answers.count, 1000);
	expect_nothing_there(&shop);
	free_items(items);
	shop_close(&shop);
}

Test(query_bulk, copy_whose_connection_breaks_has_failed)
{
	struct item *items = make_items(0, 1000, 10);
	struct shop shop;

	shop_open(&shop);
	leave_on(&shop, "CREATE TRIGGER t BEFORE INSERT ON item FOR EACH ROW "
	                "EXECUTE FUNCTION leave()");
	cr_assert_eq(copy(&shop, items, 1000), SLUICE_FAILED);
	cr_expect(strstr(shop.error.message, "query insert_item: 57P01") != NULL, "%s",
	          shop.error.message);
	expect_nothing_there(&shop);
	free_items(items);
	shop_close(&shop);
}
