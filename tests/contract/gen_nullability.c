/* SPDX-License-Identifier: MIT */
/*
 * gen_nullability.c - a column that the generator calls never NULL never is.
 *
 * Each case is analysed, and then run on data made for it. Of each column it says
 *      -   never NULL: no row may prove it wrong
 *      ?   may be NULL
 *      !   may be NULL, and one row is: the case is a trap, and here is who falls into it
 */
#include "tests/contract/database.h"
#include "tests/contract/gen_study.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] =
	"CREATE TABLE venue (id int PRIMARY KEY, name text NOT NULL, note text, open bool NOT NULL);"
	"CREATE TABLE deal (id int PRIMARY KEY, venue_id int NOT NULL, label text NOT NULL, memo text);"
	"INSERT INTO venue VALUES (1, 'one', NULL, true), (2, 'two', 'x', false),"
	"  (3, 'three', NULL, true);"
	"INSERT INTO deal VALUES (10, 1, 'a', NULL), (11, 1, 'b', 'm'), (12, 9, 'c', NULL);"
	"CREATE VIEW venues AS SELECT * FROM venue;"
	"CREATE VIEW deals AS SELECT d.id, v.name FROM deal d LEFT JOIN venue v ON v.id = d.venue_id;"

	"CREATE TABLE base (id int NOT NULL, tag text NOT NULL);"
	"CREATE TABLE heir () INHERITS (base);"
	"ALTER TABLE heir ALTER tag DROP NOT NULL;"
	"INSERT INTO base VALUES (1, 'x'); INSERT INTO heir VALUES (2, NULL);"

	"CREATE TABLE tick (id int NOT NULL, day date NOT NULL, tag text NOT NULL, x int)"
	"  PARTITION BY RANGE (day);"
	"CREATE TABLE tick_1 PARTITION OF tick FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');"
	"CREATE TABLE tick_2 PARTITION OF tick FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');"
	"INSERT INTO tick VALUES (1, '2024-01-05', 'jan', NULL), (2, '2024-02-05', 'feb', 1);"
	"CREATE TABLE empty (id int NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);"
	"CREATE TABLE spread (id int NOT NULL) PARTITION BY HASH (id);"

	"CREATE TABLE ruled (id int NOT NULL, tag text NOT NULL);"
	"CREATE TABLE other (id int, tag text);"
	"CREATE RULE r AS ON INSERT TO ruled DO INSTEAD INSERT INTO other"
	"  SELECT NULL, new.tag FROM (SELECT count(*) AS c FROM ruled) n WHERE n.c >= 0 RETURNING *;"

	"CREATE DOMAIN must AS int NOT NULL;"
	"CREATE TABLE filled (id int PRIMARY KEY, value must,"
	"  twice int NOT NULL GENERATED ALWAYS AS (id * 2) STORED,"
	"  maybe int GENERATED ALWAYS AS (NULLIF(id, 1)) STORED);"
	"INSERT INTO filled VALUES (1, 5);"

	"CREATE FUNCTION venue_by(int) RETURNS SETOF venue LANGUAGE sql STABLE AS"
	"  'SELECT * FROM venue WHERE id = $1';"
	"CREATE EXTENSION file_fdw;"
	"CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
	"CREATE FOREIGN TABLE far (id int NOT NULL) SERVER files"
	"  OPTIONS (program 'echo', format 'csv');"
	"ANALYZE";

static char *dsn;
static PGconn *connection;

static void make(void)
{
	dsn = database_create(false);
	connection = database_connect(dsn);
	database_run(connection, schema);
}

static void clean(void)
{
	PQfinish(connection);
	database_drop(dsn);
}

TestSuite(nullability, .init = make, .fini = clean);

/* Runs the query, whose parameters are all 1, and takes back what it did. */
static PGresult *run(const char *sql)
{
	static const char *const values[] = {"1", "1", "1"};
	int count = strstr(sql, "$2") != NULL ? 2 : strstr(sql, "$1") != NULL ? 1 : 0;
	PGresult *result;

	database_run(connection, "BEGIN");
	result = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);
	database_run(connection, "ROLLBACK");
	cr_assert(PQresultStatus(result) == PGRES_TUPLES_OK, "%s: %s", sql,
	          PQresultErrorMessage(result));
	cr_assert(PQntuples(result) > 0, "%s: no rows, which prove nothing", sql);
	return result;
}

