/* SPDX-License-Identifier: MIT */
/* config.c - finds the file, and takes from each of its entries what has a meaning in C. */
#include "db/gen/read/config.h"

#include "db/gen/read/config_paths.h"
#include "db/gen/read/config_yaml.h"
#include "db/gen/read/query_tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char EXAMPLE[] = "Name one with --config, or write a sqlc.yaml like this:\n"
			      "  version: \"2\"\n"
			      "  sql:\n"
			      "    - engine: postgresql\n"
			      "      schema: db/migrations\n"
			      "      queries: db/queries";

struct config_reader {
	struct slu_config *config;
	struct slu_findings *findings;
	struct slu_yaml yaml;
	bool first; /* version 1 */
};

static void tell(const struct config_reader *reader, const yaml_node_t *node, const char *hint,
                 const char *message)
{
	slu_finding(reader->findings, slu_yaml_place(&reader->yaml, node), hint, "%s", message);
}

/* ---- the file ---- */

/* The one file of the usual names that is there; NULL, having told why, if it is not one. */
static const char *find_file(struct slu_findings *findings)
{
	static const char *const names[] = {"sqlc.yaml", "sqlc.yml", "sqlc.json"};
	struct slu_place nowhere = {NULL, 0, 0};
	const char *found = NULL;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (access(names[i], F_OK) != 0)
			continue;
		if (found != NULL) {
			slu_finding(findings, nowhere, "Keep one, or name one with --config.",
			            "there are both %s and %s here", found, names[i]);
			return NULL;
		}
		found = names[i];
	}
	if (found == NULL)
		slu_finding(findings, nowhere, EXAMPLE,
		            "there is no sqlc.yaml, sqlc.yml or sqlc.json here");
	return found;
}

/* ---- overrides ---- */

/* table.column or schema.table.column. */
static bool is_column(const char *text)
{
	size_t points = 0;
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '.' && (i == 0 || text[i + 1] == '.' || text[i + 1] == '\0'))
			return false;
		points += text[i] == '.';
	}
	return points == 1 || points == 2;
}

static bool add_override(struct config_reader *reader, struct slu_config_set *set,
                         yaml_node_t *entry)
{
	yaml_node_t *column = slu_yaml_get(&reader->yaml, entry, "column");
	const char *name = slu_yaml_text(column);
	yaml_node_t *nullable = slu_yaml_get(&reader->yaml, entry, "nullable");
	const char *value = slu_yaml_text(nullable);
	struct slu_override *overrides;

	if (name == NULL || nullable == NULL)
		return true; /* it chooses a Go type */
	if (value == NULL || (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)) {
		tell(reader, nullable, NULL, "nullable is true or false");
		return true;
	}
	if (!is_column(name)) {
		tell(reader, column, "Write table.column or schema.table.column.",
		     "this names no column");
		return true;
	}
	if (strcmp(value, "true") != 0)
		return true; /* sqlc does not read it: it may be wrong, and never takes NULL away */
	overrides = slu_room(set->overrides, set->override_count, sizeof(*overrides));
	if (overrides == NULL)
		return false;
	set->overrides = overrides;
	overrides[set->override_count].column = strdup(name);
	return overrides[set->override_count++].column != NULL;
}

static bool add_overrides(struct config_reader *reader, struct slu_config_set *set,
                          yaml_node_t *list)
{
	size_t i;

	for (i = 0; i < slu_yaml_count(list); i++) {
		if (!add_override(reader, set, slu_yaml_item(&reader->yaml, list, i)))
			return false;
	}
	return true;
}

static yaml_node_t *overrides_of_go(struct config_reader *reader, yaml_node_t *node)
{
	yaml_node_t *go = slu_yaml_get(&reader->yaml, node, "go");

	return slu_yaml_get(&reader->yaml, go, "overrides");
}

