/* SPDX-License-Identifier: MIT */
/* lanes_export.c - `sluice lanes DIR export`: records as JSON, one a line, in the order of their
 * lanes. What they hold goes to stdout, and nowhere else. */
#include "cli/lanes.h"

#include "cli/commands.h"
#include "cli/lanes_folder.h"
#include "cli/lanes_record.h"
#include "cli/lanes_value.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <string.h>

struct export_run {
	const struct slu_lanes_request *request;
	const struct slu_lanes_folder *folder;
	const char *file; /* the one that is read */
	bool found;       /* a file of the name that was asked for */
	bool known;       /* a stream of the name that was asked for */
	bool starved;
};

static bool is_wanted(const struct slu_lanes_request *request,
                      const struct slu_lanes_record *record)
{
	if (record->acknowledged && !request->all)
		return false;
	return request->stream == NULL || strcmp(request->stream, record->stream->name) == 0;
}

static bool export_record(void *context, const struct slu_lanes_record *record)
{
	struct export_run *export = context;
	json_t *line;

	if (!is_wanted(export->request, record))
		return true;
	line = json_pack(
		"{s:s, s:I, s:I, s:s, s:I, s:b, s:o}", "file", export->file, "lane",
		(json_int_t)record->lane, "sequence", (json_int_t)record->sequence, "stream",
		record->stream->name, "version", (json_int_t)record->version, "removed",
		(int)record->removed, "record",
		slu_lanes_columns(record->stream, record->bytes, record->version, record->removed));
	export->starved = line == NULL;
	if (line != NULL)
		json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(line);
	return line != NULL && !ferror(stdout);
}

static enum sluice_status refuse(const struct slu_lanes_folder *folder,
                                 const struct slu_reader *reader, enum slu_lanes_presence presence,
                                 struct sluice_error *error)
{
	if (presence == SLU_LANES_IN_USE)
		return sluice_error_set(error, SLUICE_BUSY,
		                        "%s is in use by process %" PRIu64
		                        ": only what a run has left can be exported",
		                        reader->name, folder->holder);
	return sluice_error_set(error, SLUICE_INVALID, "%s can't be exported (%s): %s",
	                        reader->name, slu_verdict_name(reader->verdict), reader->reason);
}

/* Whether what was asked for is one of the file's streams. */
static bool has_stream(const struct slu_reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->streams->count; i++)
		if (strcmp(reader->streams->streams[i]->name, name) == 0)
			return true;
	return false;
}

static enum sluice_status export_records(struct export_run *export, struct slu_reader *reader,
                                         struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	if (export->request->stream != NULL && !has_stream(reader, export->request->stream))
		return SLUICE_OK;
	export->known = true;
	status = slu_lanes_walk(reader, export_record, export, error);
	if (status == SLUICE_OK && export->starved)
		status = sluice_error_set(error, SLUICE_FAILED, "no memory for a record of %s",
		                          export->file);
	if (status == SLUICE_OK && (fflush(stdout) != 0 || ferror(stdout)))
		status = sluice_error_set(error, SLUICE_FAILED,
		                          "can't write to stdout: not everything is there");
	return status;
}

static enum sluice_status export_file(struct export_run *export, size_t index,
                                      struct sluice_error *error)
{
	struct slu_reader reader;
	enum slu_lanes_presence presence;
	enum sluice_status status = slu_lanes_folder_read(export->folder, index, &reader, &presence,
	                                                  error);

	export->file = reader.name;
	if (status == SLUICE_OK && presence != SLU_LANES_GONE) {
		if (presence == SLU_LANES_IN_USE || reader.verdict != SLU_FILE_SOUND)
			status = refuse(export->folder, &reader, presence, error);
		else
			status = export_records(export, &reader, error);
	}
	slu_reader_close(&reader);
	return status;
}

static int tell_missing(const struct slu_lanes_request *request, const char *what, const char *name)
{
	fprintf(stderr, "error: %s has no %s %s: `sluice lanes %s verify` shows what there is\n",
	        request->directory, what, name, request->directory);
	return CLI_FAILED;
}

/* One file that can't be read does not keep back the others. */
static int export_files(struct export_run *export)
{
	const struct slu_lanes_request *request = export->request;
	const struct slu_listing *listing = &export->folder->listing;
	struct sluice_error error;
	int result = CLI_OK;

	for (size_t i = 0; i < listing->count && !ferror(stdout); i++) {
		if (request->file != NULL && strcmp(request->file, listing->names[i]) != 0)
			continue;
		export->found = true;
		if (export_file(export, i, &error) != SLUICE_OK)
			result = slu_lanes_fail(&error);
	}
	if (result == CLI_OK && request->file != NULL && !export->found)
		return tell_missing(request, "file", request->file);
	if (result == CLI_OK && request->stream != NULL && !export->known && listing->count > 0)
		return tell_missing(request, "stream", request->stream);
	return result;
}

int slu_lanes_export(const struct slu_lanes_request *request)
{
	struct slu_lanes_folder folder;
	struct export_run export = {.request = request, .folder = &folder};
	struct sluice_error error;
	int result;

	if (slu_lanes_folder_open(&folder, request->directory, &error) == SLUICE_OK)
		result = export_files(&export);
	else
		result = slu_lanes_fail(&error);
	slu_lanes_folder_close(&folder);
	return result;
}
