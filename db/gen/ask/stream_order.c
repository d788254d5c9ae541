/* SPDX-License-Identifier: MIT */
/* stream_order.c - the streams of a file, side by side: parents stand before their children. */
#include "db/gen/ask/streams.h"

#include <stdlib.h>
#include <string.h>

/* Whether a row of `child` refers to one of `parent`: then that must be written first. */
static bool refers(struct slu_study *study, const char *child, const char *parent)
{
	const char *values[] = {child, parent};
	PGresult *found = slu_study_ask(study,
	                                "SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f'"
	                                "  AND conrelid = pg_catalog.to_regclass($1)"
	                                "  AND confrelid = pg_catalog.to_regclass($2)"
	                                "  AND conrelid <> confrelid",
	                                2, values);
	bool refers = found != NULL && PQntuples(found) > 0;

	PQclear(found);
	return refers;
}

void slu_streams_check(struct slu_study *study)
{
	const struct slu_model *model = study->model;
	size_t child, parent;

	for (child = 0; child < model->stream_count; child++) {
		for (parent = child + 1; parent < model->stream_count; parent++) {
			const struct slu_model_stream *early = &model->streams[child];
			const struct slu_model_stream *late = &model->streams[parent];
			char *hint;

			if (early->table == NULL || late->table == NULL ||
			    !refers(study, early->table, late->table))
				continue;
			hint = slu_study_print(study,
			                       "Put %s before %s: that is the order of writing.",
			                       late->source->name, early->source->name);
			slu_finding(study->findings, early->source->place, hint,
			            "rows of %s refer to rows of %s, which would be written later",
			            early->table, late->table);
			free(hint);
		}
	}
	if (model->stream_count > SLUICE_STREAMS_MAX)
		slu_finding(study->findings, model->streams[SLUICE_STREAMS_MAX].source->place, NULL,
		            "an instance carries at most %d streams", SLUICE_STREAMS_MAX);
}
