/* SPDX-License-Identifier: MIT */
/* ledger.c - batches applied one a step, each where its generation stands. */
#include "ledger.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX 8

/* A batch that was taken and not yet committed: died with its run, it never was. */
struct held {
	uint64_t number;
	uint64_t from[LEDGER_LANES], to[LEDGER_LANES];
	struct seen_row *rows;
	size_t row_count;
};

struct ledger_sink {
	struct sluice_sink sink;
	struct ledger *ledger;
	struct ledger_generation *generation;
	bool told; /* the run knows where its generation stands */
	uint64_t positions[LEDGER_LANES];
	bool seal, sealed;
	struct held held[HELD_MAX];
	size_t held_count;
	uint64_t committed, dead_lettered;
	uint64_t dead_lettered_of[SLUICE_STREAMS_MAX];
};

static void violate(struct ledger *ledger, const char *what)
{
	if (ledger->violation[0] == '\0')
		snprintf(ledger->violation, sizeof(ledger->violation), "%s", what);
}

static enum sluice_status ledger_start(struct sluice_sink *sink,
                                       const struct sluice_sink_setup *setup,
                                       struct sluice_error *error)
{
	(void)sink;
	(void)setup;
	(void)error;
	return SLUICE_OK;
}

static struct ledger_generation *find(struct ledger *ledger, const struct sluice_uuid *id)
{
	for (size_t i = 0; i < ledger->generation_count; i++)
		if (memcmp(&ledger->generations[i].id, id, sizeof(*id)) == 0)
			return &ledger->generations[i];
	return NULL;
}

static enum sluice_status ledger_begin(struct sluice_sink *sink,
                                       const struct sluice_generation *generation)
{
	struct ledger_sink *self = (struct ledger_sink *)sink;
	struct ledger *ledger = self->ledger;
	struct ledger_generation *found = find(ledger, &generation->id);

	if (self->held_count > 0)
		violate(ledger, "a generation was begun while a batch was held");
	if (self->generation != NULL && !self->generation->sealed)
		violate(ledger, "a generation was begun before the last was sealed");
	if (generation->known && found == NULL)
		violate(ledger, "a generation that was said to be known is not");
	if (found == NULL) {
		cr_assert_lt(ledger->generation_count, LEDGER_GENERATIONS);
		cr_assert_leq(generation->lane_count, LEDGER_LANES);
		found = &ledger->generations[ledger->generation_count++];
		*found = (struct ledger_generation){.id = generation->id,
		                                    .lane_count = generation->lane_count};
	}
	if (found->lane_count != generation->lane_count)
		violate(ledger, "a generation came back with other lanes");
	self->generation = found;
	self->told = self->seal = self->sealed = false;
	self->committed = self->dead_lettered = 0;
	memset(self->dead_lettered_of, 0, sizeof(self->dead_lettered_of));
	return SLUICE_OK;
}

static void ledger_seal(struct sluice_sink *sink)
{
	struct ledger_sink *self = (struct ledger_sink *)sink;

	if (self->held_count > 0)
		violate(self->ledger, "a generation was sealed while a batch was held");
	self->seal = true;
}

static void copy_row(struct seen_row *row, const struct sluice_stream *stream,
                     const struct sluice_row *source)
{
	*row = (struct seen_row){
		.stream = stream, .version = source->version, .removed = source->removed};
	memcpy(&row->record, source->record, stream->layout.size);
}

static enum sluice_status ledger_submit(struct sluice_sink *sink, const struct sluice_batch *batch)
{
	struct ledger_sink *self = (struct ledger_sink *)sink;
	struct held *held = &self->held[self->held_count++];

