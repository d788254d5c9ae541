/* SPDX-License-Identifier: MIT */
/*
 * pg_dial_options.c - has libpq expand the user's options, and dials with them, one host at a time.
 *
 * libpq expands options only on its way to a connection. So a connection is asked for that it must
 * refuse, for one option that makes no sense, after it has read all of them and before it opens a
 * socket. Two such refusals, as the spoilt option must be learned, too. Files are read, nobody else
 * is asked.
 *
 * libpq takes the first host's password file entry, certificate and so on by the name it is given:
 * with one host at a time, each gets its own.
 */
#include "sink/pg_dial_options.h"

#include "sink/pg_address.h"

#include <sluice/sluice.h>

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S_MIN 2 /* libpq's */

/* Refused by any libpq as its option's value. */
static const char nonsense[] = "?";

struct setting {
	const char *keyword;
	const char *value;
};

static const struct setting defaults[] = {
	{"fallback_application_name", "sluice"},
	{"gssencmode", "disable"},
	{"keepalives_count", "3"},
	{"keepalives_idle", "5"},
	{"keepalives_interval", "2"},
	{"target_session_attrs", "read-write"},
	{"tcp_user_timeout", "30000"},
};

/* These first, for those that only read. */
static const struct setting reading_defaults[] = {
	{"fallback_application_name", "sluice-reader"},
	{"target_session_attrs", "any"},
};
#define READING_DEFAULTS (sizeof(reading_defaults) / sizeof(reading_defaults[0]))

/* ---- reading ---- */

static PQconninfoOption *find(PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++) {
		if (strcmp(options->keyword, keyword) == 0)
			return options;
	}
	return NULL;
}

/* "" when nothing is said. */
static const char *value_of(PQconninfoOption *options, const char *keyword)
{
	const PQconninfoOption *option = find(options, keyword);

	return option != NULL && option->val != NULL ? option->val : "";
}

static void out_of_memory(struct slu_trouble *trouble)
{
	slu_trouble_set(trouble, SLU_RETRY, "connect: out of memory");
}

/* All options but `spoilt`. */
static PQconninfoOption *expand(const char *conninfo, const char *spoilt,
                                struct slu_trouble *trouble)
{
	const char *const keywords[] = {"dbname", spoilt, NULL};
	const char *const values[] = {conninfo, nonsense, NULL};
	PGconn *refused = PQconnectStartParams(keywords, values, 1);
	PQconninfoOption *options = refused != NULL ? PQconninfo(refused) : NULL;

	if (options == NULL) {
		out_of_memory(trouble);
	} else if (strcmp(value_of(options, spoilt), nonsense) != 0) {
		/* It did not come so far: a service that is not defined. The connection string was
		 * parsed before, when the sink was opened, so nothing of it is quoted here. */
		slu_trouble_of_connection(trouble, refused, "connect");
		PQconninfoFree(options);
		options = NULL;
	}
	PQfinish(refused);
	return options;
}

/* Gives the spoilt option of `all` what `other` has learned. */
static void mend(PQconninfoOption *all, const char *spoilt, PQconninfoOption *other)
{
	PQconninfoOption *to = find(all, spoilt);
	PQconninfoOption *from = find(other, spoilt);
	char *value = to->val;

	to->val = from->val;
	from->val = value;
}

static bool expand_all(struct slu_dial_options *options, const char *conninfo,
                       struct slu_trouble *trouble)
{
	PQconninfoOption *other;

	options->own = PQconninfoParse(conninfo, NULL);
	if (options->own == NULL) {
		out_of_memory(trouble);
		return false;
	}
	options->all = expand(conninfo, "gssencmode", trouble);
	if (options->all == NULL)
		return false;
	other = expand(conninfo, "target_session_attrs", trouble);
	if (other == NULL)
		return false;
	mend(options->all, "gssencmode", other);
	PQconninfoFree(other);
	return true;
}

