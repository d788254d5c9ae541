/* SPDX-License-Identifier: MIT */
/* lanes_stage.c - the streams are every.h's, as far as a record can hold them; definitions are what
 * the database says, as the generator would have asked. */
#include "tests/contract/lanes_stage.h"

#include "cli/commands.h"
#include "cli/lanes.h"
#include "cli/lanes_statements.h"
#include "db/catalog.h"
#include "tests/contract/database.h"

#include <sluice/postgres.h>

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(condition)                                                                     \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "setup: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* ---- streams and tables ---- */

/* Inline columns only, and the version behind them. */
static uint16_t choose_columns(struct stage *stage)
{
	uint16_t count = 0;

	for (uint16_t i = 0; i < every_layout.column_count; i++)
		if (every_layout.columns[i].form == SLUICE_INLINE)
			stage->columns[count++] = every_layout.columns[i];
	stage->columns[count] = (struct sluice_column){.name = "version", .type = SLUICE_VERSION};
	return count;
}

static void create_tables(struct stage *stage, uint16_t count)
{
	char list[1024] = "";
	char sql[4096];

	for (uint16_t i = 0; i < count; i++) {
		strcat(list, i > 0 ? ", " : "");
		strcat(list, stage->columns[i].name);
	}
	every_create(stage->connection);
	snprintf(sql, sizeof(sql),
	         "CREATE TABLE samples AS SELECT %s FROM every WITH NO DATA;"
	         "CREATE TABLE states AS SELECT %s FROM every WITH NO DATA;"
	         "ALTER TABLE states ADD PRIMARY KEY (id), "
	         "ADD version bigint NOT NULL DEFAULT 0, ADD seen timestamptz DEFAULT now();"
	         "ALTER TABLE samples ALTER id SET NOT NULL",
	         list, list);
	database_run(stage->connection, sql);
}

static void define_columns(struct stage *stage, uint16_t count)
{
	const char *tables = "{states}";
	PGresult *result = PQexecParams(stage->connection, slu_catalog_columns_sql, 1, NULL,
	                                &tables, NULL, NULL, 0);

	for (uint16_t i = 0; i <= count; i++)
		for (int row = 0; row < PQntuples(result); row++)
			if (strcmp(PQgetvalue(result, row, 1), stage->columns[i].name) == 0)
				stage->columns[i].definition = strdup(PQgetvalue(result, row, 2));
	PQclear(result);
}

static void describe(struct stage *stage, uint16_t count)
{
	stage->samples = (struct sluice_stream){
		.name = "samples",
		.kind = SLUICE_APPEND,
		.index = 1,
		.layout = {stage->columns, sizeof(struct every), count},
		.fingerprint = 1,
		.table = "samples",
	};
	stage->states = (struct sluice_stream){
		.name = "states",
		.kind = SLUICE_STATE,
		.key_size = sizeof(int32_t),
		.key_column_count = 1,
		.layout = {stage->columns, sizeof(struct every), (uint16_t)(count + 1)},
		.fingerprint = 2,
		.table = "states",
	};
	stage->pointers[0] = &stage->states;
	stage->pointers[1] = &stage->samples;
	stage->streams = (struct sluice_streams){"stage", 0, stage->pointers, 2};
}

void stage_open(struct stage *stage)
{
	uint16_t count;

	*stage = (struct stage){.dsn = database_create(true)};
	stage->connection = database_connect(stage->dsn);
	snprintf(stage->directory, sizeof(stage->directory), "/dev/shm/sluice-lanes-XXXXXX");
	REQUIRE(mkdtemp(stage->directory) != NULL);
	database_run(stage->connection, "SET timezone = 'UTC'; SET datestyle = 'ISO'; "
	                                "SET intervalstyle = 'postgres'");
	count = choose_columns(stage);
	create_tables(stage, count);
	define_columns(stage, count);
	describe(stage, count);
}

void stage_close(struct stage *stage)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", stage->directory);
	REQUIRE(system(command) == 0);
	for (size_t i = 0; stage->columns[i].name != NULL; i++)
		free((char *)stage->columns[i].definition);
	PQfinish(stage->connection);
	database_drop(stage->dsn);
}

/* ---- the engine ---- */

static void put(struct sluice_lane *lane, const struct sluice_stream *stream, int32_t id,
                uint64_t *state)
{
	struct every record;
	void *arena = NULL;

	memset(&record, 0, sizeof(record));
	every_fill(&record, id, state, &arena);
	REQUIRE(sluice_put(lane, stream, &record, sizeof(record), NULL) == SLUICE_OK);
}

