/* SPDX-License-Identifier: MIT */
/* query_parameters.c - writes a statement anew with $1, $2 .. in place of names.
 * Only what is replaced changes; the rest, comments included, is copied as it stands. */
#include "db/gen/read/query_reader.h"

#include "db/gen/read/nearest.h"

#include <stdlib.h>
#include <string.h>

#define PARAMETER_MAX 65535 /* what the protocol can carry */

struct rewriter {
	const struct slu_query_reader *reader;
	struct slu_query_source *query;
	struct slu_tokens tokens; /* of the statement in the source */
	size_t copied;            /* offset in the source up to which the SQL is written */
	size_t size;              /* of the SQL so far */
	size_t capacity;
	bool named; /* has @name or sqlc.arg */
	bool mixed; /* has $1, too: told once */
};

static struct slu_place span(const struct rewriter *rewriter, size_t first, size_t end)
{
	const struct slu_sql_token *begin = slu_tokens_at(&rewriter->tokens, first);
	const struct slu_sql_token *last = slu_tokens_at(&rewriter->tokens, end - 1);

	return slu_reader_place(rewriter->reader, begin->offset,
	                        last->offset + last->size - begin->offset);
}

/* ---- writing ---- */

static bool append(struct rewriter *rewriter, const char *text, size_t size)
{
	if (rewriter->size + size + 1 > rewriter->capacity) {
		size_t capacity = 2 * rewriter->capacity + size + 256;
		char *sql = realloc(rewriter->query->sql, capacity);

		if (sql == NULL)
			return false;
		rewriter->query->sql = sql;
		rewriter->capacity = capacity;
	}
	memcpy(rewriter->query->sql + rewriter->size, text, size);
	rewriter->size += size;
	rewriter->query->sql[rewriter->size] = '\0';
	return true;
}

static bool add_origin(struct rewriter *rewriter, size_t source_at)
{
	struct slu_query_source *query = rewriter->query;
	struct slu_origin *origins = slu_room(query->origins, query->origin_count,
	                                      sizeof(*origins));

	if (origins == NULL)
		return false;
	query->origins = origins;
	origins[query->origin_count].sql_at = rewriter->size;
	origins[query->origin_count++].source_at = source_at;
	return true;
}

/* Copies the source up to `offset`. */
static bool copy_up_to(struct rewriter *rewriter, size_t offset)
{
	const char *text = rewriter->reader->file->source.text;
	size_t begin = rewriter->copied;

	rewriter->copied = offset;
	return append(rewriter, text + begin, offset - begin);
}

/* Writes `text` in place of the tokens from `first` to before `end`. */
static bool replace(struct rewriter *rewriter, size_t first, size_t end, const char *text)
{
	struct slu_place place = span(rewriter, first, end);

	if (!copy_up_to(rewriter, place.offset) || !add_origin(rewriter, place.offset) ||
	    !append(rewriter, text, strlen(text)))
		return false;
	rewriter->copied = place.offset + place.size;
	return add_origin(rewriter, rewriter->copied);
}

/* ---- the list ---- */

static struct slu_parameter *add_parameter(struct rewriter *rewriter, struct slu_place place)
{
	struct slu_query_source *query = rewriter->query;
	struct slu_parameter *parameters = slu_room(query->parameters, query->parameter_count,
	                                            sizeof(*parameters));

	if (parameters == NULL)
		return NULL;
	query->parameters = parameters;
	memset(&parameters[query->parameter_count], 0, sizeof(*parameters));
	parameters[query->parameter_count].place = place;
	return &parameters[query->parameter_count++];
}

static void tell_mixed(struct rewriter *rewriter, struct slu_place place)
{
	if (!rewriter->mixed)
		slu_finding(rewriter->reader->findings, place, "Give all of them names, or none.",
		            "a query can't have both $1 and @name");
	rewriter->mixed = true;
}

enum use { PLAIN, NULLABLE, SLICE };

