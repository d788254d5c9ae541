/* SPDX-License-Identifier: MIT */
/* postgres_programs.c - asks pg_config first, then looks where Debian keeps them. */
#include "db/server/postgres_programs.h"

#include "db/server/child.h"

#include <sluice/sink.h>

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The major version of the server in `directory`, 0 when there is none. pg_config may well point to
 * a directory without a server: it comes with the client library. */
static long server_version(const char *directory)
{
	char initdb[PATH_MAX];
	char postgres[PATH_MAX];
	const char *const argv[] = {postgres, "--version", NULL};
	char output[128];
	const char *number;

	snprintf(initdb, sizeof(initdb), "%s/initdb", directory);
	snprintf(postgres, sizeof(postgres), "%s/postgres", directory);
	if (access(initdb, X_OK) != 0 || access(postgres, X_OK) != 0 ||
	    !slu_child_output(argv, output, sizeof(output)))
		return 0;
	number = strstr(output, "(PostgreSQL) "); /* postgres (PostgreSQL) 15.6 */
	return number != NULL ? strtol(number + strlen("(PostgreSQL) "), NULL, 10) : 0;
}

static bool keep(const char *candidate, char *directory, size_t size)
{
	return (size_t)snprintf(directory, size, "%s", candidate) < size;
}

static bool find_by_pg_config(char *directory, size_t size)
{
	static const char *const argv[] = {"pg_config", "--bindir", NULL};
	char output[PATH_MAX];

	if (!slu_child_output(argv, output, sizeof(output)))
		return false;
	output[strcspn(output, "\n")] = '\0';
	return server_version(output) >= SLU_POSTGRES_VERSION_MIN && keep(output, directory, size);
}

static bool find_newest(char *directory, size_t size)
{
	long newest = SLU_POSTGRES_VERSION_MIN - 1;
	bool found = false;
	glob_t paths;
	size_t i;

	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &paths) != 0)
		return false;
	for (i = 0; i < paths.gl_pathc; i++) {
		long version = server_version(paths.gl_pathv[i]);

		if (version > newest && keep(paths.gl_pathv[i], directory, size)) {
			newest = version;
			found = true;
		}
	}
	globfree(&paths);
	return found;
}

enum sluice_status slu_postgres_programs_find(char *directory, size_t size,
                                              struct sluice_error *error)
{
	if (find_by_pg_config(directory, size) || find_newest(directory, size))
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_FAILED,
	                        "no PostgreSQL server of version %d or newer: looked where "
	                        "pg_config --bindir points, and in /usr/lib/postgresql/*/bin. "
	                        "Install it (Debian: apt install postgresql)",
	                        SLU_POSTGRES_VERSION_MIN);
}
