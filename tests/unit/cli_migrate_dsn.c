/* SPDX-License-Identifier: MIT */
/* cli_migrate_dsn.c - golang-migrate's database URLs, taken apart. */
#include "cli/migrate_dsn.h"

#include <criterion/criterion.h>

static struct slu_migrate_dsn dsn;
static struct sluice_error error;

static void clean(void)
{
	slu_migrate_dsn_free(&dsn);
}

TestSuite(cli_migrate_dsn, .fini = clean);

static void read_ok(const char *text, const char *conninfo)
{
	slu_migrate_dsn_free(&dsn);
	cr_assert_eq(slu_migrate_dsn_read(&dsn, text, &error), SLUICE_OK, "%s: %s", text,
	             error.message);
	cr_assert_str_eq(dsn.conninfo, conninfo);
}

static void read_refused(const char *text, const char *message)
{
	slu_migrate_dsn_free(&dsn);
	cr_assert_eq(slu_migrate_dsn_read(&dsn, text, &error), SLUICE_INVALID, "%s", text);
	cr_assert_str_eq(error.message, message);
}

Test(cli_migrate_dsn, every_scheme_becomes_libpqs)
{
	read_ok("postgres://u@h/d", "postgresql://u@h/d");
	read_ok("postgresql://u@h/d?sslmode=require", "postgresql://u@h/d?sslmode=require");
	read_ok("pgx5://u@h/d", "postgresql://u@h/d");
	read_ok("pgx4://", "postgresql://");
	read_ok("pgx://h", "postgresql://h");
}

Test(cli_migrate_dsn, what_is_no_url_is_passed_on)
{
	read_ok("host=x password='?x-y=1'", "host=x password='?x-y=1'");
	read_ok("", "");
}

Test(cli_migrate_dsn, own_keys_are_taken_out_wherever_they_stand)
{
	read_ok("postgres:///d?x-statement-timeout=1500&sslmode=disable&x-multi-statement=true&"
	        "connect_timeout=3&x-lock-strategy=advisory",
	        "postgresql:///d?sslmode=disable&connect_timeout=3");
	cr_assert_eq(dsn.statement_timeout_ns, UINT64_C(1500000000));
	cr_assert_null(dsn.version_table);
	read_ok("postgres:///d?x-migrations-table=moves", "postgresql:///d");
	cr_assert_str_eq(dsn.version_table, "moves");
	cr_assert_null(dsn.version_schema);
}

Test(cli_migrate_dsn, a_table_without_quotes_is_one_name)
{
	read_ok("postgres:///d?x-migrations-table=a.b", "postgresql:///d");
	cr_assert_str_eq(dsn.version_table, "a.b");
	cr_assert_null(dsn.version_schema);
}

Test(cli_migrate_dsn, quoted_names_may_have_a_schema)
{
	read_ok("postgres:///d?x-migrations-table-quoted=true&x-migrations-table=%22a b%22.%22c%22",
	        "postgresql:///d");
	cr_assert_str_eq(dsn.version_schema, "a b");
	cr_assert_str_eq(dsn.version_table, "c");
	read_ok("postgres:///d?x-migrations-table=\"c\"&x-migrations-table-quoted=1",
	        "postgresql:///d");
	cr_assert_null(dsn.version_schema);
	cr_assert_str_eq(dsn.version_table, "c");
	read_refused("postgres:///d?x-migrations-table=c&x-migrations-table-quoted=1",
	             "x-migrations-table-quoted goes with x-migrations-table=\"table\" or "
	             "\"schema\".\"table\", quotes included");
	read_refused(
		"postgres:///d?x-migrations-table=\"a\".\"b\".\"c\"&x-migrations-table-quoted=1",
		"x-migrations-table-quoted goes with x-migrations-table=\"table\" or "
		"\"schema\".\"table\", quotes included");
}

Test(cli_migrate_dsn, keys_that_can_not_be_honoured_are_refused_by_name)
{
	read_refused("postgres://u:secret@/d?x-lock-strategy=table",
	             "x-lock-strategy: only advisory locks are taken. Leave the key out, here and "
	             "for the other tool");
	read_refused("postgres:///d?x-new-thing=1", "x-new-thing is not known: leave it out");
	read_refused("postgres:///d?x-statement-timeout=soon",
	             "x-statement-timeout takes milliseconds, up to 2147483647");
}
