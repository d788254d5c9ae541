/* SPDX-License-Identifier: MIT */
/* pg_server.c - system identifier and timeline. */
#include "sink/pg_server.h"

#include <stdlib.h>

/* The control file learns of a timeline with the next checkpoint only; the log being written is
 * always the present one's. */
const char slu_server_sql[] = "SELECT (SELECT system_identifier FROM pg_control_system()), "
			      "CASE WHEN pg_is_in_recovery() THEN '0' "
			      "ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END";

enum {
	SYSTEM_COLUMN,
	TIMELINE_COLUMN,
	HEXADECIMAL = 16,
};

void slu_server_read(struct slu_server *server, const PGresult *result)
{
	server->system = strtoull(PQgetvalue(result, 0, SYSTEM_COLUMN), NULL, 10);
	server->timeline = (uint32_t)strtoul(PQgetvalue(result, 0, TIMELINE_COLUMN), NULL,
	                                     HEXADECIMAL);
}

bool slu_server_follows(const struct slu_server *before, const struct slu_server *now,
                        struct slu_trouble *trouble)
{
	if (before->system == 0)
		return true;
	if (before->system != now->system) {
		slu_trouble_set(trouble, SLU_HALT,
		                "another server answers: its system identifier is %llu, and %llu "
		                "was written to before. Connect to the right one; if the database "
		                "was moved there, restart the engine",
		                (unsigned long long)now->system,
		                (unsigned long long)before->system);
		return false;
	}
	if (now->timeline < before->timeline) {
		slu_trouble_set(trouble, SLU_RETRY,
		                "a former primary answers, or a standby: it is on timeline %u, and "
		                "%u was written to before",
		                (unsigned)now->timeline, (unsigned)before->timeline);
		return false;
	}
	return true;
}

bool slu_server_moved(const struct slu_server *before, const struct slu_server *now)
{
	return before->system != 0 && now->timeline > before->timeline;
}
