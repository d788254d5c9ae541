/* SPDX-License-Identifier: MIT */
/* search.h - between the search, which chooses, and the scheduler, which runs what was chosen. */
#ifndef TESTS_EXPLORE_SEARCH_H
#define TESTS_EXPLORE_SEARCH_H

#include "machine.h"

/* One run, from its start to its end. */
void schedule_run(const struct explore_scenario *scenario, enum machine_kind machine);

void search_begin_run(void);
/* Which scenario, on which machine. */
void search_print_title(void);
/* How to have this run again. */
void search_print_path(void);

#endif
