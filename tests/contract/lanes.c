/* SPDX-License-Identifier: MIT */
/*
 * lanes.c - `sluice lanes` on what a killed engine left: it tells what is there, carries each
 * record exactly once, and leaves alone what it can't carry.
 */
#include "tests/contract/lanes_stage.h"

#include "tests/contract/database.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED 20261122

static struct stage stage;

static void make(void)
{
	stage_open(&stage);
}

static void clean(void)
{
	stage_close(&stage);
}

TestSuite(lanes, .init = make, .fini = clean);

static void leave_records(void)
{
	stage_kill(stage_engine(&stage, SEED));
}

/* Runs an operation on the stage's directory, and expects how it ends. */
static struct said expect(int status, const char *operation, const char *option)
{
	struct said said = stage_run(stage.directory, operation, option, NULL);

	cr_assert_eq(said.status, status, "%s: %d\n%s%s", operation, said.status, said.out,
	             said.err);
	return said;
}

static void expect_text(const char *text, const char *part)
{
	cr_expect_not_null(strstr(text, part), "no \"%s\" in:\n%s", part, text);
}

static struct said drain(int status)
{
	char option[256];

	snprintf(option, sizeof(option), "--dsn=%s", stage.dsn);
	return expect(status, "drain", option);
}

static int64_t count(const char *table)
{
	char sql[120];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return database_query_int(stage.connection, sql);
}

static void expect_untouched(const struct stat *before)
{
	struct stat after;

	cr_assert_eq(stat(stage_file(&stage), &after), 0);
	cr_expect_eq(after.st_ino, before->st_ino);
	cr_expect_eq(after.st_size, before->st_size);
	cr_expect_eq(after.st_mtim.tv_sec, before->st_mtim.tv_sec);
	cr_expect_eq(after.st_mtim.tv_nsec, before->st_mtim.tv_nsec);
	cr_expect_eq(count("samples") + count("states") + count("sluice.lane"), 0);
}

/* Changes a byte in the middle of the records. */
static void damage(void)
{
	int fd = open(stage_file(&stage), O_RDWR);
	struct stat stat;
	unsigned char byte = 0;
	off_t place;

	cr_assert(fd >= 0 && fstat(fd, &stat) == 0);
	/* The first slot's header: its stream. The lanes are the file's end, and whole pages. */
	for (place = 8192; place < stat.st_size; place += 4096) {
		uint64_t sequence = 0;

		cr_assert_eq(pread(fd, &sequence, sizeof(sequence), place), sizeof(sequence));
		if (sequence != 1)
			continue;
		byte = 0xff;
		cr_assert_eq(pwrite(fd, &byte, 1, place), 1);
	}
	cr_assert_eq(byte, 0xff, "no record was found");
	close(fd);
}

/* ---- list, verify ---- */

Test(lanes, list_tells_what_a_dead_run_left)
{
	struct said said;
	json_t *whole, *file;
	pid_t engine = stage_engine(&stage, SEED);

	stage_kill(engine);
	said = expect(0, "list", NULL);
	expect_text(said.out, strrchr(stage_file(&stage), '/') + 1);
	expect_text(said.out, "ended ");
	expect_text(said.out, "sound\nlock: free\n");
	said_free(&said);
	said = expect(0, "list", "--json");
	whole = json_loads(said.out, 0, NULL);
	file = json_array_get(json_object_get(whole, "files"), 0);
	cr_assert_not_null(file, "%s", said.out);
	cr_expect_eq(json_array_size(json_object_get(whole, "files")), 1);
	cr_expect(json_is_null(json_object_get(whole, "lock_held_by")));
	cr_expect_eq(json_integer_value(json_object_get(file, "pid")), engine);
	cr_expect(json_is_false(json_object_get(file, "alive")));
	cr_expect(json_is_true(json_object_get(file, "this_boot")));
	cr_expect_eq(json_integer_value(json_object_get(file, "pending")), STAGE_RECORDS);
	cr_expect_eq(json_integer_value(json_object_get(file, "held")), STAGE_RECORDS);
	cr_expect_str_eq(json_string_value(json_object_get(file, "verdict")), "sound");
	json_decref(whole);
	said_free(&said);
}

