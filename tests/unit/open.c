/* SPDX-License-Identifier: MIT */
/* open.c - an instance is opened whole or not at all, and a failure says why and leaves nothing. */
#include "world.h"

#include <sched.h>
#include <string.h>

struct fixture {
	struct world world;
	struct scripted_sink *sink;
	struct sluice_options options;
	struct sluice_error error;
	struct sluice *sluice;
	unsigned lines; /* logged */
	char line[320]; /* the last */
};

static struct fixture f;

static void note_line(void *context, const char *line)
{
	cr_assert_eq(context, &f);
	f.lines++;
	strncpy(f.line, line, sizeof(f.line) - 1);
}

static void set_up(void)
{
	world_init_real(&f.world);
	f.sink = scripted_sink_new();
	sluice_options_init(&f.options);
	cr_assert_eq(sluice_options_parse(&f.options, "lanes=3 lane_slots=64 keys=64", &f.error),
	             SLUICE_OK);
	f.options.log = note_line;
	f.options.log_context = &f;
}

static void tear_down(void)
{
	if (f.sluice != NULL)
		sluice_close(f.sluice, 0, NULL);
	assert_equal(f.sink->closes, 1);
	assert_equal(f.world.mapped, 0);
	scripted_sink_free(f.sink);
}

TestSuite(open, .init = set_up, .fini = tear_down, .timeout = 100);

static bool open_in_world(void)
{
	f.sluice = slu_open(&f.world.env, &f.sink->sink, &world_streams, &f.options, &f.error);
	return f.sluice != NULL;
}

/* Before time passes for who opens, the flusher has told what it found. */
static void let_flusher_tell(void *context)
{
	uint64_t steps = f.sink->steps;

	(void)context;
	while (f.sink->steps < steps + 2)
		sched_yield();
}

static void use_fake_clock(void)
{
	world_init(&f.world);
	f.world.on_wait = let_flusher_tell;
}

/* ---- refused before anything is made ---- */

static void assert_refused(const struct sluice_streams *streams, const char *word)
{
	cr_assert_null(sluice_open_with(&f.sink->sink, streams, &f.options, &f.error));
	assert_status(f.error.status, SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, word), "%s", f.error.message);
	assert_equal(f.sink->starts, 0);
	assert_equal(f.sink->closes, 1);
}

static void assert_stream_refused(const struct sluice_stream *stream, const char *word)
{
	const struct sluice_stream *const one[] = {stream};
	struct sluice_streams streams = {.name = "one", .streams = one, .count = 1};

	assert_refused(&streams, word);
}

Test(open, no_stream_is_refused)
{
	struct sluice_streams none = {.name = "none"};

	assert_refused(&none, "0 streams");
}

Test(open, more_streams_than_possible_are_refused)
{
	const struct sluice_stream *many[SLUICE_STREAMS_MAX + 1];
	struct sluice_streams streams = {
		.name = "many", .streams = many, .count = SLUICE_STREAMS_MAX + 1};

	for (size_t i = 0; i <= SLUICE_STREAMS_MAX; i++)
		many[i] = &items;
	assert_refused(&streams, "17 streams");
}

Test(open, a_stream_out_of_its_place_is_refused)
{
	assert_stream_refused(&events, "events");
}

Test(open, a_record_of_no_bytes_is_refused)
{
	struct sluice_stream stream = items;

	stream.layout.size = 0;
	assert_stream_refused(&stream, "0 bytes");
}

Test(open, a_record_longer_than_possible_is_refused)
{
	struct sluice_stream stream = items;

	stream.layout.size = SLUICE_RECORD_SIZE_MAX + 1;
	assert_stream_refused(&stream, "4065 bytes");
}

Test(open, a_key_of_no_bytes_is_refused)
{
	struct sluice_stream stream = items;

	stream.key_size = 0;
	assert_stream_refused(&stream, "key of 0");
}

Test(open, a_key_longer_than_possible_is_refused)
{
	struct sluice_stream stream = items;

	stream.layout.size = 200;
	stream.key_size = SLUICE_KEY_SIZE_MAX + 1;
	assert_stream_refused(&stream, "key of 65");
}

Test(open, a_key_that_ends_outside_the_record_is_refused)
{
	struct sluice_stream stream = items;

	stream.key_offset = (uint16_t)(stream.layout.size - stream.key_size + 1);
	assert_stream_refused(&stream, "key");
}

Test(open, an_option_out_of_bounds_is_refused)
{
	f.options.lanes = 257;
	assert_refused(&world_streams, "lanes");
}

Test(open, an_option_text_with_an_error_is_refused_and_closes_the_sink)
{
	cr_assert_null(sluice_open(&f.sink->sink, &world_streams, "lane=3", &f.error));
	assert_status(f.error.status, SLUICE_INVALID);
	cr_assert_not_null(strstr(f.error.message, "lanes"), "%s", f.error.message);
	assert_equal(f.sink->closes, 1);
}

Test(open, without_a_sink_it_is_refused)
{
	cr_assert_null(sluice_open(NULL, &world_streams, "", &f.error));
	assert_status(f.error.status, SLUICE_INVALID);
	cr_assert_null(sluice_open(NULL, &world_streams, "no option", NULL));
	f.sink->sink.ops->close(&f.sink->sink);
}

