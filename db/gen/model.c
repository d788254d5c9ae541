/* SPDX-License-Identifier: MIT */
/* model.c - gives a model back. */
#include "db/gen/model.h"

#include <stdlib.h>
#include <string.h>

static void free_enumeration(struct slu_enumeration *enumeration)
{
	size_t i;

	free(enumeration->name);
	free(enumeration->sql_name);
	for (i = 0; i < enumeration->label_count; i++)
		free(enumeration->labels[i]);
	free(enumeration->labels);
}

void slu_struct_free(struct slu_struct *object)
{
	size_t i;

	for (i = 0; i < object->field_count; i++) {
		free(object->fields[i].name);
		free(object->fields[i].column);
		free(object->fields[i].sql_type);
		free(object->fields[i].definition);
	}
	free(object->name);
	free(object->fields);
	free(object->order);
	memset(object, 0, sizeof(*object));
}

static void free_query(struct slu_model_query *query)
{
	free(query->name);
	free(query->sql);
	free(query->copy_sql);
}

void slu_model_stream_free(struct slu_model_stream *stream)
{
	free(stream->name);
	free(stream->table);
	free(stream->copy_sql);
	free(stream->write_sql);
	free(stream->remove_sql);
	free(stream->read_sql);
	free(stream->fetch_sql);
}

void slu_model_free(struct slu_model *model)
{
	size_t i;

	free(model->prefix);
	for (i = 0; i < model->enumeration_count; i++)
		free_enumeration(&model->enumerations[i]);
	for (i = 0; i < model->struct_count; i++)
		slu_struct_free(&model->structs[i]);
	for (i = 0; i < model->query_count; i++)
		free_query(&model->queries[i]);
	for (i = 0; i < model->stream_count; i++)
		slu_model_stream_free(&model->streams[i]);
	free(model->enumerations);
	free(model->structs);
	free(model->queries);
	free(model->streams);
	memset(model, 0, sizeof(*model));
}