/* Finds or adds the parameter; owns `name`. Of sqlc.arg and sqlc.narg of one name the latter wins,
 * as in sqlc. `number` is its $n; 0 when out of memory. */
static size_t use_name(struct rewriter *rewriter, char *name, enum use use, struct slu_place place)
{
	struct slu_query_source *query = rewriter->query;
	struct slu_parameter *parameter;
	size_t i = 0;

	if (name == NULL)
		return 0;
	while (i < query->parameter_count &&
	       (query->parameters[i].name == NULL || strcmp(query->parameters[i].name, name) != 0))
		i++;
	if (i == query->parameter_count) {
		parameter = add_parameter(rewriter, place);
		if (parameter == NULL) {
			free(name);
			return 0;
		}
		parameter->name = name;
		parameter->slice = use == SLICE;
	} else {
		parameter = &query->parameters[i];
		free(name);
		if (parameter->slice != (use == SLICE))
			slu_finding(
				rewriter->reader->findings, place, "Give one of them another name.",
				"\"%s\" is both one value and a slice of values", parameter->name);
	}
	parameter->nullable = parameter->nullable || use == NULLABLE;
	if (!rewriter->named && query->parameters[0].name == NULL)
		tell_mixed(rewriter, place);
	rewriter->named = true;
	return i + 1;
}

/* `$3` also makes $1 and $2, whose places are unknown until they are met. */
static bool use_number(struct rewriter *rewriter, size_t index)
{
	const struct slu_sql_token *token = slu_tokens_at(&rewriter->tokens, index);
	struct slu_query_source *query = rewriter->query;
	struct slu_place place = span(rewriter, index, index + 1);
	char *end;
	unsigned long number = strtoul(rewriter->tokens.text + token->offset + 1, &end, 10);
	struct slu_place unknown = {NULL, 0, 0};

	if (number == 0 || number > PARAMETER_MAX ||
	    end != rewriter->tokens.text + token->offset + token->size) {
		slu_finding(rewriter->reader->findings, place, NULL,
		            "parameters are $1 to $%d, and nothing may cling to them",
		            PARAMETER_MAX);
		return true;
	}
	if (rewriter->named) {
		tell_mixed(rewriter, place);
		return true;
	}
	while (query->parameter_count < number) {
		if (add_parameter(rewriter, unknown) == NULL)
			return false;
	}
	if (query->parameters[number - 1].place.source == NULL)
		query->parameters[number - 1].place = place;
	return true;
}

static void tell_gaps(const struct rewriter *rewriter)
{
	const struct slu_query_source *query = rewriter->query;
	size_t i, next;

	for (i = 0; i < query->parameter_count; i++) {
		if (query->parameters[i].place.source != NULL)
			continue;
		for (next = i; query->parameters[next].place.source == NULL;)
			next++; /* the last one has a place: it made the others */
		slu_finding(rewriter->reader->findings, query->parameters[next].place,
		            "Number them without a gap, from $1.", "there is no $%zu", i + 1);
		i = next;
	}
}

/* ---- @name ---- */

/* Operators that would be another one with the @ of a name behind them: to the server =@ is one. */
static bool hides_name(const struct rewriter *rewriter, size_t index)
{
	static const char *const hiding[] = {"=@", "<>@", "!=@", "<=@", ">=@", ">@",  "+@",
	                                     "-@", "*@",  "/@",  "%@",  "||@", "=>@", NULL};
	const struct slu_sql_token *token = slu_tokens_at(&rewriter->tokens, index);
	size_t end = token->offset + token->size;

	return slu_tokens_in(&rewriter->tokens, index, hiding) &&
	       slu_sql_begins_word(rewriter->tokens.text[end]);
}

