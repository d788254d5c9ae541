/* SPDX-License-Identifier: MIT */
/*
 * history.h - all that was stored in each atomic location in this run, and how far it was seen.
 *
 * Time is the number of stores so far. A message is one store; those of a location form a list, the
 * newest first. A view says of each location which message was the last one seen.
 */
#ifndef TESTS_EXPLORE_HISTORY_H
#define TESTS_EXPLORE_HISTORY_H

#include "machine.h"

#define LOCATIONS 512 /* in a scenario */

/* How far each location has been seen: the number of a message. */
struct view {
	uint16_t at[LOCATIONS];
};

/* What a release carries. */
struct snapshot {
	struct view view;
	struct clock clock;
};

struct message {
	uint64_t value;
	uint32_t number; /* in its location, from 0 */
	uint32_t time;
	const struct snapshot *released;  /* NULL: by nobody */
	unsigned releaser;                /* the thread that did */
	const struct snapshot *performed; /* what was in memory by then, for certain */
	const struct message *before;
};

struct location {
	uintptr_t address;
	uint32_t run;   /* of another: not touched in this one */
	unsigned index; /* in views */
	unsigned users; /* threads, a bit each, over all runs */
	bool written;   /* by a thread other than 0 */
	bool met;       /* so two threads meet here: machine_learn */
	const struct message *newest;
	const struct snapshot *handed_over;
};

/* Forgets the run before; locations keep who has used them. */
void history_reset(void);

/* Forgets the locations, too. */
void history_forget(void);

struct location *history_location(uintptr_t address);
/* The one with this index; NULL behind the last. */
struct location *history_location_number(unsigned index);
/* Whether the location has any message in this run. */
bool history_touched(const struct location *location);
/* A new newest message. The caller says what it carries. */
struct message *history_append(struct location *location, uint64_t value, uint32_t time);

void view_join(struct view *view, const struct view *other);
/* As of now, everywhere. */
void view_see_all(struct view *view);
/* What it returns is good until the next run. */
struct snapshot *history_snapshot(const struct view *view, const struct clock *clock);

#endif