Test(lanes, beside_a_living_engine_its_file_is_in_use_and_nothing_is_carried)
{
	pid_t engine = stage_engine(&stage, SEED);
	char holder[80];
	struct said said = expect(0, "list", NULL);

	snprintf(holder, sizeof(holder), "lock: held by process %d\n", (int)engine);
	expect_text(said.out, holder);
	expect_text(said.out, "alive ");
	expect_text(said.out, "in use\n");
	said_free(&said);
	said = expect(0, "verify", NULL);
	expect_text(said.out, "in use by process");
	said_free(&said);
	said = expect(1, "export", NULL);
	cr_expect_str_eq(said.out, "");
	expect_text(said.err, "is in use by process");
	said_free(&said);
	said = drain(1);
	snprintf(holder, sizeof(holder), "is held by process %d: stop it, or let it", (int)engine);
	expect_text(said.err, holder);
	cr_expect_eq(count("samples") + count("states") + count("sluice.lane"), 0);
	said_free(&said);
	stage_kill(engine);
}

Test(lanes, verify_counts_by_stream)
{
	char line[120];
	struct said said;

	leave_records();
	said = expect(0, "verify", NULL);
	expect_text(said.out, ".lanes: sound\n");
	snprintf(line, sizeof(line), "%9d held, %9d pending, 0 of these removals\n", STAGE_SAMPLES,
	         STAGE_SAMPLES);
	expect_text(said.out, line);
	snprintf(line, sizeof(line), "%9d held, %9d pending, %d of these removals\n",
	         STAGE_RECORDS - STAGE_SAMPLES, STAGE_RECORDS - STAGE_SAMPLES, STAGE_REMOVED + 1);
	expect_text(said.out, line);
	said_free(&said);
}

Test(lanes, a_directory_that_is_not_there_is_told_and_not_made)
{
	struct said said = stage_run("/dev/shm/sluice-lanes-nowhere", "drain", NULL);

	cr_expect_eq(said.status, 1);
	expect_text(said.err, "error: /dev/shm/sluice-lanes-nowhere: ");
	cr_expect_neq(access("/dev/shm/sluice-lanes-nowhere", F_OK), 0);
	said_free(&said);
}

/* ---- damage ---- */

Test(lanes, a_damaged_file_is_named_and_refused_and_stays_as_it_is)
{
	struct stat before;
	struct said said;

	leave_records();
	damage();
	cr_assert_eq(stat(stage_file(&stage), &before), 0);
	said = expect(1, "verify", NULL);
	cr_expect_null(strstr(said.out, "sound"), "%s", said.out);
	expect_text(said.out, " of lane ");
	said_free(&said);
	said = expect(1, "export", NULL);
	cr_expect_str_eq(said.out, "");
	expect_text(said.err, "can't be exported");
	said_free(&said);
	said = drain(1);
	expect_text(said.err, "can't be carried");
	expect_text(said.err, "Nothing was touched.");
	expect_untouched(&before);
	said_free(&said);
	said = expect(0, "list", NULL);
	cr_expect_null(strstr(said.out, "sound"), "%s", said.out);
	said_free(&said);
}

/* ---- export, drain ---- */

/* The row that the record became, or was deleted from: what the database prints of it. */
static void compare(const json_t *line, bool newest)
{
	const char *stream = json_string_value(json_object_get(line, "stream"));
	json_t *record = json_object_get(line, "record");
	bool removed = json_is_true(json_object_get(line, "removed"));
	json_int_t id = json_integer_value(json_object_get(record, "id"));
	const char *name;
	char words[24], sql[120];
	PGresult *result;
	json_t *value;

	if (!newest)
		return;
	snprintf(sql, sizeof(sql), "SELECT * FROM %s WHERE id = %" JSON_INTEGER_FORMAT, stream, id);
	result = PQexec(stage.connection, sql);
	cr_assert_eq(PQntuples(result), removed ? 0 : 1, "%s", sql);
	json_object_foreach(record, name, value)
	{
		int column = PQfnumber(result, name);
		const char *ours = stage_printed(value, words);

		cr_assert(column >= 0, "%s", name);
		if (removed)
			continue;
		cr_assert_eq(PQgetisnull(result, 0, column), ours == NULL, "%s, %s", sql, name);
		if (ours != NULL)
			cr_expect_str_eq(ours, PQgetvalue(result, 0, column), "%s, %s", sql, name);
	}
	if (removed)
		cr_expect_eq(json_object_size(record), 1, "only the key");
	PQclear(result);
}

