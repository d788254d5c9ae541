/* SPDX-License-Identifier: MIT */
/* takeover.c - an engine that may be killed at any time: run it again, and it carries on.
 * Puts COUNT orders, one each tenth of a second, and tells what the runs before had left. Needs a
 * database after `sluice migrate up`, with a provider of id 1. */
#include <sluice/postgres.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trading.h"

#define PAUSE_NS 100000000

static int fail(const struct sluice_error *error)
{
	fprintf(stderr, "%s\n", error->message);
	return 1;
}

static enum sluice_status put_order(struct sluice_lane *lane)
{
	struct trading_order order = {.provider_id = 1};
	unsigned long long chance;
	char name[40];
	int size;

	sluice_uuid7(&order.id);
	memcpy(&chance, order.id.bytes + 8, sizeof(chance));
	size = snprintf(name, sizeof(name), "takeover-%016llx", chance);
	sluice_text_set(&order.client_order_id, name, (size_t)size);
	order.quantity = sluice_decimal(100, 0, TRADING_ORDER_QUANTITY_SCALE);
	return trading_orders_put(lane, &order, NULL);
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct sluice_options options;
	struct sluice_report report;
	struct sluice_error error = {SLUICE_INVALID, "usage: takeover CONNINFO DIRECTORY COUNT"};
	struct sluice_sink *sink = argc == 4 ? sluice_postgres_open(argv[1], NULL, &error) : NULL;
	struct sluice *sluice;
	struct sluice_lane *lane;
	long accepted = 0;

	if (sink == NULL)
		return fail(&error);
	sluice_options_init(&options);
	snprintf(options.dir, sizeof(options.dir), "%s", argv[2]);
	options.connect = SLUICE_CONNECT_BACKGROUND; /* orders are taken before Postgres answers */
	sluice = sluice_open_with(sink, &trading_streams, &options, &error);
	if (sluice == NULL) /* held by another process, or a file that can't be carried */
		return fail(&error);
	lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);
	if (lane == NULL)
		return fail(&error);

	while (accepted < atol(argv[3])) {
		if (put_order(lane) == SLUICE_OK) /* from here on it survives kill -9 */
			accepted++;
		nanosleep(&pause, NULL);
	}
	sluice_detach(lane);
	if (sluice_close(sluice, sluice_seconds(30), &report) != SLUICE_OK)
		fprintf(stderr, "%s\n", report.reason);
	printf("found %llu records of %llu former runs, %llu of them pending still\n"
	       "accepted %llu, committed %llu\n",
	       (unsigned long long)report.former.account.accepted,
	       (unsigned long long)report.former.files,
	       (unsigned long long)report.former.account.pending,
	       (unsigned long long)report.account.accepted,
	       (unsigned long long)report.account.committed);
	return report.former.files_left != 0 || report.account.pending != 0;
}
