/* SPDX-License-Identifier: MIT */
/* migration_watch.c - waits for the server with one ear for the caller. */
#include "db/migrate/migration_watch.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#define ASK_MS 100

void slu_migration_tell(const struct sluice_migrate_options *options, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	if (options->progress == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	options->progress(options->context, line);
}

static enum sluice_migrate_stop ask(const struct slu_migration_watch *watch)
{
	const struct sluice_migrate_options *options = watch->options;

	return options->stop != NULL ? options->stop(options->context) : SLUICE_MIGRATE_GO_ON;
}

bool slu_migration_stopping(const struct slu_migration_watch *watch)
{
	return ask(watch) != SLUICE_MIGRATE_GO_ON;
}

static void cancel(PGconn *connection)
{
	PGcancel *handle = PQgetCancel(connection);
	char ignored[256]; /* a cancel that fails leaves the script running: the first wish holds */

	if (handle != NULL)
		PQcancel(handle, ignored, sizeof(ignored));
	PQfreeCancel(handle);
}

static void heed(struct slu_migration_watch *watch, PGconn *connection)
{
	enum sluice_migrate_stop stop = ask(watch);

	if (stop == SLUICE_MIGRATE_STOP_AFTER && !watch->announced) {
		watch->announced = true;
		slu_migration_tell(watch->options, "Stopping after this running migration ... "
		                                   "(again to roll it back)");
	}
	if (stop == SLUICE_MIGRATE_STOP_NOW && !watch->cancelled) {
		watch->cancelled = true;
		slu_migration_tell(watch->options, "Cancelling this running migration ...");
		cancel(connection);
	}
}

/* A signal ends the poll early; one that arrives just before it is heard at its timeout. */
PGresult *slu_migration_result(struct slu_migration_watch *watch, PGconn *connection)
{
	while (PQisBusy(connection)) {
		struct pollfd server = {.fd = PQsocket(connection), .events = POLLIN};

		heed(watch, connection);
		if (poll(&server, 1, ASK_MS) > 0 && PQconsumeInput(connection) == 0)
			break; /* PQgetResult returns what there is to say of it */
	}
	return PQgetResult(connection);
}
