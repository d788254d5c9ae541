/* SPDX-License-Identifier: MIT */
/* sink_run.c - which batches of a run are there, and what a new session says about it. */
#include "sink/pg_run.h"

#include "sink/pg_session.h"

#include <criterion/criterion.h>

enum { LANES = 2, IN_FLIGHT = 3 };

static const struct slu_script_terms terms = {.copy_threshold = 64, .bytes_max = SIZE_MAX};
static struct slu_run run;
static uint64_t to[LANES]; /* of the last batch taken */

static void begin(bool known)
{
	const struct sluice_generation generation = {
		.id = {{9}}, .lane_count = LANES, .known = known};

	cr_assert(slu_run_begin(&run, &generation));
}

/* A session finds the run at (first, second). */
static bool tell(uint64_t first, uint64_t second)
{
	run.told[0] = first;
	run.told[1] = second;
	return slu_run_resolve(&run);
}

static void set_up(void)
{
	cr_assert(slu_run_init(&run, IN_FLIGHT));
	begin(false);
	cr_assert(tell(10, 20));
	to[0] = 10;
	to[1] = 20;
}

static void tear_down(void)
{
	slu_run_free(&run);
}

TestSuite(sink_run, .init = set_up, .fini = tear_down);

/* Moves both lanes by one. */
static void take(uint64_t number)
{
	const uint64_t from[LANES] = {to[0]++, to[1]++};
	const struct sluice_batch batch = {
		.number = number, .from = from, .to = to, .lane_count = LANES};

	cr_assert(slu_run_take(&run, &batch, &terms));
}

static void take_seal(void)
{
	run.sealing = true;
	cr_assert(slu_run_take_seal(&run));
}

Test(sink_run, the_first_session_tells_where_it_begins)
{
	begin(false);
	cr_expect_not(run.found);
	cr_expect_not(slu_run_has_room(&run));
	cr_assert(tell(3, 4));
	cr_expect(run.found);
	cr_expect(slu_run_has_room(&run));
	cr_expect_eq(run.positions[0], 3);
	cr_expect_eq(run.positions[1], 4);
	cr_expect(run.generation.known, "from now on it has a row");
}

Test(sink_run, batches_wait_in_order_and_are_counted)
{
	take(1);
	take(2);
	take(3);
	cr_expect_not(slu_run_has_room(&run));
	for (uint64_t number = 1; number <= 3; number++) {
		cr_assert_eq(slu_run_head(&run)->number, number);
		slu_run_pop(&run);
		cr_expect_eq(run.committed, number);
		cr_expect_eq(run.applied[0], 10 + number);
	}
	cr_expect_null(slu_run_head(&run));
	cr_expect_eq(run.positions[0], 10);
	cr_expect_not(run.sealed);
}

Test(sink_run, a_head_that_is_not_there_is_kept)
{
	take(1);
	take(2);
	cr_assert(tell(10, 20));
	cr_expect_eq(slu_run_head(&run)->number, 1);
	cr_expect_eq(run.committed, 0);
}

Test(sink_run, a_head_that_is_there_is_popped)
{
	take(1);
	take(2);
	cr_assert(tell(11, 21));
	cr_expect_eq(slu_run_head(&run)->number, 2);
	cr_expect_eq(run.committed, 1);
	cr_assert(tell(11, 21));
	cr_expect_eq(slu_run_head(&run)->number, 2);
}

Test(sink_run, positions_that_it_never_wrote_are_refused)
{
	take(1);
	cr_expect_not(tell(9, 20));
	cr_expect_not(tell(11, 20));
	cr_expect_not(tell(12, 22));
	cr_expect_eq(run.committed, 0);
	slu_run_pop(&run);
	cr_expect_not(tell(10, 20));
	cr_expect_not(tell(12, 22));
}

Test(sink_run, a_seal_comes_after_the_last_batch_and_counts_as_none)
{
	take(1);
	slu_run_pop(&run);
	take_seal();
	cr_expect_not(slu_run_has_room(&run));
	cr_expect(slu_run_head(&run)->seals);
	cr_assert(tell(11, 21));
	cr_expect(slu_run_head(&run)->seals, "where the run stands says nothing of the seal");
	slu_run_pop(&run);
	cr_expect(run.sealed);
	cr_expect_eq(run.committed, 1);
	cr_expect_eq(run.applied[1], 21);
	cr_expect_null(slu_run_head(&run));
}

Test(sink_run, beginning_forgets_the_one_before)
{
	take(1);
	slu_run_pop(&run);
	take_seal();
	begin(true);
	cr_expect_null(slu_run_head(&run));
	cr_expect_eq(run.committed, 0);
	cr_expect_not(run.found);
	cr_expect_not(run.sealing);
	cr_expect_not(run.sealed);
	cr_assert(tell(100, 7));
	cr_expect_eq(run.positions[0], 100);
	cr_expect(slu_run_has_room(&run));
}

/* A run that died is carried on by another process: its statements must not be taken for those that
 * a pooler's session still holds from the first. */
Test(sink_run, two_sinks_and_two_dials_name_their_statements_apart)
{
	const struct slu_target targets[] = {
		{.chance = 1, .generation = &run.generation},
		{.chance = UINT64_MAX, .generation = &run.generation},
	};
	const struct sluice_stream stream = {.name = "s", .index = SLUICE_STREAMS_MAX - 1};
	struct slu_connection connection;
	char names[3][SLU_STATEMENT_NAME_SIZE];

	slu_connection_init(&connection, &targets[0]);
	slu_session_name(&connection, names[0], SLU_REMOVE, &stream);
	connection.dials = UINT32_MAX;
	slu_session_name(&connection, names[1], SLU_REMOVE, &stream);
	connection.target = &targets[1];
	slu_session_name(&connection, names[2], SLU_REMOVE, &stream);
	cr_expect_str_neq(names[0], names[1]);
	cr_expect_str_neq(names[1], names[2]);
	cr_expect_str_eq(strrchr(names[2], '_'), "_remove15", "%s", names[2]);
}
