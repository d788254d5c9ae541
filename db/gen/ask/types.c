/* SPDX-License-Identifier: MIT */
/* types.c - follows a type of SQL through domains and arrays to one that a C struct can hold. */
#include "db/gen/ask/types.h"

#include "db/gen/ask/names.h"

#include <stdlib.h>
#include <string.h>

#define NUMERIC64_DIGITS 18

/* `chain` goes from the declared type down to the one that is neither a domain nor an array. */
static const char type_sql[] =
	"WITH RECURSIVE chain AS ("
	"  SELECT 0 AS level, $1::oid AS type, $2::int4 AS modifier, false AS elements, false AS domain"
	"  UNION ALL"
	"  SELECT level + 1, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END,"
	"    CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE modifier END,"
	"    elements OR t.typtype <> 'd', domain OR t.typtype = 'd'"
	"  FROM chain JOIN pg_catalog.pg_type t ON t.oid = chain.type"
	"    AND (t.typtype = 'd' OR NOT elements AND EXISTS ("
	"      SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid))) "
	"SELECT t.oid, modifier, elements, t.typname, t.typtype, n.nspname = 'pg_catalog',"
	"  pg_catalog.format_type($1::oid, $2::int4) || CASE WHEN domain THEN ' = ' ||"
	"    pg_catalog.format_type(t.oid, modifier) || CASE WHEN elements THEN '[]' ELSE '' END"
	"    ELSE '' END,"
	"  pg_catalog.format_type(t.oid, NULL) "
	"FROM chain JOIN pg_catalog.pg_type t ON t.oid = chain.type"
	"  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
	"ORDER BY level DESC LIMIT 1";

enum {
	TYPE_OID,
	TYPE_MODIFIER,
	TYPE_ARRAY,
	TYPE_NAME,
	TYPE_KIND,
	TYPE_BUILT_IN,
	TYPE_TEXT,
	TYPE_BASE
};

/* The built-in types, by the name in pg_type, and what an array of them is sent as. */
static const struct {
	const char *name;
	enum sluice_type type;
	const char *cast;
} built_in[] = {
	{"bool", SLUICE_BOOL, "boolean"},
	{"int2", SLUICE_INT2, "smallint"},
	{"int4", SLUICE_INT4, "integer"},
	{"int8", SLUICE_INT8, "bigint"},
	{"float4", SLUICE_FLOAT4, "real"},
	{"float8", SLUICE_FLOAT8, "double precision"},
	{"numeric", SLUICE_NUMERIC, "numeric"},
	{"text", SLUICE_TEXT_TYPE, "text"},
	{"varchar", SLUICE_TEXT_TYPE, "text"},
	{"bpchar", SLUICE_TEXT_TYPE, "text"},
	{"name", SLUICE_TEXT_TYPE, "text"},
	{"bytea", SLUICE_BYTEA, "bytea"},
	{"json", SLUICE_JSON, "json"},
	{"jsonb", SLUICE_JSONB, "jsonb"},
	{"uuid", SLUICE_UUID, "uuid"},
	{"timestamptz", SLUICE_TIMESTAMPTZ, "timestamptz"},
	{"timestamp", SLUICE_TIMESTAMP, "timestamp"},
	{"date", SLUICE_DATE, "date"},
	{"time", SLUICE_TIME, "time"},
	{"interval", SLUICE_INTERVAL, "interval"},
	{"inet", SLUICE_INET, "inet"},
};

bool slu_sql_type_is_text(enum sluice_type type)
{
	return type == SLUICE_TEXT_TYPE || type == SLUICE_BYTEA || type == SLUICE_JSON ||
	       type == SLUICE_JSONB;
}

void slu_sql_type_free(struct slu_sql_type *type)
{
	free(type->name);
	free(type->base_name);
	memset(type, 0, sizeof(*type));
}

/* ---- enums ---- */

/* A name for the enum that no other of the file has: two schemas may have a `side` each. */
static char *name_enumeration(struct slu_study *study, const char *name)
{
	char *given = slu_name_field(study, name);
	char *unique = given == NULL ? NULL : slu_study_copy(study, given);
	unsigned number = 1;
	size_t i = 0;

	while (unique != NULL && i < study->model->enumeration_count) {
		if (strcmp(study->model->enumerations[i++].name, unique) != 0)
			continue;
		free(unique);
		unique = slu_study_print(study, "%s_%u", given, ++number);
		i = 0;
	}
	free(given);
	return unique;
}

