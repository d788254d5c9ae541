/* SPDX-License-Identifier: MIT */
/* story.c - two streams, what is put into them, and how. */
#include "tests/torture/story.h"

/* ---- the streams, as `sluice gen` would write them ---- */

#define AT(record, field) offsetof(struct record, field), sizeof(((struct record *)0)->field)
#define TEXT_AT(record, field) \
	offsetof(struct record, field), sizeof(((struct record *)0)->field.bytes)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static const struct sluice_column holding_columns[] = {
	{"key", SLUICE_INT8, SLUICE_INLINE, AT(torture_holding, key), 0, 0, 0, 0, NULL,
	 "bigint NOT NULL"},
	{"number", SLUICE_INT8, SLUICE_INLINE, AT(torture_holding, number), 0, 0, 0, 0, NULL,
	 "bigint NOT NULL"},
	{"run", SLUICE_INT4, SLUICE_INLINE, AT(torture_holding, run), 0, 0, 0, 0, NULL,
	 "integer NOT NULL"},
	{"engine", SLUICE_INT4, SLUICE_INLINE, AT(torture_holding, engine), 0, 0, 0, 0, NULL,
	 "integer NOT NULL"},
	{"a", SLUICE_INT8, SLUICE_INLINE, AT(torture_holding, a), 0, 0, 0, 0, NULL,
	 "bigint NOT NULL"},
	{"count", SLUICE_INT8, SLUICE_INLINE, AT(torture_holding, count), 0, 0, 0, 0, NULL,
	 "bigint NOT NULL"},
	{"version", SLUICE_VERSION, SLUICE_INLINE, 0, 0, 0, 0, 0, 0, NULL, "bigint NOT NULL"},
};

static const struct sluice_column event_columns[] = {
	{"number", SLUICE_INT8, SLUICE_INLINE, AT(torture_event, number), 0, 0, 0, 0, NULL,
	 "bigint NOT NULL"},
	{"run", SLUICE_INT4, SLUICE_INLINE, AT(torture_event, run), 0, 0, 0, 0, NULL,
	 "integer NOT NULL"},
	{"engine", SLUICE_INT4, SLUICE_INLINE, AT(torture_event, engine), 0, 0, 0, 0, NULL,
	 "integer NOT NULL"},
	{"a", SLUICE_INT8, SLUICE_INLINE, AT(torture_event, a), 0, 0, 0, 0, NULL,
	 "bigint NOT NULL"},
	{"note", SLUICE_TEXT_TYPE, SLUICE_INLINE, TEXT_AT(torture_event, note), 0, 0, 0, 0, NULL,
	 "text NOT NULL"},
};
/* clang-format on */

const struct sluice_stream torture_holdings = {
	.name = "holdings",
	.kind = SLUICE_STATE,
	.index = 0,
	.key_offset = offsetof(struct torture_holding, key),
	.key_size = sizeof(int64_t),
	.key_column_count = 1,
	.layout = {holding_columns, sizeof(struct torture_holding), COUNT_OF(holding_columns)},
	.fingerprint = 0x746f727475726531,
	.table = "holding",
	.write_sql = "INSERT INTO holding (key, number, run, engine, a, count, version) "
		     "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], "
		     "$4::integer[], $5::bigint[], $6::bigint[], $7::bigint[]) "
		     "ON CONFLICT (key) DO UPDATE SET number = excluded.number, "
		     "run = excluded.run, engine = excluded.engine, a = excluded.a, "
		     "count = excluded.count, version = excluded.version "
		     "WHERE holding.version < excluded.version",
	.remove_sql = "DELETE FROM holding AS h USING unnest($1::bigint[], $2::bigint[]) "
		      "AS r (key, version) WHERE h.key = r.key AND h.version < r.version",
};

const struct sluice_stream torture_events = {
	.name = "events",
	.kind = SLUICE_APPEND,
	.index = 1,
	.layout = {event_columns, sizeof(struct torture_event), COUNT_OF(event_columns)},
	.fingerprint = 0x746f727475726532,
	.table = "event",
	.copy_sql = "COPY event (number, run, engine, a, note) FROM STDIN (FORMAT binary)",
	.write_sql = "INSERT INTO event (number, run, engine, a, note) "
		     "SELECT * FROM unnest($1::bigint[], $2::integer[], $3::integer[], "
		     "$4::bigint[], $5::text[])",
};

static const struct sluice_stream *const streams[] = {&torture_holdings, &torture_events};

const struct sluice_streams torture_streams = {
	.name = "torture",
	.streams = streams,
	.count = COUNT_OF(streams),
};

/* ---- the story ---- */