/* @name: the @ is no part of a longer operator, and nothing stands between. */
static bool is_at_name(const struct rewriter *rewriter, size_t index)
{
	const struct slu_sql_token *at = slu_tokens_at(&rewriter->tokens, index);
	const struct slu_sql_token *name = slu_tokens_at(&rewriter->tokens, index + 1);

	return slu_tokens_is(&rewriter->tokens, index, "@") && name->kind == SLU_SQL_WORD &&
	       name->offset == at->offset + 1;
}

static bool write_number(struct rewriter *rewriter, size_t first, size_t end, size_t number,
                         const char *before, const char *after)
{
	char text[64];

	if (number == 0)
		return false;
	snprintf(text, sizeof(text), "%s$%zu%s", before, number, after);
	return replace(rewriter, first, end, text);
}

/* ---- sqlc.something(..) ---- */

static const char *const functions[] = {"arg", "narg", "slice", "embed", NULL};

/* A name as sqlc's functions take it: bare, quoted, or a string. NULL when out of memory. */
static char *argument_name(const struct slu_tokens *tokens, size_t index)
{
	const struct slu_sql_token *token = slu_tokens_at(tokens, index);

	if (token->kind == SLU_SQL_STRING)
		return strndup(tokens->text + token->offset + 1, token->size - 2);
	return slu_tokens_identifier(tokens, index);
}

static bool is_plain_name(const char *name)
{
	if (!slu_sql_begins_word(*name))
		return false;
	while (slu_sql_continues_word(*name))
		name++;
	return *name == '\0';
}

/* `x IN (sqlc.slice(ids))`, where the slice's tokens go from `first` to before `end`. */
static bool write_slice(struct rewriter *rewriter, size_t first, size_t end, size_t number)
{
	const struct slu_tokens *tokens = &rewriter->tokens;
	size_t open = tokens->opened[first];
	bool in = open != SLU_NO_TOKEN && slu_tokens_is(tokens, open - 1, "IN");
	bool not_in = in && slu_tokens_is(tokens, open - 2, "NOT");

	if (!in)
		return write_number(rewriter, first, end, number, "", "");
	if (open + 1 != first || slu_tokens_pair(tokens, open) != end) {
		slu_finding(rewriter->reader->findings, span(rewriter, first, end),
		            "Write IN (sqlc.slice(ids)), or = ANY (sqlc.slice(ids)::bigint[]).",
		            "a slice stands alone within IN (..)");
		return number != 0;
	}
	return not_in ? write_number(rewriter, open - 2, end + 1, number, "<> ALL (", ")")
	              : write_number(rewriter, open - 1, end + 1, number, "= ANY (", ")");
}

static bool write_embed(struct rewriter *rewriter, size_t first, size_t end, size_t argument)
{
	struct slu_query_source *query = rewriter->query;
	struct slu_star *stars = slu_room(query->stars, query->star_count, sizeof(*stars));
	char *qualifier = slu_tokens_text(&rewriter->tokens, argument, argument + 1);
	char *star = NULL;
	bool ok = false;

	if (stars != NULL)
		query->stars = stars;
	if (stars != NULL && qualifier != NULL && asprintf(&star, "%s.*", qualifier) >= 0 &&
	    copy_up_to(rewriter, slu_tokens_at(&rewriter->tokens, first)->offset)) {
		stars[query->star_count].at = rewriter->size;
		stars[query->star_count].size = strlen(star);
		stars[query->star_count].qualifier = qualifier;
		stars[query->star_count++].embed = true;
		qualifier = NULL;
		ok = replace(rewriter, first, end, star);
	}
	free(qualifier);
	free(star);
	return ok;
}

static void tell_function(const struct rewriter *rewriter, size_t index)
{
	const struct slu_sql_token *word = slu_tokens_at(&rewriter->tokens, index);
	const char *text = rewriter->tokens.text + word->offset;
	const char *nearest = slu_nearest(text, word->size, functions);
	char hint[64];

	snprintf(hint, sizeof(hint), "Perhaps you meant sqlc.%s.", nearest == NULL ? "" : nearest);
	slu_finding(rewriter->reader->findings, span(rewriter, index - 2, index + 1),
	            nearest != NULL ? hint
	                            : "There are sqlc.arg, sqlc.narg, sqlc.slice and sqlc.embed.",
	            "there is no sqlc.%.*s", (int)word->size, text);
}

