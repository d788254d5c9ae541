/* SPDX-License-Identifier: MIT */
/*
 * search.c - which run comes next.
 *
 * A run is the list of the choices made in it. The exhaustive search is a walk through the tree of
 * these lists, depth first; a choice that differs from the plain run is paid from a budget. Places
 * where threads meet are learned in some random runs before; if the search comes upon one more, it
 * begins anew.
 */
#include "search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 8192
#define LEARNING_RUNS 100

/* ---- choices ---- */

struct decision {
	uint8_t chosen, count;
	uint8_t choice;
};

static enum { EXHAUSTIVE, RANDOM, REPLAY } mode;
static struct decision decisions[CHOICES_MAX];
static unsigned decided, known; /* in this run; of the run before, up to where they are kept */
static unsigned left[CHOICES];  /* how many may still differ from the plain run */
static bool plainly;            /* no choices any more in this run */
static uint64_t chance, seed = 1;
static uint64_t learned;               /* runs from which the places are known where threads meet */
static unsigned restlessness[CHOICES]; /* one choice in so many differs; random runs */
static const char *scenario_name, *machine_name;

void search_begin_run(void)
{
	decided = 0;
	plainly = false;
}

void explore_go_plainly(void)
{
	plainly = true;
}

void search_print_title(void)
{
	printf("%s, %s: ", scenario_name, machine_name);
}

/* All choices that differ from the plain run. */
void search_print_path(void)
{
	const char *separator = "/";

	printf("to repeat: --only %s --machine %s --replay %" PRIu64, scenario_name, machine_name,
	       learned);
	for (unsigned i = 0; i < decided; i++)
		if (decisions[i].chosen != 0) {
			printf("%s%u:%u", separator, i, decisions[i].chosen);
			separator = ",";
		}
	printf("\n");
}

static uint64_t random_number(void)
{
	uint64_t mixed = chance += 0x9e3779b97f4a7c15u; /* splitmix64 */

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	return mixed ^ mixed >> 31;
}

static unsigned new_choice(enum choice choice, unsigned count)
{
	if (mode != RANDOM)
		return 0;
	if (choice == CHOICE_TURN)
		return (unsigned)(random_number() % count);
	if (random_number() % restlessness[choice] != 0)
		return 0;
	return 1 + (unsigned)(random_number() % (count - 1));
}

unsigned schedule_choose(enum choice choice, unsigned count)
{
	struct decision *decision = &decisions[decided];
	unsigned *budget = &left[choice == CHOICE_STALE ? CHOICE_STALE : CHOICE_SWITCH];

	if (mode == EXHAUSTIVE && *budget == 0)
		count = 1;
	if (count < 2 || plainly)
		return 0;
	if (decided == CHOICES_MAX)
		schedule_found("no end: more choices than a run may have");
	if (decided >= known)
		*decision = (struct decision){(uint8_t)new_choice(choice, count), (uint8_t)count,
		                              (uint8_t)choice};
	decided++;
	if (decision->chosen != 0 && mode == EXHAUSTIVE)
		(*budget)--;
	return decision->chosen < count ? decision->chosen : 0;
}

/* ---- all runs ---- */

/* The next path through the tree of choices; false when there is none. */
static bool next_path(void)
{
	while (decided > 0) {
		struct decision *last = &decisions[decided - 1];

		if (last->chosen + 1 < last->count) {
			last->chosen++;
			known = decided;
			return true;
		}
		decided--;
	}
	return false;
}

static void set_limits(const struct explore_scenario *scenario, bool thorough)
{
	left[CHOICE_SWITCH] = scenario->switches + thorough;
	left[CHOICE_STALE] = scenario->stale;
}

/* False: it came upon a place where threads meet that was not known. */
static bool search_all(const struct explore_scenario *scenario, enum machine_kind machine,
                       bool thorough, uint64_t *runs)
{
	mode = EXHAUSTIVE;
	known = 0;
	*runs = 0;
	do {
		set_limits(scenario, thorough);
		schedule_run(scenario, machine);
		++*runs;
		if (machine_learn())
			return false;
	} while (next_path());
	return true;
}

