/* SPDX-License-Identifier: MIT */
/* migrate_dsn.c - splits a URL's query into what is ours and what is libpq's.
 * The URL may hold a password: no value of it is in any message. */
#include "cli/migrate_dsn.h"

#include <sluice/sink.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const schemes[] = {"postgres://", "postgresql://", "pgx://", "pgx4://",
                                      "pgx5://"};

/* What golang-migrate's own keys say. */
struct own_keys {
	char *table;
	bool quoted;
};

static enum sluice_status out_of_memory(struct sluice_error *error)
{
	return sluice_error_set(error, SLUICE_FAILED, "out of memory");
}

/* A copy with %41 and the like resolved. */
static char *decode(const char *text, size_t size)
{
	char *copy = malloc(size + 1);
	size_t used = 0;
	size_t i;

	if (copy == NULL)
		return NULL;
	for (i = 0; i < size; i++) {
		char digits[3] = "";

		if (text[i] == '%' && i + 2 < size && isxdigit((unsigned char)text[i + 1]) &&
		    isxdigit((unsigned char)text[i + 2])) {
			memcpy(digits, text + i + 1, 2);
			copy[used++] = (char)strtoul(digits, NULL, 16);
			i += 2;
		} else {
			copy[used++] = text[i];
		}
	}
	copy[used] = '\0';
	return copy;
}

static bool is_true(const char *value)
{
	return strcmp(value, "true") == 0 || strcmp(value, "1") == 0 || strcmp(value, "t") == 0;
}

static enum sluice_status read_timeout(struct slu_migrate_dsn *dsn, const char *value,
                                       struct sluice_error *error)
{
	unsigned long long milliseconds;
	char *end;

	errno = 0;
	milliseconds = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 ||
	    milliseconds > 2147483647)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "x-statement-timeout takes milliseconds, up to 2147483647");
	dsn->statement_timeout_ns = (uint64_t)milliseconds * 1000000;
	return SLUICE_OK;
}

/* `value` is decoded. */
static enum sluice_status take_own(struct slu_migrate_dsn *dsn, struct own_keys *own,
                                   const char *key, const char *value, struct sluice_error *error)
{
	if (strcmp(key, "x-migrations-table") == 0) {
		free(own->table);
		own->table = strdup(value);
		return own->table != NULL ? SLUICE_OK : out_of_memory(error);
	}
	if (strcmp(key, "x-migrations-table-quoted") == 0) {
		own->quoted = is_true(value);
		return SLUICE_OK;
	}
	if (strcmp(key, "x-statement-timeout") == 0)
		return read_timeout(dsn, value, error);
	/* How a script is cut is the server's business here, and those that have to be cut are. */
	if (strcmp(key, "x-multi-statement") == 0 || strcmp(key, "x-multi-statement-max-size") == 0)
		return SLUICE_OK;
	if (strcmp(key, "x-lock-strategy") == 0 && strcmp(value, "advisory") == 0)
		return SLUICE_OK;
	if (strncmp(key, "x-lock-", 7) == 0)
		return sluice_error_set(error, SLUICE_INVALID,
		                        "%.40s: only advisory locks are taken. Leave the key out, "
		                        "here and for the other tool",
		                        key);
	return sluice_error_set(error, SLUICE_INVALID, "%.40s is not known: leave it out", key);
}

/* `"table"` or `"schema"."table"`. */
static enum sluice_status read_quoted(struct slu_migrate_dsn *dsn, const char *text,
                                      struct sluice_error *error)
{
	const char *marks[5] = {NULL};
	size_t count = 0;
	const char *at = text;

	for (; count < 5 && (at = strchr(at, '"')) != NULL; at++)
		marks[count++] = at;
	if (count == 2 && marks[0] == text && marks[1][1] == '\0') {
		dsn->version_table = strndup(marks[0] + 1, (size_t)(marks[1] - marks[0] - 1));
		return dsn->version_table != NULL ? SLUICE_OK : out_of_memory(error);
	}
	if (count == 4 && marks[0] == text && marks[1] + 2 == marks[2] && marks[1][1] == '.' &&
	    marks[3][1] == '\0') {
		dsn->version_schema = strndup(marks[0] + 1, (size_t)(marks[1] - marks[0] - 1));
		dsn->version_table = strndup(marks[2] + 1, (size_t)(marks[3] - marks[2] - 1));
		return dsn->version_schema != NULL && dsn->version_table != NULL
		               ? SLUICE_OK
		               : out_of_memory(error);
	}
	return sluice_error_set(error, SLUICE_INVALID,
	                        "x-migrations-table-quoted goes with x-migrations-table=\"table\" "
	                        "or \"schema\".\"table\", quotes included");
}

/* One key=value of the query: ours is taken, another is put behind `rest`. */
static enum sluice_status take_pair(struct slu_migrate_dsn *dsn, struct own_keys *own,
                                    const char *pair, size_t size, char *rest,
                                    struct sluice_error *error)
{
	const char *equals = memchr(pair, '=', size);
	size_t key_size = equals != NULL ? (size_t)(equals - pair) : size;
	enum sluice_status status;
	char *key;
	char *value;

	if (size < 2 || strncmp(pair, "x-", 2) != 0) {
		if (size > 0)
			sprintf(rest + strlen(rest), "%c%.*s", strchr(rest, '?') ? '&' : '?',
			        (int)size, pair);
		return SLUICE_OK;
	}
	key = decode(pair, key_size);
	value = decode(equals != NULL ? equals + 1 : "", equals != NULL ? size - key_size - 1 : 0);
	status = key != NULL && value != NULL ? take_own(dsn, own, key, value, error)
	                                      : out_of_memory(error);
	free(key);
	free(value);
	return status;
}

static enum sluice_status read_url(struct slu_migrate_dsn *dsn, const char *rest,
                                   struct sluice_error *error)
{
	const char *query = strchr(rest, '?');
	struct own_keys own = {NULL, false};
	enum sluice_status status = SLUICE_OK;
	size_t base = query != NULL ? (size_t)(query - rest) : strlen(rest);

	/* The longest case: nothing taken out, and the scheme at its longest. */
	dsn->conninfo = malloc(strlen("postgresql://") + strlen(rest) + 2);
	if (dsn->conninfo == NULL)
		return out_of_memory(error);
	sprintf(dsn->conninfo, "postgresql://%.*s", (int)base, rest);
	while (query != NULL && status == SLUICE_OK) {
		const char *pair = query + 1;
		size_t size = strcspn(pair, "&");

		status = take_pair(dsn, &own, pair, size, dsn->conninfo, error);
		query = pair[size] == '&' ? pair + size : NULL;
	}
	if (status == SLUICE_OK && own.table != NULL && own.quoted) {
		status = read_quoted(dsn, own.table, error);
	} else if (status == SLUICE_OK && own.table != NULL && own.table[0] != '\0') {
		dsn->version_table = own.table;
		own.table = NULL;
	}
	free(own.table);
	return status;
}

enum sluice_status slu_migrate_dsn_read(struct slu_migrate_dsn *dsn, const char *text,
                                        struct sluice_error *error)
{
	size_t i;

	*dsn = (struct slu_migrate_dsn){.conninfo = NULL};
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return read_url(dsn, text + strlen(schemes[i]), error);
	dsn->conninfo = strdup(text);
	return dsn->conninfo != NULL ? SLUICE_OK : out_of_memory(error);
}

void slu_migrate_dsn_free(struct slu_migrate_dsn *dsn)
{
	free(dsn->conninfo);
	free(dsn->version_schema);
	free(dsn->version_table);
	*dsn = (struct slu_migrate_dsn){.conninfo = NULL};
}
