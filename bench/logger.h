/* SPDX-License-Identifier: MIT */
/*
 * logger.h - what people do today: spdlog's asynchronous logger, blocking when its queue is full.
 * For C and C++.
 *
 * A put formats a record of 128 bytes, its number as 16 hexadecimal digits and the rest as text, on
 * the engine's thread; spdlog's thread hands the 136 characters to a sink that reads them back. It
 * formats no time and writes no file.
 */
#ifndef BENCH_LOGGER_H
#define BENCH_LOGGER_H

#include "bench/record_bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLU_LOGGER_RECORD_SIZE 128

struct slu_logger;

/* Its thread is started by, and so on the processor of, the calling thread. NULL: no memory, no
 * thread. */
struct slu_logger *slu_logger_open(size_t slots);

/* Waits while there is no room. */
void slu_logger_put(struct slu_logger *logger, const void *record);

/* How many records its thread has read, and the sum of all of them. */
uint64_t slu_logger_count(const struct slu_logger *logger);
uint64_t slu_logger_sum(const struct slu_logger *logger);

void slu_logger_close(struct slu_logger *logger);

#ifdef __cplusplus
}
#endif

#endif