/* sqlc.word(..), of which `index` is the word's token. */
static bool use_function(struct rewriter *rewriter, size_t index)
{
	const struct slu_tokens *tokens = &rewriter->tokens;
	size_t first = index - 2, argument = index + 2, end = index + 4;
	bool single = slu_tokens_pair(tokens, index + 1) == index + 3 &&
	              (slu_tokens_is_name(tokens, argument) ||
	               slu_tokens_at(tokens, argument)->kind == SLU_SQL_STRING);
	bool embed = slu_tokens_is(tokens, index, "embed");
	bool slice = slu_tokens_is(tokens, index, "slice");
	bool nullable = slu_tokens_is(tokens, index, "narg");
	char *name;
	size_t number;

	if (!slu_tokens_in(tokens, index, functions)) {
		tell_function(rewriter, index);
		return true;
	}
	if (embed && single && slu_tokens_is_name(tokens, argument))
		return write_embed(rewriter, first, end, argument);
	name = single ? argument_name(tokens, argument) : strdup("");
	if (name == NULL)
		return false;
	if (embed || !is_plain_name(name)) {
		slu_finding(rewriter->reader->findings,
		            span(rewriter, first, slu_tokens_pair(tokens, index + 1) + 1),
		            embed ? "Write sqlc.embed(o), where o is a table's name or alias."
		                  : "Write sqlc.arg(name).",
		            "this takes one plain name");
		free(name);
		return true;
	}
	number = use_name(rewriter, name,
	                  slice      ? SLICE
	                  : nullable ? NULLABLE
	                             : PLAIN,
	                  span(rewriter, first, end));
	return slice ? write_slice(rewriter, first, end, number)
	             : write_number(rewriter, first, end, number, "", "");
}

/* ---- the statement ---- */

static bool rewrite_token(struct rewriter *rewriter, size_t index)
{
	const struct slu_tokens *tokens = &rewriter->tokens;

	if (slu_tokens_at(tokens, index)->kind == SLU_SQL_PARAMETER)
		return use_number(rewriter, index);
	if (is_at_name(rewriter, index))
		return write_number(rewriter, index, index + 2,
		                    use_name(rewriter, slu_tokens_identifier(tokens, index + 1),
		                             PLAIN, span(rewriter, index, index + 2)),
		                    "", "");
	if (hides_name(rewriter, index)) {
		const struct slu_sql_token *token = slu_tokens_at(tokens, index);

		slu_finding(rewriter->reader->findings, span(rewriter, index, index + 1),
		            "Put a blank before the @ of a name.",
		            "to Postgres %.*s is one operator", (int)token->size,
		            tokens->text + token->offset);
		return true;
	}
	if (slu_tokens_is(tokens, index, "sqlc") && slu_tokens_is(tokens, index + 1, ".") &&
	    slu_tokens_is(tokens, index + 3, "("))
		return use_function(rewriter, index + 2);
	return true;
}

bool slu_query_rewrite(const struct slu_query_reader *reader, struct slu_query_source *query,
                       size_t begin, size_t end)
{
	struct rewriter rewriter = {.reader = reader, .query = query, .copied = begin};
	bool ok = slu_tokens_cut(&rewriter.tokens, reader->file->source.text, begin, end) &&
	          add_origin(&rewriter, begin);
	size_t i;

	for (i = 0; ok && i < rewriter.tokens.count; i++)
		ok = rewrite_token(&rewriter, i);
	ok = ok && copy_up_to(&rewriter, end);
	if (ok)
		tell_gaps(&rewriter);
	slu_tokens_free(&rewriter.tokens);
	return ok;
}
