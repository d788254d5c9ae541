/* SPDX-License-Identifier: MIT */
/* config_yaml.h - a YAML document that knows where each of its values stands in the file. */
#ifndef DB_GEN_READ_CONFIG_YAML_H
#define DB_GEN_READ_CONFIG_YAML_H

#include "db/gen/read/source.h"

#include <yaml.h>

struct slu_yaml {
	const struct slu_source *source;
	yaml_document_t document;
};

/* Reads the first document of `source`, which must stay. Returns false, having told why, when it is
 * no YAML or empty: then there is nothing to free. */
bool slu_yaml_read(struct slu_yaml *yaml, const struct slu_source *source,
                   struct slu_findings *findings);
void slu_yaml_free(struct slu_yaml *yaml);

yaml_node_t *slu_yaml_root(struct slu_yaml *yaml);
/* The value of a key; NULL when there is none, or `node` is NULL or no mapping. */
yaml_node_t *slu_yaml_get(struct slu_yaml *yaml, const yaml_node_t *node, const char *key);
/* How many items: of a list, 1 of anything else but null, 0 of NULL. And item `index`. */
size_t slu_yaml_count(const yaml_node_t *node);
yaml_node_t *slu_yaml_item(struct slu_yaml *yaml, yaml_node_t *node, size_t index);
/* The text of a scalar; NULL for anything else. */
const char *slu_yaml_text(const yaml_node_t *node);

/* Where a node stands; the file's begin for NULL. */
struct slu_place slu_yaml_place(const struct slu_yaml *yaml, const yaml_node_t *node);

#endif
