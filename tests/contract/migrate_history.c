/* SPDX-License-Identifier: MIT */
/* migrate_history.c - files that changed, went away or came too late; other tools and other Sluices
 * on the same database. Each refusal is compared word for word, and followed to its remedy. */
#include "cli/commands.h"
#include "tests/contract/migrate_stage.h"

#include <criterion/criterion.h>

#define SUMMARY "database DB: version 3; Sluice's own tables: version 1\n"

static void make_applied(void)
{
	stage_make();
	stage_add_table("0001", "a");
	stage_add_table("0002", "b");
	stage_add_table("0003", "c");
	cr_assert_eq(stage_up(), SLUICE_OK, "%s", stage.error.message);
}

TestSuite(migrate_history, .init = make_applied, .fini = stage_clean);

static int64_t rows(const char *where)
{
	char sql[640];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM schema_migrations_history WHERE %s",
	         where);
	return database_query_int(stage.connection, sql);
}

/* What golang-migrate does to the version table. */
static void golang_migrate_sets(int version, bool dirty)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	         "BEGIN; TRUNCATE schema_migrations; INSERT INTO schema_migrations VALUES "
	         "(%d, %s); COMMIT",
	         version, dirty ? "true" : "false");
	database_run(stage.connection, sql);
}

/* ---- what is written ---- */

Test(migrate_history, tells_who_did_what_when_and_with_which_files)
{
	cr_assert_eq(stage_cli("down 1"), CLI_OK);
	cr_assert_eq(rows("true"), 4);
	cr_assert_eq(rows("action = 'up' AND version = 2 AND previous_version = 1 AND up_file = "
	                  "'0002_b.up.sql' AND down_file = '0002_b.down.sql' AND up_sha256 = "
	                  "encode(sha256('CREATE TABLE b (a int)'), 'hex') AND down_sha256 = "
	                  "encode(sha256('DROP TABLE b'), 'hex') AND by_role = current_user AND "
	                  "tool ~ '^sluice [0-9]' AND duration > '0' AND at <= clock_timestamp()"),
	             1);
	cr_assert_eq(rows("action = 'down' AND version = 3 AND previous_version = 2"), 1);
	cr_assert_eq(database_query_int(stage.connection,
	                                "SELECT count(*) FROM sluice.schema_migrations_history "
	                                "WHERE action = 'up' AND version = 1"),
	             1);
}

/* ---- modified ---- */

Test(migrate_history, a_changed_up_script_stops_up_down_and_goto_until_repaired)
{
	static const char refusal[] =
		"error: 0002_b.up.sql was changed after it was applied: sha256 6907bcf9a26e then, "
		"cb3a9b199e6a now. Nothing was changed. `git checkout -- DIR/0002_b.up.sql` brings "
		"it back; `sluice migrate repair` accepts the new text as what was applied\n";

	stage_add("0002_b.up.sql", "CREATE TABLE b (a bigint)");
	stage_add_table("0004", "d");
	stage_expect("up", CLI_FAILED, "", refusal);
	stage_expect("goto 4", CLI_FAILED, "", refusal);
	stage_expect("down 2", CLI_FAILED, "", refusal);
	stage_expect("goto 1", CLI_FAILED, "", refusal);
	cr_assert_eq(stage_version(), 3);
	stage_expect("status --exit-code", 3,
	             SUMMARY "0001  a  applied TIME by postgres\n"
	                     "0002  b  modified: the up script was changed since TIME, when "
	                     "postgres applied it\n"
	                     "0003  c  applied TIME by postgres\n"
	                     "0004  d  pending\n",
	             "");
	stage_expect("repair", CLI_OK, "", "2 repaired\n");
	stage_expect("repair", CLI_OK, "", "no change\n");
	stage_expect("up", CLI_OK, "", "4/u d (N ms)\n");
}

Test(migrate_history, going_down_does_not_ask_for_what_stays)
{
	stage_add("0001_a.up.sql", "CREATE TABLE a (a bigint)");
	stage_expect("down 2", CLI_OK, "", "3/d c (N ms)\n2/d b (N ms)\n");
}