/* The entry's own come before those for all, so that they are found first. */
static bool read_overrides(struct config_reader *reader, struct slu_config_set *set,
                           yaml_node_t *entry)
{
	struct slu_yaml *yaml = &reader->yaml;
	yaml_node_t *all = slu_yaml_get(yaml, slu_yaml_root(yaml), "overrides");

	if (reader->first)
		return add_overrides(reader, set, slu_yaml_get(yaml, entry, "overrides")) &&
		       add_overrides(reader, set, all);
	return add_overrides(reader, set,
	                     overrides_of_go(reader, slu_yaml_get(yaml, entry, "gen"))) &&
	       add_overrides(reader, set, overrides_of_go(reader, all));
}

/* ---- paths ---- */

/* The paths of `schema` or `queries`. Those that are not there are told, one by one. */
static bool read_paths(struct config_reader *reader, yaml_node_t *entry, const char *key,
                       struct slu_paths *paths)
{
	yaml_node_t *node = slu_yaml_get(&reader->yaml, entry, key);
	char message[64];
	size_t i;

	if (slu_yaml_count(node) == 0) {
		snprintf(message, sizeof(message), "this entry has no %s", key);
		tell(reader, entry, "It is a path, or a list of paths: files or directories.",
		     message);
	}
	for (i = 0; i < slu_yaml_count(node); i++) {
		yaml_node_t *item = slu_yaml_item(&reader->yaml, node, i);
		const char *written = slu_yaml_text(item);
		size_t before = paths->count;

		if (written == NULL) {
			tell(reader, item, NULL, "a path should stand here");
			continue;
		}
		if (!slu_paths_add(paths, reader->config->source.path, written))
			return false;
		if (paths->count == before)
			tell(reader, item, "Paths are relative to this file.",
			     "there is no such file or directory");
	}
	return true;
}

/* Two files of one name would become one pair of C files. */
static void check_names(const struct config_reader *reader, const yaml_node_t *node,
                        const struct slu_paths *files)
{
	size_t i, j;

	for (i = 0; i < files->count; i++) {
		for (j = 0; j < i; j++) {
			const char *a = strrchr(files->paths[i], '/');
			const char *b = strrchr(files->paths[j], '/');

			if (strcmp(a == NULL ? files->paths[i] : a + 1,
			           b == NULL ? files->paths[j] : b + 1) != 0)
				continue;
			slu_finding(reader->findings, slu_yaml_place(&reader->yaml, node),
			            "A file's name becomes that of its C files. Rename one.",
			            "%s and %s have one name", files->paths[j], files->paths[i]);
		}
	}
}

static bool read_query_files(struct config_reader *reader, yaml_node_t *entry,
                             struct slu_paths *files)
{
	yaml_node_t *node = slu_yaml_get(&reader->yaml, entry, "queries");
	struct slu_paths paths = {NULL, 0};
	bool ok = read_paths(reader, entry, "queries", &paths);
	size_t i;

	for (i = 0; ok && i < paths.count; i++) {
		size_t before = files->count;

		if (!slu_paths_list(files, paths.paths[i])) {
			ok = errno != ENOMEM;
			if (ok)
				slu_finding(reader->findings, slu_yaml_place(&reader->yaml, node),
				            NULL, "can't read %s: %s", paths.paths[i],
				            strerror(errno));
		} else if (files->count == before) {
			slu_finding(reader->findings, slu_yaml_place(&reader->yaml, node), NULL,
			            "there is no .sql file in %s", paths.paths[i]);
		}
	}
	slu_paths_free(&paths);
	if (ok)
		check_names(reader, node, files);
	return ok;
}

/* ---- entries ---- */

static void check_engine(struct config_reader *reader, yaml_node_t *entry)
{
	yaml_node_t *node = slu_yaml_get(&reader->yaml, entry, "engine");
	const char *engine = slu_yaml_text(node);

	if (node == NULL && !reader->first)
		tell(reader, entry, "Write engine: postgresql.", "this entry has no engine");
	else if (node != NULL && (engine == NULL || strcmp(engine, "postgresql") != 0))
		tell(reader, node, NULL, "the one engine here is postgresql");
}

