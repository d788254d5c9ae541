/* SPDX-License-Identifier: MIT */
/* warm.c - fills the cache with the orders that Postgres holds, then reads one, or fetches it.
 * Needs a database after `sluice migrate up`. */
#include <inttypes.h>
#include <sluice/load.h>
#include <sluice/postgres.h>
#include <stdio.h>

#include "trading.h"

/* Called after each 1,000 rows. */
static bool show(void *context, const struct sluice_loaded *loaded)
{
	(void)context;
	fprintf(stderr, "%" PRIu64 " of about %" PRIu64 " orders\n", loaded->rows,
	        loaded->rows_expected);
	return true; /* false stops the load */
}

/* An order by the text of its id. */
static bool parse_id(const char *text, struct sluice_uuid *id)
{
	size_t digits = 0;

	for (; *text != '\0' && digits < 32; text++) {
		unsigned digit;

		if (*text == '-')
			continue;
		if (sscanf(text, "%1x", &digit) != 1)
			return false;
		id->bytes[digits / 2] = (uint8_t)((unsigned)id->bytes[digits / 2] << 4 | digit);
		digits++;
	}
	return digits == 32 && *text == '\0';
}

int main(int argc, char **argv)
{
	struct sluice_error error = {SLUICE_INVALID, "usage: warm CONNINFO ORDER-ID"};
	struct sluice_sink *sink = argc == 3 ? sluice_postgres_open(argv[1], NULL, &error) : NULL;
	struct trading_order order = {0};
	struct sluice_reader *reader = NULL;
	struct sluice *sluice = NULL;
	struct sluice_lane *lane = NULL;
	struct sluice_uuid id = {{0}};
	enum sluice_status status;

	if (sink != NULL)
		sluice = sluice_open(sink, &trading_streams, "lanes=1 keys=100000", &error);
	if (sluice != NULL)
		lane = sluice_attach(sluice, SLUICE_CPU_CURRENT, &error);
	if (lane != NULL) /* a read-only service, or a replica's, would do */
		reader = sluice_reader_open(argv[1], NULL, &error);
	if (reader == NULL || !parse_id(argv[2], &id)) {
		fprintf(stderr, "%s\n", reader == NULL ? error.message : "that is no order's id");
		return 1;
	}
	status = sluice_load(reader, lane, &trading_orders, show, NULL, NULL, &error);
	if (status == SLUICE_OK) /* one that came later is asked of the database */
		status = sluice_fetch(reader, lane, &trading_orders, &id, &order, NULL,
		                      sluice_ms(500), &error);
	if (status != SLUICE_OK)
		fprintf(stderr, "%s\n", status == SLUICE_MISS ? "no such order" : error.message);
	printf("order %.*s: %s\n", order.client_order_id.size, order.client_order_id.bytes,
	       sluice_status_name(status));
	sluice_reader_close(reader);
	return sluice_close(sluice, sluice_seconds(5), NULL) != SLUICE_OK || status != SLUICE_OK;
}
