/* SPDX-License-Identifier: MIT */
/*
 * oracle_states.c - each key's row is what its last accepted put made of it, and what was visible
 * on the way only went forward.
 *
 * Several engines may have put a key in the last run that did: then its row is the last that one of
 * them put, and nothing in the witness can tell of whom. A step that a kill cut short may have been
 * accepted, too. So a key has candidates; of an own key of a run that closed there is but one.
 */
#include "tests/torture/oracle.h"

#include <inttypes.h>

enum { KEY, NUMBER, RUN, ENGINE, A, COUNT, VERSION, REMOVED };

static const char holdings_sql[] =
	"SELECT key, number, run, engine, a, count, version FROM holding ORDER BY key";
static const char sights_sql[] =
	"SELECT key, number, run, engine, a, count, version, removed FROM sight ORDER BY key, place";

/* What the witness knows of a key. */
struct key_story {
	int32_t last_run;              /* in which a step on it was accepted; -1: none */
	int64_t last[WITNESS_ENGINES]; /* of that run: each engine's last accepted step; 0: none */
	int64_t in_flight[WITNESS_RUNS_MAX]
			 [WITNESS_ENGINES]; /* the step a kill cut short; 0: none */
	int64_t counted[WITNESS_RUNS_MAX];  /* accepted steps of a counter */
	/* the last visible */
	bool seen, removed;
	int64_t number, version;
	int32_t run, engine;
};

static struct key_story keys[STORY_KEYS];

/* ---- the witness, by key ---- */

static void note_step(const struct step *step, bool accepted)
{
	struct key_story *key = &keys[step->key];

	if (!accepted) {
		key->in_flight[step->run][step->engine] = step->number;
		return;
	}
	if (key->last_run != step->run)
		memset(key->last, 0, sizeof(key->last));
	key->last_run = step->run;
	key->last[step->engine] = step->number;
	key->counted[step->run] += step->kind == STEP_COUNTER;
}

static void read_witness(const struct oracle *oracle)
{
	memset(keys, 0, sizeof(keys));
	for (size_t i = 0; i < STORY_KEYS; i++)
		keys[i].last_run = -1;
	for (int32_t run = 0; run < oracle->witness->run_count; run++)
		for (int32_t engine = 0; engine < WITNESS_ENGINES; engine++)
			for (int64_t n = 1; n <= oracle_intended(oracle, run, engine); n++) {
				struct step step = story_step(oracle->witness->seed, run, engine,
				                              n);

				if (step.kind != STEP_EVENT)
					note_step(&step, n <= oracle_accepted(oracle, run, engine));
			}
}

/* ---- one row ---- */

static bool complains(struct oracle *oracle, const PGresult *result, int row, const char *what)
{
	return oracle_finds(oracle, "key %" PRId64 ": step %" PRId64 " of engine %d in run %d %s",
	                    oracle_int8(result, row, KEY), oracle_int8(result, row, NUMBER),
	                    oracle_int4(result, row, ENGINE), oracle_int4(result, row, RUN), what);
}

/* The step that made the row, if there is one. */
static bool find_step(const struct oracle *oracle, const PGresult *result, int row,
                      struct step *step)
{
	int32_t run = oracle_int4(result, row, RUN), engine = oracle_int4(result, row, ENGINE);
	int64_t number = oracle_int8(result, row, NUMBER), key = oracle_int8(result, row, KEY);

	if (run < 0 || run >= oracle->witness->run_count || engine < 0 ||
	    engine >= WITNESS_ENGINES || number < 1 ||
	    number > oracle_intended(oracle, run, engine))
		return false;
	*step = story_step(oracle->witness->seed, run, engine, number);
	return step->kind != STEP_EVENT && step->kind != STEP_REMOVE && step->key == key;
}

/* A counter never tells more than there were puts, nor does a later run go on from an earlier. */
static bool is_intact(const struct oracle *oracle, const PGresult *result, int row,
                      const struct step *step)
{
	const struct key_story *key = &keys[step->key];
	struct torture_holding holding;
	int64_t count = oracle_int8(result, row, COUNT), most = key->counted[step->run];

	(void)oracle;
	story_holding(step, &holding);
	if (oracle_int8(result, row, A) != holding.a)
		return false;
	if (step->kind != STEP_COUNTER)
		return count == holding.count;
	for (int32_t engine = 0; engine < WITNESS_ENGINES; engine++)
		most += key->in_flight[step->run][engine] != 0;
	return count >= 1 && count <= most;
}

static bool checks_row(struct oracle *oracle, const PGresult *result, int row)
{
	struct step step;

	if (!find_step(oracle, result, row, &step))
		return complains(oracle, result, row, "never was");
	if (!is_intact(oracle, result, row, &step))
		return complains(oracle, result, row, "has other contents");
	return true;
}

/* ---- what was visible ---- */

