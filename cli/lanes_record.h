/* SPDX-License-Identifier: MIT */
/* lanes_record.h - the records of a file, lane by lane, each lane in its order. */
#ifndef CLI_LANES_RECORD_H
#define CLI_LANES_RECORD_H

#include "core/file/reader.h"

struct slu_lanes_record {
	uint64_t lane;
	uint64_t sequence; /* 1, 2, 3.. within its lane */
	const struct sluice_stream *stream;
	uint64_t version;
	bool removed;      /* only the key is filled */
	bool acknowledged; /* by the hints: the database may be a little ahead of them */
	/* layout.size bytes, and some more; zeros where the put had none. */
	const unsigned char *bytes;
};

/* Calls `visit` with every record that the file holds, until it returns false. Returns SLUICE_OK;
 * SLUICE_FAILED with `error` when the system refused, or the file is not what it was when it was
 * judged. */
enum sluice_status slu_lanes_walk(struct slu_reader *reader,
                                  bool (*visit)(void *context,
                                                const struct slu_lanes_record *record),
                                  void *context, struct sluice_error *error);

#endif
