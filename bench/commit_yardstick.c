/* SPDX-License-Identifier: MIT */
/* commit_yardstick.c - one round trip, one sync: what a lag can't be without. */
#include "bench/commit_lag.h"

#include "bench/measure.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define PAGE_SIZE 8192
#define FILE_PAGES 256

static int ascending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double slu_lag_percentile(double *values, size_t count, double share)
{
	size_t rank = (size_t)ceil(share * (double)count);

	qsort(values, count, sizeof(*values), ascending);
	return values[rank == 0 ? 0 : rank - 1];
}

void slu_lag_round_trips(const char *dsn, double *values, size_t count)
{
	PGconn *connection = PQconnectdb(dsn);

	for (size_t i = 0; i < count; i++) {
		double began = slu_measure_seconds();
		PGresult *result = PQexec(connection, "SELECT 1");

		values[i] = (slu_measure_seconds() - began) * 1e6;
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			slu_measure_fail("%s", PQerrorMessage(connection));
		PQclear(result);
	}
	PQfinish(connection);
}

void slu_lag_syncs(const char *directory, double *values, size_t count)
{
	static const char page[PAGE_SIZE] = {1};
	char path[PATH_MAX];
	bool good = true;
	int fd;

	snprintf(path, sizeof(path), "%s/sync", directory);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		slu_measure_fail("%s can't be written", path);
	for (off_t i = 0; i < FILE_PAGES; i++)
		good &= pwrite(fd, page, PAGE_SIZE, i * PAGE_SIZE) == PAGE_SIZE;
	good &= fsync(fd) == 0;
	for (size_t i = 0; i < count; i++) {
		off_t offset = (off_t)(i % FILE_PAGES) * PAGE_SIZE;
		double began = slu_measure_seconds();

		good &= pwrite(fd, page, PAGE_SIZE, offset) == PAGE_SIZE && fdatasync(fd) == 0;
		values[i] = (slu_measure_seconds() - began) * 1e6;
	}
	close(fd);
	unlink(path);
	if (!good)
		slu_measure_fail("%s can't be written", path);
}
