/* SPDX-License-Identifier: MIT */
/*
 * pg_script.h - a batch as what will be said to Postgres: statements in order, values encoded.
 *
 * It owns all its bytes, so that it can be said again, to another server, long after the records it
 * was made from are gone. Pure but for memory.
 *
 *      without COPY   pipeline [ fence | write.. | remove.. | letters.. ]
 *
 *      COPY alone     string   [ BEGIN; fence; COPY.. ]
 *                     pipeline [ remove.. | letters.. | COMMIT ]
 *
 *      both           pipeline [ BEGIN | fence | write.. ]
 *                     string   [ COPY.. ]
 *                     pipeline [ remove.. | letters.. | COMMIT ]
 *
 *      at the end     pipeline [ seal ]
 *
 * Writes go before COPY, as executions reference orders: a foreign key is checked at the end of the
 * child's statement, so the parent must be there. Removals go last and in the reverse order of the
 * streams: a row that is written and whose parent is removed in one batch must find it, and a
 * child goes before its parent.
 */
#ifndef SINK_PG_SCRIPT_H
#define SINK_PG_SCRIPT_H

#include "sink/pg_buffer.h"
#include "sink/pg_parcel.h"

/* Rows a prepared statement takes at most. It bounds what libpq must hold at once (one statement,
 * at most 4 MiB of records) and what the server must; past some hundreds of rows a statement's own
 * cost is no longer seen. */
#define SLU_ARRAY_ROWS_MAX 1024

enum slu_statement_kind {
	SLU_BEGIN = 1,
	SLU_FENCE,
	SLU_WRITE,
	SLU_REMOVE,
	SLU_COPY,
	SLU_LETTER,
	SLU_COMMIT,
	SLU_SEAL,
};

struct slu_statement {
	enum slu_statement_kind kind;
	const struct sluice_stream *stream; /* NULL: of none */
	struct slu_span span;               /* where its rows stand in the parcel */
	size_t rows;
	size_t first;       /* index of its first parameter */
	size_t count;       /* parameters */
	size_t copy_offset; /* SLU_COPY: where its data are in `bytes`, */
	size_t copy_size;   /* and how many */
};

/* Statements that travel together. */
struct slu_segment {
	bool pipeline; /* or one simple-query string */
	size_t first;  /* index of a statement */
	size_t end;    /* one past the last */
};

#define SLU_SEGMENTS_MAX 3

struct slu_script {
	uint64_t number; /* of the batch */
	size_t lane_count;
	struct sluice_uuid generation;
	uint64_t *from;
	uint64_t *to;
	struct slu_statement *statements;
	size_t statement_count;
	struct slu_segment segments[SLU_SEGMENTS_MAX];
	size_t segment_count;
	const char **values; /* parameters, ready for libpq */
	int *sizes;
	int *formats;    /* all binary */
	size_t *offsets; /* of the parameters in `bytes` */
	size_t parameter_count;
	size_t epoch_offset;
	struct slu_buffer bytes;
	struct slu_buffer text; /* of the string segment */
	bool seals;             /* it holds no batch, but seals the run */
	bool refused;           /* it can't be said: `trouble` tells why, */
	struct slu_trouble trouble;
	struct slu_span culprit; /* and with SLU_ISOLATE this one row */
};

/* How scripts are made. */
struct slu_script_terms {
	size_t copy_threshold;
	size_t bytes_max;
	const void *format; /* of the records in letters: the streams' descriptions */
	size_t format_size;
};

/* Encodes what `parcel` holds. Returns NULL when out of memory. Content that can't be written gives
 * a script that is `refused`. */
struct slu_script *slu_script_make(const struct slu_parcel *parcel,
                                   const struct sluice_uuid *generation,
                                   const struct slu_script_terms *terms);
/* The statement of SLU_LETTER. */
extern const char slu_letter_sql[];

/* Seals the run that stands where `nothing`, a batch without rows, leads from and to. Returns NULL
 * when out of memory. */
struct slu_script *slu_script_make_seal(const struct sluice_batch *nothing,
                                        const struct sluice_uuid *generation);
void slu_script_free(struct slu_script *script);

/* Writes the epoch of the present connection into it. Allocates nothing. */
void slu_script_set_epoch(struct slu_script *script, uint64_t epoch);

#endif
