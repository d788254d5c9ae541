/* SPDX-License-Identifier: MIT */
/* migration_script.c - which scripts can't be in a transaction. */
#include "db/migrate/migration_script.h"

#include <criterion/criterion.h>
#include <string.h>

static bool alone(const char *text)
{
	struct slu_migration_script script = {
		.file = (char *)"1_x.up.sql", .text = (char *)text, .size = strlen(text)};

	return slu_migration_script_alone(&script);
}

Test(migration_script, what_the_server_refuses_in_a_transaction_is_alone)
{
	static const char *const texts[] = {
		"CREATE INDEX CONCURRENTLY i ON t (a)",
		"create unique index concurrently if not exists i on t (a)",
		"SELECT 1; DROP INDEX CONCURRENTLY i",
		"REINDEX TABLE CONCURRENTLY t",
		"ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
		"VACUUM",
		"VACUUM (FULL) t",
		"ALTER SYSTEM SET work_mem = '1GB'",
		"CREATE DATABASE d",
		"DROP DATABASE d",
		"CREATE TABLESPACE s LOCATION '/x'",
		"DROP TABLESPACE s",
		"REINDEX DATABASE d",
		"REINDEX SCHEMA s",
		"CLUSTER",
		"CLUSTER;\nSELECT 1",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect(alone(texts[i]), "%s", texts[i]);
}

Test(migration_script, a_transaction_of_its_own_is_alone)
{
	static const char *const texts[] = {
		"BEGIN; SELECT 1; COMMIT", "START TRANSACTION; SELECT 1; END",
		"SELECT 1; ROLLBACK",      "PREPARE TRANSACTION 'x'",
		"COMMIT PREPARED 'x'",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect(alone(texts[i]), "%s", texts[i]);
}

Test(migration_script, all_else_is_part_of_ours)
{
	static const char *const texts[] = {
		"",
		"-- nothing",
		"CREATE INDEX i ON t (a)",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY m",
		"CLUSTER t USING i",
		"REINDEX TABLE t",
		"ALTER TYPE e ADD VALUE 'x'",
		"SAVEPOINT s; SELECT 1; ROLLBACK TO s",
		"PREPARE q AS SELECT 1",
		"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
		"SELECT 'CREATE INDEX CONCURRENTLY'; -- VACUUM",
		"COMMENT ON TABLE t IS 'BEGIN'",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_not(alone(texts[i]), "%s", texts[i]);
}

Test(migration_script, the_directive_stands_on_a_line_of_its_own_before_the_first_statement)
{
	cr_expect(alone("-- sluice: no-transaction\nSELECT 1"));
	cr_expect(alone("-- Why.\n-- sluice: no-transaction \r\n\nSELECT 1"));
	cr_expect_not(alone("SELECT 1;\n-- sluice: no-transaction\nSELECT 2"));
	cr_expect_not(alone("-- sluice: no-transactions\nSELECT 1"));
	cr_expect_not(alone("-- not: -- sluice: no-transaction\nSELECT 1"));
}