Test(migrate_history, a_changed_down_script_stops_only_who_would_run_it)
{
	stage_add("0002_b.down.sql", "DROP TABLE IF EXISTS b");
	stage_add_table("0004", "d");
	stage_expect("up", CLI_OK, "", "4/u d (N ms)\n");
	stage_expect("down 3", CLI_FAILED, "",
	             "error: 0002_b.down.sql was changed after it was applied: sha256 c5cae5280532 "
	             "then, 3e135ed71013 now. Nothing was changed. `git checkout -- "
	             "DIR/0002_b.down.sql` brings it back; `sluice migrate repair` accepts the new "
	             "text as what was applied\n");
	cr_assert_eq(stage_version(), 4);
}

Test(migrate_history, redo_refuses_when_something_below_would_stop_its_way_up)
{
	stage_add("0001_a.up.sql", "CREATE TABLE a (a bigint)");
	cr_assert_eq(stage_cli("redo"), CLI_FAILED);
	cr_assert(stage_has_table("c"));
	cr_assert_eq(stage_version(), 3);
}

/* ---- missing ---- */

Test(migrate_history, a_missing_file_stops_up_until_it_is_forgotten)
{
	stage_remove("0002_b.up.sql");
	stage_remove("0002_b.down.sql");
	stage_expect("up", CLI_FAILED, "",
	             "error: 0002_b.up.sql, applied TIME by postgres, is missing. Bring the file "
	             "back (`git log --diff-filter=D --name-only` tells where it went); `sluice "
	             "migrate repair` forgets it, if it is gone for good\n");
	stage_expect("status --exit-code", 3,
	             SUMMARY "0001  a              applied TIME by postgres\n"
	                     "0002  0002_b.up.sql  missing: applied TIME by postgres, and its "
	                     "files are gone\n"
	                     "0003  c              applied TIME by postgres\n",
	             "");
	stage_expect("repair", CLI_OK, "", "2 forgotten\n");
	stage_expect("up", CLI_OK, "", "no change\n");
	stage_expect("down 1", CLI_OK, "", "3/d c (N ms)\n");
	cr_assert_eq(stage_version(), 1);
}

Test(migrate_history, a_database_at_a_version_without_files_is_told_where_else_it_may_be)
{
	static const char refusal[] =
		"error: no migration found for version 3, at which the database is: newer files or "
		"others brought it there. Use those (--path DIR); `sluice migrate force 2` says "
		"that it is at the version below instead, and runs nothing\n";

	stage_remove("0003_c.up.sql");
	stage_remove("0003_c.down.sql");
	stage_expect("up", CLI_FAILED, "", refusal);
	stage_expect("down 1", CLI_FAILED, "", refusal);
	stage_expect("redo", CLI_FAILED, "", refusal);
	stage_expect("repair", CLI_OK, "", "no change\n");
	stage_expect("force 2", CLI_OK, "", "");
	stage_expect("up", CLI_OK, "", "no change\n");
}

/* ---- out of order ---- */

static void make_late_script(void)
{
	cr_assert_eq(stage_cli("down 2"), CLI_OK);
	stage_remove("0002_b.up.sql");
	stage_remove("0002_b.down.sql");
	cr_assert_eq(stage_up(), SLUICE_OK);
	stage_add_table("0002", "late");
}

Test(migrate_history, a_script_that_comes_too_late_is_refused_with_its_new_name)
{
	make_late_script();
	stage_expect("up", CLI_FAILED, "",
	             "error: 0002_late.up.sql is out of order: below version 3, at which the "
	             "database is, and never applied. Give it the next number (`cd DIR; git mv "
	             "0002_late.up.sql 0004_late.up.sql`), or run it as it is: `sluice migrate up "
	             "--allow-out-of-order`. If another tool ran it: `sluice migrate adopt 2`\n");
	cr_assert_eq(stage_cli("redo"), CLI_FAILED);
	cr_assert(stage_has_table("c"));
	stage_expect("status", CLI_OK,
	             SUMMARY "0001  a     applied TIME by postgres\n"
	                     "0002  late  out of order: below the database's version, and never "
	                     "applied\n"
	                     "0003  c     applied TIME by postgres\n",
	             "");
}

