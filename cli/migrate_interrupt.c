/* SPDX-License-Identifier: MIT */
/* migrate_interrupt.c - the handler counts; the runner asks for the count and does the rest. */
#include "cli/migrate_interrupt.h"

#include <stddef.h>

static volatile sig_atomic_t interrupts;

static void count_interrupt(int number)
{
	(void)number;
	if (interrupts < 2)
		interrupts = interrupts + 1;
}

enum sluice_migrate_stop slu_migrate_interrupt_asked(void *context)
{
	(void)context;
	if (interrupts == 0)
		return SLUICE_MIGRATE_GO_ON;
	return interrupts == 1 ? SLUICE_MIGRATE_STOP_AFTER : SLUICE_MIGRATE_STOP_NOW;
}

/* No SA_RESTART: a wait ends at once. */
void slu_migrate_interrupt_watch(struct slu_migrate_interrupt *interrupt)
{
	struct sigaction count = {.sa_handler = count_interrupt};

	interrupts = 0;
	sigaction(SIGINT, &count, &interrupt->former[0]);
	sigaction(SIGTERM, &count, &interrupt->former[1]);
}

void slu_migrate_interrupt_forget(const struct slu_migrate_interrupt *interrupt)
{
	sigaction(SIGINT, &interrupt->former[0], NULL);
	sigaction(SIGTERM, &interrupt->former[1], NULL);
}
