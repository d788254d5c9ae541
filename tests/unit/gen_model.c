/* SPDX-License-Identifier: MIT */
/* gen_model.c - what an analysis could have found. The texts are as nasty as SQL allows. */
#include "tests/unit/gen_model.h"

#include <stdio.h>
#include <stdlib.h>

#define PLAIN .embedded = SLU_NONE, .enumeration = SLU_NONE
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char *mood_labels[] = {"very sad", "very-sad", "+", "", "fr\303\266h"};
static char *side_labels[] = {"Buy", "Sell"};
static struct slu_enumeration enumerations[] = {
	{.name = "mood", .sql_name = "mood", .labels = mood_labels, .label_count = 5},
	{.name = "side", .sql_name = "app.\"Side\"", .labels = side_labels, .label_count = 2},
};

/* ---- structs ---- */

#define FIELD(n, t, sql) .name = n, .column = n, .type = t, .sql_type = sql, PLAIN
#define TEXT(n, size) FIELD(n, SLUICE_TEXT_TYPE, "text"), .capacity = size

static struct slu_field sample_fields[] = {
	{FIELD("a_bool", SLUICE_BOOL, "boolean"), .definition = "boolean NOT NULL"},
	{FIELD("an_int2", SLUICE_INT2, "smallint"), .definition = "smallint NOT NULL"},
	{FIELD("an_int4", SLUICE_INT4, "integer"), .definition = "integer", .nullable = true},
	{FIELD("an_int8", SLUICE_INT8, "bigint"), .definition = "bigint NOT NULL"},
	{FIELD("a_float4", SLUICE_FLOAT4, "real"), .definition = "real", .nullable = true},
	{FIELD("a_float8", SLUICE_FLOAT8, "double precision"), .definition = "double precision"},
	{FIELD("a_short_numeric", SLUICE_NUMERIC64, "numeric(18,4)"), .scale = 4, .precision = 18,
         .nullable = true, .definition = "numeric(18,4)"},
	{FIELD("a_numeric", SLUICE_NUMERIC, "numeric(32,16)"), .scale = 16, .precision = 32,
         .definition = "price = numeric(32,16) NOT NULL"},
	{TEXT("a_text", 21), .nullable = true, .definition = "text"},
	{FIELD("a_bytea", SLUICE_BYTEA, "bytea"), .capacity = 8, .definition = "bytea NOT NULL"},
	{FIELD("a_json", SLUICE_JSON, "json"), .capacity = 30, .definition = "json NOT NULL"},
	{FIELD("a_jsonb", SLUICE_JSONB, "jsonb"), .capacity = 126, .nullable = true,
         .definition = "jsonb"},
	{FIELD("a_uuid", SLUICE_UUID, "uuid"), .nullable = true, .definition = "uuid"},
	{FIELD("a_timestamptz", SLUICE_TIMESTAMPTZ, "timestamp with time zone"),
         .definition = "timestamp with time zone NOT NULL"},
	{FIELD("a_timestamp", SLUICE_TIMESTAMP, "timestamp without time zone"), .nullable = true,
         .definition = "timestamp without time zone"},
	{FIELD("a_date", SLUICE_DATE, "date"), .definition = "date NOT NULL"},
	{FIELD("a_time", SLUICE_TIME, "time without time zone"),
         .definition = "time without time zone NOT NULL"},
	{FIELD("an_interval", SLUICE_INTERVAL, "interval"), .definition = "interval NOT NULL"},
	{FIELD("an_inet", SLUICE_INET, "inet"), .nullable = true, .definition = "inet"},
	{.name = "an_enum",
         .column = "An \"enum\", quoted",
         .type = SLUICE_ENUM,
         .sql_type = "mood",
         .embedded = SLU_NONE,
         .enumeration = 0,
         .definition = "mood ('very sad', 'very-sad', '+', '', 'fr\303\266h') NOT NULL DEFAULT "
                       "'very sad'"},
};

static struct slu_field position_fields[] = {
	{FIELD("provider_id", SLUICE_INT8, "bigint"), .definition = "bigint NOT NULL"},
	{TEXT("asset", 10), .definition = "text NOT NULL"},
	{FIELD("quantity", SLUICE_NUMERIC, "numeric(38,0)"), .precision = 38,
         .definition = "numeric(38,0) NOT NULL"},
	{TEXT("remark", 40), .nullable = true, .definition = "character varying(10)"},
	{FIELD("version", SLUICE_VERSION, "bigint"), .definition = "bigint NOT NULL"},
};