static bool has_null(const PGresult *result, int column)
{
	int row;

	for (row = 0; row < PQntuples(result); row++) {
		if (PQgetisnull(result, row, column))
			return true;
	}
	return false;
}

static void expect_with(const char *hints, const char *sql, const char *expected,
                        const struct slu_override *overrides, size_t override_count)
{
	struct study study;
	const struct slu_struct *row;
	PGresult *result = run(sql);
	char *text = NULL;
	char found[32];
	size_t i;

	cr_assert(asprintf(&text, "-- name: Q :many\n%s%s;\n", hints, sql) > 0);
	study_make(&study, connection, text, overrides, override_count);
	cr_assert(study.status == SLUICE_OK, "%s: %s", sql, study.said);
	row = &study.model.structs[study.model.queries[0].row];
	cr_assert(row->field_count == strlen(expected), "%s: %zu columns", sql, row->field_count);
	for (i = 0; i < row->field_count; i++)
		found[i] = row->fields[i].nullable ? expected[i] == '-' ? '?' : expected[i] : '-';
	found[i] = '\0';
	cr_assert_str_eq(found, expected, "%s: %s, expected %s", sql, found, expected);
	for (i = 0; i < row->field_count; i++)
		cr_assert(expected[i] == '?' || has_null(result, (int)i) == (expected[i] == '!'),
		          "%s: column %zu has %s NULL", sql, i, expected[i] == '!' ? "no" : "a");
	PQclear(result);
	study_free(&study);
	free(text);
}

static void expect(const char *sql, const char *expected)
{
	expect_with("", sql, expected, NULL, 0);
}

Test(nullability, columns_of_a_table_are_as_the_catalog_says)
{
	expect("SELECT id, name, note FROM venue", "--!");
	expect("SELECT * FROM venue", "--!-");
	expect("SELECT s.id, s.note FROM (SELECT * FROM venue LIMIT 2) s", "-!");
	expect("SELECT v.id FROM venue v, deal d WHERE d.venue_id = v.id AND d.id = $1 + 9", "-");
	expect("SELECT id, value, twice, maybe FROM filled", "-?-!");
	expect("SELECT DISTINCT ON (open) open, name FROM venue ORDER BY open, id", "--");
}

Test(nullability, outer_joins_make_one_side_nullable)
{
	expect("SELECT d.id, v.id AS v, v.name FROM deal d LEFT JOIN venue v ON v.id = d.venue_id",
	       "-!!");
	expect("SELECT d.id, v.id AS v FROM venue v RIGHT JOIN deal d ON v.id = d.venue_id", "-!");
	expect("SELECT d.id, v.id AS v FROM deal d FULL JOIN venue v ON v.id = d.venue_id", "!!");
	expect("SELECT d.id, v.id AS v FROM deal d JOIN venue v ON v.id = d.venue_id", "--");
	/* A condition that no NULL passes makes an inner join of it. */
	expect("SELECT d.id, v.id AS v FROM deal d LEFT JOIN venue v ON v.id = d.venue_id"
	       " WHERE v.name <> 'two'",
	       "--");
	/* One that only NULL passes makes an anti join of it. */
	expect("SELECT d.id, v.name FROM deal d LEFT JOIN venue v ON v.id = d.venue_id"
	       " WHERE v.id IS NULL",
	       "-!");
	expect("SELECT d.id, v.name FROM deal d LEFT JOIN venue v ON false", "?!");
	expect("SELECT d.id, v.name FROM deal d LEFT JOIN (SELECT * FROM venue WHERE false) v ON true",
	       "?!");
	expect("SELECT d.id, x.id AS x, y.id AS y FROM deal d"
	       " LEFT JOIN (venue x JOIN deal y ON y.venue_id = x.id) ON x.id = d.venue_id",
	       "?!!");
	expect("SELECT id, d.label, v.name FROM deal d LEFT JOIN venue v USING (id)", "--!");
	expect("SELECT id FROM deal d FULL JOIN venue v USING (id)", "?");
}

Test(nullability, one_table_twice_is_nullable_when_one_of_them_is)
{
	expect("SELECT a.id, b.id AS b FROM venue a LEFT JOIN venue b ON b.id = a.id + 1", "?!");
	expect("SELECT a.id, b.id AS b FROM venue a JOIN venue b ON b.id = a.id", "--");
	expect("SELECT b.id FROM venue a LEFT JOIN venue b ON false", "!");
}

