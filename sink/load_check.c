/* SPDX-License-Identifier: MIT */
/*
 * load_check.c - does the set fit the server, beside all who are there already?
 *
 * What a role without more rights sees of pg_stat_activity is whose a session is, not what it does:
 * enough to count. Parallel workers of others may be counted along; they don't stay.
 */
#include "sink/load_set.h"
#include "sink/pg_buffer.h"

#include <sluice/sink.h>

/* Kept free: for a sink that reconnects while its old session lingers, and for an operator. */
#define SPARE 2

enum { MOST, RESERVED, USED, ROLE_MOST, ROLE_USED, DATABASE_MOST, DATABASE_USED, STANDBY };

/* -1: no limit. A superuser has none of its own, and may take what is reserved. */
static const char limits_sql[] =
	"WITH others AS ("
	"SELECT datid, usesysid FROM pg_catalog.pg_stat_activity "
	"WHERE datid IS NOT NULL AND usesysid IS NOT NULL "
	"AND coalesce(backend_type, 'client backend') = 'client backend'"
	") SELECT current_setting('max_connections')::bigint, "
	"CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::bigint "
	"+ coalesce(current_setting('reserved_connections', true)::bigint, 0) END, "
	"(SELECT count(*) FROM others), "
	"CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END::bigint, "
	"(SELECT count(*) FROM others WHERE usesysid = r.oid), "
	"CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END::bigint, "
	"(SELECT count(*) FROM others WHERE datid = d.oid), "
	"pg_catalog.pg_is_in_recovery()::int::bigint "
	"FROM pg_catalog.pg_roles r, pg_catalog.pg_database d "
	"WHERE r.rolname = session_user AND d.datname = current_database()";

static int64_t number(const PGresult *result, int column)
{
	return (int64_t)slu_read_be64((const unsigned char *)PQgetvalue(result, 0, column));
}

/* One of the three ceilings. `spare`: what must stay free below it. */
struct ceiling {
	const char *what, *remedy;
	int64_t most, used, spare;
};

static enum sluice_status stand_below(const struct ceiling *ceiling, uint64_t connections,
                                      struct sluice_error *error)
{
	int64_t more = (int64_t)connections - 1; /* one is there, and counted */

	if (ceiling->most < 0 || ceiling->used + more + ceiling->spare <= ceiling->most)
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_FULL,
	                        "reader: a set of %llu connections does not fit: %s takes %lld, "
	                        "%lld are in use%s: open it with fewer, or %s",
	                        (unsigned long long)connections, ceiling->what,
	                        (long long)ceiling->most, (long long)ceiling->used,
	                        ceiling->spare > 0 ? " and 2 are to stay free" : "",
	                        ceiling->remedy);
}

enum sluice_status slu_set_check(struct sluice_reader *reader, struct slu_seat *seat,
                                 uint64_t until_ns, struct sluice_error *error)
{
	struct slu_question question = {.where = "connection limits", .sql = limits_sql};
	uint64_t connections = reader->terms.options.connections;
	struct ceiling ceilings[] = {
		{.what = "the server (max_connections less those reserved)",
	         .remedy = "raise max_connections",
	         .spare = SPARE},
		{.what = "the role", .remedy = "ALTER ROLE .. CONNECTION LIMIT"},
		{.what = "the database", .remedy = "ALTER DATABASE .. CONNECTION LIMIT"},
	};
	PGresult *result;
	enum sluice_status status = slu_seat_ask(seat, &question, until_ns, &result, error);

	if (status != SLUICE_OK)
		return status;
	if (PQntuples(result) != 1) {
		PQclear(result);
		return sluice_error_set(error, SLUICE_FAILED,
		                        "connection limits: the server does not tell them");
	}
	for (int i = 0; i < 3; i++) {
		static const int most[] = {MOST, ROLE_MOST, DATABASE_MOST};
		static const int used[] = {USED, ROLE_USED, DATABASE_USED};

		ceilings[i].most = number(result, most[i]);
		ceilings[i].used = number(result, used[i]);
	}
	ceilings[0].most -= number(result, RESERVED);
	reader->stats.server_connections = (uint64_t)ceilings[0].most;
	reader->stats.server_in_use = (uint64_t)ceilings[0].used;
	reader->stats.standby = number(result, STANDBY) != 0;
	PQclear(result);
	for (int i = 0; i < 3 && status == SLUICE_OK; i++)
		status = stand_below(&ceilings[i], connections, error);
	return status;
}
