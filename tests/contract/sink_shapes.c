/* SPDX-License-Identifier: MIT */
/* sink_shapes.c - every shape of a batch, at the sizes where shapes change, lands whole in
 * Postgres. */
#include "tests/contract/sink_driver.h"

static const struct sluice_postgres_options options = {.copy_threshold = 64};
static const size_t sizes[] = {1, 63, 64, 1024, 1025, 10000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void submit_one(struct driver *driver, const struct rows *rows)
{
	struct sluice_part part = rows_part(rows);

	driver_submit(driver, &part, 1);
}

static void submit_two(struct driver *driver, const struct rows *first, const struct rows *second)
{
	struct sluice_part parts[] = {rows_part(first), rows_part(second)};

	driver_submit(driver, parts, 2);
}

Test(sink_shapes, state_rows_of_every_size_arrive_and_are_updated)
{
	struct server server;
	struct driver driver;
	uint32_t first = 1;
	size_t index;

	server_open(&server);
	driver_open(&driver, server.dsn, &options, NULL);
	for (index = 0; index < SIZES; index++) {
		uint64_t version;

		for (version = 1; version <= 2; version++) {
			struct rows orders;

			orders_make(&orders, first, sizes[index], version);
			submit_one(&driver, &orders);
			rows_free(&orders);
		}
		driver_settle(&driver);
		cr_assert_committed(&driver);
		first += (uint32_t)sizes[index];
		cr_assert_rows(&server, first - 1, 0);
	}
	cr_assert_eq(database_query_int(server.admin, "SELECT sum(version) FROM orders"),
	             2 * (int64_t)(first - 1));
	driver_close(&driver);
	server_close(&server);
}

Test(sink_shapes, append_rows_of_every_size_arrive_once)
{
	struct server server;
	struct driver driver;
	struct rows orders;
	uint32_t first = 1;
	size_t index;

	server_open(&server);
	driver_open(&driver, server.dsn, &options, NULL);
	orders_make(&orders, 1, 20000, 1);
	submit_one(&driver, &orders);
	for (index = 0; index < SIZES; index++) {
		struct rows executions;

		executions_make(&executions, first, sizes[index]);
		submit_one(&driver, &executions);
		rows_free(&executions);
		first += (uint32_t)sizes[index];
	}
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_rows(&server, 20000, first - 1);
	cr_assert_eq(database_query_int(server.admin,
	                                "SELECT sum(fill_quantity)::bigint FROM executions"),
	             (int64_t)(first - 1) * first / 2);
	rows_free(&orders);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_shapes, parents_and_children_in_one_batch_arrive_together)
{
	struct server server;
	struct driver driver;
	uint32_t first = 1;
	size_t index;

	server_open(&server);
	driver_open(&driver, server.dsn, &options, NULL);
	for (index = 0; index < SIZES; index++) {
		struct rows orders;
		struct rows executions;

		orders_make(&orders, first, sizes[index], 1);
		executions_make(&executions, first, sizes[index]);
		submit_two(&driver, &orders, &executions);
		driver_settle(&driver);
		cr_assert_committed(&driver);
		first += (uint32_t)sizes[index];
		cr_assert_rows(&server, first - 1, first - 1);
		rows_free(&orders);
		rows_free(&executions);
	}
	driver_close(&driver);
	server_close(&server);
}

/* The removal of an order must find its new executions written, and takes them along. */
static void remove_half(struct server *server, size_t count)
{
	struct driver driver;
	struct rows orders;
	struct rows executions;
	size_t index;

	driver_open(&driver, server->dsn, &options, NULL);
	orders_make(&orders, 1, count, 1);
	submit_one(&driver, &orders);
	executions_make(&executions, 1, count);
	for (index = 0; index < count; index++) {
		orders.rows[index].version = 2;
		orders.rows[index].removed = index % 2 == 0;
	}
	submit_two(&driver, &orders, &executions);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_rows(server, count / 2, count / 2);
	rows_free(&orders);
	rows_free(&executions);
	driver_close(&driver);
	database_run(server->admin, "TRUNCATE orders, executions");
}

Test(sink_shapes, removals_come_after_everything_else)
{
	struct server server;
	size_t index;

	server_open(&server);
	for (index = 0; index < SIZES; index++)
		remove_half(&server, sizes[index]);
	server_close(&server);
}

Test(sink_shapes, removal_of_an_unknown_key_is_no_error_and_of_a_newer_row_does_nothing)
{
	struct server server;
	struct driver driver;
	struct rows orders;

	server_open(&server);
	driver_open(&driver, server.dsn, &options, NULL);
	orders_make(&orders, 1, 1, 5);
	submit_one(&driver, &orders);
	orders.rows[0].removed = true;
	orders.rows[0].version = 4;
	submit_one(&driver, &orders);
	rows_free(&orders);
	orders_make(&orders, 2, 1, 5);
	orders.rows[0].removed = true;
	submit_one(&driver, &orders);
	driver_settle(&driver);
	cr_assert_committed(&driver);
	cr_assert_rows(&server, 1, 0);
	rows_free(&orders);
	driver_close(&driver);
	server_close(&server);
}

Test(sink_shapes, an_idle_sink_sleeps_for_ever)
{
	struct server server;
	struct driver driver;
	struct rows orders;
	struct pollfd socket;

	server_open(&server);
	driver_open(&driver, server.dsn, &options, NULL);
	orders_make(&orders, 1, 1, 1);
	submit_one(&driver, &orders);
	driver_settle(&driver);
	driver_step(&driver);
	socket = (struct pollfd){.fd = driver.progress.fd, .events = driver.progress.events};
	cr_assert_eq(poll(&socket, 1, 0), 0);
	cr_assert_eq(driver.progress.wake_ns, UINT64_MAX);
	cr_assert(driver.progress.ready);
	rows_free(&orders);
	driver_close(&driver);
	server_close(&server);
}
