/* SPDX-License-Identifier: MIT */
/*
 * sluice.h - the engine's side: hand records over, read them back, learn when Postgres has them.
 *
 *      engine threads             one flusher thread              sink
 *      put ----> lane ----------> batch ----------------------> Postgres
 *      get <---- cache            committed <------------------ acknowledged
 *
 * Promised:
 *   - put and get make no system call, allocate nothing, take no lock and wait for nobody.
 *   - What put accepted is in the database exactly once when it is `committed`.
 *   - get returns the newest accepted version of a key, whichever thread put it.
 *   - Every transaction holds, with a record, all that happened before it on any lane.
 *   - accepted = committed + coalesced + dead_lettered + dropped + pending, at any moment.
 *   - With option `dir`: what put accepted survives the death of the process, by any signal at any
 *     instruction. The next run on that directory carries it, once, before anything newer.
 * Not promised:
 *   - Surviving the machine: a kernel crash or a loss of power takes what sluice_stats calls
 *     pending. Without `dir`, so does the end of the process.
 *
 * Who may run at the same time on one instance:
 *
 *                                            hot   wait   attach   close
 *   hot     put get reserve commit remove
 *           warm                              1     -       -        X     - freely
 *   wait    wait flush stats adjust pause     -     -       -        X     1 one thread a lane
 *   attach  attach detach shared              -     -       -        X     X the caller excludes
 *   close   open close                        X     X       X        X
 *
 * A forked child owns nothing here: calls on an instance inherited through fork return
 * SLUICE_FORKED. Durations are uint64_t nanoseconds; sluice_ms() and sluice_seconds() make them.
 */
#ifndef SLUICE_SLUICE_H
#define SLUICE_SLUICE_H

#include <sluice/stream.h>

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#define SLUICE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SLUICE_API
#define SLUICE_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_VERSION_STRING "0.1.0"
#define SLUICE_TEXT_OPTION_SIZE 256 /* bytes of an option that is a text, with its terminator */

/* Outcomes to expect, then misuse, then failures. Their names: sluice_status_name(). */
enum sluice_status {
	SLUICE_OK = 0,
	SLUICE_MISS,     /* the key is not in the cache, or was removed */
	SLUICE_FULL,     /* no slot in the lane, or no entry for a new key; nothing changed */
	SLUICE_CONFLICT, /* put_if: it has another version; warm: it is known; nothing changed */
	SLUICE_DROPPED,  /* of a lossy stream whose share of the lane is taken: gone, counted */
	SLUICE_UNREPLICATED, /* wait: committed, but no standby is known to have it */
	SLUICE_TIMEOUT,      /* the time was up first; what was asked for goes on */
	SLUICE_BUSY,         /* the lane has an open reserve, or this call interrupts one on it */
	SLUICE_TOO_LONG,     /* the record is longer than its stream allows; nothing changed */
	SLUICE_UNATTACHED,   /* no lane, or a lane already detached */
	SLUICE_CLOSED,       /* after sluice_close */
	SLUICE_FORKED,       /* in a forked child */
	SLUICE_INVALID,      /* an argument or an option is wrong; the error names it */
	SLUICE_HALTED,       /* the sink waits for an operator; stats tell why */
	SLUICE_FAILED,       /* the system refused memory or a thread; the error names it */
};

struct sluice;
struct sluice_lane;
struct sluice_sink;

/* Filled by calls that fail, if given: the status, and a sentence with cause and remedy. */
struct sluice_error {
	enum sluice_status status;
	char message[508];
};

/* Which record: number `sequence` (1, 2, 3..) of lane `lane`. */
struct sluice_ticket {
	uint32_t lane;
	uint32_t reserved;
	uint64_t sequence;
};

enum sluice_level {
	SLUICE_COMMITTED = 1, /* in the database, as durable as that server is; as a dead letter, if
	                         its table refuses it */
	SLUICE_REPLICATED, /* and a synchronous standby has confirmed it, as synchronous_commit and
	                      synchronous_standby_names of that server ask for */
};

