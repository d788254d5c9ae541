/* SPDX-License-Identifier: MIT */
/* gen_query_file_columns.c - a parameter's column, table and cast, where words leave no doubt. */
#include "tests/unit/gen_query_file_reading.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Each parameter as name=table.column, with ! behind what is written, ? for what is not certain,
 * and ::type for its cast. */
static char *describe(const struct slu_query_source *query)
{
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; i < query->parameter_count; i++) {
		const struct slu_parameter *parameter = &query->parameters[i];

		fprintf(out, "%s%s=%s", i > 0 ? " " : "",
		        parameter->name == NULL ? "-" : parameter->name,
		        parameter->column == NULL ? "?" : "");
		if (parameter->column != NULL)
			fprintf(out, "%s.%s%s", parameter->table == NULL ? "?" : parameter->table,
			        parameter->column, parameter->written ? "!" : "");
		if (parameter->cast != NULL)
			fprintf(out, "::%s", parameter->cast);
	}
	fclose(out);
	return text;
}

struct pair {
	const char *sql;
	const char *columns;
};

static void check(const struct pair *pairs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		char *text = NULL;
		struct reading *read;
		char *described;

		cr_assert_geq(asprintf(&text, "-- name: A :exec\n%s;\n", pairs[i].sql), 0);
		read = reads(text);
		cr_assert_eq(read->file.query_count, 1);
		described = describe(&read->file.queries[0]);
		cr_expect_str_eq(described, pairs[i].columns, "%s gave %s", pairs[i].sql,
		                 described);
		free(described);
		reading_close(read);
		free(text);
	}
}

#define CHECK(pairs) check(pairs, sizeof(pairs) / sizeof((pairs)[0]))

Test(gen_query_file_columns, of_an_insert_are_those_at_the_same_place)
{
	static const struct pair pairs[] = {
		{"INSERT INTO t (a, b) VALUES (@x, @y)", "x=t.a! y=t.b!"},
		{"insert into t as u (a, b) values (1, @y)", "y=t.b!"},
		{"INSERT INTO app.\"T\" (a, \"B\"\"c\") VALUES (@x, @y)",
	         "x=app.\"T\".a! y=app.\"T\".B\"c!"},
		{"INSERT INTO t (a, b) VALUES (@x, @y), (@z, 1)", "x=t.a! y=t.b! z=t.a!"},
		{"INSERT INTO t (a, b) OVERRIDING SYSTEM VALUE VALUES (@x, @y)", "x=t.a! y=t.b!"},
		{"INSERT INTO t (a) VALUES (@x) ON CONFLICT (a) DO UPDATE SET b = @y, c = @x",
	         "x=t.a! y=t.b!"},
		{"INSERT INTO t (a, b) SELECT @x, @y FROM u, v WHERE u.c = @z",
	         "x=t.a! y=t.b! z=u.c"},
		{"INSERT INTO t (a, b) SELECT @x, u.c FROM u ORDER BY 1, @y", "x=t.a! y=?"},
		{"INSERT INTO t (a, b) SELECT @x, @y", "x=t.a! y=t.b!"},
		{"INSERT INTO t (a, b) SELECT @x WHERE @y", "x=t.a! y=?"},
		{"WITH new AS (UPDATE u SET b = @x) INSERT INTO t (a) VALUES (1) ON CONFLICT (a) "
	         "DO UPDATE SET b = @y",
	         "x=u.b! y=t.b!"},
		{"WITH new AS (INSERT INTO t (a) VALUES (@x) RETURNING a) SELECT a FROM new",
	         "x=t.a!"},
		{"INSERT INTO t VALUES (@x)", "x=?"},
		{"INSERT INTO t (a[1], b.c, d) VALUES (@x, @y, @z)", "x=? y=? z=t.d!"},
		{"INSERT INTO t (a, b) VALUES (lower(@x), @y + 1)", "x=? y=?"},
		{"INSERT INTO t (a) VALUES (@x, @y)", "x=t.a! y=?"},
	};

	CHECK(pairs);
}

