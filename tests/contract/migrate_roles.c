/* SPDX-License-Identifier: MIT */
/* migrate_roles.c - what roles may do that do not own the database: read, and what is granted. */
#include "db/migrate/migrate.h"

#include "tests/contract/database.h"
#include "tests/script_directory.h"

#include <criterion/criterion.h>
#include <unistd.h>

static char *dsn;
static PGconn *connection;
static struct script_directory directory;
static struct sluice_error error;
static char role[32];
static char *role_dsn;

/* Roles belong to the server, and tests run side by side. */
static void make(void)
{
	char sql[128];

	directory = script_directory_make();
	script_directory_add(&directory, "1_a.up.sql", "CREATE TABLE a (id int)");
	dsn = database_create(false);
	connection = database_connect(dsn);
	snprintf(role, sizeof(role), "role_%ld", (long)getpid());
	snprintf(sql, sizeof(sql), "CREATE ROLE %s LOGIN", role);
	database_run(connection, sql);
	cr_assert_gt(asprintf(&role_dsn, "%s user=%s", dsn, role), 0);
}

static void clean(void)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "DROP OWNED BY %s; DROP ROLE %s", role, role);
	database_run(connection, sql);
	free(role_dsn);
	PQfinish(connection);
	database_drop(dsn);
	script_directory_remove(&directory);
}

TestSuite(migrate_roles, .init = make, .fini = clean);

static struct sluice_migrate_options options_for(const char *conninfo)
{
	return (struct sluice_migrate_options){.conninfo = conninfo, .directory = directory.path};
}

static enum sluice_status up(const char *conninfo)
{
	struct sluice_migrate_options options = options_for(conninfo);

	return slu_migrate_up(&options, SLU_MIGRATE_ALL, NULL, &error);
}

static int64_t version(const char *conninfo)
{
	struct sluice_migrate_options options = options_for(conninfo);
	struct slu_migrate_state state;

	cr_assert_eq(slu_migrate_version(&options, &state, &error), SLUICE_OK, "%s", error.message);
	return state.version;
}

/* What the last error wants to be run: from its GRANT to its end. */
static const char *wanted(void)
{
	const char *grant = strstr(error.message, "GRANT ");

	cr_assert_not_null(grant, "%s", error.message);
	return grant;
}

static void grant_reading(void)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	         "GRANT USAGE ON SCHEMA public, sluice TO %s; "
	         "GRANT SELECT ON ALL TABLES IN SCHEMA public, sluice TO %s",
	         role, role);
	database_run(connection, sql);
}

Test(migrate_roles, one_that_may_only_read_reads_version_and_status)
{
	struct sluice_migrate_options options = options_for(role_dsn);
	bool attention = false;
	char *text = NULL;
	size_t size;
	FILE *answer = open_memstream(&text, &size);

	cr_assert_eq(up(dsn), SLUICE_OK, "%s", error.message);
	script_directory_add(&directory, "2_b.up.sql", "CREATE TABLE b (id int)");
	grant_reading();
	cr_assert_eq(version(role_dsn), 1);
	cr_assert_eq(slu_migrate_status(&options, answer, &attention, &error), SLUICE_OK, "%s",
	             error.message);
	fclose(answer);
	cr_assert(attention);
	cr_assert_not_null(strstr(text, "version 1;"), "%s", text);
	cr_assert_not_null(strstr(text, "2  b  pending\n"), "%s", text);
	free(text);
}

Test(migrate_roles, one_that_may_only_read_is_told_the_grant_for_up_and_changes_nothing)
{
	char expected[128];

	cr_assert_eq(up(dsn), SLUICE_OK, "%s", error.message);
	script_directory_add(&directory, "2_b.up.sql", "CREATE TABLE b (id int)");
	grant_reading();
	cr_assert_eq(up(role_dsn), SLUICE_FAILED);
	snprintf(expected, sizeof(expected), "GRANT CREATE ON SCHEMA public TO %s", role);
	cr_assert_str_eq(wanted(), expected, "%s", error.message);
	cr_assert_not_null(strstr(error.message, "SQLSTATE 42501"), "%s", error.message);
	cr_assert_eq(version(dsn), 1);
	cr_assert_eq(database_query_int(connection, "SELECT (to_regclass('b') IS NULL)::int"), 1);
}

Test(migrate_roles, one_without_any_right_is_told_the_grant_for_version)
{
	struct sluice_migrate_options options = options_for(role_dsn);
	struct slu_migrate_state state;
	char expected[128];

	cr_assert_eq(up(dsn), SLUICE_OK, "%s", error.message);
	cr_assert_eq(slu_migrate_version(&options, &state, &error), SLUICE_FAILED);
	snprintf(expected, sizeof(expected), "GRANT SELECT ON schema_migrations TO %s", role);
	cr_assert_str_eq(wanted(), expected, "%s", error.message);
	database_run(connection, wanted());
	cr_assert_eq(version(role_dsn), 1);
}

/* Each refusal names what is missing as a statement that can be run as it is. */
Test(migrate_roles, one_gets_to_up_by_the_grants_that_it_is_told)
{
	size_t grants = 0;

	while (up(role_dsn) != SLUICE_OK) {
		database_run(connection, wanted());
		cr_assert_lt(++grants, 5, "%s", error.message);
	}
	cr_assert_eq(grants, 2); /* on the database and on its schema public */
	cr_assert_eq(version(dsn), 1);
}
