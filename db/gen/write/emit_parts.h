/* SPDX-License-Identifier: MIT */
/*
 * emit_parts.h - the parts that header and source are put together from.
 *
 *      emit.c              both files, in order
 *      emit_names.c        every name they define, each once
 *      emit_field.c        a field: its C type, the remark beside it, its row in a table of columns
 *      emit_struct.c       enums and structs, the macros that go with them
 *      emit_stream.c       a stream's typed calls
 *      emit_query.c        a query's typed calls
 *      emit_descriptor.c   what stands behind both
 */
#ifndef DB_GEN_WRITE_EMIT_PARTS_H
#define DB_GEN_WRITE_EMIT_PARTS_H

#include "db/gen/model.h"
#include "db/gen/write/emit_writer.h"

#include <sluice/sink.h>

/* ---- emit_names.c ---- */

/* The C name of an enum's label, without the enum's: BUY, PARTIALLY_FILLED, BUY_2 when another
 * label is BUY already. */
const char *slu_label_name(struct slu_writer *writer, const struct slu_enumeration *enumeration,
                           size_t label);

/* The name of a query's prepared statement: at most 63 bytes, another one for another text. */
const char *slu_statement_name(struct slu_writer *writer, const struct slu_model *model,
                               const struct slu_model_query *query);

/* Returns SLUICE_OK; SLUICE_INVALID when two things would have one name; SLUICE_FAILED. */
SLUICE_MUST_CHECK enum sluice_status slu_names_check(const struct slu_model *model,
                                                     struct sluice_error *error);

/* ---- emit_field.c ---- */

/* `struct sluice_uuid id`, without the semicolon. */
const char *slu_field_declaration(struct slu_writer *writer, const struct slu_model *model,
                                  const struct slu_field *field);

/* What the declaration does not tell: "numeric(32,16), or NULL". "" for nothing. */
const char *slu_field_remark(struct slu_writer *writer, const struct slu_field *field);

/* TRADING_ORDER_PRICE: the macro of a field's bit; with _SCALE behind it, of its scale. */
const char *slu_field_macro(struct slu_writer *writer, const struct slu_model *model,
                            const struct slu_struct *object, const struct slu_field *field);

bool slu_field_is_inline_text(const struct slu_field *field);

/* Writes the rows of the table of columns of `object`, embedded structs' columns in their place. */
void slu_write_columns(struct slu_writer *writer, const struct slu_model *model,
                       const struct slu_struct *object);

/* ---- emit_struct.c ---- */

void slu_write_enumerations(struct slu_writer *writer, const struct slu_model *model);

/* Writes the struct, what it embeds before it, unless `written` says that it has been. */
void slu_write_struct(struct slu_writer *writer, const struct slu_model *model, size_t index,
                      bool *written);

/* ---- emit_stream.c ---- */

void slu_write_stream_calls(struct slu_writer *writer, const struct slu_model *model,
                            const struct slu_model_stream *stream);
void slu_write_record_size(struct slu_writer *writer, const struct slu_model *model,
                           const struct slu_struct *record);
/* Whether a stream's key is handed over as a struct of its own, and not as its only column. */
bool slu_stream_has_key_struct(const struct slu_model *model,
                               const struct slu_model_stream *stream);

/* ---- emit_query.c ---- */

void slu_write_query_calls(struct slu_writer *writer, const struct slu_model *model,
                           const struct slu_model_query *query);

/* ":one" */
const char *slu_command_word(enum slu_command command);

/* ---- emit_descriptor.c ---- */

/* A record lives in shared memory and is read by other builds: its layout is asserted. */
void slu_write_record_asserts(struct slu_writer *writer, const struct slu_model *model,
                              const struct slu_model_stream *stream);
void slu_write_stream(struct slu_writer *writer, const struct slu_model *model, size_t index);
void slu_write_query(struct slu_writer *writer, const struct slu_model *model,
                     const struct slu_model_query *query);

#endif