/* ---- memory ---- */

Test(open, whichever_map_fails_it_fails_cleanly)
{
	size_t call = 1;

	for (;; call++) {
		f.world.map_calls = 0;
		f.world.map_fails_at = call;
		if (open_in_world())
			break;
		assert_status(f.error.status, SLUICE_FAILED);
		cr_assert_not_null(strstr(f.error.message, "lane_slots"), "%s", f.error.message);
		assert_equal(f.world.mapped, 0);
		assert_equal(f.sink->closes, call);
		assert_equal(f.sink->starts, 0);
	}
	/* lanes, entries and what was sent of them, rows of a batch */
	assert_equal(call, 1 + 2 + 1 + 1);
	f.sink->closes = 0;
}

Test(open, all_memory_is_mapped_at_open)
{
	struct sluice_lane *lane;
	size_t calls;

	cr_assert(open_in_world());
	calls = f.world.map_calls;
	lane = world_attach(f.sluice, 0);
	for (uint64_t i = 0; i < 60; i++)
		assert_status(put_item(lane, i, i), SLUICE_OK);
	assert_status(sluice_flush(f.sluice, sluice_seconds(30)), SLUICE_OK);
	assert_equal(f.world.map_calls, calls);
}

/* ---- the sink ---- */

Test(open, the_sink_is_told_what_it_will_get)
{
	f.options.in_flight_batches = 5;
	cr_assert(open_in_world());
	cr_assert_eq(f.sink->setup.streams, &world_streams);
	assert_equal(f.sink->setup.in_flight_batches, 5);
	cr_assert_eq(f.sink->setup.log, note_line);
	cr_assert_eq(f.sink->setup.log_context, &f);
	assert_equal(f.sink->generation.lane_count, 3 + 1);
	cr_assert_not(f.sink->generation.known);
}

Test(open, each_run_has_a_name_of_its_own)
{
	struct sluice_uuid first;

	cr_assert(open_in_world());
	first = f.sink->generation.id;
	sluice_close(f.sluice, 0, NULL);
	f.sink->closes = 0;
	cr_assert(open_in_world());
	cr_assert_arr_neq(&first, &f.sink->generation.id, sizeof(first));
}

Test(open, a_sink_that_cannot_start_keeps_its_own_error)
{
	f.sink->start_status = SLUICE_FAILED;
	cr_assert_not(open_in_world());
	assert_status(f.error.status, SLUICE_FAILED);
	cr_assert_str_eq(f.error.message, "the script says so");
	assert_equal(f.sink->closes, 1);
}

Test(open, a_sink_that_does_not_answer_is_named_with_cause_and_remedy)
{
	use_fake_clock();
	f.sink->state = SLUICE_STATE_CONNECTING;
	strcpy(f.sink->reason, "connection refused");
	cr_assert_not(open_in_world());
	assert_status(f.error.status, SLUICE_TIMEOUT);
	cr_assert_not_null(strstr(f.error.message, "connection refused"), "%s", f.error.message);
	cr_assert_not_null(strstr(f.error.message, "connect_timeout"), "%s", f.error.message);
	cr_assert_not_null(strstr(f.error.message, "connect=background"), "%s", f.error.message);
}

Test(open, while_it_waits_it_tells_so_once_a_second)
{
	use_fake_clock();
	f.sink->state = SLUICE_STATE_CONNECTING;
	strcpy(f.sink->reason, "connection refused");
	f.options.connect_timeout = 10000000000;
	cr_assert_not(open_in_world());
	cr_assert_geq(f.lines, 9);
	cr_assert_leq(f.lines, 10);
	cr_assert_not_null(strstr(f.line, "connection refused"), "%s", f.line);
}

Test(open, a_sink_that_halts_is_not_waited_for)
{
	f.sink->state = SLUICE_STATE_HALTED;
	strcpy(f.sink->reason, "no such table");
	cr_assert_not(open_in_world());
	assert_status(f.error.status, SLUICE_HALTED);
	cr_assert_not_null(strstr(f.error.message, "no such table"), "%s", f.error.message);
	assert_equal(f.lines, 0);
}

Test(open, in_the_background_it_takes_records_and_carries_them_later)
{
	struct sluice_stats stats;
	struct sluice_lane *lane;

	f.sink->state = SLUICE_STATE_CONNECTING;
	f.options.connect = SLUICE_CONNECT_BACKGROUND;
	cr_assert(open_in_world());
	sluice_stats(f.sluice, &stats);
	assert_equal(stats.state, SLUICE_STATE_CONNECTING);
	lane = world_attach(f.sluice, 0);
	assert_status(put_item(lane, 7, 70), SLUICE_OK);
	assert_status(sluice_flush(f.sluice, sluice_ms(3)), SLUICE_TIMEOUT);
	assert_equal(value_of(lane, 7), 70);
	scripted_sink_turn(f.sink, SLUICE_STATE_RUNNING, "");
	assert_status(sluice_flush(f.sluice, sluice_seconds(30)), SLUICE_OK);
	assert_equal(f.sink->row_count, 1);
}
