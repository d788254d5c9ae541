/* SPDX-License-Identifier: MIT */
/* overflow.c - reads `overflow`: POLICY or STREAM:POLICY, with commas between. */
#include "core/overflow.h"

#include "core/options.h"

#include <sluice/sink.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_NS_MIN 1000u
#define BLOCK_NS_MAX 60000000000u
#define TELL_NS 1000000000u

#define WORD_SIZE 80

/* ---- reading ---- */

struct reader {
	const struct sluice_streams *streams;
	struct slu_overflow *policies;
	bool named[SLUICE_STREAMS_MAX];
	struct sluice_error *error;
};

/* fail, drop, block(TIME). */
static bool read_policy(const char *word, struct slu_overflow *policy)
{
	char time[WORD_SIZE];
	int end = 0;

	*policy = (struct slu_overflow){.kind = SLU_OVERFLOW_FAIL};
	if (strcmp(word, "fail") == 0)
		return true;
	if (strcmp(word, "drop") == 0) {
		policy->kind = SLU_OVERFLOW_DROP;
		return true;
	}
	policy->kind = SLU_OVERFLOW_BLOCK;
	return sscanf(word, "block(%79[^)])%n", time, &end) == 1 && end > 0 && word[end] == '\0' &&
	       slu_options_duration(time, &policy->block_ns) && policy->block_ns >= BLOCK_NS_MIN &&
	       policy->block_ns <= BLOCK_NS_MAX;
}

static enum sluice_status refuse(const struct reader *reader, const char *word, const char *why)
{
	return sluice_error_set(reader->error, SLUICE_INVALID, "option overflow: \"%s\" %s", word,
	                        why);
}

static enum sluice_status read_named(struct reader *reader, const char *word, const char *name,
                                     const struct slu_overflow *policy)
{
	for (size_t i = 0; i < reader->streams->count; i++) {
		const struct sluice_stream *stream = reader->streams->streams[i];

		if (strcmp(stream->name, name) != 0)
			continue;
		if (reader->named[i])
			return refuse(reader, word, "names a stream for the second time");
		if (policy->kind == SLU_OVERFLOW_DROP && !stream->lossy)
			return refuse(reader, word,
			              "names a stream that is not declared lossy: add lossy to its "
			              "@stream line, and generate the bindings again");
		reader->named[i] = true;
		reader->policies[i] = *policy;
		return SLUICE_OK;
	}
	return refuse(reader, word, "names no stream of this instance");
}

/* For every stream that is not named; a lossy one drops unless it is. */
static enum sluice_status read_general(struct reader *reader, const char *word,
                                       const struct slu_overflow *policy)
{
	if (policy->kind == SLU_OVERFLOW_DROP)
		return refuse(reader, word, "needs the name of a stream that is declared lossy");
	for (size_t i = 0; i < reader->streams->count; i++)
		if (!reader->named[i] && !reader->streams->streams[i]->lossy)
			reader->policies[i] = *policy;
	return SLUICE_OK;
}

static enum sluice_status read_word(struct reader *reader, char *word)
{
	struct slu_overflow policy;
	char *colon = strchr(word, ':');
	const char *text = colon != NULL ? colon + 1 : word;
	char name[WORD_SIZE];

	if (!read_policy(text, &policy))
		return refuse(reader, word, "is not fail, drop or block(TIME), of 1us to 1min");
	if (colon == NULL)
		return read_general(reader, word, &policy);
	snprintf(name, sizeof(name), "%.*s", (int)(colon - word), word);
	return read_named(reader, word, name, &policy);
}

/* Cuts the next word out, without blanks around it. False when it is too long for any. */
static bool next_word(const char **text, char word[WORD_SIZE])
{
	size_t size = 0;

	for (; **text != '\0' && **text != ','; ++*text) {
		if (isspace((unsigned char)**text))
			continue;
		if (size == WORD_SIZE - 1)
			return false;
		word[size++] = **text;
	}
	word[size] = '\0';
	*text += **text == ',';
	return true;
}

enum sluice_status slu_overflow_read(const char *text, const struct sluice_streams *streams,
                                     struct slu_overflow policies[SLUICE_STREAMS_MAX],
                                     struct sluice_error *error)
{
	struct reader reader = {.streams = streams, .policies = policies, .error = error};
	enum sluice_status status = SLUICE_OK;
	char word[WORD_SIZE];

	for (size_t i = 0; i < streams->count; i++)
		policies[i] = (struct slu_overflow){
			.kind = streams->streams[i]->lossy ? SLU_OVERFLOW_DROP : SLU_OVERFLOW_FAIL,
		};
	while (*text != '\0' && status == SLUICE_OK) {
		if (!next_word(&text, word))
			return sluice_error_set(error, SLUICE_INVALID,
			                        "option overflow: a word is too long");
		status = read_word(&reader, word);
	}
	return status;
}

/* ---- what was dropped ---- */

uint64_t slu_drops_of(const struct sluice_lane *lanes, size_t lane_count, size_t stream)
{
	uint64_t dropped = 0;

	/* Relaxed: nobody concludes anything else from a count. */
	for (size_t i = 0; i < lane_count; i++)
		dropped += atomic_load_explicit(&lanes[i].dropped[stream], memory_order_relaxed);
	return dropped;
}

void slu_drops_tell(struct slu_drops *drops, const struct sluice_lane *lanes, size_t lane_count,
                    uint64_t now_ns)
{
	char line[256];

	if (!drops->possible || drops->log == NULL || now_ns < drops->next_ns)
		return;
	drops->next_ns = now_ns + TELL_NS;
	for (size_t i = 0; i < drops->streams->count; i++) {
		uint64_t dropped = slu_drops_of(lanes, lane_count, i);

		if (dropped == drops->told[i])
			continue;
		snprintf(line, sizeof(line),
		         "dropped %" PRIu64 " records of lossy stream %.64s, %" PRIu64
		         " since open: its share of a lane is taken",
		         dropped - drops->told[i], drops->streams->streams[i]->name, dropped);
		drops->log(drops->log_context, line);
		drops->told[i] = dropped;
	}
}
