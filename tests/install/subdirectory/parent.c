/* SPDX-License-Identifier: MIT */
/* parent.c - reaches into both libraries, and needs no server to do so. */
#include <sluice/postgres.h>

#include <string.h>

int main(void)
{
	struct sluice_error error = {SLUICE_OK, ""};
	struct sluice_sink *sink = sluice_postgres_open("not a conninfo", NULL, &error);

	return sink == NULL && error.status == SLUICE_INVALID &&
	                       strcmp(sluice_version(), SLUICE_VERSION_STRING) == 0
	               ? 0
	               : 1;
}
