/* SPDX-License-Identifier: MIT */
/* far_end.c - transactions in shared memory, and the sink that writes them. */
#include "tests/torture/far_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the database ---- */

struct far_end *far_end_make(size_t transaction_max, size_t row_max)
{
	size_t transactions_size = transaction_max * sizeof(struct far_transaction);
	size_t size = sizeof(struct far_end) + transactions_size +
	              row_max * sizeof(struct far_row) + sizeof(struct far_row);
	struct far_end *far_end = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t rows;

	if (far_end == MAP_FAILED) {
		perror("far_end: no memory");
		abort();
	}
	far_end->size = size;
	far_end->transaction_max = transaction_max;
	far_end->row_max = row_max;
	far_end->transactions = (struct far_transaction *)(far_end + 1);
	rows = (uintptr_t)far_end->transactions + transactions_size;
	rows = (rows + _Alignof(struct far_row) - 1) & ~(_Alignof(struct far_row) - 1);
	far_end->rows = (struct far_row *)rows;
	return far_end;
}

void far_end_free(struct far_end *far_end)
{
	munmap(far_end, far_end->size);
}

void far_end_clear(struct far_end *far_end)
{
	atomic_store(&far_end->transaction_count, 0);
	atomic_store(&far_end->away, false);
	atomic_store(&far_end->flusher_tid, 0);
	far_end->violation[0] = '\0';
}

static const struct far_transaction *last_of(const struct far_end *far_end,
                                             const struct sluice_uuid *generation)
{
	for (size_t i = atomic_load(&far_end->transaction_count); i > 0; i--) {
		const struct far_transaction *transaction = &far_end->transactions[i - 1];

		if (memcmp(&transaction->generation, generation, sizeof(*generation)) == 0)
			return transaction;
	}
	return NULL;
}

size_t far_end_row_count(const struct far_end *far_end)
{
	size_t count = atomic_load(&far_end->transaction_count);

	return count > 0 ? far_end->transactions[count - 1].row_end : 0;
}

uint64_t far_end_applied(const struct far_end *far_end)
{
	uint64_t applied = 0;

	for (size_t i = 0; i < atomic_load(&far_end->transaction_count); i++) {
		const struct far_transaction *transaction = &far_end->transactions[i];

		if (last_of(far_end, &transaction->generation) == transaction)
			for (size_t lane = 0; lane < FAR_LANES_MAX; lane++)
				applied += transaction->to[lane];
	}
	return applied;
}

/* ---- the sink ---- */

struct far_sink {
	struct sluice_sink sink;
	struct far_end *far_end;
	struct sluice_uuid generation;
	size_t lane_count;
	bool begun, known, sealed;
	uint64_t committed;
	uint64_t positions[FAR_LANES_MAX];
};

static struct far_sink *far_sink(struct sluice_sink *sink)
{
	return (struct far_sink *)sink;
}

static void violate(struct far_sink *sink, const char *what)
{
	char *violation = sink->far_end->violation;

	if (violation[0] == '\0')
		snprintf(violation, sizeof(sink->far_end->violation), "%s", what);
}

static enum sluice_status far_start(struct sluice_sink *sink, const struct sluice_sink_setup *setup,
                                    struct sluice_error *error)
{
	(void)sink;
	(void)setup;
	(void)error;
	return SLUICE_OK;
}

static enum sluice_status far_begin(struct sluice_sink *base,
                                    const struct sluice_generation *generation)
{
	struct far_sink *sink = far_sink(base);

	if (generation->lane_count > FAR_LANES_MAX)
		abort();
	sink->generation = generation->id;
	sink->lane_count = generation->lane_count;
	sink->begun = true;
	sink->known = false;
	sink->sealed = false;
	sink->committed = 0;
	return SLUICE_OK;
}

/* Adds what `transaction` says and the batch's rows; there when the count moves. */
static void commit(struct far_sink *sink, const struct far_transaction *transaction)
{
	struct far_end *far_end = sink->far_end;
	size_t count = atomic_load(&far_end->transaction_count);

	if (count == far_end->transaction_max || transaction->row_end > far_end->row_max) {
		fputs("far_end: too small for this test\n", stderr);
		abort();
	}
	far_end->transactions[count] = *transaction;
	atomic_store(&far_end->transaction_count, count + 1);
}

