/* SPDX-License-Identifier: MIT */
/* emit_stream.c - a stream's typed calls, which can't take another stream's record.
 * A key of one column of fixed size is handed over as that column. Any other is a struct of its
 * own, and is copied before use: keys are compared as bytes, so behind a short text there must be
 * zeros, whatever the caller left there. */
#include "db/gen/write/emit_parts.h"

#include <string.h>

#define MUST_CHECK "\nSLUICE_MUST_CHECK static inline enum sluice_status\n"

static const struct slu_struct *record_of(const struct slu_model *model,
                                          const struct slu_model_stream *stream)
{
	return &model->structs[stream->record];
}

static const char *record_type(struct slu_writer *writer, const struct slu_model *model,
                               const struct slu_model_stream *stream)
{
	return slu_piece(writer, "struct %s_%s", model->prefix, record_of(model, stream)->name);
}

bool slu_stream_has_key_struct(const struct slu_model *model, const struct slu_model_stream *stream)
{
	return stream->kind == SLUICE_STATE &&
	       (stream->key_count != 1 ||
	        slu_field_is_inline_text(&record_of(model, stream)->fields[0]));
}

/* ---- the size of a record ---- */

/* The text that ends the struct, or NULL: a record with a short one is a short record. */
static const struct slu_field *last_text(const struct slu_struct *record)
{
	const struct slu_field *last = NULL;
	size_t i;

	for (i = 0; i < record->field_count; i++) {
		const struct slu_field *field = &record->fields[i];

		if (field->size > 0 && (last == NULL || field->offset > last->offset))
			last = field;
	}
	return last != NULL && slu_field_is_inline_text(last) ? last : NULL;
}

void slu_write_record_size(struct slu_writer *writer, const struct slu_model *model,
                           const struct slu_struct *record)
{
	const struct slu_field *last = last_text(record);
	const char *type = slu_piece(writer, "struct %s_%s", model->prefix, record->name);
	const char *between = "bool fits = ";
	size_t place;

	slu_write(writer,
	          "\n/* The bytes of a record that are in use%s. */\n"
	          "static inline size_t %s_%s_size(const %s *record)\n{\n",
	          last == NULL ? "" : ", or one more than it has when a text is too long",
	          model->prefix, record->name, type);
	if (last == NULL) {
		slu_write(writer, "\treturn sizeof(*record);\n}\n");
		return;
	}
	for (place = 0; place < record->field_count; place++) {
		const struct slu_field *field = &record->fields[record->order[place]];

		if (!slu_field_is_inline_text(field))
			continue;
		slu_write(writer, "\t%srecord->%s.size <= sizeof(record->%s.bytes)", between,
		          field->name, field->name);
		between = "            ";
		if (field != last)
			slu_write(writer, " &&\n");
	}
	slu_write(writer,
	          ";\n\n\tif (!fits)\n\t\treturn sizeof(*record) + 1;\n"
	          "\treturn offsetof(%s, %s.bytes) + record->%s.size;\n}\n",
	          type, last->name, last->name);
}

/* ---- keys ---- */

static void write_key_struct(struct slu_writer *writer, const struct slu_model *model,
                             const struct slu_model_stream *stream)
{
	const struct slu_struct *record = record_of(model, stream);
	const char *name = slu_piece(writer, "%s_%s_key", model->prefix, record->name);
	size_t i;

	slu_write(writer, "\nstruct %s {\n", name);
	for (i = 0; i < record->field_count; i++) {
		if (record->order[i] < stream->key_count)
			slu_write(writer, "\t%s;\n",
			          slu_field_declaration(writer, model,
			                                &record->fields[record->order[i]]));
	}
	slu_write(writer, "};\n\n");
	slu_write_comment(writer,
	                  "Copies a key, zeros behind its texts, as it is compared. Returns false "
	                  "when one is too long.");
	slu_write(writer, "static inline bool %s_set(", name);
	slu_write_list(writer, "struct %s *to, const struct %s *key)", name, name);
	slu_write(writer, "\n{\n\tmemset(to, 0, sizeof(*to));\n");
	for (i = 0; i < record->field_count; i++) {
		const struct slu_field *field = &record->fields[record->order[i]];

		if (record->order[i] >= stream->key_count)
			continue;
		if (slu_field_is_inline_text(field)) {
			slu_write(writer, "\tif (!sluice_text_set(");
			slu_write_list(writer, "&to->%s, key->%s.bytes, key->%s.size))",
			               field->name, field->name, field->name);
			slu_write(writer, "\n\t\treturn false;\n");
		} else {
			slu_write(writer, "\tto->%s = key->%s;\n", field->name, field->name);
		}
	}
	slu_write(writer, "\treturn true;\n}\n");
}

/* How a call of a stream takes its key. */
struct key {
	const char *parameter; /* const struct sluice_uuid *id */
	const char *argument;  /* what goes to sluice.h: id, &id, &own */
	const char *copy;      /* "" or the lines that fill `own` */
};

/* The only column's name, unless another parameter of the calls has it. */
static const char *key_name(const char *column)
{
	static const char *const taken[] = {"lane",   "record", "version", "expected",
	                                    "ticket", "bytes",  "status"};
	size_t i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (strcmp(column, taken[i]) == 0)
			return "key";
	}
	return column;
}

