/* SPDX-License-Identifier: MIT */
/* commit_peers.c - statements on our own connection, and other programs. */
#include "bench/commit_peers.h"

#include "bench/measure.h"
#include "bench/records.h"

#include "db/server/child.h"
#include "sink/pg_fence.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TIMEOUT_NS UINT64_C(600000000000)
#define SQL_SIZE 8192
#define OUTPUT_SIZE 65536
#define ARGUMENTS_MAX 24

static size_t parts_of(const struct slu_commit_rows *rows, size_t cadence)
{
	return (rows->count + cadence - 1) / cadence;
}

/* ---- the server alone ---- */

void slu_commit_part_path(const struct slu_commit_rows *rows, size_t cadence, size_t part,
                          char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/binary-%zu-%zu", rows->server->directory, cadence, part);
}

/* The server writes them itself: it is to read what it finds easiest. */
void slu_commit_prepare_server(const struct slu_commit_rows *rows, size_t cadence)
{
	char columns[SQL_SIZE / 4], path[PATH_MAX], sql[SQL_SIZE];

	slu_commit_columns(rows->stream, columns, sizeof(columns));
	for (size_t part = 0; part < parts_of(rows, cadence); part++) {
		slu_commit_part_path(rows, cadence, part, path);
		snprintf(sql, sizeof(sql),
		         "COPY (SELECT %s FROM %s WHERE id > %zu AND id <= %zu ORDER BY id) "
		         "TO '%s' (FORMAT binary)",
		         columns, rows->stream->table, part * cadence, (part + 1) * cadence, path);
		slu_server_tell(rows->server, sql);
	}
}

struct slu_commit_cost slu_commit_by_server(const struct slu_commit_rows *rows, size_t cadence)
{
	struct slu_commit_cost cost = {.transactions = parts_of(rows, cadence)};
	char columns[SQL_SIZE / 4], path[PATH_MAX], sql[SQL_SIZE];
	double began = slu_measure_seconds();

	slu_commit_columns(rows->stream, columns, sizeof(columns));
	for (size_t part = 0; part < cost.transactions; part++) {
		slu_commit_part_path(rows, cadence, part, path);
		snprintf(sql, sizeof(sql), "COPY %s (%s) FROM '%s' (FORMAT binary)",
		         rows->stream->table, columns, path);
		slu_server_tell(rows->server, sql);
	}
	cost.seconds = slu_measure_seconds() - began;
	return cost;
}

/* The stream's INSERT .. SELECT .., up to what it selects from, and its ON CONFLICT .. */
struct upsert {
	const char *text, *from, *conflict;
	const char *select;
};

static struct upsert take_apart(const struct sluice_stream *stream)
{
	struct upsert upsert = {.text = stream->write_sql};

	upsert.select = strstr(upsert.text, " SELECT ");
	upsert.from = strstr(upsert.text, " FROM unnest(");
	upsert.conflict = strstr(upsert.text, " ON CONFLICT");
	if (upsert.select == NULL || upsert.from == NULL)
		slu_measure_fail("the statement of %s is not INSERT .. SELECT .. FROM unnest",
		                 stream->name);
	if (upsert.conflict == NULL)
		upsert.conflict = "";
	return upsert;
}

/* In the order of keys within a transaction, as Sluice sends them; nothing is left to sort. */
void slu_commit_prepare_stage(const struct slu_commit_rows *rows, size_t cadence)
{
	char sql[SQL_SIZE];

	snprintf(sql, sizeof(sql),
	         "CREATE UNLOGGED TABLE stage_%zu AS SELECT *, (row_number() OVER (ORDER BY "
	         "placed_at) - 1) / %zu AS part FROM orders ORDER BY part, id",
	         cadence, cadence);
	slu_server_tell(rows->server, sql);
	snprintf(sql, sizeof(sql), "CREATE INDEX ON stage_%zu (part)", cadence);
	slu_server_tell(rows->server, sql);
	snprintf(sql, sizeof(sql), "VACUUM ANALYZE stage_%zu", cadence);
	slu_server_tell(rows->server, sql);
}

struct slu_commit_cost slu_commit_by_stage(const struct slu_commit_rows *rows, size_t cadence)
{
	struct slu_commit_cost cost = {.transactions = parts_of(rows, cadence)};
	struct upsert upsert = take_apart(rows->stream);
	double began = slu_measure_seconds();
	char sql[SQL_SIZE];

