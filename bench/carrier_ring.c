/* SPDX-License-Identifier: MIT */
/* carrier_ring.c - a ring and the thread that drains it, the same for every ring. */
#include "bench/carrier.h"
#include "bench/ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PAIR 128

struct consumer {
	const struct slu_ring_ops *ops;
	void *ring;
	uint64_t poll_ns;
	pthread_t thread;
	uint64_t sum; /* read when the thread has ended */
	_Alignas(PAIR) _Atomic uint64_t taken;
	_Alignas(PAIR) _Atomic bool stop;
};

/* ---- drain ---- */

static void *consume(void *argument)
{
	struct consumer *consumer = argument;
	const struct timespec pause = {.tv_nsec = (long)consumer->poll_ns};
	uint64_t taken = 0;

	while (!atomic_load_explicit(&consumer->stop, memory_order_acquire)) {
		uint64_t count = consumer->ops->drain(consumer->ring, &consumer->sum);

		taken += count;
		/* For slu_carrier's wait: no ring needs it. */
		if (count > 0)
			atomic_store_explicit(&consumer->taken, taken, memory_order_release);
		if (consumer->poll_ns > 0)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static void wait(struct slu_carrier *carrier)
{
	struct consumer *consumer = carrier->keeper;

	while (atomic_load_explicit(&consumer->taken, memory_order_acquire) < carrier->put_count)
		slu_measure_rest();
}

static bool close_ring(struct slu_carrier *carrier)
{
	struct consumer *consumer = carrier->keeper;
	uint64_t taken, sum;

	wait(carrier);
	atomic_store_explicit(&consumer->stop, true, memory_order_release);
	pthread_join(consumer->thread, NULL);
	taken = atomic_load_explicit(&consumer->taken, memory_order_relaxed); /* it has ended */
	sum = consumer->sum;
	consumer->ops->close(consumer->ring);
	free(consumer);
	return taken == carrier->put_count && sum == carrier->put_sum;
}

/* ---- open ---- */

static const struct slu_ring_ops *find_ops(const struct slu_carrier *carrier)
{
	switch (carrier->plan.kind) {
	case SLU_COPY:
	case SLU_LOOKUP: /* copies into one */
		return slu_ring_copy(carrier->records.size);
	case SLU_SPSC:
		return slu_ring_spsc(carrier->records.size);
	case SLU_BOOST:
		return slu_ring_boost(carrier->records.size);
	case SLU_MOODYCAMEL:
		return slu_ring_moodycamel(carrier->records.size);
	case SLU_CK:
		return slu_ring_ck(carrier->records.size);
	default:
		return NULL;
	}
}

void slu_carrier_open_ring(struct slu_carrier *carrier)
{
	struct consumer *consumer = aligned_alloc(PAIR, sizeof(*consumer));

	if (consumer == NULL)
		slu_measure_fail("no memory for %s", carrier->name);
	memset(consumer, 0, sizeof(*consumer));
	consumer->ops = find_ops(carrier);
	if (consumer->ops == NULL)
		slu_measure_fail("%s: no ring for records of %zu bytes", carrier->name,
		                 carrier->records.size);
	consumer->ring = consumer->ops->open(carrier->plan.slots);
	if (consumer->ring == NULL)
		slu_measure_fail("no memory for a ring of %zu slots", carrier->plan.slots);
	consumer->poll_ns = carrier->plan.poll_ns;
	if (pthread_create(&consumer->thread, NULL, consume, consumer) != 0)
		slu_measure_fail("no thread for a ring's consumer");
	carrier->self = consumer->ring;
	carrier->keeper = consumer;
	carrier->burst = consumer->ops->burst;
	carrier->put = consumer->ops->put;
	carrier->wait = wait;
	carrier->close = close_ring;
	carrier->waits = true;
}
