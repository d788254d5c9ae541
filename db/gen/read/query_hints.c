/* SPDX-License-Identifier: MIT */
/* query_hints.c - the comment lines that begin with @ and a word of ours. Other flags belong to
 * others, unless they look like one of ours misspelled. */
#include "db/gen/read/query_reader.h"

#include "db/gen/read/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the reading of one hint is. */
struct hint_reader {
	const struct slu_query_reader *reader;
	struct slu_query_source *query;
	struct slu_tokens tokens; /* of the line: @ is number 0, the hint's word number 1 */
	size_t at;
	const char *form; /* how it is written */
	bool wrong;
};

static const char *const words[] = {"stream", "text", "notnull", "null", "struct", NULL};

static const char STREAM_FORM[] =
	"Write it like this: -- @stream state record(order) key(id) version(version)";
static const char TEXT_FORM[] = "Write it like this: -- @text side 6, state 10";
static const char NOTNULL_FORM[] = "Write it like this: -- @notnull total, average";
static const char NULL_FORM[] = "Write it like this: -- @null total, average";
static const char STRUCT_FORM[] = "Write it like this: -- @struct open_order";

/* ---- reading ---- */

static struct slu_place token_place(const struct hint_reader *hint, size_t index)
{
	const struct slu_sql_token *token = slu_tokens_at(&hint->tokens, index);

	return slu_reader_place(hint->reader, token->offset, token->size);
}

/* Tells the first thing of a hint that is not as it should be; the rest would only be its echo. */
static void expected(struct hint_reader *hint, const char *what)
{
	if (!hint->wrong)
		slu_finding(hint->reader->findings, token_place(hint, hint->at), hint->form,
		            "%s should stand here", what);
	hint->wrong = true;
}

static bool skip(struct hint_reader *hint, const char *sign)
{
	bool found = slu_tokens_is(&hint->tokens, hint->at, sign);

	hint->at += found;
	return found;
}

/* Reads a name. Returns false when out of memory; without a name, `*name` is NULL. */
static bool take_name(struct hint_reader *hint, const char *what, char **name)
{
	*name = NULL;
	if (!slu_tokens_is_name(&hint->tokens, hint->at)) {
		expected(hint, what);
		return true;
	}
	*name = slu_tokens_identifier(&hint->tokens, hint->at++);
	return *name != NULL;
}

static unsigned take_size(struct hint_reader *hint)
{
	const struct slu_sql_token *token = slu_tokens_at(&hint->tokens, hint->at);
	unsigned long number;
	char *end;

	if (token->kind != SLU_SQL_NUMBER) {
		expected(hint, "a number of bytes");
		return 0;
	}
	errno = 0;
	number = strtoul(hint->tokens.text + token->offset, &end, 10);
	if (end != hint->tokens.text + token->offset + token->size || errno != 0 || number == 0 ||
	    number > SLUICE_TEXT_SIZE_MAX) {
		slu_finding(hint->reader->findings, token_place(hint, hint->at), NULL,
		            "a text in a struct has 1 to %d bytes", SLUICE_TEXT_SIZE_MAX);
		hint->wrong = true;
	}
	hint->at++;
	return (unsigned)number;
}

/* ---- @text, @notnull, @null, @struct ---- */

/* What the new hint, the query's last, does not go with. */
static void check_earlier(const struct hint_reader *hint, const struct slu_hint *added)
{
	bool nulls = added->kind == SLU_HINT_NULL || added->kind == SLU_HINT_NOTNULL;
	const struct slu_hint *earlier;

	for (earlier = hint->query->hints; earlier < added; earlier++) {
		bool earlier_nulls = earlier->kind == SLU_HINT_NULL ||
		                     earlier->kind == SLU_HINT_NOTNULL;

		if (earlier->kind == SLU_HINT_STRUCT && added->kind == SLU_HINT_STRUCT)
			slu_finding(hint->reader->findings, added->place, NULL,
			            "a row has one struct, and it is \"%s\" already",
			            earlier->subject);
		else if (strcmp(earlier->subject, added->subject) != 0)
			continue;
		else if (earlier->kind == added->kind)
			slu_finding(hint->reader->findings, added->place, NULL,
			            "there is such a hint about \"%s\" already", added->subject);
		else if (nulls && earlier_nulls)
			slu_finding(hint->reader->findings, added->place, NULL,
			            "\"%s\" can't be both @null and @notnull", added->subject);
	}
}

