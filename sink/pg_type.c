/* SPDX-License-Identifier: MIT */
/* pg_type.c - one table: number, number of the array, name, size of an item. */
#include "sink/pg_type.h"

struct entry {
	struct slu_type type;
	size_t item_size;
	const char *name;
};

static const struct entry entries[] = {
	[SLUICE_BOOL] = {{16, 1000}, sizeof(bool), "boolean"},
	[SLUICE_INT2] = {{21, 1005}, sizeof(int16_t), "smallint"},
	[SLUICE_INT4] = {{23, 1007}, sizeof(int32_t), "integer"},
	[SLUICE_INT8] = {{20, 1016}, sizeof(int64_t), "bigint"},
	[SLUICE_FLOAT4] = {{700, 1021}, sizeof(float), "real"},
	[SLUICE_FLOAT8] = {{701, 1022}, sizeof(double), "double precision"},
	[SLUICE_NUMERIC64] = {{1700, 1231}, sizeof(int64_t), "numeric"},
	[SLUICE_NUMERIC] = {{1700, 1231}, sizeof(struct sluice_decimal), "numeric"},
	[SLUICE_TEXT_TYPE] = {{25, 1009}, sizeof(struct sluice_view), "text"},
	[SLUICE_BYTEA] = {{17, 1001}, sizeof(struct sluice_view), "bytea"},
	[SLUICE_JSON] = {{114, 199}, sizeof(struct sluice_view), "json"},
	[SLUICE_JSONB] = {{3802, 3807}, sizeof(struct sluice_view), "jsonb"},
	[SLUICE_UUID] = {{2950, 2951}, sizeof(struct sluice_uuid), "uuid"},
	[SLUICE_TIMESTAMPTZ] = {{1184, 1185}, sizeof(int64_t), "timestamp with time zone"},
	[SLUICE_TIMESTAMP] = {{1114, 1115}, sizeof(int64_t), "timestamp without time zone"},
	[SLUICE_DATE] = {{1082, 1182}, sizeof(int32_t), "date"},
	[SLUICE_TIME] = {{1083, 1183}, sizeof(int64_t), "time without time zone"},
	[SLUICE_INTERVAL] = {{1186, 1187}, sizeof(struct sluice_interval), "interval"},
	[SLUICE_INET] = {{869, 1041}, sizeof(struct sluice_inet), "inet"},
	[SLUICE_ENUM] = {{0, 0}, sizeof(uint32_t), "enum"},
	[SLUICE_VERSION] = {{20, 1016}, 0, "bigint"},
};

/* Other names for bytes that read as a text does. */
static const struct slu_type other_texts[] = {
	{1043, 1015}, /* varchar */
	{1042, 1014}, /* char(n) */
	{19, 1003},   /* name */
};

static const struct entry *find(enum sluice_type type)
{
	static const struct entry none = {{0, 0}, 0, "no type"};

	if ((size_t)type >= sizeof(entries) / sizeof(entries[0]) || entries[type].name == NULL)
		return &none;
	return &entries[type];
}

struct slu_type slu_type_of(enum sluice_type type)
{
	return find(type)->type;
}

const char *slu_type_name(enum sluice_type type)
{
	return find(type)->name;
}

size_t slu_type_item_size(enum sluice_type type)
{
	return find(type)->item_size;
}

bool slu_type_is_text(enum sluice_type type)
{
	return type == SLUICE_TEXT_TYPE || type == SLUICE_BYTEA || type == SLUICE_JSON ||
	       type == SLUICE_JSONB;
}

static bool is(struct slu_type type, uint32_t oid, bool array, uint32_t *element_oid)
{
	*element_oid = array ? type.oid : 0;
	return oid != 0 && oid == (array ? type.array_oid : type.oid);
}

bool slu_type_reads_as(uint32_t oid, enum sluice_type type, enum sluice_form form,
                       uint32_t *element_oid)
{
	bool array = form == SLUICE_ITEMS;
	size_t index;

	if (is(find(type)->type, oid, array, element_oid))
		return true;
	for (index = 0; index < sizeof(other_texts) / sizeof(other_texts[0]); index++) {
		if (type == SLUICE_TEXT_TYPE && is(other_texts[index], oid, array, element_oid))
			return true;
	}
	*element_oid = 0;
	return false;
}
