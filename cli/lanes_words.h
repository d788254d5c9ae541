/* SPDX-License-Identifier: MIT */
/*
 * lanes_words.h - values in the words that Postgres has for them: what psql prints, in UTC, with
 * DateStyle ISO and IntervalStyle postgres.
 *
 * A float is the shortest text that reads back as the same value.
 */
#ifndef CLI_LANES_WORDS_H
#define CLI_LANES_WORDS_H

#include <sluice/stream.h>

#define SLU_WORDS_SIZE 96      /* bytes: no value needs more, with its terminator */
#define SLU_WORDS_SCALE_MAX 38 /* digits after the point of a decimal */

void slu_words_float4(char words[SLU_WORDS_SIZE], float value);
void slu_words_float8(char words[SLU_WORDS_SIZE], double value);
/* `scale` is at most SLU_WORDS_SCALE_MAX. */
void slu_words_decimal(char words[SLU_WORDS_SIZE], struct sluice_decimal value, unsigned scale);
void slu_words_timestamptz(char words[SLU_WORDS_SIZE], int64_t us);
void slu_words_timestamp(char words[SLU_WORDS_SIZE], int64_t us);
void slu_words_date(char words[SLU_WORDS_SIZE], int32_t days);
/* 0 to 24 hours. */
void slu_words_time(char words[SLU_WORDS_SIZE], int64_t us);
void slu_words_interval(char words[SLU_WORDS_SIZE], const struct sluice_interval *value);
/* `value` has family and bits that are possible. */
void slu_words_inet(char words[SLU_WORDS_SIZE], const struct sluice_inet *value);
void slu_words_uuid(char words[SLU_WORDS_SIZE], const struct sluice_uuid *value);

#endif
