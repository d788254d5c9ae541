/* SPDX-License-Identifier: MIT */
/* day.c - name the sources, read them, merge them by time, deal them out to the engine threads. */
#include "cli/day.h"

#include "cli/order_index.h"
#include "cli/schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINTS_MAX 10 /* malformed lines told one by one, a file */

__attribute__((format(printf, 2, 3))) static bool refuse(struct slu_day_reason *reason,
                                                         const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
	return false;
}

/* ---- sources ---- */

/* The name without folders and without its last extension. */
static size_t find_stem(const char *path, const char **stem)
{
	const char *slash = strrchr(path, '/');
	const char *dot;

	*stem = slash == NULL ? path : slash + 1;
	dot = strrchr(*stem, '.');
	return dot == NULL || dot == *stem ? strlen(*stem) : (size_t)(dot - *stem);
}

static void copy_cut(char *to, size_t size_max, const char *from, size_t size)
{
	size_t kept = size < size_max ? size : size_max;

	memcpy(to, from, kept);
	to[kept] = '\0';
}

bool slu_day_add_file(struct slu_day *day, const char *path, struct slu_day_reason *reason)
{
	struct slu_source *source = &day->sources[day->source_count];
	size_t size, instrument_size, index;
	const char *stem;

	if (day->source_count == SLU_SOURCE_COUNT_MAX)
		return refuse(reason, "more than %d files", SLU_SOURCE_COUNT_MAX);
	size = find_stem(path, &stem);
	if (size == 0 || size > SLU_ALIAS_SIZE_MAX - strlen("lobster:"))
		return refuse(reason, "%s: is no file name", path);
	for (index = 0; index < size; index++)
		if (stem[index] <= ' ' || stem[index] > '~')
			return refuse(reason,
			              "%s: a file's name becomes a name in the database: rename "
			              "it to visible ASCII characters",
			              path);
	*source = (struct slu_source){.path = path};
	snprintf(source->alias, sizeof(source->alias), "lobster:%.*s", (int)size, stem);
	copy_cut(source->stem, SLU_STEM_SIZE_MAX, stem, size);
	instrument_size = strcspn(stem, "_");
	if (instrument_size == 0 || instrument_size > size)
		instrument_size = size;
	copy_cut(source->instrument, SLU_INSTRUMENT_SIZE_MAX, stem, instrument_size);
	for (index = 0; index < day->source_count; index++)
		if (strcmp(day->sources[index].alias, source->alias) == 0)
			return refuse(reason,
			              "%s: %s has the same name, and the name tells their orders "
			              "apart: rename one",
			              path, day->sources[index].path);
	day->source_count++;
	return true;
}

struct complaints {
	const char *path;
	FILE *out;
	uint64_t count;
};

static void complain(void *context, uint64_t line, const char *reason)
{
	struct complaints *complaints = context;

	if (++complaints->count <= COMPLAINTS_MAX)
		fprintf(complaints->out, "%s:%" PRIu64 ": %s\n", complaints->path, line, reason);
}

static bool read_file(struct slu_source *source, FILE *out, struct slu_day_reason *reason)
{
	struct complaints complaints = {.path = source->path, .out = out};
	struct slu_lobster_reason cause;
	FILE *in = fopen(source->path, "r");
	bool ok;

	if (in == NULL)
		return refuse(reason, "%s: can't be opened: %s", source->path, strerror(errno));
	ok = slu_lobster_read(in, &source->file, complain, &complaints, &cause);
	fclose(in);
	if (complaints.count > COMPLAINTS_MAX)
		fprintf(out, "%s: %" PRIu64 " more malformed lines\n", source->path,
		        complaints.count - COMPLAINTS_MAX);
	if (!ok)
		return refuse(reason, "%s: %s", source->path, cause.text);
	if (source->file.count == 0)
		return refuse(reason,
		              "%s: not one of its %" PRIu64 " lines is a message to play; "
		              "is it a LOBSTER message file?",
		              source->path, source->file.lines);
	return true;
}

