/* SPDX-License-Identifier: MIT */
/* null.c - a sink that commits everything at once and keeps nothing: what the rest costs. */
#include <sluice/sink.h>

#include <stdlib.h>

struct null_sink {
	struct sluice_sink sink;
	uint64_t *positions; /* all 0: it has heard of no run */
	uint64_t committed;
	bool sealed;
};

static enum sluice_status null_start(struct sluice_sink *sink,
                                     const struct sluice_sink_setup *setup,
                                     struct sluice_error *error)
{
	(void)sink;
	(void)setup;
	(void)error;
	return SLUICE_OK;
}

static enum sluice_status null_begin(struct sluice_sink *sink,
                                     const struct sluice_generation *generation)
{
	struct null_sink *null = (struct null_sink *)sink;
	uint64_t *positions = calloc(generation->lane_count, sizeof(*positions));

	if (positions == NULL)
		return SLUICE_FAILED;
	free(null->positions);
	null->positions = positions;
	null->committed = 0;
	null->sealed = false;
	return SLUICE_OK;
}

static void null_seal(struct sluice_sink *sink)
{
	((struct null_sink *)sink)->sealed = true;
}

static enum sluice_status null_submit(struct sluice_sink *sink, const struct sluice_batch *batch)
{
	((struct null_sink *)sink)->committed = batch->number;
	return SLUICE_OK;
}

static void null_step(struct sluice_sink *sink, uint64_t now_ns,
                      struct sluice_sink_progress *progress)
{
	const struct null_sink *null = (const struct null_sink *)sink;

	(void)now_ns;
	*progress = (struct sluice_sink_progress){
		.state = SLUICE_STATE_RUNNING,
		.committed = null->committed,
		.positions = null->positions,
		.sealed = null->sealed,
		.ready = null->positions != NULL,
		.reason = "",
		.fd = -1,
		.wake_ns = UINT64_MAX,
	};
}

static void null_close(struct sluice_sink *sink)
{
	free(((struct null_sink *)sink)->positions);
	free(sink);
}

static const struct sluice_sink_ops null_ops = {
	.start = null_start,
	.begin = null_begin,
	.seal = null_seal,
	.submit = null_submit,
	.step = null_step,
	.close = null_close,
};

struct sluice_sink *sluice_null_open(void)
{
	struct null_sink *null = calloc(1, sizeof(*null));

	if (null == NULL)
		return NULL;
	null->sink.ops = &null_ops;
	return &null->sink;
}