/* A key that is called like a parameter of the calls, and no text. */
static struct slu_field counter_fields[] = {
	{FIELD("id", SLUICE_INT4, "integer"), .definition = "integer NOT NULL"},
	{FIELD("value", SLUICE_INT8, "bigint"), .nullable = true, .definition = "bigint"},
	{FIELD("version", SLUICE_VERSION, "bigint"), .definition = "bigint NOT NULL"},
};

static struct slu_field account_fields[] = {
	{FIELD("record", SLUICE_UUID, "uuid"), .definition = "uuid NOT NULL"},
	{FIELD("version", SLUICE_VERSION, "bigint"), .definition = "bigint NOT NULL"},
};

static struct slu_field wide_fields[40];

static struct slu_field mixed_fields[] = {
	{.name = "wide", .column = "wide", .embedded = 4, .enumeration = SLU_NONE},
	{FIELD("note", SLUICE_TEXT_TYPE, "text"), .form = SLUICE_VIEW, .nullable = true},
	{.name = "side",
         .column = "side",
         .type = SLUICE_ENUM,
         .sql_type = "app.\"Side\"",
         .enumeration = 1,
         .embedded = SLU_NONE},
};

static struct slu_field params_fields[] = {
	{FIELD("ids", SLUICE_INT8, "bigint[]"), .form = SLUICE_ITEMS},
	{FIELD("names", SLUICE_TEXT_TYPE, "text[]"), .form = SLUICE_ITEMS, .nullable = true},
	{.name = "sides",
         .column = "sides",
         .type = SLUICE_ENUM,
         .sql_type = "app.\"Side\"[]",
         .enumeration = 1,
         .embedded = SLU_NONE,
         .form = SLUICE_ITEMS},
	{FIELD("prices", SLUICE_NUMERIC, "numeric(32,16)[]"), .form = SLUICE_ITEMS, .scale = 16,
         .precision = 32},
	{FIELD("blob", SLUICE_BYTEA, "bytea"), .form = SLUICE_VIEW, .nullable = true},
	{FIELD("document", SLUICE_JSONB, "jsonb"), .form = SLUICE_VIEW},
	{FIELD("since", SLUICE_TIMESTAMPTZ, "timestamp with time zone"), .nullable = true},
};

#define STRUCT(n, f)                                            \
	{                                                       \
		.name = n, .fields = f, .field_count = COUNT(f) \
	}

static struct slu_struct structs[] = {
	STRUCT("sample", sample_fields),
	STRUCT("position", position_fields),
	STRUCT("counter", counter_fields),
	STRUCT("account", account_fields),
	STRUCT("wide", wide_fields),
	STRUCT("list_mixed_row", mixed_fields),
	STRUCT("list_mixed_params", params_fields),
};

/* ---- queries ---- */

#define SOURCE(n, c, text)                               \
	{                                                \
		.name = n, .command = c, .comment = text \
	}

static struct slu_query_source sources[] = {
	SOURCE("GetMixed", SLU_COMMAND_ONE,
               "One of them. /* Or not. */ Lines that come from the file "
               "are kept short enough for a page, too.\n\n  - as here"),
	SOURCE("ListMixed", SLU_COMMAND_MANY, ""),
	SOURCE("ListWide", SLU_COMMAND_MANY, "All."),
	SOURCE("Touch", SLU_COMMAND_EXEC, ""),
	SOURCE("TouchAll", SLU_COMMAND_EXECROWS, ""),
	SOURCE("TouchSome", SLU_COMMAND_EXECROWS, ""),
	SOURCE("TouchResult", SLU_COMMAND_EXECRESULT, ""),
	SOURCE("CopyMixed", SLU_COMMAND_COPYFROM, ""),
	SOURCE("BatchMixed", SLU_COMMAND_BATCHEXEC, ""),
	SOURCE("BatchMixedOne", SLU_COMMAND_BATCHONE, ""),
	SOURCE("BatchMixedManyWhoseNameLeavesNoRoomForParameters", SLU_COMMAND_BATCHMANY, ""),
};

#define MIXED .parameters = 6, .row = 5, .sql = "SELECT 1"