static void far_seal(struct sluice_sink *base)
{
	struct far_sink *sink = far_sink(base);
	struct far_transaction transaction = {.generation = sink->generation, .seal = true};

	if (!sink->known || sink->sealed)
		violate(sink, "a seal out of turn");
	transaction.row_end = far_end_row_count(sink->far_end);
	memcpy(transaction.to, sink->positions, sizeof(transaction.to));
	commit(sink, &transaction);
	sink->sealed = true;
}

static void write_row(struct far_sink *sink, struct far_row *row, const struct sluice_part *part,
                      const struct sluice_row *given)
{
	if (part->stream->layout.size > FAR_RECORD_SIZE)
		abort();
	if (given->removed && part->stream->kind != SLUICE_STATE)
		violate(sink, "a removed event");
	row->stream = part->stream;
	row->version = given->version;
	row->removed = given->removed;
	memcpy(row->record, given->record, part->stream->layout.size);
}

static enum sluice_status far_submit(struct sluice_sink *base, const struct sluice_batch *batch)
{
	struct far_sink *sink = far_sink(base);
	struct far_end *far_end = sink->far_end;
	struct far_transaction transaction = {.generation = sink->generation};
	size_t row = far_end_row_count(far_end);

	if (!sink->known || sink->sealed || batch->number != sink->committed + 1)
		violate(sink, "a batch out of turn");
	if (memcmp(batch->from, sink->positions, sink->lane_count * sizeof(uint64_t)) != 0)
		violate(sink, "a batch that does not begin where the one before ended");
	for (size_t i = 0; i < batch->part_count; i++)
		for (size_t j = 0; j < batch->parts[i].row_count && row < far_end->row_max; j++)
			write_row(sink, &far_end->rows[row++], &batch->parts[i],
			          &batch->parts[i].rows[j]);
	memcpy(sink->positions, batch->to, sink->lane_count * sizeof(uint64_t));
	memcpy(transaction.to, sink->positions, sizeof(transaction.to));
	transaction.row_end = row;
	commit(sink, &transaction);
	sink->committed = batch->number;
	return SLUICE_OK;
}

/* Positions are read when the far end is first there after begin. */
static void look_up(struct far_sink *sink)
{
	const struct far_transaction *last = last_of(sink->far_end, &sink->generation);

	memset(sink->positions, 0, sizeof(sink->positions));
	if (last != NULL)
		memcpy(sink->positions, last->to, sizeof(sink->positions));
	sink->known = true;
}

static void far_step(struct sluice_sink *base, uint64_t now_ns,
                     struct sluice_sink_progress *progress)
{
	struct far_sink *sink = far_sink(base);
	bool here = !atomic_load(&sink->far_end->away);

	(void)now_ns;
	atomic_store(&sink->far_end->flusher_tid, gettid());
	if (here && sink->begun && !sink->known)
		look_up(sink);
	*progress = (struct sluice_sink_progress){
		.state = here ? SLUICE_STATE_RUNNING : SLUICE_STATE_CONNECTING,
		.committed = sink->committed,
		.positions = sink->known ? sink->positions : NULL,
		.sealed = sink->sealed,
		.ready = here && sink->known,
		.reason = here ? "" : "the far end is away",
		.fd = -1,
		.wake_ns = UINT64_MAX,
	};
}

static void far_close(struct sluice_sink *sink)
{
	free(sink);
}

static const struct sluice_sink_ops far_ops = {
	.start = far_start,
	.begin = far_begin,
	.seal = far_seal,
	.submit = far_submit,
	.step = far_step,
	.close = far_close,
};

struct sluice_sink *far_end_sink(struct far_end *far_end)
{
	struct far_sink *sink = calloc(1, sizeof(*sink));

	if (sink == NULL)
		abort();
	sink->sink.ops = &far_ops;
	sink->far_end = far_end;
	return &sink->sink;
}
