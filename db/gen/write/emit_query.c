/* SPDX-License-Identifier: MIT */
/* emit_query.c - a query's typed calls: one, and one more for the rows that follow.
 * All they do is give a call of query.h the types of this query. */
#include "db/gen/write/emit_parts.h"

#define MUST_CHECK "\nSLUICE_MUST_CHECK static inline enum sluice_status\n"

/* By command: what a call takes behind the connection and the parameters, and what it hands on. */
static const struct command {
	const char *word;
	const char *call;
	const char *takes; /* NULL: the rows and the row's struct */
	const char *hands_on;
	bool counted; /* an array of parameter structs */
	bool next;
} commands[] = {
	[SLU_COMMAND_ONE] = {":one", "sluice_query_one", NULL, "rows, row, ", false, false},
	[SLU_COMMAND_MANY] = {":many", "sluice_query_many", "struct sluice_rows *rows, ", "rows, ",
                              false, true},
	[SLU_COMMAND_EXEC] = {":exec", "sluice_query_exec", "", "NULL, ", false, false},
	[SLU_COMMAND_EXECROWS] = {":execrows", "sluice_query_exec", "uint64_t *row_count, ",
                                  "&outcome, ", false, false},
	[SLU_COMMAND_EXECRESULT] = {":execresult", "sluice_query_exec",
                                    "struct sluice_outcome *outcome, ", "outcome, ", false, false},
	[SLU_COMMAND_COPYFROM] = {":copyfrom", "sluice_query_copy", "", "", true, false},
	[SLU_COMMAND_BATCHEXEC] = {":batchexec", "sluice_query_batch", "", "NULL, NULL, ", true,
                                   false},
	[SLU_COMMAND_BATCHONE] = {":batchone", "sluice_query_batch",
                                  "sluice_batch_item *each, void *context, ", "each, context, ",
                                  true, true},
	[SLU_COMMAND_BATCHMANY] = {":batchmany", "sluice_query_batch",
                                   "sluice_batch_item *each, void *context, ", "each, context, ",
                                   true, true},
};

const char *slu_command_word(enum slu_command command)
{
	return commands[command].word;
}

/* const struct trading_get_order_params *params, size_t count, ; nothing for a query without any.
 * */
static const char *parameters_of(struct slu_writer *writer, const struct slu_model *model,
                                 const struct slu_model_query *query)
{
	const struct command *command = &commands[query->source->command];

	if (query->parameters == SLU_NONE)
		return command->counted ? "size_t count, " : "";
	return slu_piece(writer, "const struct %s_%s *params, %s", model->prefix,
	                 model->structs[query->parameters].name,
	                 command->counted ? "size_t count, " : "");
}

static const char *row_type(struct slu_writer *writer, const struct slu_model *model,
                            const struct slu_model_query *query)
{
	if (query->row == SLU_NONE)
		return "";
	return slu_piece(writer, "struct %s_%s", model->prefix, model->structs[query->row].name);
}

static void write_next(struct slu_writer *writer, const struct slu_model *model,
                       const struct slu_model_query *query)
{
	slu_write(writer, MUST_CHECK "%s_%s_next(", model->prefix, query->name);
	slu_write_list(writer, "struct sluice_rows *rows, %s *row, struct sluice_error *error)",
	               row_type(writer, model, query));
	slu_write(writer, "\n{\n\treturn sluice_rows_next(rows, row, error);\n}\n");
}

void slu_write_query_calls(struct slu_writer *writer, const struct slu_model *model,
                           const struct slu_model_query *query)
{
	const struct command *command = &commands[query->source->command];
	bool counts_rows = query->source->command == SLU_COMMAND_EXECROWS;
	const char *name = slu_piece(writer, "%s_%s", model->prefix, query->name);
	const char *takes = command->takes;

	if (takes == NULL)
		takes = slu_piece(writer, "struct sluice_rows *rows, %s *row, ",
		                  row_type(writer, model, query));
	slu_write(writer, "SLUICE_MUST_CHECK static inline enum sluice_status\n%s(", name);
	slu_write_list(writer, "struct pg_conn *connection, %s%sstruct sluice_error *error)",
	               parameters_of(writer, model, query), takes);
	slu_write(writer, "\n{\n");
	if (counts_rows)
		slu_write(writer, "\tstruct sluice_outcome outcome;\n"
		                  "\tenum sluice_status status;\n\n\tstatus = ");
	else
		slu_write(writer, "\treturn ");
	slu_write(writer, "%s(", command->call);
	slu_write_list(writer, "connection, &%s_query, %s, %s%serror);", name,
	               query->parameters == SLU_NONE ? "NULL" : "params",
	               command->counted ? "count, " : "", command->hands_on);
	if (counts_rows)
		slu_write(writer, "\n\t*row_count = status == SLUICE_OK ? outcome.row_count : 0;\n"
		                  "\treturn status;");
	slu_write(writer, "\n}\n");
	if (command->next && query->row != SLU_NONE)
		write_next(writer, model, query);
}
