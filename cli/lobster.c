/* SPDX-License-Identifier: MIT */
/*
 * lobster.c - line by line: split, check each field, check that the order fits what came before.
 *
 * A reason names the field and the rule, never what stood there: it goes to logs.
 */
#include "cli/lobster.h"

#include "cli/order_index.h"
#include "cli/schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_COUNT 6
#define SECONDS_MAX 86400 /* a day */
#define DECIMALS_MAX 9    /* nanoseconds */
#define SIZE_MAX_SHARES UINT64_C(1000000000)
#define PRICE_MAX UINT64_C(1000000000000)

struct field {
	const char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct slu_lobster_reason *reason,
                                                         const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
	return false;
}

/* Digits only. False when there are none, another character, or a value above 64 bits. */
static bool read_digits(const char *text, size_t size, uint64_t *value)
{
	size_t place;

	*value = 0;
	for (place = 0; place < size; place++) {
		uint64_t digit = (uint64_t)(unsigned char)text[place] - '0';

		if (digit > 9 || *value > (UINT64_MAX - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return size > 0;
}

static bool read_integer(const char *name, struct field field, uint64_t min, uint64_t max,
                         uint64_t *value, struct slu_lobster_reason *reason)
{
	if (!read_digits(field.text, field.size, value) || *value < min || *value > max)
		return refuse(reason, "%s: an integer from %" PRIu64 " to %" PRIu64 " expected",
		              name, min, max);
	return true;
}

/* "34200.004241176" to nanoseconds, without a detour through floating point. */
static bool read_time(struct field field, uint64_t *time_ns, struct slu_lobster_reason *reason)
{
	const char *point = memchr(field.text, '.', field.size);
	size_t whole_size = point == NULL ? field.size : (size_t)(point - field.text);
	size_t decimal_count = point == NULL ? 0 : field.size - whole_size - 1;
	uint64_t seconds, nanoseconds = 0;
	size_t digit;

	if (!read_digits(field.text, whole_size, &seconds))
		return refuse(reason, "time: seconds after midnight with decimals expected");
	if (seconds >= SECONDS_MAX)
		return refuse(reason, "time: less than %d seconds after midnight expected",
		              SECONDS_MAX);
	if (decimal_count > DECIMALS_MAX)
		return refuse(reason, "time: at most %d decimals expected", DECIMALS_MAX);
	if (point != NULL && !read_digits(point + 1, decimal_count, &nanoseconds))
		return refuse(reason, "time: digits expected after the point");
	for (digit = decimal_count; digit < DECIMALS_MAX; digit++)
		nanoseconds *= 10;
	*time_ns = seconds * SLU_NS_PER_SECOND + nanoseconds;
	return true;
}

static bool read_type(struct field field, uint8_t *type, struct slu_lobster_reason *reason)
{
	if (field.size != 1 || memchr("123457", field.text[0], 6) == NULL)
		return refuse(reason, "type: 1, 2, 3, 4, 5 or 7 expected");
	*type = (uint8_t)(field.text[0] - '0');
	return true;
}

static bool read_direction(struct field field, bool *buy, struct slu_lobster_reason *reason)
{
	*buy = field.size == 1 && field.text[0] == '1';
	if (!*buy && !(field.size == 2 && memcmp(field.text, "-1", 2) == 0))
		return refuse(reason, "direction: 1 or -1 expected");
	return true;
}

/* The fields a halt does not use hold 0, or -1 to 1 for its kind. */
static bool read_halt(const struct field *fields, struct slu_lobster_reason *reason)
{
	static const char *const names[FIELD_COUNT] = {"time", "type",  "order_id",
	                                               "size", "price", "direction"};
	uint64_t ignored;
	size_t index;

	for (index = 2; index < FIELD_COUNT; index++) {
		struct field field = fields[index];

		if (field.size > 0 && field.text[0] == '-') {
			field.text++;
			field.size--;
		}
		if (!read_digits(field.text, field.size, &ignored))
			return refuse(reason, "%s: an integer expected", names[index]);
	}
	return true;
}

static size_t split(const char *line, size_t size, struct field *fields)
{
	size_t count = 0, start = 0, place;

	for (place = 0; place <= size; place++) {
		if (place < size && line[place] != ',')
			continue;
		if (count < FIELD_COUNT)
			fields[count] = (struct field){line + start, place - start};
		count++;
		start = place + 1;
	}
	return count;
}

bool slu_lobster_parse(const char *line, size_t size, struct slu_message *message,
                       struct slu_lobster_reason *reason)
{
	struct field fields[FIELD_COUNT];
	struct slu_message read = {0};
	uint64_t shares, order_min;
	size_t count;

	if (size == 0)
		return refuse(reason, "the line is empty");
	count = split(line, size, fields);
	if (count != FIELD_COUNT)
		return refuse(reason,
		              "%zu fields found, 6 expected: "
		              "time,type,order_id,size,price,direction",
		              count);
	if (!read_time(fields[0], &read.time_ns, reason) ||
	    !read_type(fields[1], &read.type, reason))
		return false;
	if (read.type == SLU_HALT) {
		*message = read;
		return read_halt(fields, reason);
	}
	order_min = read.type == SLU_HIDDEN_EXECUTION ? 0 : 1;
	if (!read_integer("order_id", fields[2], order_min, INT64_MAX, &read.order, reason) ||
	    !read_integer("size", fields[3], 1, SIZE_MAX_SHARES, &shares, reason) ||
	    !read_integer("price", fields[4], 1, PRICE_MAX, &read.price, reason) ||
	    !read_direction(fields[5], &read.buy, reason))
		return false;
	read.size = (uint32_t)shares;
	*message = read;
	return true;
}

/* ---- a whole file ---- */

enum line_end {
	LINE_WHOLE,
	LINE_TOO_LONG, /* what did not fit is read and forgotten */
	LINE_NONE,     /* the file is at its end, or can't be read */
};

/* One line without its end, "\n" or "\r\n". */
static enum line_end read_line(FILE *in, char *line, size_t *size)
{
	size_t length = 0;
	int byte = getc_unlocked(in);

	if (byte == EOF)
		return LINE_NONE;
	for (; byte != EOF && byte != '\n'; byte = getc_unlocked(in)) {
		if (length < SLU_LOBSTER_LINE_SIZE_MAX)
			line[length] = (char)byte;
		length++;
	}
	if (length > SLU_LOBSTER_LINE_SIZE_MAX)
		return LINE_TOO_LONG;
	if (length > 0 && line[length - 1] == '\r')
		length--;
	*size = length;
	return LINE_WHOLE;
}

static bool append(struct slu_lobster_file *file, size_t *capacity,
                   const struct slu_message *message)
{
	if (file->count == *capacity) {
		size_t larger = *capacity == 0 ? 4096 : *capacity * 2;
		struct slu_message *messages = realloc(file->messages, larger * sizeof(*messages));

		if (messages == NULL)
			return false;
		file->messages = messages;
		*capacity = larger;
	}
	file->messages[file->count++] = *message;
	return true;
}

/* An order is submitted once, and before all else that happens to it. `*seen` is the line that had
 * it first. False when out of memory. */
static bool first_seen(struct slu_order_index *orders, const struct slu_message *message,
                       uint32_t *seen)
{
	const struct slu_order_key key = {.order = message->order};
	bool inserted;
	const uint32_t *line = slu_order_index_insert(orders, key, message->number, &inserted);

	if (line == NULL)
		return false;
	*seen = *line;
	return true;
}

/* Takes the message over. False when out of memory. */
static bool take(struct slu_lobster_file *file, size_t *capacity, struct slu_order_index *orders,
                 const struct slu_message *message, struct slu_lobster_reason *malformed)
{
	uint32_t seen;

	malformed->text[0] = '\0';
	if (message->type == SLU_HALT) {
		file->halts++;
		return true;
	}
	if (message->type != SLU_HIDDEN_EXECUTION) {
		if (!first_seen(orders, message, &seen))
			return false;
		if (message->type == SLU_SUBMISSION && seen != message->number) {
			refuse(malformed, "order_id: submitted, but line %" PRIu32 " had it before",
			       seen);
			return true;
		}
	}
	return append(file, capacity, message);
}

bool slu_lobster_read(FILE *in, struct slu_lobster_file *file,
                      void (*complain)(void *context, uint64_t line, const char *reason),
                      void *context, struct slu_lobster_reason *reason)
{
	char line[SLU_LOBSTER_LINE_SIZE_MAX];
	struct slu_order_index orders = {0};
	struct slu_lobster_reason malformed;
	struct slu_message message;
	enum line_end end;
	size_t capacity = 0, size;
	bool kept = true;

	*file = (struct slu_lobster_file){0};
	while (kept && (end = read_line(in, line, &size)) != LINE_NONE) {
		malformed.text[0] = '\0';
		if (++file->lines > UINT32_MAX) {
			kept = refuse(reason, "more than %" PRIu32 " lines", UINT32_MAX);
			break;
		}
		if (end == LINE_TOO_LONG) {
			refuse(&malformed, "the line is longer than %d bytes",
			       SLU_LOBSTER_LINE_SIZE_MAX);
		} else if (slu_lobster_parse(line, size, &message, &malformed)) {
			message.number = (uint32_t)file->lines;
			kept = take(file, &capacity, &orders, &message, &malformed) ||
			       refuse(reason, "out of memory at line %" PRIu64, file->lines);
		}
		if (malformed.text[0] != '\0') {
			file->malformed++;
			complain(context, file->lines, malformed.text);
		}
	}
	if (kept && ferror(in))
		kept = refuse(reason, "reading failed: %s", strerror(errno));
	file->orders = orders.count;
	slu_order_index_free(&orders);
	if (!kept) {
		free(file->messages);
		file->messages = NULL;
	}
	return kept;
}