Test(nullability, unused_joins_take_nothing_away)
{
	expect("SELECT d.id FROM deal d LEFT JOIN venue v ON v.id = d.venue_id", "-");
	expect("SELECT v.id FROM venue v WHERE EXISTS (SELECT FROM deal d WHERE d.venue_id = v.id)",
	       "-");
	expect("SELECT v.id FROM venue v WHERE NOT EXISTS (SELECT FROM deal d WHERE d.venue_id = v.id)",
	       "-");
	expect("SELECT v.id FROM venue v WHERE v.id IN (SELECT venue_id FROM deal)", "-");
	expect("SELECT v.id FROM venue v LEFT JOIN generate_series(1, 1) g ON g = v.id", "-");
	expect("SELECT v.id, x.n FROM venue v LEFT JOIN (VALUES (1, 'a'), (5, 'b')) x (i, n)"
	       " ON x.i = v.id",
	       "-!");
}

Test(nullability, lateral_subqueries_give_out_other_tables_columns)
{
	expect("SELECT v.name, s.id FROM venue v"
	       " LEFT JOIN LATERAL (SELECT v.id FROM deal d WHERE d.venue_id = v.id LIMIT 1) s ON true",
	       "?!");
	expect("SELECT v.name, s.id FROM venue v"
	       " LEFT JOIN LATERAL (SELECT v.id FROM deal d WHERE d.venue_id = v.id) s ON true",
	       "?!");
	expect("SELECT v.name, s.id FROM venue v LEFT JOIN LATERAL (SELECT v.id) s ON v.open",
	       "?!");
	expect("SELECT v.name, s.id FROM venue v LEFT JOIN LATERAL (SELECT v.id OFFSET 0) s ON v.open",
	       "?!");
	expect("SELECT v.name, s.id FROM venue v LEFT JOIN LATERAL"
	       " (SELECT w.id FROM venue w CROSS JOIN LATERAL (SELECT w.name, v.id) i"
	       "  WHERE w.id = v.id + 1) s ON true",
	       "?!");
	/* An Append tells no output of its own. */
	expect("SELECT v.name, s.id FROM venue v"
	       " LEFT JOIN LATERAL (SELECT v.id FROM tick t WHERE t.id = v.id) s ON true",
	       "?!");
	/* Where a parameter comes from is not asked. */
	expect("SELECT v.name, s.x FROM venue v"
	       " LEFT JOIN LATERAL (SELECT $1::int AS x FROM deal d WHERE d.venue_id = v.id) s ON true",
	       "?!");
	/* What gives out its own alone harms nobody. */
	expect("SELECT v.id, s.label FROM venue v LEFT JOIN LATERAL"
	       " (SELECT label FROM deal d WHERE d.venue_id = v.id ORDER BY d.id LIMIT 1) s ON true",
	       "-!");
	expect("SELECT v.id, s.label FROM venue v CROSS JOIN LATERAL"
	       " (SELECT label FROM deal d WHERE d.venue_id = v.id ORDER BY d.id LIMIT 1) s",
	       "--");
}

Test(nullability, views_foreign_tables_and_functions_are_nullable)
{
	expect("SELECT id, name FROM venues", "??");
	expect("SELECT id, name FROM deals", "?!");
	expect("SELECT id FROM far", "!");
	expect("SELECT id, name FROM venue_by(1)", "??");
	expect("SELECT (v).id, (v).note FROM venue v", "-!");
}

Test(nullability, common_table_expressions_are_seen_through_where_the_plan_shows_them)
{
	expect("WITH v AS (SELECT * FROM venue) SELECT v.id, v.note FROM v", "-!");
	expect("WITH v AS MATERIALIZED (SELECT * FROM venue) SELECT v.id, v.note FROM v", "-!");
	expect("WITH v AS MATERIALIZED (SELECT * FROM venue)"
	       " SELECT d.id, v.id AS v FROM deal d LEFT JOIN v ON v.id = d.venue_id",
	       "?!");
	expect("WITH v AS NOT MATERIALIZED (SELECT * FROM venue)"
	       " SELECT d.id, v.id AS v FROM deal d LEFT JOIN v ON v.id = d.venue_id",
	       "-!");
	expect("WITH v AS MATERIALIZED"
	       " (SELECT d.id, v.name FROM deal d LEFT JOIN venue v ON v.id = d.venue_id)"
	       " SELECT v.id, v.name FROM v",
	       "-!");
	expect("WITH RECURSIVE r AS (SELECT id, note FROM venue UNION ALL"
	       " SELECT NULL, r.note FROM r WHERE r.id = 3) SELECT id, note FROM r",
	       "!!");
	expect("WITH n AS (INSERT INTO venue VALUES (7, 'n', NULL, true) RETURNING *)"
	       " SELECT n.id, n.note FROM n",
	       "-!");
}

