/* SPDX-License-Identifier: MIT */
/*
 * rows.h - what a message makes of the rows: the engine's business logic, without Sluice.
 *
 *      message              order row                                       execution row
 *      submission           opened: ACK
 *      partial cancel       quantity falls
 *      deletion             CANCELLED
 *      execution            filled_quantity grows: PARTIAL, then FILLED     one, of the order
 *      hidden execution                                                     one, of no order
 *
 * An order that is first seen through a later message says so in its metadata. How large it was is
 * unknown, so its quantity counts what has been seen, and it never becomes FILLED.
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "cli/day.h"

#include "trading.h"

/* Which rows a message is about. Filled by slu_row_names. */
struct slu_row_names {
	const struct slu_source *source;
	struct sluice_uuid order_id;
	char client_order_id[SLU_NAME_SIZE_MAX];
	char execution_id[SLU_NAME_SIZE_MAX];
	size_t client_order_id_size;
	size_t execution_id_size;
};

/* `provider`: slu_order_namespace of the source's alias; `repeat` counts from 0 within the run. */
void slu_row_names(struct slu_row_names *names, const struct slu_source *source,
                   struct slu_order_namespace provider, const struct slu_message *message,
                   uint64_t repeat);

/* The order as it is before `message`, the first that is seen of it. */
void slu_order_row_open(struct trading_order *order, const struct slu_row_names *names,
                        const struct slu_message *message);
/* The order after `message`. */
void slu_order_row_move(struct trading_order *order, const struct slu_message *message);

void slu_execution_row(struct trading_execution *execution, const struct slu_row_names *names,
                       const struct slu_message *message);

#endif
