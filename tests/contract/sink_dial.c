/* SPDX-License-Identifier: MIT */
/*
 * sink_dial.c - how the sink gets to a server: names that are looked up elsewhere, hosts that are
 * passed over, options that are read anew, and connections that are closed whatever the peer does.
 * Time passes in the sink's eyes only.
 */
#include "tests/contract/sink_dial_names.h"
#include "tests/contract/sink_dial_stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>

#define LOOPBACK "127.0.0.1"

/* A port where connections are accepted, and nobody says a word. */
static int mute_port(int *fd)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(any);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(*fd, (struct sockaddr *)&any, size), 0);
	cr_assert_eq(listen(*fd, 16), 0);
	cr_assert_eq(getsockname(*fd, (struct sockaddr *)&any, &size), 0);
	return ntohs(any.sin_port);
}

/* A port where nobody listens. */
static int closed_port(void)
{
	int fd, port = mute_port(&fd);

	close(fd);
	return port;
}

/* ---- names ---- */

Test(sink_dial, the_resolver_of_these_tests_is_the_one_that_libpq_asks)
{
	unsigned before = names_asked_here();

	names_set("db.test", LOOPBACK);
	PQfinish(PQconnectStart("host=db.test port=1"));
	cr_assert_eq(names_asked_here(), before + 1);
}

Test(sink_dial, a_name_is_looked_up_on_another_thread_and_at_each_dial, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	names_set("db.test", LOOPBACK);
	stage_drive(&driver, stage_dsn(&stage, "host=db.test port=%d user=postgres",
	                               tcp_server_port(stage.tcp)));
	stage_commit(&driver, 1);
	cr_assert_eq(names_asked_elsewhere(), 1);
	stage_cut(&stage);
	stage_commit(&driver, 2);
	cr_assert_eq(names_asked_elsewhere(), 2);
	cr_assert_eq(names_asked_here(), 0, "the flusher asked for a name");
	driver_close(&driver);
	stage_close(&stage);
}

Test(sink_dial, what_needs_no_lookup_starts_none, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	stage_drive(&driver,
	            stage_dsn(&stage,
	                      "host=%s," LOOPBACK ",db.test hostaddr=," LOOPBACK "," LOOPBACK
	                      " port=1,1,%d user=postgres",
	                      tcp_server_directory(stage.tcp), tcp_server_port(stage.tcp)));
	stage_commit(&driver, 1);
	cr_assert_eq(names_asked_here() + names_asked_elsewhere(), 0);
	driver_close(&driver);
	stage_close(&stage);
}

Test(sink_dial, each_address_of_a_name_is_tried, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	names_set("db.test", "127.0.0.9 ::1 " LOOPBACK);
	stage_drive(&driver, stage_dsn(&stage, "host=db.test port=%d user=postgres",
	                               tcp_server_port(stage.tcp)));
	stage_commit(&driver, 1);
	driver_close(&driver);
	stage_close(&stage);
}

Test(sink_dial, a_name_that_nobody_knows_is_told_with_its_port)
{
	struct driver driver;

	stage_drive(&driver, "host=nowhere.test port=77");
	stage_await(&driver, "connect: nowhere.test:77: Name or service not known", 0);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_CONNECTING);
	driver_close(&driver);
}

Test(sink_dial, a_resolver_that_never_returns_gets_one_thread_a_sink_and_holds_up_no_close)
{
	struct driver first, second;
	int round;

	stage_drive(&second, "host=" NAME_THAT_HANGS);
	stage_drive(&first, "host=" NAME_THAT_HANGS ",other.test port=5432");
	stage_await(&first,
	            "connect: " NAME_THAT_HANGS
	            ":5432: not looked up in time: the resolver does not "
	            "answer; other.test:5432: not looked up: the lookup of another host is still "
	            "under way",
	            A_LONG_TIME_NS);
	for (round = 0; round < 20; round++) {
		first.ahead_ns += A_LONG_TIME_NS;
		driver_step(&first);
	}
	cr_assert_eq(names_hanging(), 2);
	driver_close(&first);
	driver_close(&second);
	cr_assert_eq(names_hanging(), 2, "close has waited for them");
	names_release();
}

