/* SPDX-License-Identifier: MIT */
/*
 * dead_letter.c - `sluice dead-letter` on letters that a sink has written: it shows them, replays
 * each once when its cause is mended, and deletes none that was not told to go.
 */
#include "cli/commands.h"
#include "tests/contract/program.h"
#include "tests/contract/sink_driver.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMALL "ALTER TABLE executions ADD CONSTRAINT small CHECK (fill_quantity % 10 <> 3)"
#define MENDED "ALTER TABLE executions DROP CONSTRAINT small"

static struct server server;
static struct driver driver;

static void set_up(void)
{
	server_open(&server);
	driver_open(&driver, server.dsn, NULL, NULL);
}

static void tear_down(void)
{
	driver_close(&driver);
	server_close(&server);
}

TestSuite(dead_letter, .init = set_up, .fini = tear_down);

static int64_t count(const char *sql)
{
	return database_query_int(server.admin, sql);
}

static void submit(const struct rows *rows)
{
	struct sluice_part part = rows_part(rows);

	driver_submit(&driver, &part, 1);
	driver_settle(&driver);
	cr_assert_committed(&driver);
}

/* Executions 1.. of no order: every tenth from the third on becomes a letter. */
static void write_executions(size_t rows)
{
	struct rows executions;

	database_run(server.admin, SMALL);
	executions_make(&executions, 1, rows);
	for (size_t i = 0; i < rows; i++)
		((struct trading_execution *)executions.records)[i].present = 0;
	submit(&executions);
	rows_free(&executions);
}

static void write_orders(uint32_t first, size_t rows, uint64_t version)
{
	struct rows orders;

	orders_make(&orders, first, rows, version);
	submit(&orders);
	rows_free(&orders);
}

/* ---- the program ---- */

/* `arguments`: words, apart by blanks. */
static struct said say(const char *arguments)
{
	char text[512], dsn[300];
	char *words[24] = {"dead-letter", dsn};
	size_t count = 2;

	snprintf(dsn, sizeof(dsn), "--dsn=%s", server.dsn);
	snprintf(text, sizeof(text), "%s", arguments);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	return program_run(cli_letters, words);
}

/* Expects its exit status, and a part of what it prints. */
static void expect(const char *arguments, int status, const char *part)
{
	struct said said = say(arguments);

	cr_assert_eq(said.status, status, "%s: %d\n%s%s", arguments, said.status, said.out,
	             said.err);
	cr_assert(strstr(said.out, part) != NULL || strstr(said.err, part) != NULL,
	          "%s: no \"%s\" in\n%s%s", arguments, part, said.out, said.err);
	said_free(&said);
}

