/* SPDX-License-Identifier: MIT */
/*
 * names.h - what the demo's rows are called. The same input gives the same names, in every run.
 *
 *      provider         lobster:<file stem>, or demo
 *      client_order_id  <order>       in repetition 0, <order>/<repeat> in the others
 *      execution_id     <stem>:<line> in repetition 0, <stem>:<line>/<repeat> in the others
 *      orders.id        a version 8 UUID (RFC 9562): 122 bits of the 128-bit FNV-1a hash of the
 *                       provider's alias, a zero byte, and the client_order_id
 *
 * The hash keeps different names apart by chance alone: 2^-122 a pair. It is no protection against
 * somebody who chooses names to collide.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <sluice/stream.h>

#define SLU_STEM_SIZE_MAX 20 /* of execution_id: longer stems are cut, their provider differs */
#define SLU_INSTRUMENT_SIZE_MAX 23
#define SLU_REPEAT_MAX UINT64_C(999999999999) /* so that every execution_id fits its column */
#define SLU_NAME_SIZE_MAX 47                  /* of client_order_id and execution_id, in bytes */

/* These write at most SLU_NAME_SIZE_MAX bytes and return how many; without a terminator. `stem` has
 * at most SLU_STEM_SIZE_MAX bytes, `repeat` is at most SLU_REPEAT_MAX. */
size_t slu_client_order_id(char *text, uint64_t order, uint64_t repeat);
size_t slu_execution_id(char *text, const char *stem, uint32_t number, uint64_t repeat);

struct slu_order_namespace {
	__extension__ unsigned __int128 hash;
};

/* What the ids of all orders of a provider begin with. */
struct slu_order_namespace slu_order_namespace(const char *alias);
struct sluice_uuid slu_order_uuid(struct slu_order_namespace provider, const char *client_order_id,
                                  size_t size);

#endif
