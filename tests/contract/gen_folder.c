/* SPDX-License-Identifier: MIT */
/* gen_folder.c - a folder below /tmp, and runs of the generator that are listened to. */
#include "tests/contract/gen_folder.h"

#include "tests/script_directory.h"

#include <sys/stat.h>

static _Noreturn void give_up(const char *doing, const char *why)
{
	fprintf(stderr, "gen_folder: can't %s: %s\n", doing, why);
	abort();
}

const char *gen_folder_root(void)
{
	static char root[1024];
	const char *end = strstr(__FILE__, "/tests/contract/");

	if (end == NULL)
		give_up("find the source tree", __FILE__);
	snprintf(root, sizeof(root), "%.*s", (int)(end - __FILE__), __FILE__);
	return root;
}

void gen_folder_make(struct gen_folder *folder)
{
	static char config[128];
	struct script_directory directory = script_directory_make();

	memset(folder, 0, sizeof(*folder));
	memcpy(folder->path, directory.path, sizeof(folder->path));
	snprintf(config, sizeof(config), "%s/sqlc.yaml", folder->path);
	folder->options.config = config;
	folder->options.dsn = getenv("SLUICE_TEST_DSN");
	if (folder->options.dsn == NULL)
		give_up("find the server", "run the test through with_postgres");
}

void gen_folder_copy_shipped(struct gen_folder *folder)
{
	char command[4096];

	gen_folder_make(folder);
	snprintf(command, sizeof(command),
	         "cd '%s/db' && cp -R migrations queries generated sqlc.yaml %s", gen_folder_root(),
	         folder->path);
	if (system(command) != 0)
		give_up("copy", command);
}

void gen_folder_remove(struct gen_folder *folder)
{
	struct script_directory directory;

	memcpy(directory.path, folder->path, sizeof(directory.path));
	script_directory_remove(&directory);
	free(folder->answer);
	free(folder->errors);
}

/* ---- files ---- */

void gen_folder_put(const struct gen_folder *folder, const char *name, const char *text)
{
	struct script_directory directory;
	const char *slash = strrchr(name, '/');
	char path[320];

	if (slash != NULL) {
		snprintf(path, sizeof(path), "%s/%.*s", folder->path, (int)(slash - name), name);
		mkdir(path, 0700);
	}
	memcpy(directory.path, folder->path, sizeof(directory.path));
	script_directory_add(&directory, name, text);
}

char *gen_folder_get(const struct gen_folder *folder, const char *name)
{
	char path[320];
	char *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	file = fopen(path, "r");
	if (file == NULL)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0 && !feof(file))
		give_up("read", path);
	fclose(file);
	return text;
}

void gen_folder_change(const struct gen_folder *folder, const char *name, const char *before,
                       const char *after)
{
	char *text = gen_folder_get(folder, name);
	char *at = text == NULL ? NULL : strstr(text, before);
	char *changed;

	if (at == NULL || strstr(at + 1, before) != NULL)
		give_up("find once", before);
	if (asprintf(&changed, "%.*s%s%s", (int)(at - text), text, after, at + strlen(before)) < 0)
		give_up("change", name);
	gen_folder_put(folder, name, changed);
	free(changed);
	free(text);
}

/* ---- runs ---- */

enum sluice_status gen_folder_run(struct gen_folder *folder)
{
	enum sluice_status status;
	size_t size;

	free(folder->answer);
	free(folder->errors);
	folder->options.answer = open_memstream(&folder->answer, &size);
	folder->options.errors = open_memstream(&folder->errors, &size);
	if (folder->options.answer == NULL || folder->options.errors == NULL)
		give_up("listen", "out of memory");
	status = slu_gen_run(&folder->options);
	fclose(folder->options.answer);
	fclose(folder->options.errors);
	return status;
}

enum sluice_status gen_folder_check(struct gen_folder *folder, bool no_database)
{
	const char *dsn = folder->options.dsn;
	enum sluice_status status;

	folder->options.check = true;
	folder->options.no_database = no_database;
	if (no_database)
		folder->options.dsn = "host=/nowhere"; /* must not be asked */
	status = gen_folder_run(folder);
	folder->options.check = false;
	folder->options.no_database = false;
	folder->options.dsn = dsn;
	return status;
}
