/* SPDX-License-Identifier: MIT */
/* emit_names.c - names out of labels and texts, and the proof that no two are the same.
 * C has one space of names for functions, objects and enumerators, and macros are blind to all
 * spaces: here every name counts in one. */
#include "db/gen/gen_hash.h"
#include "db/gen/write/emit_parts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_NAME_SIZE_MAX 63 /* Postgres cuts longer ones, without an error */

/* ---- labels ---- */

/* Capitals and digits stay, every other run of bytes becomes one underscore, none at an end. */
static char *plain_label(struct slu_writer *writer, const char *label)
{
	char *name = (char *)slu_piece_upper(writer, "%s", label[0] == '\0' ? "EMPTY" : label);
	char *to = name;
	const char *from;

	for (from = name; *from != '\0'; from++) {
		if (isascii(*from) && isalnum((unsigned char)*from))
			*to++ = *from;
		else if (to > name && to[-1] != '_')
			*to++ = '_';
	}
	if (to > name && to[-1] == '_')
		to--;
	*to = '\0';
	return name;
}

const char *slu_label_name(struct slu_writer *writer, const struct slu_enumeration *enumeration,
                           size_t label)
{
	const char *name = plain_label(writer, enumeration->labels[label]);
	size_t same = 1;
	size_t i;

	if (name[0] == '\0') /* nothing but signs: +, -, * */
		return slu_piece(writer, "LABEL_%zu", label + 1);
	for (i = 0; i < label; i++)
		same += strcmp(plain_label(writer, enumeration->labels[i]), name) == 0;
	return same == 1 ? name : slu_piece(writer, "%s_%zu", name, same);
}

/* ---- statements ---- */

/* A changed text gets another name, so that a connection that prepared the old one (a pool that
 * outlives a program) is not asked to run it as the new. 32 bits tell the few texts of one name apart. */
const char *slu_statement_name(struct slu_writer *writer, const struct slu_model *model,
                               const struct slu_model_query *query)
{
	const char *stem = slu_piece(writer, "%s_%s", model->prefix, query->name);
	uint64_t hash = slu_hash_text(SLU_HASH_BEGIN, query->sql);

	return slu_piece(writer, "%.*s_%08" PRIx32, STATEMENT_NAME_SIZE_MAX - 9, stem,
	                 (uint32_t)(hash ^ hash >> 32));
}

/* ---- every name, each once ---- */

struct names {
	struct slu_writer writer; /* keeps the texts */
	const struct slu_model *model;
	const char **all;
	size_t count;
	size_t capacity;
};

static void add(struct names *names, const char *name)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity * 2 + 64;
		const char **all = reallocarray(names->all, capacity, sizeof(*all));

		if (all == NULL) {
			names->writer.failed = true;
			return;
		}
		names->all = all;
		names->capacity = capacity;
	}
	names->all[names->count++] = name;
}

/* prefix_name, and with each of the endings that follow, NULL for no more. */
static void add_all(struct names *names, const char *name, const char *const *endings)
{
	for (; *endings != NULL; endings++)
		add(names,
		    slu_piece(&names->writer, "%s_%s%s", names->model->prefix, name, *endings));
}

static void add_enumerations(struct names *names)
{
	const struct slu_model *model = names->model;
	struct slu_writer *writer = &names->writer;
	size_t i;
	size_t j;

	for (i = 0; i < model->enumeration_count; i++) {
		const struct slu_enumeration *enumeration = &model->enumerations[i];

		add(names, slu_piece(writer, "%s_%s", model->prefix, enumeration->name));
		add(names, slu_piece(writer, "%s_labels", enumeration->name));
		add(names, slu_piece(writer, "%s_enum", enumeration->name));
		for (j = 0; j < enumeration->label_count; j++)
			add(names, slu_piece(writer, "%s_%s",
			                     slu_piece_upper(writer, "%s_%s", model->prefix,
			                                     enumeration->name),
			                     slu_label_name(writer, enumeration, j)));
	}
}

static void add_structs(struct names *names)
{
	const struct slu_model *model = names->model;
	struct slu_writer *writer = &names->writer;
	size_t i;
	size_t j;

	for (i = 0; i < model->struct_count; i++) {
		const struct slu_struct *object = &model->structs[i];

		add(names, slu_piece(writer, "%s_%s", model->prefix, object->name));
		add(names, slu_piece(writer, "%s_columns", object->name));
		for (j = 0; j < object->field_count; j++) {
			const struct slu_field *field = &object->fields[j];
			const char *macro = slu_field_macro(writer, model, object, field);

			if (field->embedded != SLU_NONE)
				continue;
			if (field->nullable)
				add(names, macro);
			if (field->type == SLUICE_NUMERIC || field->type == SLUICE_NUMERIC64)
				add(names, slu_piece(writer, "%s_SCALE", macro));
		}
	}
}

static void add_streams(struct names *names)
{
	static const char *const state[] = {"",        "_put", "_put_if", "_reserve",
	                                    "_remove", "_get", NULL};
	static const char *const append[] = {"", "_put", "_reserve", NULL};
	static const char *const key[] = {"_key", "_key_set", NULL};
	const struct slu_model *model = names->model;
	bool *sized = calloc(model->struct_count + 1, sizeof(*sized));
	size_t i;

	if (sized == NULL) {
		names->writer.failed = true;
		return;
	}
	for (i = 0; i < model->stream_count; i++) {
		const struct slu_model_stream *stream = &model->streams[i];
		const char *record = model->structs[stream->record].name;

		add_all(names, stream->name, stream->kind == SLUICE_STATE ? state : append);
		if (slu_stream_has_key_struct(model, stream))
			add_all(names, record, key);
		if (!sized[stream->record])
			add(names, slu_piece(&names->writer, "%s_%s_size", model->prefix, record));
		sized[stream->record] = true;
	}
	free(sized);
	if (model->stream_count > 0)
		add(names, slu_piece(&names->writer, "%s_streams", model->prefix));
}

static void add_queries(struct names *names)
{
	static const char *const plain[] = {"", "_query", NULL};
	static const char *const with_next[] = {"", "_query", "_next", NULL};
	const struct slu_model *model = names->model;
	size_t i;

	for (i = 0; i < model->query_count; i++) {
		enum slu_command command = model->queries[i].source->command;
		bool next = command == SLU_COMMAND_MANY || command == SLU_COMMAND_BATCHONE ||
		            command == SLU_COMMAND_BATCHMANY;

		add_all(names, model->queries[i].name, next ? with_next : plain);
	}
}

static int compare(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

enum sluice_status slu_names_check(const struct slu_model *model, struct sluice_error *error)
{
	struct names names = {.model = model};
	enum sluice_status status = SLUICE_OK;
	size_t i;

	slu_writer_open(&names.writer);
	add(&names, slu_piece_upper(&names.writer, "%s_H", model->prefix));
	add_enumerations(&names);
	add_structs(&names);
	add_streams(&names);
	add_queries(&names);
	if (names.count > 0)
		qsort(names.all, names.count, sizeof(*names.all), compare);
	for (i = 1; i < names.count && status == SLUICE_OK; i++) {
		if (strcmp(names.all[i - 1], names.all[i]) == 0)
			status = sluice_error_set(error, SLUICE_INVALID,
			                          "two things would be called %s in C; give a "
			                          "query another name, or a column (AS), or a "
			                          "row (@struct)",
			                          names.all[i]);
	}
	if (names.writer.failed)
		status = sluice_error_set(error, SLUICE_FAILED, "out of memory");
	free(names.all);
	free(slu_writer_close(&names.writer));
	return status;
}
