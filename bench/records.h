/* SPDX-License-Identifier: MIT */
/* records.h - what the latency benchmarks put: full records, each with its number in it, and keys
 * drawn evenly. */
#ifndef BENCH_RECORDS_H
#define BENCH_RECORDS_H

#include "bench/measure.h"
#include "bench/record_bytes.h"

#include "trading.h"

/* A plain record is a number and some bytes, of any of SLU_RECORD_SIZES. */
enum slu_record_kind { SLU_RECORD_PLAIN, SLU_RECORD_EXECUTION, SLU_RECORD_ORDER };

/* Records of a burst, and where their numbers and keys come from. */
struct slu_records {
	enum slu_record_kind kind;
	size_t size;     /* bytes, all of them in use */
	size_t stride;   /* from one record of the burst to the next: they stand side by side */
	uint64_t keys;   /* of orders */
	uint64_t number; /* of the last record made */
	uint64_t random; /* state */
	_Alignas(64) unsigned char bytes[SLU_MEASURE_BURST * SLU_RECORD_SIZE_MAX];
};

/* `size` counts for plain records only, `keys` for orders only. */
void slu_records_init(struct slu_records *records, enum slu_record_kind kind, size_t size,
                      uint64_t keys);

/* New numbers; orders also get new keys. Leaves the records in this processor's cache, as if the
 * engine had just made them. */
void slu_records_renew(struct slu_records *records);

static inline void *slu_records_at(struct slu_records *records, size_t index)
{
	return records->bytes + index * records->stride;
}

/* The stream of the records, alone in its set; that of plain ones has no columns: only for sinks
 * that look at none. */
const struct sluice_stream *slu_records_stream(enum slu_record_kind kind, size_t size);
const struct sluice_streams *slu_records_streams(enum slu_record_kind kind, size_t size);

/* The id of order `key`, from 0. */
void slu_record_name(struct sluice_uuid *id, uint64_t key);

/* An evenly drawn number below `limit`. */
uint64_t slu_record_draw(uint64_t *random, uint64_t limit);

#endif
