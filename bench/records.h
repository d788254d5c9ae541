/* SPDX-License-Identifier: MIT */
/* records.h - what the latency benchmarks put: full records, each with its number in it, and keys
 * drawn evenly. */
#ifndef BENCH_RECORDS_H
#define BENCH_RECORDS_H

#include "bench/measure.h"

#include "trading.h"

#define SLU_RECORD_STRIDE 384 /* of a burst's records in memory: the largest kind */

enum slu_record_kind { SLU_RECORD_TEST, SLU_RECORD_EXECUTION, SLU_RECORD_ORDER };

/* A test record is 128 bytes without columns: only for sinks that look at none. */
extern const struct sluice_stream slu_test_stream;
extern const struct sluice_streams slu_test_streams;

/* Records of a burst, and where their numbers and keys come from. */
struct slu_records {
	enum slu_record_kind kind;
	size_t size;     /* bytes, all of them in use */
	uint64_t keys;   /* of orders */
	uint64_t number; /* of the last record made */
	uint64_t random; /* state */
	_Alignas(64) unsigned char bytes[SLU_MEASURE_BURST][SLU_RECORD_STRIDE];
};

void slu_records_init(struct slu_records *records, enum slu_record_kind kind, uint64_t keys);

/* New numbers; orders also get new keys. Leaves the records in this processor's cache, as if the
 * engine had just made them. */
void slu_records_renew(struct slu_records *records);

/* The id of order `key`, from 0. */
void slu_record_name(struct sluice_uuid *id, uint64_t key);

/* An evenly drawn number below `limit`. */
uint64_t slu_record_draw(uint64_t *random, uint64_t limit);

/* The sum of the record's 8-byte words. Everything that drains calls this, so that all read the
 * same bytes by the same code. */
static inline uint64_t slu_record_sum(const void *record, size_t size)
{
	const unsigned char *bytes = record;
	uint64_t sum = 0;

	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, 8);
		sum += word;
	}
	return sum;
}

#endif
