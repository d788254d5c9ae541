/* SPDX-License-Identifier: MIT */
/* reader.c - a file that somebody else may have written, read in pieces and believed in nothing. */
#include "core/file/reader.h"

#include "core/file/format.h"
#include "core/file/schema.h"
#include "core/file/system.h"
#include "core/file/window.h"
#include "core/lane.h"

#include <sluice/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEQUENCE_MAX (UINT64_MAX / 2)
#define INTERRUPTIONS_MAX 1000

const char *slu_verdict_name(enum slu_verdict verdict)
{
	static const char *const names[] = {
		[SLU_FILE_SOUND] = "sound",
		[SLU_FILE_FOREIGN] = "foreign",
		[SLU_FILE_OTHER_VERSION] = "other version",
		[SLU_FILE_DAMAGED] = "damaged",
		[SLU_FILE_TRUNCATED] = "truncated",
		[SLU_FILE_HOLE] = "hole",
		[SLU_FILE_MISSING] = "missing",
		[SLU_FILE_OTHER_SCHEMA] = "other schema",
	};

	return names[verdict];
}

/* All of it, or an error: 0 when the file is shorter. */
static ssize_t read_all(const struct slu_reader *reader, void *bytes, size_t size, uint64_t offset)
{
	size_t done = 0, interruptions = 0;

	while (done < size) {
		ssize_t got = reader->env->files->read(reader->fd, (char *)bytes + done,
		                                       size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR && ++interruptions < INTERRUPTIONS_MAX)
			continue;
		if (got <= 0)
			return got;
		done += (size_t)got;
	}
	return (ssize_t)size;
}

/* Trouble with reading is the system's, and no verdict. */
static bool read_or_judge(struct slu_reader *reader, void *bytes, size_t size, uint64_t offset,
                          enum sluice_status *status, struct sluice_error *error)
{
	ssize_t got = read_all(reader, bytes, size, offset);

	if (got < 0) {
		*status = sluice_error_set(error, SLUICE_FAILED, "reading %s: %s", reader->name,
		                           strerror(errno));
		return false;
	}
	if (got == 0)
		return slu_reader_judge(reader, SLU_FILE_TRUNCATED, "it ends before byte %" PRIu64,
		                        offset + size);
	return true;
}

/* ---- header and schema ---- */

/* Whether this program can read the page at all. */
static bool check_kind(struct slu_reader *reader, const struct slu_file_header *header)
{
	if (memcmp(header->magic, SLU_FILE_MAGIC, sizeof(header->magic)) != 0)
		return slu_reader_judge(reader, SLU_FILE_FOREIGN,
		                        "it does not begin as a lane file does");
	if (header->order != SLU_FILE_ORDER)
		return slu_reader_judge(reader, SLU_FILE_OTHER_VERSION,
		                        "it is of a machine with another byte order, or damaged");
	reader->format = header->format;
	if (header->format != SLU_GENERATION_FORMAT)
		return slu_reader_judge(reader, SLU_FILE_OTHER_VERSION,
		                        "it is of format %" PRIu64
		                        ", and this program reads format %d",
		                        header->format, SLU_GENERATION_FORMAT);
	return true;
}

/* The checksum, and the bytes that have no name: those are zero. */
static bool check_page(struct slu_reader *reader, unsigned char *page)
{
	struct slu_file_header *header = (struct slu_file_header *)(void *)page;
	uint32_t sum = header->sum;

	header->sum = 0;
	if (slu_file_sum(page, SLU_FILE_PAGE) != sum)
		return slu_reader_judge(reader, SLU_FILE_DAMAGED,
		                        "the checksum of its header does not fit");
	for (size_t i = sizeof(*header); i < SLU_FILE_PAGE; i++)
		if (page[i] != 0)
			return slu_reader_judge(reader, SLU_FILE_DAMAGED,
			                        "its header has something where nothing belongs");
	return true;
}

/* Every offset follows from the sizes, and these are bounded: nothing overflows from here on. */
static bool check_sizes(struct slu_reader *reader, const struct slu_file_header *header)
{
	struct slu_file_header expected = *header;

	if (!slu_file_lay_out(&expected) || memcmp(&expected, header, sizeof(expected)) != 0 ||
	    header->first_version > SLU_VERSION_MAX / 2)
		return slu_reader_judge(reader, SLU_FILE_DAMAGED,
		                        "the sizes in its header don't fit");
	if (reader->file_size < header->file_size)
		return slu_reader_judge(reader, SLU_FILE_TRUNCATED,
		                        "it has %" PRIu64 " bytes, and was made with %" PRIu64,
		                        reader->file_size, header->file_size);
	if (reader->file_size > header->file_size)
		return slu_reader_judge(reader, SLU_FILE_DAMAGED,
		                        "it has %" PRIu64 " bytes, and was made with %" PRIu64,
		                        reader->file_size, header->file_size);
	return true;
}