static json_t *show(const char *id)
{
	struct said said;
	char arguments[64];
	json_t *letter;

	snprintf(arguments, sizeof(arguments), "show %s", id);
	said = say(arguments);
	cr_assert_eq(said.status, CLI_OK, "%s", said.err);
	letter = json_loads(said.out, 0, NULL);
	cr_assert_not_null(letter, "%s", said.out);
	said_free(&said);
	return letter;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- look ---- */

Test(dead_letter, list_tells_each_letter_and_how_many_of_each_cause)
{
	struct said said;

	write_executions(40);
	expect("list", CLI_OK, "executions        0:3           23514");
	expect("list", CLI_OK, "0:33");
	expect("list", CLI_OK, "4 letters, 4 shown:\n  4 of stream executions: 23514 small\n");
	expect("list --limit 1", CLI_OK, "4 letters, 1 shown");
	expect("list --stream orders", CLI_OK, "no dead letters");
	expect("list --stream executions --sqlstate 23514", CLI_OK, "4 letters, 4 shown");
	expect("list --sqlstate 23505", CLI_OK, "no dead letters");
	said = say("list");
	cr_assert_null(strstr(said.out, "e13"), "list shows a value:\n%s", said.out);
	said_free(&said);
}

Test(dead_letter, show_prints_what_the_record_holds)
{
	json_t *letter, *record;

	write_executions(20);
	letter = show("2");
	record = json_object_get(letter, "record");
	cr_expect_str_eq(text_of(letter, "stream"), "executions");
	cr_expect_str_eq(text_of(letter, "constraint"), "small");
	cr_expect_eq(json_integer_value(json_object_get(letter, "sequence")), 13);
	cr_expect_str_eq(text_of(record, "execution_id"), "e13");
	cr_expect_str_eq(text_of(record, "fill_price"), "101.2500000000000000");
	cr_expect(json_is_null(json_object_get(record, "order_id")));
	json_decref(letter);
	expect("show 77", CLI_FAILED, "there is no such letter");
}

Test(dead_letter, export_prints_each_on_a_line_or_into_a_file_of_its_own)
{
	char path[] = "/tmp/sluice-letters-XXXXXX";
	char arguments[64];
	struct stat stat_of;
	struct said said;
	size_t lines = 0;

	write_executions(40);
	said = say("export");
	cr_assert_eq(said.status, CLI_OK);
	for (char *line = strtok(said.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		json_t *letter = json_loads(line, 0, NULL);

		cr_assert_not_null(json_object_get(letter, "record"), "%s", line);
		json_decref(letter);
		lines++;
	}
	cr_assert_eq(lines, 4);
	said_free(&said);
	close(mkstemp(path));
	snprintf(arguments, sizeof(arguments), "export 1 2 --output %s", path);
	expect(arguments, CLI_FAILED, "File exists");
	unlink(path);
	expect(arguments, CLI_OK, "2 letters written to");
	cr_assert_eq(stat(path, &stat_of), 0);
	cr_assert_eq(stat_of.st_mode & 0777, 0600);
	unlink(path);
}

/* ---- replay ---- */

Test(dead_letter, what_is_mended_is_written_as_it_was)
{
	write_executions(40);
	database_run(server.admin, MENDED);
	expect("replay --all", CLI_OK, "replayed 4, superseded 0, refused again 0\n");
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 0);
	cr_assert_rows(&server, 0, 40);
	cr_assert_eq(count("SELECT count(*) FROM executions WHERE execution_id = 'e' || "
	                   "fill_quantity::int AND fill_price = 101.25 AND order_id IS NULL AND "
	                   "traded_at = to_timestamp(1700000000)"),
	             40);
	expect("replay --all", CLI_OK, "replayed 0, superseded 0, refused again 0\n");
}

Test(dead_letter, only_those_that_were_chosen_are_replayed)
{
	write_executions(40);
	database_run(server.admin, MENDED);
	expect("replay 2 3", CLI_OK, "replayed 2,");
	expect("replay --stream orders", CLI_OK, "replayed 0,");
	expect("replay --sqlstate 23514 --stream executions", CLI_OK, "replayed 2,");
	cr_assert_rows(&server, 0, 40);
}

Test(dead_letter, what_is_refused_again_stays_and_tells_the_new_reason)
{
	write_executions(20);
	database_run(server.admin, MENDED);
	database_run(server.admin, "ALTER TABLE executions ADD CONSTRAINT \"new one\" CHECK "
	                           "(fill_quantity <> 13) NOT VALID");
	expect("replay --all", CLI_FAILED, "replayed 1, superseded 0, refused again 1\n");
	expect("list", CLI_OK, "1 of stream executions: 23514 new one");
	expect("replay --all", CLI_FAILED, "letter 2: write to stream executions: 23514 check");
	cr_assert_rows(&server, 0, 19);
}

Test(dead_letter, a_state_that_has_a_newer_version_is_superseded)
{
	database_run(server.admin,
	             "ALTER TABLE orders ADD CONSTRAINT held CHECK (client_order_id <> '2')");
	write_orders(1, 3, 7);
	database_run(server.admin, "ALTER TABLE orders DROP CONSTRAINT held");
	write_orders(2, 1, 8);
	expect("replay --all", CLI_OK, "replayed 0, superseded 1, refused again 0\n");
	cr_assert_eq(count("SELECT version FROM orders WHERE client_order_id = '2'"), 8);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 0);
}