static bool add_hint(struct hint_reader *hint, enum slu_hint_kind kind, const char *what)
{
	struct slu_query_source *query = hint->query;
	struct slu_hint *hints = slu_room(query->hints, query->hint_count, sizeof(*hints));
	struct slu_hint *added;

	if (hints == NULL)
		return false;
	query->hints = hints;
	added = &hints[query->hint_count];
	memset(added, 0, sizeof(*added));
	added->kind = kind;
	added->place = token_place(hint, hint->at);
	if (!take_name(hint, what, &added->subject))
		return false;
	if (added->subject == NULL)
		return true;
	query->hint_count++;
	if (kind == SLU_HINT_TEXT)
		added->number = take_size(hint);
	if (!hint->wrong)
		check_earlier(hint, added);
	return true;
}

static bool read_list(struct hint_reader *hint, enum slu_hint_kind kind)
{
	do {
		if (!add_hint(hint, kind, "a column's name"))
			return false;
	} while (!hint->wrong && skip(hint, ","));
	return true;
}

static bool is_c_name(const char *name)
{
	if (!isalpha((unsigned char)*name))
		return false;
	while (isalnum((unsigned char)*name) || *name == '_')
		name++;
	return *name == '\0';
}

static void check_c_name(struct hint_reader *hint, size_t index, const char *name)
{
	if (name == NULL || is_c_name(name))
		return;
	slu_finding(hint->reader->findings, token_place(hint, index), NULL,
	            "\"%s\" can't be a struct's name: begin with a letter, and use letters, "
	            "digits and _ only",
	            name);
	hint->wrong = true;
}

static bool read_struct(struct hint_reader *hint)
{
	size_t index = hint->at;
	bool ok = add_hint(hint, SLU_HINT_STRUCT, "a struct's name");

	if (ok && !hint->wrong)
		check_c_name(hint, index, hint->query->hints[hint->query->hint_count - 1].subject);
	return ok;
}

/* ---- @stream ---- */

static bool take_keys(struct hint_reader *hint)
{
	struct slu_stream_hint *stream = &hint->query->stream;
	size_t i;

	do {
		char **keys = slu_room(stream->keys, stream->key_count, sizeof(*keys));
		size_t index = hint->at;

		if (keys == NULL)
			return false;
		stream->keys = keys;
		if (!take_name(hint, "a key column's name", &keys[stream->key_count]))
			return false;
		if (keys[stream->key_count] == NULL)
			return true;
		for (i = 0; i < stream->key_count; i++) {
			if (strcmp(keys[i], keys[stream->key_count]) == 0)
				slu_finding(hint->reader->findings, token_place(hint, index), NULL,
				            "\"%s\" is in the key already", keys[i]);
		}
		stream->key_count++;
	} while (skip(hint, ","));
	return true;
}

struct part {
	const char *word;
	const char *what; /* stands in its brackets */
	char **name;      /* NULL for a list of keys */
};

/* What stands in the brackets of a part, which was not given before. */
static bool take_part(struct hint_reader *hint, const struct part *part)
{
	struct slu_stream_hint *stream = &hint->query->stream;
	size_t index;
	bool ok;

	if (!skip(hint, "(")) {
		expected(hint, "\"(\"");
		return true;
	}
	index = hint->at;
	ok = part->name == NULL ? take_keys(hint) : take_name(hint, part->what, part->name);
	if (ok && !hint->wrong && part->name == &stream->record)
		check_c_name(hint, index, stream->record);
	if (ok && !hint->wrong && !skip(hint, ")"))
		expected(hint, "\")\"");
	return ok;
}

static bool read_part(struct hint_reader *hint)
{
	struct slu_stream_hint *stream = &hint->query->stream;
	const struct part parts[] = {
		{"record", "the record's name", &stream->record},
		{"key", "a key column's name", NULL},
		{"version", "the version column's name", &stream->version},
		{"history", "the history table's name", &stream->history},
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct part *part = &parts[i];
		bool given = part->name == NULL ? stream->key_count > 0 : *part->name != NULL;

		if (!slu_tokens_is(&hint->tokens, hint->at, part->word))
			continue;
		if (given) {
			slu_finding(hint->reader->findings, token_place(hint, hint->at), NULL,
			            "%s(..) is given twice", part->word);
			hint->wrong = true;
			return true;
		}
		hint->at++;
		return take_part(hint, part);
	}
	expected(hint, "record(..), key(..) or version(..)");
	return true;
}