static void run_at_random(const struct explore_scenario *scenario, enum machine_kind machine)
{
	static const unsigned rates[] = {2, 4, 10, 30, 100};

	mode = RANDOM;
	known = 0;
	restlessness[CHOICE_SWITCH] = rates[random_number() % 5];
	restlessness[CHOICE_STALE] = rates[random_number() % 5];
	schedule_run(scenario, machine);
}

/* Always the same runs, so that a replay knows the same places. */
static void learn(const struct explore_scenario *scenario, enum machine_kind machine, uint64_t runs)
{
	machine_forget();
	chance = 1;
	for (learned = 0; learned < runs; learned++) {
		run_at_random(scenario, machine);
		machine_learn();
	}
}

static void begin(const struct explore_scenario *scenario, enum machine_kind machine)
{
	scenario_name = scenario->name;
	machine_name = machine_names[machine];
}

static void search(const struct explore_scenario *scenario, enum machine_kind machine,
                   bool thorough)
{
	uint64_t random_runs = (uint64_t)scenario->random_runs * (thorough ? 20 : 1);
	uint64_t runs, learning = LEARNING_RUNS;

	begin(scenario, machine);
	for (;; learning *= 2) {
		learn(scenario, machine, learning);
		if (search_all(scenario, machine, thorough, &runs))
			break;
	}
	chance = seed;
	for (uint64_t i = 0; i < random_runs; i++)
		run_at_random(scenario, machine);
	printf("%s, %s: nothing found: %" PRIu64 " runs, all of at most %u switches and %u old "
	       "loads; %" PRIu64 " at random, seed %" PRIu64 "\n",
	       scenario->name, machine_name, runs, scenario->switches + thorough, scenario->stale,
	       random_runs, seed);
	fflush(stdout);
}

/* RUNS TO LEARN/CHOICE:OPTION,CHOICE:OPTION.. as search_print_path writes it. */
static void replay(const struct explore_scenario *scenario, enum machine_kind machine,
                   const char *text)
{
	char *end;

	begin(scenario, machine);
	learn(scenario, machine, strtoull(text, &end, 10));
	memset(decisions, 0, sizeof(decisions));
	while (*end == '/' || *end == ',') {
		unsigned long index = strtoul(end + 1, &end, 10), chosen;

		if (*end != ':' || index >= CHOICES_MAX)
			break;
		chosen = strtoul(end + 1, &end, 10);
		decisions[index].chosen = (uint8_t)chosen;
	}
	mode = REPLAY;
	known = CHOICES_MAX;
	schedule_run(scenario, machine);
	printf("%s, %s: nothing found in this run\n", scenario_name, machine_name);
}

/* ---- the command line ---- */

static const char usage[] =
	"usage: %s [--long] [--seed N] [--only SCENARIO] [--machine tso|weak] [--replay CHOICES]\n"
	"Runs every scenario on both machines. Ends with 1 when something was found.\n";

struct wishes {
	bool thorough;
	const char *only, *machine, *replay;
};

static bool parse(int argc, char **argv, struct wishes *wishes)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--long") == 0) {
			wishes->thorough = true;
			continue;
		}
		if (value == NULL)
			return false;
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--only") == 0)
			wishes->only = value;
		else if (strcmp(argv[i], "--machine") == 0)
			wishes->machine = value;
		else if (strcmp(argv[i], "--replay") == 0)
			wishes->replay = value;
		else
			return false;
		i++;
	}
	return true;
}

static bool wanted(const char *wish, const char *name)
{
	return wish == NULL || strcmp(wish, name) == 0;
}

int explore_main(int argc, char **argv, const struct explore_scenario *scenarios, size_t count)
{
	struct wishes wishes = {0};
	unsigned searched = 0;

	if (!parse(argc, argv, &wishes)) {
		fprintf(stderr, usage, argv[0]);
		return 2;
	}
	for (size_t i = 0; i < count; i++)
		for (enum machine_kind machine = 0; machine < MACHINE_KINDS; machine++) {
			if (!wanted(wishes.only, scenarios[i].name) ||
			    !wanted(wishes.machine, machine_names[machine]))
				continue;
			searched++;
			if (wishes.replay != NULL)
				replay(&scenarios[i], machine, wishes.replay);
			else
				search(&scenarios[i], machine, wishes.thorough);
		}
	if (searched == 0)
		fprintf(stderr, "%s: no such scenario or machine\n", argv[0]);
	return searched > 0 ? 0 : 2;
}