Test(migrate_history, a_late_script_that_is_let_in_leaves_the_version_and_is_taken_back_in_turn)
{
	make_late_script();
	stage_expect("up --allow-out-of-order", CLI_OK, "", "2/u late (N ms)\n");
	cr_assert_eq(stage_version(), 3);
	stage_expect("up", CLI_OK, "", "no change\n");
	stage_expect("down 2", CLI_OK, "", "3/d c (N ms)\n2/d late (N ms)\n");
	cr_assert_eq(stage_version(), 1);
}

Test(migrate_history, down_passes_over_what_was_never_applied)
{
	make_late_script();
	stage_expect("down 2", CLI_OK, "", "3/d c (N ms)\n1/d a (N ms)\n");
	cr_assert_eq(stage_version(), -1);
}

Test(migrate_history, a_late_script_that_another_tool_ran_is_adopted_by_name)
{
	make_late_script();
	stage_expect("adopt", CLI_OK, "", "no change\n");
	stage_expect("adopt 2", CLI_OK, "", "2 adopted\n");
	stage_expect("up", CLI_OK, "", "no change\n");
}

/* ---- golang-migrate on the same database ---- */

Test(migrate_history, what_golang_migrate_applied_is_unverified_until_adopted)
{
	stage_add_table("0004", "d");
	stage_add_table("0005", "e");
	database_run(stage.connection, "CREATE TABLE d (a int)");
	golang_migrate_sets(4, false);
	stage_expect("status --exit-code", 3,
	             "database DB: version 4; Sluice's own tables: version 1\n"
	             "0001  a  applied TIME by postgres\n"
	             "0002  b  applied TIME by postgres\n"
	             "0003  c  applied TIME by postgres\n"
	             "0004  d  applied by another tool (unverified)\n"
	             "0005  e  pending\n",
	             "");
	stage_expect("up", CLI_OK, "", "5/u e (N ms)\n");
	stage_expect("adopt", CLI_OK, "", "4 adopted\n");
	stage_add("0004_d.up.sql", "CREATE TABLE d (b int)");
	cr_assert_eq(stage_cli("up"), CLI_FAILED);
}

Test(migrate_history, what_golang_migrate_took_back_is_pending_and_written_down_as_lost)
{
	database_run(stage.connection, "DROP TABLE c; DROP TABLE b");
	golang_migrate_sets(1, false);
	stage_expect("status", CLI_OK,
	             "database DB: version 1; Sluice's own tables: version 1\n"
	             "0001  a  applied TIME by postgres\n"
	             "0002  b  pending\n"
	             "0003  c  pending\n",
	             "");
	stage_expect("up 1", CLI_OK, "", "2/u b (N ms)\n");
	cr_assert_eq(rows("action = 'lost' AND version = 2"), 1);
	cr_assert_eq(rows("action = 'lost' AND version = 3"), 1);
	cr_assert_eq(rows("action = 'lost'"), 2);
}

Test(migrate_history, a_database_that_golang_migrate_left_dirty_is_refused_with_both_ways_out)
{
	static const char refusal[] =
		"error: Dirty database version 3. Fix and force version. A script was begun and not "
		"finished. Complete or undo it by hand; then `sluice migrate force 3` if it is "
		"complete, or, if it was on its way up and is undone, `sluice migrate force 2`\n";
	static const char *const refused[] = {
		"up", "down 1", "down --all --yes", "goto 1", "redo", "adopt", "repair"};
	size_t i;

	golang_migrate_sets(3, true);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		stage_expect(refused[i], CLI_FAILED, "", refusal);
	stage_expect("status --exit-code", 3,
	             "database DB: version 3 (dirty); Sluice's own tables: version 1\n"
	             "0001  a  applied TIME by postgres\n"
	             "0002  b  applied TIME by postgres\n"
	             "0003  c  dirty: a script was begun and not finished\n",
	             "");
	stage_expect("force 3", CLI_OK, "", "");
	stage_expect("up", CLI_OK, "", "no change\n");
}