	if (!self->told)
		violate(self->ledger, "a batch came before its generation's positions were told");
	held->number = batch->number;
	held->row_count = 0;
	held->rows = malloc((batch->row_count + 1) * sizeof(*held->rows));
	memcpy(held->from, batch->from, batch->lane_count * sizeof(uint64_t));
	memcpy(held->to, batch->to, batch->lane_count * sizeof(uint64_t));
	for (size_t p = 0; p < batch->part_count; p++)
		for (size_t r = 0; r < batch->parts[p].row_count; r++)
			copy_row(&held->rows[held->row_count++], batch->parts[p].stream,
			         &batch->parts[p].rows[r]);
	return SLUICE_OK;
}

static bool is_refused(const struct ledger *ledger, const struct seen_row *row)
{
	return ledger->refuses != 0 && row->stream == &events &&
	       row->record.event.value == ledger->refuses;
}

static void apply(struct ledger_sink *self)
{
	struct ledger *ledger = self->ledger;
	struct held *held = &self->held[0];
	size_t size = self->generation->lane_count * sizeof(uint64_t);

	if (memcmp(held->from, self->generation->positions, size) != 0)
		violate(ledger, "a batch does not begin where its generation stands");
	if (self->generation->sealed)
		violate(ledger, "a batch of a sealed generation");
	memcpy(self->generation->positions, held->to, size);
	if (ledger->row_count + held->row_count > ledger->row_capacity) {
		ledger->row_capacity = 2 * (ledger->row_count + held->row_count);
		ledger->rows = realloc(ledger->rows, ledger->row_capacity * sizeof(*ledger->rows));
	}
	for (size_t i = 0; i < held->row_count; i++)
		if (is_refused(ledger, &held->rows[i])) {
			ledger->letter_count++;
			self->dead_lettered++;
			self->dead_lettered_of[events.index]++;
		} else {
			ledger->rows[ledger->row_count++] = held->rows[i];
		}
	self->committed = held->number;
	free(held->rows);
	memmove(held, held + 1, --self->held_count * sizeof(*held));
}

static void ledger_step(struct sluice_sink *sink, uint64_t now_ns,
                        struct sluice_sink_progress *progress)
{
	struct ledger_sink *self = (struct ledger_sink *)sink;
	bool online = self->generation != NULL && !self->ledger->offline;

	(void)now_ns;
	if (online && !self->told) {
		memcpy(self->positions, self->generation->positions, sizeof(self->positions));
		self->told = true;
	} else if (online && self->held_count > 0) {
		apply(self);
	} else if (online && self->seal) {
		self->generation->sealed = self->sealed = true;
	}
	*progress = (struct sluice_sink_progress){
		.state = online ? SLUICE_STATE_RUNNING : SLUICE_STATE_CONNECTING,
		.committed = self->committed,
		.dead_lettered = self->dead_lettered,
		.dead_lettered_of = self->dead_lettered_of,
		.positions = self->told ? self->positions : NULL,
		.sealed = self->sealed,
		.ready = self->told && self->held_count < 2,
		.reason = "",
		.fd = -1,
		.wake_ns = UINT64_MAX,
	};
}

static void ledger_close(struct sluice_sink *sink)
{
	struct ledger_sink *self = (struct ledger_sink *)sink;

	for (size_t i = 0; i < self->held_count; i++)
		free(self->held[i].rows);
	free(self);
}

static const struct sluice_sink_ops ledger_ops = {
	.start = ledger_start,
	.begin = ledger_begin,
	.seal = ledger_seal,
	.submit = ledger_submit,
	.step = ledger_step,
	.close = ledger_close,
};

struct sluice_sink *ledger_sink_new(struct ledger *ledger)
{
	struct ledger_sink *self = calloc(1, sizeof(*self));

	cr_assert_not_null(self);
	self->sink.ops = &ledger_ops;
	self->ledger = ledger;
	return &self->sink;
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->rows);
}

size_t ledger_count(const struct ledger *ledger, const struct sluice_stream *stream, uint64_t value)
{
	size_t count = 0;

	for (size_t i = 0; i < ledger->row_count; i++) {
		const struct seen_row *row = &ledger->rows[i];

		if (row->stream == stream)
			count += (stream == &items ? row->record.item.value
			                           : row->record.event.value) == value;
	}
	return count;
}
