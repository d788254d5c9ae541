/* SPDX-License-Identifier: MIT */
/*
 * window.h - the records that a dead lane's slots hold: rules V1 and V2 of reader.h.
 *
 * `slots` is a copy of the lane's, all of it, as it lies in the file.
 */
#ifndef SLU_FILE_WINDOW_H
#define SLU_FILE_WINDOW_H

#include "core/file/reader.h"

#define SLU_VERSION_MAX ((uint64_t)INT64_MAX) /* a bigint in the database */

/* Gives the reader its verdict and the reason. Returns false, for who has nothing more to do. */
__attribute__((format(printf, 3, 4))) bool
slu_reader_judge(struct slu_reader *reader, enum slu_verdict verdict, const char *format, ...);

/* V1: the largest sequence. */
uint64_t slu_window_end(const struct slu_reader *reader, const unsigned char *slots);

/* V2, and what each record says of itself, from `first` to `end` of the reader's `lane`. Judges,
 * and returns false, when a slot is not what an engine has left there. */
bool slu_window_check(struct slu_reader *reader, uint64_t lane, const unsigned char *slots);

#endif
