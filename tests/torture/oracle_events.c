/* SPDX-License-Identifier: MIT */
/* oracle_events.c - every accepted event is a row, once, intact, in the order of its engine; of the
 * steps that a kill cut short all or nothing; and there is no other row. */
#include "tests/torture/oracle.h"

#include <inttypes.h>

enum { RUN, ENGINE, NUMBER, A, NOTE, PLACE, XID };

static const char events_sql[] = "SELECT run, engine, number, a, note, place, xid FROM event "
				 "ORDER BY run, engine, number, place";

struct reading {
	struct oracle *oracle;
	PGresult *result;
	int row, row_count;
	int64_t place, xid; /* of the engine's last event */
};

static bool complains(const struct reading *reading, const char *what, int32_t run, int32_t engine,
                      int64_t number)
{
	return oracle_finds(reading->oracle, "event %" PRId64 " of engine %d in run %d %s", number,
	                    engine, run, what);
}

/* Negative: the next row comes before the step's; 0: it is the step's. Past the last row: positive.
 * */
static int compare_next(const struct reading *reading, const struct step *step)
{
	int32_t run, engine;
	int64_t number;

	if (reading->row == reading->row_count)
		return 1;
	run = oracle_int4(reading->result, reading->row, RUN);
	engine = oracle_int4(reading->result, reading->row, ENGINE);
	number = oracle_int8(reading->result, reading->row, NUMBER);
	if (run != step->run)
		return run < step->run ? -1 : 1;
	if (engine != step->engine)
		return engine < step->engine ? -1 : 1;
	return number < step->number ? -1 : number > step->number;
}

/* The next row is a second one of its step, or of a step that never was. */
static bool finds_one_too_many(const struct reading *reading)
{
	return complains(reading, "is there twice, or was never put",
	                 oracle_int4(reading->result, reading->row, RUN),
	                 oracle_int4(reading->result, reading->row, ENGINE),
	                 oracle_int8(reading->result, reading->row, NUMBER));
}

static bool is_intact(const struct reading *reading, const struct step *step)
{
	struct torture_event event;
	int size = PQgetlength(reading->result, reading->row, NOTE);

	story_event(step, &event);
	return oracle_int8(reading->result, reading->row, A) == event.a &&
	       size == event.note.size &&
	       memcmp(PQgetvalue(reading->result, reading->row, NOTE), event.note.bytes,
	              (size_t)size) == 0;
}

/* Within a lane, rows are inserted one after the other. An engine that puts through shared lanes
 * may have two neighbours in two lanes of one transaction; what came before is never in a later
 * one. */
static bool is_in_order(struct reading *reading, int32_t engine)
{
	int64_t place = oracle_int8(reading->result, reading->row, PLACE);
	int64_t xid = oracle_int8(reading->result, reading->row, XID);
	bool fine = xid >= reading->xid &&
	            (place > reading->place || engine == WITNESS_SHARED_ENGINE);

	reading->place = place;
	reading->xid = xid;
	return fine;
}

/* The step's row, if it has to be there or is. */
static bool checks_step(struct reading *reading, const struct step *step, bool accepted)
{
	int compared = compare_next(reading, step);

	if (compared < 0)
		return finds_one_too_many(reading);
	if (step->kind != STEP_EVENT)
		return true; /* a row that says otherwise is in the way of the next step */
	if (compared > 0)
		return !accepted ||
		       complains(reading, "is lost", step->run, step->engine, step->number);
	if (!is_intact(reading, step))
		return complains(reading, "has other contents", step->run, step->engine,
		                 step->number);
	if (!is_in_order(reading, step->engine))
		return complains(reading, "stands before an earlier one", step->run, step->engine,
		                 step->number);
	reading->row++;
	reading->oracle->events++;
	reading->oracle->landed += !accepted;
	return true;
}

static bool checks_engine(struct reading *reading, int32_t run, int32_t engine)
{
	int64_t accepted = oracle_accepted(reading->oracle, run, engine);
	int64_t intended = oracle_intended(reading->oracle, run, engine);

	for (int64_t number = 1; number <= intended; number++) {
		struct step step = story_step(reading->oracle->witness->seed, run, engine, number);

		if (!checks_step(reading, &step, number <= accepted))
			return false;
	}
	return true;
}

bool oracle_checks_events(struct oracle *oracle)
{
	PGresult *result = oracle_ask(oracle, events_sql);
	struct reading reading = {.oracle = oracle, .result = result};
	int64_t place[WITNESS_ENGINES] = {0}, xid[WITNESS_ENGINES] = {0};
	bool fine = true;

	reading.row_count = PQntuples(result);
	for (int32_t run = 0; run < oracle->witness->run_count && fine; run++)
		for (int32_t engine = 0; engine < WITNESS_ENGINES && fine; engine++) {
			/* Also from run to run: what a dead one left goes first. */
			reading.place = place[engine];
			reading.xid = xid[engine];
			fine = checks_engine(&reading, run, engine);
			place[engine] = reading.place;
			xid[engine] = reading.xid;
		}
	if (fine && reading.row < reading.row_count)
		fine = finds_one_too_many(&reading);
	PQclear(result);
	return fine;
}
