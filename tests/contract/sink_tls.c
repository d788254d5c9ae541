/* SPDX-License-Identifier: MIT */
/*
 * sink_tls.c - what the sink wants to know of a server that is not on this machine, and how it says
 * that it does not know it. The server listens on loopback, and its name has an address which is not
 * a loopback one, though Linux looks for it there: to the sink, it is elsewhere.
 */
#include "tests/contract/sink_dial_names.h"
#include "tests/contract/sink_dial_stage.h"

#include <signal.h>

#define NAME "db.test"
#define SECRET "tls-secret"
#define HERE "127.0.0.1"
#define ELSEWHERE "0.0.0.0" /* connect takes it for loopback */

/* Makes server.crt and server.key, signed by one of two authorities: right.crt. */
static const char certificate_sh[] =
	"set -e; cd '%s'; exec >>certificates.log 2>&1\n"
	"new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
	"for authority in right wrong; do [ -f $authority.crt ] || openssl req -x509 $new "
	"-keyout $authority.key -out $authority.crt -days 2 -subj /CN=$authority; done\n"
	"openssl req $new -keyout server.key -out server.csr -subj /CN='%s'\n"
	"echo 'subjectAltName=DNS:%s' >names\n"
	"openssl x509 -req -in server.csr -CA right.crt -CAkey right.key -CAcreateserial "
	"-out server.crt -days %d -extfile names\n";

static char *read_whole(const char *directory, const char *name)
{
	static char text[8192];
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "re");
	cr_assert_not_null(file, "%s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* A certificate for `name`, which ends in so many days; the server is started anew with it. */
static void certify(struct stage *stage, const char *name, int days)
{
	const char *directory = tcp_server_directory(stage->tcp);
	char script[2048];

	snprintf(script, sizeof(script), certificate_sh, directory, name, name, days);
	cr_assert_eq(system(script), 0, "openssl failed: see %s/certificates.log", directory);
	tcp_server_write(stage->tcp, "server.crt", read_whole(directory, "server.crt"));
	tcp_server_write(stage->tcp, "server.key", read_whole(directory, "server.key"));
	tcp_server_set(stage->tcp, "ssl = on\n");
	stage_rest(stage);
	stage_wake(stage);
}

static void stage_open_elsewhere(struct stage *stage)
{
	names_set(NAME, ELSEWHERE);
	stage_open(stage, HERE);
}

/* The sink's dsn: NAME, the server's port, and `more`. */
static char *dsn_of(const struct stage *stage, const char *more)
{
	return stage_dsn(stage, "host=" NAME " port=%d user=postgres password=" SECRET " %s",
	                 tcp_server_port(stage->tcp), more);
}

static char *root_of(const struct stage *stage, const char *authority)
{
	char option[128];

	snprintf(option, sizeof(option), "sslrootcert=%s/%s.crt", tcp_server_directory(stage->tcp),
	         authority);
	return dsn_of(stage, option);
}

/* Whether the sink's session is encrypted. */
static int64_t encrypted(const struct stage *stage)
{
	return database_query_int(
		stage->server.admin,
		"SELECT ssl::int FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
		"WHERE application_name = 'sluice'");
}

/* ---- verified ---- */

Test(sink_tls, a_server_with_the_right_name_and_authority_is_trusted, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open_elsewhere(&stage);
	certify(&stage, NAME, 2);
	stage_drive(&driver, root_of(&stage, "right"));
	stage_commit(&driver, 1);
	cr_assert_eq(encrypted(&stage), 1);
	cr_assert_eq(stage_count("sslmode"), 0, "%s", stage_said);
	cr_assert_eq(names_asked_here(), 0);
	driver_close(&driver);
	stage_close(&stage);
}

/* Nothing is sent to any of these: not the password, and not an order. */
Test(sink_tls, a_server_that_can_not_show_who_it_is_is_not_trusted, .timeout = 240)
{
	struct driver driver;
	struct stage stage;

	stage_open_elsewhere(&stage);

	stage_drive(&driver, dsn_of(&stage, ""));
	stage_await(&driver, "server does not support SSL", 0);
	driver_close(&driver);

	certify(&stage, NAME, 2);
	stage_drive(&driver, root_of(&stage, "wrong"));
	stage_await(&driver, "certificate verify failed", 0);
	driver_close(&driver);

	certify(&stage, "other.test", 2);
	stage_drive(&driver, root_of(&stage, "right"));
	stage_await(&driver,
	            "server certificate for \"other.test\" does not match host name \"" NAME "\"",
	            0);
	driver_close(&driver);

	certify(&stage, NAME, -1);
	stage_drive(&driver, root_of(&stage, "right"));
	stage_await(&driver, "certificate verify failed", 0);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_CONNECTING);

	certify(&stage, NAME, 2); /* as it is mended, the sink comes by itself */
	stage_commit(&driver, 1);
	driver_close(&driver);
	stage_close(&stage);
}