	for (size_t part = 0; part < cost.transactions; part++) {
		snprintf(sql, sizeof(sql), "%.*s FROM stage_%zu AS u WHERE part = %zu%s",
		         (int)(upsert.from - upsert.text), upsert.text, cadence, part,
		         upsert.conflict);
		slu_server_tell(rows->server, sql);
	}
	cost.seconds = slu_measure_seconds() - began;
	return cost;
}

/* ---- other programs ---- */

/* Runs it, and returns what it printed, to be freed. */
static char *run(const struct slu_commit_rows *rows, const char *const *argv)
{
	char *output = slu_measure_allocate(1, OUTPUT_SIZE);
	struct slu_child_setup setup = {.argv = argv};
	struct sluice_error error;
	char path[PATH_MAX];
	int status = -1;
	ssize_t size;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/output", rows->server->directory);
	setup.output_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (setup.output_fd < 0)
		slu_measure_fail("%s can't be written", path);
	pid = slu_child_start(&setup, &error);
	if (pid < 0)
		slu_measure_fail("%s", error.message);
	if (!slu_child_wait(pid, TIMEOUT_NS, &status))
		slu_measure_fail("%s takes longer than %.0f s", argv[0], (double)TIMEOUT_NS / 1e9);
	size = pread(setup.output_fd, output, OUTPUT_SIZE - 1, 0);
	close(setup.output_fd);
	if (size < 0 || status != 0)
		slu_measure_fail("%s failed: %s", argv[0], output);
	return output;
}

/* ---- psql ---- */

static void script_path(const struct slu_commit_rows *rows, size_t cadence, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/script-%zu", rows->server->directory, cadence);
}

/* A line for each part, and before and after them the time, so that neither starting nor connecting
 * counts. Cadence 0: the times only. */
static void write_psql_script(const struct slu_commit_rows *rows, size_t cadence,
                              const char *prefix, size_t parts)
{
	static const char time[] = "SELECT extract(epoch FROM clock_timestamp());\n";
	char columns[SQL_SIZE / 4], path[PATH_MAX];
	FILE *file;

	slu_commit_columns(rows->stream, columns, sizeof(columns));
	script_path(rows, cadence, path);
	file = fopen(path, "w");
	if (file == NULL)
		slu_measure_fail("%s can't be written", path);
	fputs(time, file);
	for (size_t part = 0; part < parts; part++)
		fprintf(file, "\\copy %s (%s) from '%s-%zu'\n", rows->stream->table, columns,
		        prefix, part);
	fputs(time, file);
	if (fclose(file) != 0)
		slu_measure_fail("%s can't be written", path);
}

void slu_commit_prepare_psql(const struct slu_commit_rows *rows, size_t cadence)
{
	char prefix[PATH_MAX];

	snprintf(prefix, sizeof(prefix), "%s/text-%zu", rows->server->directory, cadence);
	write_psql_script(rows, cadence, prefix, slu_commit_rows_split(rows, prefix, cadence));
	write_psql_script(rows, 0, prefix, 0);
}

/* Returns the processor time of the whole program, and when its script began and ended. */
static double run_psql(const struct slu_commit_rows *rows, const char *script, double *began,
                       double *ended)
{
	double cpu = slu_measure_cpu_seconds(RUSAGE_CHILDREN);
	const char *const argv[] = {
		rows->psql.program, "-X", "-q",   "-At", "-v", "ON_ERROR_STOP=1", "-d",
		rows->psql.dsn,     "-f", script, NULL};
	char *output = run(rows, argv);

	if (sscanf(output, "%lf %lf", began, ended) != 2)
		slu_measure_fail("psql did not tell the time, but: %s", output);
	free(output);
	return slu_measure_cpu_seconds(RUSAGE_CHILDREN) - cpu;
}

struct slu_commit_cost slu_commit_by_psql(const struct slu_commit_rows *rows, size_t cadence)
{
	struct slu_commit_cost cost = {.transactions = parts_of(rows, cadence)};
	double began, ended, idle_cpu;
	char path[PATH_MAX];

	script_path(rows, 0, path);
	idle_cpu = run_psql(rows, path, &began, &ended);
	script_path(rows, cadence, path);
	cost.cpu_seconds = run_psql(rows, path, &began, &ended) - idle_cpu;
	cost.seconds = ended - began;
	return cost;
}

/* ---- pgx ---- */