Test(dead_letter, a_state_with_an_older_version_is_written)
{
	write_orders(1, 3, 7);
	database_run(server.admin, "ALTER TABLE orders ADD CONSTRAINT held CHECK "
	                           "(client_order_id <> '2' OR version < 8)");
	write_orders(1, 3, 8);
	database_run(server.admin, "ALTER TABLE orders DROP CONSTRAINT held");
	expect("replay --all", CLI_OK, "replayed 1,");
	cr_assert_eq(count("SELECT sum(version) FROM orders"), 24);
}

Test(dead_letter, a_removal_is_replayed)
{
	struct rows orders;
	json_t *letter;

	write_orders(1, 3, 1);
	database_run(server.admin,
	             "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
	             "RAISE EXCEPTION 'kept'; END$$; CREATE TRIGGER keep BEFORE DELETE ON orders "
	             "FOR EACH ROW WHEN (OLD.client_order_id = '2') EXECUTE FUNCTION keep()");
	orders_make(&orders, 1, 3, 2);
	for (size_t i = 0; i < 3; i++)
		orders.rows[i].removed = true;
	submit(&orders);
	rows_free(&orders);
	cr_assert_rows(&server, 1, 0);
	letter = show("1");
	cr_expect_eq(json_object_size(json_object_get(letter, "record")), 1, "only its key");
	json_decref(letter);
	database_run(server.admin, "DROP TRIGGER keep ON orders");
	expect("replay 1", CLI_OK, "replayed 1,");
	cr_assert_rows(&server, 0, 0);
}

/* The child's letter is the older one. */
Test(dead_letter, a_child_is_replayed_after_its_parent)
{
	struct rows executions;

	database_run(server.admin,
	             "ALTER TABLE orders ADD CONSTRAINT held CHECK (client_order_id <> '2')");
	executions_make(&executions, 2, 1);
	submit(&executions);
	rows_free(&executions);
	write_orders(1, 2, 1);
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 2);
	expect("replay --all", CLI_FAILED, "refused again 2");
	database_run(server.admin, "ALTER TABLE orders DROP CONSTRAINT held");
	expect("replay --all", CLI_OK, "replayed 2, superseded 0, refused again 0\n");
	cr_assert_rows(&server, 2, 1);
}

/* Executions of no order may be there twice: nothing else would tell. */
static void assert_each_once(int64_t rows)
{
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 0);
	cr_assert_eq(count("SELECT count(*) FROM executions"), rows);
	cr_assert_eq(count("SELECT count(DISTINCT execution_id) FROM executions"), rows);
}

Test(dead_letter, a_replay_that_is_killed_again_and_again_writes_each_once)
{
	char dsn[300];
	char *words[] = {"dead-letter", dsn, "replay", "--all", NULL};

	snprintf(dsn, sizeof(dsn), "--dsn=%s", server.dsn);
	write_executions(600);
	database_run(server.admin, MENDED);
	for (unsigned after_us = 4000; after_us < 40000; after_us += 1500)
		program_run_and_kill(cli_letters, words, after_us);
	expect("replay --all", CLI_OK, "refused again 0\n");
	assert_each_once(600);
}

Test(dead_letter, two_replays_at_a_time_write_each_once)
{
	pid_t other;
	int status;

	write_executions(600);
	database_run(server.admin, MENDED);
	other = fork();
	cr_assert_geq(other, 0);
	if (other == 0) {
		struct said said = say("replay --all");

		_exit(said.status);
	}
	expect("replay --all", CLI_OK, "refused again 0\n");
	cr_assert_eq(waitpid(other, &status, 0), other);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == CLI_OK);
	assert_each_once(600);
}

/* ---- what is not trusted ---- */

