/* SPDX-License-Identifier: MIT */
/* pg_dial_attempts.c - one line for many hosts. */
#include "sink/pg_dial_attempts.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- one ---- */

/* The message of a server, told verbosely, is "SEVERITY:  SQLSTATE: text", whatever the language;
 * libpq's own never has two blanks behind a colon. Returns where the SQLSTATE begins, or NULL. */
static const char *find_sqlstate(const char *message)
{
	enum { SIZE = SLU_SQLSTATE_SIZE - 1 };
	const char *found = message;

	while ((found = strstr(found, ":  ")) != NULL) {
		size_t size = 0;

		found += strlen(":  ");
		while (isdigit((unsigned char)found[size]) || isupper((unsigned char)found[size]))
			size++;
		if (size == SIZE && strncmp(found + size, ": ", 2) == 0)
			return found;
	}
	return NULL;
}

/* libpq tells the place first, and we do, too. */
static const char *skip_place(const char *message)
{
	static const char begin[] = "connection to server ", end[] = " failed: ";
	const char *found = NULL;

	if (strncmp(message, begin, strlen(begin)) == 0)
		found = strstr(message, end);
	return found != NULL ? found + strlen(end) : message;
}

void slu_trouble_of_dial(struct slu_trouble *trouble, const PGconn *connection)
{
	const char *message = PQerrorMessage(connection);
	const char *sqlstate = find_sqlstate(message);
	char code[SLU_SQLSTATE_SIZE] = "";

	if (message[0] == '\0')
		message = "the connection broke";
	if (sqlstate == NULL) {
		message = skip_place(message);
		slu_trouble_set(trouble, SLU_RETRY, "%.*s", (int)strcspn(message, "\n"), message);
		return;
	}
	memcpy(code, sqlstate, sizeof(code) - 1);
	/* Only triggers and functions raise those, and their messages may hold anything. */
	if (slu_error_action(code) == SLU_ISOLATE)
		slu_trouble_set(trouble, SLU_RETRY, "%s", code);
	else
		slu_trouble_set(trouble, SLU_RETRY, "%.*s", (int)strcspn(sqlstate, "\n"), sqlstate);
	memcpy(trouble->sqlstate, code, sizeof(code));
}

/* ---- many ---- */

static bool is_same(const struct slu_attempt *attempt, const char *place,
                    const struct slu_trouble *trouble)
{
	return strcmp(attempt->place, place) == 0 &&
	       strcmp(attempt->trouble.reason, trouble->reason) == 0;
}

void slu_attempts_add(struct slu_attempts *attempts, const char *place,
                      const struct slu_trouble *trouble)
{
	size_t index;

	for (index = 0; index < attempts->count && index < SLU_ATTEMPTS_MAX; index++) {
		if (is_same(&attempts->list[index], place, trouble))
			return;
	}
	if (index < SLU_ATTEMPTS_MAX) {
		(void)snprintf(attempts->list[index].place, SLU_PLACE_SIZE, "%s", place);
		attempts->list[index].trouble = *trouble;
	}
	attempts->count++;
}

/* Appends at most `room` bytes of "; PLACE: REASON", never a part of a character. Returns its
 * size. */
static size_t append(char *text, size_t room, const char *separator,
                     const struct slu_attempt *attempt)
{
	char whole[SLU_PLACE_SIZE + SLU_REASON_SIZE + 4];
	size_t size;

	(void)snprintf(whole, sizeof(whole), "%s%s: %s", separator, attempt->place,
	               attempt->trouble.reason);
	size = strlen(whole);
	if (size > room) {
		size = room;
		while (size > 0 && ((unsigned char)whole[size] & 0xc0) == 0x80)
			size--;
	}
	memcpy(text, whole, size);
	text[size] = '\0';
	return size;
}

void slu_attempts_sum(const struct slu_attempts *attempts, struct slu_trouble *trouble)
{
	static const char begin[] = "connect: ", more[] = "; and more";
	size_t told = attempts->count < SLU_ATTEMPTS_MAX ? attempts->count : SLU_ATTEMPTS_MAX;
	size_t end = SLU_REASON_SIZE - sizeof(more), used = strlen(begin), index;
	char text[SLU_REASON_SIZE] = "connect: ";

	for (index = 0; index < told; index++) {
		/* Each has its share of the line, and what those before it have left of theirs. */
		used += append(text + used, (end - used) / (told - index), index > 0 ? "; " : "",
		               &attempts->list[index]);
	}
	if (attempts->count > told)
		memcpy(text + used, more, sizeof(more));
	slu_trouble_set(trouble, SLU_RETRY, "%s", text);
}