/* The lines of an export: of a key the newest is compared, of samples each. */
static int compare_all(char *lines)
{
	json_t *parsed[STAGE_RECORDS + 1];
	int lines_count = 0;

	for (char *line = strtok(lines, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		cr_assert(lines_count < STAGE_RECORDS, "a line too many");
		parsed[lines_count] = json_loads(line, 0, NULL);
		cr_assert_not_null(parsed[lines_count], "%s", line);
		cr_expect_eq(json_integer_value(json_object_get(parsed[lines_count], "sequence")),
		             lines_count + 1);
		lines_count++;
	}
	for (int i = 0; i < lines_count; i++) {
		bool newest = true;
		json_t *id = json_object_get(json_object_get(parsed[i], "record"), "id");
		json_t *stream = json_object_get(parsed[i], "stream");

		for (int j = i + 1; j < lines_count; j++)
			newest &= !json_equal(stream, json_object_get(parsed[j], "stream")) ||
			          !json_equal(id,
			                      json_object_get(json_object_get(parsed[j], "record"),
			                                      "id"));
		compare(parsed[i], newest);
	}
	for (int i = 0; i < lines_count; i++)
		json_decref(parsed[i]);
	return lines_count;
}

Test(lanes, what_export_prints_is_what_drain_carries)
{
	struct said exported, drained;
	char account[160];

	leave_records();
	exported = expect(0, "export", NULL);
	cr_expect_str_eq(exported.err, "");
	drained = drain(0);
	cr_expect_eq(count("samples"), STAGE_SAMPLES);
	cr_expect_eq(count("states"), STAGE_STATES - STAGE_REMOVED);
	cr_expect_eq(compare_all(exported.out), STAGE_RECORDS);
	/* Two versions of each key, and of some a removal: all but the newest are coalesced. */
	snprintf(account, sizeof(account),
	         "1 of 1 files carried: accepted %d = committed %d + coalesced %d + pending 0\n",
	         STAGE_RECORDS, STAGE_SAMPLES + STAGE_STATES + 1, STAGE_STATES + STAGE_REMOVED);
	cr_expect_str_eq(drained.out, account);
	said_free(&exported);
	said_free(&drained);
}

/* The slots still hold what the database has. */
Test(lanes, what_is_acknowledged_is_exported_on_request_and_not_carried_again)
{
	struct said said;

	database_run(stage.connection, "ALTER TABLE samples ADD PRIMARY KEY (id)");
	stage_kill(stage_committed_engine(&stage, SEED));
	said = expect(0, "export", NULL);
	cr_expect_str_eq(said.out, "");
	said_free(&said);
	said = expect(0, "export", "--all");
	cr_expect_eq(compare_all(said.out), STAGE_RECORDS);
	said_free(&said);
	said = drain(0);
	expect_text(said.out, "1 of 1 files carried: accepted 0 = committed 0 ");
	said_free(&said);
	cr_expect_eq(count("samples"), STAGE_SAMPLES);
	cr_expect_eq(count("sluice.lane WHERE sealed_at IS NULL"), 0);
}

Test(lanes, export_can_be_asked_for_one_stream_or_one_file)
{
	struct said said;
	int lines = 0;

	leave_records();
	said = expect(0, "export", "--stream=samples");
	for (const char *at = said.out; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	cr_expect_eq(lines, STAGE_SAMPLES);
	cr_expect_null(strstr(said.out, "\"stream\":\"states\""));
	said_free(&said);
	said = expect(1, "export", "--stream=nothing");
	cr_expect_str_eq(said.out, "");
	expect_text(said.err, "has no stream nothing");
	said_free(&said);
	said = expect(1, "export", "--file=nothing.lanes");
	cr_expect_str_eq(said.out, "");
	expect_text(said.err, "has no file nothing.lanes");
	said_free(&said);
}

Test(lanes, a_second_drain_finds_nothing_to_do)
{
	struct said said;

	leave_records();
	said = drain(0);
	said_free(&said);
	said = drain(0);
	cr_expect_str_eq(said.out, "no files: everything was carried\n");
	cr_expect_eq(count("samples"), STAGE_SAMPLES);
	said_free(&said);
	said = expect(0, "list", NULL);
	cr_expect_str_eq(said.out, "no files: everything was carried\nlock: free\n");
	said_free(&said);
}

/* Two runs, the second of which found the first's file and could not carry it either. */
Test(lanes, the_files_of_several_runs_are_carried_in_their_order)
{
	struct said said;

	leave_records();
	database_run(stage.connection, "ALTER TABLE samples ADD twice serial");
	stage_kill(stage_engine(&stage, SEED));
	said = drain(0);
	expect_text(said.out, "2 of 2 files carried");
	cr_expect_eq(count("samples"), 2 * STAGE_SAMPLES);
	cr_expect_eq(count("(SELECT FROM samples WHERE id <> (twice - 1) % 200) AS wrong"), 0);
	cr_expect_eq(count("states"), STAGE_STATES - STAGE_REMOVED);
	said_free(&said);
}

/* ---- what stands in the way ---- */

Test(lanes, without_the_database_nothing_is_touched)
{
	struct stat before;
	struct said said;

	leave_records();
	cr_assert_eq(stat(stage_file(&stage), &before), 0);
	said = expect(1, "drain", "--dsn=host=/nowhere dbname=x password=swordfish");
	expect_text(said.err, "the database does not answer");
	cr_expect_null(strstr(said.err, "swordfish"));
	expect_untouched(&before);
	said_free(&said);
}

Test(lanes, a_table_that_changed_is_told_and_nothing_is_carried)
{
	struct said said;

	leave_records();
	database_run(stage.connection, "ALTER TABLE samples ALTER n64 TYPE numeric(12,1)");
	said = drain(1);
	expect_text(said.err, "stream samples, column n64");
	expect_text(said.err, "1 files are left");
	cr_expect_eq(count("samples") + count("states"), 0);
	stage_file(&stage);
	said_free(&said);
	database_run(stage.connection, "ALTER TABLE samples ALTER n64 TYPE numeric(18,4)");
	said = drain(0);
	cr_expect_eq(count("samples"), STAGE_SAMPLES);
	said_free(&said);
}

Test(lanes, files_of_other_bindings_are_not_mixed)
{
	struct said said;
	struct sluice_stream samples = stage.samples;
	char first[256], moved[300];

	leave_records();
	snprintf(first, sizeof(first), "%s", stage_file(&stage));
	snprintf(moved, sizeof(moved), "%s.away", first);
	cr_assert_eq(rename(first, moved), 0);
	stage.samples.fingerprint++;
	leave_records();
	stage.samples = samples;
	cr_assert_eq(rename(moved, first), 0);
	said = drain(1);
	expect_text(said.err, "was written by other bindings than the files before it");
	cr_expect_eq(count("samples") + count("states") + count("sluice.lane"), 0);
	said_free(&said);
}

/* Killed at any time, and asked again: each record is there once. */
Test(lanes, a_drain_that_is_killed_again_and_again_carries_each_record_once)
{
	struct said said;
	char option[256];

	leave_records();
	database_run(stage.connection, "ALTER TABLE samples ADD PRIMARY KEY (id)");
	snprintf(option, sizeof(option), "--dsn=%s", stage.dsn);
	for (unsigned after_us = 10000; after_us < 150000; after_us += 10000)
		stage_run_and_kill(&stage, "drain", option, after_us);
	said = drain(0);
	said_free(&said);
	cr_expect_eq(count("samples"), STAGE_SAMPLES);
	cr_expect_eq(count("states"), STAGE_STATES - STAGE_REMOVED);
}