/* The finalizer of SplitMix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t bits)
{
	bits += 0x9e3779b97f4a7c15u;
	bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
	bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
	return bits ^ (bits >> 31);
}

uint64_t story_draw(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
	return mix(mix(mix(mix(seed) ^ a) ^ b) ^ c);
}

static uint64_t draw(const struct step *step, uint64_t what)
{
	return story_draw(step->seed, (uint64_t)step->run << 32 | (uint64_t)step->engine,
	                  (uint64_t)step->number, what);
}

enum { DRAW_KIND = 1, DRAW_KEY, DRAW_A, DRAW_COUNT, DRAW_NOTE };

/* Of 16 steps, so many of each kind. */
static enum step_kind kind_of(uint64_t sixteenth)
{
	static const enum step_kind kinds[16] = {
		STEP_EVENT,  STEP_EVENT,  STEP_EVENT,   STEP_EVENT,   STEP_EVENT, STEP_EVENT,
		STEP_EVENT,  STEP_OWN,    STEP_OWN,     STEP_OWN,     STEP_OWN,   STEP_REMOVE,
		STEP_COMMON, STEP_COMMON, STEP_COUNTER, STEP_COUNTER,
	};

	return kinds[sixteenth];
}

static int64_t key_of(const struct step *step)
{
	uint64_t drawn = draw(step, DRAW_KEY);

	switch (step->kind) {
	case STEP_EVENT:
		return -1;
	case STEP_COMMON:
		return (int64_t)(STORY_ENGINES_MAX * STORY_OWN_KEYS + drawn % STORY_COMMON_KEYS);
	case STEP_COUNTER:
		return (int64_t)(STORY_FIRST_COUNTER + drawn % STORY_COUNTER_KEYS);
	default:
		return step->engine * STORY_OWN_KEYS + (int64_t)(drawn % STORY_OWN_KEYS);
	}
}

struct step story_step(uint64_t seed, int32_t run, int32_t engine, int64_t number)
{
	struct step step = {.seed = seed, .run = run, .engine = engine, .number = number};
	uint64_t drawn = draw(&step, DRAW_KIND);

	step.kind = kind_of(drawn % 16);
	step.in_place = drawn / 16 % 4 == 0;
	step.key = key_of(&step);
	return step;
}

void story_event(const struct step *step, struct torture_event *event)
{
	static const char letters[64] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,";
	uint64_t drawn = draw(step, DRAW_NOTE);
	char note[sizeof(event->note.bytes)];

	memset(event, 0, sizeof(*event));
	event->number = step->number;
	event->run = step->run;
	event->engine = step->engine;
	event->a = (int64_t)draw(step, DRAW_A);
	for (size_t i = 0; i < sizeof(note); i++)
		note[i] = letters[mix(drawn + i) % sizeof(letters)];
	(void)sluice_text_set(&event->note, note, drawn % (sizeof(note) + 1));
}

size_t story_event_size(const struct torture_event *event)
{
	return offsetof(struct torture_event, note.bytes) + event->note.size;
}

void story_holding(const struct step *step, struct torture_holding *holding)
{
	*holding = (struct torture_holding){
		.key = step->key,
		.number = step->number,
		.run = step->run,
		.engine = step->engine,
		.a = (int64_t)draw(step, DRAW_A),
		.count = step->kind == STEP_COUNTER ? 0 : (int64_t)draw(step, DRAW_COUNT),
	};
}

/* ---- taking a step ---- */

void story_record(const struct step *step, union torture_record *record)
{
	if (step->kind == STEP_EVENT)
		story_event(step, &record->event);
	else
		story_holding(step, &record->holding);
}

static enum sluice_status put_in_place(const struct step *step, const union torture_record *record,
                                       struct sluice_lane *lane)
{
	bool event = step->kind == STEP_EVENT;
	const struct sluice_stream *stream = event ? &torture_events : &torture_holdings;
	enum sluice_status status;
	void *reserved;

	status = sluice_reserve(lane, stream, event ? NULL : &record->holding.key, &reserved);
	if (status != SLUICE_OK)
		return status;
	memcpy(reserved, record, stream->layout.size);
	return sluice_commit(lane, NULL);
}

/* Somebody wins every round, and it is not always the others. */
static enum sluice_status count_up(const struct step *step, const union torture_record *record,
                                   struct sluice_lane *lane)
{
	struct torture_holding before, holding = record->holding;
	enum sluice_status status;
	uint64_t version;

	do {
		status = sluice_get(lane, &torture_holdings, &holding.key, &before, &version);
		if (status != SLUICE_OK && status != SLUICE_MISS)
			return status;
		holding.count = status == SLUICE_OK && before.run == step->run ? before.count + 1
		                                                               : 1;
		status = sluice_put_if(lane, &torture_holdings, &holding, sizeof(holding), version,
		                       NULL);
	} while (status == SLUICE_CONFLICT);
	return status;
}

enum sluice_status story_put(const struct step *step, const union torture_record *record,
                             struct sluice_lane *lane)
{
	switch (step->kind) {
	case STEP_REMOVE:
		return sluice_remove(lane, &torture_holdings, &step->key, NULL);
	case STEP_COUNTER:
		return count_up(step, record, lane);
	default:
		if (step->in_place)
			return put_in_place(step, record, lane);
	}
	if (step->kind == STEP_EVENT)
		return sluice_put(lane, &torture_events, &record->event,
		                  story_event_size(&record->event), NULL);
	return sluice_put(lane, &torture_holdings, &record->holding, sizeof(record->holding), NULL);
}

enum sluice_status story_take(const struct step *step, struct sluice_lane *lane)
{
	union torture_record record;

	story_record(step, &record);
	return story_put(step, &record, lane);
}
