/* SPDX-License-Identifier: MIT */
/* migrate_call.c - what every call of the runner begins and ends with. */
#include "db/migrate/migrate_call.h"

enum sluice_status slu_migrate_call_connect(struct slu_migrate_call *call,
                                            const struct sluice_migrate_options *options,
                                            struct sluice_error *error)
{
	enum sluice_status status;

	call->connection = NULL;
	status = slu_migration_run_open(&call->run, SLU_USER_SET, options, error);
	if (status == SLUICE_OK)
		status = slu_migration_connect(options, &call->connection, error);
	return status;
}

enum sluice_status slu_migrate_call_begin(struct slu_migrate_call *call,
                                          const struct sluice_migrate_options *options,
                                          struct sluice_error *error)
{
	enum sluice_status status = slu_migrate_call_connect(call, options, error);

	if (status == SLUICE_OK)
		status = slu_migration_run_attach(&call->run, call->connection, error);
	return status;
}

enum sluice_status slu_migrate_call_begin_bare(struct slu_migrate_call *call,
                                               const struct sluice_migrate_options *options,
                                               struct sluice_error *error)
{
	enum sluice_status status;

	call->connection = NULL;
	slu_migration_run_open_bare(&call->run, options);
	status = slu_migration_connect(options, &call->connection, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_attach(&call->run, call->connection, error);
	return status;
}

enum sluice_status slu_migrate_call_look(struct slu_migrate_call *call,
                                         const struct sluice_migrate_options *options,
                                         struct sluice_error *error)
{
	enum sluice_status status = slu_migrate_call_begin(call, options, error);

	if (status == SLUICE_OK)
		status = slu_migration_run_look(&call->run, error);
	if (status == SLUICE_OK)
		status = slu_migration_run_settle(&call->run, error);
	return status;
}

void slu_migrate_call_end(struct slu_migrate_call *call)
{
	slu_migration_run_close(&call->run);
	PQfinish(call->connection);
}
