/* SPDX-License-Identifier: MIT */
/* reader.c - a file that somebody else may have written, read in pieces and believed in nothing. */
#include "core/file/reader.h"

#include "core/file/format.h"
#include "core/file/schema.h"
#include "core/file/system.h"
#include "core/lane.h"

#include <sluice/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_SIZE ((size_t)256 << 10)

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

__attribute__((format(printf, 3, 4))) static bool
judge(struct slu_reader *reader, enum slu_verdict verdict, const char *format, ...)
{
	va_list arguments;

	reader->verdict = verdict;
	va_start(arguments, format);
	vsnprintf(reader->reason, sizeof(reader->reason), format, arguments);
	va_end(arguments);
	return false;
}

/* All of it, or an error: 0 when the file is shorter. */
static ssize_t read_all(const struct slu_reader *reader, void *bytes, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = reader->env->files->read(reader->fd, (char *)bytes + done,
		                                       size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
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
		return judge(reader, SLU_FILE_TRUNCATED, "it ends before byte %" PRIu64,
		             offset + size);
	return true;
}

/* ---- header and schema ---- */

static bool check_header(struct slu_reader *reader, unsigned char *page,
                         struct slu_file_header *header)
{
	struct slu_file_header copy, expected;

	memcpy(header, page, sizeof(*header));
	if (memcmp(header->magic, SLU_FILE_MAGIC, sizeof(header->magic)) != 0)
		return judge(reader, SLU_FILE_FOREIGN, "it does not begin as a lane file does");
	if (header->order != SLU_FILE_ORDER)
		return judge(reader, SLU_FILE_OTHER_VERSION,
		             "it is of a machine with another byte order, or damaged");
	if (header->format != SLU_GENERATION_FORMAT)
		return judge(reader, SLU_FILE_OTHER_VERSION,
		             "it is of format %" PRIu64 ", and this program reads format %d",
		             header->format, SLU_GENERATION_FORMAT);
	copy = *header;
	copy.sum = 0;
	memcpy(page, &copy, sizeof(copy));
	if (slu_file_sum(page, SLU_FILE_PAGE) != header->sum)
		return judge(reader, SLU_FILE_DAMAGED, "the checksum of its header does not fit");
	expected = *header;
	if (!slu_file_lay_out(&expected) || expected.file_size != header->file_size ||
	    expected.lanes_offset != header->lanes_offset ||
	    expected.lane_size != header->lane_size ||
	    expected.hints_offset != header->hints_offset ||
	    expected.known_offset != header->known_offset ||
	    expected.schema_offset != header->schema_offset)
		return judge(reader, SLU_FILE_DAMAGED, "the sizes in its header don't fit");
	if (reader->file_size != header->file_size)
		return judge(reader,
		             reader->file_size < header->file_size ? SLU_FILE_TRUNCATED
		                                                   : SLU_FILE_DAMAGED,
		             "it has %" PRIu64 " bytes, and its header says %" PRIu64,
		             reader->file_size, header->file_size);
	return true;
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
		fine = judge(reader, SLU_FILE_DAMAGED, "the checksum of its schema does not fit");
	if (fine) {
		reader->streams = slu_schema_read(bytes, header->schema_size);
		if (reader->streams == NULL)
			fine = judge(reader, SLU_FILE_DAMAGED, "its schema can't be read");
	}
	free(bytes);
	return fine;
}

/* ---- slots ---- */

/* A slot's header as it is in the file. */
static void get_slot(struct slu_slot *slot, const struct slu_reader *reader,
                     const unsigned char *slots, uint64_t index)
{
	memcpy(slot, slots + index * reader->slot_size, sizeof(*slot));
}

/* What is wrong with a slot that is held; NULL: nothing. */
static const char *fault_of(const struct slu_reader *reader, const struct slu_slot *slot,
                            uint64_t epoch_before)
{
	const struct sluice_stream *stream;
	size_t key_end;

	if (slot->stream >= reader->streams->count)
		return "names a stream that is not there";
	stream = reader->streams->streams[slot->stream];
	key_end = stream->kind == SLUICE_STATE ? (size_t)stream->key_offset + stream->key_size : 0;
	if (slot->length > stream->layout.size || slot->length < key_end ||
	    slot->length + sizeof(*slot) > reader->slot_size)
		return "has a length that its stream does not allow";
	if ((slot->version != 0) != (stream->kind == SLUICE_STATE))
		return "has a version that its stream does not allow";
	if ((slu_slot_flags(slot) & ~(unsigned)(SLU_SLOT_REMOVED | SLU_SLOT_STALE)) != 0)
		return "has flags that mean nothing";
	if (slot->epoch < epoch_before)
		return "is stamped earlier than the one before it";
	return NULL;
}

static uint64_t largest_sequence(const struct slu_reader *reader, const unsigned char *slots)
{
	uint64_t largest = 0;

	for (uint64_t i = 0; i < reader->slot_count; i++) {
		struct slu_slot slot;

		get_slot(&slot, reader, slots, i);
		if (slot.seq > largest)
			largest = slot.seq;
	}
	return largest;
}

static bool check_window(struct slu_reader *reader, uint64_t lane, const unsigned char *slots)
{
	struct slu_reader_lane *held = &reader->lanes[lane];
	uint64_t mask = reader->slot_count - 1, epoch = 0;

	for (uint64_t p = held->first; p < held->end; p++) {
		struct slu_slot slot;
		const char *fault;

		get_slot(&slot, reader, slots, p & mask);
		if (slot.seq != p + 1)
			return judge(reader, SLU_FILE_HOLE,
			             "record %" PRIu64 " of lane %" PRIu64
			             " is not there, but %" PRIu64 " after it are",
			             p + 1, lane, held->end - p - 1);
		fault = fault_of(reader, &slot, epoch);
		if (fault != NULL)
			return judge(reader, SLU_FILE_DAMAGED,
			             "record %" PRIu64 " of lane %" PRIu64 " %s", p + 1, lane,
			             fault);
		epoch = slot.epoch;
	}
	/* What was never reached in the first lap was never written. */
	for (uint64_t i = held->end; i < reader->slot_count; i++) {
		struct slu_slot slot;

		get_slot(&slot, reader, slots, i);
		if (slot.seq != 0)
			return judge(reader, SLU_FILE_HOLE,
			             "slot %" PRIu64 " of lane %" PRIu64 " was never reached, but "
			             "is not empty",
			             i, lane);
	}
	return true;
}

static bool judge_lane(struct slu_reader *reader, uint64_t lane, const unsigned char *slots,
                       const struct slu_lane_hint *hint)
{
	struct slu_reader_lane *held = &reader->lanes[lane];
	uint64_t seen = atomic_load(&hint->seen), acknowledged = atomic_load(&hint->acknowledged);

	held->end = largest_sequence(reader, slots);
	if (held->end > UINT64_MAX / 2)
		return judge(reader, SLU_FILE_DAMAGED,
		             "lane %" PRIu64 " has a sequence beyond all reason", lane);
	/* V3: one slot less than there are. */
	held->first = held->end >= reader->slot_count ? held->end + 1 - reader->slot_count : 0;
	if (!check_window(reader, lane, slots))
		return false;
	if (seen > held->end || acknowledged > held->end)
		return judge(reader, SLU_FILE_MISSING,
		             "lane %" PRIu64 " ends at record %" PRIu64 ", but %" PRIu64
		             " had been accepted",
		             lane, held->end, seen > acknowledged ? seen : acknowledged);
	held->acknowledged = acknowledged;
	if (held->acknowledged < held->first)
		return judge(reader, SLU_FILE_DAMAGED,
		             "lane %" PRIu64 " holds records from %" PRIu64 " on, but only %" PRIu64
		             " had been committed",
		             lane, held->first + 1, acknowledged);
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
		return judge(reader, SLU_FILE_FOREIGN, "it is a link");
	if (reader->fd < 0 || reader->env->files->stat(reader->fd, &stat) != 0) {
		*status = sluice_error_set(error, SLUICE_FAILED, "opening %s/%s: %s",
		                           directory->path, reader->name, strerror(errno));
		return false;
	}
	if (!S_ISREG(stat.st_mode) || stat.st_uid != geteuid())
		return judge(reader, SLU_FILE_FOREIGN, "it is not an ordinary file of this user");
	reader->file_size = (uint64_t)stat.st_size;
	return true;
}

static bool read_known(struct slu_reader *reader, const struct slu_file_header *header,
                       enum sluice_status *status, struct sluice_error *error)
{
	uint64_t known;

	if (!read_or_judge(reader, &known, sizeof(known), header->known_offset, status, error))
		return false;
	reader->known_to_sink = known != 0;
	return true;
}

enum sluice_status slu_reader_open(struct slu_reader *reader, const struct slu_directory *directory,
                                   const char *name, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	unsigned char page[SLU_FILE_PAGE];
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
			return judge(reader, SLU_FILE_OTHER_SCHEMA,
			             "its stream %.63s is not one of this program's", theirs->name);
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
	if (reader->verdict != SLU_FILE_SOUND || largest_sequence(reader, slots) != held.end ||
	    !check_window(reader, lane, slots))
		return sluice_error_set(error, SLUICE_INVALID, "%s has changed since it was judged",
		                        reader->name);
	return SLUICE_OK;
}
