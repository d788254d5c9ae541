/* SPDX-License-Identifier: MIT */
/* gen_output.c - writes the folder, or tells how it differs from what would be written. */
#include "db/gen/gen_output.h"

#include "db/author/text_diff.h"
#include "db/gen/read/source.h"
#include "db/gen/write/emit.h"

#include <sluice/sink.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIFF_LINE_COUNT_MAX 40

bool slu_gen_output_init(struct slu_gen_output *output, const char *directory)
{
	*output = (struct slu_gen_output){.directory = strdup(directory)};
	return output->directory != NULL;
}

void slu_gen_output_free(struct slu_gen_output *output)
{
	size_t i;

	for (i = 0; i < output->count; i++) {
		free(output->files[i].name);
		free(output->files[i].text);
		free(output->files[i].remark);
	}
	free(output->files);
	free(output->directory);
	*output = (struct slu_gen_output){.directory = NULL};
}

bool slu_gen_output_add(struct slu_gen_output *output, const char *stem, const char *ending,
                        const char *text, const char *hash, const char *remark, const char *from)
{
	struct slu_gen_file *files = reallocarray(output->files, output->count + 1, sizeof(*files));
	struct slu_gen_file *file;

	if (files == NULL)
		return false;
	output->files = files;
	file = &files[output->count++];
	*file = (struct slu_gen_file){.from = from};
	snprintf(file->hash, sizeof(file->hash), "%s", hash);
	file->remark = strdup(remark);
	file->text = text == NULL ? NULL : strdup(text);
	if (asprintf(&file->name, "%s.%s", stem, ending) < 0)
		file->name = NULL;
	return file->name != NULL && file->remark != NULL && (file->text != NULL || text == NULL);
}

const struct slu_gen_file *slu_gen_output_find(const struct slu_gen_output *output,
                                               const char *name)
{
	size_t i;

	for (i = 0; i < output->count; i++) {
		if (strcmp(output->files[i].name, name) == 0)
			return &output->files[i];
	}
	return NULL;
}

static char *path_of(const struct slu_gen_output *output, const struct slu_gen_file *file,
                     struct sluice_error *error)
{
	char *path;

	if (asprintf(&path, "%s/%s", output->directory, file->name) >= 0)
		return path;
	sluice_error_set(error, SLUICE_FAILED, "out of memory");
	return NULL;
}

/* What stands in the tree. Returns SLUICE_OK, SLUICE_MISS when nothing does, SLUICE_FAILED. A file
 * that is no text is one that differs: then `old->text` is what could be read of it. */
static enum sluice_status read_old(struct slu_source *old, const char *path,
                                   struct sluice_error *error)
{
	enum sluice_status status;

	*old = (struct slu_source){.text = NULL};
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return SLUICE_MISS;
	status = slu_source_read(old, path, error);
	return status == SLUICE_INVALID && old->text != NULL ? SLUICE_OK : status;
}

static bool is_same(const struct slu_source *old, const char *text)
{
	return old->size == strlen(text) && memcmp(old->text, text, old->size) == 0;
}

/* ---- write ---- */

/* Writes beside the file and renames, so that no compiler ever sees half of it. */
static enum sluice_status replace(const char *path, const char *text, struct sluice_error *error)
{
	bool written;
	char *beside;
	FILE *file;

	if (asprintf(&beside, "%s.%ld.new", path, (long)getpid()) < 0)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	file = fopen(beside, "we");
	written = file != NULL && fputs(text, file) != EOF;
	if (file != NULL && fclose(file) != 0)
		written = false;
	written = written && rename(beside, path) == 0;
	if (!written) {
		sluice_error_set(error, SLUICE_FAILED, "can't write %s: %s", path, strerror(errno));
		unlink(beside);
	}
	free(beside);
	return written ? SLUICE_OK : SLUICE_FAILED;
}

static enum sluice_status write_one(const struct slu_gen_output *output,
                                    const struct slu_gen_file *file, FILE *answer,
                                    struct sluice_error *error)
{
	char *path = path_of(output, file, error);
	enum sluice_status status;
	struct slu_source old;

	if (path == NULL)
		return SLUICE_FAILED;
	status = read_old(&old, path, error);
	if (status == SLUICE_OK && is_same(&old, file->text)) {
		fprintf(answer, "%s: unchanged\n", path);
	} else if (status == SLUICE_OK || status == SLUICE_MISS) {
		status = replace(path, file->text, error);
		if (status == SLUICE_OK)
			fprintf(answer, "%s: %s\n", path, file->remark);
	}
	slu_source_free(&old);
	free(path);
	return status;
}

enum sluice_status slu_gen_output_write(const struct slu_gen_output *output, FILE *answer,
                                        struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t i;

	if (mkdir(output->directory, 0777) != 0 && errno != EEXIST)
		return sluice_error_set(error, SLUICE_FAILED, "can't make the folder %s: %s",
		                        output->directory, strerror(errno));
	for (i = 0; i < output->count && status == SLUICE_OK; i++)
		status = write_one(output, &output->files[i], answer, error);
	return status;
}

/* ---- compare ---- */

enum { HASH_SIZE = 16 };

