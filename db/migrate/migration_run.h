/* SPDX-License-Identifier: MIT */
/*
 * migration_run.h - one set on one connection: where the database stands, and the step from there
 * to the next version.
 *
 *      open -> attach -> [look -> step]* -> close
 *
 * A step begins its transaction, takes the lock, looks again, and gives up with SLUICE_CONFLICT if
 * the database is not where the last look found it. So nothing is held between steps, and who plans
 * wrongly has done nothing.
 */
#ifndef DB_MIGRATE_MIGRATION_RUN_H
#define DB_MIGRATE_MIGRATION_RUN_H

#include "db/migrate/migrate.h"
#include "db/migrate/migration_history.h"
#include "db/migrate/migration_ledger.h"
#include "db/migrate/migration_lock.h"
#include "db/migrate/migration_script.h"
#include "db/migrate/migration_watch.h"

#include <libpq-fe.h>

/* As golang-migrate's */
#define SLU_MIGRATION_TABLE "schema_migrations"

/* The schema of the library set. */
#define SLU_MIGRATION_LIBRARY_SCHEMA "sluice"

enum slu_migration_kind { SLU_USER_SET, SLU_LIBRARY_SET };

struct slu_migration_run {
	const struct sluice_migrate_options *options;
	struct slu_migration_watch watch;
	enum slu_migration_kind kind;
	struct slu_migration_set set;
	PGconn *connection; /* the caller's */
	struct slu_migration_lock lock;
	char *schema;                     /* of the version table */
	char *table;                      /* with its schema, quoted for SQL */
	char *history;                    /* likewise */
	char sqlstate[SLU_SQLSTATE_SIZE]; /* of the last failure; "" for none */
	/* What the last look found. */
	bool table_exists;
	bool history_exists;
	struct slu_migrate_state state;
	struct slu_migration_history past;
	struct slu_migration_ledger ledger;
};

enum slu_direction { SLU_UP, SLU_DOWN };

struct slu_migration_step {
	enum slu_direction direction;
	const struct slu_migration *files;
	int64_t version;  /* the database's afterwards */
	int64_t previous; /* in place below that of the files, -1 for none */
};

static inline const struct slu_migration_script *
slu_migration_side(const struct slu_migration *migration, enum slu_direction direction)
{
	return direction == SLU_UP ? &migration->up : &migration->down;
}

/* Connects as the options say. Returns SLUICE_INVALID for a conninfo that can't be read. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_connect(const struct sluice_migrate_options *options, PGconn **connection,
                      struct sluice_error *error);

/* Reads the files of the set; of no connection yet. Close the run also when something fails. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_run_open(struct slu_migration_run *run, enum slu_migration_kind kind,
                       const struct sluice_migrate_options *options, struct sluice_error *error);

/* The same without files. */
void slu_migration_run_open_bare(struct slu_migration_run *run,
                                 const struct sluice_migrate_options *options);

/* Finds out which tables are meant. The version table of a user set may not be in the library's
 * schema. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_attach(struct slu_migration_run *run,
                                                              PGconn *connection,
                                                              struct sluice_error *error);
void slu_migration_run_close(struct slu_migration_run *run);

/* Fills `run->state`. A table that does not exist yet is a database without a version. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_read(struct slu_migration_run *run,
                                                            struct sluice_error *error);

/* Reads also the history, and makes the ledger. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_look(struct slu_migration_run *run,
                                                            struct sluice_error *error);

/* Returns SLUICE_INVALID, with what to do, when the database is dirty: when the last look found it so,
 * and it is still so after those have ended who may be at it. SLUICE_TIMEOUT when they don't.
 * Progress: blocking. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_settle(struct slu_migration_run *run,
                                                              struct sluice_error *error);

/* Runs the script of `step` and makes `step->version` the database's: both or neither, unless the
 * script has to be alone (migration_alone.h). A step without a script only moves the version.
 * Returns SLUICE_CONFLICT when another run was quicker: nothing happened, look again. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_step(struct slu_migration_run *run,
                                                            const struct slu_migration_step *step,
                                                            struct sluice_error *error);

/* ---- parts of a step ---- */

/* Begins a transaction that holds the lock and has seen what the last look saw. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_begin(struct slu_migration_run *run,
                                                             struct sluice_error *error);

/* Returns SLUICE_CONFLICT unless the database is where the last look found it. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_unmoved(struct slu_migration_run *run,
                                                               struct sluice_error *error);

/* Sets the options' statement timeout for the session. Undone by a ROLLBACK, or when the version is
 * written. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_limit(struct slu_migration_run *run,
                                                             struct sluice_error *error);

/* Returns SLUICE_CONFLICT, with a sentence that says so. */
enum sluice_status slu_migration_run_moved(struct sluice_error *error);

/* Inside a transaction: makes the tables if they are missing, and writes the version. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_write(struct slu_migration_run *run,
                                                             struct slu_migrate_state state,
                                                             struct sluice_error *error);

/* Inside the transaction that wrote the version: writes the event, and as lost what the history
 * holds above the version `above`. */
SLUICE_MUST_CHECK enum sluice_status
slu_migration_run_remember(struct slu_migration_run *run, const struct slu_migration_event *event,
                           int64_t above, struct sluice_error *error);

/* `what` names what the transaction holds, for the error. */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_commit(struct slu_migration_run *run,
                                                              const char *what,
                                                              struct sluice_error *error);

/* Rolls back, and adds to `error` which GRANT is missing, if one is. */
void slu_migration_run_roll_back(struct slu_migration_run *run, struct sluice_error *error);

/* `doing` completes "can't ..". */
SLUICE_MUST_CHECK enum sluice_status slu_migration_run_command(struct slu_migration_run *run,
                                                               const char *doing, const char *sql,
                                                               struct sluice_error *error);

/* The event of a step. */
struct slu_migration_event slu_migration_event_of(const struct slu_migration_step *step,
                                                  uint64_t duration_ns);

/* Tells the progress: 1/u create_orders (14.2ms). */
void slu_migration_run_tell(const struct slu_migration_run *run,
                            const struct slu_migration_step *step, uint64_t duration_ns);

#endif
