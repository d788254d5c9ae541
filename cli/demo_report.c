/* SPDX-License-Identifier: MIT */
/* demo_report.c - account, latencies, verification; in words and in JSON. */
#include "cli/demo_report.h"

#include "cli/json.h"
#include "cli/progress.h"

#include "trading.h"

#include <inttypes.h>

__extension__ typedef unsigned __int128 uint128;

static bool balanced(const struct sluice_account *account)
{
	return account->accepted == account->committed + account->coalesced +
	                                    account->dead_lettered + account->dropped +
	                                    account->pending;
}

static bool all_balanced(const struct sluice_report *report)
{
	bool all = balanced(&report->account);

	for (size_t index = 0; index < trading_streams.count; index++)
		all &= balanced(&report->streams[index]);
	return all;
}

bool slu_demo_succeeded(const struct slu_demo_result *result)
{
	return result->verification.exact && result->report.account.pending == 0 &&
	       all_balanced(&result->report);
}

static uint64_t rows_per_second(const struct slu_demo_result *result)
{
	uint128 rows = result->report.account.accepted;

	return result->total_ns == 0 ? 0 : (uint64_t)(rows * 1000000000 / result->total_ns);
}

/* ---- words ---- */

static void tell_account(FILE *out, const char *of, const struct sluice_account *account)
{
	char n[6][SLU_GROUPED_SIZE];

	fprintf(out,
	        "%-13s accepted %s = committed %s + coalesced %s + dead-lettered %s + dropped %s + "
	        "pending %s%s\n",
	        of, slu_grouped(n[0], account->accepted), slu_grouped(n[1], account->committed),
	        slu_grouped(n[2], account->coalesced), slu_grouped(n[3], account->dead_lettered),
	        slu_grouped(n[4], account->dropped), slu_grouped(n[5], account->pending),
	        balanced(account) ? "" : "  DOES NOT ADD UP");
}

static void tell_accounts(FILE *out, const struct sluice_report *report)
{
	tell_account(out, "account", &report->account);
	for (size_t index = 0; index < trading_streams.count; index++) {
		char of[32];

		snprintf(of, sizeof(of), "  %s", trading_streams.streams[index]->name);
		tell_account(out, of, &report->streams[index]);
	}
	if (report->account.pending > 0)
		fprintf(out, "              pending because: %s\n", report->reason);
}

static void tell_run(FILE *out, const struct slu_demo_result *result)
{
	const struct sluice_stats *stats = &result->stats;
	char duration[SLU_DURATION_SIZE];
	char n[5][SLU_GROUPED_SIZE];

	fprintf(out,
	        "run           %s, %s rows/s; %s transactions, %s reconnects; a lane was full %s "
	        "times\n",
	        slu_duration(duration, result->total_ns),
	        slu_grouped(n[0], rows_per_second(result)), slu_grouped(n[1], stats->batches),
	        slu_grouped(n[2], stats->reconnects), slu_grouped(n[3], result->full));
	if (result->day->lines > 0)
		fprintf(out, "input         %s lines, %s malformed and skipped, %s halts\n",
		        slu_grouped(n[0], result->day->lines),
		        slu_grouped(n[1], result->day->malformed),
		        slu_grouped(n[2], result->day->halts));
}

static void tell_latency(FILE *out, const char *name, const struct slu_histogram *histogram)
{
	char p50[SLU_DURATION_SIZE], p99[SLU_DURATION_SIZE], p999[SLU_DURATION_SIZE],
		max[SLU_DURATION_SIZE];

	fprintf(out, "%-13s p50 %s  p99 %s  p99.9 %s  max %s\n", name,
	        slu_duration(p50, slu_histogram_percentile(histogram, 50)),
	        slu_duration(p99, slu_histogram_percentile(histogram, 99)),
	        slu_duration(p999, slu_histogram_percentile(histogram, 99.9)),
	        slu_duration(max, histogram->max));
}

static void tell_latencies(FILE *out, const struct slu_demo_result *result)
{
	const struct sluice_latency *lag = &result->stats.commit_lag;
	char p50[SLU_DURATION_SIZE], p99[SLU_DURATION_SIZE], max[SLU_DURATION_SIZE];

	tell_latency(out, "put", &result->put_ns);
	fputs("              from when the message was due until its row was accepted, lateness "
	      "included (CLOCK_MONOTONIC)\n",
	      out);
	tell_latency(out, "put, the call", &result->put_call_ns);
	fprintf(out,
	        "              the accepting call alone (%s; includes %" PRIu64
	        " ns that the clock costs)\n",
	        result->clock.method, result->clock.cost_ns);
	fprintf(out, "commit lag    p50 %s  p99 %s  max %s\n", slu_duration(p50, lag->p50_ns),
	        slu_duration(p99, lag->p99_ns), slu_duration(max, lag->max_ns));
	fputs("              from accepted to committed in Postgres\n", out);
}

static void tell_verification(FILE *out, const struct slu_verification *verification)
{
	char n[5][SLU_GROUPED_SIZE];
	size_t index;

	fprintf(out,
	        "verification  by SELECT, against a recomputation from the %s messages played\n",
	        slu_grouped(n[0], verification->messages));
	fprintf(out, "              orders     %10s rows expected, %10s found\n",
	        slu_grouped(n[0], verification->orders_expected),
	        slu_grouped(n[1], verification->orders_rows));
	fprintf(out, "              executions %10s rows expected, %10s found\n",
	        slu_grouped(n[0], verification->executions_expected),
	        slu_grouped(n[1], verification->executions_rows));
	fprintf(out,
	        "              lost %s, duplicated %s, different %s, sums and states that differ "
	        "%s\n",
	        slu_grouped(n[0], verification->lost), slu_grouped(n[1], verification->duplicated),
	        slu_grouped(n[2], verification->different),
	        slu_grouped(n[3], verification->sums_different));
	for (index = 0; index < verification->difference_count; index++)
		fprintf(out, "                %s\n", verification->differences[index]);
}

