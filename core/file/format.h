/* SPDX-License-Identifier: MIT */
/*
 * format.h - the first page of a lane file, and its sums.
 *
 * Numbers are of the machine that wrote them; `order` tells whether that is ours. Every byte of the
 * page that is not named is zero, and checked.
 */
#ifndef SLU_FILE_FORMAT_H
#define SLU_FILE_FORMAT_H

#include "core/file/directory.h"

#include <sluice/stream.h>

#define SLU_FILE_MAGIC "SLUILANE"
#define SLU_FILE_SUFFIX ".lanes"
#define SLU_FILE_PAGE 4096
#define SLU_FILE_PAGE_SIZE_MAX ((uint64_t)1 << 34) /* the largest huge pages there are */
#define SLU_FILE_ORDER 0x0102030405060708u
#define SLU_FILE_LANES_MAX 512
#define SLU_FILE_SLOTS_MAX ((uint64_t)1 << 24)
#define SLU_FILE_SLOT_SIZE_MAX 8192
#define SLU_FILE_SCHEMA_SIZE_MAX ((uint64_t)1 << 24)

struct slu_file_header {
	char magic[8];
	uint64_t format;
	uint64_t order;
	uint64_t page_size; /* what file_size is rounded up to */
	struct sluice_uuid generation;
	struct sluice_uuid boot; /* of the machine: its boot id */
	uint64_t created_us;
	uint64_t pid;
	uint64_t first_version;
	uint64_t lane_count;
	uint64_t slot_count;
	uint64_t slot_size;
	uint64_t schema_offset;
	uint64_t schema_size;
	uint64_t known_offset;
	uint64_t hints_offset;
	uint64_t lanes_offset;
	uint64_t lane_size;
	uint64_t file_size;
	uint32_t schema_sum; /* CRC32C */
	uint32_t sum;        /* of the page, with this field zero */
};

uint32_t slu_file_sum(const void *bytes, size_t size);

/* Fills every offset from the sizes. False when they are not possible. */
bool slu_file_lay_out(struct slu_file_header *header);

/* "<generation>.lanes" */
void slu_file_name(char name[SLU_FILE_NAME_SIZE], const struct sluice_uuid *generation);

/* Zeroes when the system does not tell. */
struct sluice_uuid slu_file_boot(void);

#endif