/* What an accepted record survives before it is committed. */
enum sluice_durability {
	SLUICE_MEMORY = 1, /* the sink's troubles, while the process lives */
	SLUICE_PROCESS, /* also the death of the process, by any signal at any instruction; not the
	                      machine's. Lanes in files: option `dir` */
};

/* What open does about a former run's file that can't be carried (sluice_open). */
enum sluice_on_damage {
	SLUICE_ON_DAMAGE_REFUSE = 0,
	SLUICE_ON_DAMAGE_QUARANTINE = 1,
};

/* What open does about a sound file that was made before the machine was started. */
enum sluice_after_reboot {
	SLUICE_AFTER_REBOOT_REFUSE = 0,
	SLUICE_AFTER_REBOOT_CARRY = 1,
};

enum sluice_connect {
	SLUICE_CONNECT_WAIT = 0,       /* open waits for the sink, at most `connect_timeout` */
	SLUICE_CONNECT_BACKGROUND = 1, /* open returns at once; lanes take what comes */
};

/* A lane that fills up, or has emptied. */
struct sluice_pressure {
	uint32_t lane;
	bool high;
	uint64_t depth; /* slots in use */
	uint64_t slots; /* of the lane */
};

/* Every option, as key=value in sluice_open's text and as a member here. Defaults, bounds and
 * meaning: sluice_options_describe. */
struct sluice_options {
	uint64_t lanes;
	uint64_t shared_lanes;
	uint64_t lane_slots;
	uint64_t keys;
	uint64_t flush_delay;
	uint64_t flush_rows;
	uint64_t flush_bytes;
	uint64_t in_flight_batches;
	uint64_t high_water;
	uint64_t connect;
	uint64_t connect_timeout;
	uint64_t on_damage;
	uint64_t after_reboot;
	uint64_t lock_memory;
	uint64_t lossy_share;
	char overflow[SLUICE_TEXT_OPTION_SIZE];
	char dir[SLUICE_TEXT_OPTION_SIZE];
	/* Only here: called by the flusher thread, and by sluice_open while it waits, with one line
	 * for an operator. Must not block, nor call Sluice. No row contents and no secrets are in
	 * it. */
	void (*log)(void *context, const char *line);
	void *log_context;
	/* Only here: called by the flusher thread when a lane has filled up to `high_water`, and
	 * when it is below half of that again. Must not block, nor call Sluice. */
	void (*pressure)(void *context, const struct sluice_pressure *pressure);
	void *pressure_context;
};

/* Where every accepted record is. The first is the sum of the others. */
struct sluice_account {
	uint64_t accepted;
	uint64_t committed;
	uint64_t coalesced; /* an older version of a key, never sent because a newer one was */
	uint64_t
		dead_lettered; /* refused by the sink, and kept for an operator: sluice.dead_letter */
	uint64_t dropped;      /* of lossy streams: SLUICE_DROPPED */
	uint64_t pending;
};

enum sluice_state {
	SLUICE_STATE_CONNECTING = 1, /* to the sink, for the first time or again */
	SLUICE_STATE_RUNNING,
	SLUICE_STATE_HALTED, /* needs an operator: `reason` tells */
	SLUICE_STATE_CLOSED,
	SLUICE_STATE_FENCED, /* as HALTED, and for good: another process carries this run on */
};

/* A latency distribution; the values are at most 1/64 above the true ones. */
struct sluice_latency {
	uint64_t count;
	uint64_t p50_ns;
	uint64_t p99_ns;
	uint64_t max_ns;
};

/* What former runs left in `dir`, and what has become of it. `account` is theirs: its `accepted`
 * are the records found. */
struct sluice_former {
	struct sluice_account account;
	uint64_t files;       /* found at open */
	uint64_t files_left;  /* not yet carried and removed */
	uint64_t quarantined; /* set aside by this run: on_damage=quarantine */
};

