/* SPDX-License-Identifier: MIT */
/* commit_waiter.c - the engine that keeps a rate, and the thread that waits for its samples. */
#include "bench/commit_lag.h"

#include "bench/measure.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#define TICK_NS UINT64_C(200000) /* the engine wakes so often, and puts what is due */
#define TIMEOUT_NS sluice_seconds(60)

struct sample {
	struct sluice_ticket ticket;
	double put_seconds;
};

struct waiter {
	struct sluice *sluice;
	struct sample *samples; /* written by the engine before it posts `ready` */
	double *lags_us;
	size_t count;
	sem_t ready;
};

static void *wait_for_samples(void *argument)
{
	struct waiter *waiter = argument;

	for (size_t i = 0; i < waiter->count; i++) {
		enum sluice_status status;

		while (sem_wait(&waiter->ready) != 0)
			;
		status = sluice_wait(waiter->sluice, waiter->samples[i].ticket, SLUICE_COMMITTED,
		                     TIMEOUT_NS);
		if (status != SLUICE_OK)
			slu_measure_fail("sluice_wait: %s", sluice_status_name(status));
		waiter->lags_us[i] = (slu_measure_seconds() - waiter->samples[i].put_seconds) * 1e6;
	}
	return NULL;
}

static void put_one(const struct slu_lag_plan *plan, struct slu_commit_session *session,
                    struct waiter *waiter, size_t index)
{
	struct sample *sample = &waiter->samples[index / plan->stride];
	bool sampled = index % plan->stride == 0;
	enum sluice_status status;

	if (sampled)
		sample->put_seconds = slu_measure_seconds();
	status = slu_commit_put(plan->rows, session->lane, index, sampled ? &sample->ticket : NULL);
	if (status != SLUICE_OK)
		slu_measure_fail("put: %s", sluice_status_name(status));
	if (sampled)
		sem_post(&waiter->ready);
}

/* Returns the rate that was kept. */
static double put_all(const struct slu_lag_plan *plan, struct slu_commit_session *session,
                      struct waiter *waiter)
{
	struct timespec tick = {.tv_nsec = (long)TICK_NS};
	double began = slu_measure_seconds();
	size_t done = 0;

	while (done < plan->rows->count) {
		double due = (slu_measure_seconds() - began) * plan->rate;

		for (; done < plan->rows->count && (double)done < due; done++)
			put_one(plan, session, waiter, done);
		nanosleep(&tick, NULL);
	}
	return (double)done / (slu_measure_seconds() - began);
}

struct slu_lag_result slu_lag_measure(const struct slu_lag_plan *plan)
{
	struct waiter waiter = {.count = (plan->rows->count + plan->stride - 1) / plan->stride};
	struct slu_lag_result result = {.count = waiter.count};
	struct slu_commit_session session;
	struct sluice_options options;
	struct sluice_stats stats;
	pthread_t thread;

	slu_commit_options(plan->rows, &options);
	session = slu_commit_open(plan->rows, &options);
	waiter.sluice = session.sluice;
	waiter.samples = slu_measure_allocate(waiter.count, sizeof(*waiter.samples));
	waiter.lags_us = slu_measure_allocate(waiter.count, sizeof(*waiter.lags_us));
	if (sem_init(&waiter.ready, 0, 0) != 0 ||
	    pthread_create(&thread, NULL, wait_for_samples, &waiter) != 0)
		slu_measure_fail("no thread to wait for samples");
	result.rate = put_all(plan, &session, &waiter);
	pthread_join(thread, NULL);
	if (sluice_flush(session.sluice, TIMEOUT_NS) != SLUICE_OK)
		slu_measure_fail("not all was committed");
	sluice_stats(session.sluice, &stats);
	result.transactions = (double)stats.batches;
	result.told = stats.commit_lag;
	result.lags_us = waiter.lags_us;
	slu_commit_close(&session);
	sem_destroy(&waiter.ready);
	free(waiter.samples);
	return result;
}
