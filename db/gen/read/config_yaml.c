/* SPDX-License-Identifier: MIT */
/* config_yaml.c - libyaml's documents, with its line and column made an offset: libyaml counts
 * characters, a place counts bytes. */
#include "db/gen/read/config_yaml.h"

#include <string.h>

static size_t offset_of(const struct slu_source *source, const yaml_mark_t *mark)
{
	size_t at = 0;
	size_t line, column;

	for (line = 0; line < mark->line && at < source->size; at++)
		line += source->text[at] == '\n';
	for (column = 0; column < mark->column && at < source->size; column++) {
		at++;
		while (at < source->size && ((unsigned char)source->text[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

static void tell(const struct slu_source *source, const yaml_parser_t *parser,
                 struct slu_findings *findings)
{
	struct slu_place place = {source, offset_of(source, &parser->problem_mark), 0};
	const char *problem = parser->problem != NULL ? parser->problem : "out of memory";

	slu_finding(findings, place, NULL, "this is no YAML: %s", problem);
}

bool slu_yaml_read(struct slu_yaml *yaml, const struct slu_source *source,
                   struct slu_findings *findings)
{
	struct slu_place begin = {source, 0, 0};
	yaml_parser_t parser;
	bool ok;

	yaml->source = source;
	if (!yaml_parser_initialize(&parser)) {
		slu_finding(findings, begin, NULL, "out of memory");
		return false;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)source->text, source->size);
	ok = yaml_parser_load(&parser, &yaml->document) != 0;
	if (!ok)
		tell(source, &parser, findings);
	yaml_parser_delete(&parser);
	if (ok && slu_yaml_root(yaml) == NULL) {
		slu_finding(findings, begin, NULL, "the file is empty");
		slu_yaml_free(yaml);
		return false;
	}
	return ok;
}

void slu_yaml_free(struct slu_yaml *yaml)
{
	yaml_document_delete(&yaml->document);
}

yaml_node_t *slu_yaml_root(struct slu_yaml *yaml)
{
	return yaml_document_get_root_node(&yaml->document);
}

yaml_node_t *slu_yaml_get(struct slu_yaml *yaml, const yaml_node_t *node, const char *key)
{
	yaml_node_pair_t *pair;

	if (node == NULL || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		const char *name =
			slu_yaml_text(yaml_document_get_node(&yaml->document, pair->key));

		if (name != NULL && strcmp(name, key) == 0)
			return yaml_document_get_node(&yaml->document, pair->value);
	}
	return NULL;
}

/* `schema:` with nothing behind it. */
static bool is_null(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE &&
	       strcmp((const char *)node->tag, YAML_STR_TAG) == 0 &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && node->data.scalar.length == 0;
}

size_t slu_yaml_count(const yaml_node_t *node)
{
	if (node == NULL || is_null(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return 1;
	return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

yaml_node_t *slu_yaml_item(struct slu_yaml *yaml, yaml_node_t *node, size_t index)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return node;
	return yaml_document_get_node(&yaml->document, node->data.sequence.items.start[index]);
}

const char *slu_yaml_text(const yaml_node_t *node)
{
	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return NULL;
	return (const char *)node->data.scalar.value;
}

struct slu_place slu_yaml_place(const struct slu_yaml *yaml, const yaml_node_t *node)
{
	struct slu_place place = {yaml->source, 0, 0};

	if (node == NULL)
		return place;
	place.offset = offset_of(yaml->source, &node->start_mark);
	if (node->type == YAML_SCALAR_NODE)
		place.size = offset_of(yaml->source, &node->end_mark) - place.offset;
	return place;
}
