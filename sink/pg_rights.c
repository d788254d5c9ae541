/* SPDX-License-Identifier: MIT */
/* pg_rights.c - the question, in one statement. */
#include "sink/pg_rights.h"

#include <stdio.h>

/* Also what the role could make itself (SET ROLE), so membership counts, not inheritance. To a
 * superuser everything is open: then that is all that is told. Predefined roles that only look at
 * statistics are let pass. Nothing here can fail: that would fail the session. */
const char slu_rights_sql[] =
	"WITH mine AS (SELECT * FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')) "
	"SELECT session_user, CASE WHEN bool_or(rolsuper) THEN 'superuser' ELSE concat_ws(', ', "
	"CASE WHEN bool_or(rolcreatedb) THEN 'CREATEDB' END, "
	"CASE WHEN bool_or(rolcreaterole) THEN 'CREATEROLE' END, "
	"CASE WHEN bool_or(rolreplication) THEN 'REPLICATION' END, "
	"CASE WHEN bool_or(rolbypassrls) THEN 'BYPASSRLS' END, "
	"string_agg(CASE WHEN rolname LIKE 'pg\\_%' AND rolname NOT IN ('pg_monitor', "
	"'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables', "
	"'pg_use_reserved_connections') THEN 'member of ' || rolname END, ', ' ORDER BY rolname), "
	"CASE WHEN has_database_privilege(session_user, current_database(), 'CREATE') "
	"THEN 'CREATE on the database' END, "
	"(SELECT 'owner of ' || min(c.oid::regclass::text) || "
	"CASE WHEN count(*) > 1 THEN ' and other tables' ELSE '' END "
	"FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' "
	"AND c.relowner IN (SELECT oid FROM mine) HAVING count(*) > 0), "
	"(SELECT 'DELETE or TRUNCATE on sluice.lane' "
	"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
	"WHERE n.nspname = 'sluice' AND c.relname = 'lane' "
	"AND has_table_privilege(session_user, c.oid, 'DELETE, TRUNCATE'))"
	") END FROM mine";

enum {
	ROLE_COLUMN,
	RIGHTS_COLUMN,
};

bool slu_rights_read(const PGresult *result, char text[SLU_RIGHTS_TEXT_SIZE])
{
	const char *rights = PQgetvalue(result, 0, RIGHTS_COLUMN);

	if (rights[0] == '\0')
		return false;
	(void)snprintf(text, SLU_RIGHTS_TEXT_SIZE,
	               "role %.63s may do more than the sink needs (db/roles/sluice_writer.sql "
	               "makes one that may not): %s",
	               PQgetvalue(result, 0, ROLE_COLUMN), rights);
	return true;
}
