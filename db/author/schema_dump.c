/* SPDX-License-Identifier: MIT */
/* schema_dump.c - runs pg_dump into memory, and takes out what tells nothing. */
#include "db/author/schema_dump.h"

#include "db/server/child.h"

#include <sluice/sink.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DUMP_TIMEOUT_NS UINT64_C(120000000000)
#define END_TIMEOUT_NS UINT64_C(10000000000)

/* ---- run ---- */

static char *read_text(int fd)
{
	struct stat about;
	size_t size;
	char *text;

	if (fstat(fd, &about) != 0)
		return NULL;
	size = (size_t)about.st_size;
	text = malloc(size + 1);
	if (text == NULL || pread(fd, text, size, 0) != (ssize_t)size) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

/* Runs pg_dump with its output to `fd`. What it complains about goes there, too. */
static enum sluice_status run(const char *programs, const char *conninfo, int fd, int *wait_status,
                              struct sluice_error *error)
{
	char program[PATH_MAX];
	const char *const argv[] = {
		program,
		"--schema-only",
		"--no-password",
		"--exclude-schema=sluice",
		"--exclude-table=*.schema_migrations",
		"--exclude-table=*.schema_migrations_history",
		"--dbname",
		conninfo,
		NULL,
	};
	struct slu_child_setup setup = {
		.argv = argv, .output_fd = fd, .own_session = true, .death_signal = SIGTERM};
	pid_t pid;

	snprintf(program, sizeof(program), "%s/pg_dump", programs);
	pid = slu_child_start(&setup, error);
	if (pid < 0)
		return SLUICE_FAILED;
	if (slu_child_wait(pid, DUMP_TIMEOUT_NS, wait_status))
		return SLUICE_OK;
	kill(pid, SIGKILL);
	slu_child_wait(pid, END_TIMEOUT_NS, NULL);
	return sluice_error_set(error, SLUICE_FAILED, "pg_dump took longer than 120 s");
}

/* ---- what tells nothing ---- */

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* Takes lines out, in place. */
static void take_out_noise(char *text)
{
	char *to = text;
	char *at = text;

	while (*at != '\0') {
		size_t size = strcspn(at, "\n");

		size += at[size] == '\n';
		if (!begins(at, "-- Dumped ") && !begins(at, "\\restrict ") &&
		    !begins(at, "\\unrestrict ")) {
			memmove(to, at, size);
			to += size;
		}
		at += size;
	}
	*to = '\0';
}

enum sluice_status slu_schema_dump(const char *programs, const char *conninfo, char **text,
                                   struct sluice_error *error)
{
	int fd = memfd_create("schema_dump", MFD_CLOEXEC);
	enum sluice_status status = SLUICE_OK;
	int wait_status = 0;

	*text = NULL;
	if (fd < 0)
		return sluice_error_set(error, SLUICE_FAILED, "can't keep a dump in memory: %s",
		                        strerror(errno));
	status = run(programs, conninfo, fd, &wait_status, error);
	if (status == SLUICE_OK) {
		*text = read_text(fd);
		if (*text == NULL)
			status = sluice_error_set(error, SLUICE_FAILED, "out of memory for a dump");
	}
	close(fd);
	if (status == SLUICE_OK && (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)) {
		size_t size = strlen(*text);
		const char *end = *text + (size > 300 ? size - 300 : 0);

		status = sluice_error_set(error, SLUICE_FAILED, "pg_dump in %s failed: %s",
		                          programs, end);
		free(*text);
		*text = NULL;
	}
	if (status == SLUICE_OK)
		take_out_noise(*text);
	return status;
}

/* ---- the order of columns ---- */

struct line {
	const char *text;
	size_t size;
};

static int by_text(const void *left, const void *right)
{
	const struct line *a = left;
	const struct line *b = right;
	int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);

	return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* Copies `text` to `to`, the lines within each CREATE TABLE (..) sorted and without the comma that
 * all but the last have. `lines` has room for all lines. */
static void copy_sorted(const char *text, char *to, struct line *lines)
{
	size_t count = 0; /* of lines within the present table */
	bool within = false;
	size_t i;

	while (*text != '\0') {
		size_t size = strcspn(text, "\n");

		if (within && text[0] != ')') {
			size_t comma = size > 0 && text[size - 1] == ',';

			lines[count++] = (struct line){text, size - comma};
		} else {
			qsort(lines, count, sizeof(*lines), by_text);
			for (i = 0; i < count; i++) {
				to = mempcpy(to, lines[i].text, lines[i].size);
				*to++ = '\n';
			}
			count = 0;
			to = mempcpy(to, text, size);
			*to++ = '\n';
			within = begins(text, "CREATE TABLE ") && text[size - 1] == '(';
		}
		text += size + (text[size] == '\n');
	}
	*to = '\0';
}

bool slu_schema_dump_same_but_order(const char *left, const char *right)
{
	size_t room = (strlen(left) > strlen(right) ? strlen(left) : strlen(right)) + 2;
	char *sorted_left = malloc(room);
	char *sorted_right = malloc(room);
	struct line *lines = malloc(room * sizeof(*lines));
	bool same = false;

	if (sorted_left != NULL && sorted_right != NULL && lines != NULL) {
		copy_sorted(left, sorted_left, lines);
		copy_sorted(right, sorted_right, lines);
		same = strcmp(sorted_left, sorted_right) == 0;
	}
	free(sorted_left);
	free(sorted_right);
	free(lines);
	return same;
}
