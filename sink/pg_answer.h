/* SPDX-License-Identifier: MIT */
/*
 * pg_answer.h - what the server answers to the statements of a transaction, and what it means.
 *
 * Each is judged by the statement that it answers, the one that `answered` of the transaction names.
 */
#ifndef SINK_PG_ANSWER_H
#define SINK_PG_ANSWER_H

#include "sink/pg_transaction.h"

/* Judges the answer to a statement. SLU_PENDING: it is as it should be, and the next one's turn.
 * SLU_STOPPED: connection->trouble tells why. */
enum slu_progress slu_answer_judge(struct slu_transaction *transaction,
                                   struct slu_connection *connection, PGresult *result);

/* An error, or an answer that is none. Returns SLU_STOPPED. */
enum slu_progress slu_answer_fail(struct slu_transaction *transaction,
                                  struct slu_connection *connection, const PGresult *result);

#endif