static bool read_labels(struct slu_study *study, struct slu_enumeration *enumeration,
                        const char *oid)
{
	PGresult *labels = slu_study_ask(study,
	                                 "SELECT enumlabel FROM pg_catalog.pg_enum "
	                                 "WHERE enumtypid = $1::oid ORDER BY enumsortorder",
	                                 1, &oid);
	int i;

	for (i = 0; i < PQntuples(labels); i++) {
		char **grown = slu_study_grow(study, enumeration->labels, enumeration->label_count,
		                              sizeof(*grown));

		if (grown == NULL)
			break;
		enumeration->labels = grown;
		grown[enumeration->label_count++] = slu_study_copy(study, PQgetvalue(labels, i, 0));
	}
	PQclear(labels);
	return !study->broken;
}

/* The index of the enum, which is added if it is new; SLU_NONE when the study broke. */
static size_t find_enumeration(struct slu_study *study, const char *oid, const char *name,
                               const char *sql_name)
{
	struct slu_model *model = study->model;
	struct slu_enumeration *grown;
	struct slu_enumeration *added;
	size_t i;

	for (i = 0; i < model->enumeration_count; i++) {
		if (strcmp(model->enumerations[i].sql_name, sql_name) == 0)
			return i;
	}
	grown = slu_study_grow(study, model->enumerations, i, sizeof(*grown));
	if (grown == NULL)
		return SLU_NONE;
	model->enumerations = grown;
	added = &grown[i];
	added->name = name_enumeration(study, name);
	added->sql_name = slu_study_copy(study, sql_name);
	model->enumeration_count++;
	return read_labels(study, added, oid) ? i : SLU_NONE;
}

/* ---- types ---- */

/* numeric(precision,scale): beyond 38 digits, or with a scale outside 0..precision, there is no
 * type. */
static void size_numeric(struct slu_sql_type *type, int modifier)
{
	int precision = (modifier - 4) >> 16 & 0xffff;
	int scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;

	type->bare = modifier < 4;
	type->type = 0;
	if (type->bare || precision > SLU_NUMERIC_DIGITS || scale < 0 || scale > precision)
		return;
	type->type = precision <= NUMERIC64_DIGITS ? SLUICE_NUMERIC64 : SLUICE_NUMERIC;
	type->precision = (uint8_t)precision;
	type->scale = (uint8_t)scale;
}

static void find_built_in(struct slu_sql_type *type, const char *name, int modifier)
{
	size_t i;

	for (i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
		if (strcmp(name, built_in[i].name) == 0) {
			type->type = built_in[i].type;
			type->cast = built_in[i].cast;
		}
	}
	if (type->type == SLUICE_NUMERIC)
		size_numeric(type, modifier);
}

static bool read_type(struct slu_study *study, const PGresult *row, struct slu_sql_type *type)
{
	const char *name = PQgetvalue(row, 0, TYPE_NAME);
	const char *kind = PQgetvalue(row, 0, TYPE_KIND);

	type->oid = (uint32_t)strtoul(PQgetvalue(row, 0, TYPE_OID), NULL, 10);
	type->array = PQgetvalue(row, 0, TYPE_ARRAY)[0] == 't';
	type->name = slu_study_copy(study, PQgetvalue(row, 0, TYPE_TEXT));
	type->base_name = slu_study_copy(study, PQgetvalue(row, 0, TYPE_BASE));
	if (kind[0] == 'e') {
		type->type = SLUICE_ENUM;
		type->enumeration = find_enumeration(study, PQgetvalue(row, 0, TYPE_OID), name,
		                                     PQgetvalue(row, 0, TYPE_BASE));
	} else if (PQgetvalue(row, 0, TYPE_BUILT_IN)[0] == 't') {
		find_built_in(type, name, atoi(PQgetvalue(row, 0, TYPE_MODIFIER)));
	} else if (strcmp(name, "citext") == 0) {
		type->type = SLUICE_TEXT_TYPE;
		type->cast = "text";
	}
	return !study->broken;
}

bool slu_sql_type_find(struct slu_study *study, uint32_t oid, int32_t modifier,
                       struct slu_sql_type *type)
{
	char oid_text[16], modifier_text[16];
	const char *values[] = {oid_text, modifier_text};
	PGresult *row;
	bool found;

	memset(type, 0, sizeof(*type));
	type->enumeration = SLU_NONE;
	snprintf(oid_text, sizeof(oid_text), "%u", oid);
	snprintf(modifier_text, sizeof(modifier_text), "%d", modifier);
	row = slu_study_ask(study, type_sql, 2, values);
	found = row != NULL && PQntuples(row) == 1 && read_type(study, row, type);
	PQclear(row);
	return found;
}