/* The place of a hash in the first lines, or NULL: a text that somebody else wrote. */
static char *hash_in(const char *text, const char *label)
{
	char *hash = strstr(text, label);

	if (hash == NULL || hash > text + 512)
		return NULL;
	hash += strlen(label);
	return strspn(hash, "0123456789abcdef") == HASH_SIZE ? hash : NULL;
}

static void copy_hash(char *old, const char *text, const char *label)
{
	char *to = hash_in(old, label);
	const char *from = hash_in(text, label);

	if (to != NULL && from != NULL)
		memcpy(to, from, HASH_SIZE);
}

/* Tells how two texts differ. Other hashes go without saying, when more than that differs. */
static enum sluice_status tell_difference(const char *path, char *old,
                                          const struct slu_gen_file *file, FILE *answer,
                                          struct sluice_error *error)
{
	const struct slu_text_diff_view view = {
		.before_title = path,
		.after_title = "what sluice gen writes now",
		.landmark = "struct ",
		.line_limit = DIFF_LINE_COUNT_MAX,
	};

	copy_hash(old, file->text, SLU_EMIT_INPUT);
	copy_hash(old, file->text, SLU_EMIT_OUTPUT);
	if (strcmp(old, file->text) == 0) {
		fprintf(answer,
		        "%s: differs in its first lines only: what it is made from has changed, "
		        "what that means has not\n",
		        path);
		return SLUICE_OK;
	}
	fprintf(answer, "%s: differs from what sluice gen makes of %s\n", path, file->from);
	if (!slu_text_diff(old, file->text, &view, answer))
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	return SLUICE_OK;
}

/* Without a database: by what the first lines tell of their file. Returns whether it is as it was
 * made, and from what is there now. */
static bool compare_hashes(const char *path, const char *old, const struct slu_gen_file *file,
                           FILE *answer)
{
	const char *input = hash_in(old, SLU_EMIT_INPUT);
	const char *output = hash_in(old, SLU_EMIT_OUTPUT);
	char made[HASH_SIZE + 1];

	snprintf(made, sizeof(made), "%016" PRIx64, slu_emitted_hash(old));
	if (input == NULL || memcmp(input, file->hash, HASH_SIZE) != 0)
		fprintf(answer,
		        "%s: was not made from %s and the schema as they are now, or not by "
		        "sluice " SLUICE_VERSION_STRING "\n",
		        path, file->from);
	else if (output == NULL || memcmp(output, made, HASH_SIZE) != 0)
		fprintf(answer, "%s: was changed after sluice gen wrote it\n", path);
	else
		return true;
	return false;
}

static enum sluice_status compare_one(const char *path, const struct slu_gen_file *file,
                                      FILE *answer, size_t *differences, struct sluice_error *error)
{
	struct slu_source old;
	enum sluice_status status = read_old(&old, path, error);

	if (status == SLUICE_MISS) {
		fprintf(answer, "%s: missing\n", path);
		(*differences)++;
		status = SLUICE_OK;
	} else if (status == SLUICE_OK && file->text != NULL) {
		if (!is_same(&old, file->text)) {
			(*differences)++;
			status = tell_difference(path, old.text, file, answer, error);
		}
	} else if (status == SLUICE_OK) {
		*differences += !compare_hashes(path, old.text, file, answer);
	}
	slu_source_free(&old);
	return status;
}

static int is_c(const struct dirent *entry)
{
	const char *ending = strrchr(entry->d_name, '.');

	return ending != NULL && ending != entry->d_name &&
	       (strcmp(ending, ".c") == 0 || strcmp(ending, ".h") == 0);
}

enum sluice_status slu_gen_output_tell_left_over(const struct slu_gen_output *output, FILE *answer,
                                                 size_t *count, struct sluice_error *error)
{
	struct dirent **entries;
	int found = scandir(output->directory, &entries, is_c, alphasort);
	int i;

	*count = 0;
	if (found < 0 && errno == ENOENT)
		return SLUICE_OK;
	if (found < 0)
		return sluice_error_set(error, SLUICE_FAILED, "can't read the folder %s: %s",
		                        output->directory, strerror(errno));
	for (i = 0; i < found; i++) {
		if (slu_gen_output_find(output, entries[i]->d_name) == NULL) {
			fprintf(answer,
			        "untracked: %s/%s is not made from any query file: remove it\n",
			        output->directory, entries[i]->d_name);
			(*count)++;
		}
		free(entries[i]);
	}
	free(entries);
	return SLUICE_OK;
}

enum sluice_status slu_gen_output_compare(const struct slu_gen_output *output, FILE *answer,
                                          size_t *differences, struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	size_t left_over = 0;
	size_t i;

	*differences = 0;
	for (i = 0; i < output->count && status == SLUICE_OK; i++) {
		char *path = path_of(output, &output->files[i], error);

		if (path == NULL)
			return SLUICE_FAILED;
		status = compare_one(path, &output->files[i], answer, differences, error);
		free(path);
	}
	if (status == SLUICE_OK)
		status = slu_gen_output_tell_left_over(output, answer, &left_over, error);
	*differences += left_over;
	return status;
}
