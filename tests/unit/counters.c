/* SPDX-License-Identifier: MIT */
/* counters.c - a reader gets one of the pictures that were published, whole. */
#include "core/counters.h"

#include "world.h"

#include <string.h>

static struct slu_counters counters;

/* A picture whose every word is `word`. */
static struct slu_picture picture_of(uint64_t word)
{
	uint64_t words[SLU_PICTURE_WORDS];
	struct slu_picture picture;

	for (size_t i = 0; i < SLU_PICTURE_WORDS; i++)
		words[i] = word;
	memcpy(&picture, words, sizeof(picture));
	return picture;
}

/* The word that the whole picture consists of; fails when it has two. */
static uint64_t word_of(const struct slu_picture *picture)
{
	uint64_t words[SLU_PICTURE_WORDS];

	memcpy(words, picture, sizeof(words));
	for (size_t i = 1; i < SLU_PICTURE_WORDS; i++)
		cr_assert_eq(words[i], words[0],
		             "word %zu is of picture %" PRIu64 ", word 0 of %" PRIu64, i, words[i],
		             words[0]);
	return words[0];
}

Test(counters, before_the_first_picture_all_is_zero)
{
	struct slu_picture picture = picture_of(99);

	slu_counters_read(&counters, &picture);
	assert_equal(word_of(&picture), 0);
}

Test(counters, a_reader_gets_the_last_picture)
{
	struct slu_picture picture, written = picture_of(0);

	written.committed = 1;
	written.oldest_ns = 2;
	strcpy(written.reason, "a reason");
	slu_counters_publish(&counters, &written);
	slu_counters_read(&counters, &picture);
	cr_assert_arr_eq(&picture, &written, sizeof(picture));
	written = picture_of(7);
	slu_counters_publish(&counters, &written);
	slu_counters_read(&counters, &picture);
	assert_equal(word_of(&picture), 7);
}

Test(counters, a_picture_being_written_is_told_by_an_odd_sequence)
{
	struct slu_picture written = picture_of(7);

	slu_counters_publish(&counters, &written);
	assert_equal(counters.sequence, 2);
	slu_counters_publish(&counters, &written);
	assert_equal(counters.sequence, 4);
}

#define PICTURES 100000

static void *publish_many(void *argument)
{
	_Atomic bool *done = argument;

	for (uint64_t n = 1; n <= PICTURES; n++) {
		struct slu_picture picture = picture_of(n);

		slu_counters_publish(&counters, &picture);
	}
	atomic_store(done, true);
	return NULL;
}

Test(counters, beside_a_writer_each_picture_is_whole_and_none_goes_back)
{
	_Atomic bool done = false;
	struct slu_picture picture;
	uint64_t last = 0;
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, publish_many, &done), 0);
	while (!atomic_load(&done)) {
		uint64_t word;

		slu_counters_read(&counters, &picture);
		word = word_of(&picture);
		cr_assert_geq(word, last);
		last = word;
	}
	pthread_join(thread, NULL);
	slu_counters_read(&counters, &picture);
	assert_equal(word_of(&picture), PICTURES);
}
