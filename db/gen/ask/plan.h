/* SPDX-License-Identifier: MIT */
/* plan.h - what a plan tells about NULLs that joins make. */
#ifndef DB_GEN_ASK_PLAN_H
#define DB_GEN_ASK_PLAN_H

#include <jansson.h>
#include <stdbool.h>

struct slu_plan {
	bool opaque;      /* a part can't be seen through, or groups are filled up with NULLs */
	bool outer;       /* a join has a nullable side */
	bool combined;    /* rows of several sources: Append, a set operation, a CTE */
	json_t *seen;     /* [{"schema": .., "name": ..}]: the tables in it */
	json_t *nullable; /* those of them on a nullable side */
	bool counts;      /* to be set: count() is the server's, and nobody's own */
	bool lateral;     /* the statement says LATERAL: a side may give out another's columns */
};

/* Reads a plan from its root, the object with "Output". False when memory is short. */
bool slu_plan_read(struct slu_plan *plan, const json_t *root, bool lateral);
void slu_plan_free(struct slu_plan *plan);

/* Whether the expression in column number `column` of the root's output is never
 * NULL for certain. */
bool slu_plan_proves(const struct slu_plan *plan, const json_t *root, size_t column);

#endif
