/* SPDX-License-Identifier: MIT */
/* carrier_logger.c - spdlog as a carrier. */
#include "bench/carrier.h"
#include "bench/logger.h"

static bool put(void *self, const void *record)
{
	slu_logger_put(self, record);
	return true;
}

static size_t burst(void *self, const unsigned char *records, size_t stride, size_t count)
{
	for (size_t i = 0; i < count; i++)
		slu_logger_put(self, records + i * stride);
	return count;
}

static void wait(struct slu_carrier *carrier)
{
	while (slu_logger_count(carrier->self) < carrier->put_count)
		slu_measure_rest();
}

static bool close_logger(struct slu_carrier *carrier)
{
	bool whole;

	wait(carrier);
	whole = slu_logger_count(carrier->self) == carrier->put_count &&
	        slu_logger_sum(carrier->self) == carrier->put_sum;
	slu_logger_close(carrier->self);
	return whole;
}

void slu_carrier_open_logger(struct slu_carrier *carrier)
{
	if (carrier->records.size != SLU_LOGGER_RECORD_SIZE)
		slu_measure_fail("the logger takes records of %d bytes", SLU_LOGGER_RECORD_SIZE);
	carrier->self = slu_logger_open(carrier->plan.slots);
	if (carrier->self == NULL)
		slu_measure_fail("spdlog can't be started");
	carrier->burst = burst;
	carrier->put = put;
	carrier->wait = wait;
	carrier->close = close_logger;
}
