/* SPDX-License-Identifier: MIT */
/* budget.c - the calls that steer a running flusher: none of them is on the hot path. */
#include "core/budget.h"

#include "core/instance.h"
#include "core/options.h"

#include <sluice/sink.h>

void slu_budget_set(struct slu_budget *budget, const struct sluice_options *options)
{
	atomic_store_explicit(&budget->flush_delay, options->flush_delay, memory_order_relaxed);
	atomic_store_explicit(&budget->flush_rows, options->flush_rows, memory_order_relaxed);
	atomic_store_explicit(&budget->flush_bytes, options->flush_bytes, memory_order_relaxed);
	atomic_store_explicit(&budget->high_water, options->high_water, memory_order_relaxed);
}

static enum sluice_status adjust(struct sluice *sluice, const char *text,
                                 struct sluice_error *error)
{
	struct sluice_options options = sluice->options;
	enum sluice_status status = sluice_options_parse(&options, text, error);
	const char *fixed;

	if (status != SLUICE_OK)
		return status;
	fixed = slu_options_fixed(&sluice->options, &options);
	if (fixed != NULL)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "option %s is fixed when the instance is opened; "
		                        "flush_delay, flush_rows, flush_bytes and high_water can "
		                        "be adjusted",
		                        fixed);
	/* One by one: engines read their neighbours. */
	sluice->options.flush_delay = options.flush_delay;
	sluice->options.flush_rows = options.flush_rows;
	sluice->options.flush_bytes = options.flush_bytes;
	sluice->options.high_water = options.high_water;
	slu_budget_set(&sluice->flusher.budget, &options);
	return SLUICE_OK;
}

enum sluice_status sluice_adjust(struct sluice *sluice, const char *options,
                                 struct sluice_error *error)
{
	enum sluice_status status;

	if (sluice->gone == SLUICE_FORKED) /* the mutex may be held, for ever */
		return sluice_error_set(error, SLUICE_FORKED, "the instance is the parent's");
	pthread_mutex_lock(&sluice->mutex);
	status = sluice->gone == SLUICE_OK
	                 ? adjust(sluice, options, error)
	                 : sluice_error_set(error, sluice->gone, "the instance is closed");
	pthread_mutex_unlock(&sluice->mutex);
	return status;
}

static enum sluice_status hold(struct sluice *sluice, bool paused)
{
	if (sluice->gone == SLUICE_OK)
		atomic_store_explicit(&sluice->flusher.budget.paused, paused, memory_order_relaxed);
	return sluice->gone;
}

enum sluice_status sluice_pause(struct sluice *sluice)
{
	return hold(sluice, true);
}

enum sluice_status sluice_resume(struct sluice *sluice)
{
	return hold(sluice, false);
}