static void put_all(const struct sluice_streams *streams, struct sluice_lane *lane, uint64_t seed)
{
	const struct sluice_stream *states = streams->streams[0], *samples = streams->streams[1];
	uint64_t state = seed;
	int32_t id;

	for (id = 0; id < STAGE_SAMPLES; id++)
		put(lane, samples, id, &state);
	for (id = 0; id < 2 * STAGE_STATES; id++)
		put(lane, states, id % STAGE_STATES, &state);
	for (id = 0; id < STAGE_REMOVED; id++)
		REQUIRE(sluice_remove(lane, states, &id, NULL) == SLUICE_OK);
	id = STAGE_STATES + 1000;
	REQUIRE(sluice_remove(lane, states, &id, NULL) == SLUICE_OK);
}

/* Where an engine's records go, and whether it waits until they are there. */
struct aim {
	const struct sluice_streams *streams;
	const char *dsn;
	bool commit;
};

static void live(const struct stage *stage, uint64_t seed, const struct aim *aim, int told)
{
	struct sluice_error error = {.message = ""};
	struct sluice_sink *sink = sluice_postgres_open(aim->dsn, NULL, &error);
	struct sluice *sluice = NULL;
	struct sluice_lane *lane = NULL;
	char options[160];

	snprintf(options, sizeof(options), "dir=%s lanes=2 lane_slots=1024 connect=background",
	         stage->directory);
	if (sink != NULL)
		sluice = sluice_open(sink, aim->streams, options, &error);
	if (sluice != NULL)
		lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);
	if (lane == NULL)
		fprintf(stderr, "engine: %s\n", error.message);
	REQUIRE(lane != NULL);
	put_all(aim->streams, lane, seed);
	REQUIRE(!aim->commit || sluice_flush(sluice, sluice_seconds(60)) == SLUICE_OK);
	REQUIRE(write(told, "!", 1) == 1);
	for (;;)
		pause();
}

static pid_t start_engine(const struct stage *stage, uint64_t seed, const struct aim *aim)
{
	int pipe_fds[2];
	char ready = 0;
	pid_t engine;

	REQUIRE(pipe(pipe_fds) == 0);
	fflush(NULL);
	engine = fork();
	REQUIRE(engine >= 0);
	if (engine == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
		close(pipe_fds[0]);
		live(stage, seed, aim, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	REQUIRE(read(pipe_fds[0], &ready, 1) == 1);
	close(pipe_fds[0]);
	return engine;
}

pid_t stage_engine(struct stage *stage, uint64_t seed)
{
	const struct aim aim = {&stage->streams, "host=/nowhere dbname=none", false};

	return start_engine(stage, seed, &aim);
}

pid_t stage_committed_engine(struct stage *stage, uint64_t seed)
{
	struct sluice_error error;
	struct slu_lanes_statements *statements =
		slu_lanes_statements_make(&stage->streams, stage->connection, &error);
	struct aim aim = {.dsn = stage->dsn, .commit = true};
	pid_t engine;

	REQUIRE(statements != NULL);
	aim.streams = slu_lanes_statements_streams(statements);
	engine = start_engine(stage, seed, &aim);
	slu_lanes_statements_free(statements);
	return engine;
}

void stage_kill(pid_t engine)
{
	int status;

	REQUIRE(kill(engine, SIGKILL) == 0);
	REQUIRE(waitpid(engine, &status, 0) == engine && WIFSIGNALED(status));
}

/* ---- the program ---- */

struct said stage_run(const char *argument, ...)
{
	char *arguments[16] = {"lanes", (char *)argument};
	int count = 1;
	va_list rest;

	va_start(rest, argument);
	while (arguments[count] != NULL)
		arguments[++count] = va_arg(rest, char *);
	va_end(rest);
	return program_run(cli_lanes, arguments);
}

void stage_run_and_kill(struct stage *stage, const char *operation, const char *option,
                        unsigned after_us)
{
	char *arguments[] = {"lanes", stage->directory, (char *)operation, (char *)option, NULL};

	program_run_and_kill(cli_lanes, arguments, after_us);
}

const char *stage_printed(const json_t *value, char words[24])
{
	switch (json_typeof(value)) {
	case JSON_TRUE:
		return "t";
	case JSON_FALSE:
		return "f";
	case JSON_INTEGER:
		snprintf(words, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return words;
	case JSON_STRING:
		return json_string_value(value);
	default:
		return NULL;
	}
}

const char *stage_file(const struct stage *stage)
{
	static char path[PATH_MAX];
	DIR *directory = opendir(stage->directory);
	struct dirent *entry;

	path[0] = '\0';
	REQUIRE(directory != NULL);
	while ((entry = readdir(directory)) != NULL)
		if (strstr(entry->d_name, ".lanes") != NULL) {
			REQUIRE(path[0] == '\0');
			snprintf(path, sizeof(path), "%s/%s", stage->directory, entry->d_name);
		}
	closedir(directory);
	REQUIRE(path[0] != '\0');
	return path;
}