/* A copy under another name would be carried as a run of its own. */
static bool check_name(struct slu_reader *reader, const struct slu_file_header *header)
{
	char name[SLU_FILE_NAME_SIZE];

	slu_file_name(name, &header->generation);
	if (strcmp(name, reader->name) != 0)
		return slu_reader_judge(reader, SLU_FILE_FOREIGN, "it was made as %s", name);
	return true;
}

static bool check_header(struct slu_reader *reader, unsigned char page[SLU_FILE_PAGE],
                         struct slu_file_header *header)
{
	memcpy(header, page, sizeof(*header));
	return check_kind(reader, header) && check_page(reader, page) &&
	       check_sizes(reader, header) && check_name(reader, header);
}

static void take_header(struct slu_reader *reader, const struct slu_file_header *header)
{
	struct sluice_uuid boot = slu_file_boot();

	reader->generation = header->generation;
	reader->format = header->format;
	reader->created_us = header->created_us;
	reader->pid = header->pid;
	reader->this_boot = memcmp(&boot, &header->boot, sizeof(boot)) == 0;
	reader->first_version = header->first_version;
	reader->lane_count = header->lane_count;
	reader->slot_count = header->slot_count;
	reader->slot_size = header->slot_size;
	reader->lanes_offset = header->lanes_offset;
	reader->lane_size = header->lane_size;
}

/* Whoever takes a record reads as far as its struct goes. */
static bool records_fit_slots(const struct slu_reader *reader)
{
	for (size_t i = 0; i < reader->streams->count; i++)
		if (reader->streams->streams[i]->layout.size + sizeof(struct slu_slot) >
		    reader->slot_size)
			return false;
	return true;
}

static bool read_schema(struct slu_reader *reader, const struct slu_file_header *header,
                        enum sluice_status *status, struct sluice_error *error)
{
	unsigned char *bytes = malloc(header->schema_size + 1);
	bool fine;

	if (bytes == NULL) {
		*status = sluice_error_set(error, SLUICE_FAILED, "no memory to read %s",
		                           reader->name);
		return false;
	}
	fine = read_or_judge(reader, bytes, header->schema_size, header->schema_offset, status,
	                     error);
	if (fine && slu_file_sum(bytes, header->schema_size) != header->schema_sum)
		fine = slu_reader_judge(reader, SLU_FILE_DAMAGED,
		                        "the checksum of its schema does not fit");
	if (fine) {
		reader->streams = slu_schema_read(bytes, header->schema_size);
		if (reader->streams == NULL)
			fine = slu_reader_judge(reader, SLU_FILE_DAMAGED,
			                        "its schema can't be read");
		else if (!records_fit_slots(reader))
			fine = slu_reader_judge(reader, SLU_FILE_DAMAGED,
			                        "its records are larger than its slots");
	}
	free(bytes);
	return fine;
}

/* ---- lanes ---- */

/* V3. When every slot is taken, the oldest is held unless it had been committed: before that nobody
 * may begin to fill it again. */
static void find_window(struct slu_reader *reader, struct slu_reader_lane *held)
{
	uint64_t behind = held->end > reader->slot_count ? held->end - reader->slot_count : 0;

	held->first = behind;
	if (held->end >= reader->slot_count && held->acknowledged > behind)
		held->first++;
}

/* V4, and the other way round: slots are filled again only after they were committed. */
static bool check_hints(struct slu_reader *reader, uint64_t lane, uint64_t seen)
{
	const struct slu_reader_lane *held = &reader->lanes[lane];
	uint64_t known = seen > held->acknowledged ? seen : held->acknowledged;

	if (known > held->end)
		return slu_reader_judge(reader, SLU_FILE_MISSING,
		                        "lane %" PRIu64 " ends at record %" PRIu64 ", but %" PRIu64
		                        " had been accepted: %" PRIu64 " are missing",
		                        lane, held->end, known, known - held->end);
	if (held->acknowledged < held->first)
		return slu_reader_judge(reader, SLU_FILE_DAMAGED,
		                        "lane %" PRIu64 " holds records from %" PRIu64
		                        " on, but only %" PRIu64 " had been committed",
		                        lane, held->first + 1, held->acknowledged);
	return true;
}

static bool judge_lane(struct slu_reader *reader, uint64_t lane, const unsigned char *slots,
                       const struct slu_lane_hint *hint)
{
	struct slu_reader_lane *held = &reader->lanes[lane];

	held->end = slu_window_end(reader, slots);
	held->acknowledged = atomic_load(&hint->acknowledged);
	if (held->end > SEQUENCE_MAX)
		return slu_reader_judge(reader, SLU_FILE_DAMAGED,
		                        "lane %" PRIu64 " has a sequence beyond all reason", lane);
	find_window(reader, held);
	if (!slu_window_check(reader, lane, slots) ||
	    !check_hints(reader, lane, atomic_load(&hint->seen)))
		return false;
	reader->records += held->end - held->acknowledged;
	return true;
}

static bool read_lanes(struct slu_reader *reader, const struct slu_file_header *header,
                       enum sluice_status *status, struct sluice_error *error)
{
	size_t size = reader->slot_count * reader->slot_size;
	unsigned char *slots = malloc(size);
	bool fine = true;

