/* SPDX-License-Identifier: MIT */
/* sink_dial_attempts.c - addresses judged by their text, and many failures told in one line. */
#include "sink/pg_address.h"
#include "sink/pg_dial_attempts.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

Test(sink_address, kinds_are_told_without_a_lookup)
{
	cr_expect_eq(slu_host_kind("/run/postgresql"), SLU_HOST_DIRECTORY);
	cr_expect_eq(slu_host_kind("@abstract"), SLU_HOST_DIRECTORY);
	cr_expect_eq(slu_host_kind("192.0.2.1"), SLU_HOST_NUMBER);
	cr_expect_eq(slu_host_kind("127.1"), SLU_HOST_NUMBER);
	cr_expect_eq(slu_host_kind("fe80::1%lo"), SLU_HOST_NUMBER);
	cr_expect_eq(slu_host_kind("localhost"), SLU_HOST_NAME);
	cr_expect_eq(slu_host_kind("192.0.2.1.example"), SLU_HOST_NAME);
}

Test(sink_address, only_loopback_addresses_are_on_this_machine)
{
	static const char *const here[] = {"127.0.0.1", "127.255.0.9", "127.1", "::1",
	                                   "::ffff:127.0.0.1"};
	static const char *const elsewhere[] = {
		"128.0.0.1",   "10.0.0.1",        "0.0.0.0",   "::",         "fe80::1",
		"::127.0.0.1", "::ffff:10.0.0.1", "localhost", "no address", ""};
	size_t index;

	for (index = 0; index < sizeof(here) / sizeof(here[0]); index++)
		cr_expect(slu_address_is_loopback(here[index]), "%s", here[index]);
	for (index = 0; index < sizeof(elsewhere) / sizeof(elsewhere[0]); index++)
		cr_expect_not(slu_address_is_loopback(elsewhere[index]), "%s", elsewhere[index]);
}

Test(sink_address, places_are_printed_as_people_write_them)
{
	char text[64];

	slu_address_print(text, sizeof(text), "db", "5432");
	cr_expect_str_eq(text, "db:5432");
	slu_address_print(text, sizeof(text), "::1", "5432");
	cr_expect_str_eq(text, "[::1]:5432");
	slu_address_print(text, sizeof(text), "/tmp", "5432");
	cr_expect_str_eq(text, "/tmp/.s.PGSQL.5432");
}

static void add(struct slu_attempts *attempts, const char *place, const char *reason)
{
	struct slu_trouble trouble;

	slu_trouble_set(&trouble, SLU_RETRY, "%s", reason);
	slu_attempts_add(attempts, place, &trouble);
}

Test(sink_attempts, each_place_is_told_once_with_its_reason)
{
	struct slu_attempts attempts = {.count = 0};
	struct slu_trouble trouble;

	add(&attempts, "a:1", "Connection refused");
	add(&attempts, "a:1", "Connection refused"); /* its other address */
	add(&attempts, "b:2", "session is read-only");
	slu_attempts_sum(&attempts, &trouble);
	cr_expect_str_eq(trouble.reason,
	                 "connect: a:1: Connection refused; b:2: session is read-only");
}

/* Whole characters only, and every place, for any number of places and length of reasons. */
Test(sink_attempts, long_reasons_are_cut_so_that_each_place_finds_room)
{
	size_t places, length;

	for (places = 1; places <= SLU_ATTEMPTS_MAX + 3; places++) {
		for (length = 0; length < 240; length += 3) {
			struct slu_attempts attempts = {.count = 0};
			struct slu_trouble trouble;
			char reason[SLU_REASON_SIZE] = "";
			size_t index;

			for (index = 0; index + 1 < length; index += 2)
				memcpy(reason + index, "\xc3\xbc", 3);
			for (index = 0; index < places; index++) {
				char place[16];

				snprintf(place, sizeof(place), "h%zu:1", index);
				add(&attempts, place, reason);
			}
			slu_attempts_sum(&attempts, &trouble);
			for (index = 0; index < places && index < SLU_ATTEMPTS_MAX; index++) {
				char place[16];

				snprintf(place, sizeof(place), "h%zu:1: ", index);
				cr_assert_not_null(strstr(trouble.reason, place), "%s",
				                   trouble.reason);
			}
			cr_assert_eq(strstr(trouble.reason, "; and more") != NULL,
			             places > SLU_ATTEMPTS_MAX);
			for (index = 0; trouble.reason[index] != '\0'; index++)
				if (trouble.reason[index] == '\xc3')
					cr_assert_eq(trouble.reason[++index], '\xbc');
		}
	}
}