Test(sink_dial, a_late_answer_is_used_by_the_next_round)
{
	struct driver driver;

	stage_drive(&driver, "host=" NAME_THAT_HANGS);
	stage_await(&driver, "not looked up in time", A_LONG_TIME_NS);
	names_release();
	stage_await(&driver, ":5432: Temporary failure in name resolution", 0);
	cr_assert_eq(names_asked_elsewhere(), 1);
	driver_close(&driver);
}

Test(sink_dial, behind_a_name_that_hangs_the_next_host_is_reached, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	stage_drive(&driver,
	            stage_dsn(&stage, "host=" NAME_THAT_HANGS "," LOOPBACK " port=%d user=postgres",
	                      tcp_server_port(stage.tcp)));
	driver.ahead_ns += A_LONG_TIME_NS;
	stage_commit(&driver, 1);

	/* An answer that came when nobody waited for it any more may be hours old. */
	names_release();
	stage_cut(&stage);
	stage_commit(&driver, 2);
	cr_assert_eq(names_asked_elsewhere(), 2);
	driver_close(&driver);
	stage_close(&stage);
}

/* ---- several hosts ---- */

Test(sink_dial, a_host_that_says_nothing_leaves_the_next_one_its_time, .timeout = 120)
{
	struct driver driver;
	struct stage stage;
	int fd, mute = mute_port(&fd);

	stage_open(&stage, LOOPBACK);
	stage_drive(&driver, stage_dsn(&stage,
	                               "host=" LOOPBACK "," LOOPBACK " port=%d,%d "
	                               "user=postgres",
	                               mute, tcp_server_port(stage.tcp)));
	cr_assert_leq(driver.progress.wake_ns, driver_now() + sluice_seconds(5), "not half of it");
	driver.ahead_ns += sluice_seconds(5);
	stage_commit(&driver, 1);
	driver_close(&driver);
	stage_close(&stage);
	close(fd);
}

Test(sink_dial, connect_timeout_is_the_time_of_each_host)
{
	int fd, mute = mute_port(&fd);
	struct driver driver;
	uint64_t before;
	char dsn[128];

	snprintf(dsn, sizeof(dsn), "host=" LOOPBACK "," LOOPBACK " port=%d connect_timeout=300",
	         mute);
	stage_drive(&driver, dsn);
	before = driver_now();
	cr_assert_gt(driver.progress.wake_ns, before + sluice_seconds(200));
	driver.ahead_ns += sluice_seconds(300);
	driver_step(&driver);
	cr_assert_gt(driver.progress.wake_ns, before + sluice_seconds(500), "the second one");
	driver.ahead_ns += sluice_seconds(300);
	driver_step(&driver);
	cr_assert_not_null(strstr(driver.progress.reason, "no answer in time"));
	driver_close(&driver);
	close(fd);
}

/* A standby, one that is not open yet, one that is not there, one that is mute, and the primary. */
Test(sink_dial, hosts_that_take_no_writes_are_passed_over_and_told, .timeout = 240)
{
	struct tcp_server *standby, *starting;
	int fd, mute = mute_port(&fd), closed = closed_port();
	struct driver driver;
	struct stage stage;
	char reason[256];
	char *dsn;

	stage_open(&stage, LOOPBACK);
	stage_rest(&stage);
	standby = tcp_server_copy(stage.tcp, LOOPBACK);
	tcp_server_write(standby, "standby.signal", "");
	tcp_server_run(standby);
	starting = tcp_server_copy(stage.tcp, LOOPBACK);
	tcp_server_run_closed(starting);
	dsn = stage_dsn(&stage,
	                "host=" LOOPBACK "," LOOPBACK "," LOOPBACK "," LOOPBACK "," LOOPBACK
	                " port=%d,%d,%d,%d,%d user=postgres",
	                tcp_server_port(standby), tcp_server_port(starting), closed, mute,
	                tcp_server_port(stage.tcp));
	stage_drive(&driver, dsn);
	snprintf(reason, sizeof(reason),
	         "connect: " LOOPBACK ":%d: session is read-only; " LOOPBACK ":%d: 57P03: the d",
	         tcp_server_port(standby), tcp_server_port(starting));
	stage_await(&driver, reason, A_LONG_TIME_NS);
	snprintf(reason, sizeof(reason),
	         "; " LOOPBACK ":%d: Connection refused; " LOOPBACK ":%d: "
	         "no answer in time; " LOOPBACK ":%d: Connection refused",
	         closed, mute, tcp_server_port(stage.tcp));
	cr_assert_not_null(strstr(driver.progress.reason, reason), "%s", driver.progress.reason);
	stage_wake(&stage);
	stage_await(&driver, "connected: ", A_LONG_TIME_NS);
	stage_commit(&driver, 1);
	cr_assert_rows(&stage.server, 1, 0);
	driver_close(&driver);
	close(fd);
	tcp_server_remove(starting);
	tcp_server_remove(standby);
	stage_close(&stage);
}

