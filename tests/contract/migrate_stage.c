/* SPDX-License-Identifier: MIT */
/* migrate_stage.c - sets the stage, and listens. */
#include "tests/contract/migrate_stage.h"

#include "cli/commands.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stage stage;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "stage: %s\n", what);
	abort();
}

void stage_make(void)
{
	stage.dsn = database_create(false);
	stage.connection = database_connect(stage.dsn);
	stage.directory = script_directory_make();
	stage.options = (struct sluice_migrate_options){.conninfo = stage.dsn,
	                                                .directory = stage.directory.path};
}

void stage_clean(void)
{
	PQfinish(stage.connection);
	database_drop(stage.dsn);
	script_directory_remove(&stage.directory);
}

void stage_add(const char *file, const char *text)
{
	script_directory_add(&stage.directory, file, text);
}

void stage_remove(const char *file)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", stage.directory.path, file);
	if (remove(path) != 0)
		give_up(path);
}

void stage_add_table(const char *number, const char *name)
{
	char file[100];
	char text[100];

	snprintf(file, sizeof(file), "%s_%s.up.sql", number, name);
	snprintf(text, sizeof(text), "CREATE TABLE %s (a int)", name);
	stage_add(file, text);
	snprintf(file, sizeof(file), "%s_%s.down.sql", number, name);
	snprintf(text, sizeof(text), "DROP TABLE %s", name);
	stage_add(file, text);
}

enum sluice_status stage_up(void)
{
	return slu_migrate_up(&stage.options, SLU_MIGRATE_ALL, &stage.applied, &stage.error);
}

static struct slu_migrate_state state(void)
{
	struct slu_migrate_state found;

	if (slu_migrate_version(&stage.options, &found, &stage.error) != SLUICE_OK)
		give_up(stage.error.message);
	return found;
}

int64_t stage_version(void)
{
	if (state().dirty)
		give_up("the database is dirty");
	return state().version;
}

bool stage_dirty(void)
{
	return state().dirty;
}

bool stage_has_table(const char *name)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_class WHERE oid = to_regclass('%s')",
	         name);
	return database_query_int(stage.connection, sql) == 1;
}

/* ---- the program ---- */

/* Replaces what matches `pattern` in `text`, which has room for `size` bytes. */
static void mask(char *text, size_t size, const char *pattern, const char *replacement)
{
	regex_t compiled;
	regmatch_t match;
	size_t length = strlen(replacement);
	char *at = text;

	if (regcomp(&compiled, pattern, REG_EXTENDED) != 0)
		give_up(pattern);
	while (regexec(&compiled, at, 1, &match, 0) == 0) {
		char *rest = at + match.rm_eo;

		if (strlen(text) + length + 1 >= size)
			give_up("the program says too much");
		at += match.rm_so;
		memmove(at + length, rest, strlen(rest) + 1);
		memcpy(at, replacement, length);
		at += length;
	}
	regfree(&compiled);
}

static void mask_all(char *text, size_t size)
{
	mask(text, size, stage.directory.path, "DIR");
	mask(text, size, PQdb(stage.connection), "DB");
	mask(text, size, "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}Z", "TIME");
	mask(text, size, "\\([0-9.]+ms\\)", "(N ms)");
	mask(text, size, "for [0-9.]+ s\\.", "for N s.");
	mask(text, size, "IN \\([0-9]+, [0-9]+\\)", "IN (ID, ID)");
}

/* Runs the program with its `stream` going to a file, whose text is in `text` afterwards. */
struct capture {
	FILE *stream;
	FILE *file;
	int former;
};

static struct capture begin_capture(FILE *stream)
{
	struct capture capture = {stream, tmpfile(), dup(fileno(stream))};

	fflush(stream);
	if (capture.file == NULL || capture.former < 0 ||
	    dup2(fileno(capture.file), fileno(stream)) < 0)
		give_up("can't listen to the program");
	return capture;
}

static void end_capture(struct capture *capture, char *text, size_t size)
{
	size_t length;

	fflush(capture->stream);
	if (dup2(capture->former, fileno(capture->stream)) < 0)
		give_up("can't stop listening");
	close(capture->former);
	rewind(capture->file);
	length = fread(text, 1, size - 1, capture->file);
	text[length] = '\0';
	fclose(capture->file);
	mask_all(text, size);
}

static int run(char **argv, int argc)
{
	struct capture out = begin_capture(stdout);
	struct capture err = begin_capture(stderr);
	int status = cli_migrate(argc, argv);

	end_capture(&err, stage.err, sizeof(stage.err));
	end_capture(&out, stage.out, sizeof(stage.out));
	return status;
}

static int run_words(char **argv, int argc, const char *command)
{
	char *words = strdup(command);
	char *word;
	int status;

	for (word = strtok(words, " "); word != NULL && argc < 15; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	status = run(argv, argc);
	free(words);
	return status;
}

int stage_cli(const char *command)
{
	char *argv[16] = {(char *)"migrate", (char *)"--dsn", stage.dsn, (char *)"--path",
	                  stage.directory.path};

	return run_words(argv, 5, command);
}

int stage_cli_bare(const char *command)
{
	char *argv[16] = {(char *)"migrate"};

	return run_words(argv, 1, command);
}
