/* SPDX-License-Identifier: MIT */
/*
 * pg_claim.c - a session makes the row of its run its own, in two steps.
 *
 * Why not in one: what a process sent stands in the server's socket when the process dies, and may
 * be read after its successor has come. A claim that is good only for the epoch that was seen is
 * then good for nothing, instead of taking the run from the living for the dead.
 */
#include "sink/pg_claim.h"

#include "sink/pg_array.h"
#include "sink/pg_fence.h"

enum {
	EPOCH_COLUMN = 0,
	OWNED_COLUMN = 1,   /* of a look */
	APPLIED_COLUMN = 1, /* of a claim */
	SEALED_COLUMN = 2,
};

/* ---- sending ---- */

/* The parameters that the statements of the fence begin with, and room for one more. */
struct claim {
	unsigned char owner[sizeof(uint64_t)];
	const char *values[3];
	int sizes[3];
};

static void fill_claim(struct claim *claim, const struct slu_target *target)
{
	const struct sluice_uuid *id = &target->generation->id;

	slu_write_be64(claim->owner, target->chance);
	claim->values[0] = (const char *)id->bytes;
	claim->sizes[0] = sizeof(id->bytes);
	claim->values[1] = (const char *)claim->owner;
	claim->sizes[1] = sizeof(claim->owner);
}

static bool send_claim(const struct slu_connection *connection, const char *sql,
                       const struct claim *claim, int count)
{
	static const int formats[] = {1, 1, 1};

	return PQsendQueryParams(connection->pg, sql, count, NULL, claim->values, claim->sizes,
	                         formats, 1) == 1;
}

bool slu_claim_look(const struct slu_connection *connection)
{
	struct claim claim;

	fill_claim(&claim, connection->target);
	return send_claim(connection, slu_fence_look_sql, &claim, 2);
}

static bool make(const struct slu_connection *connection, struct claim *claim)
{
	size_t lane_count = connection->target->generation->lane_count;
	struct slu_buffer zeros;
	bool sent = false;

	slu_buffer_init(&zeros, SIZE_MAX);
	memset(connection->applied, 0, lane_count * sizeof(*connection->applied));
	slu_array_put_positions(&zeros, connection->applied, lane_count);
	if (zeros.failure == SLU_BUFFER_FINE) {
		claim->values[2] = (const char *)zeros.bytes;
		claim->sizes[2] = (int)zeros.size;
		sent = send_claim(connection, slu_fence_make_sql, claim, 3);
	}
	slu_buffer_free(&zeros);
	return sent;
}

/* `connection->epoch` is the one that was seen. */
static bool take(const struct slu_connection *connection, struct claim *claim)
{
	unsigned char epoch[sizeof(uint64_t)];

	slu_write_be64(epoch, connection->epoch);
	claim->values[2] = (const char *)epoch;
	claim->sizes[2] = sizeof(epoch);
	return send_claim(connection, slu_fence_take_sql, claim, 3);
}

bool slu_claim_take(const struct slu_connection *connection)
{
	struct claim claim;

	fill_claim(&claim, connection->target);
	return send_claim(connection, slu_fence_end_sql, &claim, 1) &&
	       (connection->found ? take(connection, &claim) : make(connection, &claim));
}

/* ---- answers ---- */

static const unsigned char *bytes_of(const PGresult *result, int column)
{
	return (const unsigned char *)PQgetvalue(result, 0, column);
}

enum slu_progress slu_claim_found(struct slu_connection *connection, const PGresult *result)
{
	const struct slu_target *target = connection->target;
	char name[SLU_RUN_NAME_SIZE];

	(void)slu_fence_run_name(&target->generation->id, name);
	connection->found = PQntuples(result) == 1 &&
	                    PQgetlength(result, 0, EPOCH_COLUMN) == sizeof(uint64_t) &&
	                    PQgetlength(result, 0, OWNED_COLUMN) <= 1;
	if (!connection->found && target->generation->known) {
		slu_trouble_set(
			&connection->trouble, SLU_HALT,
			"the database has no row of run %s in sluice.lane, although the run "
			"wrote there: the row was deleted, or this is another database, or an "
			"older state of it. Connect to the right one, or restore the row",
			name);
		return SLU_STOPPED;
	}
	if (!connection->found)
		return SLU_PENDING;
	connection->epoch = slu_read_be64(bytes_of(result, EPOCH_COLUMN));
	if (target->owned && bytes_of(result, OWNED_COLUMN)[0] == 0) {
		slu_trouble_set(&connection->trouble, SLU_FENCED,
		                "another process has taken run %s over (sluice.lane.owner): this "
		                "one writes no more. Was its lane file copied or moved?",
		                name);
		return SLU_STOPPED;
	}
	return SLU_PENDING;
}

enum slu_progress slu_claim_ended(const struct slu_connection *connection, const PGresult *result)
{
	const struct slu_target *target = connection->target;

	if (PQntuples(result) > 0 && target->warn != NULL)
		target->warn(target->warn_context,
		             "a session left behind was still at work on the run, and was ended");
	return SLU_PENDING;
}

enum slu_progress slu_claim_taken(struct slu_connection *connection, const PGresult *result)
{
	const struct sluice_generation *generation = connection->target->generation;
	char name[SLU_RUN_NAME_SIZE];

	(void)slu_fence_run_name(&generation->id, name);
	if (PQntuples(result) == 0) {
		slu_trouble_set(&connection->trouble, SLU_RETRY,
		                "fence: run %s was claimed by another session meanwhile", name);
		return SLU_STOPPED;
	}
	if (PQgetlength(result, 0, EPOCH_COLUMN) != sizeof(uint64_t) ||
	    PQgetlength(result, 0, SEALED_COLUMN) != 1 ||
	    !slu_array_get_positions(bytes_of(result, APPLIED_COLUMN),
	                             (size_t)PQgetlength(result, 0, APPLIED_COLUMN),
	                             connection->applied, generation->lane_count)) {
		slu_trouble_set(
			&connection->trouble, SLU_HALT,
			"the row of run %s in sluice.lane does not hold one position for each "
			"of its %zu lanes: it was edited. Restore it",
			name, generation->lane_count);
		return SLU_STOPPED;
	}
	connection->epoch = slu_read_be64(bytes_of(result, EPOCH_COLUMN));
	connection->sealed = bytes_of(result, SEALED_COLUMN)[0] != 0;
	return SLU_PENDING;
}
