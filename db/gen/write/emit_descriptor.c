/* SPDX-License-Identifier: MIT */
/* emit_descriptor.c - the tables behind the calls: what a stream's record is, byte by byte, and the
 * statements that take it. */
#include "db/gen/write/emit_parts.h"

#include <inttypes.h>
#include <string.h>

#define SHORT_SQL_SIZE_MAX 70

void slu_write_record_asserts(struct slu_writer *writer, const struct slu_model *model,
                              const struct slu_model_stream *stream)
{
	const struct slu_struct *record = &model->structs[stream->record];
	const char *name = slu_piece(writer, "%s_%s", model->prefix, record->name);
	size_t place;

	slu_write(writer, "\nstatic_assert(sizeof(struct %s) == %u, \"layout of %s\");\n", name,
	          record->size, name);
	for (place = 0; place < record->field_count; place++) {
		const struct slu_field *field = &record->fields[record->order[place]];

		if (field->size == 0)
			continue;
		slu_write(writer, "static_assert(");
		slu_write_list(writer, "offsetof(struct %s, %s) == %u, \"layout of %s\");", name,
		               field->name, field->offset, name);
		slu_write(writer, "\n");
	}
	if (record->nullable_count == 0)
		return;
	slu_write(writer, "static_assert(");
	slu_write_list(writer, "offsetof(struct %s, present) == %u, \"layout of %s\");", name,
	               record->present_offset, name);
	slu_write(writer, "\n");
}

/* The key's bytes, from its first column's to its last's. */
static void write_key(struct slu_writer *writer, const struct slu_struct *record,
                      const struct slu_model_stream *stream)
{
	uint32_t begin = UINT32_MAX;
	uint32_t end = 0;
	size_t i;

	for (i = 0; i < stream->key_count; i++) {
		const struct slu_field *field = &record->fields[i];

		begin = field->offset < begin ? field->offset : begin;
		end = field->offset + field->size > end ? field->offset + field->size : end;
	}
	slu_write(writer, "\t.key_offset = %u,\n\t.key_size = %u,\n\t.key_column_count = %zu,\n",
	          begin, end - begin, stream->key_count);
}

static void write_layout(struct slu_writer *writer, const struct slu_model *model, size_t object)
{
	slu_write(writer, "LAYOUT(%s),\n", model->structs[object].name);
}

/* A short text stands behind its member, a long one or one of several lines below. What somebody
 * wrote keeps its lines; what was made here gets some. */
static void write_sql(struct slu_writer *writer, const char *member, const char *sql,
                      bool by_clause)
{
	if (sql == NULL)
		return;
	slu_write(writer, "\t.%s =", member);
	if (strlen(sql) <= SHORT_SQL_SIZE_MAX && strchr(sql, '\n') == NULL)
		slu_write(writer, " %s", slu_piece_literal(writer, sql));
	else
		slu_write_literal(writer, 2, sql, by_clause);
	slu_write(writer, ",\n");
}

void slu_write_stream(struct slu_writer *writer, const struct slu_model *model, size_t index)
{
	const struct slu_model_stream *stream = &model->streams[index];

	slu_write(writer, "\nconst struct sluice_stream %s_%s = {\n", model->prefix, stream->name);
	slu_write(writer, "\t.name = \"%s\",\n\t.kind = %s,\n\t.index = %zu,\n", stream->name,
	          stream->kind == SLUICE_STATE ? "SLUICE_STATE" : "SLUICE_APPEND", index);
	if (stream->lossy)
		slu_write(writer, "\t.lossy = true,\n");
	if (stream->kind == SLUICE_STATE)
		write_key(writer, &model->structs[stream->record], stream);
	slu_write(writer, "\t.layout = ");
	write_layout(writer, model, stream->record);
	slu_write(writer, "\t.fingerprint = UINT64_C(0x%016" PRIx64 "),\n\t.table = %s,\n",
	          stream->fingerprint, slu_piece_literal(writer, stream->table));
	write_sql(writer, "copy_sql", stream->copy_sql, true);
	write_sql(writer, "write_sql", stream->write_sql, true);
	write_sql(writer, "remove_sql", stream->remove_sql, true);
	write_sql(writer, "read_sql", stream->read_sql, true);
	write_sql(writer, "fetch_sql", stream->fetch_sql, true);
	slu_write(writer, "};\n");
}

void slu_write_query(struct slu_writer *writer, const struct slu_model *model,
                     const struct slu_model_query *query)
{
	slu_write(writer,
	          "\nconst struct sluice_query %s_%s_query = {\n"
	          "\t.name = \"%s\",\n\t.statement = \"%s\",\n",
	          model->prefix, query->name, query->source->name,
	          slu_statement_name(writer, model, query));
	write_sql(writer, "sql", query->sql, false);
	if (query->parameters != SLU_NONE) {
		slu_write(writer, "\t.params = &(const struct sluice_layout)");
		write_layout(writer, model, query->parameters);
	}
	if (query->row != SLU_NONE) {
		slu_write(writer, "\t.row = &(const struct sluice_layout)");
		write_layout(writer, model, query->row);
	}
	write_sql(writer, "copy_sql", query->copy_sql, true);
	slu_write(writer, "};\n");
}
