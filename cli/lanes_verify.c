/* SPDX-License-Identifier: MIT */
/* lanes_verify.c - `sluice lanes DIR verify`: reads every slot of every file, and counts. */
#include "cli/lanes.h"

#include "cli/commands.h"
#include "cli/lanes_folder.h"
#include "cli/lanes_record.h"

#include <inttypes.h>

struct count {
	uint64_t held, pending, removals; /* removals: of the pending */
};

struct counts {
	struct count streams[SLUICE_STREAMS_MAX];
};

static bool count_record(void *context, const struct slu_lanes_record *record)
{
	struct counts *counts = context;
	struct count *count = &counts->streams[record->stream->index];

	count->held++;
	count->pending += !record->acknowledged;
	count->removals += !record->acknowledged && record->removed;
	return true;
}

static void print_counts(const struct slu_reader *reader, const struct counts *counts)
{
	for (size_t i = 0; i < reader->streams->count; i++) {
		const struct count *count = &counts->streams[i];

		printf("  %-24s %9" PRIu64 " held, %9" PRIu64 " pending, %" PRIu64
		       " of these removals\n",
		       reader->streams->streams[i]->name, count->held, count->pending,
		       count->removals);
	}
}

/* Tells what the file is. `*sound`: left as it was unless something is wrong with it. */
static enum sluice_status verify_file(const struct slu_lanes_folder *folder,
                                      struct slu_reader *reader, enum slu_lanes_presence presence,
                                      bool *sound, struct sluice_error *error)
{
	struct counts counts = {0};
	enum sluice_status status = SLUICE_OK;

	if (presence == SLU_LANES_IN_USE) {
		printf("%s: in use by process %" PRIu64 ", not judged\n", reader->name,
		       folder->holder);
		return SLUICE_OK;
	}
	if (reader->verdict != SLU_FILE_SOUND) {
		printf("%s: %s: %s\n", reader->name, slu_verdict_name(reader->verdict),
		       reader->reason);
		*sound = false;
		return SLUICE_OK;
	}
	status = slu_lanes_walk(reader, count_record, &counts, error);
	if (status != SLUICE_OK)
		return status;
	printf("%s: sound\n", reader->name);
	print_counts(reader, &counts);
	return SLUICE_OK;
}

int slu_lanes_verify(const struct slu_lanes_request *request)
{
	struct slu_lanes_folder folder;
	struct sluice_error error;
	enum sluice_status status = slu_lanes_folder_open(&folder, request->directory, &error);
	bool sound = true;

	for (size_t i = 0; i < folder.listing.count && status == SLUICE_OK; i++) {
		struct slu_reader reader;
		enum slu_lanes_presence presence;

		status = slu_lanes_folder_read(&folder, i, &reader, &presence, &error);
		if (status == SLUICE_OK && presence != SLU_LANES_GONE)
			status = verify_file(&folder, &reader, presence, &sound, &error);
		slu_reader_close(&reader);
	}
	if (status == SLUICE_OK && folder.listing.count == 0)
		puts("no files: everything was carried");
	slu_lanes_folder_close(&folder);
	if (status != SLUICE_OK)
		return slu_lanes_fail(&error);
	return sound ? CLI_OK : CLI_FAILED;
}