Test(dead_letter, a_letter_that_can_not_be_read_stays_as_it_is)
{
	static const char *const damages[] = {
		"UPDATE sluice.letter_format SET description = '\\x00'",
		"UPDATE sluice.dead_letter SET record = substring(record, 1, 10)",
		"UPDATE sluice.dead_letter SET stream = 'orders; DROP TABLE orders'",
		"UPDATE sluice.dead_letter SET removed = true",
	};
	json_t *letter;

	write_executions(10);
	database_run(server.admin, MENDED);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		database_run(server.admin, "CREATE TABLE kept AS TABLE sluice.dead_letter; "
		                           "CREATE TABLE format AS TABLE sluice.letter_format");
		database_run(server.admin, damages[i]);
		letter = show("1");
		cr_assert_not_null(text_of(json_object_get(letter, "record"), "unreadable"), "%s",
		                   damages[i]);
		json_decref(letter);
		expect("replay --all", CLI_FAILED, "replayed 0, superseded 0, refused again 1\n");
		cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter WHERE "
		                   "constraint_name = 'small'"),
		             1, "%s", damages[i]);
		database_run(server.admin,
		             "UPDATE sluice.letter_format l SET description = f.description FROM "
		             "format f; UPDATE sluice.dead_letter d SET record = k.record, "
		             "stream = k.stream, removed = k.removed FROM kept k; "
		             "DROP TABLE kept, format");
	}
	expect("replay --all", CLI_OK, "replayed 1,");
}

/* A text that is longer than its field: no engine has put that. */
Test(dead_letter, a_record_that_no_row_can_hold_is_refused_again)
{
	write_executions(10);
	database_run(server.admin, MENDED);
	database_run(server.admin, "UPDATE sluice.dead_letter SET record = "
	                           "decode(repeat('ff', length(record)), 'hex')");
	expect("replay --all", CLI_FAILED, "refused again 1\n");
	cr_assert_rows(&server, 0, 9);
}

Test(dead_letter, a_table_that_is_gone_is_told)
{
	write_executions(10);
	database_run(server.admin, "ALTER TABLE executions RENAME TO executed");
	expect("replay --all", CLI_FAILED, "stream executions can't be written to this database");
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter WHERE constraint_name = "
	                   "'small'"),
	             1);
}

/* ---- discard ---- */

Test(dead_letter, nothing_is_discarded_without_yes)
{
	write_executions(40);
	expect("discard 1 2", CLI_FAILED, "2 letters would be gone for good");
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 4);
	expect("discard 1 2 --yes", CLI_OK, "discarded 2\n");
	expect("discard --stream executions --yes", CLI_OK, "discarded 2\n");
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 0);
	cr_assert_rows(&server, 0, 36);
}

/* ---- the command line, and the wrong database ---- */

Test(dead_letter, a_wrong_command_line_is_told_and_does_nothing)
{
	write_executions(10);
	expect("", CLI_USAGE, "what to do is missing");
	expect("forget 1", CLI_USAGE, "there is no operation forget");
	expect("replay", CLI_USAGE, "--stream, --sqlstate or --all");
	expect("discard --yes", CLI_USAGE, "which ones?");
	expect("show", CLI_USAGE, "which ones?");
	expect("show 1;2", CLI_USAGE, "an ID is a number");
	expect("list 1", CLI_USAGE, "list does not take an ID");
	expect("discard 1 --all", CLI_USAGE, "discard does not take --all");
	expect("list --limit x", CLI_USAGE, "--limit takes a number");
	cr_assert_eq(count("SELECT count(*) FROM sluice.dead_letter"), 1);
}

Test(dead_letter, a_database_without_the_table_is_told_with_the_remedy)
{
	database_run(server.admin, "DROP TABLE sluice.dead_letter");
	expect("list", CLI_FAILED, "no table sluice.dead_letter: is it the right one?");
}

Test(dead_letter, a_missing_right_is_named)
{
	char dsn[300], role[32], sql[64];
	char *words[] = {"dead-letter", dsn, "list", NULL};
	struct said said;

	snprintf(role, sizeof(role), "looker_%ld", (long)getpid());
	snprintf(sql, sizeof(sql), "CREATE ROLE %s LOGIN", role);
	database_run(server.admin, sql);
	snprintf(dsn, sizeof(dsn), "--dsn=%s user=%s", server.dsn, role);
	said = program_run(cli_letters, words);
	cr_assert_eq(said.status, CLI_FAILED);
	cr_assert_not_null(strstr(said.err, "this needs USAGE ON SCHEMA sluice"), "%s", said.err);
	said_free(&said);
	snprintf(sql, sizeof(sql), "DROP ROLE %s", role);
	database_run(server.admin, sql);
}
