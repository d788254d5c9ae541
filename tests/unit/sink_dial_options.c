/* SPDX-License-Identifier: MIT */
/* sink_dial_options.c - what is made of connection string, service file and environment. */
#include "sink/pg_dial_options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELSEWHERE "192.0.2.7"
#define HERE "127.0.0.1"

/* The environment of who runs the tests is not a part of them. */
static void clear_environment(void)
{
	PQconninfoOption *options = PQconndefaults();
	size_t index;

	for (index = 0; options[index].keyword != NULL; index++)
		if (options[index].envvar != NULL)
			unsetenv(options[index].envvar);
	PQconninfoFree(options);
	unsetenv("PGSERVICEFILE");
	unsetenv("PGSERVICE");
}

TestSuite(sink_dial_options, .init = clear_environment);

/* "name/address/port name/address/port", or the trouble. */
static const char *hosts_of(const char *conninfo)
{
	static char text[512];
	struct slu_dial_options options;
	struct slu_trouble trouble;
	size_t index, used = 0;

	if (!slu_dial_options_read(&options, conninfo, &trouble)) {
		cr_assert_eq(trouble.action, SLU_RETRY);
		snprintf(text, sizeof(text), "%s", trouble.reason);
	} else {
		for (index = 0; index < options.host_count; index++) {
			const struct slu_host *host = &options.hosts[index];

			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s/%s/%s",
			                         index > 0 ? " " : "", host->name, host->address,
			                         host->port);
		}
	}
	slu_dial_options_free(&options);
	return text;
}

/* What libpq is told of `keyword` when the first host is dialed at `address`. */
static const char *dialed(const char *conninfo, const char *address, const char *keyword)
{
	static char text[256];
	struct slu_dial_options options;
	struct slu_trouble trouble;
	PQconninfoOption *told;
	PGconn *connection;
	size_t index;

	cr_assert(slu_dial_options_read(&options, conninfo, &trouble), "%s", trouble.reason);
	connection = slu_dial_options_start(&options, &options.hosts[0], address);
	told = PQconninfo(connection);
	text[0] = '\0';
	for (index = 0; told[index].keyword != NULL; index++)
		if (strcmp(told[index].keyword, keyword) == 0 && told[index].val != NULL)
			snprintf(text, sizeof(text), "%s", told[index].val);
	PQconninfoFree(told);
	PQfinish(connection);
	slu_dial_options_free(&options);
	return text;
}

static const char *warning_of(const char *conninfo, const char *address)
{
	struct slu_dial_options options;
	struct slu_trouble trouble;
	const char *warning;

	cr_assert(slu_dial_options_read(&options, conninfo, &trouble), "%s", trouble.reason);
	warning = slu_dial_options_warning(&options, address);
	slu_dial_options_free(&options);
	return warning != NULL ? warning : "";
}

static void set_service(const char *text)
{
	static char path[] = "/tmp/sluice-service-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	fputs(text, file);
	fclose(file);
	setenv("PGSERVICEFILE", path, 1);
}

static void drop_service(void)
{
	unlink(getenv("PGSERVICEFILE"));
}

/* ---- hosts ---- */

Test(sink_dial_options, hosts_are_counted_as_libpq_does)
{
	cr_expect_str_eq(hosts_of(""), "//5432");
	cr_expect_str_eq(hosts_of("host=a"), "a//5432");
	cr_expect_str_eq(hosts_of("host=a,b port=1"), "a//1 b//1");
	cr_expect_str_eq(hosts_of("host=a,b,c port=1,2,3"), "a//1 b//2 c//3");
	cr_expect_str_eq(hosts_of("host=a,b port=1,"), "a//1 b//5432");
	cr_expect_str_eq(hosts_of("hostaddr=192.0.2.1,::1"),
	                 "192.0.2.1/192.0.2.1/5432 ::1/::1/5432");
	cr_expect_str_eq(hosts_of("host=a,/run hostaddr=192.0.2.1,"),
	                 "a/192.0.2.1/5432 /run//5432");
	cr_expect_str_eq(hosts_of("postgresql://u:p@a:1,[::1]:2,c/db"), "a//1 ::1//2 c//5432");
	cr_expect_str_eq(hosts_of("postgresql:///db?host=/run/pg&port=7"), "/run/pg//7");
}

Test(sink_dial_options, hosts_that_make_no_sense_are_told)
{
	cr_expect_not_null(strstr(hosts_of("host=a,b port=1,2,3"), "2 hosts and 3 ports"));
	cr_expect_not_null(strstr(hosts_of("host=a,b hostaddr=::1"), "2 hosts and 1 addresses"));
	cr_expect_not_null(strstr(hosts_of("host=a,,c"), "one of the hosts is empty"));
}

Test(sink_dial_options, environment_and_service_count_and_the_string_wins)
{
	setenv("PGHOST", "env", 1);
	setenv("PGPORT", "9", 1);
	cr_expect_str_eq(hosts_of(""), "env//9");
	cr_expect_str_eq(hosts_of("host=own"), "own//9");
	set_service("[trade]\nhost=one,two\nport=3,4\n[other]\nhost=other\nhostaddr=" ELSEWHERE
	            "\nsslmode=require\n");
	cr_expect_str_eq(hosts_of("service=trade"), "one//3 two//4");
	cr_expect_str_eq(hosts_of("service=trade host=own port=1"), "own//1");
	setenv("PGSERVICE", "other", 1);
	cr_expect_str_eq(hosts_of("port=1"), "other/" ELSEWHERE "/1");
	/* The one that was not named says nothing, not even when libpq dials. */
	cr_expect_str_eq(dialed("service=trade", "", "hostaddr"), "");
	cr_expect_str_eq(dialed("service=trade", HERE, "sslmode"), "prefer");
	cr_expect_not_null(strstr(hosts_of("service=nobody"), "service \"nobody\" not found"));
	drop_service();
}