static bool read_stream(struct hint_reader *hint)
{
	struct slu_stream_hint *stream = &hint->query->stream;
	const struct slu_sql_token *first = slu_tokens_at(&hint->tokens, 0);
	const struct slu_sql_token *last = slu_tokens_at(&hint->tokens, hint->tokens.count - 1);

	if (stream->given) {
		slu_finding(hint->reader->findings, token_place(hint, 1), NULL,
		            "a query is one stream at most");
		hint->wrong = true;
		return true;
	}
	stream->given = true;
	stream->place = slu_reader_place(hint->reader, first->offset,
	                                 last->offset + last->size - first->offset);
	stream->state = slu_tokens_is(&hint->tokens, hint->at, "state");
	if (!stream->state && !slu_tokens_is(&hint->tokens, hint->at, "append"))
		expected(hint, "append or state");
	hint->at++;
	stream->lossy = !hint->wrong && skip(hint, "lossy");
	while (!hint->wrong && hint->at < hint->tokens.count) {
		if (!read_part(hint))
			return false;
	}
	return true;
}

/* ---- lines ---- */

/* The word after @ at the begin of a line: its size, 0 for none. Flags of others have dashes. */
static size_t flag_size(const char *text, const struct slu_comment_line *line)
{
	size_t size = 0;

	if (line->size == 0 || text[line->offset] != '@')
		return 0;
	while (size + 1 < line->size && (isalnum((unsigned char)text[line->offset + 1 + size]) ||
	                                 strchr("_-", text[line->offset + 1 + size]) != NULL))
		size++;
	return size;
}

static bool is_ours(const char *word, size_t size)
{
	size_t i;

	for (i = 0; words[i] != NULL; i++) {
		if (strlen(words[i]) == size && memcmp(words[i], word, size) == 0)
			return true;
	}
	return false;
}

static bool read_words(struct hint_reader *hint)
{
	if (slu_tokens_is(&hint->tokens, 1, "stream")) {
		hint->form = STREAM_FORM;
		return read_stream(hint);
	}
	if (slu_tokens_is(&hint->tokens, 1, "text")) {
		hint->form = TEXT_FORM;
		return read_list(hint, SLU_HINT_TEXT);
	}
	if (slu_tokens_is(&hint->tokens, 1, "notnull")) {
		hint->form = NOTNULL_FORM;
		return read_list(hint, SLU_HINT_NOTNULL);
	}
	if (slu_tokens_is(&hint->tokens, 1, "null")) {
		hint->form = NULL_FORM;
		return read_list(hint, SLU_HINT_NULL);
	}
	hint->form = STRUCT_FORM;
	return read_struct(hint);
}

static bool read_hint(const struct slu_query_reader *reader, struct slu_query_source *query,
                      const struct slu_comment_line *line)
{
	struct hint_reader hint = {.reader = reader, .query = query, .at = 2};
	bool ok = slu_tokens_cut(&hint.tokens, reader->file->source.text, line->offset,
	                         line->offset + line->size) &&
	          read_words(&hint);

	if (ok && !hint.wrong && hint.at < hint.tokens.count)
		expected(&hint, "nothing more");
	slu_tokens_free(&hint.tokens);
	return ok;
}

bool slu_query_read_hints(const struct slu_query_reader *reader, struct slu_query_source *query,
                          const struct slu_comment_line *lines, size_t count)
{
	const char *text = reader->file->source.text;
	size_t i;

	for (i = 0; i < count; i++) {
		const char *word = text + lines[i].offset + 1;
		size_t size = flag_size(text, &lines[i]);
		const char *nearest = size == 0 ? NULL : slu_nearest(word, size, words);
		char hint[64];

		if (size > 0 && is_ours(word, size)) {
			if (!read_hint(reader, query, &lines[i]))
				return false;
		} else if (nearest != NULL) {
			snprintf(hint, sizeof(hint), "Perhaps you meant @%s.", nearest);
			slu_finding(reader->findings,
			            slu_reader_place(reader, lines[i].offset, size + 1), hint,
			            "there is no hint @%.*s", (int)size, word);
		}
	}
	return true;
}

void slu_query_refuse_hints(const struct slu_query_reader *reader,
                            const struct slu_comment_line *lines, size_t count, const char *why,
                            const char *hint)
{
	const char *text = reader->file->source.text;
	size_t i;

	for (i = 0; i < count; i++) {
		size_t size = flag_size(text, &lines[i]);

		if (size > 0 && is_ours(text + lines[i].offset + 1, size))
			slu_finding(reader->findings,
			            slu_reader_place(reader, lines[i].offset, size + 1), hint, "%s",
			            why);
	}
}
