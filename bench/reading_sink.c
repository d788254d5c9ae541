/* SPDX-License-Identifier: MIT */
/* reading_sink.c - sums up what it is given. */
#include "bench/reading_sink.h"

#include "bench/records.h"

static enum sluice_status start(struct sluice_sink *sink, const struct sluice_sink_setup *setup,
                                struct sluice_error *error)
{
	(void)sink;
	(void)setup;
	(void)error;
	return SLUICE_OK;
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
	(void)now_ns;
	*progress = (struct sluice_sink_progress){
		.state = SLUICE_STATE_RUNNING,
		.committed = ((struct slu_reading_sink *)door)->committed,
		.ready = true,
		.reason = "",
		.fd = -1,
		.wake_ns = UINT64_MAX,
	};
}

static void close_sink(struct sluice_sink *sink)
{
	(void)sink;
}

static const struct sluice_sink_ops ops = {start, submit, step, close_sink};

void slu_reading_sink_init(struct slu_reading_sink *sink)
{
	*sink = (struct slu_reading_sink){.sink = {.ops = &ops}};
}