/* The user's word is respected: the standby is talked to, and only the fence finds out. */
Test(sink_dial, a_target_of_the_users_own_is_left_alone, .timeout = 120)
{
	struct tcp_server *standby;
	struct driver driver;
	struct stage stage;
	char *dsn;

	stage_open(&stage, LOOPBACK);
	stage_rest(&stage);
	standby = tcp_server_copy(stage.tcp, LOOPBACK);
	tcp_server_write(standby, "standby.signal", "");
	tcp_server_run(standby);
	dsn = stage_dsn(&stage, "host=" LOOPBACK " port=%d user=postgres",
	                tcp_server_port(standby));
	setenv("PGTARGETSESSIONATTRS", "any", 1);
	stage_drive(&driver, dsn);
	stage_await(&driver, "25006", 0);
	driver_close(&driver);
	unsetenv("PGTARGETSESSIONATTRS");
	stage_drive(&driver, dsn);
	stage_await(&driver, "session is read-only", 0);
	driver_close(&driver);
	stage_wake(&stage);
	tcp_server_remove(standby);
	stage_close(&stage);
}

/* It answers, takes writes, and is not what is wanted for now: its schema is being altered. */
Test(sink_dial, behind_a_server_whose_session_is_refused_the_next_host_is_reached, .timeout = 120)
{
	struct tcp_server *altered;
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	database_run(stage.server.admin, "UPDATE schema_migrations SET dirty = true");
	stage_rest(&stage);
	altered = tcp_server_copy(stage.tcp, LOOPBACK);
	tcp_server_run(altered);
	stage_wake(&stage);
	database_run(stage.server.admin, "UPDATE schema_migrations SET dirty = false");
	stage_drive(&driver, stage_dsn(&stage,
	                               "host=" LOOPBACK "," LOOPBACK " port=%d,%d "
	                               "user=postgres",
	                               tcp_server_port(altered), tcp_server_port(stage.tcp)));
	stage_commit(&driver, 1);
	cr_assert_rows(&stage.server, 1, 0);
	driver_close(&driver);
	tcp_server_remove(altered);
	stage_close(&stage);
}

/* ---- passwords ---- */

static void only_with_password(struct stage *stage)
{
	tcp_server_write(stage->tcp, "pg_hba.conf",
	                 "local all all trust\nhost all all " LOOPBACK "/32 scram-sha-256\n");
	stage_rest(stage);
	stage_wake(stage);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	cr_assert(file != NULL && fputs(text, file) >= 0 && fchmod(fileno(file), 0600) == 0 &&
	          fclose(file) == 0);
}

Test(sink_dial, a_password_changed_on_the_server_and_in_its_file_is_taken_up, .timeout = 120)
{
	char passfile[128], service[128], text[512];
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	only_with_password(&stage);
	database_run(stage.server.admin, "ALTER ROLE postgres PASSWORD 'first-secret'");
	snprintf(passfile, sizeof(passfile), "%s/pass", tcp_server_directory(stage.tcp));
	snprintf(service, sizeof(service), "%s/service", tcp_server_directory(stage.tcp));
	snprintf(text, sizeof(text), "[trade]\nhost=db.test\nport=%d\ndbname=%s\npassfile=%s\n",
	         tcp_server_port(stage.tcp), stage.database, passfile);
	names_set("db.test", LOOPBACK);
	write_file(service, text);
	write_file(passfile, "db.test:*:*:postgres:first-secret\n");
	setenv("PGSERVICEFILE", service, 1);
	setenv("PGUSER", "postgres", 1);
	stage_drive(&driver, "service=trade");
	stage_commit(&driver, 1);
	database_run(stage.server.admin, "ALTER ROLE postgres PASSWORD 'second-secret'");
	write_file(passfile, "db.test:*:*:postgres:second-secret\n");
	stage_cut(&stage);
	stage_commit(&driver, 2);
	cr_assert_eq(stage_count("secret"), 0);
	driver_close(&driver);
	unsetenv("PGUSER");
	stage_close(&stage);
}

