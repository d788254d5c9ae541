/* SPDX-License-Identifier: MIT */
/* stars.c - finds what a star stands for by asking with a mark on either side of it.
 *
 *      SELECT NULL AS "sluice:0", o.*, NULL AS "sluice:0", p.alias FROM ..
 */
#include "db/gen/ask/stars.h"

#include "db/gen/ask/describe.h"

#include <stdlib.h>
#include <string.h>

#define MARK "sluice:"

/* Writes the query's SQL with each star replaced by what `write` makes of it. */
typedef void write_star(FILE *text, const struct slu_star *star, size_t index, void *context);

static char *rewrite(struct slu_study *study, const struct slu_query_source *query,
                     write_star *write, void *context)
{
	struct slu_text text;
	size_t at = 0;
	size_t i;

	if (!slu_text_begin(study, &text))
		return NULL;
	for (i = 0; i < query->star_count; i++) {
		const struct slu_star *star = &query->stars[i];

		fprintf(text.file, "%.*s", (int)(star->at - at), query->sql + at);
		write(text.file, star, i, context);
		at = star->at + star->size;
	}
	fputs(query->sql + at, text.file);
	return slu_text_end(study, &text);
}

static void write_marked(FILE *text, const struct slu_star *star, size_t index, void *context)
{
	const char *sql = context;

	fprintf(text, "NULL AS \"" MARK "%zu\", %.*s, NULL AS \"" MARK "%zu\"", index,
	        (int)star->size, sql + star->at, index);
}

/* Reads the columns between the marks; without the marks they are where they were. Returns whether
 * all stars were found. */
static bool read_marks(const PGresult *marked, struct slu_star_columns *columns, size_t star_count)
{
	size_t star = 0;
	bool within = false;
	int marks = 0;
	int i;

	for (i = 0; i < PQnfields(marked) && star < star_count; i++) {
		if (strncmp(PQfname(marked, i), MARK, strlen(MARK)) != 0)
			continue;
		if (!within)
			columns[star].first = i - marks;
		else
			columns[star].count = i - marks - columns[star].first;
		star += within;
		within = !within;
		marks++;
	}
	return star == star_count;
}

/* ---- writing them out ---- */

struct written {
	struct slu_study *study;
	const struct slu_query_source *query;
	const PGresult *about;
	const struct slu_star_columns *columns;
};

/* A name as SQL writes it, with quotes where it needs them; to be freed. NULL when it broke. */
static char *quote(struct slu_study *study, const char *name)
{
	PGresult *result = slu_study_ask(study, "SELECT pg_catalog.quote_ident($1)", 1, &name);
	char *quoted = result == NULL ? NULL : slu_study_copy(study, PQgetvalue(result, 0, 0));

	PQclear(result);
	return quoted;
}

static void write_columns(FILE *text, const struct slu_star *star, size_t index, void *context)
{
	const struct written *written = context;
	struct slu_star_columns columns = written->columns[index];
	int i;

	for (i = 0; i < columns.count; i++) {
		char *name = quote(written->study, PQfname(written->about, columns.first + i));

		fprintf(text, "%s%s%s%s", i > 0 ? ", " : "",
		        star->qualifier == NULL ? "" : star->qualifier,
		        star->qualifier == NULL ? "" : ".", name == NULL ? "" : name);
		free(name);
	}
}

/* Whether two statements give the same answers, as far as their descriptions tell. */
static bool are_same(const PGresult *one, const PGresult *other)
{
	int i;

	if (PQnfields(one) != PQnfields(other) || PQnparams(one) != PQnparams(other))
		return false;
	for (i = 0; i < PQnparams(one); i++) {
		if (PQparamtype(one, i) != PQparamtype(other, i))
			return false;
	}
	for (i = 0; i < PQnfields(one); i++) {
		if (strcmp(PQfname(one, i), PQfname(other, i)) != 0 ||
		    PQftype(one, i) != PQftype(other, i) || PQfmod(one, i) != PQfmod(other, i) ||
		    PQftable(one, i) != PQftable(other, i) ||
		    PQftablecol(one, i) != PQftablecol(other, i))
			return false;
	}
	return true;
}

PGresult *slu_stars_write_out(struct slu_study *study, const struct slu_query_source *query,
                              PGresult *about, struct slu_star_columns *columns, char **sql)
{
	struct written written = {study, query, about, columns};
	char *asked;
	PGresult *answer;
	bool found;

	*sql = slu_study_copy(study, query->sql);
	if (query->star_count == 0 || study->broken)
		return about;
	asked = rewrite(study, query, write_marked, query->sql);
	answer = asked == NULL ? NULL : slu_describe(study, asked, 0, NULL, NULL);
	found = answer != NULL && read_marks(answer, columns, query->star_count);
	PQclear(answer);
	free(asked);
	/* Of a UNION only the first part's are found, and one part alone is better left. */
	asked = found ? rewrite(study, query, write_columns, &written) : NULL;
	answer = asked == NULL ? NULL : slu_describe(study, asked, 0, NULL, NULL);
	if (answer != NULL && are_same(about, answer)) {
		free(*sql);
		*sql = asked;
		PQclear(about);
		return answer;
	}
	free(asked);
	PQclear(answer);
	PQclear(about);
	return study->broken ? NULL : slu_describe(study, *sql, 0, NULL, NULL);
}
