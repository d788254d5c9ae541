/* SPDX-License-Identifier: MIT */
/*
 * lane.h - one engine thread hands records to the flusher.
 *
 * A bounded ring with a sequence in every slot: wait-free at both ends, allocates nothing after open.
 * A full lane refuses; it never waits or drops. Positions are 64-bit, count records, start at 0 and
 * never restart within a generation.
 *
 *      released           acknowledged           position
 *      (flusher)          (flusher)              (engine)
 *          v                  v                      v
 *   [free][ held by the cache ][ held by the sink   ][free][free]
 *
 * L1  position - released <= slot_count: both only grow; compare by difference.
 * L2  Slots in [released, position) are not written; all others are the engine's alone.
 * L3  The record at position p has sequence p + 1. A slot of an earlier lap holds a smaller one, so
 *     it never looks published.
 * L4  A slot belongs to the readers of its record until released: to the sink until its batch is
 *     acknowledged, then to whoever may still hold a pointer from the cache (grace.h).
 *
 * E1  slot.seq: release by commit -> acquire by the flusher's peek. Else it reads bytes that have
 *     not arrived.
 * E2  released: release by the flusher -> acquire by the engine's reserve. Else a slot is refilled
 *     while it is still read.
 * Proof: tests/order runs both ends under ThreadSanitizer, tests/explore in every order the two could
 * meet in; with E1 or E2 relaxed both must find the damage. tests/model/lane.pml kills the process at
 * every step, recoveries included.
 *
 * A lane's slots lie in memory that may be a file's (file/generation.h): no pointer is in them, and
 * what is committed there outlives the process.
 */
#ifndef SLU_LANE_H
#define SLU_LANE_H

#include "core/epoch.h"
#include "core/file/generation.h"

#include <stdatomic.h>

#define SLU_LANE_PREFETCH 8 /* slots: how far ahead of the engine lines are fetched for writing */
#define SLU_CACHE_LINE 64
#define SLU_SLOT_ALIGN 32 /* slots stand close: what a put costs is the lines it touches */

enum slu_slot_flag {
	SLU_SLOT_REMOVED = 1, /* the record is only a key: its row is to be deleted */
	SLU_SLOT_STALE = 2,   /* a newer version of the key had been given to the sink before */
};

/* 32 bytes, then the record. */
struct slu_slot {
	_Atomic uint64_t seq; /* the commit word: position + 1 once published */
	uint64_t version;     /* of the key; 0 in an append stream */
	uint64_t epoch;       /* the flush epoch at the put */
	uint32_t
		entry; /* the key's entry in its stream's cache; means nothing to another process */
	uint16_t length; /* bytes of the record in use */
	uint8_t stream;  /* index */
	/* Relaxed: written with the record, but for SLU_SLOT_STALE, which the flusher adds and no
	 * engine looks at. */
	_Atomic uint8_t flags;
	unsigned char record[];
};

_Static_assert(sizeof(struct slu_slot) == 32, "a slot's header is half a cache line");

static inline unsigned slu_slot_flags(const struct slu_slot *slot)
{
	return atomic_load_explicit(&slot->flags, memory_order_relaxed);
}

struct slu_holder; /* lease.c */
struct slu_lossy;  /* lossy.h */

struct sluice_lane {
	/* engine: written by the lane's owner only (open, close and attach exclude it) */
	_Alignas(SLU_PAIR) struct {
		_Atomic uint64_t position;
		_Atomic uint64_t
			claimed;     /* position + 1 while an append put fills that slot: grace.h */
		uint64_t room_until; /* where to look again at `released` and `refusal` */
		enum sluice_status refusal; /* why it takes nothing; SLUICE_OK: it may be full */
		_Atomic uint64_t section;   /* odd while its engine is in a call: grace.h */
		_Atomic uint64_t full;      /* puts refused for want of a slot, counted */
		_Atomic uint64_t keys_full; /* and for want of an entry for a new key */
		_Atomic uint32_t borrowed;  /* a shared lane: 1 while a call has it: lease.h */
		/* An open reserve: the key's entry and stream. */
		const struct sluice_stream *reserved;
		void *reserved_entry;
		uint64_t reserved_room_until;
	} engine;

	/* Entries for new keys that the engine has set aside, a few at a time, a pair a stream:
	 * cache.h. */
	_Alignas(SLU_PAIR) struct {
		uint32_t next, end;
	} spare[SLUICE_STREAMS_MAX];

	/* Records of lossy streams that were dropped, counted by stream. Written as `full` is. */
	_Alignas(SLU_PAIR) _Atomic uint64_t dropped[SLUICE_STREAMS_MAX];

	/* flusher: written by the flusher only */
	_Alignas(SLU_PAIR) struct {
		_Atomic uint64_t released;
		_Atomic uint64_t acknowledged; /* committed records are those of sequence <= this */
		_Atomic uint64_t replicated;   /* and on a standby: those up to this */
		uint64_t seen;      /* published up to here, as far as the flusher looked */
		uint64_t gathered;  /* given to the sink */
		uint64_t published; /* grace.h: the stages between acknowledged and released */
		uint64_t installed;
		uint64_t state_end; /* just past the last record of a state stream gathered */
		uint64_t hurry;     /* do not let records before this wait for company */
		bool high;          /* filled up to high_water: pressure.h */
	} flusher;

