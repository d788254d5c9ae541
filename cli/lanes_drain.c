/* SPDX-License-Identifier: MIT */
/*
 * lanes_drain.c - `sluice lanes DIR drain`: what an engine does when it opens the directory,
 * without the engine.
 *
 * In order: judge all files -> make statements for their streams -> open an instance there, whose
 * recovery carries them -> wait until no file is left, or it can't go on -> close, and tell.
 *
 * Until the instance is opened nothing is touched, and it takes the directory's lock and judges all
 * files again. To be killed at any moment does no harm: the next drain, or engine, goes on from
 * where the database stands.
 */
#include "cli/lanes.h"

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/lanes_folder.h"
#include "cli/lanes_statements.h"
#include "cli/migrate_dsn.h"

#include <sluice/postgres.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE sluice_seconds(60)
#define CLOSE_TIMEOUT sluice_seconds(10)
#define LOOK_NS 20000000 /* between two looks at how far it is */

/* The files, as they were judged. */
struct cargo {
	struct slu_reader *readers; /* of those that were there, oldest first; all sound */
	size_t count;
	uint64_t held;
};

/* ---- judge ---- */

static enum sluice_status refuse_lock(const struct slu_lanes_folder *folder,
                                      struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_BUSY,
	                        "%s is held by process %" PRIu64
	                        ": stop it, or let it carry its own records",
	                        folder->directory.path, folder->holder);
}

static enum sluice_status refuse_file(const struct slu_lanes_folder *folder,
                                      const struct slu_reader *reader, struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID,
	                        "%s/%s can't be carried (%s): %s. Nothing was touched. To carry "
	                        "the others, move it to another directory (mode 0700), and keep it",
	                        folder->directory.path, reader->name,
	                        slu_verdict_name(reader->verdict), reader->reason);
}

static enum sluice_status refuse_mixture(const struct slu_lanes_folder *folder,
                                         const struct slu_reader *reader,
                                         struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_INVALID,
	                        "%s/%s was written by other bindings than the files before it: %s. "
	                        "Nothing was touched. Move it and those after it to another "
	                        "directory (mode 0700), and drain this one first, then that",
	                        folder->directory.path, reader->name, reader->reason);
}

static enum sluice_status judge(const struct slu_lanes_folder *folder, struct cargo *cargo,
                                struct sluice_error *error)
{
	struct slu_reader *reader = &cargo->readers[cargo->count];

	if (reader->verdict != SLU_FILE_SOUND)
		return refuse_file(folder, reader, error);
	/* Both ways round: the streams of one are those of the other. */
	if (cargo->count > 0 && (!slu_reader_fits(reader, cargo->readers[0].streams) ||
	                         reader->streams->count != cargo->readers[0].streams->count))
		return refuse_mixture(folder, reader, error);
	for (uint64_t lane = 0; lane < reader->lane_count; lane++)
		cargo->held += reader->lanes[lane].end - reader->lanes[lane].first;
	return SLUICE_OK;
}

static enum sluice_status read_files(const struct slu_lanes_folder *folder, struct cargo *cargo,
                                     struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;

	if (folder->holder != 0)
		return refuse_lock(folder, error);
	cargo->readers = calloc(folder->listing.count + 1, sizeof(*cargo->readers));
	if (cargo->readers == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "out of memory");
	for (size_t i = 0; i < folder->listing.count && status == SLUICE_OK; i++) {
		struct slu_reader *reader = &cargo->readers[cargo->count];
		enum slu_lanes_presence presence;

		status = slu_lanes_folder_read(folder, i, reader, &presence, error);
		if (status == SLUICE_OK && presence == SLU_LANES_THERE)
			status = judge(folder, cargo, error);
		if (status == SLUICE_OK && presence == SLU_LANES_THERE)
			cargo->count++;
		else
			slu_reader_close(reader);
	}
	return status;
}

static void free_cargo(struct cargo *cargo)
{
	while (cargo->count > 0)
		slu_reader_close(&cargo->readers[--cargo->count]);
	free(cargo->readers);
}

/* ---- statements ---- */

static struct slu_lanes_statements *make_statements(const struct cargo *cargo, const char *dsn,
                                                    struct sluice_error *error)
{
	struct slu_lanes_statements *statements = NULL;
	PGconn *connection;

	if (slu_database_connect(&connection, dsn, "sluice lanes", error) != CLI_OK)
		return NULL;
	statements = slu_lanes_statements_make(cargo->readers[0].streams, connection, error);
	PQfinish(connection);
	return statements;
}

/* ---- carry ---- */

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

/* As small as can be, for it takes no record of its own; but room for every key that the files may
 * hold. */