Test(nullability, set_operations_are_nullable)
{
	expect("SELECT id FROM venue UNION ALL SELECT NULL", "!");
	expect("SELECT id FROM venue UNION SELECT NULL", "!");
	expect("SELECT 1 AS id UNION SELECT NULL", "!");
	expect("SELECT 1 AS id UNION ALL SELECT NULL ORDER BY 1 LIMIT 5", "!");
	expect("SELECT s.id FROM (SELECT id FROM venue UNION ALL SELECT NULL) s", "!");
	expect("SELECT count(*) AS n FROM venue UNION ALL SELECT NULL", "!");
	expect("SELECT DISTINCT s.n FROM (SELECT 1 AS n UNION ALL SELECT NULL) s", "!");
	expect("SELECT id FROM venue EXCEPT SELECT id FROM deal", "?");
}

Test(nullability, grouping_sets_make_all_nullable)
{
	expect("SELECT name, open FROM venue GROUP BY ROLLUP (name, open)", "!!");
	expect("SELECT id, count(*) AS n FROM venue GROUP BY GROUPING SETS ((id), ())", "!?");
	expect("SELECT id, open FROM venue GROUP BY CUBE (id, open)", "!!");
	expect("SELECT s.id FROM (SELECT id FROM venue GROUP BY ROLLUP (id)) s", "!");
	expect("SELECT id, count(*) AS n FROM venue GROUP BY id", "--");
}

Test(nullability, partitions_and_heirs_answer_for_their_parents)
{
	expect("SELECT id, day, tag, x FROM tick", "---!");
	expect("SELECT id, tag FROM tick WHERE day = '2024-01-05'", "--");
	expect("SELECT id, tag FROM tick WHERE day = date '2024-01-04' + $1::int", "--");
	expect("SELECT v.id, t.id AS t FROM venue v LEFT JOIN tick t ON t.id = v.id", "-!");
	expect("SELECT t.id, v.id AS v FROM tick t LEFT JOIN venue v ON v.id = t.id + 2", "-!");
	expect("SELECT v.id, t.tag FROM venue v LEFT JOIN tick_1 t ON t.id = v.id", "-!");
	expect("SELECT t.id, u.tag FROM tick t LEFT JOIN tick_1 u ON u.id = t.id", "?!");
	expect("SELECT v.id, e.id AS e FROM venue v LEFT JOIN empty e ON e.id = v.id", "-!");
	expect("SELECT v.id, e.id AS e FROM venue v LEFT JOIN spread e ON e.id = v.id", "-!");
	/* NOT NULL of the parent is not its heirs'. */
	expect("SELECT id, tag FROM base", "-!");
	expect("SELECT id, tag FROM ONLY base", "-?");
	expect("SELECT tag FROM heir", "!");
}

Test(nullability, returning_gives_what_is_stored)
{
	expect("INSERT INTO venue VALUES (7, 'n', NULL, true) RETURNING *", "--!-");
	expect("INSERT INTO venue VALUES (1, 'n', NULL, true) ON CONFLICT (id) DO UPDATE"
	       " SET name = excluded.name RETURNING id, name, note",
	       "--!");
	expect("UPDATE deal SET memo = NULL WHERE id = 11 RETURNING id, memo", "-!");
	expect("UPDATE deal d SET memo = v.name FROM venue v WHERE v.id = d.venue_id"
	       " RETURNING d.id, v.name",
	       "--");
	expect("UPDATE deal d SET memo = s.name FROM"
	       " (SELECT e.id, v.name, v.id AS v FROM deal e LEFT JOIN venue v ON v.id = e.venue_id) s"
	       " WHERE s.id = d.id RETURNING d.id, s.name, s.v",
	       "-!!");
	expect("DELETE FROM deal d USING deal e LEFT JOIN venue v ON v.id = e.venue_id"
	       " WHERE e.id = d.id RETURNING d.id, v.name",
	       "-!");
	expect("INSERT INTO tick VALUES (7, '2024-01-07', 'n', NULL) RETURNING id, x", "-!");
	expect("UPDATE tick SET x = NULL RETURNING id, tag, x", "--!");
	/* A rule returns what it likes. */
	expect("INSERT INTO ruled VALUES (1, 'x') RETURNING id, tag", "!?");
}

