/* SPDX-License-Identifier: MIT */
/* query_parameters.h - a struct as the parameters of a prepared statement. */
#ifndef SINK_QUERY_PARAMETERS_H
#define SINK_QUERY_PARAMETERS_H

#include "sink/pg_value.h"
#include "sink/query_prepared.h"

enum { SLU_QUERY_BYTES_MAX = 0x3fffffff }; /* 1 GB: no message of the protocol's is larger */

/* As libpq takes them. */
struct slu_parameters {
	struct slu_buffer bytes;
	const char **values;
	int *sizes;
	int *formats;
	int count;
};

/* Room for the query's parameters, to be filled any number of times. Returns false when out of
 * memory; to be freed in any case. */
bool slu_parameters_init(struct slu_parameters *parameters, const struct sluice_query *query);
void slu_parameters_free(struct slu_parameters *parameters);

/* Fills them from `params`. Returns SLUICE_OK, SLUICE_INVALID, SLUICE_FAILED (memory). */
enum sluice_status slu_parameters_fill(struct slu_parameters *parameters,
                                       const struct slu_prepared *prepared, const void *params,
                                       struct sluice_error *error);

/* Puts parameter number `index`, from 0, as pg_value.h says. Returns as slu_value_put. */
enum sluice_status slu_parameter_put(struct slu_buffer *buffer, const struct slu_prepared *prepared,
                                     size_t index, const void *params, struct sluice_error *error);

/* Returns SLUICE_OK if the buffer is fine, else SLUICE_FAILED with `error`. */
enum sluice_status slu_parameters_check(const struct slu_buffer *buffer,
                                        const struct sluice_query *query,
                                        struct sluice_error *error);

#endif