static void size_instance(struct sluice_options *options, const struct slu_lanes_request *request,
                          const struct cargo *cargo)
{
	sluice_options_init(options);
	snprintf(options->dir, sizeof(options->dir), "%s", request->directory);
	options->lanes = 1;
	options->shared_lanes = 0;
	options->lane_slots = 64;
	options->keys = cargo->held > 0 ? cargo->held : 1;
	options->after_reboot = request->after_reboot ? SLUICE_AFTER_REBOOT_CARRY
	                                              : SLUICE_AFTER_REBOOT_REFUSE;
	options->connect = SLUICE_CONNECT_BACKGROUND;
	options->log = print_line;
}

/* Whether no file is left, of all that were there. */
static bool is_carried(const struct sluice_former *former, const struct cargo *cargo)
{
	return former->files >= cargo->count && former->files_left == 0;
}

/* And until the sink has begun the run that carried them, so that close can seal that, too. */
static void wait_until_carried(struct sluice *sluice, const struct cargo *cargo,
                               struct sluice_stats *stats)
{
	const struct timespec look = {.tv_nsec = LOOK_NS};

	for (;;) {
		sluice_stats(sluice, stats);
		if (stats->state == SLUICE_STATE_HALTED ||
		    (is_carried(&stats->former, cargo) && stats->state == SLUICE_STATE_RUNNING))
			return;
		if (stats->state == SLUICE_STATE_CONNECTING && stats->state_since_ns > PATIENCE)
			return;
		nanosleep(&look, NULL);
	}
}

static int tell(const struct sluice_former *former, const struct cargo *cargo, const char *reason)
{
	const struct sluice_account *account = &former->account;

	printf("%" PRIu64 " of %" PRIu64 " files carried: accepted %" PRIu64 " = committed %" PRIu64
	       " + coalesced %" PRIu64 " + pending %" PRIu64 "\n",
	       former->files - former->files_left, former->files, account->accepted,
	       account->committed, account->coalesced, account->pending);
	if (is_carried(former, cargo))
		return CLI_OK;
	fprintf(stderr,
	        "error: %" PRIu64
	        " files are left: %s\nMend that, and drain again: it goes on from "
	        "where the database stands\n",
	        former->files_left, reason[0] != '\0' ? reason : "the database does not answer");
	return CLI_FAILED;
}

static int carry(const struct slu_lanes_request *request, const struct cargo *cargo,
                 const struct slu_lanes_statements *statements, const char *conninfo)
{
	struct sluice_options options;
	struct sluice_stats stats;
	struct sluice_report report;
	struct sluice_error error;
	struct sluice_sink *sink = sluice_postgres_open(conninfo, NULL, &error);
	struct sluice *sluice = NULL;

	size_instance(&options, request, cargo);
	if (sink != NULL)
		sluice = sluice_open_with(sink, slu_lanes_statements_streams(statements), &options,
		                          &error);
	if (sluice == NULL)
		return slu_lanes_fail(&error);
	wait_until_carried(sluice, cargo, &stats);
	sluice_close(sluice, is_carried(&stats.former, cargo) ? CLOSE_TIMEOUT : 1, &report);
	return tell(&report.former, cargo, stats.reason);
}

/* ---- drain ---- */

static int drain_to(const struct slu_lanes_request *request, const char *conninfo)
{
	struct slu_lanes_folder folder;
	struct slu_lanes_statements *statements = NULL;
	struct cargo cargo = {.readers = NULL};
	struct sluice_error error;
	enum sluice_status status = slu_lanes_folder_open(&folder, request->directory, &error);
	int result = CLI_OK;

	if (status == SLUICE_OK)
		status = read_files(&folder, &cargo, &error);
	slu_lanes_folder_close(&folder);
	if (status == SLUICE_OK && cargo.count > 0) {
		statements = make_statements(&cargo, request->dsn, &error);
		status = statements != NULL ? SLUICE_OK : SLUICE_FAILED;
	}
	if (status != SLUICE_OK)
		result = slu_lanes_fail(&error);
	else if (cargo.count == 0)
		puts("no files: everything was carried");
	else
		result = carry(request, &cargo, statements, conninfo);
	slu_lanes_statements_free(statements);
	free_cargo(&cargo);
	return result;
}

int slu_lanes_drain(const struct slu_lanes_request *request)
{
	struct slu_migrate_dsn dsn = {.conninfo = NULL};
	struct sluice_error error;
	int result;

	if (request->dsn != NULL && slu_migrate_dsn_read(&dsn, request->dsn, &error) != SLUICE_OK) {
		fprintf(stderr, "error: %s\n", error.message);
		slu_migrate_dsn_free(&dsn);
		return CLI_USAGE;
	}
	result = drain_to(request, dsn.conninfo != NULL ? dsn.conninfo : "");
	slu_migrate_dsn_free(&dsn);
	return result;
}