bool slu_day_read_files(struct slu_day *day, FILE *out, struct slu_day_reason *reason)
{
	size_t index;

	for (index = 0; index < day->source_count; index++) {
		struct slu_lobster_file *file = &day->sources[index].file;
		bool ok = read_file(&day->sources[index], out, reason);

		day->lines += file->lines;
		day->malformed += file->malformed;
		day->halts += file->halts;
		day->orders += file->orders;
		if (!ok)
			return false;
	}
	return true;
}

/* ---- the day ---- */

/* The source whose next message is earliest; the first of equals. SIZE_MAX when all are done. */
static size_t earliest(const struct slu_day *day, const size_t *taken)
{
	size_t best = SIZE_MAX, index;

	for (index = 0; index < day->source_count; index++) {
		const struct slu_lobster_file *file = &day->sources[index].file;

		if (taken[index] == file->count)
			continue;
		if (best == SIZE_MAX ||
		    file->messages[taken[index]].time_ns <
		            day->sources[best].file.messages[taken[best]].time_ns)
			best = index;
	}
	return best;
}

bool slu_day_merge(struct slu_day *day, uint64_t rate, struct slu_day_reason *reason)
{
	size_t taken[SLU_SOURCE_COUNT_MAX] = {0};
	size_t count = 0, source;

	for (source = 0; source < day->source_count; source++)
		count += day->sources[source].file.count;
	day->messages = malloc(count * sizeof(*day->messages));
	if (day->messages == NULL)
		return refuse(reason, "out of memory for %zu messages", count);
	while ((source = earliest(day, taken)) != SIZE_MAX) {
		struct slu_message *message = &day->messages[day->message_count++];

		*message = day->sources[source].file.messages[taken[source]++];
		message->source = (uint16_t)source;
		message->due_ns = slu_schedule_even_ns(day->rows, rate);
		day->rows += slu_message_rows(message);
	}
	day->length_ns = slu_schedule_even_ns(day->rows, rate);
	for (source = 0; source < day->source_count; source++) {
		free(day->sources[source].file.messages);
		day->sources[source].file.messages = NULL;
	}
	return true;
}

bool slu_day_make(struct slu_day *day, const struct slu_flow_shape *shape,
                  struct slu_day_reason *reason)
{
	static const struct slu_source demo = {
		.alias = "demo", .stem = "demo", .instrument = "DEMO"};
	struct slu_flow flow;

	if (shape->rows > UINT32_MAX || !slu_flow_make(shape, &flow))
		return refuse(reason,
		              "no memory for a flow of %" PRIu64 " rows: lower --rate or --seconds",
		              shape->rows);
	day->sources[day->source_count++] = demo;
	day->messages = flow.messages;
	day->message_count = flow.count;
	day->rows = flow.rows;
	day->orders = flow.orders;
	day->length_ns = slu_schedule_even_ns(flow.rows, shape->rate);
	return true;
}

void slu_day_deal(struct slu_day *day, size_t thread_count)
{
	size_t index;

	day->thread_count = thread_count;
	memset(day->thread_messages, 0, sizeof(day->thread_messages));
	for (index = 0; index < day->message_count; index++) {
		struct slu_message *message = &day->messages[index];
		/* Hidden executions have no order to stay with. */
		uint64_t name = message->type == SLU_HIDDEN_EXECUTION ? message->number
		                                                      : message->order;

		message->thread =
			(uint8_t)(slu_mix64(name + slu_mix64(message->source)) % thread_count);
		message->ordinal = day->thread_messages[message->thread]++;
	}
}

void slu_day_free(struct slu_day *day)
{
	size_t index;

	for (index = 0; index < day->source_count; index++)
		free(day->sources[index].file.messages);
	free(day->messages);
	*day = (struct slu_day){0};
}
