/* SPDX-License-Identifier: MIT */
/* conversation.c - the rows, and the sink driven through its door, by hand. */
#include "tests/torture/conversation.h"

#include "core/file/schema.h"
#include "tests/torture/conversation_lines.h"

#include <poll.h>
#include <sluice/postgres.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COPY_THRESHOLD 4               /* so that few rows are many enough */
#define PATIENCE_NS sluice_seconds(60) /* for the whole: no test measures it */
#define SLICE_MS 2
#define SILENCE_NS sluice_seconds(31) /* one second more than the sink waits */
#define JUMPS_MAX 10

/* Where, of the steps of each batch; sorted by key within it, and states first. */
/* clang-format off */
const struct conversation_line conversation_lines[CONVERSATION_LINES] = {
	{1, STEP_OWN, 0, false}, {1, STEP_OWN, 1, false}, {1, STEP_OWN, 2, false},
	{1, STEP_EVENT, 0, false}, {1, STEP_EVENT, 0, false},
	{2, STEP_EVENT, 0, false}, {2, STEP_EVENT, 0, false}, {2, STEP_EVENT, 0, false},
	{2, STEP_EVENT, 0, false}, {2, STEP_EVENT, 0, false}, {2, STEP_EVENT, 0, false},
	{3, STEP_OWN, 1, false}, {3, STEP_REMOVE, 2, false}, {3, STEP_OWN, 3, false},
	{3, STEP_EVENT, 0, false}, {3, STEP_EVENT, 0, false}, {3, STEP_EVENT, 0, false},
	{3, STEP_EVENT, 0, false}, {3, STEP_EVENT, 0, false},
	{4, STEP_OWN, 2, false}, {4, STEP_REMOVE, 3, false},
	{4, STEP_EVENT, 0, false}, {4, STEP_EVENT, 0, false}, {4, STEP_EVENT, 0, true},
	{4, STEP_EVENT, 0, false}, {4, STEP_EVENT, 0, false},
	{5, STEP_OWN, 0, false}, {5, STEP_REMOVE, 1, false}, {5, STEP_OWN, 4, true},
	{5, STEP_OWN, 5, false},
};
/* clang-format on */

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return sluice_seconds((uint64_t)now.tv_sec) + (uint64_t)now.tv_nsec;
}

static bool fails(struct conversation *conversation, const char *what)
{
	snprintf(conversation->trouble, sizeof(conversation->trouble), "%s: %.300s", what,
	         conversation->progress.reason != NULL ? conversation->progress.reason : "");
	return false;
}

/* ---- the rows ---- */

bool conversation_says(const struct conversation *conversation, size_t line)
{
	uint64_t batch = conversation_lines[line].batch;

	return conversation->first <= batch && batch <= conversation->last;
}

uint64_t conversation_sequence(const struct conversation *conversation, size_t line)
{
	uint64_t sequence = 1;

	while (line-- > 0)
		sequence += conversation_says(conversation, line);
	return sequence;
}

static void make_row(struct conversation *conversation, size_t index)
{
	const struct conversation_line *line = &conversation_lines[index];
	union torture_record *record = &conversation->records[index];
	struct step step = {.seed = conversation->seed,
	                    .number = (int64_t)index + 1,
	                    .engine = line->refused ? CONVERSATION_REFUSED : 1,
	                    .kind = line->kind,
	                    .key = (int64_t)conversation->run * CONVERSATION_KEYS + line->key};
	bool event = line->kind == STEP_EVENT;

	memset(record, 0, sizeof(*record));
	story_record(&step, record);
	if (event)
		record->event.run = conversation->run;
	else
		record->holding.run = conversation->run;
	conversation->rows[index] = (struct sluice_row){
		.record = record,
		.version = event ? 0 : line->batch,
		.removed = line->kind == STEP_REMOVE,
		.size = event ? sizeof(record->event) : sizeof(record->holding),
		.sequence = conversation_sequence(conversation, index),
	};
}

static void add_part(struct sluice_batch *batch, struct sluice_part *parts,
                     const struct sluice_row *row, bool event)
{
	const struct sluice_stream *stream = event ? &torture_events : &torture_holdings;
	struct sluice_part *part = &parts[batch->part_count];

	if (batch->part_count == 0 || part[-1].stream != stream) {
		*part = (struct sluice_part){.stream = stream, .rows = row};
		batch->part_count++;
	} else {
		part--;
	}
	part->row_count++;
	part->removed_count += row->removed;
	batch->row_count++;
}

/* ---- the sink ---- */

static bool is_silent(const struct conversation *conversation)
{
	return atomic_load(&conversation->proxy->told->struck) && !conversation->dropped;
}

static void step(struct conversation *conversation)
{
	conversation->sink->ops->step(conversation->sink, clock_ns() + conversation->ahead_ns,
	                              &conversation->progress);
	/* It has left the silent connection, or never was on one. */
	if (conversation->progress.fd < 0 && is_silent(conversation)) {
		fault_proxy_drop(conversation->proxy);
		conversation->dropped = true;
	}
}

/* The wire has fallen silent, and the sink waits. */
static bool meet_silence(struct conversation *conversation)
{
	if (conversation->held != NULL) {
		if (!conversation->held(conversation, conversation->context))
			return false;
		fault_proxy_drop(conversation->proxy);
		conversation->dropped = true;
		return true;
	}
	if (conversation->jumps++ == JUMPS_MAX)
		return fails(conversation, "a silent server is not left");
	conversation->ahead_ns += SILENCE_NS;
	return true;
}