	/* shape: written at open, then only read, by both */
	_Alignas(SLU_PAIR) struct {
		struct sluice *owner;
		unsigned char *slots;
		uint64_t slot_mask;
		uint64_t slot_size;
		struct slu_lane_hint *hint; /* the flusher's, in the lanes' memory */
		struct slu_lossy *lossy;    /* the engine's; NULL: no stream drops */
		uint32_t index;
	} shape;

	/* whose it is: lease.h. Under the registry's lock */
	struct {
		struct slu_holder *holder;  /* the thread that leases it; NULL: nobody does */
		struct sluice_lane *next;   /* of the same holder */
		struct sluice_lane *handle; /* a shared lane: what sluice_shared gave for it */
	} lease;
};

/* The bytes of a slot for records of up to `record_size`. */
size_t slu_lane_slot_size(size_t record_size);

/* Makes a zeroed lane ready over `slots`, `slot_count` (a power of two) of `slot_size` bytes. It
 * refuses everything until it is leased. */
void slu_lane_init(struct sluice_lane *lane, uint32_t index, unsigned char *slots,
                   uint64_t slot_count, uint64_t slot_size, struct slu_lane_hint *hint);

/* From now on the lane answers `why` to its engine. The caller excludes the engine. */
void slu_lane_refuse(struct sluice_lane *lane, enum sluice_status why);
/* And from now on it takes records again. */
void slu_lane_admit(struct sluice_lane *lane);

static inline struct slu_slot *slu_lane_slot(const struct sluice_lane *lane, uint64_t position)
{
	return (struct slu_slot *)(lane->shape.slots +
	                           (position & lane->shape.slot_mask) * lane->shape.slot_size);
}

/* ---- engine ---- */

static inline uint64_t slu_lane_position(const struct sluice_lane *lane)
{
	/* Relaxed: the engine reads what it wrote itself. */
	return atomic_load_explicit(&lane->engine.position, memory_order_relaxed);
}

/* Looks at how far the flusher has released. Returns SLUICE_OK when there is room now, or why there
 * is none. */
enum sluice_status slu_lane_look_for_room(struct sluice_lane *lane);

/* Finds room for one record. The slot is the engine's until it commits; reserving again gives the
 * same slot. */
static inline enum sluice_status slu_lane_reserve(struct sluice_lane *lane, struct slu_slot **slot)
{
	uint64_t position = slu_lane_position(lane);

	if (__builtin_expect(position >= lane->engine.room_until, 0)) {
		enum sluice_status status = slu_lane_look_for_room(lane);

		if (status != SLUICE_OK)
			return status;
	}
	*slot = slu_lane_slot(lane, position);
	return SLUICE_OK;
}

/* Fetches a cache line in order to write it. Not __builtin_prefetch: unless the compiler may use
 * more than plain x86-64 that only reads, the line stays shared, and the write waits a second time.
 * A processor that does not know the instruction takes it for no operation. */
static inline void slu_lane_fetch(const char *line)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/* Fetches the lines of a slot that will be written soon: the write that waits for a line is what a put
 * costs. Only of slots that are surely free: a line that the flusher reads must not be pulled away
 * from it. And only as many as this record filled: the next ones are most often alike. */
static inline void slu_lane_fetch_ahead(const struct sluice_lane *lane, uint64_t position,
                                        size_t length)
{
	const char *ahead = (char *)slu_lane_slot(lane, position + SLU_LANE_PREFETCH);

	if (position + SLU_LANE_PREFETCH >= lane->engine.room_until)
		return;
	for (size_t line = 0; line < sizeof(struct slu_slot) + length; line += SLU_CACHE_LINE)
		slu_lane_fetch(ahead + line);
}

/* Publishes the slot at `position`, which holds `length` bytes. From here on it is accepted. */
static inline void slu_lane_commit_at(struct sluice_lane *lane, struct slu_slot *slot,
                                      uint64_t position, size_t length)
{
	atomic_store_explicit(&slot->seq, position + 1, memory_order_release); /* E1 */
	/* Release: whoever counts a record as accepted also sees it published. */
	atomic_store_explicit(&lane->engine.position, position + 1, memory_order_release);
	slu_lane_fetch_ahead(lane, position, length);
}

/* The same for a call that does not count instructions. */
static inline void slu_lane_commit(struct sluice_lane *lane, struct slu_slot *slot)
{
	slu_lane_commit_at(lane, slot, slu_lane_position(lane), slot->length);
}

/* ---- flusher ---- */

/* The slot at `position` if it is published, else NULL. */
static inline struct slu_slot *slu_lane_peek(const struct sluice_lane *lane, uint64_t position)
{
	struct slu_slot *slot = slu_lane_slot(lane, position);

	return atomic_load_explicit(&slot->seq, memory_order_acquire) == position + 1
	               ? slot
	               : NULL; /* E1 */
}

static inline void slu_lane_release(struct sluice_lane *lane, uint64_t until)
{
	atomic_store_explicit(&lane->flusher.released, until, memory_order_release); /* E2 */
}

#endif
