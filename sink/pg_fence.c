/* SPDX-License-Identifier: MIT */
/* pg_fence.c - the fence's two statements. 1/count(*) is the shortest way to fail: it needs no
 * function in the database, and reading `moved` makes the update happen first. */
#include "sink/pg_fence.h"

#include <stdio.h>

enum {
	NUMBER_SIZE_MAX = 21, /* of a printed uint64_t and a comma */
};

const char slu_fence_open_sql[] =
	"INSERT INTO sluice.lane AS l (generation, epoch, applied) VALUES ($1::uuid, 1, "
	"$2::bigint[]) ON CONFLICT (generation) DO UPDATE SET epoch = l.epoch + 1 "
	"RETURNING epoch, applied";

const char slu_fence_move_sql[] =
	"WITH moved AS (UPDATE sluice.lane SET applied = $4::bigint[] WHERE generation = "
	"$1::uuid AND epoch = $2::bigint AND applied = $3::bigint[] RETURNING 1) "
	"SELECT 1 / count(*) FROM moved";

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

static void print_uuid(struct slu_buffer *text, const struct sluice_uuid *uuid)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * sizeof(uuid->bytes)];
	size_t index;

	for (index = 0; index < sizeof(uuid->bytes); index++) {
		hex[2 * index] = digits[uuid->bytes[index] >> 4];
		hex[2 * index + 1] = digits[uuid->bytes[index] & 15];
	}
	slu_buffer_put_text(text, "'");
	slu_buffer_put(text, hex, sizeof(hex)); /* Postgres reads a uuid without hyphens, too */
	slu_buffer_put_text(text, "'::uuid");
}

void slu_fence_print(struct slu_buffer *text, const struct sluice_uuid *generation, uint64_t epoch,
                     const uint64_t *from, const uint64_t *to, size_t lane_count)
{
	char number[NUMBER_SIZE_MAX + 1];

	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)epoch);
	slu_buffer_put_text(text, "WITH moved AS (UPDATE sluice.lane SET applied = ");
	print_positions(text, to, lane_count);
	slu_buffer_put_text(text, " WHERE generation = ");
	print_uuid(text, generation);
	slu_buffer_put_text(text, " AND epoch = ");
	slu_buffer_put_text(text, number);
	slu_buffer_put_text(text, " AND applied = ");
	print_positions(text, from, lane_count);
	slu_buffer_put_text(text, " RETURNING 1) SELECT 1 / count(*) FROM moved");
}

size_t slu_fence_print_size(size_t lane_count)
{
	return 256 + 2 * lane_count * NUMBER_SIZE_MAX;
}