Test(nullability, expressions_are_nullable_unless_they_are_proven)
{
	expect("SELECT count(*) AS n, count(note) AS m, max(id) AS x FROM venue", "--?");
	expect("SELECT count(*) AS n FROM venue WHERE false", "?");
	expect("SELECT max(id) AS x, sum(id) AS y FROM venue WHERE false", "!!");
	expect("SELECT 1 AS a, 'x' AS b, true AS c, NULL AS d, NULL::int AS e, -1 AS f", "---!!-");
	expect("SELECT 'x'::varchar(5) AS a, '2024-01-01'::date AS b, 1.5::numeric(5,2) AS c",
	       "---");
	expect("SELECT COALESCE(note, '') AS a, COALESCE(note, NULL) AS b, id + 1 AS c FROM venue",
	       "-!?");
	expect("SELECT COALESCE(note, COALESCE(note, 'a'), ')') AS a FROM venue", "-");
	expect("SELECT EXISTS (SELECT FROM venue WHERE id = $1) AS e", "-");
	expect("SELECT id, EXISTS (SELECT FROM deal d WHERE d.venue_id = v.id) AS e FROM venue v",
	       "-?");
	expect("SELECT (SELECT open FROM venue WHERE id = 77) AS e", "!");
	expect("SELECT (SELECT NULL::bool) AS e, id IN (SELECT NULL::int) AS f FROM venue", "!!");
	expect("SELECT v.id, (SELECT label FROM deal d WHERE d.id = v.id) AS l FROM venue v", "-!");
	expect("SELECT count(*) OVER () AS n, count(*) FILTER (WHERE open) OVER (ORDER BY id) AS m,"
	       " lag(id) OVER (ORDER BY id) AS l FROM venue",
	       "--!");
	expect("SELECT open, count(*) AS n FROM venue GROUP BY open ORDER BY n DESC LIMIT 5", "--");
	expect("SELECT count(*) AS n FROM tick", "-");
	/* A join may put NULL where the expression stood. */
	expect("SELECT d.id, s.n, s.m FROM deal d LEFT JOIN (SELECT venue_id, count(*) AS n, 1 AS m"
	       " FROM deal WHERE venue_id = 1 GROUP BY venue_id) s ON s.venue_id = d.venue_id",
	       "?!!");
	expect("SELECT d.id, s.m FROM deal d LEFT JOIN (SELECT id, 1 AS m FROM venue) s"
	       " ON s.id = d.venue_id",
	       "-!");
	/* A count of one's own counts as it likes. */
	database_run(connection,
	             "CREATE AGGREGATE count (bool) (sfunc = booland_statefunc, stype = bool)");
	expect("SELECT count(open) AS n FROM venue WHERE id > 9", "!");
	expect("SELECT ''''::text AS a, 'a' || note AS b FROM venue", "-!");
}

Test(nullability, hints_and_overrides_have_the_last_word)
{
	const struct slu_override column = {(char *)(uintptr_t) "venue.note"};
	const struct slu_override full = {(char *)(uintptr_t) "public.venue.name"};
	const struct slu_override other = {(char *)(uintptr_t) "app.venue.name"};

	expect_with("-- @notnull n\n", "SELECT max(id) AS n FROM venue", "-", NULL, 0);
	expect_with("-- @null id\n", "SELECT id FROM venue", "?", NULL, 0);
	expect_with("", "SELECT name, note FROM venue WHERE note IS NOT NULL", "-?", &column, 1);
	expect_with("", "SELECT name FROM venue", "?", &full, 1);
	expect_with("", "SELECT name FROM venue", "-", &other, 1);
	/* An override speaks of the table, not of a join. */
	expect_with("", "SELECT d.id, v.note FROM deal d LEFT JOIN venue v ON v.id = d.venue_id",
	            "-!", &column, 1);
}