	reader->lanes = calloc(reader->lane_count, sizeof(*reader->lanes));
	if (slots == NULL || reader->lanes == NULL) {
		free(slots);
		*status = sluice_error_set(error, SLUICE_FAILED, "no memory to read %s",
		                           reader->name);
		return false;
	}
	for (uint64_t i = 0; i < reader->lane_count && fine; i++) {
		struct slu_lane_hint hint;

		fine = read_or_judge(reader, &hint, sizeof(hint),
		                     header->hints_offset + i * sizeof(hint), status, error) &&
		       read_or_judge(reader, slots, size,
		                     header->lanes_offset + i * header->lane_size, status, error) &&
		       judge_lane(reader, i, slots, &hint);
	}
	free(slots);
	return fine;
}

/* ---- open ---- */

static bool open_file(struct slu_reader *reader, const struct slu_directory *directory,
                      enum sluice_status *status, struct sluice_error *error)
{
	struct stat stat;

	reader->fd = reader->env->files->open_at(directory->fd, reader->name,
	                                         O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
	if (reader->fd < 0 && errno == ELOOP)
		return slu_reader_judge(reader, SLU_FILE_FOREIGN, "it is a link");
	if (reader->fd < 0 && errno == ENXIO)
		return slu_reader_judge(reader, SLU_FILE_FOREIGN, "it is no ordinary file");
	if (reader->fd < 0 || reader->env->files->stat(reader->fd, &stat) != 0) {
		*status = sluice_error_set(error, SLUICE_FAILED, "opening %s/%s: %s",
		                           directory->path, reader->name, strerror(errno));
		return false;
	}
	if (!S_ISREG(stat.st_mode) || stat.st_uid != geteuid())
		return slu_reader_judge(reader, SLU_FILE_FOREIGN,
		                        "it is not an ordinary file of this user");
	reader->file_size = (uint64_t)stat.st_size;
	return true;
}

static bool read_known(struct slu_reader *reader, const struct slu_file_header *header,
                       enum sluice_status *status, struct sluice_error *error)
{
	uint64_t known;

	if (!read_or_judge(reader, &known, sizeof(known), header->known_offset, status, error))
		return false;
	if (known > 1)
		return slu_reader_judge(
			reader, SLU_FILE_DAMAGED,
			"its note whether a database knows it is neither yes nor no");
	reader->known_to_sink = known == 1;
	return true;
}

enum sluice_status slu_reader_open(struct slu_reader *reader, const struct slu_directory *directory,
                                   const char *name, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	_Alignas(struct slu_file_header) unsigned char page[SLU_FILE_PAGE];
	struct slu_file_header header;

	memset(reader, 0, sizeof(*reader));
	reader->env = directory->env;
	reader->fd = -1;
	snprintf(reader->name, sizeof(reader->name), "%s", name);
	if (!open_file(reader, directory, &status, error) ||
	    !read_or_judge(reader, page, sizeof(page), 0, &status, error) ||
	    !check_header(reader, page, &header))
		return status;
	take_header(reader, &header);
	if (read_schema(reader, &header, &status, error) &&
	    read_known(reader, &header, &status, error))
		(void)read_lanes(reader, &header, &status, error);
	return status;
}

void slu_reader_close(struct slu_reader *reader)
{
	if (reader->fd >= 0 && reader->env != NULL)
		reader->env->files->close(reader->fd);
	reader->fd = -1;
	free((void *)reader->streams);
	free(reader->lanes);
	reader->streams = NULL;
	reader->lanes = NULL;
}

/* ---- fits, load ---- */

static bool same(const struct sluice_stream *a, const struct sluice_stream *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind &&
	       a->fingerprint == b->fingerprint && a->layout.size == b->layout.size &&
	       a->key_offset == b->key_offset && a->key_size == b->key_size;
}

bool slu_reader_fits(struct slu_reader *reader, const struct sluice_streams *streams)
{
	for (size_t i = 0; i < reader->streams->count; i++) {
		const struct sluice_stream *theirs = reader->streams->streams[i];
		bool found = false;

		for (size_t j = 0; j < streams->count && !found; j++)
			found = same(theirs, streams->streams[j]);
		if (!found)
			return slu_reader_judge(reader, SLU_FILE_OTHER_SCHEMA,
			                        "its stream %.63s is not one of this program's",
			                        theirs->name);
	}
	return true;
}

enum sluice_status slu_reader_load(struct slu_reader *reader, uint64_t lane, unsigned char *slots,
                                   struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	struct slu_reader_lane held = reader->lanes[lane];

	if (!read_or_judge(reader, slots, reader->slot_count * reader->slot_size,
	                   reader->lanes_offset + lane * reader->lane_size, &status, error) &&
	    status != SLUICE_OK)
		return status;
	if (reader->verdict != SLU_FILE_SOUND || slu_window_end(reader, slots) != held.end ||
	    !slu_window_check(reader, lane, slots))
		return sluice_error_set(error, SLUICE_INVALID, "%s has changed since it was judged",
		                        reader->name);
	return SLUICE_OK;
}