const char *slu_commit_pgx_missing(void)
{
#ifdef SLU_COMMIT_PGX
	return access(SLU_COMMIT_PGX, X_OK) == 0 ? NULL : SLU_COMMIT_PGX " is missing";
#else
	return "not built: Go (golang-go) or pgx (golang-github-jackc-pgx-v4-dev) is missing";
#endif
}

/* The stream's statement for one row: for each column of `u` the parameter of its place. */
static void print_insert(const struct sluice_stream *stream, char *text, size_t size)
{
	struct upsert upsert = take_apart(stream);
	const char *at = upsert.select + strlen(" SELECT ");
	size_t number = 0, used;

	used = (size_t)snprintf(text, size, "%.*s VALUES (", (int)(upsert.select - upsert.text),
	                        upsert.text);
	while (at < upsert.from) {
		if (strncmp(at, "u.", 2) == 0) {
			used += (size_t)snprintf(text + used, size - used, "$%zu", ++number);
			at += strcspn(at, ", ");
		} else {
			used += (size_t)snprintf(text + used, size - used, "%c", *at++);
		}
	}
	snprintf(text + used, size - used, ")%s", upsert.conflict);
}

#ifdef SLU_COMMIT_PGX
static const char pgx_program[] = SLU_COMMIT_PGX;
#else
static const char pgx_program[] = "";
#endif

struct slu_commit_cost slu_commit_by_pgx(const struct slu_commit_rows *rows, size_t cadence,
                                         enum slu_pgx_way way)
{
	struct slu_commit_cost cost = {.transactions = parts_of(rows, cadence)};
	char columns[SQL_SIZE / 4], size[32], insert[SQL_SIZE], *output;
	const char *const argv[] = {pgx_program,
	                            rows->server->dsn,
	                            way == SLU_PGX_COPY ? "copy" : "batch",
	                            rows->stream->table,
	                            columns,
	                            size,
	                            rows->file,
	                            insert,
	                            NULL};

	slu_commit_columns(rows->stream, columns, sizeof(columns));
	snprintf(size, sizeof(size), "%zu", cadence);
	print_insert(rows->stream, insert, sizeof(insert));
	output = run(rows, argv);
	if (sscanf(output, "%lf %lf", &cost.seconds, &cost.cpu_seconds) != 2)
		slu_measure_fail("pgx did not tell how long it took, but: %s", output);
	free(output);
	return cost;
}

/* ---- pgbench ---- */

static void write_pgbench_script(const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		slu_measure_fail("%s can't be written", path);
	fprintf(file,
	        "\\set i :i + 1\n"
	        "INSERT INTO executions (order_id, provider_id, execution_id, fill_quantity, "
	        "fill_price, fee, fee_asset, liquidity, traded_at, metadata) VALUES (:order, %d, "
	        "'fill-' || :i::bigint, 1, 0.01, 0.0015, 'USD', 'maker', to_timestamp(1700000000), "
	        "'{}');\n",
	        SLU_TRADES_PROVIDER);
	if (fclose(file) != 0)
		slu_measure_fail("%s can't be written", path);
}

struct slu_commit_cost slu_commit_by_pgbench(const struct slu_commit_rows *rows, size_t count)
{
	struct slu_commit_cost cost = {.transactions = count};
	double rate;
	char program[PATH_MAX], script[PATH_MAX], number[32], order[64], *output;
	const char *const argv[] = {program, "-n",  "-M",   "prepared", "-c",
	                            "1",     "-t",  number, "-D",       "i=-1",
	                            "-D",    order, "-f",   script,     rows->server->dsn,
	                            NULL};
	struct sluice_uuid id;
	char name[SLU_RUN_NAME_SIZE];
	const char *tps;

	snprintf(program, sizeof(program), "%.*s/pgbench",
	         (int)(strrchr(rows->psql.program, '/') - rows->psql.program), rows->psql.program);
	snprintf(script, sizeof(script), "%s/pgbench", rows->server->directory);
	snprintf(number, sizeof(number), "%zu", count);
	slu_record_name(&id, 0);
	snprintf(order, sizeof(order), "order=%s", slu_fence_run_name(&id, name));
	write_pgbench_script(script);
	output = run(rows, argv);
	tps = strstr(output, "tps = ");
	if (tps == NULL || sscanf(tps, "tps = %lf", &rate) != 1)
		slu_measure_fail("pgbench did not tell its rate, but: %s", output);
	free(output);
	cost.seconds = (double)count / rate;
	return cost;
}