struct sluice_stats {
	struct sluice_account account;
	/* The same of each stream, at its index: accepted is what the flusher has seen in the lanes
	 * so far, some 50 us behind. */
	struct sluice_account streams[SLUICE_STREAMS_MAX];
	struct sluice_former former;
	enum sluice_durability durability;
	enum sluice_state state;
	uint64_t state_since_ns;    /* how long it has been so */
	uint64_t lane_depth;        /* slots in use, all lanes: pending, or not yet released */
	uint64_t lane_depth_max;    /* in the fullest lane */
	uint64_t lane_slots;        /* slots of one lane */
	uint64_t high_lanes;        /* that have filled up to high_water, and not emptied since */
	uint64_t high_times;        /* how often a lane did */
	uint64_t oldest_pending_ns; /* age of the oldest pending record, 0 when there is none */
	struct sluice_latency commit_lag; /* accepted to committed, since open */
	uint64_t full;                    /* calls refused with SLUICE_FULL: no slot or lane, */
	uint64_t keys_full;               /* or no entry for a new key */
	uint64_t keys;                    /* entries taken for keys; a lane takes 16 at a time */
	uint64_t batches;                 /* committed transactions */
	uint64_t reconnects;              /* connections lost and made again */
	uint64_t halted_streams;          /* all of whose records become dead letters for now */
	uint64_t unreplicated; /* batches whose wait for a synchronous standby was given up */
	uint64_t grace_periods;
	/* An engine that has been in the middle of a call for `stalled_ns` while the flusher waits
	 * for it to release slots, and its lane. 0 while none is. */
	uint64_t stalled_ns;
	uint32_t stalled_lane;
	bool paused;             /* by sluice_pause */
	uint64_t flush_delay_ns; /* the present budget: sluice_adjust */
	uint64_t flush_rows;
	uint64_t flush_bytes;
	char reason[256]; /* the sink's last trouble, "" if none */
};

struct sluice_report {
	struct sluice_account account;
	struct sluice_account streams[SLUICE_STREAMS_MAX]; /* by index; they add up to `account` */
	struct sluice_former former;
	uint64_t kept; /* of `pending`: in `dir`, for the next run */
	uint64_t lost; /* of `pending`: not in `dir`, because there is none */
	uint64_t elapsed_ns;
	char reason[256]; /* why `pending` is not 0, "" when it is */
};

static inline uint64_t sluice_us(uint64_t microseconds)
{
	return microseconds * 1000;
}

static inline uint64_t sluice_ms(uint64_t milliseconds)
{
	return milliseconds * 1000000;
}

static inline uint64_t sluice_seconds(uint64_t seconds)
{
	return seconds * 1000000000;
}

/* ---- open ---- */

/* Sets every option to its default. */
SLUICE_API void sluice_options_init(struct sluice_options *options);

/* Reads `text`, key=value pairs between blanks, quoted as in a libpq conninfo: "lanes=4
 * flush_delay=2ms". Durations take us, ms, s, min; sizes take kB, MB, GB. Returns SLUICE_OK, or
 * SLUICE_INVALID with `error` naming the key, its bounds, and for an unknown key the nearest one;
 * then `options` is unchanged. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_options_parse(struct sluice_options *options, const char *text, struct sluice_error *error);

/* One row of the option table. */
struct sluice_option_description {
	const char *key;
	const char *fallback; /* the default */
	char bounds[96];
	const char *meaning;
	bool live; /* sluice_adjust may change it */
};
/* Describes option number `index`, from 0. Returns false past the end. */
SLUICE_API bool sluice_options_describe(size_t index,
                                        struct sluice_option_description *description);

/* Opens an instance that carries `streams` into `sink`, and starts its flusher thread. Owns the
 * sink from here on, also when it fails. `streams` must outlive the instance. Allocates and touches
 * all memory that put and get will use.
 *
 * With option `dir`, what former runs left there is read first: the newest pending value of each key
 * can be got at once, new records may be put at once, and the flusher carries the old ones to the
 * sink before them (sluice_stats.former). A file that is damaged, of other streams,
 * or from before the machine was started, is never skipped in silence: open refuses and names it,
 * or does what on_damage and after_reboot say.
 *
 * Returns NULL with `error` filled: SLUICE_INVALID, SLUICE_BUSY (another process holds the directory;
 * the error tells its pid), SLUICE_FAILED, SLUICE_TIMEOUT (the sink did not answer), SLUICE_HALTED (it
 * refused). */
