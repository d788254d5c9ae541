/* SPDX-License-Identifier: MIT */
/*
 * reader.h - what a run that has ended left in its file.
 *
 * Reads with bounded preads, never through a mapping, and believes nothing: every number is checked
 * before it is used. The slots of a lane are a window of consecutive records:
 *
 *      first                     end
 *        v                        v
 *      [ committed.. | pending.. ]   a slot that a put was filling when the process died still
 *                                    has an older sequence: it was never accepted
 *
 * V1  Position p is held when its slot's sequence is p + 1. `end` is the largest sequence in the
 *     lane.
 * V2  Every position from `first` to `end` is held; a slot never written has sequence 0, and lies
 *     behind `end` in the first lap. Anything else is a hole: one engine at a time fills a lane in
 *     order, so a hole is no trace of a crash.
 * V3  `first` is max(0, end - slot_count): a full lane has a record in every slot. Or the one
 *     after that, when the hint says that the oldest was committed: its slot is the one after
 *     `end`, which may be half filled. The hint is written before the slot is released, so what
 *     was not yet committed is never taken for half filled.
 * V4  A hint beyond `end`: records that had been accepted are missing.
 */
#ifndef SLU_FILE_READER_H
#define SLU_FILE_READER_H

#include "core/file/generation.h"

enum slu_verdict {
	SLU_FILE_SOUND,
	SLU_FILE_FOREIGN,       /* not a lane file: magic, name, owner or kind of file */
	SLU_FILE_OTHER_VERSION, /* of another format, or of a machine with another byte order */
	SLU_FILE_DAMAGED,       /* header, schema or a slot holds what was never written there */
	SLU_FILE_TRUNCATED,     /* shorter than its header says */
	SLU_FILE_HOLE,          /* V2 */
	SLU_FILE_MISSING,       /* V4 */
	SLU_FILE_OTHER_SCHEMA,  /* sound, but not of these streams; judged by slu_reader_fits */
};

/* "sound", "foreign".. for operators. */
const char *slu_verdict_name(enum slu_verdict verdict);

struct slu_reader_lane {
	uint64_t first;        /* the oldest position held, complete */
	uint64_t end;          /* just past the last */
	uint64_t acknowledged; /* the hint, at most `end` */
};

struct slu_reader {
	struct slu_env *env;
	char name[SLU_FILE_NAME_SIZE];
	int fd;
	enum slu_verdict verdict;
	char reason[240]; /* one sentence, unless sound: what, where, and how much is affected */

	/* as far as it could be read; zero otherwise */
	struct sluice_uuid generation;
	uint64_t format;
	uint64_t created_us; /* since 1970 */
	uint64_t pid;
	bool this_boot; /* made since the machine was started */
	bool known_to_sink;
	uint64_t first_version;
	uint64_t lane_count;
	uint64_t slot_count;
	uint64_t slot_size;
	uint64_t file_size;
	uint64_t lanes_offset;
	uint64_t lane_size;                   /* bytes from one lane to the next */
	const struct sluice_streams *streams; /* rebuilt from the file; without any SQL */
	struct slu_reader_lane *lanes;
	uint64_t records; /* held and not acknowledged by the hints, all lanes */
};

/* Reads and judges the file. Returns SLUICE_OK with a verdict, whatever that is; SLUICE_FAILED when
 * the system refused to read or had no memory. Close it in any case. */
enum sluice_status slu_reader_open(struct slu_reader *reader, const struct slu_directory *directory,
                                   const char *name, struct sluice_error *error);
void slu_reader_close(struct slu_reader *reader);

/* Whether its records are those of `streams`: every stream of the file by name, kind, fingerprint,
 * size and key. Sets verdict and reason if not. */
bool slu_reader_fits(struct slu_reader *reader, const struct sluice_streams *streams);

/* Copies the slots of `lane` as they lie in the file, slot_count * slot_size bytes, into `slots`.
 * SLUICE_INVALID when they are no longer what was judged. */
enum sluice_status slu_reader_load(struct slu_reader *reader, uint64_t lane, unsigned char *slots,
                                   struct sluice_error *error);

#endif