/* Whether the user says nothing of it. */
static bool is_open(const struct slu_dial_options *options, const char *keyword)
{
	const PQconninfoOption *option = find(options->all, keyword);

	if (option == NULL)
		return false; /* unknown to this libpq */
	if (option->val == NULL || option->val[0] == '\0')
		return true;
	return option->compiled != NULL && strcmp(option->val, option->compiled) == 0 &&
	       value_of(options->own, keyword)[0] == '\0' &&
	       (option->envvar == NULL || getenv(option->envvar) == NULL);
}

/* ---- hosts ---- */

static size_t count_pieces(const char *list)
{
	size_t count = 1;

	for (; *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* Cuts the first piece off. */
static const char *cut(char **list)
{
	const char *piece = *list;
	char *end = *list + strcspn(*list, ",");

	*list = *end == ',' ? end + 1 : end;
	*end = '\0';
	return piece;
}

static bool refuse(struct slu_trouble *trouble, size_t hosts, size_t others, const char *what)
{
	slu_trouble_set(trouble, SLU_RETRY,
	                "connect: the connection string, service file or environment names %zu "
	                "hosts and %zu %s: give one for each",
	                hosts, others, what);
	return false;
}

/* As libpq has it: hostaddr counts the hosts, or host does; one port is for all. */
static bool count_hosts(struct slu_dial_options *options, struct slu_trouble *trouble)
{
	size_t names = count_pieces(options->names);
	size_t addresses = count_pieces(options->addresses);
	size_t ports = count_pieces(options->ports);

	options->host_count = options->addresses[0] != '\0' ? addresses : names;
	if (options->names[0] != '\0' && names != options->host_count)
		return refuse(trouble, names, addresses, "addresses (hostaddr)");
	if (ports > 1 && ports != options->host_count)
		return refuse(trouble, options->host_count, ports, "ports");
	return true;
}

/* libpq would fill what we leave out, from its own reading of the same sources: nothing is left out
 * that is a list there. */
static bool fill_host(const struct slu_dial_options *options, struct slu_host *host,
                      struct slu_trouble *trouble)
{
	const PQconninfoOption *port = find(options->all, "port");

	if (host->name[0] == '\0')
		host->name = host->address;
	if (host->port[0] == '\0' && port->compiled != NULL)
		host->port = port->compiled;
	if (host->name[0] != '\0' || options->host_count == 1)
		return true;
	slu_trouble_set(trouble, SLU_RETRY,
	                "connect: one of the hosts is empty: name each, a Unix socket by its "
	                "directory");
	return false;
}

static bool list_hosts(struct slu_dial_options *options, struct slu_trouble *trouble)
{
	char *names, *addresses, *ports;
	size_t index;
	bool one_port;

	options->names = strdup(value_of(options->all, "host"));
	options->addresses = strdup(value_of(options->all, "hostaddr"));
	options->ports = strdup(value_of(options->all, "port"));
	if (options->names == NULL || options->addresses == NULL || options->ports == NULL) {
		out_of_memory(trouble);
		return false;
	}
	if (!count_hosts(options, trouble))
		return false;
	options->hosts = calloc(options->host_count, sizeof(*options->hosts));
	if (options->hosts == NULL) {
		out_of_memory(trouble);
		return false;
	}
	names = options->names;
	addresses = options->addresses;
	ports = options->ports;
	one_port = count_pieces(ports) == 1;
	for (index = 0; index < options->host_count; index++) {
		struct slu_host *host = &options->hosts[index];

		host->name = cut(&names);
		host->address = cut(&addresses);
		host->port = one_port ? options->ports : cut(&ports);
		if (!fill_host(options, host, trouble))
			return false;
	}
	return true;
}

bool slu_dial_options_read(struct slu_dial_options *options, const char *conninfo,
                           struct slu_trouble *trouble)
{
	memset(options, 0, sizeof(*options));
	return expand_all(options, conninfo, trouble) && list_hosts(options, trouble);
}

void slu_dial_options_free(struct slu_dial_options *options)
{
	PQconninfoFree(options->all);
	PQconninfoFree(options->own);
	free(options->names);
	free(options->addresses);
	free(options->ports);
	free(options->hosts);
	memset(options, 0, sizeof(*options));
}

uint64_t slu_dial_options_timeout(const struct slu_dial_options *options)
{
	long seconds = strtol(value_of(options->all, "connect_timeout"), NULL, 10);

	if (seconds <= 0)
		return 0;
	return sluice_seconds((uint64_t)(seconds < TIMEOUT_S_MIN ? TIMEOUT_S_MIN : seconds));
}

/* ---- dialing ---- */

/* A name that leads to this machine is as good as localhost; a directory has no address. */
static bool is_off_host(const char *address)
{
	return address[0] != '\0' && !slu_address_is_loopback(address);
}

bool slu_dial_options_verify(const struct slu_dial_options *options, const char *address)
{
	return is_off_host(address) && is_open(options, "sslmode");
}

const char *slu_dial_options_warning(const struct slu_dial_options *options, const char *address)
{
	static const struct setting warnings[] = {
		{"disable", "sslmode=disable sends everything in the clear, and does not check "
	                    "who the server is"},
		{"allow", "sslmode=allow may send everything in the clear, and does not check who "
	                  "the server is"},
		{"prefer", "sslmode=prefer may send everything in the clear, and does not check "
	                   "who the server is"},
		{"require", "sslmode=require does not check who the server is"},
		{"verify-ca", "sslmode=verify-ca does not check the server's name"},
	};
	size_t index;

	if (!is_off_host(address) || is_open(options, "sslmode"))
		return NULL;
	for (index = 0; index < sizeof(warnings) / sizeof(warnings[0]); index++) {
		if (strcmp(value_of(options->all, "sslmode"), warnings[index].keyword) == 0)
			return warnings[index].value;
	}
	return NULL;
}

static const char *default_of(const struct slu_dial_options *options, const char *keyword,
                              const char *address)
{
	size_t index;

	if (!is_open(options, keyword))
		return NULL;
	if (strcmp(keyword, "sslmode") == 0 && is_off_host(address))
		return "verify-full";
	for (index = 0; options->reads && index < READING_DEFAULTS; index++) {
		if (strcmp(reading_defaults[index].keyword, keyword) == 0)
			return reading_defaults[index].value;
	}
	for (index = 0; index < sizeof(defaults) / sizeof(defaults[0]); index++) {
		if (strcmp(defaults[index].keyword, keyword) == 0)
			return defaults[index].value;
	}
	return NULL;
}

/* The value to dial with; NULL or "": none. */
static const char *choose(const struct slu_dial_options *options, const PQconninfoOption *option,
                          const struct slu_host *host, const char *address)
{
	const char *ours;

	if (strcmp(option->keyword, "host") == 0)
		return host->name;
	if (strcmp(option->keyword, "hostaddr") == 0)
		return address;
	if (strcmp(option->keyword, "port") == 0)
		return host->port;
	if (strcmp(option->keyword, "client_encoding") == 0)
		return "UTF8";
	/* It is used up, but libpq would read what PGSERVICE names in its stead. */
	if (strncmp(option->keyword, "service", strlen("service")) == 0)
		return value_of(options->own, option->keyword);
	ours = default_of(options, option->keyword, address);
	return ours != NULL ? ours : option->val;
}

PGconn *slu_dial_options_start(const struct slu_dial_options *options, const struct slu_host *host,
                               const char *address)
{
	const PQconninfoOption *option;
	const char **keywords, **values;
	PGconn *connection = NULL;
	size_t count = 0;

	for (option = options->all; option->keyword != NULL; option++)
		count++;
	keywords = calloc(count + 1, sizeof(*keywords));
	values = calloc(count + 1, sizeof(*values));
	if (keywords != NULL && values != NULL) {
		for (count = 0, option = options->all; option->keyword != NULL; option++, count++) {
			keywords[count] = option->keyword;
			values[count] = choose(options, option, host, address);
		}
		connection = PQconnectStartParams(keywords, values, 0);
	}
	free(keywords);
	free(values);
	return connection;
}