Test(sink_dial, a_service_file_is_read_anew_and_one_that_is_missing_is_told, .timeout = 120)
{
	char service[128], text[512];
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	snprintf(service, sizeof(service), "%s/service", tcp_server_directory(stage.tcp));
	snprintf(text, sizeof(text), "[trade]\nhost=%s\nport=%d\ndbname=%s\nuser=postgres\n",
	         tcp_server_directory(stage.tcp), tcp_server_port(stage.tcp), stage.database);
	setenv("PGSERVICEFILE", service, 1);
	stage_drive(&driver, "service=trade");
	stage_await(&driver, "connect: service file", 0);
	write_file(service, text);
	stage_commit(&driver, 1);
	driver_close(&driver);
	stage_close(&stage);
}

Test(sink_dial, a_wrong_password_is_told_not_shown_and_tried_again, .timeout = 120)
{
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	only_with_password(&stage);
	database_run(stage.server.admin, "ALTER ROLE postgres PASSWORD 'right-secret'");
	stage_drive(&driver, stage_dsn(&stage,
	                               "host=" LOOPBACK " port=%d user=postgres "
	                               "password=wrong-secret",
	                               tcp_server_port(stage.tcp)));
	stage_await(&driver, ": 28P01: password authentication failed for user \"postgres\"", 0);
	cr_assert_eq(driver.progress.state, SLUICE_STATE_CONNECTING);
	database_run(stage.server.admin, "ALTER ROLE postgres PASSWORD 'wrong-secret'");
	stage_commit(&driver, 1);
	cr_assert_eq(stage_count("secret"), 0, "%s", stage_said);
	driver_close(&driver);
	stage_close(&stage);
}

/* As libpq does not do: there it ends the search. */
Test(sink_dial, behind_a_host_that_refuses_the_password_the_next_one_is_reached, .timeout = 120)
{
	struct tcp_server *stranger;
	struct driver driver;
	struct stage stage;

	stage_open(&stage, LOOPBACK);
	stage_rest(&stage);
	stranger = tcp_server_copy(stage.tcp, LOOPBACK);
	stage_wake(&stage);
	tcp_server_write(stranger, "pg_hba.conf",
	                 "local all all trust\nhost all all " LOOPBACK "/32 scram-sha-256\n");
	tcp_server_run(stranger);
	stage_drive(&driver, stage_dsn(&stage,
	                               "host=" LOOPBACK "," LOOPBACK " port=%d,%d "
	                               "user=postgres password=wrong-secret",
	                               tcp_server_port(stranger), tcp_server_port(stage.tcp)));
	stage_commit(&driver, 1);
	driver_close(&driver);
	tcp_server_remove(stranger);
	stage_close(&stage);
}

/* ---- closing ---- */

/* The server's process stands still, and what was sent fills all there is: a close that waited for
 * room would never return. */
Test(sink_dial, close_does_not_wait_for_a_peer_that_stands_still, .timeout = 120)
{
	struct sluice_part part;
	struct driver driver;
	struct stage stage;
	struct rows rows;
	int pid;

	stage_open(&stage, LOOPBACK);
	stage_drive(&driver, stage_dsn(&stage, "host=" LOOPBACK " port=%d user=postgres",
	                               tcp_server_port(stage.tcp)));
	stage_commit(&driver, 1);
	pid = (int)database_query_int(stage.server.admin, "SELECT pid FROM pg_stat_activity "
	                                                  "WHERE application_name = 'sluice'");
	executions_make(&rows, 1, 200000); /* by COPY, and more than any socket holds */
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
