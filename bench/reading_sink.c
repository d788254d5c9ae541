/* SPDX-License-Identifier: MIT */
/* reading_sink.c - sums up what it is given. */
#include "bench/reading_sink.h"

#include "bench/records.h"

#include <stdlib.h>

static enum sluice_status start(struct sluice_sink *sink, const struct sluice_sink_setup *setup,
                                struct sluice_error *error)
{
	(void)sink;
	(void)setup;
	(void)error;
	return SLUICE_OK;
}

static enum sluice_status begin(struct sluice_sink *door,
                                const struct sluice_generation *generation)
{
	struct slu_reading_sink *sink = (struct slu_reading_sink *)door;
	uint64_t *positions = calloc(generation->lane_count, sizeof(*positions));

	if (positions == NULL)
		return SLUICE_FAILED;
	free(sink->positions);
	sink->positions = positions;
	sink->committed = 0;
	sink->sealed = false;
	return SLUICE_OK;
}

static void seal(struct sluice_sink *door)
{
	((struct slu_reading_sink *)door)->sealed = true;
}

static enum sluice_status submit(struct sluice_sink *door, const struct sluice_batch *batch)
{
	struct slu_reading_sink *sink = (struct slu_reading_sink *)door;

	for (size_t p = 0; p < batch->part_count; p++)
		for (size_t i = 0; i < batch->parts[p].row_count; i++)
			sink->sum += slu_record_sum(batch->parts[p].rows[i].record,
			                            batch->parts[p].stream->layout.size);
	sink->rows += batch->row_count;
	sink->committed = batch->number;
	return SLUICE_OK;
}

static void step(struct sluice_sink *door, uint64_t now_ns, struct sluice_sink_progress *progress)
{
	const struct slu_reading_sink *sink = (const struct slu_reading_sink *)door;

	(void)now_ns;
	*progress = (struct sluice_sink_progress){
		.state = SLUICE_STATE_RUNNING,
		.committed = sink->committed,
		.positions = sink->positions,
		.sealed = sink->sealed,
		.ready = sink->positions != NULL,
		.reason = "",
		.fd = -1,
		.wake_ns = UINT64_MAX,
	};
}

static void close_sink(struct sluice_sink *door)
{
	struct slu_reading_sink *sink = (struct slu_reading_sink *)door;

	free(sink->positions);
	sink->positions = NULL;
}

static const struct sluice_sink_ops ops = {
	.start = start,
	.begin = begin,
	.seal = seal,
	.submit = submit,
	.step = step,
	.close = close_sink,
};

void slu_reading_sink_init(struct slu_reading_sink *sink)
{
	*sink = (struct slu_reading_sink){.sink = {.ops = &ops}};
}
