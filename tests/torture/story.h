/* SPDX-License-Identifier: MIT */
/*
 * story.h - what engines do in these tests: a pure function of a seed, so that every record found
 * later in a file or a database can be derived again, bit for bit.
 *
 * A run is one life of a process. In it each engine takes steps 1, 2, 3.. in order, every one until
 * it is accepted. A step is one record:
 *
 *      EVENT      appended, by put or in place
 *      OWN        the state of a key that no other engine touches, REMOVE takes it away
 *      COMMON     the state of a key that all engines put
 *      COUNTER    put_if of a key that all engines count up: one more than was there in this run
 */
#ifndef TESTS_TORTURE_STORY_H
#define TESTS_TORTURE_STORY_H

#include <sluice/sluice.h>

#define STORY_ENGINES_MAX 4
#define STORY_OWN_KEYS 24 /* an engine's */
#define STORY_COMMON_KEYS 8
#define STORY_COUNTER_KEYS 4
#define STORY_KEYS (STORY_ENGINES_MAX * STORY_OWN_KEYS + STORY_COMMON_KEYS + STORY_COUNTER_KEYS)
#define STORY_FIRST_COUNTER (STORY_KEYS - STORY_COUNTER_KEYS)

struct torture_holding {
	int64_t key; /* 0 to STORY_KEYS - 1 */
	int64_t number;
	int32_t run;
	int32_t engine;
	int64_t a;
	int64_t count; /* of a counter; else as `a`, derived */
};

struct torture_event {
	int64_t number;
	int32_t run;
	int32_t engine;
	int64_t a;
	SLUICE_TEXT(46) note; /* of any size, also none */
};

extern const struct sluice_stream torture_holdings; /* state, with a key */
extern const struct sluice_stream torture_events;   /* append */
extern const struct sluice_streams torture_streams;

enum step_kind { STEP_EVENT, STEP_OWN, STEP_REMOVE, STEP_COMMON, STEP_COUNTER };

struct step {
	uint64_t seed;
	int64_t number; /* from 1 */
	int32_t run;    /* from 0 */
	int32_t engine; /* from 0 */
	enum step_kind kind;
	bool in_place; /* reserve, fill, commit */
	int64_t key;   /* -1: an event */
};

/* 64 well mixed bits of four numbers. */
uint64_t story_draw(uint64_t seed, uint64_t a, uint64_t b, uint64_t c);

struct step story_step(uint64_t seed, int32_t run, int32_t engine, int64_t number);

/* The step's record. A counter's `count` is left 0: it is not the story's to know. */
void story_event(const struct step *step, struct torture_event *event);
void story_holding(const struct step *step, struct torture_holding *holding);

/* The bytes of the record in use. */
size_t story_event_size(const struct torture_event *event);

union torture_record {
	struct torture_holding holding;
	struct torture_event event;
};

/* The step's record, of either kind; then one try to put it. */
void story_record(const struct step *step, union torture_record *record);
enum sluice_status story_put(const struct step *step, const union torture_record *record,
                             struct sluice_lane *lane);

/* Both. */
enum sluice_status story_take(const struct step *step, struct sluice_lane *lane);

#endif