static bool read_set(struct config_reader *reader, yaml_node_t *entry)
{
	struct slu_config *config = reader->config;
	struct slu_config_set *sets = slu_room(config->sets, config->set_count, sizeof(*sets));
	struct slu_paths schemas = {NULL, 0}, files = {NULL, 0};
	struct slu_config_set *set;
	bool ok;

	if (sets == NULL)
		return false;
	config->sets = sets;
	set = &sets[config->set_count++];
	memset(set, 0, sizeof(*set));
	check_engine(reader, entry);
	ok = read_paths(reader, entry, "schema", &schemas) &&
	     read_query_files(reader, entry, &files) && read_overrides(reader, set, entry);
	set->schemas = schemas.paths;
	set->schema_count = schemas.count;
	set->query_files = files.paths;
	set->query_file_count = files.count;
	return ok;
}

static bool read_sets(struct config_reader *reader)
{
	yaml_node_t *root = slu_yaml_root(&reader->yaml);
	yaml_node_t *node = slu_yaml_get(&reader->yaml, root, "version");
	const char *version = slu_yaml_text(node);
	const char *key;
	yaml_node_t *list;
	size_t i;

	reader->first = version != NULL && strcmp(version, "1") == 0;
	if (!reader->first && (version == NULL || strcmp(version, "2") != 0)) {
		tell(reader, node, "Begin the file with version: \"2\".",
		     node == NULL ? "the file's version is missing" : "the versions are 1 and 2");
		return true;
	}
	key = reader->first ? "packages" : "sql";
	list = slu_yaml_get(&reader->yaml, root, key);
	if (slu_yaml_count(list) == 0)
		slu_finding(reader->findings, slu_yaml_place(&reader->yaml, list),
		            "It is a list; each entry has an engine, a schema and queries.",
		            "there is nothing under \"%s\"", key);
	for (i = 0; i < slu_yaml_count(list); i++) {
		yaml_node_t *entry = slu_yaml_item(&reader->yaml, list, i);

		if (entry->type != YAML_MAPPING_NODE)
			tell(reader, entry, NULL,
			     "an entry with a schema and queries should be here");
		else if (!read_set(reader, entry))
			return false;
	}
	return true;
}

enum sluice_status slu_config_read(struct slu_config *config, const char *path,
                                   struct slu_findings *findings)
{
	struct config_reader reader = {.config = config, .findings = findings};
	struct slu_place nowhere = {NULL, 0, 0};
	size_t before = findings->error_count;
	struct sluice_error error;
	enum sluice_status status;
	bool ok;

	memset(config, 0, sizeof(*config));
	if (path == NULL)
		path = find_file(findings);
	if (path == NULL)
		return SLUICE_INVALID;
	status = slu_source_read(&config->source, path, &error);
	if (status != SLUICE_OK) {
		slu_finding(findings, nowhere, access(path, F_OK) == 0 ? NULL : EXAMPLE, "%s",
		            error.message);
		return status;
	}
	if (!slu_yaml_read(&reader.yaml, &config->source, findings))
		return SLUICE_INVALID;
	ok = read_sets(&reader);
	slu_yaml_free(&reader.yaml);
	if (!ok) {
		slu_finding(findings, nowhere, NULL, "out of memory while reading %s", path);
		return SLUICE_FAILED;
	}
	return findings->error_count == before ? SLUICE_OK : SLUICE_INVALID;
}

void slu_config_free(struct slu_config *config)
{
	size_t i, j;

	for (i = 0; i < config->set_count; i++) {
		struct slu_config_set *set = &config->sets[i];
		struct slu_paths schemas = {set->schemas, set->schema_count};
		struct slu_paths files = {set->query_files, set->query_file_count};

		slu_paths_free(&schemas);
		slu_paths_free(&files);
		for (j = 0; j < set->override_count; j++)
			free(set->overrides[j].column);
		free(set->overrides);
	}
	free(config->sets);
	slu_source_free(&config->source);
	memset(config, 0, sizeof(*config));
}
