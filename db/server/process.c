/* SPDX-License-Identifier: MIT */
/* process.c - reads /proc/PID/stat. */
#include "db/server/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stat_line {
	char state;
	pid_t parent;
	unsigned long long start_ticks;
};

/* Returns false when there is no such process. */
static bool read_stat(pid_t pid, struct stat_line *line)
{
	char path[32];
	char text[1024];
	const char *after_name;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size <= 0)
		return false;
	text[size] = '\0';
	after_name = strrchr(text, ')'); /* the name may hold anything, also parentheses */
	/* Fields 3 and 4, and 22: see proc(5). */
	return after_name != NULL &&
	       sscanf(after_name + 1,
	              " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	              "%*s %llu",
	              &line->state, &line->parent, &line->start_ticks) == 3;
}

size_t slu_process_children(pid_t parent, struct slu_process *children, size_t capacity)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for a name, not a number */
		struct stat_line line;

		if (pid <= 0 || !read_stat(pid, &line) || line.parent != parent)
			continue;
		if (count < capacity)
			children[count] = (struct slu_process){pid, line.start_ticks};
		count++;
	}
	if (directory != NULL)
		closedir(directory);
	return count;
}

bool slu_process_lives(const struct slu_process *process)
{
	struct stat_line line;

	return read_stat(process->pid, &line) && line.start_ticks == process->start_ticks &&
	       line.state != 'Z' && line.state != 'X';
}

bool slu_process_stands(pid_t pid)
{
	struct stat_line line;

	return !read_stat(pid, &line) || strchr("TZX", line.state) != NULL;
}
