/* SPDX-License-Identifier: MIT */
/*
 * carrier.h - anything that takes records from the engine's thread to one on the other processor,
 * which reads every byte of them: Sluice, its peers, the plain copy.
 *
 *      open -> [put | burst | fill | wait | measure].. -> close
 *
 * close compares what came out with what went in and ends the program if they differ: a ring that
 * loses records is fast.  Thread: one, the engine's.
 */
#ifndef BENCH_CARRIER_H
#define BENCH_CARRIER_H

#include "bench/records.h"

enum slu_carrier_kind {
	SLU_NOTHING,    /* takes no record, and costs what measuring does */
	SLU_COPY,       /* a memcpy and a store: ring_copy.c */
	SLU_SPSC,       /* ring_spsc.c */
	SLU_BOOST,      /* peers.cc */
	SLU_MOODYCAMEL, /* peers.cc */
	SLU_CK,         /* ring_ck.c */
	SLU_SPDLOG,     /* logger.h; records of 128 bytes */
	SLU_LOOKUP,     /* carrier_lookup.c; orders */
	SLU_SLUICE,
};

struct slu_carrier_plan {
	enum slu_carrier_kind kind;
	enum slu_record_kind record;
	size_t size;      /* of a plain record, in bytes */
	size_t slots;     /* a power of two; of one lane */
	uint64_t keys;    /* of orders; every key has been put once when it is open */
	uint64_t poll_ns; /* how often the consumer looks; 0: it never rests, nor waits for a batch
	                     to grow */
	/* Sluice's: */
	size_t lanes;   /* 0 for 1; bursts go to one after the other */
	bool on_tmpfs;  /* option dir, in /dev/shm */
	bool null_sink; /* one that does not look at what it gets */
};

struct slu_carrier {
	const char *name;
	struct slu_carrier_plan plan;
	struct slu_records records; /* of the next burst */
	size_t burst_count;         /* how many of the last one went in */
	uint64_t put_count, put_sum;
	uint64_t refused; /* bursts, for want of a slot */

	/* How it does it. `self` is the putting end, `keeper` all the rest. */
	void *self, *keeper;
	size_t (*burst)(void *self, const unsigned char *records, size_t stride, size_t count);
	bool (*put)(void *self, const void *record);
	/* Called once, on the engine's processor; may be NULL. */
	void (*start)(struct slu_carrier *carrier);
	/* Until all that was put has been read. */
	void (*wait)(struct slu_carrier *carrier);
	/* The same, then frees all; returns whether what came out is what went in. */
	bool (*close)(struct slu_carrier *carrier);
	bool waits; /* before each burst: what it is may not be driven into a full ring */
};

/* `name` is for errors. The consumer runs on the other processor, the caller from now on on the
 * engine's. */
struct slu_carrier *slu_carrier_open(const struct slu_measure *measure, const char *name,
                                     const struct slu_carrier_plan *plan);

/* Takes a copy of the record, or returns false: no room. The caller counts it, with
 * slu_carrier_count. */
static inline bool slu_carrier_put(struct slu_carrier *carrier, const void *record)
{
	return carrier->put(carrier->self, record);
}

static inline void slu_carrier_count(struct slu_carrier *carrier, const void *record)
{
	carrier->put_count++;
	carrier->put_sum += slu_record_sum(record, carrier->records.size);
}

/* Puts `count` records as fast as there is room. */
void slu_carrier_fill(struct slu_carrier *carrier, uint64_t count);

/* Measures `count` bursts, `pause_ns` apart, into `row`; NULL: to warm up. */
void slu_carrier_measure(struct slu_carrier *carrier, struct slu_measure *measure,
                         struct slu_measure_row *row, size_t count, uint64_t pause_ns);

/* Waits until all has come out, and checks it. Returns how many bursts were refused. */
uint64_t slu_carrier_close(struct slu_carrier *carrier);

/* ---- how each kind opens: called by slu_carrier_open, on the consumer's processor ---- */

void slu_carrier_open_ring(struct slu_carrier *carrier);
void slu_carrier_open_lookup(struct slu_carrier *carrier);
void slu_carrier_open_logger(struct slu_carrier *carrier);
void slu_carrier_open_sluice(struct slu_carrier *carrier);

#endif