static struct key key_of(struct slu_writer *writer, const struct slu_model *model,
                         const struct slu_model_stream *stream)
{
	const struct slu_struct *record = record_of(model, stream);
	struct slu_field field = record->fields[0];
	const char *type = slu_piece(writer, "struct %s_%s_key", model->prefix, record->name);

	if (slu_stream_has_key_struct(model, stream))
		return (struct key){
			slu_piece(writer, "const %s *key", type),
			"&own",
			slu_piece(writer,
		                  "\t%s own;\n\n\tif (!%s_%s_key_set(&own, key))\n"
		                  "\t\treturn SLUICE_TOO_LONG;\n",
		                  type, model->prefix, record->name),
		};
	field.name = (char *)key_name(field.name);
	if (field.type == SLUICE_UUID || field.type == SLUICE_NUMERIC ||
	    field.type == SLUICE_INTERVAL || field.type == SLUICE_INET) {
		const char *name = field.name;

		field.name = (char *)slu_piece(writer, "*%s", name);
		return (struct key){
			slu_piece(writer, "const %s", slu_field_declaration(writer, model, &field)),
			name,
			"",
		};
	}
	return (struct key){
		slu_field_declaration(writer, model, &field),
		slu_piece(writer, "&%s", field.name),
		"",
	};
}

/* ---- calls ---- */

/* A call that only hands on. */
static void write_call(struct slu_writer *writer, const char *name, const char *parameters,
                       const char *body, const char *call, const char *arguments)
{
	slu_write(writer, MUST_CHECK "%s(", name);
	slu_write_list(writer, "%s)", parameters);
	slu_write(writer, "\n{\n%s\treturn %s(", body, call);
	slu_write_list(writer, "%s);", arguments);
	slu_write(writer, "\n}\n");
}

static void write_put(struct slu_writer *writer, const struct slu_model *model,
                      const struct slu_model_stream *stream)
{
	const char *name = slu_piece(writer, "%s_%s", model->prefix, stream->name);
	const char *type = record_type(writer, model, stream);
	const char *size = slu_piece(writer, "%s_%s_size(record)", model->prefix,
	                             record_of(model, stream)->name);

	write_call(writer, slu_piece(writer, "%s_put", name),
	           slu_piece(writer,
	                     "struct sluice_lane *lane, const %s *record, "
	                     "struct sluice_ticket *ticket",
	                     type),
	           "", "sluice_put",
	           slu_piece(writer, "lane, &%s, record, %s, ticket", name, size));
	if (stream->kind != SLUICE_STATE)
		return;
	write_call(writer, slu_piece(writer, "%s_put_if", name),
	           slu_piece(writer,
	                     "struct sluice_lane *lane, const %s *record, uint64_t expected, "
	                     "struct sluice_ticket *ticket",
	                     type),
	           "", "sluice_put_if",
	           slu_piece(writer, "lane, &%s, record, %s, expected, ticket", name, size));
}

static void write_reserve(struct slu_writer *writer, const struct slu_model *model,
                          const struct slu_model_stream *stream, const struct key *key)
{
	const char *name = slu_piece(writer, "%s_%s", model->prefix, stream->name);
	const char *type = record_type(writer, model, stream);
	bool own = key != NULL && key->copy[0] != '\0';

	slu_write(writer, MUST_CHECK "%s_reserve(", name);
	slu_write_list(writer, "struct sluice_lane *lane, %s%s%s **record)",
	               key == NULL ? "" : key->parameter, key == NULL ? "" : ", ", type);
	slu_write(writer, "\n{\n\tenum sluice_status status;\n\tvoid *bytes = NULL;\n%s",
	          own ? key->copy : "\n");
	slu_write(writer, "\tstatus = sluice_reserve(");
	slu_write_list(writer, "lane, &%s, %s, &bytes);", name,
	               key == NULL ? "NULL" : key->argument);
	slu_write(writer, "\n\t*record = (%s *)bytes;\n\treturn status;\n}\n", type);
}

static void write_state_calls(struct slu_writer *writer, const struct slu_model *model,
                              const struct slu_model_stream *stream, const struct key *key)
{
	const char *name = slu_piece(writer, "%s_%s", model->prefix, stream->name);

	write_call(writer, slu_piece(writer, "%s_remove", name),
	           slu_piece(writer, "struct sluice_lane *lane, %s, struct sluice_ticket *ticket",
	                     key->parameter),
	           key->copy, "sluice_remove",
	           slu_piece(writer, "lane, &%s, %s, ticket", name, key->argument));
	write_call(writer, slu_piece(writer, "%s_get", name),
	           slu_piece(writer, "struct sluice_lane *lane, %s, %s *record, uint64_t *version",
	                     key->parameter, record_type(writer, model, stream)),
	           key->copy, "sluice_get",
	           slu_piece(writer, "lane, &%s, %s, record, version", name, key->argument));
}

void slu_write_stream_calls(struct slu_writer *writer, const struct slu_model *model,
                            const struct slu_model_stream *stream)
{
	struct key key;

	if (slu_stream_has_key_struct(model, stream))
		write_key_struct(writer, model, stream);
	write_put(writer, model, stream);
	if (stream->kind != SLUICE_STATE) {
		write_reserve(writer, model, stream, NULL);
		return;
	}
	key = key_of(writer, model, stream);
	write_reserve(writer, model, stream, &key);
	write_state_calls(writer, model, stream, &key);
}