SLUICE_API SLUICE_MUST_CHECK struct sluice *sluice_open(struct sluice_sink *sink,
                                                        const struct sluice_streams *streams,
                                                        const char *options,
                                                        struct sluice_error *error);
SLUICE_API SLUICE_MUST_CHECK struct sluice *sluice_open_with(struct sluice_sink *sink,
                                                             const struct sluice_streams *streams,
                                                             const struct sluice_options *options,
                                                             struct sluice_error *error);

/* ---- attach ---- */

#define SLUICE_CPU_CURRENT (-1)

/* Leases a free lane to the calling thread, which owns it until it detaches or ends. `cpu` picks
 * the lane by core; a wrong core costs locality, never correctness: detach and attach again to
 * move. Returns NULL with SLUICE_FULL when every lane is leased, SLUICE_CLOSED, SLUICE_FORKED,
 * SLUICE_INVALID, or SLUICE_FAILED.  Thread: any; not in a signal handler. */
SLUICE_API SLUICE_MUST_CHECK struct sluice_lane *sluice_attach(struct sluice *sluice, int cpu,
                                                               struct sluice_error *error);

/* Gives the lane back. What it holds is still carried to the sink. A thread's end does the same
 * with all that it leases, however it ends (returns, pthread_exit, cancelled), and cancels an open
 * reserve. Returns SLUICE_BUSY with a reserve open, SLUICE_INVALID for the handle of shared lanes.
 * Thread: the owner. Or another, that speaks for an owner which makes no call on the lane now and
 * none later: then an open reserve is cancelled. Not in a signal handler. */
SLUICE_API enum sluice_status sluice_detach(struct sluice_lane *lane);

/* For threads that don't attach, because they are many, short-lived or not the caller's own, and
 * for signal handlers: a handle that any number of them may use at the same time, with put, put_if,
 * remove and get. Each call borrows one of the `shared_lanes` for its duration and waits for
 * nobody: if all of them are borrowed, or full, it returns SLUICE_FULL, counted in
 * sluice_stats.full; with overflow=block(..) a put waits as on a full lane. Dearer than a lane of
 * one's own by two atomic writes to lines that other cores may hold. Records that one thread puts
 * may pass through several lanes: their order is kept only key by key (state streams) and between
 * transactions. Tickets name the lane that was borrowed. reserve returns SLUICE_INVALID: left open,
 * it would keep a lane from the others.
 * Returns NULL with SLUICE_INVALID (shared_lanes=0), SLUICE_CLOSED, SLUICE_FORKED or SLUICE_FAILED.
 * The handle is always the same, and stays valid for ever, as lanes do.  Thread: any; not in a
 * signal handler, which takes a handle made before. */
SLUICE_API SLUICE_MUST_CHECK struct sluice_lane *sluice_shared(struct sluice *sluice,
                                                               struct sluice_error *error);

/* ---- the hot path ----
 * Thread: the lane's owner; any with sluice_shared's handle.  Progress: get and append puts are
 * wait-free. State puts are lock-free: one tries again when another of its key was faster, or when
 * the flush epoch moved in the middle (at most every 50 us).  All return SLUICE_UNATTACHED for a
 * NULL or detached lane, SLUICE_CLOSED and SLUICE_FORKED. `ticket` may be NULL.
 *
 * In a signal handler: all may be called. On a lane on which the handler interrupted a call they
 * return SLUICE_BUSY and change nothing; with sluice_shared's handle they find another lane, if
 * there are two or more or the interrupted call was not a shared one.
 *
 * A call must come to its end: no longjmp out of a handler that interrupted it, and no asynchronous
 * cancellation of its thread. One that is abandoned all the same does no harm to other threads nor
 * to what was accepted, but may have taken the version it did not use: then sluice_put_if of that
 * key conflicts until the next put. A shared lane that it had borrowed is lost to the others until
 * close. */