Test(sink_tls, without_a_root_certificate_it_is_told_what_to_set, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open_elsewhere(&stage);
	certify(&stage, NAME, 2);
	stage_drive(&driver, root_of(&stage, "missing"));
	stage_await(&driver,
	            "missing.crt\" does not exist (off this machine sslmode is verify-full: "
	            "set sslrootcert to the file of the server's CA, or sslmode)",
	            0);
	cr_assert_eq(stage_count(SECRET), 0);
	driver_close(&driver);
	stage_close(&stage);
}

/* ---- as the user wants it ---- */

static void expect_warning(struct stage *stage, const char *mode, const char *warning, int tls)
{
	struct driver driver;
	char option[64];

	snprintf(option, sizeof(option), "sslmode=%s", mode);
	stage_drive(&driver, dsn_of(stage, option));
	stage_commit(&driver, 1);
	cr_assert_eq(encrypted(stage), tls, "%s", mode);
	stage_cut(stage);
	stage_commit(&driver, 2);
	cr_assert_eq(stage_count("warning: sslmode"), 1, "not once: %s", stage_said);
	cr_assert_eq(stage_count(warning), 1, "%s", stage_said);
	driver_close(&driver);
	database_run(stage->server.admin, "TRUNCATE orders CASCADE");
}

Test(sink_tls, a_mode_that_is_spelled_out_is_used_with_one_warning, .timeout = 240)
{
	struct driver driver;
	struct stage stage;

	stage_open_elsewhere(&stage);
	certify(&stage, NAME, 2);
	expect_warning(&stage, "require",
	               "postgres: warning: sslmode=require does not check who the server is\n", 1);
	expect_warning(&stage, "prefer", "postgres: warning: sslmode=prefer may send everything",
	               1);
	expect_warning(&stage, "allow", "postgres: warning: sslmode=allow may send everything", 0);
	expect_warning(&stage, "disable", "postgres: warning: sslmode=disable sends everything", 0);

	setenv("PGSSLMODE", "prefer", 1);
	stage_drive(&driver, dsn_of(&stage, ""));
	stage_commit(&driver, 1);
	cr_assert_eq(stage_count("sslmode=prefer may send"), 1, "%s", stage_said);
	driver_close(&driver);
	stage_close(&stage);
}

Test(sink_tls, what_stays_on_this_machine_needs_no_tls_and_gets_no_warning, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open(&stage, "127.0.0.1");
	names_set("localhost.test", "127.0.0.1");
	stage_drive(&driver, stage_dsn(&stage, "host=localhost.test port=%d user=postgres",
	                               tcp_server_port(stage.tcp)));
	stage_commit(&driver, 1);
	driver_close(&driver);
	cr_assert_eq(stage_count("sslmode"), 0, "%s", stage_said);
	stage_drive(&driver,
	            stage_dsn(&stage, "host=127.0.0.1 port=%d user=postgres sslmode=disable",
	                      tcp_server_port(stage.tcp)));
	stage_commit(&driver, 2);
	driver_close(&driver);
	cr_assert_eq(stage_count("sslmode"), 0, "%s", stage_said);
	stage_drive(&driver,
	            stage_dsn(&stage, "host=%s port=%d user=postgres",
	                      tcp_server_directory(stage.tcp), tcp_server_port(stage.tcp)));
	stage_commit(&driver, 3);
	driver_close(&driver);
	cr_assert_eq(stage_count("sslmode"), 0, "%s", stage_said);
	stage_close(&stage);
}

/* ---- closing ---- */

/* As in sink_dial.c; and TLS would like to take leave, too. */
Test(sink_tls, close_does_not_wait_for_a_peer_that_stands_still, .timeout = 120)
{
	struct sluice_part part;
	struct driver driver;
	struct stage stage;
	struct rows rows;
	int pid;

	stage_open_elsewhere(&stage);
	certify(&stage, NAME, 2);
	stage_drive(&driver, root_of(&stage, "right"));
	stage_commit(&driver, 1);
	cr_assert_eq(encrypted(&stage), 1);
	pid = (int)database_query_int(stage.server.admin, "SELECT pid FROM pg_stat_activity "
	                                                  "WHERE application_name = 'sluice'");
	executions_make(&rows, 1, 200000);
	part = rows_part(&rows);
	driver_submit(&driver, &part, 1);
	stage_send(&driver, false);
	cr_assert_eq(kill(pid, SIGSTOP), 0);
	stage_send(&driver, true);
	driver_close(&driver);
	cr_assert_eq(kill(pid, SIGCONT), 0);
	rows_free(&rows);
	stage_close(&stage);
}
