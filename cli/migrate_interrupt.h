/* SPDX-License-Identifier: MIT */
/*
 * migrate_interrupt.h - Ctrl-C and SIGTERM while migrations run: the first lets the running one
 * finish, the second rolls it back.
 */
#ifndef CLI_MIGRATE_INTERRUPT_H
#define CLI_MIGRATE_INTERRUPT_H

#include <sluice/migrate.h>

#include <signal.h>

struct slu_migrate_interrupt {
	struct sigaction former[2]; /* of SIGINT and SIGTERM */
};

/* From here on the signals are counted. */
void slu_migrate_interrupt_watch(struct slu_migrate_interrupt *interrupt);
/* They do again what they did before. */
void slu_migrate_interrupt_forget(const struct slu_migrate_interrupt *interrupt);

/* The runner's `stop`. */
enum sluice_migrate_stop slu_migrate_interrupt_asked(void *context);

#endif
