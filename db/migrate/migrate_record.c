/* SPDX-License-Identifier: MIT */
/* migrate_record.c - sets straight what is known of a database, and runs nothing: force, adopt,
 * repair. One transaction each, under the lock. */
#include "db/migrate/migrate.h"

#include "db/migrate/migrate_call.h"

#include <sluice/sink.h>

#include <inttypes.h>
#include <string.h>

/* ---- force ---- */

static enum sluice_status write_forced(struct slu_migration_run *run, int64_t version,
                                       struct sluice_error *error)
{
	struct slu_migration_event event = {
		.action = "force", .version = version, .previous_version = run->state.version};
	int64_t above = version < run->state.version ? version : run->state.version;
	enum sluice_status status = slu_migration_run_begin(run, error);

	if (status != SLUICE_OK)
		return status;
	status = slu_migration_run_write(run, (struct slu_migrate_state){.version = version},
	                                 error);
	if (status == SLUICE_OK)
		status = slu_migration_run_remember(run, &event, above, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_commit(run, "the version", error);
	if (status != SLUICE_OK)
		slu_migration_run_roll_back(run, error);
	return status;
}

enum sluice_status slu_migrate_force(const struct sluice_migrate_options *options, int64_t version,
                                     struct sluice_error *error)
{
	struct slu_migrate_call call;
	enum sluice_status status = slu_migrate_call_begin(&call, options, error);

	if (status == SLUICE_OK && version >= 0 &&
	    slu_migration_set_find(&call.run.set, version) == call.run.set.count)
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "no migration found for version %" PRId64
		                          " to force: from there no command would go on. `sluice "
		                          "migrate status` lists them; -1 is none",
		                          version);
	if (status == SLUICE_OK)
		status = slu_migration_run_look(&call.run, error);
	if (status == SLUICE_OK)
		status = write_forced(&call.run, version, error);
	slu_migrate_call_end(&call);
	return status;
}

/* ---- adopt, repair ---- */

typedef bool (*choice)(const struct slu_migration_line *line, int64_t version,
                       struct slu_migration_event *event);

static bool adopts(const struct slu_migration_line *line, int64_t version,
                   struct slu_migration_event *event)
{
	if (version >= 0 ? line->version != version : line->standing != SLU_UNVERIFIED)
		return false;
	*event = (struct slu_migration_event){
		.action = "adopt", .version = line->version, .files = line->files};
	return line->standing == SLU_UNVERIFIED || line->standing == SLU_OUT_OF_ORDER;
}

/* The database's own version can't be forgotten: that is for force to say. */
static bool repairs(const struct slu_migration_line *line, int64_t version,
                    struct slu_migration_event *event)
{
	bool modified = line->standing == SLU_MODIFIED;

	*event = (struct slu_migration_event){.action = modified ? "repair" : "lost",
	                                      .version = line->version,
	                                      .files = line->files};
	return modified ||
	       (line->standing == SLU_MISSING && line->record != NULL && line->version != version);
}

/* Adds the event of each line that `choose` takes. What lies below is the previous version, unless
 * the line has a record that knows. */
static enum sluice_status write_chosen(struct slu_migration_run *run, choice choose,
                                       int64_t version, size_t *count, struct sluice_error *error)
{
	enum sluice_status status = slu_migration_run_begin(run, error);
	size_t i;

	if (status != SLUICE_OK)
		return status;
	status = slu_migration_run_write(run, run->state, error);
	for (i = 0; i < run->ledger.count && status == SLUICE_OK; i++) {
		const struct slu_migration_line *line = &run->ledger.lines[i];
		const struct slu_migration_line *below =
			slu_migration_in_place_below(&run->ledger, line->version);
		struct slu_migration_event event;

		if (!choose(line, version, &event))
			continue;
		event.previous_version = line->record != NULL ? line->record->previous_version
		                         : below != NULL      ? below->version
		                                              : -1;
		status = slu_migration_run_remember(run, &event, run->state.version, error);
		++*count;
	}
	if (status == SLUICE_OK)
		status = slu_migration_run_commit(run, "the history", error);
	if (status != SLUICE_OK)
		slu_migration_run_roll_back(run, error);
	return status;
}

/* Tells after the fact: before it, it might not become true. */
static void tell_chosen(const struct slu_migration_run *run, choice choose, int64_t version)
{
	size_t i;

	for (i = 0; i < run->ledger.count; i++) {
		const struct slu_migration_line *line = &run->ledger.lines[i];
		struct slu_migration_event event;

		if (!choose(line, version, &event))
			continue;
		slu_migration_tell(run->options, "%" PRId64 " %s", line->version,
		                   strcmp(event.action, "adopt") == 0    ? "adopted"
		                   : strcmp(event.action, "repair") == 0 ? "repaired"
		                                                         : "forgotten");
	}
}

static enum sluice_status set_straight(const struct sluice_migrate_options *options, choice choose,
                                       int64_t version, size_t *count, struct sluice_error *error)
{
	struct slu_migrate_call call;
	struct slu_migration_event event;
	bool any = false;
	size_t i;
	enum sluice_status status = slu_migrate_call_look(&call, options, error);

	*count = 0;
	if (version < 0)
		version = choose == repairs ? call.run.state.version : -1;
	for (i = 0; status == SLUICE_OK && i < call.run.ledger.count; i++)
		any |= choose(&call.run.ledger.lines[i], version, &event);
	if (any) {
		status = write_chosen(&call.run, choose, version, count, error);
		if (status == SLUICE_OK)
			tell_chosen(&call.run, choose, version);
	}
	slu_migrate_call_end(&call);
	return status;
}

enum sluice_status slu_migrate_adopt(const struct sluice_migrate_options *options, int64_t version,
                                     size_t *count, struct sluice_error *error)
{
	return set_straight(options, adopts, version, count, error);
}

enum sluice_status slu_migrate_repair(const struct sluice_migrate_options *options, size_t *count,
                                      struct sluice_error *error)
{
	return set_straight(options, repairs, -1, count, error);
}
