/* SPDX-License-Identifier: MIT */
/* lane_directory.c - made with mkdtemp, looked into with readdir, removed file by file. */
#include "tests/torture/lane_directory.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUFFIX ".lanes"
#define DESCRIPTORS_MAX 8

static _Noreturn void give_up(const char *path)
{
	perror(path);
	abort();
}

void lane_directory_make(struct lane_directory *directory)
{
	snprintf(directory->path, sizeof(directory->path), "/dev/shm/sluice-torture-XXXXXX");
	if (mkdtemp(directory->path) == NULL)
		give_up(directory->path);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	if (place->level > 0 && remove(path) != 0)
		give_up(path);
	return 0;
}

void lane_directory_clear(const struct lane_directory *directory)
{
	if (nftw(directory->path, remove_entry, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS) != 0)
		give_up(directory->path);
}

void lane_directory_remove(const struct lane_directory *directory)
{
	lane_directory_clear(directory);
	if (rmdir(directory->path) != 0)
		give_up(directory->path);
}

static bool is_lane_file(const char *name)
{
	size_t size = strlen(name);

	return size > strlen(SUFFIX) && strcmp(name + size - strlen(SUFFIX), SUFFIX) == 0;
}

size_t lane_directory_files(const struct lane_directory *directory, char *newest)
{
	DIR *entries = opendir(directory->path);
	const struct dirent *entry;
	size_t count = 0;

	if (entries == NULL)
		give_up(directory->path);
	if (newest != NULL)
		newest[0] = '\0';
	while ((entry = readdir(entries)) != NULL) {
		if (!is_lane_file(entry->d_name))
			continue;
		count++;
		if (newest != NULL && strcmp(entry->d_name, newest) > 0)
			snprintf(newest, 37, "%.36s", entry->d_name);
	}
	closedir(entries);
	return count;
}

size_t lane_directory_quarantined(const struct lane_directory *directory)
{
	char path[sizeof(directory->path) + 16];
	const struct dirent *entry;
	size_t count = 0;
	DIR *entries;

	snprintf(path, sizeof(path), "%s/quarantine", directory->path);
	entries = opendir(path);
	if (entries == NULL)
		return 0;
	while ((entry = readdir(entries)) != NULL)
		count += is_lane_file(entry->d_name);
	closedir(entries);
	return count;
}

struct sluice *lane_directory_open(const struct lane_directory *directory, struct sluice_sink *sink,
                                   const struct sluice_streams *streams, const char *options)
{
	struct sluice_error error;
	struct sluice *sluice;
	char text[512];

	snprintf(text, sizeof(text), "dir=%s %s", directory->path, options);
	sluice = sluice_open(sink, streams, text, &error);
	if (sluice != NULL)
		return sluice;
	fprintf(stderr, "open: %s\n", error.message);
	exit(1);
}

struct sluice_lane *lane_directory_attach(struct sluice *sluice)
{
	struct sluice_error error;
	struct sluice_lane *lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);

	if (lane != NULL)
		return lane;
	fprintf(stderr, "attach: %s\n", error.message);
	exit(1);
}