Test(gen_query_file_columns, of_an_update_are_those_that_it_sets)
{
	static const struct pair pairs[] = {
		{"UPDATE t SET a = @x, b = @y WHERE c = @z", "x=t.a! y=t.b! z=t.c"},
		{"UPDATE ONLY t AS u SET a = @x", "x=t.a!"},
		{"UPDATE t SET (a, b) = (@x, @y), c = @z", "x=t.a! y=t.b! z=t.c!"},
		{"UPDATE t SET (a, b) = ROW (@x, @y)", "x=t.a! y=t.b!"},
		{"UPDATE t SET (a, b) = (SELECT c, d FROM u WHERE u.e = @x)", "x=u.e"},
		{"UPDATE t SET a = (SELECT c FROM u), b = @x", "x=t.b!"},
		{"UPDATE t SET a = @x FROM u WHERE u.b = @y AND t.c = @z", "x=t.a! y=u.b z=t.c"},
		{"UPDATE t SET a = a + @x, b = @y || 'z'", "x=? y=?"},
		{"UPDATE t SET a = COALESCE(@x, a), b = COALESCE(@y, 0)", "x=t.a y=?"},
		{"UPDATE t SET a = 1 WHERE b = 2 RETURNING c, d = @x", "x=t.d"},
		{"SET a = 1", ""},
	};

	CHECK(pairs);
}

Test(gen_query_file_columns, of_a_comparison_are_those_beside_it)
{
	static const struct pair pairs[] = {
		{"SELECT 1 FROM t WHERE a = @v AND b <> @w AND c < @x AND d >= @y OR e != @z",
	         "v=t.a w=t.b x=t.c y=t.d z=t.e"},
		{"SELECT 1 FROM t WHERE @x = a AND NOT @y < t.b", "x=t.a y=t.b"},
		{"SELECT 1 FROM t WHERE a IN (@x, 1, @y) AND b NOT IN (@z)", "x=t.a y=t.a z=t.b"},
		{"SELECT 1 FROM t WHERE a IN (sqlc.slice(x)) AND b NOT IN (sqlc.slice('y'))",
	         "x=t.a y=t.b"},
		{"SELECT 1 FROM t WHERE a = ANY (@x) AND b <> ALL(@y::int[])",
	         "x=t.a y=t.b::int[]"},
		{"SELECT 1 FROM t WHERE a IS DISTINCT FROM @x AND b IS NOT DISTINCT FROM @y",
	         "x=t.a y=t.b"},
		{"SELECT 1 FROM t WHERE a BETWEEN @x AND @y AND b NOT BETWEEN @z AND 3",
	         "x=t.a y=t.a z=t.b"},
		{"SELECT 1 FROM t WHERE (a, t.b) = (@x, @y)", "x=t.a y=t.b"},
		{"DELETE FROM t WHERE a = @x RETURNING *", "x=t.a"},
		{"SELECT 1 FROM t WHERE a=$2 AND b>$1", "-=t.b -=t.a"},
		{"SELECT 1 FROM t WHERE \"A\" = @x", "x=t.A"},
		{"SELECT CASE WHEN a = @x THEN 1 ELSE 2 END FROM t", "x=t.a"},
	};

	CHECK(pairs);
}

Test(gen_query_file_columns, are_not_guessed)
{
	static const struct pair pairs[] = {
		{"SELECT 1 FROM t WHERE a + b = @x AND c = @y + 1", "x=? y=?"},
		{"SELECT 1 FROM t WHERE f(a) = @x AND a::text = @y AND g(@z) = a", "x=? y=? z=?"},
		{"SELECT 1 FROM t WHERE a @> @x AND b LIKE @y AND CURRENT_DATE = @z",
	         "x=? y=? z=?"},
		{"SELECT 1 FROM t WHERE a = - @x AND b = @y::text || 'c'", "x=? y=?::text"},
		{"SELECT 1 FROM t WHERE a[1] = @x AND CASE a WHEN 1 THEN b END = @y", "x=? y=?"},
		{"SELECT @x, @y AS a FROM t LIMIT @z", "x=? y=? z=?"},
		{"SELECT 1 FROM t WHERE a = @x COLLATE \"C\" AND b = @y AT TIME ZONE 'UTC'",
	         "x=? y=?"},
		{"SELECT 1 FROM t WHERE a IN (@x + 1, f(@y))", "x=? y=?"},
	};

	CHECK(pairs);
}