static struct slu_model_query queries[] = {
	{.name = "get_mixed",
         .source = &sources[0],
         .parameters = 6,
         .row = 5,
         .sql = "SELECT 'a \"quoted\" ?\?/ back\\slash', \"\303\274ber\"\n\tFROM t -- why?\?!\n\n"
                "WHERE a_rather_long_condition = $1 AND another_condition_of_the_kind <> ALL ($2) "
                "OR c IS NULL\n"},
	{.name = "list_mixed", .source = &sources[1], MIXED},
	{.name = "list_wide",
         .source = &sources[2],
         .parameters = SLU_NONE,
         .row = 4,
         .sql = "SELECT * FROM wide"},
	{.name = "touch",
         .source = &sources[3],
         .parameters = 6,
         .row = SLU_NONE,
         .sql = "SELECT 1"},
	{.name = "touch_all",
         .source = &sources[4],
         .parameters = SLU_NONE,
         .row = SLU_NONE,
         .sql = "UPDATE t SET a = 1"},
	{.name = "touch_some",
         .source = &sources[5],
         .parameters = 6,
         .row = SLU_NONE,
         .sql = "UPDATE t SET a = 1"},
	{.name = "touch_result",
         .source = &sources[6],
         .parameters = 6,
         .row = SLU_NONE,
         .sql = "UPDATE t SET a = 1"},
	{.name = "copy_mixed",
         .source = &sources[7],
         .parameters = 6,
         .row = SLU_NONE,
         .sql = "INSERT",
         .copy_sql = "COPY t (ids) FROM STDIN (FORMAT binary)"},
	{.name = "batch_mixed",
         .source = &sources[8],
         .parameters = 6,
         .row = SLU_NONE,
         .sql = "SELECT 1"},
	{.name = "batch_mixed_one", .source = &sources[9], MIXED},
	{.name = "batch_mixed_many_whose_name_leaves_no_room_for_parameters",
         .source = &sources[10],
         MIXED},
};

/* ---- streams ---- */

static struct slu_query_source stream_sources[] = {
	SOURCE("Samples", SLU_COMMAND_COPYFROM, "One of each."),
	SOURCE("Positions", SLU_COMMAND_EXEC, "A key of two columns."),
	SOURCE("Counters", SLU_COMMAND_EXEC, ""),
	SOURCE("Accounts", SLU_COMMAND_EXEC, ""),
};

#define STATE(n, t)                                                                \
	.name = n, .kind = SLUICE_STATE, .table = t, .write_sql = "INSERT INTO t", \
	.remove_sql = "DELETE FROM t", .read_sql = "SELECT a FROM t",              \
	.fetch_sql = "SELECT a FROM t WHERE a = $1::int"

static struct slu_model_stream streams[] = {
	{.name = "samples",
         .kind = SLUICE_APPEND,
         .lossy = true,
         .source = &stream_sources[0],
         .record = 0,
         .table = "app.\"Samples\"",
         .fingerprint = UINT64_C(0x0123456789abcdef),
         .copy_sql = "COPY app.\"Samples\" (a_bool) FROM STDIN (FORMAT binary)",
         .write_sql = "INSERT INTO app.\"Samples\" (a_bool) SELECT u.a_bool FROM "
                      "unnest($1::boolean[]) AS u (a_bool)"},
	{STATE("positions", "positions"), .source = &stream_sources[1], .record = 1, .key_count = 2,
         .fingerprint = 1},
	{STATE("counters", "counters"), .source = &stream_sources[2], .record = 2, .key_count = 1,
         .fingerprint = 2},
	{STATE("accounts", "accounts"), .source = &stream_sources[3], .record = 3, .key_count = 1,
         .fingerprint = 3},
};

static struct slu_query_file file = {.source = {.path = "db/queries/every.sql"}};

static struct slu_model model = {
	.prefix = "every",
	.file = &file,
	.schema_version = 12,
	.enumerations = enumerations,
	.enumeration_count = COUNT(enumerations),
	.structs = structs,
	.struct_count = COUNT(structs),
	.queries = queries,
	.query_count = COUNT(queries),
	.streams = streams,
	.stream_count = COUNT(streams),
};

static size_t key_count_of(size_t record)
{
	size_t i;

	for (i = 0; i < model.stream_count; i++) {
		if (streams[i].record == record)
			return streams[i].key_count;
	}
	return 0;
}

struct slu_model *gen_model_every(void)
{
	static char names[COUNT(wide_fields)][4];
	size_t i;

	for (i = 0; i < COUNT(wide_fields); i++) {
		snprintf(names[i], sizeof(names[i]), "c%02zu", i % 100);
		wide_fields[i] = (struct slu_field){FIELD(names[i], SLUICE_INT4, "integer"),
		                                    .nullable = true};
	}
	for (i = 0; i < COUNT(structs); i++) {
		if (!slu_struct_lay_out(&structs[i], key_count_of(i), structs))
			abort();
	}
	return &model;
}
