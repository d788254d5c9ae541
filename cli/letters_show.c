/* SPDX-License-Identifier: MIT */
/* letters_show.c - `sluice dead-letter list`, `show` and `export`: letters for people and for
 * programs. Records go to where they were asked for, and nowhere else. */
#include "cli/letters.h"

#include "cli/commands.h"
#include "cli/lanes_value.h"

#include <sluice/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int slu_letters_fail(const struct sluice_error *error)
{
	fprintf(stderr, "error: %s\n", error->message);
	return CLI_FAILED;
}

/* ---- list ---- */

/* By cause: what to mend first. */
static enum sluice_status print_totals(PGconn *connection, const struct slu_letters_filter *filter,
                                       uint64_t shown, struct sluice_error *error)
{
	const char *values[] = {filter->stream, filter->sqlstate};
	PGresult *result = PQexecParams(
		connection,
		"SELECT stream, sqlstate, coalesce(constraint_name, ''), count(*), "
		"sum(count(*)) OVER () FROM sluice.dead_letter "
		"WHERE ($1::text IS NULL OR stream = $1) AND ($2::text IS NULL OR sqlstate = $2) "
		"GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3",
		2, NULL, values, NULL, NULL, 0);
	enum sluice_status status = SLUICE_OK;
	uint64_t all;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		status = slu_letters_refused(connection, result, error);
	else if (PQntuples(result) == 0)
		puts("no dead letters");
	else {
		all = strtoull(PQgetvalue(result, 0, 4), NULL, 10);
		printf("\n%" PRIu64 " letters, %" PRIu64 " shown:\n", all, shown);
		for (int i = 0; i < PQntuples(result); i++)
			printf("  %s of stream %s: %s %s\n", PQgetvalue(result, i, 3),
			       PQgetvalue(result, i, 0),
			       PQgetvalue(result, i, 1)[0] != '\0' ? PQgetvalue(result, i, 1)
			                                           : "not encodable",
			       PQgetvalue(result, i, 2));
	}
	PQclear(result);
	return status;
}

static bool print_line(void *context, const struct slu_letter_row *row)
{
	uint64_t *shown = context;
	char place[64];

	if ((*shown)++ == 0)
		printf("%8s  %-19s  %-16s  %-12s  %-5s  %s\n", "id", "refused (UTC)", "stream",
		       "lane:record", "state", "reason");
	(void)snprintf(place, sizeof(place), "%.20s:%.20s", row->lane, row->sequence);
	printf("%8s  %-19s  %-16s  %-12s  %-5s  %s\n", row->id, row->refused_at, row->stream_name,
	       place, row->sqlstate, row->reason);
	return true;
}

int slu_letters_list(PGconn *connection, const struct slu_letters_request *request)
{
	struct slu_letters_formats formats = {.count = 0};
	struct sluice_error error;
	uint64_t shown = 0;
	enum sluice_status status = slu_letters_walk(connection, &formats, &request->filter,
	                                             request->limit, print_line, &shown, &error);

	slu_letters_formats_free(&formats);
	if (status == SLUICE_OK)
		status = print_totals(connection, &request->filter, shown, &error);
	return status == SLUICE_OK ? CLI_OK : slu_letters_fail(&error);
}

/* ---- show, export ---- */

struct export_run {
	FILE *out;
	size_t flags;
	uint64_t written;
	bool starved;
};

static json_t *record_of(const struct slu_letter_row *row)
{
	if (row->stream == NULL)
		return json_pack("{s:s}", "unreadable", row->unreadable);
	return slu_lanes_columns(row->stream, row->record, row->version, row->removed);
}

static json_t *letter_of(const struct slu_letter_row *row)
{
	return json_pack(
		"{s:I, s:s, s:s, s:I, s:I, s:s, s:I, s:b, s:s, s:s, s:s, s:o}", "id",
		(json_int_t)strtoll(row->id, NULL, 10), "refused_at", row->refused_at, "generation",
		row->generation, "lane", (json_int_t)strtoll(row->lane, NULL, 10), "sequence",
		(json_int_t)strtoll(row->sequence, NULL, 10), "stream", row->stream_name, "version",
		(json_int_t)row->version, "removed", (int)row->removed, "sqlstate", row->sqlstate,
		"constraint", row->constraint, "reason", row->reason, "record", record_of(row));
}

static bool export_letter(void *context, const struct slu_letter_row *row)
{
	struct export_run *export = context;
	json_t *letter = letter_of(row);

	export->starved = letter == NULL;
	if (letter != NULL)
		json_dumpf(letter, export->out, export->flags);
	putc('\n', export->out);
	json_decref(letter);
	export->written++;
	return !export->starved && !ferror(export->out);
}

static enum sluice_status export_all(PGconn *connection, struct export_run *export,
                                     const struct slu_letters_filter *filter,
                                     struct sluice_error *error)
{
	struct slu_letters_formats formats = {.count = 0};
	enum sluice_status status = slu_letters_walk(connection, &formats, filter, UINT64_MAX,
	                                             export_letter, export, error);

	slu_letters_formats_free(&formats);
	if (status == SLUICE_OK && export->starved)
		status = sluice_error_set(error, SLUICE_FAILED, "no memory for a letter");
	if (status == SLUICE_OK && (fflush(export->out) != 0 || ferror(export->out)))
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "not everything could be written: %s", strerror(errno));
	return status;
}

int slu_letters_show(PGconn *connection, const struct slu_letters_request *request)
{
	struct export_run export = {.out = stdout, .flags = JSON_INDENT(2)};
	struct sluice_error error;

	if (export_all(connection, &export, &request->filter, &error) != SLUICE_OK)
		return slu_letters_fail(&error);
	if (export.written > 0)
		return CLI_OK;
	fputs("error: there is no such letter: it was replayed or discarded, or never was\n",
	      stderr);
	return CLI_FAILED;
}

/* A new file, for its owner's eyes; one that is there is not overwritten. */
static FILE *create(const char *path, struct sluice_error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (out == NULL)
		sluice_error_set(error, SLUICE_FAILED, "can't create %s: %s", path,
		                 strerror(errno));
	return out;
}

int slu_letters_export(PGconn *connection, const struct slu_letters_request *request)
{
	struct export_run export = {.out = stdout, .flags = JSON_COMPACT};
	struct sluice_error error;
	enum sluice_status status = SLUICE_FAILED;

	if (request->output != NULL)
		export.out = create(request->output, &error);
	if (export.out != NULL)
		status = export_all(connection, &export, &request->filter, &error);
	if (request->output != NULL && export.out != NULL && fclose(export.out) != 0 &&
	    status == SLUICE_OK)
		status = sluice_error_set(&error, SLUICE_FAILED, "can't write %s: %s",
		                          request->output, strerror(errno));
	if (status != SLUICE_OK)
		return slu_letters_fail(&error);
	if (request->output != NULL)
		fprintf(stderr, "%" PRIu64 " letters written to %s\n", export.written,
		        request->output);
	return CLI_OK;
}