/* Sleeps as the sink asks, without waiting for time to pass. */
static bool pause_as_asked(struct conversation *conversation)
{
	const struct sluice_sink_progress *progress = &conversation->progress;
	struct pollfd socket = {.fd = progress->fd, .events = progress->events};
	uint64_t now = clock_ns() + conversation->ahead_ns;

	if (progress->state == SLUICE_STATE_HALTED || progress->state == SLUICE_STATE_FENCED)
		return fails(conversation, "it stopped");
	if (progress->fd < 0 && progress->wake_ns == UINT64_MAX)
		return fails(conversation, "it waits for nothing");
	if (progress->fd < 0) {
		if (progress->wake_ns > now)
			conversation->ahead_ns += progress->wake_ns - now;
		return true;
	}
	while (clock_ns() < conversation->patience_ns) {
		if (poll(&socket, 1, SLICE_MS) > 0)
			return true;
		if (is_silent(conversation))
			return meet_silence(conversation);
		if (clock_ns() + conversation->ahead_ns >= progress->wake_ns)
			return true;
	}
	return fails(conversation, "it hangs, or has lost a wakeup");
}

static bool submit(struct conversation *conversation)
{
	struct sluice_part parts[2];
	uint64_t to[CONVERSATION_LANES];
	struct sluice_batch batch = {.number = ++conversation->submitted,
	                             .parts = parts,
	                             .lane_count = CONVERSATION_LANES,
	                             .from = conversation->positions,
	                             .to = to};

	while (!conversation->progress.ready) {
		if (!pause_as_asked(conversation))
			return false;
		step(conversation);
	}
	for (size_t i = 0; i < CONVERSATION_LINES; i++)
		if (conversation_lines[i].batch == conversation->first + batch.number - 1)
			add_part(&batch, parts, &conversation->rows[i],
			         conversation_lines[i].kind == STEP_EVENT);
	to[0] = conversation->positions[0] + batch.row_count;
	to[1] = conversation->positions[1] + 1;
	if (conversation->sink->ops->submit(conversation->sink, &batch) != SLUICE_OK)
		return fails(conversation, "no memory");
	memcpy(conversation->positions, to, sizeof(to));
	step(conversation);
	return true;
}

static bool settle(struct conversation *conversation)
{
	while (conversation->progress.committed < conversation->submitted) {
		if (!pause_as_asked(conversation))
			return false;
		step(conversation);
	}
	return true;
}

static bool seal(struct conversation *conversation)
{
	conversation->sink->ops->seal(conversation->sink);
	step(conversation);
	while (!conversation->progress.sealed) {
		if (!pause_as_asked(conversation))
			return false;
		step(conversation);
	}
	return true;
}

static void say(void *unused, const char *line)
{
	(void)unused;
	if (getenv("SLUICE_TEST_VERBOSE") != NULL)
		fprintf(stderr, "  %s\n", line);
}

static bool open_sink(struct conversation *conversation)
{
	static const struct sluice_postgres_options options = {.copy_threshold = COPY_THRESHOLD};
	static unsigned char *format; /* lives as long as the process */
	static uint64_t format_size;
	struct sluice_sink_setup setup = {
		.streams = &torture_streams, .in_flight_batches = 2, .log = say};
	struct sluice_error error;

	if (format == NULL)
		format = slu_schema_write(&torture_streams, &format_size);
	setup.format = format;
	setup.format_size = format_size;
	setup.seed = story_draw(conversation->seed, (uint64_t)conversation->run, 0, 1);
	conversation->sink = sluice_postgres_open(conversation->conninfo, &options, &error);
	if (format == NULL || conversation->sink == NULL)
		return fails(conversation, "it can't be opened");
	if (conversation->sink->ops->start(conversation->sink, &setup, &error) != SLUICE_OK ||
	    conversation->sink->ops->begin(conversation->sink, &conversation->generation) !=
	            SLUICE_OK)
		return fails(conversation, "it can't be started");
	step(conversation);
	return true;
}

bool conversation_run(struct conversation *conversation)
{
	uint64_t name[2] = {story_draw(conversation->seed, (uint64_t)conversation->run, 0, 2),
	                    (uint64_t)conversation->run};
	bool fine;

	memset(&conversation->progress, 0, sizeof(conversation->progress));
	memset(&conversation->generation, 0, sizeof(conversation->generation));
	memset(conversation->positions, 0, sizeof(conversation->positions));
	memcpy(conversation->generation.id.bytes, name, sizeof(name));
	conversation->generation.lane_count = CONVERSATION_LANES;
	conversation->trouble[0] = '\0';
	conversation->submitted = conversation->ahead_ns = 0;
	conversation->jumps = 0;
	conversation->patience_ns = clock_ns() + PATIENCE_NS;
	conversation->dropped = false;
	conversation->sink = NULL;
	for (size_t i = 0; i < CONVERSATION_LINES; i++)
		make_row(conversation, i);
	fine = open_sink(conversation);
	while (fine && conversation->first + conversation->submitted <= conversation->last)
		fine = submit(conversation) && settle(conversation);
	fine = fine && seal(conversation);
	if (conversation->sink != NULL)
		conversation->sink->ops->close(conversation->sink);
	conversation->sink = NULL;
	conversation->progress.reason = NULL;
	conversation->progress.positions = NULL;
	return fine;
}