Test(gen_query_file_columns, name_their_table_where_there_is_one_of_that_name)
{
	static const struct pair pairs[] = {
		{"SELECT 1 FROM t JOIN u AS v ON v.a = @x WHERE t.b = @y AND c = @z",
	         "x=u.a y=t.b z=?.c"},
		{"SELECT 1 FROM t x, u y WHERE x.a = @x AND y.a = @y", "x=t.a y=u.a"},
		{"SELECT 1 FROM app.t WHERE t.a = @x", "x=app.t.a"},
		{"SELECT 1 FROM t a WHERE a.b = @x AND EXISTS (SELECT 1 FROM u a WHERE a.b = @y)",
	         "x=?.b y=?.b"},
		{"WITH t AS (SELECT 1 AS a) SELECT 1 FROM t WHERE t.a = @x", "x=?.a"},
		{"WITH t (a) AS NOT MATERIALIZED (SELECT 1) SELECT 1 FROM t WHERE a = @x", "x=?.a"},
		{"SELECT 1 FROM (SELECT a FROM u) t WHERE t.a = @x AND a = @y", "x=?.a y=?.a"},
		{"SELECT 1 FROM unnest(@x::int[]) AS t (a) WHERE t.a = @y", "x=?::int[] y=?.a"},
		{"SELECT 1 FROM t WHERE a = @x AND extract(epoch FROM b) > 1", "x=?.a"},
		{"SELECT 1 FROM t WHERE a IS DISTINCT FROM b AND a = @x FOR UPDATE", "x=t.a"},
		{"SELECT 1 FROM t WHERE a = @x FOR NO KEY UPDATE OF t", "x=t.a"},
		{"DELETE FROM t USING u WHERE t.a = u.a AND u.b = @x", "x=u.b"},
		{"SELECT 1 FROM t JOIN u USING (a) WHERE t.b = @x", "x=t.b"},
	};

	CHECK(pairs);
}

Test(gen_query_file_columns, that_are_written_count_more_than_compared_ones_and_earlier_ones)
{
	static const struct pair pairs[] = {
		{"UPDATE t SET b = @x WHERE a = @x", "x=t.b!"},
		{"WITH u AS (SELECT 1 FROM t WHERE a = @x) UPDATE v SET b = @x", "x=v.b!"},
		{"SELECT 1 FROM t WHERE a = @x AND b = @x", "x=t.a"},
	};

	CHECK(pairs);
}

Test(gen_query_file_columns, casts_are_taken_as_they_stand)
{
	static const struct pair pairs[] = {
		{"SELECT @a::numeric(32, 16), @b :: double precision, @c::text[], @d::int[3][]",
	         "a=?::numeric(32, 16) b=?::double precision c=?::text[] d=?::int[3][]"},
		{"SELECT @a::timestamp(3) with time zone, @b::time without time zone AT b",
	         "a=?::timestamp(3) with time zone b=?::time without time zone"},
		{"SELECT @a::app.\"Side\", @b::character varying(10), CAST(@c AS bit varying)",
	         "a=?::app.\"Side\" b=?::character varying(10) c=?::bit varying"},
		{"SELECT @a::text::int, @b, @b::int, @b::text", "a=?::text b=?::int"},
		{"SELECT 1 FROM t WHERE a = CAST(@x AS int8) AND b = @y::int8", "x=t.a::int8 "
	                                                                        "y=t.b::int8"},
		{"INSERT INTO t (a, b) VALUES (@x::text::int, CAST(@y AS text))",
	         "x=?::text y=t.b!::text"},
	};

	CHECK(pairs);
}
