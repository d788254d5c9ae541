/* SPDX-License-Identifier: MIT */
/* pg_fence.c - the fence's statements. 1/count(*) is the shortest way to fail: it needs no function
 * in the database, and reading `moved` makes the update happen first. */
#include "sink/pg_fence.h"

#include <stdio.h>

enum {
	NUMBER_SIZE_MAX = 21, /* of a printed uint64_t and a comma */
};

/* Asked in each transaction: the server may be told otherwise between two. */
#define SYNCHRONOUS_SQL                                           \
	"current_setting('synchronous_standby_names') <> '' AND " \
	"current_setting('synchronous_commit') IN ('on', 'remote_write', 'remote_apply')"

const char slu_fence_look_sql[] =
	"SELECT epoch, owner = $2::bigint FROM sluice.lane WHERE generation = $1::uuid";

/* Who updates a row has its number in xmax, and a lock on that number. */
const char slu_fence_end_sql[] =
	"SELECT pg_terminate_backend(l.pid) FROM sluice.lane AS r JOIN pg_locks AS l "
	"ON l.locktype = 'transactionid' AND l.transactionid = r.xmax AND l.granted "
	"JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.usename = current_user "
	"WHERE r.generation = $1::uuid";

const char slu_fence_make_sql[] =
	"INSERT INTO sluice.lane (generation, epoch, owner, applied) VALUES ($1::uuid, 1, "
	"$2::bigint, $3::bigint[]) ON CONFLICT (generation) DO NOTHING "
	"RETURNING epoch, applied, sealed_at IS NOT NULL";

const char slu_fence_take_sql[] =
	"UPDATE sluice.lane SET epoch = epoch + 1, owner = $2::bigint WHERE generation = $1::uuid "
	"AND epoch = $3::bigint RETURNING epoch, applied, sealed_at IS NOT NULL";

const char slu_fence_move_sql[] =
	"WITH moved AS (UPDATE sluice.lane SET applied = $4::bigint[] WHERE generation = "
	"$1::uuid AND epoch = $2::bigint AND applied = $3::bigint[] AND sealed_at IS NULL "
	"RETURNING 1) SELECT 1 / count(*), " SYNCHRONOUS_SQL " FROM moved";

const char slu_fence_seal_sql[] =
	"WITH sealed AS (UPDATE sluice.lane SET sealed_at = now() WHERE generation = $1::uuid "
	"AND epoch = $2::bigint AND applied = $3::bigint[] AND sealed_at IS NULL RETURNING 1) "
	"SELECT 1 / count(*) FROM sealed";

const char *slu_fence_run_name(const struct sluice_uuid *generation, char name[SLU_RUN_NAME_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *out = name;
	size_t index;

	for (index = 0; index < sizeof(generation->bytes); index++) {
		if (index == 4 || index == 6 || index == 8 || index == 10)
			*out++ = '-';
		*out++ = digits[generation->bytes[index] >> 4];
		*out++ = digits[generation->bytes[index] & 15];
	}
	*out = '\0';
	return name;
}

static void print_positions(struct slu_buffer *text, const uint64_t *positions, size_t count)
{
	size_t index;

	slu_buffer_put_text(text, "'{");
	for (index = 0; index < count; index++) {
		char number[NUMBER_SIZE_MAX + 1];

		(void)snprintf(number, sizeof(number), "%s%llu", index > 0 ? "," : "",
		               (unsigned long long)positions[index]);
		slu_buffer_put_text(text, number);
	}
	slu_buffer_put_text(text, "}'::bigint[]");
}

void slu_fence_print(struct slu_buffer *text, const struct sluice_uuid *generation, uint64_t epoch,
                     const uint64_t *from, const uint64_t *to, size_t lane_count)
{
	char number[NUMBER_SIZE_MAX + 1];
	char name[SLU_RUN_NAME_SIZE];

	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)epoch);
	slu_buffer_put_text(text, "WITH moved AS (UPDATE sluice.lane SET applied = ");
	print_positions(text, to, lane_count);
	slu_buffer_put_text(text, " WHERE generation = '");
	slu_buffer_put_text(text, slu_fence_run_name(generation, name));
	slu_buffer_put_text(text, "'::uuid AND epoch = ");
	slu_buffer_put_text(text, number);
	slu_buffer_put_text(text, " AND applied = ");
	print_positions(text, from, lane_count);
	slu_buffer_put_text(text, " AND sealed_at IS NULL RETURNING 1) "
	                          "SELECT 1 / count(*), " SYNCHRONOUS_SQL " FROM moved");
}

size_t slu_fence_print_size(size_t lane_count)
{
	return 512 + 2 * lane_count * NUMBER_SIZE_MAX;
}