void slu_demo_report_text(FILE *out, const struct slu_demo_result *result)
{
	tell_accounts(out, &result->report);
	tell_run(out, result);
	tell_latencies(out, result);
	tell_verification(out, &result->verification);
	fputs(slu_demo_succeeded(result) ? "exact: every row is there, once, as it should be\n"
	                                 : "NOT EXACT\n",
	      out);
}

/* ---- JSON ---- */

static void write_latency(struct slu_json *json, const char *key,
                          const struct slu_histogram *histogram)
{
	slu_json_open(json, key);
	slu_json_integer(json, "p50", slu_histogram_percentile(histogram, 50));
	slu_json_integer(json, "p99", slu_histogram_percentile(histogram, 99));
	slu_json_integer(json, "p999", slu_histogram_percentile(histogram, 99.9));
	slu_json_integer(json, "max", histogram->max);
	slu_json_close(json);
}

static void write_account(struct slu_json *json, const struct sluice_account *account)
{
	slu_json_integer(json, "accepted", account->accepted);
	slu_json_integer(json, "committed", account->committed);
	slu_json_integer(json, "coalesced", account->coalesced);
	slu_json_integer(json, "dead_lettered", account->dead_lettered);
	slu_json_integer(json, "dropped", account->dropped);
	slu_json_integer(json, "pending", account->pending);
}

static void write_verification(struct slu_json *json, const struct slu_verification *verification)
{
	slu_json_integer(json, "messages", verification->messages);
	slu_json_integer(json, "orders_rows", verification->orders_rows);
	slu_json_integer(json, "orders_expected", verification->orders_expected);
	slu_json_integer(json, "executions_rows", verification->executions_rows);
	slu_json_integer(json, "executions_expected", verification->executions_expected);
	slu_json_integer(json, "lost", verification->lost);
	slu_json_integer(json, "duplicated", verification->duplicated);
	slu_json_integer(json, "different", verification->different);
	slu_json_integer(json, "sums_different", verification->sums_different);
	slu_json_bool(json, "verified", verification->exact);
}

static void write_latencies(struct slu_json *json, const struct slu_demo_result *result)
{
	const struct sluice_latency *lag = &result->stats.commit_lag;

	write_latency(json, "put_ns", &result->put_ns);
	write_latency(json, "put_call_ns", &result->put_call_ns);
	slu_json_text(json, "put_call_clock", result->clock.method);
	slu_json_integer(json, "put_call_clock_cost_ns", result->clock.cost_ns);
	slu_json_open(json, "commit_lag_ms");
	slu_json_thousandths(json, "p50", lag->p50_ns / 1000);
	slu_json_thousandths(json, "p99", lag->p99_ns / 1000);
	slu_json_thousandths(json, "max", lag->max_ns / 1000);
	slu_json_close(json);
}

/* Of each source, the numbers its repetitions have in the database. */
static void write_repeats(struct slu_json *json, const struct slu_day *day)
{
	size_t index;

	slu_json_open(json, "repeats");
	for (index = 0; index < day->source_count; index++) {
		const struct slu_source *source = &day->sources[index];

		slu_json_open(json, source->alias);
		slu_json_integer(json, "first", source->repeat_first);
		slu_json_integer(json, "last", source->repeat_first + day->repeats - 1);
		slu_json_close(json);
	}
	slu_json_close(json);
}

bool slu_demo_report_json(FILE *out, const struct slu_demo_result *result)
{
	const struct slu_day *day = result->day;
	struct slu_json json;

	slu_json_begin(&json, out);
	slu_json_text(&json, "version", sluice_version());
	write_account(&json, &result->report.account);
	slu_json_open(&json, "streams");
	for (size_t index = 0; index < trading_streams.count; index++) {
		slu_json_open(&json, trading_streams.streams[index]->name);
		write_account(&json, &result->report.streams[index]);
		slu_json_close(&json);
	}
	slu_json_close(&json);
	write_verification(&json, &result->verification);
	write_latencies(&json, result);
	slu_json_integer(&json, "rows_per_second", rows_per_second(result));
	slu_json_integer(&json, "rows_per_second_intended", result->rate);
	slu_json_thousandths(&json, "seconds", result->total_ns / 1000000);
	slu_json_thousandths(&json, "seconds_of_flow", result->flow_ns / 1000000);
	slu_json_integer(&json, "threads", day->thread_count);
	slu_json_integer(&json, "transactions", result->stats.batches);
	slu_json_integer(&json, "reconnects", result->stats.reconnects);
	slu_json_integer(&json, "server_kills", result->server_kills);
	slu_json_integer(&json, "full", result->full);
	slu_json_integer(&json, "lines", day->lines);
	slu_json_integer(&json, "lines_skipped", day->malformed);
	slu_json_integer(&json, "halts", day->halts);
	write_repeats(&json, day);
	slu_json_bool(&json, "interrupted", result->interrupted);
	return slu_json_end(&json);
}