static bool goes_on(struct key_story *key, const PGresult *result, int row,
                    int64_t numbers[WITNESS_ENGINES])
{
	int64_t number = oracle_int8(result, row, NUMBER);
	int64_t version = oracle_int8(result, row, VERSION);
	int32_t run = oracle_int4(result, row, RUN), engine = oracle_int4(result, row, ENGINE);

	if (PQgetvalue(result, row, REMOVED)[0] != 0) {
		/* What is taken away is what was there. */
		bool fine = key->seen && !key->removed && key->number == number &&
		            key->version == version && key->run == run && key->engine == engine;

		key->removed = true;
		return fine;
	}
	if (key->seen && (version <= key->version || run < key->run))
		return false;
	if (!key->seen || run > key->run)
		memset(numbers, 0, WITNESS_ENGINES * sizeof(*numbers));
	if (number <= numbers[engine])
		return false;
	numbers[engine] = number;
	key->seen = true;
	key->removed = false;
	key->number = number;
	key->version = version;
	key->run = run;
	key->engine = engine;
	return true;
}

static bool checks_sights(struct oracle *oracle)
{
	PGresult *result = oracle_ask(oracle, sights_sql);
	int64_t numbers[WITNESS_ENGINES] = {0};
	bool fine = true;

	oracle->sights = PQntuples(result);
	for (int row = 0; row < PQntuples(result) && fine; row++) {
		fine = checks_row(oracle, result, row);
		if (fine && !goes_on(&keys[oracle_int8(result, row, KEY)], result, row, numbers))
			fine = complains(oracle, result, row,
			                 "was visible after a newer one, or twice");
	}
	PQclear(result);
	return fine;
}

/* ---- what is there in the end ---- */

static bool is_candidate(const struct key_story *key, int32_t run, int32_t engine, int64_t number)
{
	return (run == key->last_run && number == key->last[engine]) ||
	       (run >= key->last_run && number == key->in_flight[run][engine]);
}

/* Whether the key's last step may have been to remove it. */
static bool may_be_gone(const struct oracle *oracle, const struct key_story *key)
{
	if (key->last_run < 0)
		return true;
	for (int32_t run = key->last_run; run < oracle->witness->run_count; run++)
		for (int32_t engine = 0; engine < WITNESS_ENGINES; engine++) {
			int64_t candidates[] = {key->in_flight[run][engine],
			                        run == key->last_run ? key->last[engine] : 0};

			for (size_t i = 0; i < 2; i++)
				if (candidates[i] != 0 &&
				    story_step(oracle->witness->seed, run, engine, candidates[i])
				                    .kind == STEP_REMOVE)
					return true;
		}
	return false;
}

/* All who counted in the row's run have been counted. */
static bool is_full_count(const PGresult *result, int row, const struct key_story *key)
{
	return oracle_int8(result, row, KEY) < STORY_FIRST_COUNTER ||
	       oracle_int8(result, row, COUNT) >= key->counted[oracle_int4(result, row, RUN)];
}

static bool checks_last(struct oracle *oracle, const PGresult *result, int row)
{
	const struct key_story *key = &keys[oracle_int8(result, row, KEY)];
	int64_t number = oracle_int8(result, row, NUMBER);
	int32_t run = oracle_int4(result, row, RUN), engine = oracle_int4(result, row, ENGINE);

	if (!key->seen || key->removed || key->number != number || key->run != run ||
	    key->engine != engine || key->version != oracle_int8(result, row, VERSION))
		return complains(oracle, result, row, "is not what was last visible");
	if (!is_candidate(key, run, engine, number))
		return complains(oracle, result, row, "is not the last that was accepted");
	if (!is_full_count(result, row, key))
		return complains(oracle, result, row, "has lost an update");
	oracle->landed += number == key->in_flight[run][engine];
	return true;
}

static bool checks_holdings(struct oracle *oracle)
{
	PGresult *result = oracle_ask(oracle, holdings_sql);
	int row = 0;
	bool fine = true;

	oracle->holdings = PQntuples(result);
	for (int64_t key = 0; key < STORY_KEYS && fine; key++) {
		if (row < PQntuples(result) && oracle_int8(result, row, KEY) == key) {
			fine = checks_row(oracle, result, row) && checks_last(oracle, result, row);
			row++;
		} else if (!may_be_gone(oracle, &keys[key])) {
			fine = oracle_finds(oracle, "key %" PRId64 " is lost", key);
		} else if (keys[key].seen && !keys[key].removed) {
			fine = oracle_finds(oracle, "key %" PRId64 " is gone, unseen", key);
		}
	}
	if (fine && row < PQntuples(result))
		fine = complains(oracle, result, row, "is of a key that never was");
	PQclear(result);
	return fine;
}

bool oracle_checks_states(struct oracle *oracle)
{
	read_witness(oracle);
	return checks_sights(oracle) && checks_holdings(oracle);
}