/* What becomes of a put or reserve that finds no room is the stream's `overflow`: SLUICE_FULL, at once
 * or after waiting, also in the kernel; or SLUICE_DROPPED, for streams that are declared lossy (in SQL:
 * @stream append lossy). Those drop unless another policy is named for them, and only they can. They
 * hold `lossy_share` percent of a lane's slots at most, so that they never take the room of others. A
 * dropped record counts as accepted and dropped, has no ticket, and the log tells once a second how
 * many there were. */

/* Copies the first `size` bytes of `record` in; the caller keeps its memory. What lies behind them
 * reads as undefined: give a size that covers all texts. Returns SLUICE_OK; SLUICE_FULL when the
 * lane has no room or the cache no entry for a new key; SLUICE_DROPPED; SLUICE_TOO_LONG; SLUICE_INVALID for another
 * instance's stream or a size that ends before the key does; SLUICE_BUSY. Unless SLUICE_OK nothing
 * changed, not even the cache. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_put(struct sluice_lane *lane,
                                                           const struct sluice_stream *stream,
                                                           const void *record, size_t size,
                                                           struct sluice_ticket *ticket);

/* As sluice_put, when `expected` is the key's version, as sluice_get returned it; 0 expects a key
 * that the cache has never held. Otherwise SLUICE_CONFLICT: another thread was first. State streams
 * only. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_put_if(struct sluice_lane *lane, const struct sluice_stream *stream, const void *record,
              size_t size, uint64_t expected, struct sluice_ticket *ticket);

/* Opens a reserve: `*record` points to the stream's record_size bytes inside the lane, with
 * undefined contents, to be filled in place. `key` (state streams; else NULL) is copied into it; do
 * not change it there. Then commit or cancel; until then the lane answers SLUICE_BUSY to anything
 * but get. Returns as sluice_put. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_reserve(struct sluice_lane *lane,
                                                               const struct sluice_stream *stream,
                                                               const void *key, void **record);
/* Publishes the reserved record. Returns SLUICE_OK, or SLUICE_INVALID when no reserve is open. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_commit(struct sluice_lane *lane,
                                                              struct sluice_ticket *ticket);
/* Forgets the reserved record, if there is one. */
SLUICE_API void sluice_cancel(struct sluice_lane *lane);

/* Removes the row of `key`. Returns as sluice_put; SLUICE_OK also when the cache never held the
 * key. State streams only. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_remove(struct sluice_lane *lane,
                                                              const struct sluice_stream *stream,
                                                              const void *key,
                                                              struct sluice_ticket *ticket);

/* Copies the newest accepted record of `key` out, whichever thread put it, and its version if
 * `version` is not NULL. Returns SLUICE_OK or SLUICE_MISS. State streams only.  Progress:
 * wait-free. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_get(struct sluice_lane *lane,
                                                           const struct sluice_stream *stream,
                                                           const void *key, void *record,
                                                           uint64_t *version);

/* ---- warming ---- */

/* Gives the cache a record that the database holds, with the version of its row: the first `size`
 * bytes of `record`, as sluice_put. Only for a key that the cache does not know: what was put,
 * removed, recovered or warmed before is newer, or the same, and stays. Nothing becomes pending: the
 * record takes no slot of the lane and counts in no account. Later puts of the key have greater
 * versions than the row. sluice/load.h does this for whole tables, and for single keys.
 *
 * Returns SLUICE_OK: sluice_get finds it, with a version that is at least `version`;
 * SLUICE_CONFLICT: the cache knows the key, or another thread put it meanwhile; SLUICE_FULL: no
 * entry for a new key, or no shared lane to borrow; SLUICE_TOO_LONG; SLUICE_INVALID for an append
 * stream, another instance's, a size that ends before the key does, or a version beyond bigint;
 * SLUICE_BUSY, also with a reserve open; SLUICE_UNATTACHED, SLUICE_CLOSED, SLUICE_FORKED.
 *
 * It is as fresh as what was read: from a replica that lags comes a row that has been overwritten
 * since, and sluice_get tells that until the key is put again. Only keys that this run put, or
 * recovered, are safe from it.
 * Thread: the lane's owner; any with sluice_shared's handle.  Progress: lock-free. May be called in
 * a signal handler, as a put. A call that is abandoned may leave the key known without a record: a
 * miss, until it is put. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_warm(struct sluice_lane *lane,
                                                            const struct sluice_stream *stream,
                                                            const void *record, size_t size,
                                                            uint64_t version);

/* ---- waiting, seeing ---- */

