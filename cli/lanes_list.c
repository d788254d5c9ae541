/* SPDX-License-Identifier: MIT */
/* lanes_list.c - `sluice lanes DIR list`: one line a file, also while an engine runs. */
#include "cli/lanes.h"

#include "cli/commands.h"
#include "cli/lanes_folder.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

/* What is told of a file. */
struct row {
	const struct slu_reader *reader;
	enum slu_lanes_presence presence;
	char created[32]; /* "" when the header can't be read */
	const char *run;
	bool counted; /* the slots are what they should be, so there is something to count */
	uint64_t held;
};

static struct row row_of(const struct slu_reader *reader, enum slu_lanes_presence presence)
{
	struct row row = {.reader = reader, .presence = presence, .run = "ended"};
	time_t created = (time_t)(reader->created_us / 1000000);
	struct tm utc;

	if (reader->created_us != 0 && gmtime_r(&created, &utc) != NULL)
		strftime(row.created, sizeof(row.created), "%Y-%m-%d %H:%M:%S", &utc);
	if (presence == SLU_LANES_IN_USE)
		row.run = "alive";
	else if (reader->created_us == 0)
		row.run = "-";
	else if (!reader->this_boot)
		row.run = "ended, before this boot";
	row.counted = reader->verdict == SLU_FILE_SOUND;
	for (uint64_t lane = 0; row.counted && lane < reader->lane_count; lane++)
		row.held += reader->lanes[lane].end - reader->lanes[lane].first;
	return row;
}

/* ---- for people ---- */

/* A number, or nothing where there is none to tell. */
static const char *number(char text[24], bool told, uint64_t value)
{
	snprintf(text, 24, "%" PRIu64, value);
	return told ? text : "-";
}

static void print_row(const struct row *row)
{
	const struct slu_reader *reader = row->reader;
	bool known = reader->created_us != 0;
	char shape[48] = "-";
	char pid[24], held[24], pending[24];

	if (known)
		snprintf(shape, sizeof(shape), "%" PRIu64 " x %" PRIu64, reader->lane_count,
		         reader->slot_count);
	printf("%-42s  %-19s  %7s  %-23s  %-12s  %9s  %9s  %s\n", reader->name,
	       known ? row->created : "-", number(pid, known, reader->pid), row->run, shape,
	       number(held, row->counted, row->held),
	       number(pending, row->counted, reader->records),
	       slu_lanes_verdict(reader, row->presence));
}

static void print_begin(const struct slu_lanes_folder *folder)
{
	if (folder->listing.count > 0)
		printf("%-42s  %-19s  %7s  %-23s  %-12s  %9s  %9s  %s\n", "file", "created (UTC)",
		       "pid", "run", "lanes", "held", "pending", "verdict");
}

static void print_end(const struct slu_lanes_folder *folder)
{
	if (folder->listing.count == 0)
		puts("no files: everything was carried");
	if (folder->holder != 0)
		printf("lock: held by process %" PRIu64 "\n", folder->holder);
	else
		puts("lock: free");
	if (folder->listing.quarantined > 0)
		printf("quarantine: %zu files; `sluice lanes %s/quarantine list` shows them\n",
		       folder->listing.quarantined, folder->directory.path);
	if (folder->directory.risk[0] != '\0')
		printf("risk: %s\n", folder->directory.risk);
}

/* ---- for programs ---- */

static json_t *json_count(const struct row *row, uint64_t count)
{
	return row->counted ? json_integer((json_int_t)count) : json_null();
}

static json_t *json_row(const struct row *row)
{
	const struct slu_reader *reader = row->reader;
	char words[64] = "";

	if (row->created[0] != '\0')
		snprintf(words, sizeof(words), "%s+00", row->created);
	return json_pack("{s:s, s:s, s:I, s:b, s:b, s:I, s:I, s:o, s:o, s:s, s:s}", "file",
	                 reader->name, "created", words, "pid", (json_int_t)reader->pid, "alive",
	                 row->presence == SLU_LANES_IN_USE, "this_boot", (int)reader->this_boot,
	                 "lanes", (json_int_t)reader->lane_count, "slots",
	                 (json_int_t)reader->slot_count, "held", json_count(row, row->held),
	                 "pending", json_count(row, reader->records), "verdict",
	                 slu_lanes_verdict(reader, row->presence), "reason",
	                 row->presence == SLU_LANES_IN_USE ? "" : reader->reason);
}

static int print_json(const struct slu_lanes_folder *folder, json_t *files)
{
	json_t *holder = folder->holder != 0 ? json_integer((json_int_t)folder->holder)
	                                     : json_null();
	json_t *whole = json_pack("{s:s, s:o, s:I, s:s, s:O}", "directory", folder->directory.path,
	                          "lock_held_by", holder, "quarantined",
	                          (json_int_t)folder->listing.quarantined, "risk",
	                          folder->directory.risk, "files", files);
	int failed = whole == NULL || json_dumpf(whole, stdout, JSON_COMPACT) != 0;

	putchar('\n');
	json_decref(whole);
	if (!failed)
		return CLI_OK;
	fputs("error: no memory for the list, or stdout is full\n", stderr);
	return CLI_FAILED;
}

/* ---- the list ---- */

static enum sluice_status add_file(const struct slu_lanes_folder *folder, size_t index,
                                   json_t *files, struct sluice_error *error)
{
	struct slu_reader reader;
	enum slu_lanes_presence presence;
	enum sluice_status status = slu_lanes_folder_read(folder, index, &reader, &presence, error);

	if (status == SLUICE_OK && presence != SLU_LANES_GONE) {
		struct row row = row_of(&reader, presence);

		if (files != NULL)
			json_array_append_new(files, json_row(&row));
		else
			print_row(&row);
	}
	slu_reader_close(&reader);
	return status;
}

int slu_lanes_list(const struct slu_lanes_request *request)
{
	struct slu_lanes_folder folder;
	struct sluice_error error;
	json_t *files = request->json ? json_array() : NULL;
	enum sluice_status status = slu_lanes_folder_open(&folder, request->directory, &error);
	int result = CLI_OK;

	if (status == SLUICE_OK && !request->json)
		print_begin(&folder);
	for (size_t i = 0; i < folder.listing.count && status == SLUICE_OK; i++)
		status = add_file(&folder, i, files, &error);
	if (status != SLUICE_OK)
		result = slu_lanes_fail(&error);
	else if (request->json)
		result = print_json(&folder, files);
	else
		print_end(&folder);
	slu_lanes_folder_close(&folder);
	json_decref(files);
	return result;
}