Test(migrate_history, a_first_migration_whose_way_down_golang_migrate_did_not_finish)
{
	golang_migrate_sets(-1, true);
	stage_expect("up", CLI_FAILED, "",
	             "error: Dirty database version -1. Fix and force version. To take the first "
	             "version back was begun and not finished. Complete or undo it by hand; then "
	             "`sluice migrate force -1` if it is complete, `sluice migrate force 1` if it "
	             "is undone\n");
	stage_expect("version", CLI_OK, "-1 (dirty)\n", "");
	stage_expect("force -1", CLI_OK, "", "");
	cr_assert_eq(stage_version(), -1);
}

/* ---- another Sluice on the same database ---- */

Test(migrate_history, the_tables_of_a_newer_sluice_are_left_alone)
{
	stage_add_table("0004", "d");
	database_run(stage.connection, "UPDATE sluice.schema_migrations SET version = 7");
	stage_expect("up", CLI_FAILED, "",
	             "error: this database was upgraded by a newer Sluice (its own tables are at "
	             "version 7, this one knows 1): upgrade this program. Nothing was changed\n");
	cr_assert_not(stage_has_table("d"));
	cr_assert_eq(stage_cli("status --exit-code"), 3);
}

Test(migrate_history, tables_of_a_sluice_without_a_history_are_taken_as_they_are)
{
	database_run(stage.connection,
	             "DROP TABLE sluice.schema_migrations_history, schema_migrations_history");
	stage_expect("up", CLI_OK, "", "no change\n");
	stage_expect("adopt", CLI_OK, "", "1 adopted\n2 adopted\n3 adopted\n");
}

/* ---- rights ---- */

/* The conninfo of a new role with these rights. Free it. */
static char *as_reader(const char *dsn, const char *grants)
{
	char *sql;
	char *reader;

	cr_assert_gt(
		asprintf(&sql,
	                 "DROP OWNED BY reader; DROP ROLE reader; CREATE ROLE reader LOGIN; %s",
	                 grants),
		0);
	database_run(stage.connection,
	             "DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN END $$");
	database_run(stage.connection, sql);
	cr_assert_gt(asprintf(&reader, "%s user=reader", dsn), 0);
	free(sql);
	return reader;
}

Test(migrate_history, a_role_that_only_reads_has_version_and_status_and_is_told_its_grant)
{
	char *former = stage.dsn;

	stage_add_table("0004", "d");
	stage.dsn = as_reader(former, "GRANT SELECT ON schema_migrations TO reader");
	stage_expect("version", CLI_OK, "3\n", "");
	stage_expect("status", CLI_FAILED, "",
	             "error: can't read the history of migrations: permission denied for table "
	             "schema_migrations_history (SQLSTATE 42501). An owner may help: GRANT SELECT "
	             "ON schema_migrations_history TO reader\n");
	free(stage.dsn);
	stage.dsn = as_reader(former,
	                      "GRANT SELECT ON schema_migrations, schema_migrations_history TO "
	                      "reader; GRANT USAGE ON SCHEMA sluice TO reader; GRANT SELECT ON ALL "
	                      "TABLES IN SCHEMA sluice TO reader");
	cr_assert_eq(stage_cli("status"), CLI_OK, "%s", stage.err);
	stage_expect(
		"up", CLI_FAILED, "",
		"error: 0004_d.up.sql:1: permission denied for schema public (SQLSTATE 42501). "
		"Nothing of this script was applied: mend the cause and run again. An owner may "
		"help: GRANT CREATE ON SCHEMA public TO reader\n");
	free(stage.dsn);
	stage.dsn = former;
	database_run(stage.connection, "DROP OWNED BY reader; DROP ROLE reader");
}

Test(migrate_history, a_role_that_does_not_own_sluices_tables_migrates_its_own)
{
	char *former = stage.dsn;

	stage.dsn = as_reader(former, "CREATE SCHEMA reader AUTHORIZATION reader; GRANT USAGE ON "
	                              "SCHEMA sluice TO reader");
	stage_expect("up", CLI_OK, "", "1/u a (N ms)\n2/u b (N ms)\n3/u c (N ms)\n");
	cr_assert(stage_has_table("reader.a"));
	free(stage.dsn);
	stage.dsn = former;
	database_run(stage.connection, "DROP OWNED BY reader; DROP ROLE reader");
}
