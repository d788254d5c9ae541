/* SPDX-License-Identifier: MIT */
/* psql.c - running psql, and writing what it reads. */
#include "bench/psql.h"

#include "bench/measure.h"

#include "db/server/child.h"
#include "db/server/postgres_programs.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_NS UINT64_C(600000000000)
#define SQL_SIZE 4096
#define COMMANDS_MAX 8

/* ---- running ---- */

void slu_psql_find(struct slu_psql *psql, const char *dsn)
{
	struct sluice_error error;
	size_t size;

	psql->dsn = dsn;
	if (slu_postgres_programs_find(psql->program, sizeof(psql->program), &error) != SLUICE_OK)
		slu_measure_fail("%s", error.message);
	size = strlen(psql->program);
	snprintf(psql->program + size, sizeof(psql->program) - size, "/psql");
	if (access(psql->program, X_OK) != 0)
		slu_measure_fail("%s is missing: install PostgreSQL's client programs",
		                 psql->program);
}

void slu_psql_run(const struct slu_psql *psql, const char *const *commands)
{
	const char *argv[7 + 2 * COMMANDS_MAX + 1] = {psql->program,     "-X", "-q",     "-v",
	                                              "ON_ERROR_STOP=1", "-d", psql->dsn};
	struct slu_child_setup setup = {.argv = argv, .output_fd = STDERR_FILENO};
	struct sluice_error error;
	int status = 0;
	pid_t pid;
	size_t used = 7;

	for (; *commands != NULL; commands++) {
		assert(used < 7 + 2 * COMMANDS_MAX);
		argv[used++] = "-c";
		argv[used++] = *commands;
	}
	pid = slu_child_start(&setup, &error);
	if (pid < 0)
		slu_measure_fail("%s", error.message);
	if (!slu_child_wait(pid, TIMEOUT_NS, &status) || status != 0)
		slu_measure_fail("psql failed");
}

/* ---- loading ---- */

static void copy_sql(char *sql, size_t size, const char *table, const struct sluice_stream *stream,
                     const char *file)
{
	size_t used = (size_t)snprintf(sql, size, "\\copy %s (", table);

	for (size_t i = 0; i < stream->layout.column_count; i++)
		used += (size_t)snprintf(sql + used, size - used, "%s%s", i > 0 ? ", " : "",
		                         stream->layout.columns[i].name);
	snprintf(sql + used, size - used, ") from '%s'", file);
}

/* The stream's own statement, reading a table instead of arrays. */
static void merge_sql(char *sql, size_t size, const struct sluice_stream *stream)
{
	const char *insert = stream->write_sql;
	const char *select = strstr(insert, " SELECT ");
	const char *conflict = strstr(insert, " ON CONFLICT");
	const char *columns = strchr(insert, '(');
	const char *columns_end = strchr(insert, ')');

	snprintf(sql, size, "%.*s SELECT %.*s FROM stage%s", (int)(select - insert), insert,
	         (int)(columns_end - columns - 1), columns + 1, conflict);
}

void slu_psql_append(const struct slu_psql *psql, const struct sluice_stream *stream,
                     const char *file)
{
	char copy[SQL_SIZE];
	const char *const commands[] = {copy, NULL};

	copy_sql(copy, sizeof(copy), stream->name, stream, file);
	slu_psql_run(psql, commands);
}

void slu_psql_merge(const struct slu_psql *psql, const struct sluice_stream *stream,
                    const char *file)
{
	char stage[256], copy[SQL_SIZE], merge[SQL_SIZE];
	const char *const commands[] = {"BEGIN", stage, copy, merge, "COMMIT", NULL};

	snprintf(stage, sizeof(stage),
	         "CREATE TEMP TABLE stage (LIKE %s INCLUDING DEFAULTS) ON COMMIT DROP",
	         stream->name);
	copy_sql(copy, sizeof(copy), "stage", stream, file);
	merge_sql(merge, sizeof(merge), stream);
	slu_psql_run(psql, commands);
}

/* ---- the file ---- */

static void write_uuid(FILE *file, const unsigned char *field)
{
	for (size_t i = 0; i < sizeof(struct sluice_uuid); i++)
		fprintf(file, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", field[i]);
}

static void write_text(FILE *file, const unsigned char *field)
{
	SLUICE_TEXT(1) text; /* its size, then its bytes */

	memcpy(&text.size, field, sizeof(text.size));
	fwrite(field + sizeof(text.size), 1, text.size, file);
}

static void write_numeric(FILE *file, const unsigned char *field, unsigned scale)
{
	struct sluice_decimal decimal;
	uint64_t unit = 1;

	memcpy(&decimal, field, sizeof(decimal));
	assert(decimal.high == 0);
	for (unsigned i = 0; i < scale; i++)
		unit *= 10;
	fprintf(file, "%" PRIu64 ".%0*" PRIu64, decimal.low / unit, (int)scale, decimal.low % unit);
}

static void write_timestamptz(FILE *file, const unsigned char *field)
{
	char text[32];
	struct tm fields;
	int64_t us;
	time_t seconds;

	memcpy(&us, field, sizeof(us));
	seconds = (time_t)(us / 1000000);
	gmtime_r(&seconds, &fields);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &fields);
	fprintf(file, "%s.%06d+00", text, (int)(us % 1000000));
}

static void write_integer(FILE *file, const unsigned char *field, enum sluice_type type)
{
	int64_t eight;
	int32_t four;

	if (type == SLUICE_INT8) {
		memcpy(&eight, field, sizeof(eight));
		fprintf(file, "%" PRId64, eight);
	} else {
		memcpy(&four, field, sizeof(four));
		fprintf(file, "%" PRId32, four);
	}
}

static void write_column(FILE *file, const struct sluice_column *column,
                         const unsigned char *record, uint64_t version)
{
	const unsigned char *field = record + column->offset;

	switch (column->type) {
	case SLUICE_INT4:
	case SLUICE_INT8:
		write_integer(file, field, column->type);
		break;
	case SLUICE_UUID:
		write_uuid(file, field);
		break;
	case SLUICE_TEXT_TYPE:
		write_text(file, field);
		break;
	case SLUICE_JSONB:
		if (field[0] == 0 && field[1] == 0)
			fputs("{}", file);
		else
			write_text(file, field);
		break;
	case SLUICE_NUMERIC:
		write_numeric(file, field, column->scale);
		break;
	case SLUICE_TIMESTAMPTZ:
		write_timestamptz(file, field);
		break;
	case SLUICE_VERSION:
		fprintf(file, "%" PRIu64, version);
		break;
	default:
		assert(!"a type that the shipped streams have");
	}
}

void slu_psql_write_row(FILE *file, const struct sluice_stream *stream, const void *record,
                        uint64_t version)
{
	const unsigned char *bytes = record;
	for (size_t i = 0; i < stream->layout.column_count; i++) {
		const struct sluice_column *column = &stream->layout.columns[i];
		uint32_t present;

		memcpy(&present, bytes + column->present_offset, sizeof(present));
		if (i > 0)
			fputc('\t', file);
		if (column->present != 0 && !(column->present & present))
			fputs("\\N", file);
		else
			write_column(file, column, bytes, version);
	}
	fputc('\n', file);
}