/* ---- defaults ---- */

Test(sink_dial_options, what_nobody_speaks_of_is_ours)
{
	cr_expect_str_eq(dialed("host=" HERE, HERE, "target_session_attrs"), "read-write");
	cr_expect_str_eq(dialed("host=" HERE, HERE, "gssencmode"), "disable");
	cr_expect_str_eq(dialed("host=" HERE, HERE, "keepalives_idle"), "5");
	cr_expect_str_eq(dialed("host=" HERE, HERE, "tcp_user_timeout"), "30000");
	cr_expect_str_eq(dialed("host=" HERE, HERE, "fallback_application_name"), "sluice");
	cr_expect_str_eq(dialed("host=" HERE, HERE, "sslmode"), "prefer");
	cr_expect_str_eq(dialed("host=a", ELSEWHERE, "sslmode"), "verify-full");
	cr_expect_str_eq(dialed("host=a", ELSEWHERE, "hostaddr"), ELSEWHERE);
	cr_expect_str_eq(dialed("host=a", ELSEWHERE, "host"), "a");
}

Test(sink_dial_options, what_the_user_says_is_left_alone)
{
	cr_expect_str_eq(dialed("target_session_attrs=any", HERE, "target_session_attrs"), "any");
	cr_expect_str_eq(dialed("gssencmode=prefer", HERE, "gssencmode"), "prefer");
	cr_expect_str_eq(dialed("keepalives_idle=60", HERE, "keepalives_idle"), "60");
	cr_expect_str_eq(dialed("sslmode=prefer", ELSEWHERE, "sslmode"), "prefer");
	cr_expect_str_eq(dialed("client_encoding=LATIN1", HERE, "client_encoding"), "UTF8");
	cr_expect_str_eq(dialed("password='a b'", HERE, "password"), "a b");
	cr_expect_str_eq(dialed("dbname='postgresql://x/y'", HERE, "dbname"), "postgresql://x/y");
	setenv("PGTARGETSESSIONATTRS", "primary", 1);
	setenv("PGSSLMODE", "prefer", 1);
	setenv("PGGSSENCMODE", "prefer", 1);
	cr_expect_str_eq(dialed("", HERE, "target_session_attrs"), "primary");
	cr_expect_str_eq(dialed("", ELSEWHERE, "sslmode"), "prefer");
	cr_expect_str_eq(dialed("", HERE, "gssencmode"), "prefer");
}

Test(sink_dial_options, a_service_file_speaks_for_the_user_where_it_differs_from_libpq)
{
	set_service("[trade]\nhost=a\nsslmode=require\ntarget_session_attrs=primary\n"
	            "gssencmode=require\n[plain]\nhost=a\nsslmode=prefer\n");
	cr_expect_str_eq(dialed("service=trade", ELSEWHERE, "sslmode"), "require");
	cr_expect_str_eq(dialed("service=trade", ELSEWHERE, "target_session_attrs"), "primary");
	cr_expect_str_eq(dialed("service=trade", ELSEWHERE, "gssencmode"), "require");
	cr_expect_str_eq(dialed("service=plain", ELSEWHERE, "sslmode"), "verify-full");
	drop_service();
}

/* ---- TLS ---- */

Test(sink_dial_options, less_than_verify_full_is_warned_of_where_it_leaves_the_machine)
{
	static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca"};
	size_t index;

	for (index = 0; index < sizeof(modes) / sizeof(modes[0]); index++) {
		char conninfo[64], begin[64];

		snprintf(conninfo, sizeof(conninfo), "sslmode=%s", modes[index]);
		snprintf(begin, sizeof(begin), "sslmode=%s ", modes[index]);
		cr_expect_eq(strncmp(warning_of(conninfo, ELSEWHERE), begin, strlen(begin)), 0);
		cr_expect_str_eq(warning_of(conninfo, HERE), "");
		cr_expect_str_eq(warning_of(conninfo, ""), "");
	}
	cr_expect_str_eq(warning_of("sslmode=verify-full", ELSEWHERE), "");
	cr_expect_str_eq(warning_of("", ELSEWHERE), "");
}

Test(sink_dial_options, a_timeout_is_at_least_that_of_libpq)
{
	static const struct {
		const char *conninfo;
		uint64_t seconds;
	} cases[] = {{"", 0},
	             {"connect_timeout=0", 0},
	             {"connect_timeout=-1", 0},
	             {"connect_timeout=1", 2},
	             {"connect_timeout=30", 30}};
	size_t index;

	for (index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
		struct slu_dial_options options;
		struct slu_trouble trouble;

		cr_assert(slu_dial_options_read(&options, cases[index].conninfo, &trouble));
		cr_expect_eq(slu_dial_options_timeout(&options),
		             cases[index].seconds * UINT64_C(1000000000), "%s",
		             cases[index].conninfo);
		slu_dial_options_free(&options);
	}
}