/* Waits until the record of `ticket` has reached `level`. Returns SLUICE_OK, SLUICE_TIMEOUT,
 * SLUICE_HALTED (it will not get there until an operator acts), SLUICE_CLOSED, SLUICE_INVALID (no
 * such ticket). For SLUICE_REPLICATED also SLUICE_UNREPLICATED: it is committed, but the server has no
 * synchronous standby, or somebody cancelled the wait for it, or the server's answer was lost. A
 * later batch that is confirmed proves it after all: a standby takes what is committed in order.  Thread: any.  Progress: blocking. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_wait(struct sluice *sluice,
                                                            struct sluice_ticket ticket,
                                                            enum sluice_level level,
                                                            uint64_t timeout_ns);

/* Has all that was accepted before the call written without delay, and waits until it is committed.
 * Returns as sluice_wait. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status sluice_flush(struct sluice *sluice,
                                                             uint64_t timeout_ns);

/* A consistent picture of the flusher's counters. Works after close, too.  Thread: any. */
SLUICE_API void sluice_stats(struct sluice *sluice, struct sluice_stats *stats);

/* ---- steering ---- */

/* Changes the budget while engines run. `options` as for sluice_open, of the keys flush_delay,
 * flush_rows, flush_bytes and high_water; holds from the flusher's next look into the lanes on.
 * Returns SLUICE_OK; SLUICE_INVALID with `error` filled, then nothing changed; SLUICE_CLOSED,
 * SLUICE_FORKED.  Thread: any. */
SLUICE_API SLUICE_MUST_CHECK enum sluice_status
sluice_adjust(struct sluice *sluice, const char *options, struct sluice_error *error);

/* Holds batches back, say while the database is being worked on: those on their way are still
 * committed, no other is begun, the connection stays. Engines go on until their lanes are full, and
 * waits last until their time is up. sluice_resume lets them go; so does close. Pausing twice is as
 * pausing once. Return SLUICE_OK, SLUICE_CLOSED, SLUICE_FORKED.  Thread: any. */
SLUICE_API enum sluice_status sluice_pause(struct sluice *sluice);
SLUICE_API enum sluice_status sluice_resume(struct sluice *sluice);

/* ---- close ---- */

/* Refuses new records, carries what is there to the sink for at most `timeout_ns`, stops the
 * flusher, frees the memory and fills `report` (may be NULL). Returns SLUICE_OK when nothing is
 * pending, SLUICE_TIMEOUT or SLUICE_HALTED when something is: that stays in `dir` for the next run;
 * without it, it is lost. SLUICE_CLOSED the second time, with the same report; SLUICE_FORKED. The
 * handle and its lanes stay valid for ever: late calls get SLUICE_CLOSED. */
SLUICE_API enum sluice_status sluice_close(struct sluice *sluice, uint64_t timeout_ns,
                                           struct sluice_report *report);

/* ---- small things ---- */

/* A version 7 UUID (RFC 9562): time-ordered, so that new keys stand side by side in an index. Asks
 * the kernel for the time and for chance, so it is not part of the hot path. Those of one thread
 * grow.  Thread: any. */
SLUICE_API void sluice_uuid7(struct sluice_uuid *uuid);
/* The same for the hot path: let the caller pass the time, in microseconds since 1970 UTC, and
 * chance, of which 62 bits count: from a generator that the thread seeds once, well enough that no
 * two threads or runs agree. Two of the same microsecond stand in any order.  Thread: any.
 * Progress: wait-free. */
SLUICE_API void sluice_uuid7_at(struct sluice_uuid *uuid, uint64_t unix_us, uint64_t random);

SLUICE_API const char *sluice_status_name(enum sluice_status status);
SLUICE_API const char *sluice_state_name(enum sluice_state state);
SLUICE_API const char *sluice_version(void);

#ifdef __cplusplus
}
#endif

#endif
