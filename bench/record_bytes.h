/* SPDX-License-Identifier: MIT */
/* record_bytes.h - a record as what carries it sees it: some bytes, of one of a few sizes. For C
 * and C++. */
#ifndef BENCH_RECORD_BYTES_H
#define BENCH_RECORD_BYTES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rings by value want a type a size, and so each size is compiled on its own. 280 and 384 are the
 * sizes of an execution and of an order. */
#define SLU_RECORD_SIZES(X) X(64) X(128) X(256) X(280) X(384) X(512) X(1024)
#define SLU_RECORD_SIZE_MAX 1024

/* The sum of the record's 8-byte words. Everything that drains calls this, so that all read the
 * same bytes by the same code. */
uint64_t slu_record_sum(const void *record, size_t size);

#ifdef __cplusplus
}
#endif

#endif
